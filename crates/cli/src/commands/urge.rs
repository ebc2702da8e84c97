//! `shuniu urge`.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use wire::admin::{StandingCall, StatusRequest, UrgeRequest, UrgeStage, urge_event::Event};

use crate::commands::Context;
use crate::exit::Exit;
use crate::grid::Grid;
use crate::json;
use crate::session::{Node, with_node};
use crate::times::{instant_or, number};

#[derive(Debug, clap::Args)]
pub struct Urge {
    /// 催哪些基地，写编码或名称，各连同其下级；不写就是全部下级 / The bases, by code or name, each with all beneath it; none: everybody
    bases: Vec<String>,

    /// 催报的原因，会显示在下级 / Why; shown at the nodes that are called
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,

    /// 最多等几秒；0 只看一眼。不等也照催：没开机的节点一上线就会收到 / Seconds to wait, 0 for a glance; the call stands all the same,
    /// and a node that is off is called when it comes
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u64,

    /// 不催，只看本节点发出的催报办得怎样 / Calls nobody; shows how far this node's calls have come
    #[arg(long, conflicts_with_all = ["bases", "reason", "wait", "hours"])]
    list: bool,

    /// 催报在多少小时内有效 / Hours for which the call stands
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=168))]
    hours: u64,
}

/// A wait that is as good as for ever.
const WAIT_SECONDS_MAX: u64 = 7 * 86_400;

impl Urge {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        if self.list {
            return list(at).await;
        }
        let seen = with_node(&at.folder, async |node| self.follow(node, at).await).await?;
        let complete = seen.is_complete();
        at.out.answer(|| seen.json(), || seen.words(at.out.cell_width_max()))?;
        Ok(if complete { Exit::Done } else { Exit::Outstanding })
    }

    /// Calls, and looks on until all have reported or the time is over.
    async fn follow(&self, node: &Node, at: &Context) -> anyhow::Result<Seen> {
        let asked = UrgeRequest {
            bases: self.bases.clone(),
            reason: self.reason.clone(),
            stands_minutes: self.hours * 60,
        };
        let mut events = node.admin().urge(asked).await?.into_inner();
        let end = Instant::now() + Duration::from_secs(self.wait.min(WAIT_SECONDS_MAX));
        let mut seen = Seen::default();
        // What is known at once is looked at even when nobody waits.
        let mut next = timeout_at(end.max(Instant::now() + GLANCE), events.message()).await;
        while let Ok(event) = next {
            match event?.and_then(|event| event.event) {
                Some(Event::Stage(stage)) => {
                    if !at.out.is_json() {
                        at.out.note(&format!("{}：{}", stage.base_name, stage_words(&stage)));
                    }
                    seen.events.push(stage);
                }
                Some(Event::Done(_)) | None => break,
            }
            next = timeout_at(end.max(Instant::now() + GLANCE), events.message()).await;
        }
        Ok(seen)
    }
}

/// How far this node's own calls have come.
async fn list(at: &Context) -> anyhow::Result<Exit> {
    let status =
        with_node(&at.folder, async |node| Ok(node.admin().status(StatusRequest {}).await?.into_inner()))
            .await?;
    let own: Vec<&StandingCall> = status.calls.iter().filter(|call| call.own).collect();
    let calls = own.iter().map(|call| json::of("shuniu.admin.v1.StandingCall", *call));
    let calls = calls.collect::<anyhow::Result<Vec<_>>>()?;
    at.out.answer(|| json!({ "calls": calls }), || listed(&own, at.out.cell_width_max()))?;
    let complete = own.iter().all(|call| call.outstanding.is_empty());
    Ok(if complete { Exit::Done } else { Exit::Outstanding })
}

fn listed(calls: &[&StandingCall], cell_width_max: Option<usize>) -> String {
    if calls.is_empty() {
        return "本节点没有正在进行的催报。".into();
    }
    let one = |call: &&StandingCall| {
        let mut grid = Grid::new(["还没有报齐的基地", "情况"]).cut_at(cell_width_max);
        call.outstanding.iter().for_each(|node| grid.row([node.base_name.clone(), stage_words(node)]));
        let table = if call.outstanding.is_empty() { String::new() } else { grid.render() };
        format!("{}\n{table}", call_words(call))
    };
    calls.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// A call that stands, in one line.
pub(crate) fn call_words(call: &StandingCall) -> String {
    let at = instant_or(call.asked_at_ms, "—");
    let until = instant_or(call.until_ms, "—");
    let reason = if call.reason.is_empty() { String::new() } else { format!("，原因：{}", call.reason) };
    let (called, done) = (number(call.called), number(call.done));
    if call.own {
        return format!("{at} 本节点催报{reason}。应报 {called} 个节点，已报 {done} 个；有效至 {until}。");
    }
    let here = call.here.as_ref().map_or_else(String::new, |here| format!("本节点：{}。", stage_words(here)));
    let below = if call.called > 0 {
        format!("下级应报 {called} 个，已报 {done} 个。")
    } else {
        String::new()
    };
    format!("{at} “{}”催报{reason}。{here}{below}", call.asker_name)
}

/// What the node knows already comes within this.
const GLANCE: Duration = Duration::from_millis(200);

/// What was told, in order.
#[derive(Debug, Default)]
struct Seen {
    events: Vec<UrgeStage>,
}

impl Seen {
    /// The latest of each node, in order of name.
    fn nodes(&self) -> Vec<&UrgeStage> {
        let mut nodes: Vec<&UrgeStage> = Vec::new();
        for event in &self.events {
            match nodes.iter_mut().find(|known| known.base == event.base) {
                Some(known) => *known = event,
                None => nodes.push(event),
            }
        }
        nodes.sort_by(|a, b| (&a.base_name, &a.base).cmp(&(&b.base_name, &b.base)));
        nodes
    }

    fn is_complete(&self) -> bool {
        self.nodes().iter().all(|node| node.stage == "done")
    }

    fn json(&self) -> Value {
        let all = |stages: &mut dyn Iterator<Item = &UrgeStage>| -> Vec<Value> {
            stages.filter_map(|stage| json::of("shuniu.admin.v1.UrgeStage", stage).ok()).collect()
        };
        json!({
            "complete": self.is_complete(),
            "nodes": all(&mut self.nodes().into_iter()),
            "events": all(&mut self.events.iter()),
        })
    }

    fn words(&self, cell_width_max: Option<usize>) -> String {
        let nodes = self.nodes();
        if nodes.is_empty() {
            return "没有可催报的下级节点。".into();
        }
        let mut grid = Grid::new(["基地", "情况"]).cut_at(cell_width_max);
        nodes.iter().for_each(|node| grid.row([node.base_name.clone(), stage_words(node)]));
        let done = nodes.iter().filter(|node| node.stage == "done").count();
        let (called, done) = (number(nodes.len() as u64), number(done as u64));
        let rest = match self.is_complete() {
            true => "全部报齐。",
            false => "其余的不必再催：一上线就会收到，再看用 shuniu urge --list。",
        };
        format!("{}应报 {called} 个节点，已报 {done} 个。{rest}", grid.render())
    }
}

fn stage_words(stage: &UrgeStage) -> String {
    match stage.stage.as_str() {
        "away" => "未连线，上线即催".into(),
        "called" => "已呼叫".into(),
        "heard" => "已收到催报".into(),
        "syncing" => format!("正在上报 {}/{}", number(stage.pushed), number(stage.to_push)),
        "passing" => format!("已报到{}，正在转报", stage.words),
        "done" => format!("已报，{} 条", number(stage.pushed)),
        "failed" => format!("没有报成，稍后自动再试：{}", stage.words),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(base: &str, stage: &str) -> UrgeStage {
        UrgeStage { base: base.into(), base_name: base.into(), stage: stage.into(), ..Default::default() }
    }

    #[test]
    fn the_latest_of_each_node_counts() {
        let events =
            vec![stage("甲", "away"), stage("乙", "heard"), stage("甲", "done"), stage("乙", "done")];
        let mut seen = Seen { events };
        assert!(seen.is_complete());
        assert!(seen.words(None).ends_with("应报 2 个节点，已报 2 个。全部报齐。"), "{}", seen.words(None));
        seen.events.push(UrgeStage { words: "磁盘已满".into(), ..stage("乙", "failed") });
        assert!(!seen.is_complete());
        assert!(
            seen.words(None).contains("磁盘已满") && seen.words(None).contains("已报 1 个"),
            "{}",
            seen.words(None)
        );
    }

    #[test]
    fn a_call_in_one_line() {
        let call = StandingCall {
            own: true,
            asked_at_ms: 1_795_309_920_000,
            reason: "季报".into(),
            called: 7,
            done: 5,
            ..Default::default()
        };
        let words = call_words(&call);
        assert!(words.contains("本节点催报，原因：季报。应报 7 个节点，已报 5 个"), "{words}");
        let above = StandingCall {
            own: false,
            asker_name: "市基地".into(),
            called: 0,
            here: Some(UrgeStage { pushed: 3, ..stage("丙", "done") }),
            ..call
        };
        assert_eq!(call_words(&above), "2026-11-22 09:12 “市基地”催报，原因：季报。本节点：已报，3 条。");
    }

    #[test]
    fn every_stage_has_words() {
        for name in ["away", "called", "heard", "syncing", "passing", "done", "failed"] {
            assert!(stage_words(&stage("甲", name)).chars().any(|c| ('一'..='鿿').contains(&c)), "{name}");
        }
    }
}
