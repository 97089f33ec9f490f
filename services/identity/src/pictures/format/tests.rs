//! Pictures whole, cut, lying and talkative.

use super::{samples::*, *};

const ALL: &[Kind] = &[Kind::Jpeg, Kind::Png, Kind::Webp, Kind::Avif];

/// One picture of every kind, of a size, each with the same secret in it.
fn talkative(width: u16, height: u16) -> [(Kind, Vec<u8>); 4] {
    let (wide, high) = (u32::from(width), u32::from(height));
    let text = chunk(b"tEXt", SECRET);
    let parts = [
        vp8x(EXIF_AND_XMP, wide, high),
        vp8l(wide, high),
        riff(b"EXIF", SECRET),
        riff(b"XMP ", SECRET),
        riff(b"what", SECRET),
    ];
    [
        (
            Kind::Jpeg,
            jpeg(width, height, &[exif(6), segment(0xfe, SECRET)]),
        ),
        (Kind::Png, png(wide, high, &[text, chunk(b"eXIf", SECRET)])),
        (Kind::Webp, webp(&parts)),
        (Kind::Avif, avif(wide, high)),
    ]
}

const EXIF_AND_XMP: u8 = 0x0c;

#[test]
fn metadata_goes_and_the_picture_stays() {
    for (kind, content) in talkative(640, 480) {
        let made = clean(&content, ALL).unwrap();
        assert_eq!(made.kind, kind);
        assert!(holds(&content, SECRET));
        assert!(!holds(&made.content, SECRET), "{kind:?}");
        let again = clean(&made.content, ALL).unwrap();
        assert_eq!(again.content, made.content, "{kind:?}");
        if kind != Kind::Jpeg {
            assert!(holds(&made.content, b"pixels"), "{kind:?}");
        }
    }
}

#[test]
fn a_picture_without_metadata_stays_as_it_is() {
    for content in [
        jpeg(10, 10, &[segment(0xe2, b"ICC_PROFILE\0\x01\x01profile")]),
        png(10, 10, &[chunk(b"iCCP", b"profile"), chunk(b"tRNS", b"x")]),
        webp(&[vp8l(10, 10)]),
        webp(&[vp8x(0x20, 10, 10), riff(b"ICCP", b"profile"), vp8l(10, 10)]),
    ] {
        assert_eq!(clean(&content, ALL).unwrap().content, content);
    }
}

#[test]
fn a_photograph_stays_turned_as_it_was() {
    let turned = |orientation| {
        let made = clean(&jpeg(10, 10, &[exif(orientation)]), ALL).unwrap();
        let at = made.content.windows(6).position(|six| six == b"Exif\0\0");
        at.map(|at| made.content[at + 6 + 19])
    };
    assert_eq!(turned(6), Some(6));
    assert_eq!(turned(8), Some(8));
    for upright in [0, 1, 9, 600] {
        assert_eq!(turned(upright), None, "{upright}");
    }
}

#[test]
fn what_is_cut_anywhere_is_refused() {
    for (kind, content) in talkative(640, 480) {
        // The last box of the AVIF holds nothing that is needed.
        let needed = content.len()
            - if kind == Kind::Avif {
                SECRET.len() + 8
            } else {
                0
            };
        for length in 0..needed {
            let refused = clean(&content[..length], ALL);
            assert!(refused.is_err(), "{kind:?} cut at {length}");
        }
    }
}

#[test]
fn bytes_turned_over_never_panic() {
    for (_, content) in talkative(64, 64) {
        for at in 0..content.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut broken = content.clone();
                broken[at] = value;
                let _ = clean(&broken, ALL);
            }
        }
    }
}

#[test]
fn huge_pictures_are_refused_by_their_headers() {
    for (kind, content) in talkative(16_000, 16_000) {
        assert_eq!(
            clean(&content, ALL).unwrap_err(),
            Flaw::TooManyPixels,
            "{kind:?}"
        );
    }
    // A modest canvas around a huge frame.
    let lying = webp(&[vp8x(0, 10, 10), vp8l(16_000, 16_000)]);
    assert_eq!(clean(&lying, ALL).unwrap_err(), Flaw::TooManyPixels);
    assert_eq!(clean(&png(0, 10, &[]), ALL).unwrap_err(), Flaw::Broken);
    assert_eq!(
        clean(&png(u32::MAX, u32::MAX, &[]), ALL).unwrap_err(),
        Flaw::TooManyPixels
    );
}

#[test]
fn only_kinds_that_are_asked_for_are_taken() {
    for (kind, content) in talkative(10, 10) {
        assert!(clean(&content, &[kind]).is_ok());
        let others: Vec<Kind> = ALL.iter().copied().filter(|other| *other != kind).collect();
        assert_eq!(clean(&content, &others).unwrap_err(), Flaw::Unknown);
    }
    for other in [
        b"GIF89a".as_slice(),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        b"RIFF\x04\0\0\0WAVE",
        b"\0\0\0\x14ftypheic\0\0\0\0heicmif1",
        b"",
    ] {
        assert_eq!(clean(other, ALL).unwrap_err(), Flaw::Unknown);
    }
}

#[test]
fn what_stands_after_the_end_goes() {
    for content in [jpeg(9, 9, &[]), png(9, 9, &[]), webp(&[vp8l(9, 9)])] {
        let longer = [content.as_slice(), b"PK\x03\x04 an archive"].concat();
        assert_eq!(clean(&longer, ALL).unwrap().content, content);
    }
}

#[test]
fn films_are_no_pictures() {
    let film = webp(&[vp8x(2, 9, 9), riff(b"ANIM", b"123456"), vp8l(9, 9)]);
    assert_eq!(clean(&film, ALL).unwrap_err(), Flaw::Broken);
    // A PNG keeps its first picture.
    let film = png(9, 9, &[chunk(b"acTL", b"12345678")]);
    assert_eq!(clean(&film, ALL).unwrap().content, png(9, 9, &[]));
    let parts = [part(b"ftyp", b"avif\0\0\0\0avif"), part(b"moov", b"")].concat();
    assert_eq!(clean(&parts, ALL).unwrap_err(), Flaw::Broken);
}
