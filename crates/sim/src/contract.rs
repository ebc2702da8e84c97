//! The contract of the simulated offices: one kind with a field for each rule, one with a natural key, one that is
//! never changed; beside the real registry of bases. An older form of it lacks a kind and two fields.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver};
use schema::Schema;

/// Fields of the kind `note`, each with another rule.
pub mod note {
    pub const TITLE: u32 = 1;
    pub const REMARK: u32 = 4;
    pub const STATE: u32 = 6;
    pub const GRADE: u32 = 7;
    pub const AWARD: u32 = 9;
}

/// The engine's own registers, as the contract of states fixes them.
pub mod engine {
    pub const HOME: u32 = 19001;
    pub const AUDIENCE: u32 = 19002;
    pub const DELETED: u32 = 19003;
}

/// The kinds that people edit here.
pub const KINDS: [&str; 3] = ["note", "body", "diary"];
/// The kind of the wishes that offices make of writes that they overruled.
pub const WISH: &str = "correction_request";
/// The registry's kind.
pub const REGISTRY: &str = "base";

const HEAD: &str = r#"syntax = "proto3"; import "shuniu/schema/v1/options.proto";"#;

const NOTE: &str = r#"
    package shuniu.note.v1;
    message Note {
        option (schema.v1.kind) = {label: "便条" label_en: "Note" creator: HOME audience_default: NONE widen: CHAIN};
        optional string title = 1 [(schema.v1.field) = {label: "标题" label_en: "Title" rule: OWNER_ONLY column: TITLE}];
        optional string phone = 2 [(schema.v1.field) = {label: "电话" label_en: "Phone" rule: OWNER_FIRST}];
        optional string level = 3 [(schema.v1.field) = {label: "等级" label_en: "Level" rule: HIGHER_TIER}];
        optional string remark = 4 [(schema.v1.field) = {label: "备注" label_en: "Remark" rule: LATEST}];
        optional schema.v1.Step state = 6 [(schema.v1.field) = {label: "状态" label_en: "State" rule: WORKFLOW states: "State"}];
        optional Grade grade = 7 [(schema.v1.field) = {label: "限制" label_en: "Grade" rule: STRICTEST}];
        optional string award = 9 [(schema.v1.field) = {label: "称号" label_en: "Award" rule: OWNER_ONLY owner: ROOT}];
        //newer: repeated string tags = 5 [(schema.v1.field) = {label: "标签" label_en: "Tags" rule: UNION}];
        //newer: optional string verdict = 8 [(schema.v1.field) = {label: "结论" label_en: "Verdict" rule: MANUAL}];
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

const DIARY: &str = r#"
    package shuniu.diary.v1;
    message Diary {
        option (schema.v1.kind) = {
            label: "日志" label_en: "Diary" creator: HOME audience_default: HOME_SUBTREE widen: HOME append_only: true};
        optional string title = 1 [(schema.v1.field) = {label: "标题" label_en: "Title" rule: OWNER_ONLY column: TITLE}];
    }"#;

struct Written(Vec<(&'static str, String)>);

impl FileResolver for Written {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        let (_, source) = found.ok_or_else(|| protox::Error::file_not_found(name))?;
        File::from_source(name, source)
    }
}

fn compile(newer: bool) -> Result<Schema, String> {
    let note = if newer { NOTE.replace("//newer:", "") } else { NOTE.to_owned() };
    let mut files = vec![("shuniu/note/v1/note.proto", note), ("shuniu/body/v1/body.proto", BODY.to_owned())];
    if newer {
        files.push(("shuniu/diary/v1/diary.proto", DIARY.to_owned()));
    }
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let mut resolver = ChainFileResolver::new();
    resolver.add(Written(files.into_iter().map(|(name, text)| (name, format!("{HEAD}{text}"))).collect()));
    resolver.add(IncludeFileResolver::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto")));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    for name in names
        .into_iter()
        .chain(["shuniu/base/v1/base.proto", "shuniu/correction_request/v1/correction_request.proto"])
    {
        compiler.open_file(name).map_err(|error| format!("{name}: {error}"))?;
    }
    Schema::from_descriptors(&compiler.encode_file_descriptor_set()).map_err(|error| error.to_string())
}

/// The contract of an office; of one that was not brought up to date the older form.
pub fn contract(newer: bool) -> Result<Arc<Schema>, String> {
    static BOTH: [OnceLock<Result<Arc<Schema>, String>>; 2] = [OnceLock::new(), OnceLock::new()];
    BOTH[usize::from(newer)].get_or_init(|| compile(newer).map(Arc::new)).clone()
}
