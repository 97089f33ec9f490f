//! What waits to be written to one socket, bounded in frames and in bytes.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::hub::Close;

/// The bounds of a mailbox.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most frames that wait.
    pub frames: usize,
    /// The most bytes that wait.
    pub bytes: usize,
}

/// What the writer of the socket does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Write a frame.
    Frame(Utf8Bytes),
    /// Everything before it was written: close.
    Close(Close),
}

/// The queue between whoever speaks to a socket and its writer. A client that
/// does not keep up is closed; frames are never left out in between, except
/// those that may be.
pub struct Mailbox {
    bounds: Bounds,
    waiting: Mutex<Waiting>,
    arrived: Notify,
    overflowed: CancellationToken,
}

#[derive(Default)]
struct Waiting {
    frames: VecDeque<Utf8Bytes>,
    bytes: usize,
    close: Option<Close>,
}

impl Mailbox {
    /// An empty mailbox.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            waiting: Mutex::default(),
            arrived: Notify::new(),
            overflowed: CancellationToken::new(),
        }
    }

    /// Queues a frame. What does not fit closes the socket.
    pub fn push(&self, frame: Utf8Bytes) {
        self.push_within(frame, self.bounds, |waiting| {
            tracing::info!("a slow client is sent away");
            waiting.frames.clear();
            waiting.bytes = 0;
            waiting.close = Some(Close::SLOW);
            self.overflowed.cancel();
        });
    }

    /// Queues a frame that may be left out: it is when the mailbox is half full.
    pub fn push_ephemeral(&self, frame: Utf8Bytes) {
        let half = Bounds {
            frames: self.bounds.frames / 2,
            bytes: self.bounds.bytes / 2,
        };
        self.push_within(frame, half, |_| ());
    }

    fn push_within(&self, frame: Utf8Bytes, bounds: Bounds, full: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.waiting();
        if waiting.close.is_some() {
            return;
        }
        let bytes = waiting.bytes + frame.as_str().len();
        if waiting.frames.len() >= bounds.frames || bytes > bounds.bytes {
            full(&mut waiting);
        } else {
            waiting.bytes = bytes;
            waiting.frames.push_back(frame);
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Closes the socket after what waits was written.
    pub fn close(&self, close: Close) {
        self.waiting().close.get_or_insert(close);
        self.arrived.notify_one();
    }

    /// What to do next. Only the writer of the socket may ask.
    pub async fn next(&self) -> Next {
        loop {
            let arrived = self.arrived.notified();
            if let Some(next) = self.take() {
                return next;
            }
            arrived.await;
        }
    }

    /// Resolves when the client was found too slow, so that a write in hand can be
    /// given up.
    pub async fn overflowed(&self) {
        self.overflowed.cancelled().await;
    }

    fn take(&self) -> Option<Next> {
        let mut waiting = self.waiting();
        if let Some(frame) = waiting.frames.pop_front() {
            waiting.bytes -= frame.as_str().len();
            return Some(Next::Frame(frame));
        }
        waiting.close.map(Next::Close)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox() -> Mailbox {
        Mailbox::new(Bounds {
            frames: 4,
            bytes: 10,
        })
    }

    #[tokio::test]
    async fn what_waits_is_written_before_an_orderly_close() {
        let mailbox = mailbox();
        mailbox.push("a".into());
        mailbox.close(Close::DRAIN);
        mailbox.push("too late".into());
        assert_eq!(mailbox.next().await, Next::Frame("a".into()));
        assert_eq!(mailbox.next().await, Next::Close(Close::DRAIN));
    }

    #[tokio::test]
    async fn too_many_frames_or_bytes_close_the_socket() {
        let many = mailbox();
        (0..5).for_each(|_| many.push("a".into()));
        let large = mailbox();
        (0..2).for_each(|_| large.push("abcdef".into()));
        for mailbox in [many, large] {
            mailbox.overflowed().await;
            assert_eq!(mailbox.next().await, Next::Close(Close::SLOW));
        }
    }

    #[tokio::test]
    async fn ephemeral_frames_are_left_out_first() {
        let mailbox = mailbox();
        (0..4).for_each(|_| mailbox.push_ephemeral("t".into()));
        mailbox.push("a".into());
        mailbox.close(Close::DRAIN);
        for frame in ["t", "t", "a"] {
            assert_eq!(mailbox.next().await, Next::Frame(frame.into()));
        }
        assert_eq!(mailbox.next().await, Next::Close(Close::DRAIN));
    }
}
