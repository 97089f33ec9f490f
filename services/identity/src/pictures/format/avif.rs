//! AVIF: boxes in boxes. Offsets run through the whole file, so nothing is taken
//! out: items that are metadata lose their type and their content becomes zeros.

use std::ops::Range;

use super::{Flaw, bearable, read::Reader};

/// What the content of a file may be; other boxes are blanked.
const KEPT: [&[u8; 4]; 3] = [b"ftyp", b"meta", b"mdat"];

/// What may stand among the items of a box of metadata.
const NO_ITEM: &[u8; 4] = b"none";

/// The most boxes, items or extents; a picture of a person has a handful.
const MOST: usize = 1000;

/// A box: its type, and where its content lies in the file.
struct Part {
    kind: [u8; 4],
    content: Range<usize>,
}

/// Says whether a file claims to be a still picture in AVIF.
pub fn is(content: &[u8]) -> bool {
    let Some((head, rest)) = content.split_at_checked(8) else {
        return false;
    };
    let length = Reader::new(head).length_be().unwrap_or_default();
    let brands = &rest[..length.saturating_sub(8).min(rest.len())];
    &head[4..] == b"ftyp" && brands.chunks_exact(4).any(|brand| brand == b"avif")
}

/// The same file with its metadata blanked.
pub fn clean(content: &[u8]) -> Result<Vec<u8>, Flaw> {
    let mut output = content.to_vec();
    let top = parts(content, 0..content.len())?;
    for part in &top {
        if &part.kind == b"moov" {
            return Err(Flaw::Broken);
        }
        if !KEPT.contains(&&part.kind) {
            output[part.content.clone()].fill(0);
        }
    }
    let meta = one(&top, b"meta")?;
    // A full box: version and flags first.
    let inside = parts(content, after(&meta.content, 4)?)?;
    sizes(content, &inside)?;
    let metadata = items(content, one(&inside, b"iinf")?, &mut output)?;
    let data = inside.iter().find(|part| &part.kind == b"idat");
    for (item, extent) in extents(content, one(&inside, b"iloc")?, data)? {
        let bytes = output.get_mut(extent).ok_or(Flaw::Broken)?;
        if metadata.contains(&item) {
            bytes.fill(0);
        }
    }
    Ok(output)
}

/// The boxes in a part of the file.
fn parts(content: &[u8], within: Range<usize>) -> Result<Vec<Part>, Flaw> {
    let mut found = Vec::new();
    let mut start = within.start;
    while start < within.end {
        let mut head = Reader::new(content.get(start..within.end).ok_or(Flaw::Broken)?);
        let short = head.length_be()?;
        let kind = head.take(4)?.try_into().map_err(|_| Flaw::Broken)?;
        let (head, length) = match short {
            0 => (8, within.end - start),
            1 => {
                let long = usize::try_from(head.number_be(8)?).map_err(|_| Flaw::Broken)?;
                (16, long)
            }
            length => (8, length),
        };
        let end = start.checked_add(length).ok_or(Flaw::Broken)?;
        if length < head || end > within.end || found.len() == MOST {
            return Err(Flaw::Broken);
        }
        found.push(Part {
            kind,
            content: start + head..end,
        });
        start = end;
    }
    Ok(found)
}

fn one<'a>(parts: &'a [Part], kind: &[u8]) -> Result<&'a Part, Flaw> {
    let mut found = parts.iter().filter(|part| part.kind == kind);
    match (found.next(), found.next()) {
        (Some(part), None) => Ok(part),
        _ => Err(Flaw::Broken),
    }
}

fn after(range: &Range<usize>, bytes: usize) -> Result<Range<usize>, Flaw> {
    let start = range.start + bytes;
    (start <= range.end)
        .then_some(start..range.end)
        .ok_or(Flaw::Broken)
}

/// Judges every size that the properties of the items state.
fn sizes(content: &[u8], meta: &[Part]) -> Result<(), Flaw> {
    let properties = one(meta, b"iprp")?;
    let inside = parts(content, properties.content.clone())?;
    let container = one(&inside, b"ipco")?;
    let mut stated = false;
    for property in parts(content, container.content.clone())? {
        if &property.kind == b"ispe" {
            let mut size = Reader::new(&content[property.content]);
            size.take(4)?;
            bearable(size.u32_be()?, size.u32_be()?)?;
            stated = true;
        }
    }
    stated.then_some(()).ok_or(Flaw::Broken)
}

/// The items that are metadata; `output` forgets their type.
fn items(content: &[u8], list: &Part, output: &mut [u8]) -> Result<Vec<u64>, Flaw> {
    let mut head = Reader::new(&content[list.content.clone()]);
    let version = head.u8()?;
    head.take(3)?;
    let count = if version == 0 { 2 } else { 4 };
    head.number_be(count)?;
    let entries = parts(content, after(&list.content, 4 + usize::from(count))?)?;
    let mut metadata = Vec::new();
    for entry in entries.iter().filter(|entry| &entry.kind == b"infe") {
        let mut head = Reader::new(&content[entry.content.clone()]);
        let version = head.u8()?;
        head.take(3)?;
        let wide = match version {
            2 => 2,
            3 => 4,
            _ => return Err(Flaw::Broken),
        };
        let item = head.number_be(wide)?;
        head.take(2)?;
        let kind = head.take(4)?;
        if kind == b"Exif" || kind == b"mime" || kind == b"uri " {
            let at = entry.content.start + 6 + usize::from(wide);
            output[at..at + 4].copy_from_slice(NO_ITEM);
            metadata.push(item);
        }
    }
    Ok(metadata)
}

/// Where the content of every item lies.
fn extents(
    content: &[u8],
    list: &Part,
    data: Option<&Part>,
) -> Result<Vec<(u64, Range<usize>)>, Flaw> {
    let mut input = Reader::new(&content[list.content.clone()]);
    let version = input.u8()?;
    input.take(3)?;
    let (offsets, lengths) = halves(input.u8()?);
    let (bases, indexes) = halves(input.u8()?);
    let wide = if version < 2 { 2 } else { 4 };
    let count = input.number_be(wide)?;
    let mut found = Vec::new();
    for _ in 0..count {
        let item = input.number_be(wide)?;
        let method = if version == 0 {
            0
        } else {
            input.u16_be()? & 15
        };
        input.u16_be()?;
        let base = input.number_be(bases)?;
        let start = match (method, data) {
            (0, _) => 0,
            (1, Some(data)) => data.content.start,
            _ => return Err(Flaw::Broken),
        };
        for _ in 0..input.u16_be()? {
            if version > 0 {
                input.number_be(indexes)?;
            }
            let offset = input.number_be(offsets)?;
            let length = input.number_be(lengths)?;
            found.push((item, extent(start, base, offset, length)?));
            if found.len() > MOST {
                return Err(Flaw::Broken);
            }
        }
    }
    Ok(found)
}

fn halves(byte: u8) -> (u8, u8) {
    (byte >> 4, byte & 15)
}

fn extent(start: usize, base: u64, offset: u64, length: u64) -> Result<Range<usize>, Flaw> {
    let from = base.checked_add(offset).ok_or(Flaw::Broken)?;
    let from = usize::try_from(from).map_err(|_| Flaw::Broken)?;
    let from = from.checked_add(start).ok_or(Flaw::Broken)?;
    let length = usize::try_from(length).map_err(|_| Flaw::Broken)?;
    let end = from.checked_add(length).ok_or(Flaw::Broken)?;
    Ok(from..end)
}
