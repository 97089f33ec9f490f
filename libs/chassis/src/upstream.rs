//! Another service, in this process or in another one, behind one type.
//!
//! Ordinary generated clients work over both: `ChatServiceClient::new(upstream)`.
//! A local upstream calls the same layered routes that a TCP server would serve,
//! so the two ways cannot drift apart.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use axum::Router;
use tonic::{Status, body::Body, transport::Channel};
use tower::{BoxError, Service};

/// A service to call. Cloning is cheap and shares the connection.
#[derive(Clone)]
pub enum Upstream {
    /// Over TCP.
    Remote(Channel),
    /// In this process; empty until its [`LocalSlot`] was filled.
    Local(Arc<OnceLock<Router>>),
}

/// Where the routes of a local service are put once they are built.
pub struct LocalSlot(Arc<OnceLock<Router>>);

impl LocalSlot {
    /// Puts the layered routes of the service in place.
    pub fn fill(self, routes: Router) {
        // The slot is consumed, so it cannot have been filled before.
        let _ = self.0.set(routes);
    }
}

impl Upstream {
    /// A service of this process that is built later. Calls before that answer
    /// UNAVAILABLE.
    pub fn local() -> (Self, LocalSlot) {
        let cell = Arc::new(OnceLock::new());
        (Self::Local(Arc::clone(&cell)), LocalSlot(cell))
    }

    /// A service at `uri`, such as `http://identity:7001`. Connects at the first
    /// call and again whenever the connection is lost. The error is that the URI
    /// is none.
    pub fn remote(uri: &str) -> Result<Self, http::uri::InvalidUri> {
        let channel = Channel::builder(uri.parse()?)
            .connect_timeout(Duration::from_secs(3))
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(5))
            .keep_alive_while_idle(true)
            .connect_lazy();
        Ok(Self::Remote(channel))
    }
}

impl Service<http::Request<Body>> for Upstream {
    type Response = http::Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        match self {
            Self::Remote(channel) => channel.poll_ready(context).map_err(Into::into),
            Self::Local(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        match self {
            Self::Remote(channel) => {
                let answer = channel.call(request);
                Box::pin(async move { answer.await.map_err(Into::into) })
            }
            Self::Local(cell) => {
                let Some(mut routes) = cell.get().cloned() else {
                    return Box::pin(async {
                        Ok(Status::unavailable("the service is still starting").into_http())
                    });
                };
                let request = request.map(axum::body::Body::new);
                Box::pin(async move { Ok(routes.call(request).await?.map(Body::new)) })
            }
        }
    }
}
