//! The rest of a body that nobody wants to read.
//!
//! A client that is refused early may still be sending. Were the connection
//! closed under it, it would learn of a broken pipe instead of the refusal. So
//! what is left of a body is read and thrown away, within bounds, while the answer
//! is on its way.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    HeaderMap,
    body::{Body, Frame, Incoming, SizeHint},
    header::EXPECT,
};
use tokio::runtime::Handle;

/// The most bytes that are thrown away.
const MOST: usize = 16 * 1024 * 1024;

/// The longest that takes.
const LONGEST: Duration = Duration::from_secs(5);

/// A body that reads itself to the end when it is dropped before.
pub(super) struct Patient {
    body: Option<Incoming>,
    /// A client that waits to be invited keeps its body when it is refused; reading
    /// would invite it.
    waits: bool,
}

impl Patient {
    /// The body of a request with these headers.
    pub(super) fn new(headers: &HeaderMap, body: Incoming) -> Self {
        Self {
            body: Some(body),
            waits: headers.contains_key(EXPECT),
        }
    }
}

impl Body for Patient {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.waits = false;
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Patient {
    fn drop(&mut self) {
        let sent = self.body.take().filter(|_| !self.waits);
        let rest = sent.filter(|body| !body.is_end_stream());
        // At the end of the process there is nobody left to read it.
        if let (Some(rest), Ok(runtime)) = (rest, Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(LONGEST, throw_away(rest)));
        }
    }
}

async fn throw_away(mut body: Incoming) {
    let mut left = MOST;
    while let Some(Ok(frame)) = body.frame().await {
        let read = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(read) {
            Some(less) => left = less,
            None => return,
        }
    }
}
