//! Pictures made by hand: the containers are right, nobody looks at the pixels.

/// What must not be left in any picture.
pub const SECRET: &[u8] = b"GPS 9.93,-84.08";

/// A chunk of a PNG; nobody checks the checksum.
pub fn chunk(kind: &[u8], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    [&length.to_be_bytes(), kind, body, b"crc!"].concat()
}

/// A PNG of a size, with more chunks before its data.
pub fn png(width: u32, height: u32, more: &[Vec<u8>]) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 6, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend(chunk(b"IHDR", &header));
    file.extend(more.concat());
    file.extend(chunk(b"IDAT", b"pixels"));
    file.extend(chunk(b"IEND", b""));
    file
}

/// A segment of a JPEG.
pub fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).unwrap();
    [&[0xff, marker], length.to_be_bytes().as_slice(), body].concat()
}

/// A JPEG of a size, with more segments after its JFIF header.
pub fn jpeg(width: u16, height: u16, more: &[Vec<u8>]) -> Vec<u8> {
    let mut frame = vec![8];
    frame.extend(height.to_be_bytes());
    frame.extend(width.to_be_bytes());
    frame.extend([1, 1, 0x11, 0]);
    let mut file = vec![0xff, 0xd8];
    file.extend(segment(0xe0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0"));
    file.extend(more.concat());
    file.extend(segment(0xdb, &[1; 65]));
    file.extend(segment(0xc0, &frame));
    file.extend(segment(0xda, &[1, 1, 0, 0, 63, 0]));
    // An escaped byte and a restart belong to the data.
    file.extend([0x12, 0xff, 0x00, 0x34, 0xff, 0xd0, 0x56]);
    file.extend([0xff, 0xd9]);
    file
}

/// The Exif segment of a camera that was held in some way.
pub fn exif(orientation: u16) -> Vec<u8> {
    let mut body = b"Exif\0\0II\x2a\0\x08\0\0\0\x02\0".to_vec();
    body.extend(b"\x0f\x01\x02\0\x04\0\0\0Cam\0");
    body.extend(b"\x12\x01\x03\0\x01\0\0\0");
    body.extend(orientation.to_le_bytes());
    body.extend([0; 6]);
    body.extend_from_slice(SECRET);
    segment(0xe1, &body)
}

/// A part of a WebP.
pub fn riff(kind: &[u8], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    let filler = if body.len() % 2 == 1 { &[0][..] } else { &[] };
    [kind, &length.to_le_bytes(), body, filler].concat()
}

/// The pixels of a lossless WebP of a size.
pub fn vp8l(width: u32, height: u32) -> Vec<u8> {
    let both = (width - 1) | ((height - 1) << 14);
    riff(
        b"VP8L",
        &[&[0x2f], both.to_le_bytes().as_slice(), b"pixels"].concat(),
    )
}

/// A WebP of some parts.
pub fn webp(parts: &[Vec<u8>]) -> Vec<u8> {
    riff(b"RIFF", &[b"WEBP".as_slice(), &parts.concat()].concat())
}

/// The header of a WebP of several parts, with some flags.
pub fn vp8x(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let mut body = vec![flags, 0, 0, 0];
    body.extend(&(width - 1).to_le_bytes()[..3]);
    body.extend(&(height - 1).to_le_bytes()[..3]);
    riff(b"VP8X", &body)
}

/// A box of an AVIF.
pub fn part(kind: &[u8], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 8).unwrap();
    [&length.to_be_bytes(), kind, body].concat()
}

/// An AVIF of a size, with an item of Exif.
pub fn avif(width: u32, height: u32) -> Vec<u8> {
    let pixels = b"pixels";
    let size = [[0; 4], width.to_be_bytes(), height.to_be_bytes()].concat();
    let item =
        |id: u8, kind: &[u8]| part(b"infe", &[&[2, 0, 0, 0, 0, id, 0, 0], kind, b"\0"].concat());
    let properties = part(b"iprp", &part(b"ipco", &part(b"ispe", &size)));
    let items = [
        &[0, 0, 0, 0, 0, 2][..],
        &item(1, b"av01"),
        &item(2, b"Exif"),
    ]
    .concat();
    let meta = |data: u32| {
        let place = |id: u8, at: u32, length: usize| {
            let length = u32::try_from(length).unwrap();
            let mut entry = vec![0, id, 0, 0, 0, 1];
            entry.extend(at.to_be_bytes());
            entry.extend(length.to_be_bytes());
            entry
        };
        let after = data + u32::try_from(pixels.len()).unwrap();
        let places = [
            &[0, 0, 0, 0, 0x44, 0, 0, 2][..],
            &place(1, data, pixels.len()),
            &place(2, after, SECRET.len()),
        ];
        let inside = [
            &[0, 0, 0, 0][..],
            &properties,
            &part(b"iinf", &items),
            &part(b"iloc", &places.concat()),
        ];
        part(b"meta", &inside.concat())
    };
    let brand = part(b"ftyp", b"avif\0\0\0\0mif1avif");
    let before = brand.len() + meta(0).len() + 8;
    let meta = meta(u32::try_from(before).unwrap());
    let data = part(b"mdat", &[pixels.as_slice(), SECRET].concat());
    [brand, meta, data, part(b"uuid", SECRET)].concat()
}

/// Says whether some bytes are in others.
pub fn holds(content: &[u8], wanted: &[u8]) -> bool {
    content.windows(wanted.len()).any(|window| window == wanted)
}
