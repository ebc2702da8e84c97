//! A contract that came from elsewhere: its version, its limits, and what it may change.

use schema::{Schema, SchemaError};

use crate::compile;

const PARTS: &str = "
    enum Color { COLOR_UNSPECIFIED = 0; COLOR_RED = 1 [(schema.v1.value) = {label: '红'}]; }
    message Pair { optional string who = 1 [(schema.v1.field) = {label: '谁' label_en: 'Who'}]; }";

fn field(ty: &str, number: u32, options: &str) -> String {
    format!("{ty} x{number} = {number} [(schema.v1.field) = {{label: '项' label_en: 'X' {options}}}];")
}

#[track_caller]
fn check(old: [&str; 2], new: [&str; 2], expected: Option<&str>) {
    let of = |[fields, parts]: [&str; 2]| compile::thing_of(fields, parts).unwrap();
    let checked = of(old).check_successor(&of(new));
    match expected {
        None => assert_eq!(checked, Ok(())),
        Some(words) => {
            let error = checked.expect_err(words).to_string();
            assert!(error.contains(words) && error.contains("东西"), "expected “{words}”, got “{error}”");
        }
    }
}

#[test]
fn adding_is_taken_and_changing_is_not() {
    let text = field("optional string", 1, "rule: OWNER_ONLY");
    let more = text.clone() + &field("optional int64", 2, "rule: LATEST");
    check([&text, ""], [&more, ""], None);
    let renamed = text.replace("'项'", "'项目'").replace("rule:", "required: true max_chars: 9 rule:");
    check([&text, ""], [&renamed, ""], None);
    check([&more, ""], [&text, ""], Some("字段不见了"));
    for (changed, words) in [
        (field("optional bytes", 1, "rule: OWNER_ONLY"), "类型"),
        (field("optional string", 1, "rule: LATEST"), "冲突规则"),
        (field("optional string", 1, "rule: OWNER_ONLY owner: ROOT"), "数源"),
        (field("optional string", 1, "rule: OWNER_ONLY stays_home: true"), "是否出本节点"),
        (text.replace(" x1 ", " y "), "字段名"),
    ] {
        check([&text, ""], [&changed, ""], Some(words));
    }
    let set = field("repeated string", 1, "rule: UNION");
    check([&set, ""], [&field("optional string", 1, "rule: LATEST"), ""], Some("类型"));
}

#[test]
fn values_and_parts_keep_their_meaning() {
    let color = field("optional Color", 1, "rule: LATEST");
    let more = PARTS.replace("COLOR_RED", "COLOR_BLUE = 2 [(schema.v1.value) = {label: '蓝'}]; COLOR_RED");
    check([&color, PARTS], [&color, &more], None);
    check([&color, &more], [&color, PARTS], Some("可选的值"));
    check([&color, PARTS], [&color, &PARTS.replace("COLOR_RED", "COLOR_DARK")], Some("可选的值"));
    let pair = field("optional Pair", 1, "rule: LATEST");
    let wider = PARTS.replace(
        "message Pair {",
        "message Pair { optional string at = 2 [(schema.v1.field) = {label: '何处' label_en: 'At'}];",
    );
    check([&pair, PARTS], [&pair, &wider], None);
    check([&pair, &wider], [&pair, PARTS], Some("字段不见了"));
    check([&pair, PARTS], [&pair, &PARTS.replace("string who", "int64 who")], Some("类型"));
}

#[test]
fn kinds_stay_and_keep_their_owners() {
    let embedded = Schema::embedded();
    assert_eq!(embedded.check_successor(embedded), Ok(()));
    let mut fewer = embedded.clone();
    fewer.kinds.pop();
    assert_eq!(fewer.check_successor(embedded), Ok(()), "a new kind only adds");
    let error = embedded.check_successor(&fewer).unwrap_err().to_string();
    assert!(error.contains("类别不见了") && error.contains("请先升级本节点的程序"), "{error}");
    let mut open = embedded.clone();
    open.kinds[0].creator = schema::Who::Home;
    assert!(embedded.check_successor(&open).unwrap_err().to_string().contains("谁可新建"));
}

/// The version is an option of one file; the first contract did not have it yet.
#[test]
fn a_contract_tells_its_version() {
    let name = "shuniu/schema/v1/options.proto";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto").join(name);
    let source = std::fs::read_to_string(path).unwrap();
    let present = format!("option (contract_version) = {};", Schema::embedded().version);
    assert!(Schema::embedded().version > 1 && source.contains(&present));
    for (line, version) in [("", 1), ("option (contract_version) = 41;", 41)] {
        let bytes = compile::descriptors(name, &source.replace(&present, line), &[]);
        assert_eq!(Schema::from_descriptors(&bytes).unwrap().version, version);
    }
}

/// A few kilobytes that stand for millions of fields, and a set that is simply too long.
#[test]
fn a_contract_has_limits() {
    let wide = |name: &str, of: &str| {
        let parts = (1..=60).map(|n| {
            format!("optional {of} x{n} = {n} [(schema.v1.field) = {{label: '项' label_en: 'X'}}];")
        });
        format!("message {name} {{ {} }}", parts.collect::<String>())
    };
    let nested = [wide("A", "B"), wide("B", "C"), wide("C", "string")].concat();
    let fields: String = (1..=3).map(|n| field("optional A", n, "rule: LATEST")).collect();
    assert_eq!(
        compile::thing_of(&fields, &nested).unwrap_err(),
        SchemaError::TooLarge { what: "fields and values", max: 100_000 }
    );
    let flat: String = (1..=1_001).map(|n| field("optional string", n, "rule: LATEST")).collect();
    assert!(matches!(compile::thing_of(&flat, ""), Err(SchemaError::ViewTooWide { .. })));
    let long = vec![0; schema::limits::DESCRIPTOR_BYTES_MAX + 1];
    assert!(matches!(Schema::from_descriptors(&long), Err(SchemaError::TooLarge { what: "bytes", .. })));
}
