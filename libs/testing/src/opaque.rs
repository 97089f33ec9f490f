//! Ids as providers hand them out: unguessable, and different in every run.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// `N` random bytes; all zero only if the system has no randomness at all.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        bytes = [0; N];
    }
    bytes
}

/// 22 characters of A-Z, a-z, 0-9, `-` and `_`.
pub(crate) fn word() -> String {
    URL_SAFE_NO_PAD.encode(random::<16>())
}

/// 20 characters of 0-9 and A-F.
pub(crate) fn hex20() -> String {
    hex::encode_upper(random::<10>())
}

/// A positive number of at most 52 bits, so that it survives clients that read JSON numbers as
/// doubles.
pub(crate) fn number() -> u64 {
    u64::from_be_bytes(random::<8>()) >> 12 | 1
}
