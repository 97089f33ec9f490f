//! Values that several services of this process put on the wire.

use prost_types::Timestamp;
use time::OffsetDateTime;

/// A time in its wire form.
pub fn timestamp(at: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: at.unix_timestamp(),
        nanos: i32::try_from(at.nanosecond()).unwrap_or(0),
    }
}
