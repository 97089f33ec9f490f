//! A router over fake upstreams, and requests to it.

use std::sync::Arc;

use auth::{ContextGate, ContextKeys};
use axum::{Router, body::Body};
use chassis::{Clock, Stop, Task, Upstream, grpc};
use host::Upstreams;
use http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tonic::service::Routes;
use tower::ServiceExt;

use crate::fakes::{self, World};

/// The bearer token of user 7.
pub const AGENT: &str = "7|000001AgenteUnoAgenteUnoAgenteUnoAgenteUa226ce6a";

/// The bearer token of user 15.
pub const JUAN: &str = "15|000001JuanPerezJuanPerezJuanPerezJuanPer05f28acf";

/// A router and the world behind it.
pub struct Edge {
    pub router: Router,
    pub world: Arc<World>,
}

/// An answer, read to the end.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// A header as text; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// The keys of a process that both mints and trusts.
pub fn keys() -> ContextKeys {
    let (signing_key, public) = auth::generate("edge-1").unwrap();
    ContextKeys {
        signing_key,
        trusted_keys: vec![public],
        ..ContextKeys::default()
    }
}

impl Edge {
    /// An edge with the default settings.
    pub fn new() -> Self {
        Self::with(edge::Config::default())
    }

    /// An edge with other settings.
    pub fn with(config: edge::Config) -> Self {
        Self::replica(config, &Arc::default(), &Stop::default()).0
    }

    /// An edge with other settings in a world that it may share, and what would
    /// run beside it.
    pub fn replica(config: edge::Config, world: &Arc<World>, stop: &Stop) -> (Self, Vec<Task>) {
        let (keys, clock) = (keys(), Clock::system());
        let gate = ContextGate::new(&keys, clock.clone()).unwrap();
        let serve = |routes: Routes| {
            let (upstream, slot) = Upstream::local();
            slot.fill(grpc::stack(routes, gate.clone()));
            upstream
        };
        let upstreams = Upstreams {
            identity: serve(fakes::identity(world)),
            tenancy_admin: serve(fakes::tenancy(world)),
            conversation: serve(fakes::conversation(world)),
            channel_connector: serve(fakes::channel(world)),
            realtime_broadcast: serve(fakes::realtime(world)),
            mail_ticket: serve(fakes::mail(world)),
        };
        let edge = edge::build(config, upstreams, &keys, clock, stop).unwrap();
        let ours = Self {
            router: edge.router,
            world: Arc::clone(world),
        };
        (ours, edge.tasks)
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// Sends JSON with the credentials of the client and of the agent.
    pub async fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = request(method, path)
            .client()
            .bearer(AGENT)
            .json(body)
            .build();
        self.send(request).await
    }
}

/// A request being put together.
pub struct Asked {
    builder: http::request::Builder,
    body: Body,
}

/// Starts a request.
pub fn request(method: &str, path: &str) -> Asked {
    Asked {
        builder: Request::builder().method(method).uri(path),
        body: Body::empty(),
    }
}

impl Asked {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    /// With the credentials of the platform client.
    pub fn client(self) -> Self {
        self.header("x-user-consumo", "UsuarioPrueba")
            .header("x-user-secret", "secret")
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn body(mut self, kind: &str, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self.header("content-type", kind)
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub fn build(self) -> Request<Body> {
        self.builder.body(self.body).unwrap()
    }
}
