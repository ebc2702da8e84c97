//! `shuniu verify`.

use serde_json::{Value, json};
use wire::admin::{UnequalRecord, VerifyProgress, VerifyReport, VerifyRequest, verify_event::Event};

use crate::catalog::Catalog;
use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::refusal;
use crate::grid::Grid;
use crate::session::{Node, with_node};
use crate::times::number;
use crate::{json, progress};

#[derive(Debug, clap::Args)]
pub struct Verify {}

struct Answer {
    report: VerifyReport,
    records: Vec<UnequalRecord>,
}

impl Verify {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        let (answer, catalog) =
            with_node(&at.folder, async |node| Ok((compare(node, at).await?, Catalog::of(node).await)))
                .await?;
        let value = value(&answer)?;
        at.out.answer(|| value, || words(&answer, &catalog, at.out.cell_width_max()))?;
        Ok(if answer.report.amiss == 0 { Exit::Done } else { Exit::Differs })
    }
}

async fn compare(node: &Node, at: &Context) -> anyhow::Result<Answer> {
    let mut events = node.admin().verify(VerifyRequest {}).await?.into_inner();
    let bar = progress::bar(at.out);
    bar.set_message("条已核对");
    let (mut report, mut records) = (None, Vec::new());
    while let Some(event) = events.message().await? {
        match event.event {
            Some(Event::Progress(VerifyProgress { compared })) => bar.set_position(compared),
            Some(Event::Record(record)) => records.push(record),
            Some(Event::Done(done)) => report = Some(done),
            None => {}
        }
    }
    let report =
        report.ok_or_else(|| refusal("unreachable", "没有核对完就断开了 / the comparison was cut off"))?;
    Ok(Answer { report, records })
}

fn value(answer: &Answer) -> anyhow::Result<Value> {
    let mut value = json::of("shuniu.admin.v1.VerifyReport", &answer.report)?;
    let records = answer.records.iter().map(|r| json::of("shuniu.admin.v1.UnequalRecord", r));
    value["records"] = json!(records.collect::<anyhow::Result<Vec<_>>>()?);
    Ok(value)
}

fn words(answer: &Answer, catalog: &Catalog, cell_width_max: Option<usize>) -> String {
    let report = &answer.report;
    let equal = number(report.equal);
    let mut words = format!("与上级（{}）核对：双方都有相同的 {equal} 条记录。\n", report.parent_name);
    let mut part = |is: bool, count: u64, lead: String| {
        if count == 0 {
            return;
        }
        let records: Vec<_> = answer.records.iter().filter(|r| r.in_flight == is).collect();
        words.push_str(&lead);
        words.push_str(&list(&records, catalog, cell_width_max));
        if count > records.len() as u64 {
            words.push_str(&format!("另有 {} 条没有逐条列出。\n", number(count - records.len() as u64)));
        }
    };
    let (in_flight, amiss) = (number(report.in_flight), number(report.amiss));
    part(true, report.in_flight, format!("另有 {in_flight} 条正在路上，不是差错，下次同步后就会一致：\n"));
    part(false, report.amiss, format!("有 {amiss} 条不一致：\n"));
    if report.amiss > 0 {
        words.push_str(
            "双方的记录都没有改动。请先运行“shuniu sync”，再核对一次；仍不一致时，把这张表交给上级管理员。\n",
        );
    }
    if report.resync {
        words.push_str("有一方的数据库换过或恢复过，下次同步会自动重新核对全部数据。\n");
    }
    words
}

fn list(records: &[&UnequalRecord], catalog: &Catalog, cell_width_max: Option<usize>) -> String {
    let mut grid = Grid::new(["类别", "记录", "编号", "在哪里", "原因"]).cut_at(cell_width_max);
    for record in records {
        let kind = catalog.schema().kind(&record.kind).map_or(record.kind.as_str(), |kind| &kind.label);
        let why = match record.detail.as_str() {
            "" => record.why_words.clone(),
            detail => format!("{}：{detail}", record.why_words),
        };
        grid.row([kind.into(), record.title.clone(), record.id.clone(), record.place_words.clone(), why]);
    }
    grid.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(in_flight: u64, amiss: u64) -> Answer {
        let report = VerifyReport {
            parent_name: "罗湖区".into(),
            equal: 12_345,
            in_flight,
            amiss,
            ..Default::default()
        };
        let record = |in_flight: bool, why: &str| UnequalRecord {
            kind: "organization".into(),
            id: "00ff".into(),
            place_words: "只有本机有".into(),
            why_words: why.into(),
            in_flight,
            ..Default::default()
        };
        let waiting = (0..in_flight).map(|_| record(true, "待上报"));
        let records = waiting.chain((amiss > 0).then(|| record(false, "原因不明"))).collect();
        Answer { report, records }
    }

    #[test]
    fn equal_stores_in_words() {
        let shown = words(&answer(0, 0), &Catalog::embedded(), None);
        assert_eq!(shown, "与上级（罗湖区）核对：双方都有相同的 12,345 条记录。\n");
    }

    #[test]
    fn what_is_under_way_stands_apart_from_what_is_amiss() {
        let shown = words(&answer(2, 7), &Catalog::embedded(), None);
        for part in ["2 条正在路上", "待上报", "7 条不一致", "原因不明", "另有 6 条没有逐条列出", "社会组织"]
        {
            assert!(shown.contains(part), "{part}:\n{shown}");
        }
        assert!(!words(&answer(2, 0), &Catalog::embedded(), None).contains("不一致"));
    }
}
