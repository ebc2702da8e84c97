//! The rules of the repository itself: arrows between crates, what the pure ones may use, where kinds are named.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use federation_tests::program::repository;

/// Each crate with the crates of ours that it may use. Later ones may use earlier ones only, so there is no circle.
const ARROWS: [(&str, &[&str]); 16] = [
    ("planted", &[]),
    ("schema", &[]),
    ("causal", &["planted"]),
    ("domain", &[]),
    ("sheet", &[]),
    ("pki", &[]),
    ("record", &["schema", "causal", "planted"]),
    ("sync", &["schema", "causal", "record", "planted"]),
    ("store", &["schema", "causal", "domain", "record", "sync", "planted"]),
    ("office", &["schema", "causal", "domain", "record", "sync", "store", "sheet", "planted"]),
    ("sim", &["schema", "causal", "record", "sync", "store", "office", "planted"]),
    ("wire", &["causal", "record", "sync"]),
    ("node", &["schema", "causal", "domain", "record", "sync", "store", "office", "wire", "pki", "sheet"]),
    ("demo", &["domain"]),
    ("bench", &["domain", "sheet", "wire", "node"]),
    (
        "shuniu",
        &[
            "schema", "causal", "domain", "record", "sync", "store", "office", "wire", "pki", "sheet",
            "node", "demo",
        ],
    ),
];

/// Crates in which time, chance and the outside world are arguments.
const PURE: [&str; 5] = ["schema", "causal", "domain", "record", "sync"];
/// What would let a pure crate reach for them.
const IMPURE: [&str; 6] = ["tokio", "sqlx", "tonic", "rand", "rustls", "reqwest"];

/// Crates that must work for kinds that nobody has thought of yet.
const ENGINE: [&str; 10] =
    ["causal", "record", "sync", "store", "office", "wire", "node", "pki", "sheet", "schema"];

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(repository().join("Cargo.toml")).exec().unwrap()
}

/// All `.rs` files under a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    let of = |path: PathBuf| match path.is_dir() {
        true => sources(&path),
        false => {
            if path.extension().is_some_and(|e| e == "rs") {
                vec![path]
            } else {
                Vec::new()
            }
        }
    };
    paths.flat_map(of).collect()
}

/// Where a crate of ours lies.
fn folder_of(name: &str) -> PathBuf {
    repository().join("crates").join(if name == "shuniu" { "cli" } else { name })
}

/// What of a crate's `src` is the program: without tests, and without the suite that a store's tests plug into.
fn program(name: &str) -> Vec<(PathBuf, String)> {
    let folder = folder_of(name).join("src");
    let suite =
        |path: &Path| path.starts_with(folder.join("contract")) || path.ends_with("store/src/contract.rs");
    let files = sources(&folder).into_iter().filter(|path| !suite(path));
    files.map(|path| (path.clone(), without_tests(&fs::read_to_string(path).unwrap()))).collect()
}

/// A file up to its tests, without comments.
fn without_tests(text: &str) -> String {
    let end = text.find("#[cfg(test)]").unwrap_or(text.len());
    let code = |line: &&str| !line.trim_start().starts_with("//");
    text[..end].lines().filter(code).collect::<Vec<_>>().join("\n")
}

/// The texts between double quotes. Raw strings count as well; an escaped quote does not end one.
fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut letters = code.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            // A character, such as '"'; a lifetime has no closing quote.
            '\'' => {
                let ahead: String = letters.clone().take(3).collect();
                let length = match ahead.as_bytes() {
                    [b'\\', _, b'\'', ..] => 3,
                    [_, b'\'', ..] => 2,
                    _ => 0,
                };
                letters.by_ref().take(length).for_each(drop);
            }
            '"' => {
                let mut text = String::new();
                while let Some(letter) = letters.next() {
                    match letter {
                        '"' => break,
                        '\\' => text.extend(letters.next()),
                        other => text.push(other),
                    }
                }
                found.push(text);
            }
            _ => {}
        }
    }
    found
}

/// The kinds of the contract, by the names of their packages.
fn kinds() -> BTreeSet<String> {
    let areas = fs::read_dir(repository().join("proto/shuniu")).unwrap().flatten();
    let is_kind = |folder: &Path| {
        let files = fs::read_dir(folder.join("v1")).unwrap().flatten();
        files.into_iter().any(|f| fs::read_to_string(f.path()).unwrap().contains("option (schema.v1.kind)"))
    };
    let names =
        areas.filter(|area| is_kind(&area.path())).map(|area| area.file_name().into_string().unwrap());
    names.collect()
}

// Wrong: rules that reach for the database, and in two years nothing can be tried without all of it.
#[test]
fn crates_use_only_the_crates_below_them() {
    let metadata = metadata();
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let mut seen = BTreeSet::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        if name == env!("CARGO_PKG_NAME") {
            continue;
        }
        let allowed = ARROWS.iter().find(|(known, _)| *known == name);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("say in ARROWS what {name} may use"));
        seen.insert(name);
        for dependency in package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal) {
            let used = dependency.name.as_str();
            assert!(!ours.contains(used) || allowed.contains(&used), "{name} must not use {used}");
        }
    }
    assert_eq!(seen, ours, "every crate is there");
}

// Wrong: a merge that reads the clock: two nodes with the same edits then show different values.
#[test]
fn pure_crates_cannot_reach_the_outside_world() {
    let metadata = metadata();
    let resolve = metadata.resolve.as_ref().unwrap();
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let names: BTreeMap<_, _> = metadata.packages.iter().map(|p| (&p.id, p.name.as_str())).collect();
    for package in metadata.workspace_packages().into_iter().filter(|p| PURE.contains(&p.name.as_str())) {
        let mut open = vec![&package.id];
        let mut reached = BTreeSet::new();
        while let Some(id) = open.pop() {
            if !reached.insert(id) {
                continue;
            }
            let normal =
                |d: &&cargo_metadata::NodeDep| d.dep_kinds.iter().any(|k| k.kind == DependencyKind::Normal);
            open.extend(nodes[id].deps.iter().filter(normal).map(|dep| &dep.pkg));
        }
        let reached: Vec<&str> =
            reached.into_iter().map(|id| names[id]).filter(|n| IMPURE.contains(n)).collect();
        assert_eq!(reached, Vec::<&str>::new(), "{} is pure", package.name);
    }
}

// Wrong: a ban that is written in a style guide only.
#[test]
fn pure_crates_carry_the_bans() {
    const BANS: [&str; 5] = [
        "std::time::Instant::now",
        "std::time::SystemTime::now",
        "std::thread::sleep",
        "std::collections::HashMap",
        "std::env::var",
    ];
    for name in PURE {
        let file = folder_of(name).join("clippy.toml");
        let bans = fs::read_to_string(&file).unwrap_or_else(|_| panic!("{} is missing", file.display()));
        for ban in BANS {
            assert!(bans.contains(ban), "{name} bans {ban}");
        }
    }
}

// Wrong: a kind that works because the engine knows it by name; the next one then needs Rust.
//
// The rule: in the engine's code (tests and comments aside) no string literal may contain a kind's name as a whole
// word. `base` and `division` are also words of the engine itself (a column, a format, a way to group a figure), so
// of those only a literal that is nothing but the name counts; where such a literal is no kind's name, it is listed.
#[test]
fn the_engine_names_no_kind() {
    const WORDS: [&str; 2] = ["base", "division"];
    /// A figure by base, and the key of the table `meta` under which a node remembers whose it is.
    const NO_KINDS: [(&str, &str); 2] = [
        ("office/src/filter.rs", "\"base\" | \"基地\""),
        ("office/src/lib.rs", "const META_BASE: &str = \"base\""),
    ];
    let kinds = kinds();
    assert!(kinds.len() >= 10 && kinds.contains("organization_profile"), "{kinds:?}");
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let names = |literal: &str, kind: &str| match WORDS.contains(&kind) {
        true => literal == kind,
        false => literal.split(|c| !word(c)).any(|part| part == kind),
    };
    let mut found = Vec::new();
    for (path, mut code) in ENGINE.iter().flat_map(|name| program(name)) {
        for (_, words) in NO_KINDS.iter().filter(|(file, _)| path.ends_with(file)) {
            assert!(code.contains(words), "{} has changed: {words}", path.display());
            code = code.replace(words, "");
        }
        for literal in literals(&code) {
            let named = kinds.iter().filter(|kind| names(&literal, kind));
            found.extend(named.map(|kind| format!("{}: {kind} in {literal:?}", path.display())));
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

// Wrong: a Rust file for one kind, generated or written, that the engine then depends on.
#[test]
fn the_engine_has_no_file_or_type_of_a_kind() {
    let kinds = kinds();
    let distinct = kinds.iter().filter(|kind| kind.contains('_'));
    for kind in distinct {
        let camel: String = kind.split('_').map(|part| part[..1].to_uppercase() + &part[1..]).collect();
        for (path, code) in ENGINE.iter().flat_map(|name| program(name)) {
            assert!(path.file_stem().is_none_or(|stem| *stem != **kind), "{}", path.display());
            assert!(!code.contains(&camel) && !code.contains(kind.as_str()), "{}: {kind}", path.display());
        }
    }
}

// Wrong: two engines whose migrations count differently, or a step that is skipped on one.
#[test]
fn migrations_are_numbered_without_gaps() {
    let numbers = |engine: &str| -> Vec<u32> {
        let files = fs::read_dir(repository().join("migrations").join(engine)).unwrap().flatten();
        let names = files.map(|file| file.file_name().into_string().unwrap());
        let mut numbers: Vec<u32> = names
            .filter(|name| name.ends_with(".sql"))
            .map(|name| {
                let (number, words) =
                    name.split_once('_').unwrap_or_else(|| panic!("{name} is NNNN_words.sql"));
                assert!(number.len() == 4 && words.len() > ".sql".len(), "{name} is NNNN_words.sql");
                number.parse().unwrap()
            })
            .collect();
        numbers.sort_unstable();
        numbers
    };
    let sqlite = numbers("sqlite");
    let expected: Vec<u32> = (1..).take(sqlite.len()).collect();
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, expected);
    let postgres = numbers("postgres");
    assert!(postgres.is_empty() || postgres == sqlite, "equal numbers on both engines");
}

// Wrong: a crate into which nobody knows where to start reading.
#[test]
fn every_crate_says_what_it_is_for() {
    for (name, _) in ARROWS {
        let src = folder_of(name).join("src");
        let root = ["lib.rs", "main.rs"].map(|file| src.join(file)).into_iter().find(|file| file.exists());
        let text = fs::read_to_string(root.unwrap()).unwrap();
        assert!(text.starts_with("//! "), "{name} begins with what it is for");
        let own = text.lines().take_while(|line| line.starts_with("//!")).count();
        assert!(own >= 3, "{name}: what it is for, what it must never know, where to begin");
    }
}

// Wrong: a panic at a street in the middle of a form, where an error in words belongs.
#[test]
fn nothing_outside_tests_gives_up() {
    const GIVING_UP: [&str; 5] = [".unwrap()", "todo!(", "unimplemented!(", "dbg!(", ".unwrap_err()"];
    let mut found = Vec::new();
    for (path, code) in ARROWS.iter().flat_map(|(name, _)| program(name)) {
        for line in code.lines() {
            if GIVING_UP.iter().any(|word| line.contains(word)) {
                found.push(format!("{}: {}", path.display(), line.trim()));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

// Wrong: a program in an office that can be told to lose records.
#[test]
fn the_program_holds_no_switch_for_planted_bugs() {
    let switch = fs::read_to_string(folder_of("planted").join("src/switch.rs")).unwrap();
    let bugs: Vec<String> =
        literals(&without_tests(&switch)).into_iter().filter(|words| words.len() > 20).collect();
    assert!(bugs.len() > 10, "{bugs:?}");
    let program = fs::read(federation_tests::program::binary()).unwrap();
    let holds = |words: &str| program.windows(words.len()).any(|window| window == words.as_bytes());
    assert_eq!(bugs.iter().filter(|words| holds(words)).collect::<Vec<_>>(), Vec::<&String>::new());
    for package in metadata().workspace_packages().into_iter().filter(|p| *p.name != "sim") {
        let on = package.dependencies.iter().filter(|d| d.name == "planted" && !d.features.is_empty());
        assert_eq!(on.count(), 0, "{} must not switch bugs on", package.name);
    }
}
