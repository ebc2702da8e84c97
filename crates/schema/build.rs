//! Compiles every contract under `proto/` into one descriptor set that keeps the custom options.

#![allow(clippy::disallowed_methods, reason = "a build script is all I/O; the ban is for the crate")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let proto = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", proto.display());
    let mut files = Vec::new();
    collect(&proto.join("shuniu"), &mut files)?;
    files.sort();
    let mut compiler = protox::Compiler::new([&proto])?;
    compiler.include_imports(true).open_files(&files)?;
    // Not `file_descriptor_set()`: a set that went through prost_types has lost our options.
    let bytes = compiler.encode_file_descriptor_set();
    fs::write(Path::new(&env::var("OUT_DIR")?).join("descriptors.bin"), bytes)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
