//! A body as JSON, and as JSONB of the same shape.

use proptest::prelude::*;
use schema::json::{to_json, to_jsonb};
use schema::raw::{put_bytes, put_int, put_text, put_uint};
use schema::text::{parse_json, parse_text};
use schema::{Kind, Schema};
use serde_json::{Value, json};

use crate::jsonb_reader;

fn kind(name: &str) -> &'static Kind {
    Schema::embedded().kind(name).unwrap()
}

fn jsonb(kind: &Kind, body: &[u8]) -> Value {
    let mut out = Vec::new();
    to_jsonb(kind, body, &mut out);
    jsonb_reader::read(&out)
}

#[track_caller]
fn check(kind: &Kind, body: &[u8], expected: Value) {
    let tree = Value::Object(to_json(kind, body));
    assert_eq!(tree, expected);
    assert_eq!(jsonb(kind, body), expected);
}

#[test]
fn an_organization() {
    let kind = kind("organization");
    let mut body = Vec::new();
    for (name, text) in [
        ("uscc", "51100000500021676K"),
        ("name", "测试\"协会\""),
        ("class", "社会团体"),
        ("capital_fen", "2000000.00"),
        ("certificate_validity", "2017-04-25 至"),
        ("charity", "是"),
    ] {
        body.extend(parse_text(kind.field_named(name).unwrap(), text).unwrap());
    }
    check(
        kind,
        &body,
        json!({
            "uscc": "51100000500021676K",
            "name": "测试\"协会\"",
            "class": "CLASS_ST",
            "capital_fen": 200_000_000,
            "certificate_validity": {"from": "2017-04-25"},
            "charity": true,
        }),
    );
}

#[test]
fn steps_sets_and_ids() {
    let kind = kind("base");
    let mut body = parse_text(kind.field_named("parent").unwrap(), &"0a".repeat(16)).unwrap();
    body.extend(parse_text(kind.field_named("jurisdiction").unwrap(), "441900,440300").unwrap());
    body.extend(parse_text(kind.field_named("area_m2").unwrap(), "12").unwrap());
    body.extend(parse_text(kind.field_named("functions").unwrap(), "党建引领，宣传展示").unwrap());
    let expected = json!({
        "parent": "0a".repeat(16),
        "jurisdiction": ["441900000000", "440300000000"],
        "area_m2": 12.0,
        "functions": ["FUNCTION_PARTY", "FUNCTION_SHOW"],
    });
    check(kind, &body, expected);

    let kind = self::kind("booking");
    let state = kind.field_named("state").unwrap();
    let step = json!({"from": "STATE_TENTATIVE", "to": "STATE_CONFIRMED", "opinion": "可以", "at_ms": 1_700_000_000_000_i64});
    check(kind, &parse_json(state, &step).unwrap(), json!({"state": step}));
}

#[test]
fn what_is_unknown_is_kept() {
    let kind = kind("organization");
    let mut body = Vec::new();
    put_text(&mut body, 500, "new");
    put_text(&mut body, 2, "名");
    put_int(&mut body, 3, -7);
    put_uint(&mut body, 1, 5);
    put_bytes(&mut body, 13, &[0x78, 1]);
    put_bytes(&mut body, 9, &[0xff]);
    body.extend([0x0b, 0x01]);
    check(
        kind,
        &body,
        json!({
            "name": "名",
            "class": -7,
            "certificate_validity": {"_unknown": {"15": "7801"}},
            "_unknown": {"0": "0b01", "1": "0805", "9": "4a01ff", "500": "a21f036e6577"},
        }),
    );
}

#[test]
fn the_last_value_of_a_single_field_counts() {
    let mut body = Vec::new();
    put_text(&mut body, 2, "旧");
    put_text(&mut body, 2, "新");
    check(kind("organization"), &body, json!({"name": "新"}));
}

#[test]
fn jsonb_bytes_of_the_specification() {
    let mut body = Vec::new();
    put_text(&mut body, 1, "x");
    let mut out = vec![0xaa];
    to_jsonb(kind("notice"), &body, &mut out);
    // {"title":"x"}: an object of 8 bytes, the label of 5, the value of 1.
    assert_eq!(out, b"\xaa\x8c\x5atitle\x1ax");
    // 8 + 5 for the label + 3 + 300 for the value are 316 bytes: two bytes of size.
    out.clear();
    put_text(&mut body, 3, &"y".repeat(300));
    to_jsonb(kind("notice"), &body, &mut out);
    assert_eq!(out[..4], [0xdc, 0x01, 0x3c, 0x5a]);
}

proptest! {
    #[test]
    fn both_have_one_shape(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for kind in &Schema::embedded().kinds {
            prop_assert_eq!(jsonb(kind, &bytes), Value::Object(to_json(kind, &bytes)));
        }
    }

    /// Fields with small numbers and plausible wire types, which random bytes seldom are.
    #[test]
    fn both_have_one_shape_for_fields(
        parts in prop::collection::vec((1u32..24, any::<u64>(), prop::collection::vec(any::<u8>(), 0..20), 0u8..3), 0..20)
    ) {
        let mut body = Vec::new();
        for (number, value, bytes, way) in parts {
            match way {
                0 => put_uint(&mut body, number, value >> (value % 64)),
                1 => put_bytes(&mut body, number, &bytes),
                _ => schema::raw::put_fixed64(&mut body, number, value),
            }
        }
        for kind in &Schema::embedded().kinds {
            let (tree, binary) = (Value::Object(to_json(kind, &body)), jsonb(kind, &body));
            prop_assert_eq!(binary, tree);
        }
    }
}
