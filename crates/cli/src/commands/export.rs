//! `shuniu export`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use schema::{Field, Kind};
use serde_json::json;
use wire::record::{FigureRequest, ListRequest, Record};

use crate::args::Selection;
use crate::catalog::Catalog;
use crate::clean::{clean, clean_lines};
use crate::commands::Context;
use crate::commands::figure::watermark;
use crate::exit::Exit;
use crate::session::{Node, with_node};
use crate::times::number;
use crate::values::Titles;
use crate::{files, progress};

/// Records asked for at once: enough to be fast, few enough that a page of long ones stays small.
const PAGE: u32 = 500;

#[derive(Debug, clap::Args)]
pub struct Export {
    /// 类别：名称或中文 / The kind, by name or by its Chinese label
    kind: String,

    /// 写到哪个文件：.xlsx、.csv 或 .jsonl / The file to write: .xlsx, .csv or .jsonl
    file: PathBuf,

    /// 要查找的字词 / Words to search for
    #[arg(default_value = "", hide_default_value = true)]
    text: String,

    #[command(flatten)]
    selection: Selection,
}

impl Export {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        files::check_ending(&self.file)?;
        with_node(&at.folder, async |node| {
            let catalog = Catalog::of(node).await;
            let kind = catalog.kind(&self.kind)?;
            let request = self.selection.request(kind, &self.text)?;
            let mut titles = Titles::new(node, catalog.schema().registry());
            let sentence = sentence(node, &request).await?;
            let rows = rows(at, node, kind, request, &mut titles).await?;
            let count = rows.len() as u64;
            files::write_table(&self.file, &headings(kind), rows, &sentence)?;
            let path = self.file.display().to_string();
            at.out.answer(
                || json!({ "path": path, "records": count, "watermark": sentence }),
                || format!("已导出 {} 条到 {path}，个人信息已遮盖。\n{sentence}", number(count)),
            )?;
            Ok(Exit::Done)
        })
        .await
    }
}

/// How complete the kind's records are, taken before they are read: it never claims more than the file holds.
async fn sentence(node: &Node, request: &ListRequest) -> anyhow::Result<String> {
    let figure =
        FigureRequest { kind: request.kind.clone(), by: Vec::new(), filters: request.filters.clone() };
    Ok(watermark(node.records().figure(figure).await?.get_ref()).to_owned())
}

async fn rows(
    at: &Context,
    node: &Node,
    kind: &Kind,
    mut request: ListRequest,
    titles: &mut Titles<'_>,
) -> anyhow::Result<Vec<Vec<String>>> {
    let bar = progress::bar(at.out);
    bar.set_message("条");
    let (mut rows, mut seen) = (Vec::new(), BTreeSet::new());
    request.limit = PAGE;
    loop {
        let answer = node.records().list(request.clone()).await?.into_inner();
        bar.set_length(answer.total);
        for record in &answer.records {
            // A record that was changed meanwhile may have moved to a later page.
            if seen.insert(record.id.clone()) {
                rows.push(cells(kind, record, titles).await);
            }
        }
        bar.set_position(rows.len() as u64);
        request.offset += answer.records.len() as u64;
        if answer.records.is_empty() || request.offset >= answer.total {
            break;
        }
    }
    Ok(rows)
}

/// What follows the fields in every row.
const TRAILING: [&str; 3] = ["属地", "已删除", "编号"];

fn headings(kind: &Kind) -> Vec<String> {
    let labels = kind.fields.iter().map(|field: &Field| field.label.clone());
    labels.chain(TRAILING.map(ToOwned::to_owned)).collect()
}

async fn cells(kind: &Kind, record: &Record, titles: &mut Titles<'_>) -> Vec<String> {
    let mut cells = Vec::with_capacity(kind.fields.len() + TRAILING.len());
    for field in &kind.fields {
        cells.push(clean_lines(&titles.cell(field, &record.message).await));
    }
    cells.push(clean(&record.home_name));
    cells.push(if record.deleted { "是" } else { "" }.to_owned());
    cells.push(record.id.clone());
    cells
}
