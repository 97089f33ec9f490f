//! Public HTTP/1.1: connections that strangers open.
//!
//! A stranger may open many and say nothing. So there are at most so many at a
//! time, the head of a request has to arrive within a while, and it has a largest
//! size. What a socket does after its upgrade is the business of its own service.

mod rest;

use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo};
use chassis::Stop;
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::task::TaskTracker;
use tower::Service;

use rest::Patient;

/// What a listener grants to strangers.
#[derive(Clone, Copy)]
struct Bounds {
    /// How long the head of a request may take, counted from the connection or
    /// from the end of the answer before it.
    head: Duration,
    /// Connections at a time; more wait to be accepted. An upgraded one no longer
    /// counts.
    connections: usize,
}

const BOUNDS: Bounds = Bounds {
    head: Duration::from_secs(15),
    connections: 8192,
};

/// The largest head of a request, in bytes.
const LARGEST_HEAD: usize = 64 * 1024;

/// How long nothing is accepted after the system refused to, which it does when
/// the process has too many files open.
const PAUSE: Duration = Duration::from_millis(200);

/// Serves public HTTP until the soft stop, then finishes the requests in hand.
pub fn serve_http(
    listener: TcpListener,
    routes: Router,
    stop: Stop,
) -> Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>> {
    Box::pin(async move {
        serve(listener, routes, stop, BOUNDS).await;
        Ok(())
    })
}

async fn serve(listener: TcpListener, routes: Router, stop: Stop, bounds: Bounds) {
    // Not the builder that guesses the version: it waits for the first bytes of an
    // upgradable connection for ever.
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head)
        .max_buf_size(LARGEST_HEAD);
    let places = Arc::new(Semaphore::new(bounds.connections));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = stop.requested() => break,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                let routes = routes.clone();
                let served = connection(protocol.clone(), stream, peer, routes, stop.clone());
                connections.spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                stop.within(PAUSE).await;
            }
        }
    }
    // Nobody shall connect to what is not served any more.
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// Serves one connection until its end, its upgrade, or the request in hand at
/// the stop.
async fn connection(
    protocol: http1::Builder,
    stream: TcpStream,
    peer: SocketAddr,
    routes: Router,
    stop: Stop,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (head, body) = request.into_parts();
        let body = Body::new(Patient::new(&head.headers, body));
        let mut request = Request::from_parts(head, body);
        request.extensions_mut().insert(ConnectInfo(peer));
        routes.clone().call(request)
    });
    let connection = protocol.serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection.with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.requested() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // Mostly clients that went away.
        tracing::trace!(%error, "a connection ended early");
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    // It fails when the client is gone already, which serving finds out.
    let _ = stream.set_nodelay(true);
    Ok((stream, peer, place))
}

/// Says whether the client gave up while it waited; the next one may be fine.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests;
