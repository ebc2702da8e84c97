//! One raw value, read as the type that the contract gives it.

use crate::model::{Field, FieldType};
use crate::raw::Value;

/// A value of a known type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// A text.
    Text(&'a str),
    /// Bytes, such as an id.
    Bytes(&'a [u8]),
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    UInt(u64),
    /// A number with a fraction.
    Double(f64),
    /// The number of an enum value, which this program may not know.
    Enum(i32),
    /// The fields of a group or of a step.
    Message(&'a [u8]),
}

/// The value as the field's type has it; nothing when the bytes do not fit the type.
#[inline]
pub fn scalar<'a>(field: &Field, value: Value<'a>) -> Option<Scalar<'a>> {
    Some(match (&field.ty, value) {
        (FieldType::Text, Value::Bytes(bytes)) => Scalar::Text(std::str::from_utf8(bytes).ok()?),
        (FieldType::Bytes, Value::Bytes(bytes)) => Scalar::Bytes(bytes),
        (FieldType::Bool, Value::Varint(number @ (0 | 1))) => Scalar::Bool(number == 1),
        (FieldType::Int32, Value::Varint(number)) => Scalar::Int(i32::try_from(number as i64).ok()?.into()),
        (FieldType::Int64, Value::Varint(number)) => Scalar::Int(number as i64),
        (FieldType::UInt32, Value::Varint(number)) => Scalar::UInt(u32::try_from(number).ok()?.into()),
        (FieldType::UInt64, Value::Varint(number)) => Scalar::UInt(number),
        (FieldType::Double, Value::Fixed64(bits)) => Scalar::Double(f64::from_bits(bits)),
        (FieldType::Enum(_), Value::Varint(number)) => Scalar::Enum(i32::try_from(number as i64).ok()?),
        (FieldType::Message(_) | FieldType::Step, Value::Bytes(bytes)) => Scalar::Message(bytes),
        _ => return None,
    })
}
