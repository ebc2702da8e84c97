//! Protobuf bytes taken apart into their top-level fields, and put together again, without decoding them.
//!
//! Only the canonical encoding is accepted: one value has one spelling, so equal values are equal bytes.

use thiserror::Error;

/// The highest field number that protobuf allows.
pub const FIELD_NUMBER_MAX: u32 = (1 << 29) - 1;

/// One field as it stands in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawField<'a> {
    /// Its number.
    pub number: u32,
    /// The whole field, tag included.
    pub raw: &'a [u8],
    /// Its value.
    pub value: Value<'a>,
}

/// A value by its wire type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Integers, booleans and enums.
    Varint(u64),
    /// Doubles.
    Fixed64(u64),
    /// Floats.
    Fixed32(u32),
    /// Texts, bytes and messages.
    Bytes(&'a [u8]),
}

/// Why bytes are not a sequence of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RawError {
    /// The bytes end inside a field.
    #[error("the bytes end inside a field")]
    Truncated,
    /// A number is longer than 64 bits.
    #[error("a varint does not fit in 64 bits")]
    Overlong,
    /// A number is written with more bytes than it needs.
    #[error("a varint is written with more bytes than it needs")]
    NotMinimal,
    /// The field number is zero or too high.
    #[error("field number {number} is not allowed")]
    Number {
        /// The number.
        number: u64,
    },
    /// A group, or a wire type that does not exist.
    #[error("wire type {wire} of field {number} is not allowed")]
    WireType {
        /// The field.
        number: u32,
        /// The wire type.
        wire: u8,
    },
}

/// Splits bytes into their top-level fields; after an error it ends.
pub fn fields(bytes: &[u8]) -> Fields<'_> {
    Fields { rest: bytes, failed: false }
}

/// The iterator behind [`fields`].
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
    failed: bool,
}

impl<'a> Fields<'a> {
    /// What has not been read yet; after an error, from the field that could not be read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<RawField<'a>, RawError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() || self.failed {
            return None;
        }
        match read_field(self.rest) {
            Ok((field, rest)) => {
                self.rest = rest;
                Some(Ok(field))
            }
            Err(error) => {
                self.failed = true;
                Some(Err(error))
            }
        }
    }
}

fn read_field(bytes: &[u8]) -> Result<(RawField<'_>, &[u8]), RawError> {
    let (tag, rest) = varint(bytes)?;
    let number = match tag >> 3 {
        0 => return Err(RawError::Number { number: 0 }),
        number if number > u64::from(FIELD_NUMBER_MAX) => return Err(RawError::Number { number }),
        number => number as u32,
    };
    let (value, rest) = match (tag & 7) as u8 {
        0 => varint(rest).map(|(number, rest)| (Value::Varint(number), rest))?,
        1 => fixed(rest).map(|(bytes, rest)| (Value::Fixed64(u64::from_le_bytes(bytes)), rest))?,
        2 => delimited(rest).map(|(bytes, rest)| (Value::Bytes(bytes), rest))?,
        5 => fixed(rest).map(|(bytes, rest)| (Value::Fixed32(u32::from_le_bytes(bytes)), rest))?,
        wire => return Err(RawError::WireType { number, wire }),
    };
    let raw = &bytes[..bytes.len() - rest.len()];
    Ok((RawField { number, raw, value }, rest))
}

/// Reads a varint; answers it and what follows.
#[inline]
pub fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), RawError> {
    let mut number = 0u64;
    for (at, &byte) in bytes.iter().enumerate() {
        if at == 9 && byte > 1 {
            return Err(RawError::Overlong);
        }
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let minimal = byte != 0 || at == 0;
            return if minimal { Ok((number, &bytes[at + 1..])) } else { Err(RawError::NotMinimal) };
        }
    }
    Err(RawError::Truncated)
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), RawError> {
    bytes.split_first_chunk::<N>().map(|(head, rest)| (*head, rest)).ok_or(RawError::Truncated)
}

fn delimited(bytes: &[u8]) -> Result<(&[u8], &[u8]), RawError> {
    let (length, rest) = varint(bytes)?;
    let length = usize::try_from(length).map_err(|_| RawError::Truncated)?;
    rest.split_at_checked(length).ok_or(RawError::Truncated)
}

/// Appends a varint.
#[inline]
pub fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_tag(out: &mut Vec<u8>, number: u32, wire: u8) {
    put_varint(out, u64::from(number) << 3 | u64::from(wire));
}

/// Appends a field of text, bytes or a message.
pub fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_tag(out, number, 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a field of text.
pub fn put_text(out: &mut Vec<u8>, number: u32, text: &str) {
    put_bytes(out, number, text.as_bytes());
}

/// Appends an unsigned integer field.
pub fn put_uint(out: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(out, number, 0);
    put_varint(out, value);
}

/// Appends a signed integer or enum field.
pub fn put_int(out: &mut Vec<u8>, number: u32, value: i64) {
    put_uint(out, number, value as u64);
}

/// Appends a boolean field.
pub fn put_bool(out: &mut Vec<u8>, number: u32, value: bool) {
    put_uint(out, number, u64::from(value));
}

/// Appends a field of eight bytes.
pub fn put_fixed64(out: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(out, number, 1);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a double field.
pub fn put_double(out: &mut Vec<u8>, number: u32, value: f64) {
    put_fixed64(out, number, value.to_bits());
}

/// Appends a field of four bytes.
pub fn put_fixed32(out: &mut Vec<u8>, number: u32, value: u32) {
    put_tag(out, number, 5);
    out.extend_from_slice(&value.to_le_bytes());
}
