//! From the JSON of a form.

use serde_json::{Map, Value};

use super::bad::BadValue;
use super::parse::{check_count, choice, parse_text, push_new, put, put_group};
use crate::model::{Field, FieldType};
use crate::raw::{put_bool, put_double, put_int, put_uint};

/// The raw field for a JSON value; no bytes for `null`, an empty text or an empty list.
///
/// A text is read as [`super::parse_text`] reads it. A number is the stored one: fen for money, milliseconds for
/// instants. Groups and steps are objects; of a step `from` and `to` are states by name, label or number.
pub fn parse_json(field: &Field, value: &Value) -> Result<Vec<u8>, BadValue> {
    let mut out = Vec::new();
    match value {
        Value::String(text) if field.repeated => return parse_text(field, text),
        Value::Null => {}
        Value::Array(values) if field.repeated => return elements(field, values),
        _ if field.repeated => return Err(wrong(field)),
        one => put_json(field, one, &mut out)?,
    }
    Ok(out)
}

fn elements(field: &Field, values: &[Value]) -> Result<Vec<u8>, BadValue> {
    check_count(values.len())?;
    let mut seen = Vec::new();
    for value in values {
        let mut one = Vec::new();
        put_json(field, value, &mut one)?;
        push_new(&mut seen, one);
    }
    Ok(seen.concat())
}

fn put_json(field: &Field, value: &Value, out: &mut Vec<u8>) -> Result<(), BadValue> {
    match (value, &field.ty) {
        (Value::Null, _) => Ok(()),
        (Value::String(text), _) => put(field, text, out),
        (Value::Bool(flag), FieldType::Bool) => {
            put_bool(out, field.number, *flag);
            Ok(())
        }
        (Value::Number(number), _) => put_number(field, number, out).ok_or_else(|| wrong(field))?,
        (Value::Object(object), FieldType::Message(_) | FieldType::Step) => put_object(field, object, out),
        _ => Err(wrong(field)),
    }
}

fn put_number(field: &Field, value: &serde_json::Number, out: &mut Vec<u8>) -> Option<Result<(), BadValue>> {
    let number = field.number;
    match &field.ty {
        FieldType::Int32 => put_int(out, number, i32::try_from(value.as_i64()?).ok()?.into()),
        FieldType::Int64 => put_int(out, number, value.as_i64()?),
        FieldType::UInt32 => put_uint(out, number, u32::try_from(value.as_u64()?).ok()?.into()),
        FieldType::UInt64 => put_uint(out, number, value.as_u64()?),
        FieldType::Double => put_double(out, number, value.as_f64()?),
        FieldType::Enum(values) => match choice(values, &value.to_string()) {
            Ok(chosen) => put_int(out, number, chosen.into()),
            Err(error) => return Some(Err(error)),
        },
        _ => return None,
    }
    Some(Ok(()))
}

fn put_object(field: &Field, object: &Map<String, Value>, out: &mut Vec<u8>) -> Result<(), BadValue> {
    let known = |name: &String| field.parts().iter().any(|part| part.name == *name);
    if let Some(part) = object.keys().find(|name| !known(name)) {
        return Err(BadValue::UnknownPart { label: field.label.clone(), part: super::bad::quote(part) });
    }
    let mut body = Vec::new();
    for part in field.parts() {
        if let Some(value) = object.get(&part.name) {
            body.extend(parse_json(part, value)?);
        }
    }
    put_group(field, &body, out)
}

fn wrong(field: &Field) -> BadValue {
    BadValue::Json { label: field.label.clone(), expected: expected(field) }
}

fn expected(field: &Field) -> &'static str {
    match &field.ty {
        _ if field.repeated => "列表",
        FieldType::Text | FieldType::Bytes | FieldType::Enum(_) => "文字",
        FieldType::Bool => "是或否",
        FieldType::Int32 | FieldType::Int64 | FieldType::UInt32 | FieldType::UInt64 => "整数",
        FieldType::Double => "数字",
        FieldType::Message(_) | FieldType::Step => "一组内容",
    }
}
