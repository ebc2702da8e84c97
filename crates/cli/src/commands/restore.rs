//! `shuniu restore`.

use std::path::PathBuf;

use node::RestoreReport;
use serde_json::json;

use crate::commands::Context;
use crate::exit::Exit;
use crate::times::{instant_or, number};

#[derive(Debug, clap::Args)]
pub struct Restore {
    /// 备份文件；恢复到 --folder 指定的空文件夹 / The backup; it is restored into the empty folder given by --folder
    file: PathBuf,

    /// 文件夹里已有本节点：先把旧的改名留在旁边，再恢复 / The folder holds this node already: move it aside first
    #[arg(long)]
    replace: bool,
}

impl Restore {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        let report = node::restore(&self.file, &at.folder, self.replace).await?;
        let moved = report.moved.as_ref().map(|path| path.display().to_string());
        at.out.answer(
            || {
                json!({
                    "base_name": report.base_name,
                    "federation": report.federation,
                    "records": report.records,
                    "taken_at_ms": report.taken_at_ms,
                    "moved": moved,
                })
            },
            || words(&report, moved.as_deref()),
        )?;
        Ok(Exit::Done)
    }
}

fn words(report: &RestoreReport, moved: Option<&str>) -> String {
    let mut words = format!(
        "已恢复“{}”（{}）：{} 条记录，截至 {}。\n",
        report.base_name,
        report.federation,
        number(report.records),
        instant_or(report.taken_at_ms, "—"),
    );
    if let Some(moved) = moved {
        words.push_str(&format!("原来的文件夹改名为 {moved}，确认无误后再自行处理。\n"));
    }
    words.push_str(
        "接下来：启动服务（shuniu serve），或运行一次 shuniu sync。备份以后改过的内容，凡已上报或下发过的，会与上下级核对后\n\
         自动补回；上级缺少的也会再次上报；不需要做别的。备份以后录入而从未上报的内容，只在旧机器的磁盘上。\n\
         旧机器（或旧文件夹）不能再启动：两处同时运行会让上级分不清谁是本节点。",
    );
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_next_is_told() {
        let report = RestoreReport {
            base_name: "桂园街道".into(),
            federation: "示例".into(),
            records: 1_234,
            taken_at_ms: 1_795_309_920_000,
            moved: None,
        };
        let plain = words(&report, None);
        for part in ["1,234 条记录，截至 2026-11-22 09:12", "自动补回", "旧机器", "不能再启动"]
        {
            assert!(plain.contains(part), "{part}: {plain}");
        }
        assert!(words(&report, Some("/a.replaced")).contains("改名为 /a.replaced"));
    }
}
