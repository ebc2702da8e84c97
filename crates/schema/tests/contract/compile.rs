//! Compiles contracts that exist only in a test.

use std::path::Path;

use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver};
use schema::Schema;

/// One file that is not on disk.
struct Memory {
    name: String,
    source: String,
}

impl FileResolver for Memory {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == self.name {
            File::from_source(name, &self.source)
        } else {
            Err(protox::Error::file_not_found(name))
        }
    }
}

/// The descriptor set of a contract of one file, with more files from `proto/`.
pub fn descriptors(name: &str, source: &str, more: &[&str]) -> Vec<u8> {
    let mut resolver = ChainFileResolver::new();
    resolver.add(Memory { name: name.to_owned(), source: source.to_owned() });
    resolver.add(IncludeFileResolver::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto")));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    for file in [name].iter().chain(more) {
        compiler.open_file(file).unwrap();
    }
    compiler.encode_file_descriptor_set()
}

/// A contract in the package `shuniu.thing.v1` with these definitions.
pub fn thing(definitions: &str) -> Result<Schema, schema::SchemaError> {
    let source = format!(
        "syntax = \"proto3\"; package shuniu.thing.v1; import \"shuniu/schema/v1/options.proto\"; {definitions}"
    );
    Schema::from_descriptors(&descriptors("shuniu/thing/v1/thing.proto", &source, &[]))
}

/// A contract with one kind `thing` of these fields, followed by more definitions.
pub fn thing_of(fields: &str, more: &str) -> Result<Schema, schema::SchemaError> {
    thing(&format!(
        "message Thing {{ option (schema.v1.kind) = {{
            label: '东西' label_en: 'Thing' creator: HOME audience_default: NONE
        }}; {fields} }} {more}"
    ))
}

/// The one field `x` of such a contract, declared as `type` with these options.
pub fn field(ty: &str, options: &str) -> schema::Field {
    let rule = if ty.starts_with("repeated") { "UNION" } else { "LATEST" };
    let source =
        format!("{ty} x = 1 [(schema.v1.field) = {{label: '项' label_en: 'X' rule: {rule} {options}}}];");
    thing_of(&source, MORE).unwrap().kinds[0].fields[0].clone()
}

/// Definitions that fields of tests use.
pub const MORE: &str = "
    enum Color {
        COLOR_UNSPECIFIED = 0;
        COLOR_RED = 1 [(schema.v1.value) = {label: '红(色)' label_en: 'red' alias: '赤'}];
        COLOR_DARK_BLUE = 2 [(schema.v1.value) = {label: '深蓝' label_en: 'navy'}];
    }
    message Pair {
        optional string who = 1 [(schema.v1.field) = {label: '谁' label_en: 'Who'}];
        optional int64 paid = 2 [(schema.v1.field) = {label: '已付' label_en: 'Paid' format: FEN}];
    }
    enum State {
        option (schema.v1.enumeration) = {initial: 'STATE_NEW'};
        STATE_UNSPECIFIED = 0;
        STATE_NEW = 1 [(schema.v1.value) = {label: '新' turn: HOME leads_to: {to: 'STATE_DONE' label: '办结'}}];
        STATE_DONE = 2 [(schema.v1.value) = {label: '办结'}];
    }";
