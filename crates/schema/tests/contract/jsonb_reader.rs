//! A reader of SQLite's JSONB, written from its specification and independent of the writer.

use serde_json::{Map, Number, Value};

/// The value in these bytes, all of them.
pub fn read(bytes: &[u8]) -> Value {
    let (value, rest) = element(bytes);
    assert!(rest.is_empty(), "{} bytes too many", rest.len());
    value
}

fn element(bytes: &[u8]) -> (Value, &[u8]) {
    let (ty, code) = (bytes[0] & 15, bytes[0] >> 4);
    let wide = match code {
        12 => 1,
        13 => 2,
        14 => 4,
        15 => 8,
        _ => 0,
    };
    let size = if wide == 0 {
        code.into()
    } else {
        bytes[1..=wide].iter().fold(0, |size, byte| size << 8 | usize::from(*byte))
    };
    let (payload, rest) = bytes[1 + wide..].split_at(size);
    (value(ty, payload), rest)
}

fn value(ty: u8, payload: &[u8]) -> Value {
    let text = || std::str::from_utf8(payload).unwrap();
    match ty {
        0 => Value::Null,
        1 => true.into(),
        2 => false.into(),
        3 => Value::Number(text().parse::<Number>().unwrap()),
        // Not by serde_json, which reads the last digit of a double less exactly than Rust does.
        5 => text().parse::<f64>().unwrap().into(),
        10 => text().into(),
        11 => elements(payload).into(),
        12 => Value::Object(object(elements(payload))),
        other => panic!("type {other}"),
    }
}

fn elements(mut payload: &[u8]) -> Vec<Value> {
    let mut values = Vec::new();
    while !payload.is_empty() {
        let (value, rest) = element(payload);
        values.push(value);
        payload = rest;
    }
    values
}

fn object(labels_and_values: Vec<Value>) -> Map<String, Value> {
    let (pairs, rest) = labels_and_values.as_chunks::<2>();
    assert!(rest.is_empty());
    pairs.iter().map(|[label, value]| (label.as_str().unwrap().to_owned(), value.clone())).collect()
}
