//! Opaque bearer tokens: the number of a session, a bar, 40 letters and digits,
//! and their CRC-32 in hexadecimal. The checksum refuses what was cut off or made
//! up carelessly before anything is looked up; it proves nothing.
//!
//! Of the 40 characters the first six are the generation of the token in its
//! session, the others the secret.

/// How many characters of a token are secret.
pub const SECRET_LENGTH: usize = 34;

const GENERATION_LENGTH: usize = 6;

const BODY_LENGTH: usize = GENERATION_LENGTH + SECRET_LENGTH;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The parts of an opaque token. It does not print.
#[derive(Clone, Copy)]
pub struct OpaqueToken<'a> {
    /// The number of the session.
    pub number: i64,
    /// The generation of the token in its session.
    pub generation: i32,
    /// The part that proves it.
    pub secret: &'a str,
}

impl<'a> OpaqueToken<'a> {
    /// Takes a text apart, if it has the shape and its checksum is right.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (number, rest) = text.split_once('|')?;
        let (body, checksum) = rest.split_at_checked(BODY_LENGTH)?;
        if !body.bytes().all(|byte| byte.is_ascii_alphanumeric())
            || checksum != format!("{:08x}", crc32(body.as_bytes()))
        {
            return None;
        }
        let parsed: i64 = number.parse().ok()?;
        let (generation, secret) = body.split_at_checked(GENERATION_LENGTH)?;
        // One text for one token.
        (parsed > 0 && parsed.to_string() == number).then_some(())?;
        Some(Self {
            number: parsed,
            generation: read_generation(generation)?,
            secret,
        })
    }

    /// The text of a token with the [`secret`] of some digest.
    pub fn write(number: i64, generation: i32, secret: &str) -> String {
        let body = format!("{}{secret}", write_generation(generation));
        format!("{number}|{body}{:08x}", crc32(body.as_bytes()))
    }
}

/// [`SECRET_LENGTH`] letters and digits that stand for a digest.
pub fn secret(mut digest: [u8; 32]) -> String {
    let mut text = String::with_capacity(SECRET_LENGTH);
    for _ in 0..SECRET_LENGTH {
        // The digest is a number of 256 bits; this divides it by 62.
        let mut rest = 0_usize;
        for byte in &mut digest {
            let value = rest << 8 | usize::from(*byte);
            *byte = u8::try_from(value / DIGITS.len()).unwrap_or(u8::MAX);
            rest = value % DIGITS.len();
        }
        text.push(char::from(DIGITS[rest]));
    }
    text
}

fn write_generation(generation: i32) -> String {
    let mut rest = generation.unsigned_abs() as usize;
    let mut text = [b'0'; GENERATION_LENGTH];
    for place in text.iter_mut().rev() {
        *place = DIGITS[rest % DIGITS.len()];
        rest /= DIGITS.len();
    }
    text.iter().copied().map(char::from).collect()
}

fn read_generation(text: &str) -> Option<i32> {
    let mut value = 0_i64;
    for byte in text.bytes() {
        let digit = DIGITS.iter().position(|known| *known == byte)?;
        value = value * 62 + i64::try_from(digit).ok()?;
    }
    i32::try_from(value).ok()
}

/// CRC-32 as zlib and PHP's `crc32b` compute it.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_example_has_the_checksum_of_this_shape() {
        let body = "Abcdefghijklmnopqrstuvwxyz0123456789ABCD";
        assert_eq!(format!("{:08x}", crc32(body.as_bytes())), "681a1eb6");
    }

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let secret = secret([7; 32]);
        for (number, generation) in [(1, 1), (5, 62), (i64::MAX, i32::MAX)] {
            let text = OpaqueToken::write(number, generation, &secret);
            let read = OpaqueToken::parse(&text).unwrap();
            assert_eq!(
                (read.number, read.generation, read.secret),
                (number, generation, secret.as_str())
            );
            for wrong in [
                format!("0{text}"),
                format!("+{text}"),
                format!("{text}0"),
                text.replace('|', ""),
                text.replace('|', "||"),
                text[..text.len() - 1].to_owned(),
                text.replacen(&secret[..1], "-", 1),
            ] {
                assert!(OpaqueToken::parse(&wrong).is_none(), "{wrong}");
            }
        }
        assert!(OpaqueToken::parse("0|").is_none());
        assert!(OpaqueToken::parse(&"ñ".repeat(60)).is_none());
    }

    #[test]
    fn secrets_of_different_digests_differ() {
        let (one, other) = (secret([1; 32]), secret([2; 32]));
        assert_eq!(one.len(), SECRET_LENGTH);
        assert_ne!(one, other);
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
