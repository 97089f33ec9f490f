//! Which part of a file a request wants, and whether it has the file already.

/// What a `Range` header asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The whole file: there is no range, several, or none that can be read.
    All,
    /// One part that is there.
    Part {
        /// The first byte.
        from: u64,
        /// How many bytes.
        length: u64,
    },
    /// A part that is not there.
    Nothing,
}

impl Wanted {
    /// Reads the header against a file of `size` bytes.
    pub fn of(header: &str, size: u64) -> Self {
        let Some(range) = header.strip_prefix("bytes=") else {
            return Self::All;
        };
        let Some((first, last)) = range.trim().split_once('-') else {
            return Self::All;
        };
        let read = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().unwrap_or(u64::MAX))
        };
        match (read(first), read(last)) {
            (Some(first), Some(last)) if first > last => Self::All,
            (Some(first), _) if first >= size && (last.is_empty() || read(last).is_some()) => {
                Self::Nothing
            }
            (Some(first), Some(last)) => Self::Part {
                from: first,
                length: last.min(size - 1) - first + 1,
            },
            (Some(first), None) if last.is_empty() => Self::Part {
                from: first,
                length: size - first,
            },
            (None, Some(count)) if first.is_empty() => match count.min(size) {
                0 => Self::Nothing,
                length => Self::Part {
                    from: size - length,
                    length,
                },
            },
            _ => Self::All,
        }
    }
}

/// Says whether one of the tags of `If-None-Match` is that of the file.
pub fn is_current(header: &str, etag: &str) -> bool {
    header.split(',').map(str::trim).any(|tag| {
        let strong = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || strong == etag
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(from: u64, length: u64) -> Wanted {
        Wanted::Part { from, length }
    }

    #[test]
    fn ranges_are_read_as_the_protocol_writes_them() {
        for (header, wanted) in [
            ("", Wanted::All),
            ("bytes=0-", part(0, 10)),
            ("bytes=0-0", part(0, 1)),
            ("bytes=3-5", part(3, 3)),
            ("bytes=3-99", part(3, 7)),
            ("bytes=-4", part(6, 4)),
            ("bytes=-99", part(0, 10)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=10-12", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=5-3", Wanted::All),
            ("bytes=0-1,3-4", Wanted::All),
            ("bytes=a-b", Wanted::All),
            ("bytes=--5", Wanted::All),
            ("bytes=-", Wanted::All),
            ("bytes=+1-2", Wanted::All),
            ("lines=1-2", Wanted::All),
            ("bytes=0-99999999999999999999999", part(0, 10)),
            ("bytes=99999999999999999999999-", Wanted::Nothing),
        ] {
            assert_eq!(Wanted::of(header, 10), wanted, "{header}");
        }
        for header in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
            assert_eq!(Wanted::of(header, 0), Wanted::Nothing, "{header}");
        }
    }

    #[test]
    fn tags_are_compared_one_by_one() {
        let etag = "\"ab\"";
        for header in ["\"ab\"", "W/\"ab\"", "\"x\", \"ab\"", "*"] {
            assert!(is_current(header, etag), "{header}");
        }
        for header in ["", "ab", "\"abc\"", "\"x\""] {
            assert!(!is_current(header, etag), "{header}");
        }
    }
}
