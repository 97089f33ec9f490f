//! One WebSocket from the upgrade to its end. The frame layer is axum's; nothing
//! outside this file touches it.

use std::{sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};

use crate::{
    apps::App,
    hub::{Close, Mailbox, Next, Socket},
    protocol,
    sockets::{Sockets, session::Session},
};

/// How long a client has to take what was queued before its close.
const LAST_WORDS: Duration = Duration::from_secs(5);

type Sink = SplitSink<WebSocket, Message>;
type Stream = SplitStream<WebSocket>;

/// Why nothing more is read.
enum Ended {
    /// The client is gone.
    Gone,
    /// The client is to go.
    Close(Close),
}

/// Tells a client why it may not stay.
pub(super) async fn refuse(socket: WebSocket, close: Close) {
    let (mut sink, stream) = socket.split();
    let error = protocol::error(Some(close.code), close.reason);
    let told = tokio::time::timeout(LAST_WORDS, sink.send(Message::Text(error))).await;
    if matches!(told, Ok(Ok(()))) {
        part(sink, stream, close).await;
    }
}

/// Serves a client until one side closes.
pub(super) async fn serve(sockets: &Arc<Sockets>, app: App, socket: Arc<Socket>, ws: WebSocket) {
    let (mut sink, mut stream) = ws.split();
    let activity_timeout = sockets.config.activity_timeout_seconds;
    socket.mailbox.push(protocol::connection_established(
        &socket.id,
        activity_timeout,
    ));
    let mut session = Session::new(Arc::clone(sockets), app, Arc::clone(&socket));
    let ended = tokio::select! {
        ended = write(&socket.mailbox, &mut sink) => ended,
        ended = read(&mut session, &mut stream) => ended,
    };
    drop(session);
    let Ended::Close(close) = ended else {
        return;
    };
    socket.mailbox.close(close);
    let written = tokio::time::timeout(LAST_WORDS, write(&socket.mailbox, &mut sink)).await;
    if let Ok(Ended::Close(close)) = written {
        part(sink, stream, close).await;
    }
}

/// Writes what is queued until the mailbox says close.
async fn write(mailbox: &Mailbox, sink: &mut Sink) -> Ended {
    loop {
        let frame = match mailbox.next().await {
            Next::Frame(frame) => frame,
            Next::Close(close) => return Ended::Close(close),
        };
        let sent = tokio::select! {
            sent = sink.send(Message::Text(frame)) => sent,
            () = mailbox.overflowed() => return Ended::Close(Close::SLOW),
        };
        if sent.is_err() {
            return Ended::Gone;
        }
    }
}

/// Hears the client until it goes, is silent for too long, or has to go.
async fn read(session: &mut Session, stream: &mut Stream) -> Ended {
    let mut asked = false;
    loop {
        let patience = session.patience(asked);
        let message = match tokio::time::timeout(patience, stream.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(_)) | None) => return Ended::Gone,
            Err(_) if asked => {
                return Ended::Close(Close {
                    code: 4201,
                    reason: "pong not received",
                });
            }
            Err(_) => {
                session.ask_for_pong();
                asked = true;
                continue;
            }
        };
        asked = false;
        let heard = match message {
            Message::Text(text) => session.hear(&text).await,
            Message::Binary(_) => Err(Close {
                code: 1003,
                reason: "text frames only",
            }),
            // The frame layer has answered already.
            Message::Ping(_) | Message::Pong(_) => session.count(),
            Message::Close(_) => return Ended::Gone,
        };
        if let Err(close) = heard {
            return Ended::Close(close);
        }
    }
}

/// Sends the close frame and waits for the answer, so that it arrives.
async fn part(mut sink: Sink, mut stream: Stream, close: Close) {
    let frame = CloseFrame {
        code: close.code,
        reason: close.reason.into(),
    };
    let farewell = async {
        if sink.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = stream.next().await {}
        }
    };
    // Whoever does not answer has been told, or cannot be.
    let _ = tokio::time::timeout(LAST_WORDS, farewell).await;
}
