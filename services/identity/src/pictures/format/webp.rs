//! WebP: chunks in a RIFF file. Animations are no pictures of people and are
//! refused.

use super::{Flaw, bearable, read::Reader};

const ANIMATED: u8 = 0x02;
const XMP: u8 = 0x04;
const EXIF: u8 = 0x08;

/// The picture without metadata and without what stands after its end.
pub fn clean(content: &[u8]) -> Result<Vec<u8>, Flaw> {
    let mut input = Reader::new(content);
    input.take(4)?;
    let length = input.length_le()?;
    let mut input = Reader::new(input.take(length)?);
    input.take(4)?;
    let mut chunks = Vec::with_capacity(content.len());
    let mut drawn = false;
    while !input.is_empty() {
        let kind = input.take(4)?;
        let length = input.length_le()?;
        let body = input.take(length)?;
        // Chunks start at even places; the last one may lack its filler.
        if length % 2 == 1 && !input.is_empty() {
            input.take(1)?;
        }
        match kind {
            b"VP8X" => put(&mut chunks, kind, &extended(body)?),
            b"VP8 " => {
                lossy(body)?;
                drawn = true;
                put(&mut chunks, kind, body);
            }
            b"VP8L" => {
                lossless(body)?;
                drawn = true;
                put(&mut chunks, kind, body);
            }
            b"ICCP" | b"ALPH" => put(&mut chunks, kind, body),
            b"ANIM" | b"ANMF" => return Err(Flaw::Broken),
            _ => {}
        }
    }
    if !drawn {
        return Err(Flaw::Broken);
    }
    let length = u32::try_from(chunks.len() + 4).map_err(|_| Flaw::Broken)?;
    let mut output = b"RIFF".to_vec();
    output.extend(length.to_le_bytes());
    output.extend_from_slice(b"WEBP");
    output.extend(chunks);
    Ok(output)
}

fn put(output: &mut Vec<u8>, kind: &[u8], body: &[u8]) {
    output.extend_from_slice(kind);
    // It was read as four bytes.
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    output.extend(length.to_le_bytes());
    output.extend_from_slice(body);
    if body.len() % 2 == 1 {
        output.push(0);
    }
}

/// The header of a file of several parts, without the marks of those that go.
fn extended(body: &[u8]) -> Result<Vec<u8>, Flaw> {
    let mut header = Reader::new(body);
    let flags = header.u8()?;
    header.take(3)?;
    let (width, height) = (header.u24_le()? + 1, header.u24_le()? + 1);
    bearable(width, height)?;
    if flags & ANIMATED != 0 {
        return Err(Flaw::Broken);
    }
    let mut output = body.to_vec();
    output[0] = flags & !(EXIF | XMP);
    Ok(output)
}

/// The header of a key frame of VP8.
fn lossy(body: &[u8]) -> Result<(), Flaw> {
    let mut frame = Reader::new(body);
    frame.take(3)?;
    if frame.take(3)? != [0x9d, 0x01, 0x2a] {
        return Err(Flaw::Broken);
    }
    let both = frame.u32_le()?;
    bearable(both & 0x3fff, (both >> 16) & 0x3fff)
}

fn lossless(body: &[u8]) -> Result<(), Flaw> {
    let mut frame = Reader::new(body);
    if frame.u8()? != 0x2f {
        return Err(Flaw::Broken);
    }
    let both = frame.u32_le()?;
    bearable((both & 0x3fff) + 1, ((both >> 14) & 0x3fff) + 1)
}
