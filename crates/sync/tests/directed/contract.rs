//! A small contract that exists only here, a tree of bases, and how tests write values.

use std::path::Path;
use std::sync::OnceLock;

use causal::{BaseId, RecordId};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver};
use record::{Base, Tree};
use schema::{Schema, raw};

const HEAD: &str = r#"syntax = "proto3"; import "shuniu/schema/v1/options.proto";"#;

const NOTE: &str = r#"
    package shuniu.note.v1;
    message Note {
        option (schema.v1.kind) = {label: "便条" label_en: "Note" creator: HOME audience_default: NONE widen: CHAIN};
        optional string title = 1 [(schema.v1.field) = {label: "标题" label_en: "Title" rule: OWNER_ONLY column: TITLE}];
        optional string phone = 2 [(schema.v1.field) = {label: "电话" label_en: "Phone" rule: OWNER_FIRST}];
        optional string level = 3 [(schema.v1.field) = {label: "等级" label_en: "Level" rule: HIGHER_TIER}];
        optional string remark = 4 [(schema.v1.field) = {label: "备注" label_en: "Remark" rule: LATEST}];
        repeated string tags = 5 [(schema.v1.field) = {label: "标签" label_en: "Tags" rule: UNION}];
        optional schema.v1.Step state = 6 [(schema.v1.field) = {label: "状态" label_en: "State" rule: WORKFLOW states: "State"}];
        optional Grade grade = 7 [(schema.v1.field) = {label: "限制" label_en: "Grade" rule: STRICTEST}];
        optional string rating = 9 [(schema.v1.field) = {label: "评级" label_en: "Rating" rule: OWNER_ONLY owner: ROOT}];
        optional string verdict = 8 [(schema.v1.field) = {label: "结论" label_en: "Verdict" rule: MANUAL}];
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
        STATE_DRAFT = 1 [(schema.v1.value) = {label: "草稿" turn: HOME leads_to: {to: "STATE_SUBMITTED" label: "提交"}}];
        STATE_SUBMITTED = 2 [(schema.v1.value) = {label: "已提交" turn: PARENT_OF_HOME
            leads_to: {to: "STATE_APPROVED" label: "同意"} leads_to: {to: "STATE_DRAFT" label: "退回"}}];
        STATE_APPROVED = 3 [(schema.v1.value) = {label: "已同意" turn: ROOT leads_to: {to: "STATE_DONE" label: "办结"}}];
        STATE_DONE = 4 [(schema.v1.value) = {label: "办结"}];
    }"#;

const BODY: &str = r#"
    package shuniu.body.v1;
    message Body {
        option (schema.v1.kind) = {
            label: "单位" label_en: "Body" creator: HOME audience_default: EVERYBODY widen: CHAIN natural_key: "code"};
        optional string code = 1 [(schema.v1.field) = {label: "代码" label_en: "Code" rule: OWNER_ONLY column: TITLE}];
        optional string name = 2 [(schema.v1.field) = {label: "名称" label_en: "Name" rule: OWNER_ONLY}];
        optional string remark = 3 [(schema.v1.field) = {label: "备注" label_en: "Remark" rule: LATEST}];
    }"#;

struct Memory(Vec<(&'static str, String)>);

impl FileResolver for Memory {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        let (_, source) = found.ok_or_else(|| protox::Error::file_not_found(name))?;
        File::from_source(name, source)
    }
}

/// The contract of these tests.
pub fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let files = [("shuniu/note/v1/note.proto", NOTE), ("shuniu/body/v1/body.proto", BODY)];
        let mut resolver = ChainFileResolver::new();
        resolver.add(Memory(files.map(|(name, source)| (name, format!("{HEAD}{source}"))).into()));
        resolver.add(IncludeFileResolver::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto")));
        resolver.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.include_imports(true);
        for (name, _) in files {
            compiler.open_file(name).unwrap();
        }
        for kind in ["correction_request", "base"] {
            compiler.open_file(format!("shuniu/{kind}/v1/{kind}.proto")).unwrap();
        }
        Schema::from_descriptors(&compiler.encode_file_descriptor_set()).unwrap()
    })
}

pub const CITY: BaseId = base(1);
pub const WEST: BaseId = base(2);
pub const EAST: BaseId = base(3);
/// Streets: 4 and 5 of the west, 6 and 7 of the east.
pub const S4: BaseId = base(4);
pub const S5: BaseId = base(5);
pub const S6: BaseId = base(6);
pub const S7: BaseId = base(7);

pub const fn base(n: u8) -> BaseId {
    BaseId([n; 16])
}

pub const fn record(n: u8) -> RecordId {
    RecordId([n; 16])
}

/// City, two districts, four streets.
pub fn tree() -> Tree {
    let parents = [(CITY, None), (WEST, Some(CITY)), (EAST, Some(CITY)), (S4, Some(WEST)), (S5, Some(WEST))];
    let parents = parents.into_iter().chain([(S6, Some(EAST)), (S7, Some(EAST))]);
    parents
        .map(|(id, parent)| Base { id, parent, name: format!("基地{}", id.0[0]), ..Base::default() })
        .collect()
}

pub const TITLE: u32 = 1;
pub const PHONE: u32 = 2;
pub const REMARK: u32 = 4;
pub const RATING: u32 = 9;

/// A text as the bytes of a field.
pub fn text(number: u32, value: &str) -> Vec<u8> {
    let mut out = Vec::new();
    raw::put_text(&mut out, number, value);
    out
}
