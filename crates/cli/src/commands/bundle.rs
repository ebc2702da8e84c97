//! `shuniu bundle`.

use std::path::{Path, PathBuf};

use wire::bundle::{
    BundleReport, ExportReport, ExportRequest, ImportChunk, ReceiptReport, export_event, import_event,
};

use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::{refusal, usage};
use crate::session::{Node, with_node};
use crate::times::{instant_or, number};
use crate::{files, json};

/// Bytes of a file in one message.
const PIECE_BYTES: usize = 1024 * 1024;

#[derive(Debug, clap::Args)]
pub struct Bundle {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// 把等待上报的内容写成一个文件，带给上级 / Write what waits for the base above into a file to be carried there
    Export(Export),
    /// 导入下级带来的数据包，或上级给的回执 / Take a bundle from a base beneath, or the receipt from the base above
    Import(Import),
}

#[derive(Debug, clap::Args)]
struct Export {
    /// 文件写到哪里；不写则为“上报-编号.bundle” / Where to write the file; a name of its own when left out
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Import {
    /// 要导入的文件 / The file to take
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// 下级的数据包：回执写到哪里；不写则写在它旁边，名字后加“-回执” / Where to write the receipt of a bundle
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
}

impl Bundle {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        match self.what {
            What::Export(command) => command.run(at).await,
            What::Import(command) => command.run(at).await,
        }
    }
}

impl Export {
    async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        refuse_existing(self.out.as_deref())?;
        let (report, bytes) = with_node(&at.folder, export).await?;
        let name = || files::free_path(Path::new(&format!("上报-{:016x}.bundle", report.bundle)));
        let out = self.out.unwrap_or_else(name);
        files::write_secret(&out, &bytes)?;
        let mut value = json::of("shuniu.bundle.v1.ExportReport", &report)?;
        value["file"] = out.display().to_string().into();
        at.out.answer(|| value, || exported(&report, &out))?;
        Ok(Exit::Done)
    }
}

impl Import {
    async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        refuse_existing(self.receipt.as_deref())?;
        let bytes = files::read_bytes(&self.file, wire::BUNDLE_BYTES_MAX as u64)?;
        let (report, receipt) = with_node(&at.folder, async |node| import(node, bytes).await).await?;
        match report {
            Report::Bundle(report) => {
                let beside = || files::free_path(&files::with_suffix(&self.file, "-回执"));
                let out = self.receipt.clone().unwrap_or_else(beside);
                files::write_secret(&out, &receipt)?;
                let mut value = json::of("shuniu.bundle.v1.BundleReport", &report)?;
                value["receipt"] = out.display().to_string().into();
                at.out.answer(|| value, || taken(&report, &out))?;
            }
            Report::Receipt(report) => {
                let value = json::of("shuniu.bundle.v1.ReceiptReport", &report)?;
                at.out.answer(|| value, || settled(&report))?;
            }
        }
        Ok(Exit::Done)
    }
}

/// Asked before anything is done: nothing is overwritten, and nothing is made that cannot be written down.
fn refuse_existing(out: Option<&Path>) -> anyhow::Result<()> {
    match out.filter(|out| out.exists()) {
        Some(out) => Err(usage(format!("文件 {} 已存在，请换一个名字 / the file exists", out.display()))),
        None => Ok(()),
    }
}

async fn export(node: &Node) -> anyhow::Result<(ExportReport, Vec<u8>)> {
    let mut events = node.bundles().export(ExportRequest {}).await?.into_inner();
    let mut bytes = Vec::new();
    while let Some(event) = events.message().await? {
        match event.event {
            Some(export_event::Event::Data(data)) => bytes.extend(data),
            Some(export_event::Event::Done(report)) => return Ok((report, bytes)),
            None => {}
        }
    }
    Err(interrupted())
}

enum Report {
    Bundle(BundleReport),
    Receipt(ReceiptReport),
}

async fn import(node: &Node, bytes: Vec<u8>) -> anyhow::Result<(Report, Vec<u8>)> {
    let chunks: Vec<_> = bytes.chunks(PIECE_BYTES).map(|data| ImportChunk { data: data.to_vec() }).collect();
    let mut events = node.bundles().import(tokio_stream::iter(chunks)).await?.into_inner();
    let mut receipt = Vec::new();
    while let Some(event) = events.message().await? {
        match event.event {
            Some(import_event::Event::Data(data)) => receipt.extend(data),
            Some(import_event::Event::Bundle(report)) => return Ok((Report::Bundle(report), receipt)),
            Some(import_event::Event::Receipt(report)) => return Ok((Report::Receipt(report), receipt)),
            None => {}
        }
    }
    Err(interrupted())
}

fn interrupted() -> anyhow::Error {
    refusal("unreachable", "没有做完就断开了；同一个文件可以再导入一次 / ended before it was done")
}

fn exported(report: &ExportReport, out: &Path) -> String {
    let mut words = vec![format!(
        "已导出 {} 条，写在 {}。\n请把文件带到“{}”，在那里运行：shuniu bundle import {}\n再把回执文件带回来导入。文件已加密，只有“{}”的节点能打开。",
        number(report.records),
        out.display(),
        report.reader_name,
        out.file_name().unwrap_or_default().to_string_lossy(),
        report.reader_name,
    )];
    match report.sealed_up_to_ms {
        0 => words.push("其中没有封存点（还有内容没有装下）。".into()),
        until => words.push(format!(
            "含本基地的封存点：导入后，上级的统计把本基地算到 {}（上级的时钟最近一次确认的时间）。",
            instant_or(until, "—")
        )),
    }
    if report.left > 0 {
        words.push(format!("还有 {} 条等待上报，没有装下：回执导入后请再导出一次。", number(report.left)));
    }
    if report.outstanding > 0 {
        words.push(format!(
            "以前导出的文件中有 {} 份还没有回执；本次的文件已包含它们的全部内容，那些文件丢了也不要紧。",
            number(report.outstanding)
        ));
    }
    words.join("\n")
}

fn taken(report: &BundleReport, out: &Path) -> String {
    let accepted = report.records.saturating_sub(report.refused);
    let mut words = vec![format!(
        "“{}”于 {} 导出的文件已导入：收下 {} 条。",
        report.writer_name,
        instant_or(report.made_at_ms, "—"),
        number(accepted)
    )];
    if report.refused > 0 {
        words.push(format!("另有 {} 条未接收，放在隔离区，原因写在回执里。", number(report.refused)));
    }
    if report.resync {
        words.push(
            "两边的进度对不上（第一次同步，或有一边恢复过备份）：回执会请对方重新上报全部内容。".into(),
        );
    }
    if !report.sealed {
        words.push("文件中没有可以采信的封存点，统计中该基地的截止时间不变。".into());
    }
    words.push(format!(
        "回执写在 {}（其中有 {} 条下发内容）。请把回执文件带回“{}”，在那里运行：shuniu bundle import {}",
        out.display(),
        number(report.down),
        report.writer_name,
        out.file_name().unwrap_or_default().to_string_lossy()
    ));
    if report.more {
        words.push("还有下发内容没有装下，随下一份回执带去。".into());
    }
    words.join("\n")
}

fn settled(report: &ReceiptReport) -> String {
    if report.repeated {
        return format!("“{}”的这份回执以前已经导入过，没有改动任何内容。", report.writer_name);
    }
    let mut words = vec![format!(
        "“{}”于 {} 写的回执已导入：上级确认 {} 条，接收下发 {} 条。",
        report.writer_name,
        instant_or(report.made_at_ms, "—"),
        number(report.acknowledged),
        number(report.pulled)
    )];
    if report.refused > 0 {
        words.push(format!("上级未接收 {} 条，原因可在“shuniu status”中看到。", number(report.refused)));
    }
    if report.withdrawn > 0 {
        words.push(format!("另有 {} 条不再对本节点公开，已收回。", number(report.withdrawn)));
    }
    if !report.known {
        words.push("本机不记得这份回执所答的文件（恢复过备份，或文件太旧），其中的确认不算数：数据都在，会再次上报。".into());
    } else if !report.settled {
        words.push("这份回执比本机已知的情况旧，其中的确认不算数：数据都在，会再次上报。".into());
    }
    if report.resync {
        words.push("上级请本节点重新上报全部内容，下次导出（或联网同步）时进行。".into());
    }
    if report.waiting > 0 {
        words.push(format!("现在有 {} 条等待上报。", number(report.waiting)));
    }
    words.join("\n")
}
