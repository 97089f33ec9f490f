//! The WebSocket endpoint: `GET /app/{key}`.
//!
//! Whoever comes with an unknown key or version is let in and then told so with
//! a close code, because client libraries cannot read anything else and would
//! try for ever.

mod budget;
mod connection;
mod session;

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, Query, State, WebSocketUpgrade},
    response::Response,
    routing::get,
};
use chassis::Stop;

use crate::{
    Config, Error,
    apps::{App, Apps},
    delivery::Live,
    frames::Publisher,
    hub::{Close, Hub, Socket},
    presence::{Leaver, Nodes, Presence},
};

/// The version of the protocol that is spoken.
const PROTOCOL: &str = "7";

/// The buffer into which a socket is read; what clients send is small.
const READ_BUFFER: usize = 4 * 1024;

/// What the frame layer takes at most, before [`session`] has its say.
const LARGEST_FRAME: usize = 64 * 1024;

/// How long a client waits for a replica that has just started.
const START: Duration = Duration::from_secs(10);

/// The longest key that can be one.
const LONGEST_KEY: usize = 64;

/// What every connection works with.
pub struct Sockets {
    /// The apps.
    pub apps: Apps,
    /// The sockets of this process.
    pub hub: Arc<Hub>,
    /// The rooms.
    pub presence: Presence,
    /// What clients tell one another goes out here.
    pub publisher: Publisher,
    /// Takes the seats of sockets that are gone.
    pub leaver: Arc<Leaver>,
    /// This replica.
    pub nodes: Arc<Nodes>,
    /// Time-outs.
    pub config: Config,
    /// No socket is served before it.
    pub live: Live,
    /// No socket is accepted after it.
    pub stop: Stop,
}

/// The public routes of the service.
pub fn routes(sockets: Arc<Sockets>) -> Router {
    Router::new()
        .route("/app/{key}", get(upgrade))
        .with_state(sockets)
}

async fn upgrade(
    State(sockets): State<Arc<Sockets>>,
    Path(key): Path<String>,
    query: Result<Query<HashMap<String, String>>, axum::extract::rejection::QueryRejection>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let protocol = query
        .ok()
        .and_then(|Query(mut query)| query.remove("protocol"));
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(LARGEST_FRAME)
        .max_frame_size(LARGEST_FRAME)
        .on_upgrade(
            async move |socket| match sockets.admit(&key, protocol.as_deref()).await {
                Ok((app, admitted)) => connection::serve(&sockets, app, admitted, socket).await,
                Err(close) => connection::refuse(socket, close).await,
            },
        )
}

impl Sockets {
    async fn admit(&self, key: &str, protocol: Option<&str>) -> Result<(App, Arc<Socket>), Close> {
        match protocol {
            Some(PROTOCOL) => {}
            Some(_) => {
                return Err(Close {
                    code: 4007,
                    reason: "unsupported protocol version",
                });
            }
            None => {
                return Err(Close {
                    code: 4008,
                    reason: "no protocol version supplied",
                });
            }
        }
        if tokio::time::timeout(START, self.live.begun())
            .await
            .is_err()
        {
            return Err(Close::UNAVAILABLE);
        }
        let app = self.app(key).await?;
        if !app.enabled {
            return Err(Close::DISABLED);
        }
        let socket = self
            .hub
            .connect(self.nodes.current(), app.id, app.max_connections)?;
        if self.stop.is_requested() {
            // The drain may have looked around before this socket was there.
            socket.mailbox.close(Close::DRAIN);
        }
        Ok((app, socket))
    }

    async fn app(&self, key: &str) -> Result<App, Close> {
        const UNKNOWN: Close = Close {
            code: 4001,
            reason: "application does not exist",
        };
        if key.len() > LONGEST_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UNKNOWN);
        }
        match self.apps.with_key(key).await {
            Ok(Some(app)) => Ok(app),
            Ok(None) => Err(UNKNOWN),
            Err(error) => {
                log(&error);
                Err(Close::UNAVAILABLE)
            }
        }
    }
}

fn log(error: &Error) {
    tracing::warn!(error = format!("{error:?}"), "a socket could not be served");
}
