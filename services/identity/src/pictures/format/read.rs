//! Reading numbers from bytes that may end at any place.

use super::Flaw;

/// Bytes with a position.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    /// What was not read yet.
    pub fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// The next bytes; the picture is broken when there are fewer.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Flaw> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Flaw::Broken)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        self.take(N)?.try_into().map_err(|_| Flaw::Broken)
    }

    pub fn u8(&mut self) -> Result<u8, Flaw> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u16_be(&mut self) -> Result<u16, Flaw> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub fn u32_be(&mut self) -> Result<u32, Flaw> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub fn u32_le(&mut self) -> Result<u32, Flaw> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A number of 24 bits.
    pub fn u24_le(&mut self) -> Result<u32, Flaw> {
        let [a, b, c] = self.array()?;
        Ok(u32::from_le_bytes([a, b, c, 0]))
    }

    /// A number of so many bytes, as the boxes of AVIF write them.
    pub fn number_be(&mut self, bytes: u8) -> Result<u64, Flaw> {
        let taken = self.take(usize::from(bytes))?;
        Ok(taken
            .iter()
            .fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    /// A length as it stands before its content.
    pub fn length_be(&mut self) -> Result<usize, Flaw> {
        usize::try_from(self.u32_be()?).map_err(|_| Flaw::Broken)
    }

    pub fn length_le(&mut self) -> Result<usize, Flaw> {
        usize::try_from(self.u32_le()?).map_err(|_| Flaw::Broken)
    }
}
