//! A small contract that exists only here, a tree of bases, and how tests write edits.

use std::path::Path;
use std::sync::OnceLock;

use causal::{BaseId, Context, Dot, ReplicaId, Stamp, State, write};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver};
use record::{Base, Draft, Tree};
use schema::{Kind, Schema, raw};

const HEAD: &str = r#"syntax = "proto3"; import "shuniu/schema/v1/options.proto";"#;

const FORM: &str = r#"
    package shuniu.form.v1;
    message Form {
        option (schema.v1.kind) = {label: "表" label_en: "Form" creator: HOME audience_default: NONE widen: PARENT_OF_HOME};
        optional string only = 1 [(schema.v1.field) = {label: "独" label_en: "Only" rule: OWNER_ONLY column: TITLE searchable: true}];
        optional string first = 2 [(schema.v1.field) = {label: "先" label_en: "First" rule: OWNER_FIRST}];
        optional string higher = 3 [(schema.v1.field) = {label: "高" label_en: "Higher" rule: HIGHER_TIER}];
        optional string latest = 4 [(schema.v1.field) = {label: "新" label_en: "Latest" rule: LATEST searchable: true}];
        optional schema.v1.Step state = 5 [(schema.v1.field) = {label: "态" label_en: "State" rule: WORKFLOW states: "State" column: STATE}];
        optional Grade grade = 6 [(schema.v1.field) = {label: "严" label_en: "Grade" rule: STRICTEST column: CLASS}];
        repeated string tags = 7 [(schema.v1.field) = {label: "签" label_en: "Tags" rule: UNION}];
        optional string verdict = 8 [(schema.v1.field) = {label: "裁" label_en: "Verdict" rule: MANUAL}];
        optional string above = 9 [(schema.v1.field) = {label: "上" label_en: "Above" rule: OWNER_ONLY owner: PARENT_OF_HOME}];
        optional string city = 10 [(schema.v1.field) = {label: "市" label_en: "City" rule: OWNER_ONLY owner: ROOT}];
        optional bytes assigned = 11 [(schema.v1.field) = {label: "指" label_en: "Assigned" rule: LATEST format: BASE}];
        optional string named = 12 [(schema.v1.field) = {label: "复" label_en: "Named" rule: OWNER_ONLY owner: NAMED owner_field: "assigned"}];
        repeated string marks = 13 [(schema.v1.field) = {label: "印" label_en: "Marks" rule: UNION owner: ROOT}];
        optional string place = 14 [(schema.v1.field) = {label: "地" label_en: "Place" rule: LATEST format: DIVISION column: PLACE}];
    }
    enum Grade {
        GRADE_UNSPECIFIED = 0;
        GRADE_OPEN = 1 [(schema.v1.value) = {label: "开放"}];
        GRADE_LIMITED = 2 [(schema.v1.value) = {label: "受限"}];
        GRADE_CLOSED = 3 [(schema.v1.value) = {label: "关闭"}];
    }
    enum State {
        option (schema.v1.enumeration) = {initial: "STATE_DRAFT"};
        STATE_UNSPECIFIED = 0;
        STATE_DRAFT = 1 [(schema.v1.value) = {label: "草稿" turn: HOME leads_to: {to: "STATE_READY" label: "定稿"}}];
        STATE_READY = 2 [(schema.v1.value) = {label: "定稿" turn: HOME leads_to: {to: "STATE_SENT" label: "提交"}}];
        STATE_SENT = 3 [(schema.v1.value) = {label: "已提交" turn: PARENT_OF_HOME
            leads_to: {to: "STATE_AGREED" label: "同意"} leads_to: {to: "STATE_DRAFT" label: "退回"}}];
        STATE_AGREED = 4 [(schema.v1.value) = {label: "已同意" turn: ROOT leads_to: {to: "STATE_DONE" label: "办结"}}];
        STATE_DONE = 5 [(schema.v1.value) = {label: "办结"}];
    }"#;

const LOG: &str = r#"
    package shuniu.log.v1;
    message Log {
        option (schema.v1.kind) = {
            label: "记录" label_en: "Log" creator: ROOT audience_default: EVERYBODY widen: ROOT append_only: true natural_key: "code"};
        optional string code = 1 [(schema.v1.field) = {label: "号" label_en: "Code" rule: OWNER_ONLY owner: ROOT column: TITLE}];
        optional string words = 2 [(schema.v1.field) = {label: "文" label_en: "Words" rule: LATEST}];
    }"#;

const BODY: &str = r#"
    package shuniu.body.v1;
    message Body {
        option (schema.v1.kind) = {
            label: "单位" label_en: "Body" creator: HOME audience_default: HOME_SUBTREE widen: CHAIN natural_key: "code" natural_key: "name"};
        optional string code = 1 [(schema.v1.field) = {label: "代码" label_en: "Code" rule: OWNER_ONLY}];
        optional string name = 2 [(schema.v1.field) = {label: "名称" label_en: "Name" rule: OWNER_ONLY column: TITLE}];
    }"#;

struct Memory(Vec<(&'static str, String)>);

impl FileResolver for Memory {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        let (_, source) = found.ok_or_else(|| protox::Error::file_not_found(name))?;
        File::from_source(name, source)
    }
}

fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let files = [
            ("shuniu/form/v1/form.proto", FORM),
            ("shuniu/log/v1/log.proto", LOG),
            ("shuniu/body/v1/body.proto", BODY),
        ];
        let mut resolver = ChainFileResolver::new();
        resolver.add(Memory(files.map(|(name, source)| (name, format!("{HEAD}{source}"))).into()));
        resolver.add(IncludeFileResolver::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto")));
        resolver.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.include_imports(true);
        for (name, _) in files {
            compiler.open_file(name).unwrap();
        }
        Schema::from_descriptors(&compiler.encode_file_descriptor_set()).unwrap()
    })
}

pub fn kind(name: &str) -> &'static Kind {
    schema().kind(name).unwrap()
}

pub const ONLY: u32 = 1;
pub const FIRST: u32 = 2;
pub const HIGHER: u32 = 3;
pub const LATEST: u32 = 4;
pub const STATE: u32 = 5;
pub const GRADE: u32 = 6;
pub const TAGS: u32 = 7;
pub const VERDICT: u32 = 8;
pub const ABOVE: u32 = 9;
pub const BY_CITY: u32 = 10;
pub const ASSIGNED: u32 = 11;
pub const NAMED: u32 = 12;
pub const MARKS: u32 = 13;

pub const CITY: BaseId = base(1);
pub const WEST: BaseId = base(2);
pub const EAST: BaseId = base(3);
/// A street of the west: the home of most records.
pub const HOME: BaseId = base(4);
/// Another street of the west.
pub const NEXT: BaseId = base(5);
/// A street of the east.
pub const FAR: BaseId = base(6);
pub const ALL: [BaseId; 6] = [CITY, WEST, EAST, HOME, NEXT, FAR];

pub const fn base(n: u8) -> BaseId {
    BaseId([n; 16])
}

pub fn tree() -> Tree {
    let parents = [
        (CITY, None),
        (WEST, Some(CITY)),
        (EAST, Some(CITY)),
        (HOME, Some(WEST)),
        (NEXT, Some(WEST)),
        (FAR, Some(EAST)),
    ];
    parents
        .into_iter()
        .map(|(id, parent)| Base { id, parent, name: format!("基地{}", id.0[0]), ..Base::default() })
        .collect()
}

pub fn text(number: u32, value: &str) -> Vec<u8> {
    let mut out = Vec::new();
    raw::put_text(&mut out, number, value);
    out
}

pub fn texts(number: u32, values: &[&str]) -> Vec<u8> {
    values.iter().flat_map(|value| text(number, value)).collect()
}

pub fn grade(value: i64) -> Vec<u8> {
    let mut out = Vec::new();
    raw::put_int(&mut out, GRADE, value);
    out
}

pub fn assigned(base: BaseId) -> Vec<u8> {
    let mut out = Vec::new();
    raw::put_bytes(&mut out, ASSIGNED, &base.0);
    out
}

pub fn step(from: Option<i64>, to: i64) -> Vec<u8> {
    let mut step = Vec::new();
    from.into_iter().for_each(|from| raw::put_int(&mut step, 1, from));
    raw::put_int(&mut step, 2, to);
    let mut out = Vec::new();
    raw::put_bytes(&mut out, STATE, &step);
    out
}

/// A draft of the kind `form` that sets these fields.
pub fn draft(fields: &[(u32, Vec<u8>)]) -> Draft {
    let mut draft = Draft::default();
    fields.iter().for_each(|(number, value)| draft.set(kind("form"), *number, value.clone()));
    draft
}

/// The `tick`-th edit of a base, whose replica has its number.
pub fn stamp(base: BaseId, tick: u64, saved_at_ms: u64) -> Stamp<'static> {
    let dot = Dot { replica: ReplicaId(u64::from(base.0[0])), tick };
    Stamp { dot, saved_at_ms, base, user: "王小明", tag: [0; 8] }
}

/// The bytes of a state after one more edit, made with a form that showed everything.
pub fn edit(before: &[u8], stamp: Stamp<'_>, draft: &Draft) -> Vec<u8> {
    let before = read(before);
    edit_seen(&before, stamp, draft, &before.context)
}

pub fn edit_seen(before: &State<'_>, stamp: Stamp<'_>, draft: &Draft, seen: &Context) -> Vec<u8> {
    write(before, stamp, seen, &draft.entries(before, seen)).state.encode()
}

pub fn read(bytes: &[u8]) -> State<'_> {
    if bytes.is_empty() { State::default() } else { State::decode(bytes).unwrap() }
}

pub fn merge(a: &[u8], b: &[u8]) -> Vec<u8> {
    causal::merge(&read(a), &read(b)).unwrap().encode()
}

/// A form of `home` with a value in every field that a home may write.
pub fn created(home: BaseId) -> Vec<u8> {
    let mut draft = draft(&[
        (ONLY, text(ONLY, "甲")),
        (STATE, step(None, 1)),
        (GRADE, grade(2)),
        (TAGS, texts(TAGS, &["a", "b"])),
    ]);
    draft.home(home);
    edit(&[], stamp(home, 1, 10), &draft)
}
