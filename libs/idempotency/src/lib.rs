//! Requests that may be repeated: whoever sends a key with a request gets the
//! first answer again for 48 hours, and another request under the same key is
//! refused.
//!
//! A key is a row of the service that has the effect, written in the transaction
//! of the effect: there is no moment in which one of them exists without the
//! other. Two requests at once under one key meet at that row; the second waits
//! and then answers what the first one did. An effect that needs another service
//! commits its row first, and hands [`Slot::id`] on as the key of what it asks of
//! others: a repetition then goes on where the first one ended.
//!
//! Keys belong to the API client and the user they came from. Request and answer
//! may hold secrets, so a digest of the one and the whole of the other are sealed.

mod asked;
mod cleaning;
mod error;
mod keys;
mod work;

pub use asked::{Asked, LONGEST_KEY};
pub use error::Error;
pub use keys::{Claim, KEPT, Keys, Slot};
pub use work::{Begun, Work};
