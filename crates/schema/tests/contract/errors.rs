//! Every mistake in a contract is refused, and named with its place.

use schema::Schema;

use crate::compile::{MORE, thing, thing_of};

#[track_caller]
fn check(result: Result<Schema, schema::SchemaError>, expected: &str) {
    let error = result.expect_err(expected).to_string();
    assert!(error.contains(expected), "expected “{expected}”, got “{error}”");
}

#[test]
fn kinds() {
    let field = "optional string x = 1 [(schema.v1.field) = {label: '项' label_en: 'X' rule: LATEST}];";
    for (options, expected) in [
        ("label_en: 'T' creator: HOME audience_default: NONE", "thing has no label"),
        ("label: '东' creator: HOME audience_default: NONE", "thing has no label_en"),
        ("label: '东' label_en: 'T' audience_default: NONE", "thing has no creator"),
        ("label: '东' label_en: 'T' creator: HOME", "thing has no audience_default"),
        (
            "label: '东' label_en: 'T' creator: HOME audience_default: NONE natural_key: 'y'",
            "natural_key names the unknown field y",
        ),
        (
            "label: '东' label_en: 'T' creator: HOME audience_default: NONE figure_distinct: 'y'",
            "figure_distinct names the unknown field y",
        ),
        ("label: '东' label_en: 'T' creator: HOME audience_default: NONE code_table: true", "table of codes"),
        (
            "label: '东' label_en: 'T' creator: HOME audience_default: NONE registry: true",
            "must have the role PARENT",
        ),
        (
            "label: '东' label_en: 'T' creator: HOME audience_default: NONE correction: true",
            "must have the role TARGET_KIND",
        ),
    ] {
        check(
            thing(&format!("message Thing {{ option (schema.v1.kind) = {{{options}}}; {field} }}")),
            expected,
        );
    }
}

#[test]
fn two_kinds_in_one_package() {
    let options =
        "option (schema.v1.kind) = {label: '东' label_en: 'T' creator: HOME audience_default: NONE};";
    check(thing(&format!("message A {{ {options} }} message B {{ {options} }}")), "thing is defined twice");
}

#[test]
fn fields() {
    for (declaration, options, expected) in [
        ("optional string", "label: '项' label_en: 'X'", "thing.x has no rule"),
        ("optional string", "label_en: 'X' rule: LATEST", "thing.x has no label"),
        ("optional string", "label: '项' rule: LATEST", "thing.x has no label_en"),
        ("optional string", "label: '项' label_en: 'X' rule: LATEST ref: 'stall'", "unknown kind stall"),
        ("optional string", "label: '项' label_en: 'X' rule: OWNER_ONLY owner: NAMED", "needs owner_field"),
        (
            "optional string",
            "label: '项' label_en: 'X' rule: OWNER_ONLY owner: NAMED owner_field: 'y'",
            "owner_field names the unknown field y",
        ),
        ("optional string", "label: '项' label_en: 'X' rule: UNION", "UNION needs a repeated field"),
        ("optional string", "label: '项' label_en: 'X' rule: STRICTEST", "STRICTEST needs"),
        ("optional string", "label: '项' label_en: 'X' rule: LATEST format: FEN", "format FEN does not fit"),
        ("optional int64", "label: '项' label_en: 'X' rule: LATEST format: DATE", "format DATE does not fit"),
        (
            "optional bytes",
            "label: '项' label_en: 'X' rule: LATEST format: RECORD",
            "format RECORD does not fit",
        ),
        ("optional float", "label: '项' label_en: 'X' rule: LATEST", "unsupported type float"),
        ("optional sint64", "label: '项' label_en: 'X' rule: LATEST", "unsupported type sint64"),
        ("map<string, string>", "label: '项' label_en: 'X' rule: LATEST", "unsupported type map"),
        ("string", "label: '项' label_en: 'X' rule: LATEST", "must be `optional`"),
        ("repeated uint32", "label: '项' label_en: 'X' rule: UNION", "packed = false"),
        ("optional string", "label: '项' label_en: 'X' rule: WORKFLOW", "WORKFLOW and the type"),
        ("optional schema.v1.Step", "label: '项' label_en: 'X' rule: LATEST", "WORKFLOW and the type"),
        ("optional schema.v1.Step", "label: '项' label_en: 'X' rule: WORKFLOW", "thing.x has no states"),
        ("optional schema.v1.Step", "label: '项' label_en: 'X' rule: WORKFLOW states: 'Y'", "unknown enum Y"),
        (
            "optional schema.v1.Step",
            "label: '项' label_en: 'X' rule: WORKFLOW states: 'Color'",
            "no initial state",
        ),
    ] {
        check(thing_of(&format!("{declaration} x = 1 [(schema.v1.field) = {{{options}}}];"), MORE), expected);
    }
}

#[test]
fn fields_in_company() {
    let x = |number: u32, name: &str, options: &str| {
        format!(
            "optional string {name} = {number} [(schema.v1.field) = {{label: '项' label_en: 'X' rule: LATEST {options}}}];"
        )
    };
    for (fields, expected) in [
        ("optional string x = 1;".to_owned(), "thing.x has no rule"),
        (x(20_000, "x", ""), "20000 is reserved"),
        (x(1, "home", ""), "two columns of its view would be called home"),
        (x(1, "x", "column: TITLE") + &x(2, "y", "column: TITLE"), "fields x and y both have TITLE"),
        (
            x(1, "p_who", "")
                + "optional Pair p = 2 [(schema.v1.field) = {label: '对' label_en: 'P' rule: LATEST}];",
            "called p_who",
        ),
        (format!("oneof either {{ {} }}", x(1, "x", "").replace("optional ", "")), "unsupported type oneof"),
    ] {
        check(thing_of(&fields, MORE), expected);
    }
}

#[test]
fn groups() {
    let group = "optional Group x = 1 [(schema.v1.field) = {label: '组' label_en: 'G' rule: LATEST}];";
    for (parts, expected) in [
        ("optional string y = 1;", "thing.y has no label"),
        (
            "optional string y = 1 [(schema.v1.field) = {label: '项' label_en: 'Y' rule: LATEST}];",
            "alone has rule",
        ),
        (
            "optional string y = 1 [(schema.v1.field) = {label: '项' label_en: 'Y' column: TITLE}];",
            "alone has column",
        ),
        (
            "optional string y = 1 [(schema.v1.field) = {label: '项' label_en: 'Y' stays_home: true}];",
            "alone has stays_home",
        ),
        ("optional Group y = 1 [(schema.v1.field) = {label: '项' label_en: 'Y'}];", "nested more than"),
    ] {
        check(thing_of(group, &format!("message Group {{ {parts} }}")), expected);
    }
}

#[test]
fn workflows() {
    let state = "optional schema.v1.Step x = 1 [(schema.v1.field) = {label: '态' label_en: 'S' rule: WORKFLOW states: 'State'}];";
    for (initial, value, expected) in [
        (
            "STATE_NEW",
            "{label: '新' turn: HOME leads_to: {to: 'STATE_GONE'}}",
            "leads to the unknown state STATE_GONE",
        ),
        ("STATE_NEW", "{label: '新' leads_to: {to: 'STATE_NEW'}}", "nobody's turn"),
        ("STATE_NEW", "{label: '新' turn: NAMED}", "needs turn_field"),
        ("STATE_NEW", "{label: '新' turn: NAMED turn_field: 'y'}", "turn_field names the unknown field y"),
        ("STATE_NEW", "{turn: HOME}", "STATE_NEW has no label"),
        ("STATE_OLD", "{label: '新'}", "names no initial state"),
        ("STATE_UNSPECIFIED", "{label: '新'}", "names no initial state"),
    ] {
        let states = format!(
            "enum State {{ option (schema.v1.enumeration) = {{initial: '{initial}'}};
             STATE_UNSPECIFIED = 0; STATE_NEW = 1 [(schema.v1.value) = {value}]; }}"
        );
        check(thing_of(state, &states), expected);
    }
}

#[test]
fn words_of_enums() {
    let color = "optional Color x = 1 [(schema.v1.field) = {label: '色' label_en: 'C' rule: LATEST}];";
    let values = "enum Color { A = 0; RED = 1 [(schema.v1.value) = {label: '红'}];
                  BLUE = 2 [(schema.v1.value) = {label: '蓝' alias: '红'}]; }";
    check(thing_of(color, values), "two values are called 红");
}

#[test]
fn bytes_that_are_no_contract() {
    for bytes in [&b"\xff\xff"[..], b"", b"\x0a\x05hello"] {
        Schema::from_descriptors(bytes).expect_err("no contract");
    }
}
