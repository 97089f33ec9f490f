//! One row, small and without anything on the heap.

use std::net::{IpAddr, Ipv6Addr};

use prost_types::Timestamp;
use proto::tenancy::v1::AccessRecord;

/// What is kept of a request. 0 and empty texts stand for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub id: i64,
    /// Microseconds since the Unix epoch.
    pub at_micros: i64,
    pub client: i64,
    pub user: i64,
    pub company: i64,
    pub method: &'static str,
    pub route: &'static str,
    pub status: u16,
    pub latency_micros: u32,
    pub ip: Option<IpAddr>,
    pub agent: u64,
    pub trace: u128,
    pub claimed: i64,
    pub received: u64,
    pub answered: u64,
    pub error: &'static str,
}

impl Record {
    /// The row as it travels.
    pub fn wire(&self) -> AccessRecord {
        AccessRecord {
            bitacora_id: self.id,
            occurred_at: Some(timestamp(self.at_micros)),
            client_id: self.client,
            user_id: self.user,
            company_id: self.company,
            method: self.method.to_owned(),
            route: self.route.to_owned(),
            status: self.status.into(),
            latency_us: self.latency_micros.into(),
            client_ip: address_text(address_bits(self.ip)),
            trace_id: trace_text(self.trace),
            claimed_parent_id: self.claimed,
            request_bytes: self.received,
            response_bytes: self.answered,
            error_code: self.error.to_owned(),
            user_agent_hash: agent_bytes(self.agent).into(),
            parent_id: 0,
        }
    }
}

/// Microseconds since the Unix epoch as protobuf writes them.
pub fn timestamp(micros: i64) -> Timestamp {
    let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1000);
    Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: nanos.unwrap_or(0),
    }
}

/// An address in 16 bytes, IPv4 as IPv6 writes it; zeros are none.
pub fn address_bits(address: Option<IpAddr>) -> u128 {
    match address {
        Some(IpAddr::V4(address)) => address.to_ipv6_mapped().to_bits(),
        Some(IpAddr::V6(address)) => address.to_bits(),
        None => 0,
    }
}

/// The text of [`address_bits`].
pub fn address_text(bits: u128) -> String {
    if bits == 0 {
        return String::new();
    }
    Ipv6Addr::from_bits(bits).to_canonical().to_string()
}

/// A trace id as W3C writes it.
pub fn trace_text(trace: u128) -> String {
    if trace == 0 {
        return String::new();
    }
    format!("{trace:032x}")
}

/// A digest of a program, empty when there is none.
pub fn agent_bytes(agent: u64) -> Vec<u8> {
    if agent == 0 {
        return Vec::new();
    }
    agent.to_be_bytes().to_vec()
}
