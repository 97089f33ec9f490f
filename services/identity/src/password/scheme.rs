//! The ways in which passwords are stored.

use argon2::Block;

/// A way in which passwords are stored. What is stored says which one it is.
pub trait Scheme: Send + Sync {
    /// Says whether a stored text is of this way.
    fn owns(&self, stored: &str) -> bool;

    /// Says whether a password fits. Nothing fits a text that cannot be read, or
    /// that asks for more work than is granted. `memory` is that of one hash.
    fn fits(&self, stored: &str, password: &Typed<'_>, memory: &mut [Block]) -> bool;

    /// Says whether new passwords would be stored like this one.
    fn is_current(&self, stored: &str) -> bool;
}

/// A password as somebody typed it.
pub struct Typed<'a> {
    /// As it came.
    pub raw: &'a str,
    /// In the normal form NFC: the same letters may come in several codings,
    /// depending on the keyboard.
    pub normal: &'a str,
}
