//! The layer stack that every gRPC service stands behind, local or remote, and
//! the server that offers it over TCP.
//!
//! In order: the caller is admitted by a [`Gate`], the call gets a span that
//! continues the caller's trace, runs in a task of its own (a caller that goes
//! away does not cut a write in half, a panic is an INTERNAL), and within the
//! deadline the caller sent.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use http::{Extensions, HeaderMap};
use tokio::net::TcpListener;
use tonic::{Status, service::Routes, transport::server::TcpIncoming};
use tower::Service;
use tracing::Instrument;

use crate::{LocalSlot, Stop, Upstream, telemetry};

/// The longest a call may take when the caller names no deadline.
const LONGEST_CALL: Duration = Duration::from_mins(1);

/// The largest message accepted: a webhook of 4 MiB and its envelope.
pub const LARGEST_MESSAGE: usize = 5 * 1024 * 1024;

/// Decides who may call. Health and reflection stand before it, in [`front`].
pub trait Gate: Send + Sync + 'static {
    /// Admits a call to `path` and leaves what it learnt about the caller in
    /// `extensions`, or refuses with UNAUTHENTICATED.
    fn admit(
        &self,
        path: &str,
        headers: &HeaderMap,
        extensions: &mut Extensions,
    ) -> Result<(), Status>;
}

/// Puts the layer stack on the routes of a service.
pub fn stack(routes: Routes, gate: Arc<dyn Gate>) -> Router {
    routes
        .prepare()
        .into_axum_router()
        .layer(middleware::from_fn_with_state(gate, run_call))
}

async fn run_call(State(gate): State<Arc<dyn Gate>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let (mut parts, body) = request.into_parts();
    if let Err(refused) = gate.admit(&path, &parts.headers, &mut parts.extensions) {
        tracing::warn!(rpc = path, reason = refused.message(), "call refused");
        return refused.into_http();
    }
    let request = Request::from_parts(parts, body);
    let deadline = deadline(request.headers());
    let span = tracing::info_span!("rpc", rpc = path, otel.kind = "server");
    telemetry::continue_trace(&span, request.headers());

    let call = tokio::spawn(
        async move {
            match tokio::time::timeout(deadline, next.run(request)).await {
                Ok(response) => response,
                Err(_) => Status::deadline_exceeded("the call took too long").into_http(),
            }
        }
        .instrument(span),
    );
    call.await.unwrap_or_else(|error| {
        tracing::error!(rpc = path, %error, "call panicked");
        Status::internal("internal error").into_http()
    })
}

/// The deadline of `grpc-timeout`: at most 8 digits and a unit.
pub(crate) fn deadline(headers: &HeaderMap) -> Duration {
    headers
        .get("grpc-timeout")
        .and_then(|value| value.to_str().ok())
        .and_then(parse_timeout)
        .map_or(LONGEST_CALL, |asked| asked.min(LONGEST_CALL))
}

fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// Says in the health service whether this process takes calls.
#[derive(Clone)]
pub struct Readiness(tonic_health::server::HealthReporter);

impl Readiness {
    /// Turns readiness on or off.
    pub async fn set(&self, ready: bool) {
        let status = if ready {
            tonic_health::ServingStatus::Serving
        } else {
            tonic_health::ServingStatus::NotServing
        };
        self.0.set_service_status("", status).await;
    }
}

/// Health and reflection (both versions of it), and a place for the routes that
/// are built once the database answers. Until then every call is UNAVAILABLE; the
/// process is not ready until [`Readiness::set`] says so.
pub async fn front() -> Result<(Router, LocalSlot, Readiness), tonic_reflection::server::Error> {
    let (reporter, health) = tonic_health::server::health_reporter();
    let readiness = Readiness(reporter);
    readiness.set(false).await;
    let describe = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let routes = Routes::new(health)
        .add_service(describe().build_v1()?)
        .add_service(describe().build_v1alpha()?);
    let (service, slot) = Upstream::local();
    let later = move |request: Request| {
        let mut service = service.clone();
        async move {
            match service.call(request.map(tonic::body::Body::new)).await {
                Ok(answer) => answer.map(axum::body::Body::new),
                Err(error) => Status::unavailable(error.to_string()).into_http(),
            }
        }
    };
    Ok((
        routes.prepare().into_axum_router().fallback(later),
        slot,
        readiness,
    ))
}

/// Serves layered routes over TCP until the soft stop, then finishes the calls
/// in hand.
pub async fn serve(listener: TcpListener, routes: Router, stop: Stop) -> anyhow::Result<()> {
    tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .add_routes(Routes::from(routes))
        .serve_with_incoming_shutdown(incoming(listener), async move {
            stop.requested().await;
        })
        .await?;
    Ok(())
}

/// The accepted connections. An answer is headers, a message and trailers, and waits for
/// nobody's delayed acknowledgement (40 ms on Linux); the builder's own `tcp_nodelay`
/// holds only for listeners that it binds itself.
fn incoming(listener: TcpListener) -> TcpIncoming {
    TcpIncoming::from(listener).with_nodelay(Some(true))
}

/// Binds the address a process serves on; the error names it, and the usual
/// mistake.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        if error.kind() == std::io::ErrorKind::AddrInUse {
            anyhow::anyhow!(
                "something listens on {address} already, perhaps another copy of this program; \
                 stop that one first, or choose another address"
            )
        } else {
            anyhow::anyhow!("cannot listen on {address}: {error}")
        }
    })
}

#[cfg(test)]
mod tests {
    use tokio_stream::StreamExt;

    use super::*;

    #[tokio::test]
    async fn accepted_connections_send_small_answers_at_once() -> anyhow::Result<()> {
        let listener = bind(([127, 0, 0, 1], 0).into()).await?;
        let _caller = tokio::net::TcpStream::connect(listener.local_addr()?).await?;
        let accepted = incoming(listener).next().await;
        assert!(
            accepted.is_some_and(|stream| stream.is_ok_and(|it| it.nodelay().is_ok_and(|on| on)))
        );
        Ok(())
    }

    #[test]
    fn timeouts_are_read_as_the_protocol_writes_them() {
        assert_eq!(parse_timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse_timeout("2S"), Some(Duration::from_secs(2)));
        assert_eq!(parse_timeout("123456789S"), None);
        assert_eq!(parse_timeout(""), None);
        assert_eq!(parse_timeout("5é"), None);
    }
}
