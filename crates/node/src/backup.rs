//! Backups: taking one beside a running server, and making a node of one again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use store::{Backup, Copied, FolderLock, KeptFile, StoreError};
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use crate::error::NodeError;
use crate::folder::{Folder, NodeFile, make_private};
use crate::node::{Node, VERSION};

/// What a backup says of itself, as one of its files.
const ABOUT: &str = "backup.json";

#[derive(Serialize, Deserialize)]
struct About {
    version: String,
    taken_at_ms: u64,
}

/// What a restored node is.
#[derive(Debug, Clone)]
pub struct RestoreReport {
    /// The name of its base.
    pub base_name: String,
    /// The federation's name.
    pub federation: String,
    /// How many records the backup held.
    pub records: u64,
    /// When it was taken, by the clock of the machine, UTC milliseconds.
    pub taken_at_ms: u64,
    /// Where the folder that stood in its place is now.
    pub moved: Option<PathBuf>,
}

/// Writes a backup of a node that is open into a new file.
pub(crate) async fn take(node: &Node, file: &Path) -> Result<(Copied, u64), NodeError> {
    if !file.is_absolute() {
        return Err(NodeError::Refused {
            code: "invalid",
            words: "备份文件要写完整路径 / the path must be absolute".into(),
        });
    }
    let taken_at_ms = node.office.now_ms();
    let about = serde_json::json!(About { version: VERSION.into(), taken_at_ms }).to_string();
    let mut files = node.folder.kept()?;
    files.push(KeptFile { name: ABOUT.into(), content: about.into_bytes() });
    Ok((node.office.backup(file, &files).await.map_err(NodeError::Office)?, taken_at_ms))
}

/// Makes a node in `folder` of a backup. A node that is there already is moved aside first, if `replace` says so.
///
/// # Errors
/// [`NodeError`] when the backup is not whole, of a newer program or of another base, when the folder holds something, or
/// a server runs on it. Nothing has changed then.
pub async fn restore(file: &Path, folder: &Path, replace: bool) -> Result<RestoreReport, NodeError> {
    let backup = Backup::open(file).await.map_err(store_error)?;
    let (node, about) = (node_of(&backup, file)?, about_of(&backup, file)?);
    let target = Folder::new(folder);
    let held = make_room(&target, &backup, &node, replace)?;
    let beside = beside(folder, "restoring");
    let made = fill(&Folder::new(&beside), &backup).await;
    let placed = made.and_then(|()| place(&target, &beside, held.is_some()));
    if placed.is_err() {
        // The first error is the one to report; the folder was made by this call.
        let _ = std::fs::remove_dir_all(&beside);
    }
    drop(held);
    Ok(RestoreReport {
        base_name: node.base_name,
        federation: node.federation,
        records: backup.records,
        taken_at_ms: about.taken_at_ms,
        moved: placed?,
    })
}

fn content<'b>(backup: &'b Backup, name: &str) -> Option<&'b [u8]> {
    backup.files.iter().find(|kept| kept.name == name).map(|kept| kept.content.as_slice())
}

fn node_of(backup: &Backup, file: &Path) -> Result<NodeFile, NodeError> {
    let read = content(backup, crate::folder::NODE).and_then(|bytes| serde_json::from_slice(bytes).ok());
    read.ok_or_else(|| NodeError::Damaged { file: file.to_owned() })
}

fn about_of(backup: &Backup, file: &Path) -> Result<About, NodeError> {
    let read = content(backup, ABOUT).and_then(|bytes| serde_json::from_slice(bytes).ok());
    read.ok_or_else(|| NodeError::Damaged { file: file.to_owned() })
}

/// Sees to it that the folder may be filled; a node that is to be replaced stays locked, so that no server starts on it.
fn make_room(
    target: &Folder,
    backup: &Backup,
    node: &NodeFile,
    replace: bool,
) -> Result<Option<FolderLock>, NodeError> {
    let Ok(entries) = std::fs::read_dir(target.path()) else { return Ok(None) };
    if !target.path().join(crate::folder::NODE).exists() {
        if entries.count() == 0 {
            return Ok(None);
        }
        let words = format!(
            "文件夹 {} 里有别的内容，没有恢复：请指定一个空文件夹 / the folder is not empty",
            target.path().display()
        );
        return Err(NodeError::Refused { code: "conflict", words });
    }
    if !replace {
        return Err(NodeError::AlreadyNode { folder: target.path().to_owned() });
    }
    let held = FolderLock::take(target.path()).map_err(store_error)?;
    let there = target.node()?;
    let same_root = target
        .kept()?
        .iter()
        .any(|kept| kept.name == crate::folder::ROOT && content(backup, &kept.name) == Some(&kept.content));
    if there.base != node.base || !same_root {
        let words = format!(
            "备份是“{}”（{}）的，文件夹里是“{}”（{}）的节点，不能互相替换 / the backup is of another node",
            node.base_name, node.federation, there.base_name, there.federation
        );
        return Err(NodeError::Refused { code: "conflict", words });
    }
    Ok(Some(held))
}

async fn fill(folder: &Folder, backup: &Backup) -> Result<(), NodeError> {
    let doing = "恢复数据文件夹";
    std::fs::create_dir(folder.path())
        .and_then(|()| make_private(folder.path()))
        .map_err(|e| folder.io(doing, e))?;
    backup.restore_to(folder.path()).await.map_err(store_error)?;
    // The file that makes the folder a node comes last.
    let (node, others): (Vec<_>, Vec<_>) = backup
        .files
        .iter()
        .filter(|kept| kept.name != ABOUT)
        .partition(|kept| kept.name == crate::folder::NODE);
    others.into_iter().chain(node).try_for_each(|kept| folder.put_kept(kept))
}

/// Puts the filled folder in its place; returns where what was there is now.
fn place(target: &Folder, filled: &Path, replaces: bool) -> Result<Option<PathBuf>, NodeError> {
    let path = target.path();
    let failed = |e| target.io("把恢复的文件夹放到位", e);
    let aside = replaces.then(|| beside(path, &format!("replaced-{}", stamp())));
    match &aside {
        Some(aside) => std::fs::rename(path, aside).map_err(failed)?,
        None if path.exists() => std::fs::remove_dir(path).map_err(failed)?,
        None => {}
    }
    std::fs::rename(filled, path).map_err(failed)?;
    Ok(aside)
}

/// A name beside a folder.
fn beside(folder: &Path, what: &str) -> PathBuf {
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let mut name = whole.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{what}"));
    whole.with_file_name(name)
}

/// Now in Shanghai, for the name of a folder.
fn stamp() -> String {
    let now = OffsetDateTime::now_utc().to_offset(UtcOffset::from_hms(8, 0, 0).unwrap_or(UtcOffset::UTC));
    now.format(format_description!("[year][month][day]-[hour][minute][second]")).unwrap_or_default()
}

fn store_error(error: StoreError) -> NodeError {
    NodeError::Office(error.into())
}
