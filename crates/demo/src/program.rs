//! Running the program as a person does: one command, one process.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::error::DemoError;

/// A command that does not end in this time hangs; the longest ordinary one takes a second or two.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(180);

/// The `shuniu` program.
#[derive(Debug, Clone)]
pub(crate) struct Program(PathBuf);

/// How a command ended.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The command line, as a person would write it.
    pub line: String,
    /// The exit code; -1 when a signal ended it.
    pub exit: i32,
    /// What it said, as JSON.
    pub value: Value,
    /// What it said to the person.
    pub notes: String,
}

impl Program {
    pub fn new(path: PathBuf) -> Program {
        Program(path)
    }

    /// A process of the program that answers in JSON, not yet started.
    pub fn command(&self, folder: &Path) -> Command {
        let mut command = self.plain(folder);
        command.arg("--json");
        command
    }

    fn plain(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.0);
        command.arg("--folder").arg(folder).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Starts a command that tells a person how far it is.
    pub fn follow(&self, folder: &Path, args: &[&str]) -> Result<Following, DemoError> {
        let line = line(folder, args);
        let failed = |words: String| DemoError::Program { command: line.clone(), words };
        let mut command = self.plain(folder);
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| failed(e.to_string()))?;
        let told = child.stderr.take().ok_or_else(|| failed("没有输出".into()))?;
        Ok(Following { line, child, lines: BufReader::new(told).lines(), seen: Vec::new() })
    }

    /// What a command says to a person, however it ends.
    pub async fn words(&self, folder: &Path, args: &[&str]) -> Result<String, DemoError> {
        let output = ended(self.plain(folder).args(args), &line(folder, args)).await?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs a command to its end, whatever that is.
    pub async fn run(&self, folder: &Path, args: &[&str]) -> Result<Answer, DemoError> {
        let line = line(folder, args);
        let output = ended(self.command(folder).args(args), &line).await?;
        let said = String::from_utf8_lossy(&output.stdout);
        Ok(Answer {
            exit: output.status.code().unwrap_or(-1),
            value: serde_json::from_str(said.trim()).unwrap_or(Value::Null),
            notes: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            line,
        })
    }

    /// Runs a command that must succeed.
    pub async fn done(&self, folder: &Path, args: &[&str]) -> Result<Answer, DemoError> {
        self.run(folder, args).await?.succeeded()
    }
}

/// Runs a process to its end, of which `line` is the command line.
async fn ended(command: &mut Command, line: &str) -> Result<Output, DemoError> {
    let failed = |words: String| DemoError::Program { command: line.to_owned(), words };
    let output = tokio::time::timeout(COMMAND_TIMEOUT, command.output()).await;
    output.map_err(|_| failed("没有按时结束".into()))?.map_err(|e| failed(e.to_string()))
}

/// A command that tells what happens while it runs.
pub(crate) struct Following {
    /// The command line, as a person would write it.
    pub line: String,
    /// What it has told so far.
    pub seen: Vec<String>,
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Following {
    /// Reads on until `enough` of what it told; `false` when it ended before that, or tells nothing for too long.
    pub async fn until(&mut self, enough: impl Fn(&[String]) -> bool) -> bool {
        while !enough(&self.seen) {
            match tokio::time::timeout(COMMAND_TIMEOUT, self.lines.next_line()).await {
                Ok(Ok(Some(line))) => self.seen.push(line),
                _ => return false,
            }
        }
        true
    }

    /// How it ended: the exit code, and its last word.
    pub async fn end(self) -> Result<(i32, String), DemoError> {
        let failed = |words: String| DemoError::Program { command: self.line.clone(), words };
        let output = tokio::time::timeout(COMMAND_TIMEOUT, self.child.wait_with_output()).await;
        let output = output.map_err(|_| failed("没有按时结束".into()))?.map_err(|e| failed(e.to_string()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let last = said.lines().last().unwrap_or_default().trim().to_owned();
        Ok((output.status.code().unwrap_or(-1), last))
    }
}

impl Answer {
    /// The answer, if the command succeeded.
    pub fn succeeded(self) -> Result<Answer, DemoError> {
        match self.exit {
            0 => Ok(self),
            exit => Err(DemoError::Command { command: self.line, exit, words: self.notes }),
        }
    }

    /// A text in the answer.
    pub fn text(&self, name: &str) -> Result<&str, DemoError> {
        self.value[name].as_str().ok_or_else(|| self.lacks(name))
    }

    /// A number in the answer.
    pub fn number(&self, name: &str) -> Result<u64, DemoError> {
        self.value[name].as_u64().ok_or_else(|| self.lacks(name))
    }

    /// A list in the answer.
    pub fn list(&self, name: &str) -> Result<&Vec<Value>, DemoError> {
        self.value[name].as_array().ok_or_else(|| self.lacks(name))
    }

    fn lacks(&self, what: &str) -> DemoError {
        DemoError::Answer { command: self.line.clone(), what: what.to_owned() }
    }
}

/// The command line as a person would write it, in the folder of the demo.
fn line(folder: &Path, args: &[&str]) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let args = args.iter().map(|arg| quoted(arg));
    ["shuniu".to_owned(), "--folder".to_owned(), name.into_owned()]
        .into_iter()
        .chain(args)
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(arg: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"'\"\\$`*?&|;<>()#~".contains(c);
    match arg.rsplit_once('/') {
        // Files of the demo are named from its folder.
        Some((_, name)) if arg.starts_with('/') => name.to_owned(),
        _ if !arg.is_empty() && arg.chars().all(plain) => arg.to_owned(),
        _ => format!("'{}'", arg.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_can_be_copied() {
        let line = line(Path::new("/tmp/x/莲花街道"), &["put", "notice", "title=关于 a'b", "/tmp/x/a.csv"]);
        assert_eq!(line, r"shuniu --folder 莲花街道 put notice 'title=关于 a'\''b' a.csv");
    }
}
