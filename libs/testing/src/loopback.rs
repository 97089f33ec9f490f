//! The HTTP server under the doubles of providers. It differs from `axum::serve` in two ways that
//! tests of failures need: a handler can have its connection cut instead of answered, and dropping
//! the server takes the open connections down with it, as the death of a real server does.

use std::{io, net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::Body,
    http::Request,
    response::{IntoResponse, Response},
};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt as _;

/// How long to wait before accepting again after the system refused a connection, usually for
/// want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A running server. Dropping it closes the port and cuts every open connection.
#[derive(Debug)]
pub(crate) struct Loopback {
    address: SocketAddr,
    _stop: DropGuard,
}

/// The mark on a response that is never sent.
#[derive(Clone)]
struct Severed;

/// A response that is not sent: the connection is closed instead.
pub(crate) fn severed() -> Response {
    let mut response = ().into_response();
    response.extensions_mut().insert(Severed);
    response
}

/// Never answers; the request ends when its client gives up or the server stops.
pub(crate) async fn silence() -> Response {
    std::future::pending().await
}

/// Seconds since 1970 by the clock of the machine.
pub(crate) fn unix_now() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "a provider has its own clock, which is not the one a test sets"
    )]
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

impl Loopback {
    /// Binds `address` (port 0 takes a free one) and serves `router` until dropped.
    pub(crate) async fn serve(address: SocketAddr, router: Router) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        tokio::spawn(accept(listener, router, stop.clone()));
        Ok(Self {
            address,
            _stop: stop.drop_guard(),
        })
    }

    /// `http://` and the address, without a slash at the end.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn accept(listener: TcpListener, router: Router, stop: CancellationToken) {
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((socket, _)) => {
                let conversation = converse(socket, router.clone());
                tokio::spawn(stop.clone().run_until_cancelled_owned(conversation));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn converse(socket: TcpStream, router: Router) {
    let answer = hyper::service::service_fn(move |request: Request<Incoming>| {
        let answering = router.clone().oneshot(request.map(Body::new));
        async move {
            let Ok(response) = answering.await;
            match response.extensions().get::<Severed>() {
                // An error here makes hyper drop the connection without a byte.
                Some(Severed) => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
                None => Ok(response),
            }
        }
    });
    let served = Builder::new(TokioExecutor::new())
        .http1_only()
        .serve_connection(TokioIo::new(socket), answer)
        .await;
    // It fails when the client goes away or the connection is cut on purpose; both are the
    // client's to notice.
    drop(served);
}
