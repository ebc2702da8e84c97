//! Makes the contract of an older program: that of `proto/` without what was added since.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// A kind that the older contract does not have.
const NEW_KIND: &str = "correction_request";
/// A field that it does not have, and the kind of which it is one.
const NEW_FIELD: (&str, &str) = ("organization_profile", "introduction");

fn main() -> Result<(), Box<dyn Error>> {
    let proto = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto/shuniu");
    println!("cargo:rerun-if-changed={}", proto.display());
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let sources = out.join("older");
    let mut files = Vec::new();
    for area in fs::read_dir(&proto)? {
        let area = area?;
        let name = area.file_name().to_string_lossy().into_owned();
        let folder = sources.join("shuniu").join(&name).join("v1");
        fs::create_dir_all(&folder)?;
        for file in fs::read_dir(area.path().join("v1"))? {
            let file = file?;
            let path = folder.join(file.file_name());
            fs::write(&path, older(&name, fs::read_to_string(file.path())?)?)?;
            if name != NEW_KIND {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut compiler = protox::Compiler::new([&sources])?;
    compiler.include_imports(true).open_files(&files)?;
    fs::write(out.join("older.bin"), compiler.encode_file_descriptor_set())?;
    Ok(())
}

/// A file as it was.
fn older(area: &str, text: String) -> Result<String, String> {
    match area {
        "schema" => without(&text, "option (contract_version)", ";"),
        _ if area == NEW_FIELD.0 => without(&text, &format!("optional string {} ", NEW_FIELD.1), "}];"),
        _ => Ok(text),
    }
}

fn without(text: &str, from: &str, to: &str) -> Result<String, String> {
    let lacks = |what: &str| format!("the contract has no “{what}” any more: see demo/build.rs");
    let start = text.find(from).ok_or_else(|| lacks(from))?;
    let end = text[start..].find(to).ok_or_else(|| lacks(to))? + start + to.len();
    Ok([&text[..start], &text[end..]].concat())
}
