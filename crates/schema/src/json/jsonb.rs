//! The body as JSONB of SQLite ≥ 3.45, <https://sqlite.org/jsonb.html>, written straight from the raw fields.
//!
//! An element is a header and a payload. The low half of the first header byte is the type; the high half is the
//! size of the payload up to 11, or says that one, two, four or eight bytes of size follow.

use std::io::Write;

use super::{Body, UNKNOWN, known_field, values};
use crate::model::{Field, Kind, find};
use crate::value::{Scalar, scalar};

const NULL: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const INT: u8 = 3;
const FLOAT: u8 = 5;
/// Text as it is, without JSON escapes.
const TEXTRAW: u8 = 10;
const ARRAY: u8 = 11;
const OBJECT: u8 = 12;

/// Appends the shown body as JSONB, in the shape of [`super::to_json`].
pub fn to_jsonb(kind: &Kind, body: &[u8], out: &mut Vec<u8>) {
    object(&kind.fields, body, out);
}

fn object(known: &[Field], body: &[u8], out: &mut Vec<u8>) {
    let body = Body::split(body);
    container(out, OBJECT, |out| {
        let mut unknown = !body.unreadable.is_empty();
        for group in body.groups() {
            // Nearly all fields occur once; such a one is read once.
            if let [only] = group
                && let Some(field) = find(known, only.number)
                && let Some(value) = scalar(field, only.value)
            {
                leaf(out, TEXTRAW, field.name.as_bytes());
                match field.repeated {
                    true => container(out, ARRAY, |out| one(field, value, out)),
                    false => one(field, value, out),
                }
                continue;
            }
            let Some(field) = known_field(known, group) else {
                unknown = true;
                continue;
            };
            leaf(out, TEXTRAW, field.name.as_bytes());
            if field.repeated {
                container(out, ARRAY, |out| values(field, group).for_each(|value| one(field, value, out)));
            } else {
                values(field, group).for_each(|value| one(field, value, out));
            }
        }
        if unknown {
            leaf(out, TEXTRAW, UNKNOWN.as_bytes());
            container(out, OBJECT, |out| write_unknown(&body, known, out));
        }
    });
}

fn write_unknown(body: &Body<'_>, known: &[Field], out: &mut Vec<u8>) {
    for (number, raws) in body.unknown(known) {
        formatted(out, TEXTRAW, format_args!("{number}"));
        container(out, TEXTRAW, |out| raws.for_each(|raw| hex(raw, out)));
    }
}

fn one(field: &Field, value: Scalar<'_>, out: &mut Vec<u8>) {
    match value {
        Scalar::Text(text) => leaf(out, TEXTRAW, text.as_bytes()),
        Scalar::Bytes(bytes) => container(out, TEXTRAW, |out| hex(bytes, out)),
        Scalar::Bool(flag) => leaf(out, if flag { TRUE } else { FALSE }, &[]),
        Scalar::Int(number) => formatted(out, INT, format_args!("{number}")),
        Scalar::UInt(number) => formatted(out, INT, format_args!("{number}")),
        Scalar::Double(number) if number.is_finite() => formatted(out, FLOAT, format_args!("{number:?}")),
        Scalar::Double(_) => leaf(out, NULL, &[]),
        Scalar::Enum(number) => match field.enumeration().and_then(|values| values.value(number)) {
            Some(value) => leaf(out, TEXTRAW, value.name.as_bytes()),
            None => formatted(out, INT, format_args!("{number}")),
        },
        Scalar::Message(body) => object(field.parts(), body, out),
    }
}

fn leaf(out: &mut Vec<u8>, ty: u8, payload: &[u8]) {
    let (header, length) = header(ty, payload.len());
    out.extend_from_slice(&header[..length]);
    out.extend_from_slice(payload);
}

fn formatted(out: &mut Vec<u8>, ty: u8, text: std::fmt::Arguments<'_>) {
    container(out, ty, |out| {
        // Writing into a Vec does not fail.
        let _ = out.write_fmt(text);
    });
}

/// Writes the payload first, then moves it to make room for the header, whose length depends on its size.
fn container(out: &mut Vec<u8>, ty: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.push(0);
    fill(out);
    let end = out.len();
    let (header, length) = header(ty, end - start - 1);
    if length > 1 {
        out.resize(end + length - 1, 0);
        out.copy_within(start + 1..end, start + length);
    }
    out[start..start + length].copy_from_slice(&header[..length]);
}

fn header(ty: u8, size: usize) -> ([u8; 9], usize) {
    let bytes = (size as u64).to_be_bytes();
    let (code, length) = match size {
        0..=11 => return ([size as u8 * 16 + ty, 0, 0, 0, 0, 0, 0, 0, 0], 1),
        12..=0xff => (12, 1),
        0x100..=0xffff => (13, 2),
        0x1_0000..=0xffff_ffff => (14, 4),
        _ => (15, 8),
    };
    let mut header = [code * 16 + ty, 0, 0, 0, 0, 0, 0, 0, 0];
    header[1..=length].copy_from_slice(&bytes[8 - length..]);
    (header, 1 + length)
}

fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_of_the_specification() {
        for (ty, size, expected) in [
            (NULL, 0, &[0x00][..]),
            (TRUE, 0, &[0x01]),
            (INT, 1, &[0x13]),
            (TEXTRAW, 11, &[0xba]),
            (TEXTRAW, 12, &[0xca, 0x0c]),
            (OBJECT, 255, &[0xcc, 0xff]),
            (OBJECT, 256, &[0xdc, 0x01, 0x00]),
            (ARRAY, 70_000, &[0xeb, 0x00, 0x01, 0x11, 0x70]),
        ] {
            let (header, length) = header(ty, size);
            assert_eq!(&header[..length], expected, "type {ty}, size {size}");
        }
    }
}
