//! An HTTP/2 connection to a service, and the task that keeps it going.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use h2::{
    Ping, PingPong, Reason,
    client::{Builder, SendRequest},
};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

/// How much a service may send ahead of its reader, of one answer and of all.
const WINDOW: u32 = 2 * 1024 * 1024;
const WINDOW_OF_ALL: u32 = 5 * 1024 * 1024;

/// How often the other side is asked whether it lives, and how long it may take.
const ASK_EVERY: Duration = Duration::from_secs(10);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// An open connection. Cloning shares it; it closes after the last clone and the last
/// call, or when it breaks.
#[derive(Clone)]
pub(super) struct Connection {
    calls: SendRequest<Bytes>,
    ended: Arc<AtomicBool>,
}

impl Connection {
    /// Begins to speak HTTP/2. Does not wait for the other side.
    pub(super) async fn open(stream: TcpStream) -> Result<Self, h2::Error> {
        let (calls, mut connection) = Builder::new()
            .enable_push(false)
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW_OF_ALL)
            .handshake(stream)
            .await?;
        let pings = connection.ping_pong();
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        tokio::spawn(async move {
            // Whichever ends first takes the connection along, and all its calls.
            let why = tokio::select! {
                closed = connection => closed,
                silent = ask(pings) => silent,
            };
            end.store(true, Ordering::Release);
            if let Err(error) = why {
                tracing::debug!(%error, "a connection to a service ended");
            }
        });
        Ok(Self { calls, ended })
    }

    /// Says whether calls may be tried.
    pub(super) fn lives(&self) -> bool {
        !self.ended.load(Ordering::Acquire)
    }

    /// Waits until the connection takes a call; the error is that it ended or is
    /// about to.
    pub(super) async fn ready(self) -> Result<SendRequest<Bytes>, h2::Error> {
        let ready = self.calls.ready().await;
        if ready.is_err() {
            self.ended.store(true, Ordering::Release);
        }
        ready
    }
}

/// Ends when the other side does not answer.
async fn ask(pings: Option<PingPong>) -> Result<(), h2::Error> {
    // The first to take it gets it, and this is the first.
    let Some(mut pings) = pings else {
        return std::future::pending().await;
    };
    loop {
        sleep(ASK_EVERY).await;
        let answered = timeout(ANSWER_WITHIN, pings.ping(Ping::opaque())).await;
        answered.map_err(|_| h2::Error::from(Reason::CANCEL))??;
    }
}
