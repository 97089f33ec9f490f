//! Another service, in this process or in another one, behind one type.
//!
//! Ordinary generated clients work over both: `ChatServiceClient::new(upstream)`.
//! A local upstream calls the same layered routes that a TCP server would serve,
//! so the two ways cannot drift apart.

mod remote;

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use axum::Router;
use tonic::{Status, body::Body};
use tower::{BoxError, Service};

use remote::Remote;

/// A service to call. Cloning is cheap and shares the connection.
#[derive(Clone)]
pub enum Upstream {
    /// Over TCP.
    Remote(Remote),
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
    pub fn remote(uri: &str) -> Result<Self, http::Error> {
        Ok(Self::Remote(Remote::at(uri)?))
    }
}

impl Service<http::Request<Body>> for Upstream {
    type Response = http::Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        match self {
            Self::Remote(remote) => Box::pin(remote.clone().call(request)),
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
