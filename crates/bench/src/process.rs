//! Nodes as processes of their own: this program again, in another role.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::measure::remark;

/// A node that is not ready by then will not be.
const READY_TIMEOUT: Duration = Duration::from_secs(120);
/// In which Linux tells the time of a processor (USER_HZ).
const TICKS_PER_SECOND: u64 = 100;
/// A node that has been asked to stop gives its streams some seconds to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// The role of a node, or of several: serves the folders until the standard input ends, as it does when the benchmark
/// goes away.
pub async fn be_nodes(folders: &[PathBuf]) -> anyhow::Result<()> {
    let (stopping, stop) = watch::channel(false);
    std::thread::spawn(move || {
        // However the input ends, nobody is there any more.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        stopping.send_replace(true);
    });
    let mut nodes = JoinSet::new();
    for folder in folders {
        let (folder, mut stop) = (folder.clone(), stop.clone());
        nodes.spawn(async move {
            let stop = async { stop.wait_for(|stop| *stop).await.map(drop).unwrap_or_default() };
            node::serve(&folder, announce, stop).await
        });
    }
    while let Some(ended) = nodes.join_next().await {
        ended.context("serving")??;
    }
    Ok(())
}

fn announce(listening: &node::Listening) {
    use std::io::Write as _;
    let line = json!({ "ready": true, "base": listening.base_name });
    // Nobody reads it: then nobody wants the node either, and the standard input says so.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A process that serves one node, or several.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pid: u32,
    /// From the start of the process to the moment it said that it is ready.
    pub start: Duration,
}

impl Process {
    /// Starts a node and waits until it says that it is ready.
    pub async fn start(folder: &Path) -> anyhow::Result<Process> {
        Process::start_all(&[folder.to_owned()]).await
    }

    /// Starts one process for several nodes, and waits until all of them are ready.
    pub async fn start_all(folders: &[PathBuf]) -> anyhow::Result<Process> {
        let program = std::env::current_exe().context("finding this program")?;
        let began = Instant::now();
        let mut command = Command::new(program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        for folder in folders {
            command.arg("--serve").arg(folder);
        }
        let mut child = command.spawn().context("starting a node")?;
        let pid = child.id().context("starting a node")?;
        let mut said = BufReader::new(child.stdout.take().context("starting a node")?).lines();
        for folder in folders {
            let line = tokio::time::timeout(READY_TIMEOUT, said.next_line()).await;
            let line = line.with_context(|| format!("{} is not ready in time", folder.display()))?;
            let line = line.context("starting a node")?.unwrap_or_default();
            let ready: Value = serde_json::from_str(&line).unwrap_or_default();
            ensure!(ready["ready"] == true, "a node did not start");
        }
        Ok(Process { child, pid, start: began.elapsed() })
    }

    /// The most memory that it held at once so far, MiB.
    pub fn peak_mib(&self) -> anyhow::Result<f64> {
        self.memory_mib("VmHWM:")
    }

    /// The memory that it holds now, MiB.
    pub fn resident_mib(&self) -> anyhow::Result<f64> {
        self.memory_mib("VmRSS:")
    }

    fn memory_mib(&self, name: &str) -> anyhow::Result<f64> {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.pid)).context("reading /proc")?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<f64>().ok());
        Ok(kib.with_context(|| format!("reading {name}"))? / 1024.0)
    }

    /// How much time of a processor it has used so far.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).context("reading /proc")?;
        // The second field is the program's name in brackets; user and system time are the fields 14 and 15.
        let rest = stat.rsplit_once(')').context("reading /proc")?.1;
        let ticks: u64 = rest.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
    }

    /// Ends it, and waits until it has closed its database.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        match tokio::time::timeout(STOP_TIMEOUT, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => bail!("a node ended with {status}"),
            Ok(Err(error)) => Err(error).context("waiting for a node"),
            Err(_) => {
                remark("a node does not stop, and is killed");
                self.child.kill().await.context("killing a node")
            }
        }
    }
}
