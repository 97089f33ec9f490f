//! A service over TCP: one HTTP/2 connection that all calls share, made at the first
//! call and again whenever it is lost.
//!
//! Calls go straight into h2. tonic's channel hands each of them to a task of its
//! own, hyper's connection below to another one, and that starts a third to wait for
//! the answer; together they cost a request 7 us, a tenth of the edge's CPU.

mod connection;
mod message;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Request, Response, Uri, uri};
use hyper_util::client::legacy::connect::HttpConnector;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Status, body::Body};
use tower::{BoxError, ServiceExt};

use crate::grpc;
use connection::Connection;
use message::{Answer, Sending};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A service at one address. Cloning shares the connection.
#[derive(Clone)]
pub struct Remote(Arc<Shared>);

struct Shared {
    origin: Uri,
    connector: HttpConnector,
    open: RwLock<Option<Connection>>,
    /// Held by the one attempt to connect; when an attempt failed last.
    connecting: tokio::sync::Mutex<Option<Instant>>,
}

impl Remote {
    /// A service at `uri`, such as `http://identity:7001`.
    pub(super) fn at(uri: &str) -> Result<Self, http::Error> {
        let mut origin = uri.parse::<Uri>()?.into_parts();
        origin.path_and_query = Some(uri::PathAndQuery::from_static("/"));
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        Ok(Self(Arc::new(Shared {
            origin: Uri::from_parts(origin)?,
            connector,
            open: RwLock::default(),
            connecting: tokio::sync::Mutex::default(),
        })))
    }

    /// Sends a call and waits for the head of its answer, within the deadline that
    /// the call carries.
    pub(super) async fn call(self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let deadline = grpc::deadline(request.headers());
        match tokio::time::timeout(deadline, self.send(request)).await {
            Ok(answered) => answered,
            Err(_) => Ok(Status::deadline_exceeded("no answer in time").into_http()),
        }
    }

    async fn send(self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let mut calls = match self.0.calls().await {
            Ok(calls) => calls,
            Err(error) => return Ok(Status::unavailable(error.to_string()).into_http()),
        };
        let (head, body) = self.0.addressed(request)?.into_parts();
        let (answer, stream) = match calls.send_request(Request::from_parts(head, ()), false) {
            Ok(sent) => sent,
            Err(error) => return Ok(message::refused(error).into_http()),
        };
        let mut sending = Sending::new(body, stream);
        let rest = if sending.send_what_is_there()? {
            None
        } else {
            Some(AbortOnDropHandle::new(tokio::spawn(
                sending.send_the_rest(),
            )))
        };
        match answer.await {
            Ok(answer) => Ok(answer.map(|stream| Body::new(Answer::new(stream, rest)))),
            Err(error) => Ok(message::refused(error).into_http()),
        }
    }
}

impl Shared {
    fn addressed(&self, mut request: Request<Body>) -> Result<Request<Body>, http::Error> {
        let mut parts = self.origin.clone().into_parts();
        parts.path_and_query = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from_parts(parts)?;
        Ok(request)
    }

    /// A connection that takes a call now. One that ended a moment ago is found out
    /// here, before anything was sent over it.
    async fn calls(self: &Arc<Self>) -> Result<SendRequest<Bytes>, BoxError> {
        let connection = self.connection().await?;
        if let Ok(calls) = connection.ready().await {
            return Ok(calls);
        }
        Ok(self.connection().await?.ready().await?)
    }

    /// The connection, a new one if there is none that lives.
    async fn connection(self: &Arc<Self>) -> Result<Connection, BoxError> {
        if let Some(open) = self.living() {
            return Ok(open);
        }
        // In a task of its own: a caller whose time is over must not take along what
        // others wait for, or a slow connection would never be made.
        let (shared, asked) = (Arc::clone(self), Instant::now());
        tokio::spawn(async move { shared.connected(asked).await }).await?
    }

    /// Connects, unless another call did so or failed to since `asked`.
    async fn connected(&self, asked: Instant) -> Result<Connection, BoxError> {
        let mut failed = self.connecting.lock().await;
        if let Some(open) = self.living() {
            return Ok(open);
        }
        if failed.is_some_and(|when| when > asked) {
            return Err("the service cannot be reached".into());
        }
        let connected = self.connect().await;
        *failed = connected.is_err().then(Instant::now);
        let open = connected?;
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = Some(open.clone());
        Ok(open)
    }

    fn living(&self) -> Option<Connection> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.as_ref().filter(|open| open.lives()).cloned()
    }

    async fn connect(&self) -> Result<Connection, BoxError> {
        let stream = self.connector.clone().oneshot(self.origin.clone()).await?;
        Ok(Connection::open(stream.into_inner()).await?)
    }
}
