//! The row of one request while it is being answered.

use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
};

use auth::{Authority, Caller, CompanyId};
use aws_lc_rs::digest::{SHA256, digest};
use axum::{body::HttpBody, response::Response};
use http::{HeaderMap, Method, header};
use tokio::time::Instant;

use super::{Shared, record::Record};
use crate::{errors::Failure, input::Input};

/// The status of a request whose caller went away before the answer, as proxies
/// write it.
const GONE: u16 = 499;

/// What is known of a request when it comes in.
pub struct Start<'a> {
    /// The id of its row.
    pub id: i64,
    /// When it came in.
    pub arrived: Instant,
    /// The method.
    pub method: &'a Method,
    /// The template of its route; empty when there is none.
    pub route: &'static str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// The address of the caller.
    pub ip: Option<IpAddr>,
}

/// The row of a request. It is left in the log when this is dropped, so that every
/// request has one, even if nobody waited for the answer.
pub struct Entry {
    shared: Option<Arc<Shared>>,
    record: Record,
    arrived: Instant,
}

impl Entry {
    /// Begins a row; without a log there is nothing to do.
    pub(super) fn begin(shared: Option<Arc<Shared>>, start: &Start<'_>) -> Self {
        let record = shared.as_ref().map_or_else(Record::default, |shared| {
            let nanos = shared.clock.now().unix_timestamp_nanos();
            Record {
                id: start.id,
                at_micros: i64::try_from(nanos / 1000).unwrap_or(0),
                method: method_name(start.method),
                route: start.route,
                status: GONE,
                ip: start.ip,
                agent: agent(start.headers),
                trace: text(start.headers, "traceparent").map_or(0, trace),
                ..Record::default()
            }
        });
        Self {
            shared,
            record,
            arrived: start.arrived,
        }
    }

    /// A request that gets no row.
    pub fn none(arrived: Instant) -> Self {
        Self {
            shared: None,
            record: Record::default(),
            arrived,
        }
    }

    /// The trace the request belongs to, unless the caller named one.
    pub fn traced(&mut self, traceparent: impl FnOnce() -> String) {
        if self.shared.is_some() && self.record.trace == 0 {
            self.record.trace = trace(&traceparent());
        }
    }

    /// Who calls. What a platform client does on its own account belongs to no
    /// company.
    pub fn caller(&mut self, caller: &Caller) {
        let client = caller.client.as_ref();
        let bound = client.filter(|client| client.authority != Authority::Platform);
        let company = match &caller.user {
            Some(user) => Some(user.company),
            None => bound.and_then(|client| client.company),
        };
        self.record.client = client.map_or(0, |client| client.id.0);
        self.record.user = caller.user.as_ref().map_or(0, |user| user.id.0);
        self.record.company = CompanyId::or_zero(company);
    }

    /// How long the body is, in bytes.
    pub fn received(&mut self, bytes: usize) {
        self.record.received = bytes as u64;
    }

    /// The row that the caller wants to link to. What is no id is ignored and
    /// counted.
    pub fn claims(&mut self, input: &Input) {
        let sent = input.sent_id();
        self.record.claimed = sent.unwrap_or(0);
        if sent.is_none()
            && let Some(shared) = &self.shared
            && input.get("id_bitacora_log").is_some()
        {
            shared.odd_claims.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Why the request is refused.
    pub fn failed(&mut self, failure: &Failure) {
        self.record.error = failure.code();
    }

    /// Completes the row with the answer, at once; what is awaited is room for it.
    /// The length of a body that is made while it is sent is what its header says.
    pub fn answered(mut self, response: &Response) -> impl Future<Output = ()> + Send + use<> {
        let headers = response.headers();
        let announced = || text(headers, header::CONTENT_LENGTH.as_str())?.parse().ok();
        let length = response.body().size_hint().exact().or_else(announced);
        self.record.answered = length.unwrap_or(0);
        self.record.status = response.status().as_u16();
        self.note_time();
        async move {
            if let Some(shared) = &self.shared {
                shared.room().await;
            }
            drop(self);
        }
    }

    fn note_time(&mut self) {
        self.record.latency_micros =
            u32::try_from(self.arrived.elapsed().as_micros()).unwrap_or(u32::MAX);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            if self.record.status == GONE {
                self.note_time();
            }
            shared.push(self.record);
        }
    }
}

/// The name of a method; one that nobody knows could hold anything.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A digest of the program that calls; 0 when it does not say its name.
fn agent(headers: &HeaderMap) -> u64 {
    headers.get(header::USER_AGENT).map_or(0, |agent| {
        let digest = digest(&SHA256, agent.as_bytes());
        digest
            .as_ref()
            .first_chunk()
            .map_or(0, |first| u64::from_be_bytes(*first))
    })
}

/// The trace id of a W3C `traceparent`, such as `00-<32 digits>-<16 digits>-01`; 0
/// when it has none.
fn trace(traceparent: &str) -> u128 {
    let mut parts = traceparent.split('-').skip(1);
    parts
        .next()
        .filter(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .and_then(|id| u128::from_str_radix(id, 16).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_read_only_where_it_stands() {
        let id = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;
        assert_eq!(
            trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            id
        );
        for odd in [
            "",
            "0af7651916cd43dd8448eb211c80319c",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-é",
        ] {
            assert_eq!(trace(odd), 0, "{odd}");
        }
    }
}
