//! The generated types of every proto package, and nothing else.
//!
//! `proto::conversation::v1::Message` is `atencion.conversation.v1.Message`.

#![expect(clippy::large_enum_variant, reason = "generated: nobody can box it")]

/// All file descriptors, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Package `atencion.common`.
pub mod common {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("atencion.common.v1");
    }
}

/// Package `atencion.identity`.
pub mod identity {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("atencion.identity.v1");
    }
}

/// Package `atencion.tenancy`.
pub mod tenancy {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("atencion.tenancy.v1");
    }
}

/// Package `atencion.conversation`.
pub mod conversation {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("atencion.conversation.v1");
    }
}

/// Package `atencion.channel`.
pub mod channel {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("atencion.channel.v1");
    }
}

/// Package `atencion.realtime`.
pub mod realtime {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("atencion.realtime.v1");
    }
}

/// Package `atencion.events`.
pub mod events {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("atencion.events.v1");
    }
}

/// Package `atencion.mail`.
pub mod mail {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("atencion.mail.v1");
    }
}
