//! Reading and writing the primitive parts of the canonical encoding.

use crate::codec::Corrupt;

/// Appends an unsigned LEB128 number in its shortest form.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a length and the bytes.
pub(crate) fn put_block(out: &mut Vec<u8>, block: &[u8]) {
    put_varint(out, block.len() as u64);
    out.extend_from_slice(block);
}

/// A cursor over borrowed bytes; every read is checked.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Corrupt> {
        if len > self.rest.len() {
            return Err(Corrupt::Truncated);
        }
        let (head, tail) = self.rest.split_at(len);
        self.rest = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        self.take(N)?.try_into().map_err(|_| Corrupt::Truncated)
    }

    /// A number in its shortest form; a longer form of the same number would give one state two encodings.
    pub(crate) fn varint(&mut self) -> Result<u64, Corrupt> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7F);
            if shift == 63 && bits > 1 {
                return Err(Corrupt::Number);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return if byte == 0 && shift > 0 { Err(Corrupt::Number) } else { Ok(value) };
            }
        }
        Err(Corrupt::Number)
    }

    /// A number that must fit a length or an index.
    pub(crate) fn size(&mut self) -> Result<usize, Corrupt> {
        usize::try_from(self.varint()?).map_err(|_| Corrupt::Number)
    }

    pub(crate) fn block(&mut self) -> Result<&'a [u8], Corrupt> {
        let len = self.size()?;
        self.take(len)
    }

    /// One protobuf field as it stands: its number and all its bytes, tag included.
    pub(crate) fn raw_field(&mut self) -> Result<(u32, &'a [u8]), Corrupt> {
        let start = self.rest;
        let tag = self.varint()?;
        let number = field_number(tag >> 3)?;
        match tag & 7 {
            0 => drop(self.varint()?),
            1 => drop(self.take(8)?),
            2 => drop(self.block()?),
            5 => drop(self.take(4)?),
            _ => return Err(Corrupt::Field),
        }
        Ok((number, &start[..start.len() - self.rest.len()]))
    }
}

/// The largest field number of protobuf.
const MAX_FIELD_NUMBER: u32 = (1 << 29) - 1;

pub(crate) fn field_number(number: u64) -> Result<u32, Corrupt> {
    u32::try_from(number).ok().filter(|n| (1..=MAX_FIELD_NUMBER).contains(n)).ok_or(Corrupt::Field)
}
