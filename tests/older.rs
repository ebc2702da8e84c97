//! A node whose program is older: it has a contract without some of what is there today.

use std::fs;
use std::path::Path;

use crate::node::{Federation, Node};

/// What an older contract does not have: a kind, and a field of another kind.
pub const NEW_KIND: &str = "correction_request";
/// The kind that lacks a field.
pub const KIND_OF_NEW_FIELD: &str = "organization_profile";
/// The field that it lacks.
pub const NEW_FIELD: &str = "introduction";

/// The descriptor set of a contract of version 1, made of the files in `proto/`.
fn contract() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/shuniu");
    let mut files = Vec::new();
    for kind in fs::read_dir(source).unwrap().flatten() {
        let name = kind.file_name().into_string().unwrap();
        for file in fs::read_dir(kind.path().join("v1")).unwrap().flatten() {
            let text = fs::read_to_string(file.path()).unwrap();
            let path = dir.path().join("shuniu").join(&name).join("v1").join(file.file_name());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, older(&name, text)).unwrap();
            if name != NEW_KIND {
                files.push(path);
            }
        }
    }
    let mut compiler = protox::Compiler::new([dir.path()]).unwrap();
    compiler.include_imports(true).open_files(files).unwrap();
    compiler.encode_file_descriptor_set()
}

fn older(kind: &str, text: String) -> String {
    let without = |from: &str, to: &str| {
        let start = text.find(from).unwrap_or_else(|| panic!("{kind} has {from}"));
        let end = start + text[start..].find(to).unwrap() + to.len();
        text[..start].to_owned() + &text[end..]
    };
    match kind {
        "schema" => without("option (contract_version)", ";"),
        KIND_OF_NEW_FIELD => without(&format!("optional string {NEW_FIELD} "), "}];"),
        _ => text,
    }
}

impl Federation {
    /// Lets a node that is not being served be one whose program is older.
    pub fn make_older(&self, node: &Node) {
        let file = self.path("older.bin");
        fs::write(&file, contract()).unwrap();
        let settings = node.folder.path().join("shuniu.toml");
        let text = fs::read_to_string(&settings).unwrap();
        fs::write(&settings, format!("contract = \"{file}\"\n{text}")).unwrap();
    }
}
