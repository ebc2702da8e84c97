//! The program under test: where it is, and running one command of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::SystemTime;
use std::{env, thread};

use serde_json::Value;

use crate::wait::DEADLINE;

/// Where the sources of the program are, relative to the repository.
const SOURCES: [&str; 5] = ["crates", "proto", "migrations", "Cargo.toml", "Cargo.lock"];

/// The repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the repository").to_owned()
}

/// The program, of the same profile as this test; built when it is missing or older than its sources. Another one can
/// be named in `SHUNIU_PROGRAM`, and is then taken as it is.
///
/// The path is a link of its own: a build that goes on beside the tests replaces the program, not this.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(prepare)
}

fn prepare() -> PathBuf {
    if let Some(program) = env::var_os("SHUNIU_PROGRAM") {
        return program.into();
    }
    let test = env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).expect("target/<profile>/deps/<test>");
    let links = profile.join("federation-tests");
    fs::create_dir_all(&links).unwrap();
    let lock = File::create(links.join("lock")).unwrap();
    lock.lock().unwrap();
    let program = profile.join("shuniu");
    let built = modified(&program);
    if built.is_none_or(|built| SOURCES.iter().any(|part| newest(&repository().join(part)) > built)) {
        build(profile);
    }
    let stamp = modified(&program).expect("cargo built the program");
    let stamp = stamp.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
    let link = links.join(format!("shuniu-{stamp}"));
    if !link.exists() {
        for old in fs::read_dir(&links).unwrap().flatten().filter(|entry| is_stale(&entry.path())) {
            // Somebody else may have taken it away.
            drop(fs::remove_file(old.path()));
        }
        fs::hard_link(&program, &link).unwrap();
    }
    link
}

fn build(profile: &Path) {
    let name = match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let done = Command::new(cargo)
        .args(["build", "--quiet", "--workspace", "--bin", "shuniu", "--profile", name, "--target-dir"])
        .arg(profile.parent().expect("target/<profile>"))
        .current_dir(repository())
        .status()
        .unwrap();
    assert!(done.success(), "the program does not build");
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|meta| meta.modified()).ok()
}

/// Links of programs of long ago; a test that runs beside this one keeps its own.
fn is_stale(link: &Path) -> bool {
    const HOUR: std::time::Duration = std::time::Duration::from_secs(3_600);
    let age = modified(link).and_then(|at| at.elapsed().ok());
    link.file_name().is_some_and(|name| name != "lock") && age.is_some_and(|age| age > HOUR * 6)
}

fn newest(path: &Path) -> SystemTime {
    let own = modified(path).unwrap_or(SystemTime::UNIX_EPOCH);
    let Ok(entries) = fs::read_dir(path) else { return own };
    entries.flatten().map(|entry| newest(&entry.path())).chain([own]).max().unwrap_or(own)
}

/// What a command answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The exit code.
    pub code: i32,
    /// What it said to programs; null when it was not JSON.
    pub json: Value,
    /// What it said to people, on standard error.
    pub words: String,
}

impl Answer {
    /// The words of a failure as programs get them.
    pub fn message(&self) -> &str {
        self.json["error"]["message"].as_str().unwrap_or_default()
    }

    /// The stable code of a failure.
    pub fn error(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or_default()
    }
}

/// A data folder, and commands on it.
#[derive(Debug, Clone)]
pub struct Folder(pub PathBuf);

impl Folder {
    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    /// A command on this folder, not started yet.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.arg("--json").arg("--folder").arg(&self.0).args(args);
        command.env_remove("SHUNIU_FOLDER").env("SHUNIU_LOG", "info").current_dir(self.0.parent().unwrap());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// When it does not end by the deadline.
    pub fn run(&self, args: &[&str]) -> Answer {
        let child = self.command(args).spawn().unwrap();
        let pid = child.id().to_string();
        let (done, waiting) = mpsc::channel();
        thread::spawn(move || done.send(child.wait_with_output()));
        let Ok(output) = waiting.recv_timeout(DEADLINE) else {
            // It is this test's own child, by its id.
            drop(Command::new("kill").args(["-9", &pid]).status());
            panic!("did not end in time: shuniu {}", args.join(" "));
        };
        let output = output.unwrap();
        let stdout = String::from_utf8(output.stdout).expect("answers are text");
        Answer {
            code: output.status.code().unwrap_or(-1),
            json: serde_json::from_str(&stdout).unwrap_or(Value::Null),
            words: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command that must succeed.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> Value {
        let answer = self.run(args);
        assert_eq!(answer.code, 0, "shuniu {}: {}", args.join(" "), answer.words);
        assert!(!answer.json.is_null(), "shuniu {} answers one JSON value", args.join(" "));
        answer.json
    }

    /// What a command that must succeed says to people.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn words(&self, args: &[&str]) -> String {
        let mut command = Command::new(binary());
        command.arg("--folder").arg(&self.0).args(args).env_remove("SHUNIU_FOLDER").stdin(Stdio::null());
        let output = command.output().unwrap();
        let words = String::from_utf8(output.stdout).expect("answers are text");
        assert!(output.status.success(), "shuniu {}: {words}", args.join(" "));
        words
    }

    /// Runs a command that must fail with an exit code, and say why in Chinese.
    ///
    /// # Panics
    /// When it does otherwise.
    #[track_caller]
    pub fn fails(&self, code: i32, args: &[&str]) -> Answer {
        let answer = self.run(args);
        let line = args.join(" ");
        assert_eq!(answer.code, code, "shuniu {line}: {} {}", answer.json, answer.words);
        let chinese = |text: &str| text.chars().any(|letter| ('一'..='鿿').contains(&letter));
        assert!(chinese(answer.message()), "shuniu {line} says why in Chinese: {:?}", answer.message());
        assert!(chinese(&answer.words), "shuniu {line} tells people too: {:?}", answer.words);
        answer
    }
}
