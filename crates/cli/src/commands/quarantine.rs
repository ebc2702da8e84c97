//! `shuniu quarantine`.

use clap::{Args, Subcommand};
use wire::admin::{
    Decision, DecisionsRequest, QuarantineAnswer, QuarantineRequest, QuarantinedRecord,
    SettleQuarantinedRequest,
};

use crate::catalog::Catalog;
use crate::commands::Context;
use crate::exit::Exit;
use crate::grid::Grid;
use crate::json;
use crate::session::{Node, with_node};
use crate::times::{instant_or, number};
use crate::values::Titles;

/// Most records in one answer of a node.
const LIMIT_MAX: u32 = 1_000;

#[derive(Debug, Args)]
#[command(disable_help_subcommand = true, args_conflicts_with_subcommands = true)]
pub struct Quarantine {
    #[command(subcommand)]
    act: Option<Act>,

    #[command(flatten)]
    page: Page,
}

#[derive(Debug, Args)]
struct Page {
    /// 最多显示多少条 / How many to show at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=i64::from(LIMIT_MAX)))]
    limit: u32,

    /// 跳过前面多少条 / How many to skip first
    #[arg(long, default_value_t = 0)]
    offset: u64,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// 看隔离区里的一条记录：内容、原因、怎么办 / Show one record that is kept aside: content, reason, what to do
    Show(Which),
    /// 现在再审一次；上级未收的，下次同步时再报 / Have it judged again now; of one that the base above refused: send it again
    Release(Release),
    /// 放弃：不再列出，理由记入处理记录 / Put it aside for good; the reason is kept in the list of decisions
    Drop(Drop),
    /// 看本机的处理记录：裁定、接收、放弃 / Show this node's list of decisions
    Log(Log),
}

#[derive(Debug, Args)]
struct Which {
    /// 记录编号（32 位） / The record's id
    id: String,
}

#[derive(Debug, Args)]
struct Target {
    #[command(flatten)]
    which: Which,

    /// 两个方向都有时写明：in 下级报来的，out 上级未收的 / Which, when there are both: in from below, out refused above
    #[arg(long, value_parser = ["in", "out"])]
    direction: Option<String>,

    /// 经办人 / Who decides
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    user: String,
}

#[derive(Debug, Args)]
struct Release {
    #[command(flatten)]
    target: Target,

    /// 尚未核实的，凭管理员确认接收（要写理由） / Take what could not be verified on your word; needs a reason
    #[arg(long, requires = "reason")]
    on_my_word: bool,

    /// 理由，记入处理记录 / Why; kept in the list of decisions
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Debug, Args)]
struct Drop {
    #[command(flatten)]
    target: Target,

    /// 理由，记入处理记录 / Why; kept in the list of decisions
    #[arg(long)]
    reason: String,
}

#[derive(Debug, Args)]
struct Log {
    /// 最多显示多少条 / How many to show at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=i64::from(LIMIT_MAX)))]
    limit: u32,
}

impl Quarantine {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        with_node(&at.folder, async |node| match self.act {
            None => list(at, node, self.page).await,
            Some(Act::Show(which)) => show(at, node, which).await,
            Some(Act::Release(release)) => {
                let Release { target, on_my_word, reason } = release;
                settle(at, node, target.request(reason.unwrap_or_default(), false, on_my_word)).await
            }
            Some(Act::Drop(Drop { target, reason })) => {
                settle(at, node, target.request(reason, true, false)).await
            }
            Some(Act::Log(log)) => decisions(at, node, log.limit).await,
        })
        .await?;
        Ok(Exit::Done)
    }
}

impl Target {
    fn request(self, reason: String, drop: bool, on_my_word: bool) -> SettleQuarantinedRequest {
        let Target { which: Which { id }, direction, user } = self;
        SettleQuarantinedRequest {
            id,
            direction: direction.unwrap_or_default(),
            drop,
            on_my_word,
            user,
            reason,
        }
    }
}

async fn list(at: &Context, node: &Node, page: Page) -> anyhow::Result<()> {
    let request = QuarantineRequest { limit: page.limit, offset: page.offset, ..Default::default() };
    let answer = node.admin().quarantine(request).await?.into_inner();
    let value = json::of("shuniu.admin.v1.QuarantineAnswer", &answer)?;
    at.out.answer(|| value, || table(&answer, page.offset, at.out.cell_width_max()))?;
    Ok(())
}

fn direction(record: &QuarantinedRecord) -> String {
    let words = if record.inbound { "下级报来" } else { "上级未收" };
    format!("{words}（{}）", record.from_name)
}

fn table(answer: &QuarantineAnswer, offset: u64, cell_width_max: Option<usize>) -> String {
    if answer.total == 0 {
        return "隔离区是空的。".into();
    }
    let headings = ["方向", "类别", "标题", "属地", "原因", "说明", "时间", "编号"];
    let mut grid = Grid::new(headings).cut_at(cell_width_max);
    for record in &answer.records {
        grid.row([
            direction(record),
            record.kind.clone(),
            record.title.clone(),
            record.home_name.clone(),
            record.reason_words.clone(),
            record.detail.clone(),
            instant_or(record.since_ms, "—"),
            record.id.clone(),
        ]);
    }
    let shown = answer.records.len() as u64;
    let rest = if offset + shown < answer.total { "；其余可用 --offset 和 --limit 查看" } else { "" };
    format!("{}共 {} 条{rest}。怎么办：shuniu quarantine show 编号", grid.render(), number(answer.total))
}

async fn show(at: &Context, node: &Node, which: Which) -> anyhow::Result<()> {
    let request = QuarantineRequest { id: which.id, ..Default::default() };
    let answer = node.admin().quarantine(request).await?.into_inner();
    let value = json::of("shuniu.admin.v1.QuarantineAnswer", &answer)?;
    let mut words = String::new();
    if !at.out.is_json() {
        let catalog = Catalog::of(node).await;
        let mut titles = Titles::new(node, catalog.schema().registry());
        for record in &answer.records {
            words.push_str(&one(&catalog, record, &mut titles).await);
        }
    }
    at.out.answer(|| value, || words)?;
    Ok(())
}

async fn one(catalog: &Catalog, record: &QuarantinedRecord, titles: &mut Titles<'_>) -> String {
    let mut words = format!(
        "{} · {}\n编号 {}  属地 {}  {}  自 {}\n原因：{}（{}）\n怎么办：{}\n",
        record.kind,
        record.title,
        record.id,
        record.home_name,
        direction(record),
        instant_or(record.since_ms, "—"),
        record.reason_words,
        record.detail,
        record.advice
    );
    if let Some(kind) = catalog.schema().kind(&record.kind) {
        let mut grid = Grid::new(["字段", "内容"]);
        for field in &kind.fields {
            let text = titles.cell(field, &record.message).await;
            if !text.is_empty() {
                grid.row([field.label.clone(), text]);
            }
        }
        words.push_str(&grid.render());
    }
    words
}

async fn settle(at: &Context, node: &Node, request: SettleQuarantinedRequest) -> anyhow::Result<()> {
    let answer = node.admin().settle_quarantined(request).await?.into_inner();
    let value = json::of("shuniu.admin.v1.SettleQuarantinedAnswer", &answer)?;
    at.out.answer(|| value, || format!("“{}”：{}。", answer.title, answer.words))?;
    Ok(())
}

async fn decisions(at: &Context, node: &Node, limit: u32) -> anyhow::Result<()> {
    let answer = node.admin().decisions(DecisionsRequest { limit }).await?.into_inner();
    let value = json::of("shuniu.admin.v1.DecisionsAnswer", &answer)?;
    at.out.answer(|| value, || log(&answer.decisions))?;
    Ok(())
}

fn log(decisions: &[Decision]) -> String {
    if decisions.is_empty() {
        return "本机还没有处理记录。".into();
    }
    let mut grid = Grid::new(["时间", "处理", "经办人", "理由", "内容", "编号"]);
    for decision in decisions {
        let act = match decision.act.as_str() {
            "resolve" => "裁定",
            "release" => "再审",
            "vouch" => "凭确认接收",
            "drop" => "放弃",
            other => other,
        };
        grid.row([
            instant_or(decision.at_ms, "—"),
            act.to_owned(),
            decision.user.clone(),
            decision.reason.clone(),
            decision.detail.clone(),
            decision.record.clone(),
        ]);
    }
    grid.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(inbound: bool) -> QuarantinedRecord {
        QuarantinedRecord {
            inbound,
            from_name: "桂园街道".into(),
            title: "春苗".into(),
            reason_words: "内容无法读取".into(),
            since_ms: 1_795_309_920_000,
            ..Default::default()
        }
    }

    #[test]
    fn both_directions_are_listed() {
        let answer = QuarantineAnswer { records: vec![record(true), record(false)], total: 7 };
        let words = table(&answer, 0, None);
        for part in ["下级报来（桂园街道）", "上级未收（桂园街道）", "2026-11-22 09:12", "共 7 条；其余"]
        {
            assert!(words.contains(part), "{part}: {words}");
        }
        assert_eq!(table(&QuarantineAnswer::default(), 0, None), "隔离区是空的。");
    }

    #[test]
    fn decisions_are_told_by_whom_and_why() {
        let decision = Decision {
            act: "drop".into(),
            user: "张主任".into(),
            reason: "重复".into(),
            ..Default::default()
        };
        let words = log(&[decision]);
        assert!(words.contains("放弃") && words.contains("张主任") && words.contains("重复"), "{words}");
        assert_eq!(log(&[]), "本机还没有处理记录。");
    }
}
