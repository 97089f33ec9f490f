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
    /// Seconds until a request is answered with 504.
    pub request_seconds: u64,
    /// How often a caller may call.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cors_origins: vec!["*".into()],
            trusted_proxies: Vec::new(),
            public_url: "http://127.0.0.1:8080".into(),
            request_seconds: 10,
            limits: Limits::default(),
        }
    }
}
