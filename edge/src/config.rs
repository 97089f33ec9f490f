//! The `[edge]` section.

use serde::{Deserialize, Serialize};

use crate::limits::Limits;

/// What an operator may set about the edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The origins whose scripts may read answers; `*` stands for all of them.
    pub cors_origins: Vec<String>,
    /// The networks of the proxies in front, such as `10.0.0.0/8`. Only they are
    /// believed about the address of a caller.
    pub trusted_proxies: Vec<String>,
    /// Where callers reach this API, such as `https://api.example.com`; addresses in
    /// answers start with it.
    pub public_url: String,
    /// Whom access tokens must be for; the `identity.audience` of identity.
    pub audience: String,
    /// Seconds until a request is answered with 504.
    pub request_seconds: u64,
    /// How many requests may be under way; more are answered with 503 at once.
    pub requests_at_once: usize,
    /// Whether the access log gets a row for every request; its ids are given
    /// either way.
    pub bitacora_rows: bool,
    /// The folder where rows of the access log wait for their delivery; empty
    /// keeps them in memory alone.
    pub bitacora_spool: String,
    /// The most MiB of that folder, 1 to 65536.
    pub bitacora_spool_mib: u64,
    /// How often a caller may call.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cors_origins: vec!["*".into()],
            trusted_proxies: Vec::new(),
            public_url: "http://127.0.0.1:8080".into(),
            audience: "atencion-api".into(),
            request_seconds: 10,
            requests_at_once: 1024,
            bitacora_rows: true,
            bitacora_spool: String::new(),
            bitacora_spool_mib: 256,
            limits: Limits::default(),
        }
    }
}
