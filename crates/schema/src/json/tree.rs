//! The body as a tree of `serde_json`.

use serde_json::{Map, Value};

use super::{Body, UNKNOWN, known_field, values};
use crate::model::{Field, Kind};
use crate::value::Scalar;

/// The shown body as JSON.
pub fn to_json(kind: &Kind, body: &[u8]) -> Map<String, Value> {
    object(&kind.fields, body)
}

fn object(known: &[Field], body: &[u8]) -> Map<String, Value> {
    let body = Body::split(body);
    let mut map = Map::new();
    for group in body.groups() {
        let Some(field) = known_field(known, group) else { continue };
        let mut shown: Vec<Value> = values(field, group).map(|value| one(field, value)).collect();
        let value = if field.repeated { Some(Value::Array(shown)) } else { shown.pop() };
        map.extend(value.map(|value| (field.name.clone(), value)));
    }
    let unknown: Map<String, Value> =
        body.unknown(known).map(|(number, raws)| (number.to_string(), Value::String(hex(raws)))).collect();
    if !unknown.is_empty() {
        map.insert(UNKNOWN.to_owned(), Value::Object(unknown));
    }
    map
}

fn one(field: &Field, value: Scalar<'_>) -> Value {
    match value {
        Scalar::Text(text) => text.into(),
        Scalar::Bytes(bytes) => hex([bytes].into_iter()).into(),
        Scalar::Bool(flag) => flag.into(),
        Scalar::Int(number) => number.into(),
        Scalar::UInt(number) => number.into(),
        Scalar::Double(number) => number.into(),
        Scalar::Enum(number) => match field.enumeration().and_then(|values| values.value(number)) {
            Some(value) => value.name.clone().into(),
            None => number.into(),
        },
        Scalar::Message(body) => Value::Object(object(field.parts(), body)),
    }
}

fn hex<'a>(raws: impl Iterator<Item = &'a [u8]>) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    raws.flatten().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
