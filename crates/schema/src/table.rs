//! The rule table: what the contract says about every field, for people.

use crate::model::{EnumDef, Field, FieldType, Kind, Schema, Turn};
use crate::options::{Format, Privacy, Rule, Who};

/// How `docs/rules.md` begins, and how to make it again.
const HEAD: &str = "# 规则表: every kind, field, owner and rule

Generated from `proto/` by `cargo run -p schema --example rules > docs/rules.md`; a test fails when it is stale.
Do not edit it by hand.
";

/// The rule table of a schema as Markdown.
pub fn rule_table_markdown(schema: &Schema) -> String {
    let mut out = HEAD.to_owned();
    rules(&mut out);
    for kind in &schema.kinds {
        write_kind(&mut out, kind);
    }
    out
}

/// Appends one line.
fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.push_str(&text.to_string());
    out.push('\n');
}

fn rules(out: &mut String) {
    line(out, format_args!("\n## 冲突规则\n\n| 规则 | 谁可改 | 并存时显示 |\n|---|---|---|"));
    for &rule in Rule::ALL {
        let (writer, shown) = explain(rule);
        line(out, format_args!("| {} {} | {writer} | {shown} |", rule.label(), rule.word()));
    }
}

/// Who may write under a rule, and which of several values is shown.
fn explain(rule: Rule) -> (&'static str, &'static str) {
    match rule {
        Rule::OwnerOnly => ("数源；其他基地提更正申请", "数源最新的值"),
        Rule::OwnerFirst => ("属地及其各级上级", "数源的值，其次上级，再次最新"),
        Rule::HigherTier => ("属地及其各级上级", "上级的值，其次最新"),
        Rule::Latest => ("属地及其各级上级", "最新的值"),
        Rule::Workflow => ("当前状态轮到的一方", "上级的，其次走得更远的，再次最新"),
        Rule::Strictest => ("数源可放宽，上级可收紧", "最严的值"),
        Rule::Union => ("数源所指各方", "各项并存；新增胜过同时的删除"),
        Rule::Manual => ("属地及其各级上级", "上级的值，等人裁定"),
    }
}

fn write_kind(out: &mut String, kind: &Kind) {
    line(out, format_args!("\n## {} `{}`\n", kind.label, kind.name));
    if !kind.help.is_empty() {
        line(out, format_args!("{}。\n", cell(&kind.help)));
    }
    line(
        out,
        format_args!(
            "公开范围：{} · 谁可新建：{} · 谁可扩大公开：{}{}\n",
            kind.audience_default.label(),
            kind.creator.label(),
            kind.widen.label(),
            key(kind)
        ),
    );
    line(
        out,
        format_args!("| 字段 | 名称 | 数源 | 规则 | 谁可改 | 公开 | 填写 |\n|---|---|---|---|---|---|---|"),
    );
    for field in &kind.fields {
        write_field(out, kind, field);
    }
    for field in &kind.fields {
        if let Some(states) = &field.workflow {
            write_states(out, kind, field, states);
        }
    }
}

fn key(kind: &Kind) -> String {
    let names: Vec<&str> = kind
        .natural_key
        .iter()
        .filter_map(|number| kind.field(*number))
        .map(|field| field.label.as_str())
        .collect();
    let key =
        if names.is_empty() { String::new() } else { format!(" · 唯一标识：{}", names.join("＋")) };
    if kind.append_only { key + " · 只增不改" } else { key }
}

fn write_field(out: &mut String, kind: &Kind, field: &Field) {
    let owner =
        if field.owner == Who::Chain { "—".to_owned() } else { who(kind, field.owner, field.owner_field) };
    let writer = writer(field, &owner);
    let open = if field.stays_home { "不出本节点" } else { privacy(field.privacy) };
    line(
        out,
        format_args!(
            "| {} | `{}` | {owner} | {} | {writer} | {open} | {} |",
            cell(&field.label),
            field.name,
            field.rule.label(),
            cell(&filling(field))
        ),
    );
}

fn writer(field: &Field, owner: &str) -> String {
    match field.rule {
        Rule::OwnerOnly | Rule::Union if field.owner != Who::Chain => owner.to_owned(),
        Rule::Workflow => "见下表".to_owned(),
        Rule::Strictest => format!("{owner}放宽，上级可收紧"),
        _ => Who::Chain.label().to_owned(),
    }
}

fn privacy(privacy: Privacy) -> &'static str {
    match privacy {
        Privacy::Public => "随记录",
        Privacy::Internal => "内部",
        Privacy::Personal => "遮盖",
    }
}

/// What to know when filling the field in: whether it is required, its type, its parts, its help.
fn filling(field: &Field) -> String {
    let mut notes = Vec::new();
    if field.required {
        notes.push("必填".to_owned());
    }
    if let Some(series) = &field.number_series {
        notes.push(format!("属地发号（{series}）"));
    }
    notes.extend(value_note(field));
    if !field.help.is_empty() {
        notes.push(field.help.clone());
    }
    notes.join("；")
}

fn value_note(field: &Field) -> Option<String> {
    let labels = |parts: Vec<&str>| parts.join("、");
    match &field.ty {
        FieldType::Enum(values) => {
            Some(labels(values.values.iter().map(|value| value.label.as_str()).collect()))
        }
        FieldType::Message(parts) => Some(labels(parts.iter().map(|part| part.label.as_str()).collect())),
        _ if matches!(field.format, Format::Plain | Format::Multiline) => None,
        _ => Some(field.format.label().to_owned()),
    }
}

fn who(kind: &Kind, who: Who, field: Option<u32>) -> String {
    match field.and_then(|number| kind.field(number)) {
        Some(field) => format!("“{}”所指基地", cell(&field.label)),
        None => who.label().to_owned(),
    }
}

fn write_states(out: &mut String, kind: &Kind, field: &Field, states: &EnumDef) {
    line(out, format_args!("\n{}：\n\n| 状态 | 轮到 | 可以 |\n|---|---|---|", cell(&field.label)));
    for state in &states.values {
        let turn = state.turn.as_ref().map_or("—".to_owned(), |turn| turn_text(kind, turn));
        let steps: Vec<String> = state
            .leads_to
            .iter()
            .map(|step| {
                format!("{} → {}", step.label, states.value(step.to).map_or("", |to| to.label.as_str()))
            })
            .collect();
        let mark = if states.initial == Some(state.number) { "（起始）" } else { "" };
        line(out, format_args!("| {}{mark} | {turn} | {} |", cell(&state.label), cell(&steps.join("；"))));
    }
}

fn turn_text(kind: &Kind, turn: &Turn) -> String {
    let base = who(kind, turn.who, turn.field);
    if turn.role.is_empty() { base } else { format!("{base}（{}）", cell(&turn.role)) }
}

/// A text inside a table cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
