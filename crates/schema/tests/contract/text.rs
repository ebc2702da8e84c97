//! What people write becomes bytes, and what is stored is shown.

use proptest::prelude::*;
use schema::text::{check_raw, mask, parse_json, parse_text, show_text};
use schema::{Field, Schema};
use serde_json::json;

use crate::compile::{field, thing_of};

/// Writes `text` into a field, and expects to read `shown`.
#[track_caller]
fn good(field: &Field, text: &str, shown: &str) {
    let raw = parse_text(field, text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(show_text(field, &raw), shown, "{text}");
    check_raw(field, &raw).unwrap();
}

/// Writes `text` into a field, and expects a sentence with `reason`.
#[track_caller]
fn bad(field: &Field, text: &str, reason: &str) {
    let error = parse_text(field, text).expect_err(text).to_string();
    assert!(error.contains(reason), "{text}: expected “{reason}”, got “{error}”");
}

#[test]
fn texts() {
    let plain = field("optional string", "max_chars: 5");
    good(&plain, " 　东城街道 ", "东城街道");
    good(&plain, "", "");
    bad(&plain, "东城街道办事处", "太长：7，最多 5");
    bad(&plain, "a\nb", "U+000A");
    bad(&plain, "a\u{202e}b", "U+202E");
    good(&field("optional string", "format: MULTILINE"), "a\r\nb", "a\nb");
}

#[test]
fn codes() {
    let uscc = field("optional string", "format: USCC");
    good(&uscc, "53430000765617555e", "53430000765617555E");
    bad(&uscc, "5.31E+17", "表格软件");
    bad(&uscc, "53430000765617555I", "18 位");
    bad(&uscc, "1", "18 位");
    let division = field("optional string", "format: DIVISION");
    good(&division, "441900", "441900000000");
    good(&division, "440307009", "440307009000");
    bad(&division, "4419", "12 位");
    let phone = field("optional string", "format: PHONE privacy: PERSONAL");
    good(&phone, "0769-22012345 转 8", "0769-22012345 转 8");
    bad(&phone, "没有", "电话");
    let id = field("optional bytes", "format: BASE");
    good(&id, "018f0000-0000-7000-8000-00000000000A", "018f000000007000800000000000000a");
    bad(&id, "018f", "32 位十六进制");
    bad(&id, "018f-0000000070008000-00000000000a", "32 位十六进制");
}

#[test]
fn dates_and_ranges() {
    let date = field("optional string", "format: DATE");
    good(&date, "2024-02-29", "2024-02-29");
    bad(&date, "2023-02-29", "不是日期，应写成 2026-11-22");
    bad(&date, "2023/02/01", "不是日期");
    let range = field("optional schema.v1.Period", "");
    good(&range, "2017-04-25 至 2020-04-25", "2017-04-25 至 2020-04-25");
    good(&range, "至 2021-08-30", "至 2021-08-30");
    good(&range, "2021-08-30 至", "2021-08-30 至");
    good(&range, "至", "");
    bad(&range, "2021-08-30", "起止日期");
    bad(&range, "2021-08-30 至 2020-08-30", "结束早于开始");
    let instant = field("optional int64", "format: INSTANT");
    good(&instant, "2026-11-22 09:30", "2026-11-22 09:30");
    bad(&instant, "2026-11-22", "不是时间");
}

#[test]
fn numbers() {
    let money = field("optional int64", "format: FEN");
    for (text, shown) in [
        ("1234.50", "1234.50"),
        ("1,234.5", "1234.50"),
        ("-0.01", "-0.01"),
        ("￥12元", "12.00"),
        ("12.345600万元", "123456.00"),
        ("0.00", "0.00"),
    ] {
        good(&money, text, shown);
    }
    for text in ["1.005", ".5", "1.2.3", "+5", "一百", "12e3", "99999999999999999999"] {
        bad(&money, text, "不是金额");
    }
    bad(&money, "999999999999999999", "超出允许的大小");
    let whole = field("optional uint32", "");
    good(&whole, "1,204", "1204");
    bad(&whole, "-1", "超出");
    bad(&whole, "5000000000", "超出");
    bad(&whole, "1.5", "不是整数");
    good(&field("optional int32", "format: PERCENT"), "85%", "85%");
    let double = field("optional double", "");
    good(&double, "12.5", "12.5");
    for text in ["NaN", "inf", "x"] {
        bad(&double, text, "不是数字");
    }
    let flag = field("optional bool", "");
    good(&flag, "是", "是");
    good(&flag, "FALSE", "否");
    bad(&flag, "也许", "“是”或“否”");
}

#[test]
fn choices() {
    let color = field("optional Color", "");
    for text in ["红(色)", "红（色）", "RED", "COLOR_RED", "red", "赤", "1"] {
        good(&color, text, "红(色)");
    }
    bad(&color, "绿", "可选：红(色)、深蓝");
    bad(&color, "0", "可选");
    let class = Schema::embedded().kind("organization").unwrap().field_named("class").unwrap();
    for text in ["社会服务机构(民办非企业单位)", "社会服务机构（民办非企业单位）", "民办非企业单位", "ss"]
    {
        good(class, text, "社会服务机构");
    }
}

#[test]
fn sets() {
    let set = field("repeated string", "format: DIVISION");
    good(&set, "441900, 440300；441900、", "441900000000、440300000000");
    bad(&set, &"441900;".repeat(1_001), "太多");
    good(&field("repeated bytes", "format: BASE"), "", "");
}

#[test]
fn groups_and_steps_come_from_forms() {
    let pair = field("optional Pair", "");
    bad(&pair, "x", "在表单中填写");
    let raw = parse_json(&pair, &json!({"who": "张三", "paid": "12.5"})).unwrap();
    assert_eq!(show_text(&pair, &raw), "谁：张三；已付：12.50");
    assert!(parse_json(&pair, &json!({"who": "", "paid": null})).unwrap().is_empty());
    assert!(parse_json(&pair, &json!({"whom": "x"})).unwrap_err().to_string().contains("whom"));
    let schema = thing_of(
        "optional schema.v1.Step x = 1 [(schema.v1.field) = {label: '态' label_en: 'S' rule: WORKFLOW states: 'State'}];",
        crate::compile::MORE,
    );
    let step = &schema.unwrap().kinds[0].fields[0];
    bad(step, "办结", "在表单中填写");
    let value =
        json!({"from": "STATE_NEW", "to": "办结", "opinion": "同意\n盖章", "at_ms": 1_700_000_000_000_i64});
    let raw = parse_json(step, &value).unwrap();
    check_raw(step, &raw).unwrap();
    assert_eq!(show_text(step, &raw), "办结");
    assert!(parse_json(step, &json!({"to": "STATE_GONE"})).is_err());
}

#[test]
fn json_numbers_are_the_stored_ones() {
    let money = field("optional int64", "format: FEN");
    assert_eq!(parse_json(&money, &json!(1234)).unwrap(), parse_text(&money, "12.34").unwrap());
    for (field, wrong) in [
        (&money, json!(1.5)),
        (&field("optional string", ""), json!(1)),
        (&field("optional bool", ""), json!(1)),
        (&field("repeated string", ""), json!({})),
        (&field("optional uint32", ""), json!(-1)),
        (&field("optional string", ""), json!(["x"])),
    ] {
        assert!(parse_json(field, &wrong).unwrap_err().to_string().contains("形式不对"), "{wrong}");
    }
}

#[test]
fn masks() {
    let phone = field("optional string", "format: PHONE privacy: PERSONAL");
    let name = field("optional string", "privacy: PERSONAL");
    let open = field("optional string", "");
    assert_eq!(mask(&phone, "13800008000"), "138****8000");
    assert_eq!(mask(&phone, "12345"), "1*");
    assert_eq!(mask(&name, "李小明"), "李*");
    assert_eq!(mask(&name, ""), "");
    assert_eq!(mask(&open, "李小明"), "李小明");
}

#[test]
fn bytes_from_elsewhere() {
    let name = field("optional string", "max_chars: 3");
    let date = field("optional string", "format: DATE");
    for (field, raw) in [
        (&name, &[0x0a, 1, 0xff][..]),
        (&name, &[0x08, 1]),
        (&name, &[0x12, 1, b'x']),
        (&name, &[0x0a, 1, b'x', 0x0a, 1, b'y']),
        (&name, &[0x0a, 4, b'x', b'x', b'x', b'x']),
        (&name, &[0x0a, 1, 0]),
        (&name, &[0x0a]),
        (&date, &[0x0a, 1, b'x']),
        (&field("optional bool", ""), &[0x08, 2]),
        (&field("optional bytes", "format: BASE"), &[0x0a, 1, 7]),
        (&field("optional Pair", ""), &[0x0a, 2, 0x08, 1]),
    ] {
        assert!(check_raw(field, raw).is_err(), "{raw:x?}");
    }
    // An enum value and a part that only a newer program knows.
    check_raw(&field("optional Color", ""), &[0x08, 9]).unwrap();
    check_raw(&field("optional Pair", ""), &[0x0a, 2, 0x78, 1]).unwrap();
}

proptest! {
    #[test]
    fn nothing_panics(text in "\\PC{0,40}", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        for kind in &Schema::embedded().kinds {
            for field in &kind.fields {
                if let Ok(raw) = parse_text(field, &text) {
                    prop_assert!(check_raw(field, &raw).is_ok(), "{}: {}", field.name, text);
                }
                let _ = check_raw(field, &bytes);
                mask(field, &show_text(field, &bytes));
            }
        }
    }

    #[test]
    fn money_is_shown_as_it_was_written(fen in any::<i64>()) {
        let money = Schema::embedded().kind("organization").unwrap().field_named("capital_fen").unwrap();
        let raw = parse_json(money, &json!(fen)).unwrap();
        prop_assert_eq!(parse_text(money, &show_text(money, &raw)).unwrap(), raw);
    }
}
