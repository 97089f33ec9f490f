//! What kind of picture some bytes are, whether they are a whole one, and the same
//! picture without what it says about its making: place, camera, author, thumbnail.
//!
//! Nothing is decoded: only containers are walked, so that a small file that
//! unfolds into a huge picture costs nothing and is refused by its own header.
//! Pixels are copied as they are. Colour profiles stay, and so does the way a
//! photograph has to be turned.

mod avif;
mod jpeg;
mod png;
mod read;
mod webp;

/// The most pixels that a picture may say it has.
const MOST_PIXELS: u64 = 50_000_000;

/// A kind of picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Jpeg,
    Png,
    Webp,
    Avif,
}

impl Kind {
    /// The media type.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
        }
    }

    /// The kind that the first bytes say.
    fn of(content: &[u8]) -> Option<Self> {
        if content.starts_with(&[0xff, 0xd8, 0xff]) {
            Some(Self::Jpeg)
        } else if content.starts_with(png::SIGNATURE) {
            Some(Self::Png)
        } else if content.starts_with(b"RIFF") && content.get(8..12) == Some(b"WEBP") {
            Some(Self::Webp)
        } else if avif::is(content) {
            Some(Self::Avif)
        } else {
            None
        }
    }
}

/// Why some bytes are no picture that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// They are of no known kind, or of one that is not taken here.
    Unknown,
    /// They end too early or contradict themselves.
    Broken,
    /// They say that they are a picture of too many pixels.
    TooManyPixels,
}

/// A picture without metadata.
#[derive(Debug)]
pub struct Clean {
    pub kind: Kind,
    pub content: Vec<u8>,
}

/// Takes a picture of one of the kinds, whole and of bearable size.
pub fn clean(content: &[u8], kinds: &[Kind]) -> Result<Clean, Flaw> {
    let kind = Kind::of(content)
        .filter(|kind| kinds.contains(kind))
        .ok_or(Flaw::Unknown)?;
    let content = match kind {
        Kind::Jpeg => jpeg::clean(content),
        Kind::Png => png::clean(content),
        Kind::Webp => webp::clean(content),
        Kind::Avif => avif::clean(content),
    }?;
    Ok(Clean { kind, content })
}

/// Judges what a header says about the size.
fn bearable(width: u32, height: u32) -> Result<(), Flaw> {
    match u64::from(width) * u64::from(height) {
        0 => Err(Flaw::Broken),
        1..=MOST_PIXELS => Ok(()),
        _ => Err(Flaw::TooManyPixels),
    }
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
