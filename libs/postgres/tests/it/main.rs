//! What the users of this crate rely on, against real PostgreSQL servers that the
//! tests start themselves.

mod private;
