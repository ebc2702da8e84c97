//! `shuniu import`.

use std::path::PathBuf;

use clap::ValueEnum;
use wire::admin::import_event::Event;
use wire::admin::{ImportChunk, ImportOptions, ImportReport, ReasonCount, RefusedRow};

use crate::catalog::Catalog;
use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::{refusal, usage};
use crate::grid::Grid;
use crate::session::{Node, with_node};
use crate::times::number;
use crate::{files, json, progress};

/// Bytes of a file in one message: far below the limit of a message, large enough that few are needed.
const CHUNK_BYTES: usize = 64 * 1024;

#[derive(Debug, clap::Args)]
pub struct Import {
    /// 类别：名称或中文 / The kind, by name or by its Chinese label
    kind: String,

    /// 要导入的文件：.xlsx、.csv（UTF-8 或 GBK）或 .jsonl / The file: .xlsx, .csv in UTF-8 or GBK, or .jsonl
    file: PathBuf,

    /// 只检查，不保存 / Only check, save nothing
    #[arg(long)]
    dry_run: bool,

    /// 未导入的行写到哪里，每行附原因；不写则为“原文件名-未导入” / Where to write the rows that were not taken, each with
    /// its reason; beside the file when left out
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,

    /// 记录的属地 / The base that the records belong to
    #[arg(long, value_name = "BASE", default_value = "", hide_default_value = true)]
    home: String,

    /// 以哪个基地的名义写（须由本节点代管） / Write as this base, which the node must serve
    #[arg(long = "as", value_name = "BASE", default_value = "", hide_default_value = true)]
    as_base: String,

    /// 经办人 / Who writes
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    user: String,

    /// “万元”列里 10 万以上的数：ask 退回询问，yuan 当作元，wan 当作万元 / What amounts of 100,000 and more in a 万元 column
    /// are: refused with a question, yuan, or 万元
    #[arg(long, value_enum, default_value_t = LargeAmounts::Ask)]
    large_amounts: LargeAmounts,

    /// 最多多少行；超过则整份退回 / How many rows at most; a longer file is refused
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..))]
    row_limit: u32,
}

/// What a large amount in a column of 万元 is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LargeAmounts {
    Ask,
    Yuan,
    Wan,
}

impl LargeAmounts {
    fn word(self) -> &'static str {
        match self {
            LargeAmounts::Ask => "ask",
            LargeAmounts::Yuan => "yuan",
            LargeAmounts::Wan => "wan",
        }
    }
}

impl Import {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        if let Some(refused) = &self.refused {
            files::check_ending(refused)?;
            if *refused == self.file {
                return Err(usage("--refused 不能与导入的文件相同 / --refused is the imported file"));
            }
        }
        let bytes = files::read_table(&self.file)?;
        let (report, refused) = with_node(&at.folder, async |node| {
            let catalog = Catalog::of(node).await;
            let kind = catalog.kind(&self.kind)?.name.clone();
            send(node, at, self.options(kind), &bytes).await
        })
        .await?;
        let written = self.write_refused(&report, refused)?;
        self.tell(at, &report, written)?;
        Ok(if report.refused == 0 { Exit::Done } else { Exit::Refused })
    }

    fn options(&self, kind: String) -> ImportOptions {
        let file_name = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        ImportOptions {
            kind,
            file_name,
            dry_run: self.dry_run,
            as_base: self.as_base.clone(),
            user: self.user.clone(),
            home: self.home.clone(),
            large_amounts: self.large_amounts.word().to_owned(),
            row_limit: self.row_limit,
        }
    }

    fn write_refused(
        &self,
        report: &ImportReport,
        refused: Vec<RefusedRow>,
    ) -> anyhow::Result<Option<PathBuf>> {
        if refused.is_empty() {
            return Ok(None);
        }
        let path = self.refused.clone().unwrap_or_else(|| files::refused_path(&self.file));
        files::write_refused(&path, &report.headings, refused)?;
        Ok(Some(path))
    }

    fn tell(&self, at: &Context, report: &ImportReport, written: Option<PathBuf>) -> anyhow::Result<()> {
        let written = written.map(|path| path.display().to_string());
        let mut value = json::of("shuniu.admin.v1.ImportReport", report)?;
        value["refused_file"] = written.clone().into();
        at.out.answer(|| value, || words(report, written.as_deref()))?;
        Ok(())
    }
}

/// Sends the file in pieces and gathers what became of its rows.
async fn send(
    node: &Node,
    at: &Context,
    options: ImportOptions,
    bytes: &[u8],
) -> anyhow::Result<(ImportReport, Vec<RefusedRow>)> {
    let mut events = node.admin().import(tokio_stream::iter(chunks(options, bytes))).await?.into_inner();
    let bar = progress::bar(at.out);
    bar.set_message("行");
    let (mut report, mut refused) = (None, Vec::new());
    while let Some(event) = events.message().await? {
        match event.event {
            Some(Event::Progress(progress)) => {
                bar.set_length(progress.total);
                bar.set_position(progress.rows);
            }
            Some(Event::Refused(row)) => refused.push(row),
            Some(Event::Done(done)) => report = Some(done),
            None => {}
        }
    }
    let unfinished = || {
        refusal("internal", "导入没有做完就断开了；再导入一次不会重复 / the import ended before it was done")
    };
    Ok((report.ok_or_else(unfinished)?, refused))
}

fn chunks(options: ImportOptions, bytes: &[u8]) -> Vec<ImportChunk> {
    let first = ImportChunk { options: Some(options), data: Vec::new() };
    let data = bytes.chunks(CHUNK_BYTES).map(|data| ImportChunk { options: None, data: data.to_vec() });
    std::iter::once(first).chain(data).collect()
}

fn words(report: &ImportReport, refused_file: Option<&str>) -> String {
    let mut words = vec![format!(
        "{}：新建 {} 条，修改 {} 条，无变化 {} 条，未导入 {} 行。",
        if report.dry_run { "检查完成，尚未保存" } else { "导入完成" },
        number(report.created),
        number(report.changed),
        number(report.unchanged),
        number(report.refused)
    )];
    if !report.ignored_columns.is_empty() {
        words.push(format!("没有用到的列：{}", report.ignored_columns.join("、")));
    }
    words.extend(counts("未导入的原因", &report.reasons));
    words.extend(counts("请留意", &report.notes));
    if let Some(file) = refused_file {
        words.push(format!("未导入的行和原因写在 {file}，改好后可直接再导入。"));
    }
    words.join("\n")
}

fn counts(heading: &str, reasons: &[ReasonCount]) -> Option<String> {
    let mut grid = Grid::new([heading, "行数"]);
    for reason in reasons {
        grid.row([reason.reason.clone(), number(reason.count)]);
    }
    (!reasons.is_empty()).then(|| format!("\n{}", grid.render()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_in_pieces_after_its_options() {
        let bytes: Vec<u8> = (0..CHUNK_BYTES * 2 + 1).map(|at| at as u8).collect();
        let chunks = chunks(ImportOptions { row_limit: 5, ..Default::default() }, &bytes);
        assert_eq!(chunks.len(), 4);
        assert!(chunks[0].options.is_some() && chunks[1..].iter().all(|chunk| chunk.options.is_none()));
        assert_eq!(chunks.iter().flat_map(|chunk| chunk.data.clone()).collect::<Vec<_>>(), bytes);
    }

    #[test]
    fn a_report_in_words() {
        let reason = ReasonCount { reason: "代码缺一位".into(), count: 3 };
        let report = ImportReport {
            created: 1_200,
            refused: 3,
            reasons: vec![reason],
            ignored_columns: vec!["备注".into()],
            dry_run: true,
            ..Default::default()
        };
        let words = words(&report, Some("名册-未导入.xlsx"));
        for part in ["尚未保存", "新建 1,200 条", "未导入 3 行", "代码缺一位", "备注", "名册-未导入.xlsx"]
        {
            assert!(words.contains(part), "{part}: {words}");
        }
    }
}
