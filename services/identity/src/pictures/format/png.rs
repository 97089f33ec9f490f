//! PNG: a signature, then chunks of length, type, content and checksum.

use super::{Flaw, bearable, read::Reader};

/// The first bytes of every PNG.
pub const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What decoders need; everything else is text, time, Exif or animation.
const KEPT: [&[u8; 4]; 15] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB",
    b"cICP", b"mDCV", b"cLLI", b"bKGD", b"pHYs",
];

/// The picture without metadata and without what stands after its end.
pub fn clean(content: &[u8]) -> Result<Vec<u8>, Flaw> {
    let mut input = Reader::new(content);
    let mut output = input.take(SIGNATURE.len())?.to_vec();
    let (mut headed, mut filled) = (false, false);
    loop {
        let start = input.rest();
        let length = input.length_be()?;
        let kind = input.take(4)?;
        let body = input.take(length)?;
        input.take(4)?;
        let whole = &start[..length + 12];
        match kind {
            b"IHDR" if !headed => {
                size(body)?;
                headed = true;
            }
            b"IHDR" => return Err(Flaw::Broken),
            _ if !headed => return Err(Flaw::Broken),
            b"IDAT" => filled = true,
            _ => {}
        }
        if KEPT.iter().any(|kept| kept.as_slice() == kind) {
            output.extend_from_slice(whole);
        } else if kind[0].is_ascii_uppercase() {
            // Nobody can show a picture with a part that must be understood and
            // is not.
            return Err(Flaw::Broken);
        }
        if kind == b"IEND" {
            return if filled {
                Ok(output)
            } else {
                Err(Flaw::Broken)
            };
        }
    }
}

fn size(header: &[u8]) -> Result<(), Flaw> {
    if header.len() != 13 {
        return Err(Flaw::Broken);
    }
    let mut header = Reader::new(header);
    bearable(header.u32_be()?, header.u32_be()?)
}
