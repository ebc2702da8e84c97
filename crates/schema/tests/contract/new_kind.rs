//! A kind that is added to the contract works everywhere without a line of Rust for it.

use schema::json::{to_json, to_jsonb};
use schema::table::rule_table_markdown;
use schema::text::{check_raw, parse_json, parse_text, show_text};
use schema::views::view_sql;
use schema::{Kind, Rule, Schema, Who};
use serde_json::{Value, json};

use crate::{compile, jsonb_reader};

const STALL: &str = r#"
    syntax = "proto3";
    package shuniu.stall.v1;
    import "shuniu/schema/v1/options.proto";
    message Stall {
        option (schema.v1.kind) = {
            label: "公益摊位" label_en: "Stall" creator: HOME audience_default: HOME_SUBTREE natural_key: "name"
        };
        optional string name = 1 [(schema.v1.field) = {
            label: "名称" label_en: "Name" rule: OWNER_ONLY required: true column: TITLE}];
        optional schema.v1.Step state = 2 [(schema.v1.field) = {
            label: "状态" label_en: "State" rule: WORKFLOW states: "State"}];
        optional bytes organization = 3 [(schema.v1.field) = {
            label: "社会组织" label_en: "Organization" rule: OWNER_FIRST format: RECORD ref: "organization"}];
        repeated string goods = 4 [(schema.v1.field) = {label: "物品" label_en: "Goods" rule: UNION}];
        optional int64 takings_fen = 5 [(schema.v1.field) = {
            label: "义卖所得" label_en: "Takings" rule: LATEST format: FEN}];
        optional schema.v1.Period open = 6 [(schema.v1.field) = {label: "摆摊期" label_en: "Open" rule: LATEST}];
    }
    enum State {
        option (schema.v1.enumeration) = {initial: "STATE_PLANNED"};
        STATE_UNSPECIFIED = 0;
        STATE_PLANNED = 1 [(schema.v1.value) = {
            label: "计划" turn: PARENT_OF_HOME leads_to: {to: "STATE_OPEN" label: "开摊"}}];
        STATE_OPEN = 2 [(schema.v1.value) = {label: "摆摊中"}];
    }"#;

fn schema() -> Schema {
    let name = "shuniu/stall/v1/stall.proto";
    let bytes = compile::descriptors(name, STALL, &["shuniu/organization/v1/organization.proto"]);
    Schema::from_descriptors(&bytes).unwrap()
}

fn body(kind: &Kind) -> Vec<u8> {
    let text = |name: &str, text: &str| parse_text(kind.field_named(name).unwrap(), text).unwrap();
    let step = parse_json(kind.field_named("state").unwrap(), &json!({"to": "计划"})).unwrap();
    [
        text("name", "春日义卖"),
        step,
        text("organization", &"1f".repeat(16)),
        text("goods", "书，旧衣"),
        text("takings_fen", "88.8"),
        text("open", "2026-05-01 至 2026-05-03"),
    ]
    .concat()
}

#[test]
fn it_has_rules_and_owners() {
    let schema = schema();
    assert_ne!(schema.digest, Schema::embedded().digest);
    let kind = schema.kind("stall").unwrap();
    let of = |name: &str| kind.field_named(name).map(|field| (field.rule, field.owner)).unwrap();
    assert_eq!(of("name"), (Rule::OwnerOnly, Who::Home));
    assert_eq!(of("goods"), (Rule::Union, Who::Chain));
}

#[test]
fn it_goes_through_text_and_json() {
    let schema = schema();
    let kind = schema.kind("stall").unwrap();
    let body = body(kind);
    let shown: Vec<String> = kind
        .fields
        .iter()
        .map(|field| {
            let raws =
                schema::raw::fields(&body).map(Result::unwrap).filter(|raw| raw.number == field.number);
            let raw: Vec<u8> = raws.flat_map(|raw| raw.raw.to_vec()).collect();
            check_raw(field, &raw).unwrap();
            show_text(field, &raw)
        })
        .collect();
    let id = "1f".repeat(16);
    assert_eq!(shown, ["春日义卖", "计划", &id, "书、旧衣", "88.80", "2026-05-01 至 2026-05-03"]);
    let tree = Value::Object(to_json(kind, &body));
    assert_eq!(tree["state"], json!({"to": "STATE_PLANNED"}));
    assert_eq!(tree["takings_fen"], 8880);
    let mut binary = Vec::new();
    to_jsonb(kind, &body, &mut binary);
    assert_eq!(jsonb_reader::read(&binary), tree);
}

#[test]
fn it_has_a_view_and_a_place_in_the_rule_table() {
    let schema = schema();
    let sql = view_sql(schema.kind("stall").unwrap());
    assert!(sql.contains("CAST(body ->> '$.takings_fen' AS INTEGER) AS \"takings_fen\""), "{sql}");
    let table = rule_table_markdown(&schema);
    assert!(table.contains("## 公益摊位 `stall`"), "{table}");
    assert!(table.contains("| 计划（起始） | 属地的上级 | 开摊 → 摆摊中 |"), "{table}");
}

/// A body written by a newer program is shown by an older one as far as it knows it, and nothing is dropped.
#[test]
fn an_older_contract_keeps_the_new_field() {
    let schema = schema();
    let body = body(schema.kind("stall").unwrap());
    let notice = Schema::embedded().kind("shared_resource").unwrap();
    let shown = to_json(notice, &body);
    assert_eq!(shown["name"], "春日义卖");
    assert!(shown["_unknown"].get("2").is_some());
}
