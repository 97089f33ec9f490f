//! JPEG: segments between markers, and entropy-coded data after each scan header.

use super::{Flaw, bearable, read::Reader};

const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const EXIF: &[u8] = b"Exif\0\0";
const ORIENTATION: u16 = 0x0112;

/// The picture without metadata and without what stands after its end.
pub fn clean(content: &[u8]) -> Result<Vec<u8>, Flaw> {
    let mut input = Reader::new(content);
    let mut output = Vec::with_capacity(content.len());
    output.extend_from_slice(input.take(2)?);
    let mut turned = None;
    let (mut framed, mut scanned) = (false, false);
    loop {
        let marker = marker(&mut input)?;
        match marker {
            END if scanned => {
                output.extend([0xff, END]);
                return Ok(with_orientation(output, turned));
            }
            // Markers that stand alone have no business between segments.
            START | END | 0x01 | 0xd0..=0xd7 => return Err(Flaw::Broken),
            _ => {
                let body = body(&mut input)?;
                if is_frame(marker) {
                    size(body)?;
                    framed = true;
                }
                if marker == 0xe1 && body.starts_with(EXIF) {
                    turned = turned.or_else(|| orientation(&body[EXIF.len()..]));
                }
                if is_kept(marker, body) {
                    put(&mut output, marker, body);
                }
                if marker == SCAN {
                    if !framed {
                        return Err(Flaw::Broken);
                    }
                    output.extend_from_slice(coded(&mut input)?);
                    scanned = true;
                }
            }
        }
    }
}

/// The next marker; any number of fill bytes may stand before it.
fn marker(input: &mut Reader<'_>) -> Result<u8, Flaw> {
    if input.u8()? != 0xff {
        return Err(Flaw::Broken);
    }
    loop {
        match input.u8()? {
            0xff => {}
            0 => return Err(Flaw::Broken),
            marker => return Ok(marker),
        }
    }
}

/// The content of a segment; its length counts itself.
fn body<'a>(input: &mut Reader<'a>) -> Result<&'a [u8], Flaw> {
    let length = usize::from(input.u16_be()?);
    input.take(length.checked_sub(2).ok_or(Flaw::Broken)?)
}

/// The data of a scan, up to the next marker that is neither an escaped byte nor a
/// restart.
fn coded<'a>(input: &mut Reader<'a>) -> Result<&'a [u8], Flaw> {
    let rest = input.rest();
    let mut at = 0;
    loop {
        let found = rest[at..].iter().position(|byte| *byte == 0xff);
        at += found.ok_or(Flaw::Broken)?;
        match rest.get(at + 1) {
            Some(0 | 0xd0..=0xd7) => at += 2,
            Some(0xff) => at += 1,
            Some(_) => return input.take(at),
            None => return Err(Flaw::Broken),
        }
    }
}

fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

fn size(frame: &[u8]) -> Result<(), Flaw> {
    let mut frame = Reader::new(frame);
    frame.u8()?;
    let height = frame.u16_be()?;
    let width = frame.u16_be()?;
    bearable(width.into(), height.into())
}

/// Of what programs say about a picture, only what decoders need stays: the JFIF
/// header, the colour profile and Adobe's colour transform. Comments go.
fn is_kept(marker: u8, body: &[u8]) -> bool {
    match marker {
        0xe0 => body.starts_with(b"JFIF\0"),
        0xe2 => body.starts_with(b"ICC_PROFILE\0"),
        0xee => body.starts_with(b"Adobe"),
        0xe0..=0xef | 0xfe => false,
        _ => true,
    }
}

fn put(output: &mut Vec<u8>, marker: u8, body: &[u8]) {
    output.extend([0xff, marker]);
    // It was read as two bytes.
    let length = u16::try_from(body.len() + 2).unwrap_or(u16::MAX);
    output.extend(length.to_be_bytes());
    output.extend_from_slice(body);
}

/// How the picture has to be turned, 2 to 8; none when it stands upright.
fn orientation(tiff: &[u8]) -> Option<u8> {
    let little = match tiff.get(..2)? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let u16_at = |at: usize| -> Option<u16> {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        })
    };
    let u32_at = |at: usize| -> Option<u32> {
        let bytes = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    };
    let directory = usize::try_from(u32_at(4)?).ok()?;
    let entries = usize::from(u16_at(directory)?);
    (0..entries)
        .map_while(|entry| {
            let at = directory.checked_add(2 + entry * 12)?;
            Some((at, u16_at(at)?))
        })
        .find(|(_, tag)| *tag == ORIENTATION)
        .and_then(|(at, _)| u8::try_from(u16_at(at + 8)?).ok())
        .filter(|turn| (2..=8).contains(turn))
}

/// Puts the orientation, alone, back where Exif stood.
fn with_orientation(picture: Vec<u8>, turned: Option<u8>) -> Vec<u8> {
    let Some(turn) = turned else {
        return picture;
    };
    let mut exif = EXIF.to_vec();
    exif.extend(b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0");
    exif.extend([turn, 0, 0, 0, 0, 0, 0]);
    // Behind the start, and behind the JFIF header where there is one.
    let head = match picture.get(2..6) {
        Some([0xff, 0xe0, high, low]) => 4 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => 2,
    };
    let (before, after) = picture.split_at(head.min(picture.len()));
    let mut output = before.to_vec();
    put(&mut output, 0xe1, &exif);
    output.extend_from_slice(after);
    output
}
