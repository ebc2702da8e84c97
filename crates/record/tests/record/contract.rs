//! A contract that exists only here, a tree of bases, and edits upon a state.

use std::path::Path;
use std::sync::OnceLock;

use causal::{BaseId, Context, Dot, ReplicaId, Stamp, State, merge, write};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver};
use record::{Base, Draft, Tree};
use schema::{Kind, Schema, raw};

const HEAD: &str = r#"syntax = "proto3"; import "shuniu/schema/v1/options.proto";"#;

/// One field of every rule, and of every owner.
const NOTE: &str = r#"
    package shuniu.note.v1;
    message Note {
        option (schema.v1.kind) = {
            label: "便条" label_en: "Note" creator: HOME audience_default: NONE widen: PARENT_OF_HOME};
        optional string title = 1 [(schema.v1.field) = {
            label: "标题" label_en: "Title" rule: OWNER_ONLY column: TITLE searchable: true}];
        optional string phone = 2 [(schema.v1.field) = {label: "电话" label_en: "Phone" rule: OWNER_FIRST}];
        optional string level = 3 [(schema.v1.field) = {label: "等级" label_en: "Level" rule: HIGHER_TIER}];
        optional string remark = 4 [(schema.v1.field) = {
            label: "备注" label_en: "Remark" rule: LATEST searchable: true}];
        repeated string tags = 5 [(schema.v1.field) = {label: "标签" label_en: "Tags" rule: UNION}];
        repeated string marks = 6 [(schema.v1.field) = {label: "标记" label_en: "Marks" rule: UNION owner: ROOT}];
        optional Grade grade = 7 [(schema.v1.field) = {label: "限制" label_en: "Grade" rule: STRICTEST}];
        optional string verdict = 8 [(schema.v1.field) = {label: "结论" label_en: "Verdict" rule: MANUAL}];
        optional schema.v1.Step state = 9 [(schema.v1.field) = {
            label: "状态" label_en: "State" rule: WORKFLOW states: "State" column: STATE}];
        optional bytes examiner = 10 [(schema.v1.field) = {
            label: "审查方" label_en: "Examiner" rule: OWNER_ONLY format: BASE}];
        optional string answer = 11 [(schema.v1.field) = {
            label: "答复" label_en: "Answer" rule: OWNER_ONLY owner: NAMED owner_field: "examiner"}];
        optional string hint = 12 [(schema.v1.field) = {
            label: "提示" label_en: "Hint" rule: OWNER_FIRST owner: NAMED owner_field: "examiner"}];
        optional string order = 13 [(schema.v1.field) = {
            label: "批示" label_en: "Order" rule: OWNER_ONLY owner: PARENT_OF_HOME}];
        optional string stamp = 14 [(schema.v1.field) = {
            label: "印章" label_en: "Stamp" rule: OWNER_ONLY owner: ROOT}];
        optional Grade sort = 15 [(schema.v1.field) = {
            label: "类别" label_en: "Sort" rule: LATEST column: CLASS}];
        optional string place = 16 [(schema.v1.field) = {
            label: "区划" label_en: "Place" rule: LATEST format: DIVISION column: PLACE}];
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
        STATE_DRAFT = 1 [(schema.v1.value) = {
            label: "草稿" turn: HOME leads_to: {to: "STATE_SUBMITTED" label: "提交"}}];
        STATE_SUBMITTED = 2 [(schema.v1.value) = {label: "已提交" turn: PARENT_OF_HOME
            leads_to: {to: "STATE_APPROVED" label: "同意"} leads_to: {to: "STATE_DRAFT" label: "退回"}}];
        STATE_APPROVED = 3 [(schema.v1.value) = {label: "已同意" turn: NAMED turn_field: "examiner"
            leads_to: {to: "STATE_DONE" label: "办结"}}];
        STATE_DONE = 4 [(schema.v1.value) = {label: "办结"}];
    }"#;

/// Never changed after creation.
const LOG: &str = r#"
    package shuniu.log.v1;
    message Log {
        option (schema.v1.kind) = {
            label: "日志" label_en: "Log" creator: HOME audience_default: HOME_SUBTREE widen: CHAIN append_only: true};
        optional string text = 1 [(schema.v1.field) = {
            label: "内容" label_en: "Text" rule: OWNER_ONLY column: TITLE}];
        optional string remark = 2 [(schema.v1.field) = {label: "备注" label_en: "Remark" rule: LATEST}];
    }"#;

/// Created by the base above, for everybody.
const NOTICE: &str = r#"
    package shuniu.notice.v1;
    message Notice {
        option (schema.v1.kind) = {
            label: "通知" label_en: "Notice" creator: PARENT_OF_HOME audience_default: EVERYBODY widen: ROOT};
        optional string text = 1 [(schema.v1.field) = {
            label: "内容" label_en: "Text" rule: OWNER_ONLY owner: PARENT_OF_HOME column: TITLE}];
    }"#;

/// Created by the root, named by two fields.
const QUOTA: &str = r#"
    package shuniu.quota.v1;
    message Quota {
        option (schema.v1.kind) = {
            label: "指标" label_en: "Quota" creator: ROOT audience_default: NONE widen: ROOT
            natural_key: "code" natural_key: "year"};
        optional string code = 1 [(schema.v1.field) = {
            label: "代码" label_en: "Code" rule: OWNER_ONLY owner: ROOT column: TITLE}];
        optional int32 year = 2 [(schema.v1.field) = {
            label: "年度" label_en: "Year" rule: OWNER_ONLY owner: ROOT}];
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
            ("shuniu/note/v1/note.proto", NOTE),
            ("shuniu/log/v1/log.proto", LOG),
            ("shuniu/notice/v1/notice.proto", NOTICE),
            ("shuniu/quota/v1/quota.proto", QUOTA),
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

/// A kind of the contract.
pub fn kind(name: &str) -> &'static Kind {
    schema().kind(name).unwrap()
}

pub const TITLE: u32 = 1;
pub const PHONE: u32 = 2;
pub const LEVEL: u32 = 3;
pub const REMARK: u32 = 4;
pub const TAGS: u32 = 5;
pub const MARKS: u32 = 6;
pub const GRADE: u32 = 7;
pub const VERDICT: u32 = 8;
pub const STATE: u32 = 9;
pub const EXAMINER: u32 = 10;
pub const ANSWER: u32 = 11;
pub const HINT: u32 = 12;
pub const ORDER: u32 = 13;
pub const STAMP: u32 = 14;
pub const SORT: u32 = 15;
pub const PLACE: u32 = 16;
/// A field that only a newer contract has.
pub const NEWER: u32 = 99;

pub const OPEN: i64 = 1;
pub const LIMITED: i64 = 2;
pub const CLOSED: i64 = 3;

pub const DRAFT: i64 = 1;
pub const SUBMITTED: i64 = 2;
pub const APPROVED: i64 = 3;
pub const DONE: i64 = 4;

pub const CITY: BaseId = base(1);
pub const WEST: BaseId = base(2);
pub const EAST: BaseId = base(3);
/// The home of most records here; a street of the west, as S5.
pub const S4: BaseId = base(4);
pub const S5: BaseId = base(5);
/// A street of the east.
pub const S6: BaseId = base(6);
/// A base that the tree does not know.
pub const UNKNOWN: BaseId = base(9);

pub const fn base(n: u8) -> BaseId {
    BaseId([n; 16])
}

pub fn tree() -> Tree {
    let parents = [
        (CITY, None),
        (WEST, Some(CITY)),
        (EAST, Some(CITY)),
        (S4, Some(WEST)),
        (S5, Some(WEST)),
        (S6, Some(EAST)),
    ];
    let named = parents.into_iter().map(|(id, parent)| Base {
        id,
        parent,
        name: format!("基地{}", id.0[0]),
        ..Base::default()
    });
    named.collect()
}

/// A text as the bytes of a field.
pub fn text(number: u32, value: &str) -> Vec<u8> {
    let mut out = Vec::new();
    raw::put_text(&mut out, number, value);
    out
}

/// Texts as the bytes of a set.
pub fn set(number: u32, values: &[&str]) -> Vec<u8> {
    values.iter().flat_map(|value| text(number, value)).collect()
}

/// A number as the bytes of a field.
pub fn int(number: u32, value: i64) -> Vec<u8> {
    let mut out = Vec::new();
    raw::put_int(&mut out, number, value);
    out
}

/// A base as the bytes of a field.
pub fn named(number: u32, value: BaseId) -> Vec<u8> {
    let mut out = Vec::new();
    record::put_base(&mut out, number, value);
    out
}

/// A workflow step as the bytes of a field.
pub fn step(from: Option<i64>, to: i64) -> Vec<u8> {
    let mut step = Vec::new();
    from.into_iter().for_each(|from| raw::put_int(&mut step, 1, from));
    raw::put_int(&mut step, 2, to);
    let mut out = Vec::new();
    raw::put_bytes(&mut out, STATE, &step);
    out
}

/// A draft of fields of a note.
pub fn draft(fields: &[(u32, Vec<u8>)]) -> Draft {
    draft_of("note", fields)
}

/// A draft of fields of a kind.
pub fn draft_of(name: &str, fields: &[(u32, Vec<u8>)]) -> Draft {
    let mut draft = Draft::default();
    for (number, value) in fields {
        draft.set(kind(name), *number, value.clone());
    }
    draft
}

/// The same draft, which also gives the record to a base.
pub fn at_home(home: BaseId, mut draft: Draft) -> Draft {
    draft.home(home);
    draft
}

/// An edit of someone who saw all of `before`. Each base counts with a replica of its own.
pub fn save(before: &State<'static>, by: BaseId, saved_at_ms: u64, draft: Draft) -> State<'static> {
    let replica = ReplicaId(u64::from(by.0[0]));
    let dot = Dot { replica, tick: before.context.tick(replica) + 1 };
    save_as(before, &before.context, dot, by, saved_at_ms, draft)
}

/// An edit of someone whose form showed `seen`, named by hand.
pub fn save_as(
    before: &State<'static>,
    seen: &Context,
    dot: Dot,
    by: BaseId,
    saved_at_ms: u64,
    draft: Draft,
) -> State<'static> {
    let draft: &'static Draft = Box::leak(Box::new(draft));
    let stamp = Stamp { dot, saved_at_ms, base: by, user: "u", tag: [0; 8] };
    write(before, stamp, seen, &draft.entries(before, seen)).state
}

/// Two edits upon one state that did not see each other.
pub fn both(left: &State<'static>, right: &State<'static>) -> State<'static> {
    let merged = merge(left, right).unwrap();
    assert_eq!(merge(right, left).unwrap(), merged);
    merged
}

/// A note of S4, examined by the east.
pub fn note() -> State<'static> {
    let fields = draft(&[
        (TITLE, text(TITLE, "标题")),
        (PHONE, text(PHONE, "1")),
        (REMARK, text(REMARK, "旧")),
        (TAGS, set(TAGS, &["a", "b"])),
        (GRADE, int(GRADE, LIMITED)),
        (STATE, step(None, DRAFT)),
        (EXAMINER, named(EXAMINER, EAST)),
    ]);
    save(&State::default(), S4, 1, at_home(S4, fields))
}
