//! `shuniu backup`.

use std::path::PathBuf;

use anyhow::Context as _;
use wire::admin::{BackupAnswer, BackupRequest};

use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::usage;
use crate::json;
use crate::session::with_node;
use crate::times::{instant_or, number};

#[derive(Debug, clap::Args)]
pub struct Backup {
    /// 备份写到哪个文件（不会覆盖已有文件） / The file to write; an existing one is never overwritten
    file: PathBuf,
}

impl Backup {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        // The server writes the file, and may have been started in another folder.
        let file = std::path::absolute(&self.file).with_context(|| self.file.display().to_string())?;
        let file = file.to_str().ok_or_else(|| usage("备份文件名应为 UTF-8 文字 / not UTF-8"))?.to_owned();
        let request = BackupRequest { file };
        let answer =
            with_node(&at.folder, async |node| Ok(node.admin().backup(request).await?.into_inner())).await?;
        let value = json::of("shuniu.admin.v1.BackupAnswer", &answer)?;
        at.out.answer(|| value, || words(&answer))?;
        Ok(Exit::Done)
    }
}

fn words(answer: &BackupAnswer) -> String {
    format!(
        "已备份到 {}：{} 条记录，{} 字节，数据截至 {}，已检查完好。\n\
         请像保管密钥一样保管它：里面有全部个人信息和本节点的密钥，谁拿到它就能冒充本节点。\n\
         恢复：shuniu restore {} --folder 新文件夹",
        answer.file,
        number(answer.records),
        number(answer.bytes),
        instant_or(answer.taken_at_ms, "—"),
        answer.file
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_to_be_guarded() {
        let answer =
            BackupAnswer { file: "/备份/a.backup".into(), bytes: 12_345, records: 7, taken_at_ms: 0 };
        let words = words(&answer);
        for part in ["7 条记录", "12,345 字节", "像保管密钥一样", "shuniu restore /备份/a.backup"]
        {
            assert!(words.contains(part), "{part}: {words}");
        }
    }
}
