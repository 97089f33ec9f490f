//! What goes out with a call and what comes back, frame by frame.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::FutureExt;
use h2::{Reason, RecvStream, SendStream};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Status, body::Body};

/// What is handed to the connection without asking whether the other side has room:
/// an ordinary message, which is in memory anyway.
const UNASKED: usize = 64 * 1024;

/// What a failed call means: the service is away, unless it said something else.
pub(super) fn refused(error: h2::Error) -> Status {
    if error.is_io() || error.is_go_away() {
        return Status::unavailable(format!("the connection to the service was lost: {error}"));
    }
    Status::from_error(error.into())
}

/// A request on its way out.
pub(super) struct Sending {
    body: Body,
    stream: SendStream<Bytes>,
    sent: usize,
}

impl Sending {
    pub(super) fn new(body: Body, stream: SendStream<Bytes>) -> Self {
        Self {
            body,
            stream,
            sent: 0,
        }
    }

    /// Sends what needs no waiting, and says whether that was all.
    pub(super) fn send_what_is_there(&mut self) -> Result<bool, Status> {
        while self.sent < UNASKED {
            match self.body.frame().now_or_never() {
                Some(Some(frame)) => {
                    let Ok(data) = frame?.into_data() else {
                        continue;
                    };
                    self.sent += data.len();
                    self.stream.send_data(data, false).map_err(refused)?;
                }
                Some(None) => {
                    self.stream.send_data(Bytes::new(), true).map_err(refused)?;
                    return Ok(true);
                }
                None => return Ok(false),
            }
        }
        Ok(false)
    }

    /// Sends what comes, as fast as the other side takes it.
    pub(super) async fn send_the_rest(mut self) {
        if self.send_slowly().await.is_none() {
            self.stream.send_reset(Reason::CANCEL);
        }
    }

    /// `None` when the body or the stream broke; the answer says so as well.
    async fn send_slowly(&mut self) -> Option<()> {
        while let Some(frame) = self.body.frame().await {
            let Ok(mut data) = frame.ok()?.into_data() else {
                continue;
            };
            while !data.is_empty() {
                self.stream.reserve_capacity(data.len());
                let room = poll_fn(|context| self.stream.poll_capacity(context)).await?;
                let part = data.split_to(room.ok()?.min(data.len()));
                self.stream.send_data(part, false).ok()?;
            }
        }
        self.stream.send_data(Bytes::new(), true).ok()
    }
}

/// An answer on its way in. Dropping it early tells the other side to stop.
pub(super) struct Answer {
    stream: RecvStream,
    data_ended: bool,
    /// What is still being sent ends with the answer.
    _sending: Option<AbortOnDropHandle<()>>,
}

impl Answer {
    pub(super) fn new(stream: RecvStream, sending: Option<AbortOnDropHandle<()>>) -> Self {
        Self {
            stream,
            data_ended: false,
            _sending: sending,
        }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if !self.data_ended {
            if let Some(data) = ready!(self.stream.poll_data(context)) {
                let data = data.map_err(refused)?;
                // What was read makes room for more.
                let released = self.stream.flow_control().release_capacity(data.len());
                return Poll::Ready(Some(released.map(|()| Frame::data(data)).map_err(refused)));
            }
            self.data_ended = true;
        }
        let trailers = ready!(self.stream.poll_trailers(context)).map_err(refused)?;
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }
}
