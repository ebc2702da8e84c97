//! `shuniu get`.

use schema::Kind;
use wire::record::{Disputed, GetRequest, Record};

use crate::catalog::Catalog;
use crate::commands::Context;
use crate::exit::Exit;
use crate::grid::Grid;
use crate::session::{Node, with_node};
use crate::values::Titles;
use crate::{hex, json, times};

#[derive(Debug, clap::Args)]
pub struct Get {
    /// 类别：名称或中文 / The kind, by name or by its Chinese label
    kind: String,

    /// 编号（32 位），或统一社会信用代码等唯一标识，几部分之间空格 / The id, or the parts of the natural key
    #[arg(required = true)]
    id: Vec<String>,
}

impl Get {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        with_node(&at.folder, async |node| {
            let catalog = Catalog::of(node).await;
            let kind = catalog.kind(&self.kind)?;
            let record = fetch(node, kind, &self.id.join(" ")).await?;
            let value = json::of("shuniu.record.v1.Record", &record)?;
            let mut titles = Titles::new(node, catalog.schema().registry());
            let words =
                if at.out.is_json() { String::new() } else { words(kind, &record, &mut titles).await };
            at.out.answer(|| value, || words)?;
            Ok(Exit::Done)
        })
        .await
    }
}

/// Reads one record.
pub async fn fetch(node: &Node, kind: &Kind, id: &str) -> anyhow::Result<Record> {
    let request = GetRequest { kind: kind.name.clone(), id: id.to_owned() };
    Ok(node.records().get(request).await?.into_inner())
}

async fn words(kind: &Kind, record: &Record, titles: &mut Titles<'_>) -> String {
    let mut grid = Grid::new(["字段", "内容"]);
    for field in &kind.fields {
        let text = titles.cell(field, &record.message).await;
        if !text.is_empty() {
            grid.row([field.label.clone(), text]);
        }
    }
    format!("{}{}{}", head(kind, record), grid.render(), disputes(kind, &record.disputed))
}

fn head(kind: &Kind, record: &Record) -> String {
    let mut head = format!(
        "{} · {}\n编号 {}  属地 {}  版本 {}\n",
        kind.label,
        record.title,
        record.id,
        record.home_name,
        hex::encode(&record.version)
    );
    if record.deleted {
        head.push_str("此记录已删除。\n");
    }
    if !record.refused.is_empty() {
        head.push_str(&format!("上级未接收：{}\n", record.refused));
    }
    if !record.deliveries.is_empty() {
        head.push_str(&format!("送达：{}\n", deliveries(record)));
    }
    head.push('\n');
    head
}

fn deliveries(record: &Record) -> String {
    let places = record.deliveries.iter().map(|delivery| {
        let arrived = if delivery.arrived { "✓ 已到" } else { "… 未到" };
        format!("{} {arrived}", delivery.base_name)
    });
    places.collect::<Vec<_>>().join("，")
}

fn disputes(kind: &Kind, disputed: &[Disputed]) -> String {
    let mut words = String::new();
    for dispute in disputed {
        words.push_str(&format!("\n“{}”有并存的值，等人裁定（规则：{}）\n", dispute.label, dispute.rule));
        let mut grid = Grid::new(["显示", "内容", "基地", "经办人", "时间"]);
        for value in &dispute.values {
            let text = masked(kind, &dispute.field, &value.text);
            let shown = if value.shown { "当前显示" } else { "保留" };
            let at = times::instant_or(value.saved_at_ms, "");
            grid.row([shown.to_owned(), text, value.base_name.clone(), value.user.clone(), at]);
        }
        words.push_str(&grid.render());
    }
    words
}

/// A text that the node sent for a field, masked when the field is personal.
pub fn masked(kind: &Kind, field: &str, text: &str) -> String {
    let field = kind.field_named(field);
    field.map_or_else(|| text.to_owned(), |field| schema::text::mask(field, text))
}

#[cfg(test)]
mod tests {
    use schema::Schema;
    use wire::record::{Delivery, Value};

    use super::*;

    #[test]
    fn a_record_in_words() {
        let kind = Schema::embedded().kind("booking").unwrap();
        let arrived =
            |name: &str, arrived| Delivery { base_name: name.into(), arrived, ..Default::default() };
        let record = Record {
            refused: "用途过长".into(),
            deliveries: vec![arrived("东城街道", true), arrived("市", false)],
            ..Default::default()
        };
        let head = head(kind, &record);
        assert!(
            head.contains("上级未接收：用途过长") && head.contains("东城街道 ✓ 已到，市 … 未到"),
            "{head}"
        );
    }

    #[test]
    fn disputed_values_are_masked() {
        let kind = Schema::embedded().kind("booking").unwrap();
        let value = Value { text: "13800008000".into(), shown: true, ..Default::default() };
        let dispute = Disputed { field: "contact_phone".into(), values: vec![value], ..Default::default() };
        let words = disputes(kind, &[dispute]);
        assert!(words.contains("138****8000") && words.contains("当前显示"), "{words}");
    }
}
