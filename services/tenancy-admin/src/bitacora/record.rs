//! Records as they travel.

use std::net::IpAddr;

use prost_types::Timestamp;
use proto::tenancy::v1::{AccessRecord, ListAccessesRequest};
use time::{Duration, OffsetDateTime};

use super::{Access, Wanted};
use crate::error::Error;

/// The longest text that is kept, in bytes; routes and codes are far shorter.
const LONGEST: usize = 200;

/// Reads a record; `None` when it cannot be one. What is odd about a record that
/// can be one is left out, so that it is stored all the same.
pub fn decode(record: AccessRecord) -> Option<Access> {
    let at = time_of(record.occurred_at?)?;
    (record.bitacora_id > 0).then_some(())?;
    Some(Access {
        id: record.bitacora_id,
        at,
        client: record.client_id,
        user: record.user_id,
        company: record.company_id,
        method: text(record.method),
        route: text(record.route),
        status: i16::try_from(record.status).unwrap_or(0),
        latency_us: number(record.latency_us),
        ip: address(&record.client_ip),
        user_agent_hash: record.user_agent_hash.to_vec(),
        trace_id: text(record.trace_id),
        parent: 0,
        claimed_parent: record.claimed_parent_id.max(0),
        request_bytes: number(record.request_bytes),
        response_bytes: number(record.response_bytes),
        error_code: text(record.error_code),
    })
}

/// A record as it is answered.
pub fn encode(access: Access) -> AccessRecord {
    let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
    AccessRecord {
        bitacora_id: access.id,
        occurred_at: Some(Timestamp {
            seconds: access.at.unix_timestamp(),
            nanos: i32::try_from(access.at.nanosecond()).unwrap_or(0),
        }),
        client_id: access.client,
        user_id: access.user,
        company_id: access.company,
        method: access.method,
        route: access.route,
        status: u32::try_from(access.status).unwrap_or(0),
        latency_us: unsigned(access.latency_us),
        client_ip: access.ip,
        trace_id: access.trace_id,
        claimed_parent_id: access.claimed_parent,
        request_bytes: unsigned(access.request_bytes),
        response_bytes: unsigned(access.response_bytes),
        error_code: access.error_code,
        user_agent_hash: access.user_agent_hash.into(),
        parent_id: access.parent,
    }
}

/// What is asked for.
pub fn wanted(request: ListAccessesRequest) -> Result<Wanted, Error> {
    let bound = |bound: Option<Timestamp>| match bound {
        Some(at) => time_of(at)
            .map(Some)
            .ok_or(Error::Unusable("a time is none")),
        None => Ok(None),
    };
    Ok(Wanted {
        client: request.client_id,
        user: request.user_id,
        company: request.company_id,
        route: text(request.route),
        status: i16::try_from(request.status)
            .map_err(|_| Error::Unusable("a status has three digits"))?,
        from: bound(request.from)?,
        until: bound(request.until)?,
        before: request.before_id,
        limit: request.limit,
    })
}

/// A time that PostgreSQL stores too, to the microsecond.
fn time_of(at: Timestamp) -> Option<OffsetDateTime> {
    let whole = OffsetDateTime::from_unix_timestamp(at.seconds).ok()?;
    let micros = u32::try_from(at.nanos)
        .ok()
        .filter(|nanos| *nanos < 1_000_000_000)?
        / 1000;
    let at = whole.checked_add(Duration::microseconds(micros.into()))?;
    (1970..=9999).contains(&at.year()).then_some(at)
}

/// An address as PostgreSQL writes it; empty when it is none.
fn address(text: &str) -> String {
    let address: Result<IpAddr, _> = text.parse();
    address.map_or_else(|_| String::new(), |address| address.to_string())
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Text that a database takes.
fn text(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LONGEST));
    if text.contains('\0') {
        text.retain(|character| character != '\0');
    }
    text
}
