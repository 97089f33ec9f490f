//! What happens to every request before and after its handler.
//!
//! One function does it all for the operations of the table: ids, credentials,
//! limits, input and handler within the deadline, the row of the access log, and the
//! headers of the answer. It is one and not a stack of layers because each layer
//! costs a request an allocation or two. What is no operation gets the ids and the
//! headers alone.

mod cors;
mod ids;
mod packing;

use std::{net::SocketAddr, panic::AssertUnwindSafe, pin::pin, sync::Arc};

use axum::{
    body::Body,
    extract::{ConnectInfo, FromRequestParts, RawPathParams, Request, State},
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_LENGTH, ORIGIN, X_CONTENT_TYPE_OPTIONS},
    request::Parts,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::Instant;
use tracing::Instrument;

pub use cors::Cors;
pub use ids::Ids;

use crate::{
    App,
    access_log::{Entry, Start},
    credentials,
    envelope::{ShownId, refuse},
    errors::Failure,
    exchange::Exchange,
    input::{self, Input},
    limits,
    routes::Handler,
    table::{Audit, Family, Operation, Rate},
};

/// Goes around what is no operation and leaves no row: the pages about the API.
pub async fn around(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let dress = Dress::of(&app, request.headers()).await;
    let response = next.run(request).await;
    dress.on(&app, response).await
}

/// What every answer is given: the ids of the request, whether the page that asked
/// may read it, and whether it goes out compressed.
struct Dress {
    ids: Ids,
    origin: Option<HeaderValue>,
    unpacks: bool,
}

impl Dress {
    async fn of(app: &App, headers: &HeaderMap) -> Self {
        let origin = headers.get(ORIGIN).cloned();
        let ids = Ids::of(&app.bitacora, headers).await;
        let unpacks = packing::unpacks(headers);
        Self {
            ids,
            origin,
            unpacks,
        }
    }

    async fn on(self, app: &App, mut response: Response) -> Response {
        let headers = response.headers_mut();
        self.ids.tell(headers);
        headers
            .entry(CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-cache, private"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        app.cors.allow(self.origin.as_ref(), headers);
        packing::pack(self.unpacks, response).await
    }
}

/// Runs one request of an operation.
pub async fn run(
    app: Arc<App>,
    operation: &'static Operation,
    handler: Handler,
    request: Request,
) -> Response {
    let dress = Dress::of(&app, request.headers()).await;
    let ids = &dress.ids;
    let entry = match operation.audit {
        Audit::Nothing => Entry::none(ids.arrived),
        Audit::Read | Audit::Write | Audit::Security => entry(&app, ids, operation.path, &request),
    };
    let mut trail = Trail {
        entry,
        standing: None,
    };
    let own = ShownId::new(operation.echo, ids.bitacora, None);
    let deadline = ids.arrived + app.deadline;
    let span = tracing::info_span!(
        "http",
        method = operation.verb.name(),
        route = operation.path,
        bitacora = ids.bitacora,
        request = ids.request(),
        otel.kind = "server",
    );
    chassis::telemetry::continue_trace(&span, request.headers());
    trail
        .entry
        .traced(|| span.in_scope(chassis::telemetry::traceparent));
    let work = Work {
        app: Arc::clone(&app),
        operation,
        handler,
        ids: ids.clone(),
        deadline,
    };
    let ended = {
        // Pinned here, so that what is wrapped around it moves a pointer.
        let work = pin!(work.run(request, &mut trail).instrument(span.clone()));
        let guarded = AssertUnwindSafe(work).catch_unwind();
        tokio::time::timeout_at(deadline, guarded).await
    };
    let answered = match ended {
        Ok(Ok(answered)) => answered,
        Ok(Err(_)) => {
            tracing::error!(parent: &span, "a handler panicked");
            Err((Failure::internal(), own))
        }
        Err(_) => Err((Failure::timeout(), own)),
    };
    let mut response = answered.unwrap_or_else(|(failure, shown)| {
        trail.entry.failed(&failure);
        refuse(&failure, operation.family, shown)
    });
    if let Some(standing) = trail.standing {
        standing.tell(response.headers_mut());
    }
    tracing::debug!(parent: &span, status = response.status().as_u16(), "answered");
    trail.entry.answered(&response).await;
    dress.on(&app, response).await
}

/// Begins the row of a request.
fn entry(app: &App, ids: &Ids, route: &'static str, request: &Request) -> Entry {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    app.access_log.begin(&Start {
        id: ids.bitacora,
        arrived: ids.arrived,
        method: request.method(),
        route,
        headers: request.headers(),
        ip: peer.map(|peer| app.proxies.caller(peer.0.ip(), request.headers())),
    })
}

/// A refusal, and the id that it shows.
type Refusal = (Failure, ShownId);

/// What becomes known of a request on its way, whatever its end.
struct Trail {
    /// The row of the access log.
    entry: Entry,
    /// What is left to the API client.
    standing: Option<limits::Standing>,
}

/// What a request is answered with.
struct Work {
    app: Arc<App>,
    operation: &'static Operation,
    handler: Handler,
    ids: Ids,
    deadline: Instant,
}

impl Work {
    async fn run(self, request: Request, trail: &mut Trail) -> Result<Response, Refusal> {
        let (handler, own) = (
            self.handler,
            ShownId::new(self.operation.echo, self.ids.bitacora, None),
        );
        let app = Arc::clone(&self.app);
        // Held until the answer. Probes tell of the process, not of its load.
        let place = app.places.try_acquire();
        if place.is_err() && self.operation.rate != Rate::Unlimited {
            return Err((Failure::unavailable(), own));
        }
        let exchange = self
            .admit(request, trail)
            .await
            .map_err(|failure| (failure, own))?;
        let shown = exchange.shown;
        handler(exchange).await.map_err(|failure| (failure, shown))
    }

    /// Credentials, limits, body and fields, in this order.
    async fn admit(self, request: Request, trail: &mut Trail) -> Result<Exchange, Failure> {
        let Self { app, operation, .. } = self;
        let (mut parts, body) = request.into_parts();
        let path = path_of(&mut parts).await?;
        let client_ip = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|peer| app.proxies.caller(peer.0.ip(), &parts.headers));
        let asked = credentials::Asked {
            demanded: operation.credentials,
            headers: &parts.headers,
            address: client_ip,
            timeout: self.deadline.saturating_duration_since(Instant::now()),
        };
        let (caller, own_limits) = app.guard.check(&asked).await?;
        trail.entry.caller(&caller);
        app.limits
            .spend(operation.rate, limits::Who::of(&caller, client_ip))?;
        if let Some(client) = &caller.client {
            trail.standing = app.quotas.spend(client.id, own_limits)?;
        }

        let body = whole(&parts.headers, body, operation.body_limit).await?;
        trail.entry.received(body.len());
        let (input, body) = if operation.raw_body {
            (Input::default(), body)
        } else {
            let source = input::Source {
                headers: &parts.headers,
                query: parts.uri.query().unwrap_or_default(),
                path: &path,
                body,
            };
            (input::read(source).await?, Bytes::new())
        };
        let shown = ShownId::new(operation.echo, self.ids.bitacora, input.sent_id());
        trail.entry.claims(&input);
        Ok(Exchange {
            app,
            operation,
            caller,
            headers: parts.headers,
            path,
            input,
            body,
            shown,
            ids: self.ids,
            client_ip,
            deadline: self.deadline,
        })
    }
}

async fn path_of(parts: &mut Parts) -> Result<Vec<(String, String)>, Failure> {
    let parameters = RawPathParams::from_request_parts(parts, &())
        .await
        .map_err(|_| Failure::Route(StatusCode::NOT_FOUND))?;
    Ok(parameters
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

/// The whole body, unless it is longer than `limit` bytes.
async fn whole(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Failure> {
    let too_large = || Failure::Route(StatusCode::PAYLOAD_TOO_LARGE);
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        // The caller went away or broke the framing; nobody reads the answer.
        Err(_) => Err(Failure::Route(StatusCode::BAD_REQUEST)),
    }
}

/// What no operation matches: a preflight, no such path, or one that exists with
/// other methods.
pub async fn unmatched(app: Arc<App>, status: StatusCode, request: Request) -> Response {
    let dress = Dress::of(&app, request.headers()).await;
    let mut entry = entry(&app, &dress.ids, "", &request);
    let response = if cors::is_preflight(&request) {
        cors::preflight(&request)
    } else {
        let failure = Failure::Route(status);
        entry.failed(&failure);
        refuse(&failure, Family::Failed, ShownId::Number(0))
    };
    entry.answered(&response).await;
    dress.on(&app, response).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::{Router, routing::get};
    use chassis::{Clock, Upstream};
    use tower::ServiceExt;

    use super::*;
    use crate::{
        Config, access_log::AccessLog, bitacora::Bitacora, client_ip::Proxies, credentials::Guard,
        limits::Buckets, table::operations, tokens::Tokens,
    };

    fn app(deadline: Duration) -> Arc<App> {
        let away = || Upstream::local().0;
        let keys = auth::ContextKeys {
            signing_key: auth::generate("edge-1").unwrap().0,
            ..auth::ContextKeys::default()
        };
        let config = Config::default();
        let clock = Clock::system();
        let tokens = Arc::new(Tokens::new(&keys, clock.clone()).unwrap());
        let audience = config.audience.clone();
        let bitacora = Bitacora::new(Arc::clone(&tokens), away(), 1);
        let (access_log, _) = AccessLog::new(
            &config,
            clock.clone(),
            Arc::clone(&tokens),
            away(),
            bitacora.clone(),
        )
        .unwrap();
        Arc::new(App {
            access_log,
            bitacora,
            guard: Arc::new(Guard::new(away(), Arc::clone(&tokens), audience, clock)),
            tokens,
            upstreams: host::Upstreams {
                identity: away(),
                tenancy_admin: away(),
                conversation: away(),
                channel_connector: away(),
                realtime_broadcast: away(),
                mail_ticket: away(),
            },
            proxies: Proxies::new(&[]).unwrap(),
            cors: Cors::new(&config.cors_origins).unwrap(),
            places: tokio::sync::Semaphore::new(8),
            quotas: limits::Quotas::new(&config.limits, Clock::system()),
            limits: Buckets::new(config.limits),
            public_url: config.public_url,
            deadline,
        })
    }

    async fn answer(deadline: Duration, handler: Handler) -> (StatusCode, String) {
        let public = operations()
            .find(|row| row.path == "/healthz")
            .expect("the probe is in the table");
        let app = app(deadline);
        let route = get(move |request| run(app, public, handler, request));
        let request = Request::new(Body::empty());
        let router = Router::new().route("/", route);
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error() {
        let (status, body) = answer(Duration::from_mins(1), |_| {
            Box::pin(async { panic!("a secret detail") })
        })
        .await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(body.contains("Ocurrio un error interno."), "{body}");
        assert!(!body.contains("secret"), "{body}");
    }

    #[tokio::test]
    async fn a_handler_that_never_ends_is_a_timeout() {
        let (status, body) = answer(Duration::from_millis(10), |_| {
            Box::pin(std::future::pending())
        })
        .await;
        assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
        assert!(body.contains(r#""code":504"#), "{body}");
    }
}
