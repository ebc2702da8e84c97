//! `shuniu list`.

use schema::{Field, Kind};
use wire::record::{ListAnswer, ListRequest};

use crate::args::Selection;
use crate::catalog::{Catalog, filters, name_of};
use crate::commands::Context;
use crate::exit::Exit;
use crate::grid::Grid;
use crate::json;
use crate::session::with_node;
use crate::times::number;
use crate::values::Titles;

/// Most records in one answer of a node.
const LIMIT_MAX: u32 = 1_000;

#[derive(Debug, clap::Args)]
pub struct List {
    /// 类别：名称或中文 / The kind, by name or by its Chinese label
    kind: String,

    /// 要查找的字词 / Words to search for
    #[arg(default_value = "", hide_default_value = true)]
    text: String,

    #[command(flatten)]
    selection: Selection,

    /// 最多显示多少条 / How many to show at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=i64::from(LIMIT_MAX)))]
    limit: u32,

    /// 跳过前面多少条 / How many to skip first
    #[arg(long, default_value_t = 0)]
    offset: u64,
}

impl List {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        with_node(&at.folder, async |node| {
            let catalog = Catalog::of(node).await;
            let kind = catalog.kind(&self.kind)?;
            let mut request = self.selection.request(kind, &self.text)?;
            (request.limit, request.offset) = (self.limit, self.offset);
            let answer = node.records().list(request).await?.into_inner();
            let value = json::of("shuniu.record.v1.ListAnswer", &answer)?;
            if at.out.is_json() {
                at.out.answer(|| value, String::new)?;
                return Ok(Exit::Done);
            }
            let mut titles = Titles::new(node, catalog.schema().registry());
            let table = table(kind, &answer, &mut titles, at.out.cell_width_max()).await;
            at.out.answer(|| value, || table + &summary(&answer, self.offset))?;
            Ok(Exit::Done)
        })
        .await
    }
}

impl Selection {
    /// The request for these records, still without a page.
    pub fn request(&self, kind: &Kind, text: &str) -> anyhow::Result<ListRequest> {
        Ok(ListRequest {
            kind: kind.name.clone(),
            text: text.to_owned(),
            filters: filters(kind, &self.conditions)?,
            home: self.home.clone().unwrap_or_default(),
            below: self.below,
            deleted: self.deleted,
            disputed: self.disputed,
            order: self.order.as_deref().map_or(Ok(String::new()), |order| order_name(kind, order))?,
            limit: 0,
            offset: 0,
        })
    }
}

fn order_name(kind: &Kind, order: &str) -> anyhow::Result<String> {
    let (sign, word) = order.strip_prefix('-').map_or(("", order), |word| ("-", word));
    Ok(format!("{sign}{}", name_of(kind, word)?))
}

async fn table(
    kind: &Kind,
    answer: &ListAnswer,
    titles: &mut Titles<'_>,
    cell_width_max: Option<usize>,
) -> String {
    let fields: Vec<&Field> = kind.fields.iter().filter(|field| field.listed).collect();
    let labels = fields.iter().map(|field| field.label.as_str());
    let mut grid = Grid::new(labels.chain(["属地", "编号"])).cut_at(cell_width_max);
    for record in &answer.records {
        let mut cells = Vec::new();
        for field in &fields {
            cells.push(titles.cell(field, &record.message).await);
        }
        let deleted = if record.deleted { "（已删除）" } else { "" };
        cells.push(format!("{}{deleted}", record.home_name));
        cells.push(record.id.clone());
        grid.row(cells);
    }
    grid.render()
}

fn summary(answer: &ListAnswer, offset: u64) -> String {
    let shown = answer.records.len() as u64;
    let total = number(answer.total);
    match shown {
        0 if answer.total == 0 => "没有符合条件的记录。".to_owned(),
        0 => format!("共 {total} 条，第 {} 条之后没有了。", number(offset)),
        _ if shown == answer.total => format!("共 {total} 条。"),
        _ => format!(
            "共 {total} 条，显示第 {} 到 {} 条；其余可用 --offset 和 --limit 查看。",
            number(offset + 1),
            number(offset + shown)
        ),
    }
}

#[cfg(test)]
mod tests {
    use schema::Schema;
    use wire::record::Record;

    use super::*;

    #[test]
    fn orders() {
        let kind = Schema::embedded().kind("organization").unwrap();
        for (order, name) in [("-更改时间", "-changed"), ("名称", "name"), ("-status", "-status")] {
            assert_eq!(order_name(kind, order).unwrap(), name);
        }
        assert!(order_name(kind, "--名称").is_err());
    }

    #[test]
    fn how_many_are_shown() {
        let answer = |shown, total| ListAnswer { records: vec![Record::default(); shown], total };
        for (shown, total, offset, words) in [
            (0, 0, 0, "没有符合条件的记录。"),
            (2, 2, 0, "共 2 条。"),
            (50, 1_200, 100, "共 1,200 条，显示第 101 到 150 条；其余可用 --offset 和 --limit 查看。"),
            (0, 5, 9, "共 5 条，第 9 条之后没有了。"),
        ] {
            assert_eq!(summary(&answer(shown, total), offset), words);
        }
    }
}
