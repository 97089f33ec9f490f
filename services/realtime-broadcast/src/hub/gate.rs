//! What stands between a channel and a subscriber until the subscription is
//! confirmed.

use axum::extract::ws::Utf8Bytes;

use crate::hub::{Class, Close, Mailbox};

/// The most frames held back for one subscription.
const MOST_HELD: usize = 256;

/// Holds frames back, then lets them pass.
pub(super) enum Gate {
    /// The confirmation is not there yet.
    Closed(Vec<Held>),
    /// Frames pass, member events only above this version.
    Open(i64),
}

/// A frame that waits for the confirmation.
pub(super) struct Held {
    text: Utf8Bytes,
    class: Class,
    members_version: Option<i64>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::Closed(Vec::new())
    }
}

impl Gate {
    /// Passes a frame on, or holds it back. `members_version` is set for member
    /// events.
    pub(super) fn pass(
        &mut self,
        mailbox: &Mailbox,
        text: Utf8Bytes,
        class: Class,
        members_version: Option<i64>,
    ) {
        match self {
            Self::Closed(held) if held.len() >= MOST_HELD => mailbox.close(Close::SLOW),
            Self::Closed(held) => held.push(Held {
                text,
                class,
                members_version,
            }),
            Self::Open(from) if members_version.is_some_and(|version| version <= *from) => {}
            Self::Open(_) => match class {
                Class::Durable => mailbox.push(text),
                Class::Ephemeral => mailbox.push_ephemeral(text),
            },
        }
    }

    /// Sends the confirmation and what waited for it.
    pub(super) fn open(&mut self, mailbox: &Mailbox, confirmation: Utf8Bytes, from: i64) {
        mailbox.push(confirmation);
        let Self::Closed(held) = std::mem::replace(self, Self::Open(from)) else {
            return;
        };
        for frame in held {
            self.pass(mailbox, frame.text, frame.class, frame.members_version);
        }
    }
}
