//! Is this node well? Everything that can be seen from its machine, in words, with what to do.
//!
//! It works beside a running server and without one, and goes on where something cannot be looked at: whoever asks is
//! already in trouble. What a finding means is judged in `judge.rs`, apart from looking.

mod judge;
mod reach;

use std::path::Path;

use time::OffsetDateTime;
use wire::admin::{CheckDatabaseRequest, StatusAnswer, StatusRequest};

use crate::attach::{Attached, attach};
use crate::config::Config;
use crate::error::NodeError;
use crate::folder::{Folder, NodeFile};
use crate::node::VERSION;
use crate::token::published;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Good,
    /// Works, but somebody should look.
    Warning,
    /// Does not work.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// A stable name of what was looked at.
    pub subject: &'static str,
    /// What was found.
    pub words: String,
    /// What to do; empty when there is nothing to do.
    pub advice: String,
}

impl Finding {
    pub(crate) fn good(subject: &'static str, words: impl Into<String>) -> Finding {
        Finding { level: Level::Good, subject, words: words.into(), advice: String::new() }
    }

    pub(crate) fn warning(
        subject: &'static str,
        words: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        Finding { level: Level::Warning, subject, words: words.into(), advice: advice.into() }
    }

    pub(crate) fn bad(subject: &'static str, words: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding { level: Level::Bad, subject, words: words.into(), advice: advice.into() }
    }
}

/// Looks at everything about the node in `folder`.
///
/// # Errors
/// [`NodeError::NoNode`] when there is none; whatever else is wrong is a finding.
pub async fn examine(folder: &Path) -> Result<Vec<Finding>, NodeError> {
    let folder = Folder::new(folder);
    if matches!(folder.node(), Err(NodeError::NoNode { .. })) {
        return Err(NodeError::NoNode { folder: folder.path().to_owned() });
    }
    let mut findings = vec![space(&folder), judge::writable(folder.try_writing())];
    findings.extend(keys(&folder));
    let (node, config) = match settings(&folder) {
        Ok(both) => both,
        Err(error) => {
            findings.push(Finding::bad("settings", error.to_string(), "请改正后再试"));
            return Ok(findings);
        }
    };
    let identity = folder.identity();
    findings.push(judge::certificate(&identity, OffsetDateTime::now_utc()));
    let serving = published(&folder).is_some();
    let attached = attach(folder.path()).await;
    findings.push(port(&config, serving, &attached).await);
    match attached {
        Ok(attached) => {
            findings.extend(inside(&attached).await);
            attached.close().await;
        }
        Err(error) => findings.push(judge::closed(&error)),
    }
    if let (Some(name), Ok(identity)) = (&node.parent_name, identity) {
        findings.extend(reach::parent(&node.parent_address(&config), name, identity).await);
    }
    Ok(findings)
}

fn settings(folder: &Folder) -> Result<(NodeFile, Config), NodeError> {
    Ok((folder.node()?, folder.config()?))
}

fn space(folder: &Folder) -> Finding {
    #[cfg(unix)]
    if let Ok(disk) = rustix::fs::statvfs(folder.path()) {
        return judge::space(disk.f_bavail.saturating_mul(disk.f_frsize), folder.database_bytes());
    }
    Finding::warning("disk", "看不到磁盘还有多少空间", "请用系统工具查看")
}

/// Whether others of this machine can read the keys.
fn keys(folder: &Folder) -> Vec<Finding> {
    let mut open = Vec::new();
    #[cfg(unix)]
    for name in folder.secret_names() {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder.path().join(name)).map(|meta| meta.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o077 != 0) {
            open.push(name);
        }
    }
    vec![judge::keys(&open)]
}

async fn port(config: &Config, serving: bool, attached: &Result<Attached, NodeError>) -> Finding {
    let served = attached.as_ref().is_ok_and(Attached::beside_server);
    // Port 0 lets the system choose one.
    let listens = served && !config.listen.is_empty() && !config.listen.ends_with(":0");
    let answers = if listens { Some(reach::answers(&config.listen).await) } else { None };
    judge::server(&config.listen, serving, served, answers)
}

/// What the node itself tells.
async fn inside(attached: &Attached) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut admin = attached.admin();
    match admin.check_database(CheckDatabaseRequest {}).await {
        Ok(answer) => findings.push(judge::database(&answer.get_ref().faults)),
        Err(status) => findings.push(judge::unread("database", &status)),
    }
    match admin.status(StatusRequest {}).await {
        Ok(answer) => findings.extend(standing(answer.get_ref())),
        Err(status) => findings.push(judge::unread("status", &status)),
    }
    findings
}

fn standing(status: &StatusAnswer) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(link) = status.links.iter().find(|link| link.up) {
        findings.push(judge::clock(link));
        findings.push(judge::version(VERSION, &link.version));
        findings.extend(status.agreement.as_ref().map(judge::agreement));
        findings.push(judge::rounds(link));
        findings.push(judge::backlog(status.unsent, link.last_success_ms, status.now_ms));
    }
    findings.extend(judge::exports(&status.exports_waiting_ms, status.now_ms));
    findings.extend(judge::beneath(&status.beneath));
    findings.extend(judge::slowed(&status.links));
    findings.push(judge::quarantine(status.quarantined));
    findings.push(judge::conflicts(status.disputed));
    findings
}
