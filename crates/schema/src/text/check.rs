//! Values that arrive from elsewhere as bytes.

use super::bad::BadValue;
use super::parse::{check_count, is_reversed};
use super::words;
use crate::limits::BYTES_MAX;
use crate::model::{Field, find};
use crate::options::Format;
use crate::raw::fields;
use crate::value::{Scalar, scalar};

/// Whether raw bytes are a value that this field could have been given by a person.
///
/// Enum values and parts of groups that this program does not know pass: a newer program wrote them.
pub fn check_raw(field: &Field, raw: &[u8]) -> Result<(), BadValue> {
    let malformed = || BadValue::Malformed { label: field.label.clone() };
    let mut count = 0;
    for found in fields(raw) {
        let found = found.map_err(|_| malformed())?;
        if found.number != field.number || count > 0 && !field.repeated {
            return Err(malformed());
        }
        check_value(field, scalar(field, found.value).ok_or_else(malformed)?)?;
        count += 1;
    }
    check_count(count)
}

fn check_value(field: &Field, value: Scalar<'_>) -> Result<(), BadValue> {
    match value {
        Scalar::Text(text) => words::check(field, text),
        Scalar::Bytes(bytes) => check_bytes(field, bytes),
        Scalar::Double(number) if !number.is_finite() => Err(BadValue::Number { text: number.to_string() }),
        Scalar::Message(body) => check_group(field, body),
        _ => Ok(()),
    }
}

fn check_bytes(field: &Field, bytes: &[u8]) -> Result<(), BadValue> {
    let id = matches!(field.format, Format::Base | Format::Record);
    if id && bytes.len() != 16 {
        return Err(BadValue::Malformed { label: field.label.clone() });
    }
    if bytes.len() > BYTES_MAX {
        return Err(BadValue::TooLong { length: bytes.len(), max: BYTES_MAX });
    }
    Ok(())
}

fn check_group(field: &Field, body: &[u8]) -> Result<(), BadValue> {
    let mut known = std::collections::BTreeMap::<u32, Vec<u8>>::new();
    for found in fields(body) {
        let found = found.map_err(|_| BadValue::Malformed { label: field.label.clone() })?;
        known.entry(found.number).or_default().extend(found.raw);
    }
    for (number, raw) in &known {
        if let Some(part) = find(field.parts(), *number) {
            check_raw(part, raw)?;
        }
    }
    if is_reversed(field, body) {
        return Err(BadValue::RangeReversed { text: field.label.clone() });
    }
    Ok(())
}
