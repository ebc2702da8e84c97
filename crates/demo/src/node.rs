//! One node: a folder, and a process of the real program over it.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout};
use tokio::sync::Mutex;

use crate::error::DemoError;
use crate::program::{Answer, Following, Program};

/// A node that is not ready by then will not be: on an idle machine it takes well under a second.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// A node of the federation.
pub(crate) struct Node {
    /// Its base's place in the plan.
    pub at: usize,
    /// What people call it, short.
    pub name: String,
    /// Its data folder.
    pub folder: PathBuf,
    /// Where nodes beneath reach it; none when it has none.
    pub listen: Option<SocketAddr>,
    program: Program,
    process: Mutex<Option<Process>>,
}

/// When a node syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syncing {
    /// Only when it is told to: nothing happens by itself.
    OnDemand,
    EveryMinutes(u32),
    /// Whenever something changes, and when it is called from above.
    Live,
}

struct Process {
    child: Child,
    /// Held, so that the node never writes to a closed pipe.
    _answers: BufReader<ChildStdout>,
}

impl Node {
    pub fn new(at: usize, name: &str, folder: PathBuf, listen: Option<SocketAddr>, program: Program) -> Node {
        Node { at, name: name.to_owned(), folder, listen, program, process: Mutex::new(None) }
    }

    /// The database, for the checker.
    pub fn database(&self) -> PathBuf {
        self.folder.join("shuniu.db")
    }

    /// Runs a command on this node that must succeed.
    pub async fn done(&self, args: &[&str]) -> Result<Answer, DemoError> {
        self.program.done(&self.folder, args).await
    }

    /// Runs a command on this node, however it ends.
    pub async fn run(&self, args: &[&str]) -> Result<Answer, DemoError> {
        self.program.run(&self.folder, args).await
    }

    /// Lays out the folder with its settings.
    pub fn configure(&self, parent: Option<SocketAddr>, syncing: Syncing) -> Result<(), DemoError> {
        let address = |a: Option<SocketAddr>| a.map(|a| a.to_string()).unwrap_or_default();
        let (every_minutes, live) = match syncing {
            Syncing::OnDemand => (0, false),
            Syncing::EveryMinutes(minutes) => (minutes, false),
            Syncing::Live => (0, true),
        };
        let text = format!(
            "listen = \"{}\"\nparent = \"{}\"\n\n[sync]\nevery_minutes = {every_minutes}\nlive = {live}\n",
            address(self.listen),
            address(parent),
        );
        std::fs::create_dir_all(&self.folder).map_err(|e| failed("建立文件夹", &self.folder, e))?;
        let file = self.folder.join("shuniu.toml");
        std::fs::write(&file, text).map_err(|e| failed("写入设置", &file, e))
    }

    /// Adds a setting for trying out to those in the file; it stands until they are written anew.
    pub fn set_odd(&self, name: &str, value: &str) -> Result<(), DemoError> {
        let file = self.folder.join("shuniu.toml");
        let text = std::fs::read_to_string(&file).map_err(|e| failed("读取设置", &file, e))?;
        // Before the first heading, where it would be a setting of that section.
        std::fs::write(&file, format!("{name} = {value}\n{text}")).map_err(|e| failed("写入设置", &file, e))
    }

    /// Starts the node's process and waits until it says that it is ready.
    pub async fn start(&self) -> Result<(), DemoError> {
        let log = self.folder.join("serve.log");
        let file = std::fs::File::options().create(true).append(true).open(&log);
        let file = file.map_err(|e| failed("建立日志", &log, e))?;
        let not_ready =
            |words: String| DemoError::NotReady { node: self.name.clone(), words, log: log.clone() };
        let mut command = self.program.command(&self.folder);
        command.arg("serve").stdout(Stdio::piped()).stderr(file);
        let mut child = command.spawn().map_err(|e| not_ready(e.to_string()))?;
        let stdout = child.stdout.take().ok_or_else(|| not_ready("没有输出".into()))?;
        let mut answers = BufReader::new(stdout);
        let mut line = String::new();
        let read = tokio::time::timeout(READY_TIMEOUT, answers.read_line(&mut line)).await;
        read.map_err(|_| not_ready("没有按时答复".into()))?.map_err(|e| not_ready(e.to_string()))?;
        let said: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
        if said["ready"] != Value::Bool(true) {
            return Err(not_ready(format!("答复是“{}”", line.trim())));
        }
        *self.process.lock().await = Some(Process { child, _answers: answers });
        Ok(())
    }

    /// What a command on this node says to a person, however it ends.
    pub async fn words(&self, args: &[&str]) -> Result<String, DemoError> {
        self.program.words(&self.folder, args).await
    }

    /// Ends the process and starts it again with what its settings say now.
    pub async fn restart(&self) -> Result<(), DemoError> {
        self.kill().await?;
        self.start().await
    }

    /// Follows a command on this node while it runs.
    pub fn follow(&self, args: &[&str]) -> Result<Following, DemoError> {
        self.program.follow(&self.folder, args)
    }

    /// Ends the process without warning, as a power failure does (SIGKILL).
    pub async fn kill(&self) -> Result<(), DemoError> {
        let Some(mut process) = self.process.lock().await.take() else { return Ok(()) };
        process.child.kill().await.map_err(|e| failed("停止进程", &self.folder, e))
    }

    /// Whether its process runs: a command on a node that is down would open the files itself, unnoticed.
    pub async fn is_alive(&self) -> bool {
        let mut process = self.process.lock().await;
        process.as_mut().is_some_and(|process| matches!(process.child.try_wait(), Ok(None)))
    }

    /// The id of its process; none while it is down.
    pub async fn pid(&self) -> Option<u32> {
        self.process.lock().await.as_ref().and_then(|process| process.child.id())
    }
}

fn failed(doing: &'static str, path: &Path, source: std::io::Error) -> DemoError {
    DemoError::File { doing, path: path.to_owned(), source }
}

/// Where free ports are looked for: below those that systems give to outgoing connections, since one of these could
/// take a port between now and the moment at which its node listens.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Ports between the beginnings of demos with neighbouring process ids: more than the largest needs.
const PORT_STEP: usize = 131;

/// Free ports of this machine, no two the same.
pub(crate) fn free_ports(count: usize) -> Result<Vec<SocketAddr>, DemoError> {
    // Two demos at once begin at different places.
    let first = std::process::id() as usize * PORT_STEP % PORTS.len();
    let candidates =
        PORTS.skip(first).chain(PORTS.take(first)).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let held: Vec<TcpListener> =
        candidates.filter_map(|address| TcpListener::bind(address).ok()).take(count).collect();
    let addresses: Result<Vec<SocketAddr>, _> = held.iter().map(TcpListener::local_addr).collect();
    let addresses = addresses.map_err(|source| DemoError::Network { source })?;
    match addresses.len() == count {
        true => Ok(addresses),
        false => Err(DemoError::Network { source: std::io::ErrorKind::AddrInUse.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ports_differ() {
        let ports = free_ports(40).unwrap();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 40);
        assert!(ports.iter().all(|address| PORTS.contains(&address.port())));
    }
}
