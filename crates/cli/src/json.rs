//! Messages of the services as JSON for programs.
//!
//! The names are those of the contract. 64-bit numbers are numbers, bytes are hexadecimal, enums are names, what is
//! empty is there too; only the arm of a `oneof` that is not set is left out. A record's `json` becomes the object
//! `fields`.

use std::sync::OnceLock;

use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value as Wire,
};
use serde_json::{Map, Value};

use crate::hex;

/// The message whose `json` field is expanded.
const RECORD: &str = "shuniu.record.v1.Record";

/// A message of the services as JSON; `name` is its full name, such as `shuniu.record.v1.Record`.
///
/// # Errors
/// When the program was built wrongly: the name is not of the contract, or not that of the message.
pub fn of<M: Message>(name: &str, message: &M) -> anyhow::Result<Value> {
    let descriptor = pool()
        .and_then(|pool| pool.get_message_by_name(name))
        .ok_or_else(|| anyhow::anyhow!("the contract has no message {name}"))?;
    Ok(object(&DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())?))
}

fn pool() -> Option<&'static DescriptorPool> {
    static POOL: OnceLock<Option<DescriptorPool>> = OnceLock::new();
    POOL.get_or_init(|| DescriptorPool::decode(wire::DESCRIPTORS).ok()).as_ref()
}

fn object(message: &DynamicMessage) -> Value {
    let descriptor = message.descriptor();
    let is_record = descriptor.full_name() == RECORD;
    let mut map = Map::new();
    for field in descriptor.fields() {
        let is_set = message.has_field(&field);
        if field.containing_oneof().is_some() && !is_set {
            continue;
        }
        let value = message.get_field(&field);
        match value.as_str() {
            Some(json) if is_record && field.name() == "json" => map.insert("fields".into(), expanded(json)),
            _ if field.supports_presence() && !is_set => map.insert(field.name().into(), Value::Null),
            _ => map.insert(field.name().into(), one(&field, &value)),
        };
    }
    Value::Object(map)
}

/// The object in a text; the text itself when it holds none.
fn expanded(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|_| json.into())
}

fn one(field: &FieldDescriptor, value: &Wire) -> Value {
    match value {
        Wire::Bool(flag) => (*flag).into(),
        Wire::I32(number) => (*number).into(),
        Wire::I64(number) => (*number).into(),
        Wire::U32(number) => (*number).into(),
        Wire::U64(number) => (*number).into(),
        Wire::F32(number) => (*number).into(),
        Wire::F64(number) => (*number).into(),
        Wire::String(text) => text.as_str().into(),
        Wire::Bytes(bytes) => hex::encode(bytes).into(),
        Wire::EnumNumber(number) => enum_name(field, *number),
        Wire::Message(message) => object(message),
        Wire::List(values) => values.iter().map(|value| one(field, value)).collect(),
        Wire::Map(_) => Value::Null,
    }
}

fn enum_name(field: &FieldDescriptor, number: i32) -> Value {
    let Kind::Enum(values) = field.kind() else { return number.into() };
    values.get_value(number).map_or(number.into(), |value| value.name().into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wire::record::{Disputed, Filter, Record, Watermark};

    use super::*;

    #[test]
    fn a_record() {
        let record = Record {
            kind: "organization".into(),
            id: "00ff".into(),
            json: r#"{"name":"甲","capital_fen":9007199254740993}"#.into(),
            version: vec![1, 255],
            disputed: vec![Disputed { field: "name".into(), ..Default::default() }],
            ..Default::default()
        };
        assert_eq!(
            of(RECORD, &record).unwrap(),
            json!({
                "kind": "organization", "id": "00ff",
                "fields": {"name": "甲", "capital_fen": 9007199254740993_u64},
                "message": "", "version": "01ff", "home": "", "home_name": "", "deleted": false,
                "disputed": [{"field": "name", "label": "", "rule": "", "values": []}],
                "deliveries": [], "refused": "", "title": ""
            })
        );
    }

    #[test]
    fn numbers_enums_and_what_is_missing() {
        let mark = Watermark { computed_at_ms: u64::MAX, ..Default::default() };
        assert_eq!(of("shuniu.record.v1.Watermark", &mark).unwrap()["computed_at_ms"], json!(u64::MAX));
        let filter = Filter { comparison: 7, ..Default::default() };
        assert_eq!(of("shuniu.record.v1.Filter", &filter).unwrap()["comparison"], json!("CONTAINS"));
        let figure = wire::record::FigureAnswer::default();
        assert_eq!(of("shuniu.record.v1.FigureAnswer", &figure).unwrap()["watermark"], Value::Null);
        assert!(of("shuniu.record.v1.Nothing", &figure).is_err());
    }

    #[test]
    fn the_arm_of_a_oneof() {
        use wire::admin::{SyncEvent, SyncProgress, sync_event::Event};
        let event =
            SyncEvent { event: Some(Event::Progress(SyncProgress { pushed: 1, to_push: 2, pulled: 3 })) };
        assert_eq!(
            of("shuniu.admin.v1.SyncEvent", &event).unwrap(),
            json!({"progress": {"pushed": 1, "to_push": 2, "pulled": 3}})
        );
    }
}
