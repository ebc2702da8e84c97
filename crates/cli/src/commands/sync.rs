//! `shuniu sync`.

use wire::admin::{SyncNowRequest, SyncProgress, SyncReport, sync_event::Event};

use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::refusal;
use crate::session::{Node, with_node};
use crate::times::number;
use crate::{json, progress, times};

#[derive(Debug, clap::Args)]
pub struct Sync {}

impl Sync {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        let report = with_node(&at.folder, async |node| round(node, at).await).await?;
        let value = json::of("shuniu.admin.v1.SyncReport", &report)?;
        at.out.answer(|| value, || words(&report))?;
        Ok(Exit::Done)
    }
}

async fn round(node: &Node, at: &Context) -> anyhow::Result<SyncReport> {
    let mut events = node.admin().sync_now(SyncNowRequest {}).await?.into_inner();
    let bar = progress::bar(at.out);
    let mut report = None;
    while let Some(event) = events.message().await? {
        match event.event {
            Some(Event::Progress(SyncProgress { pushed, to_push, pulled })) => {
                bar.set_length(to_push);
                bar.set_position(pushed);
                bar.set_message(format!("条已上报，已接收 {} 条", number(pulled)));
            }
            Some(Event::Done(done)) => report = Some(done),
            None => {}
        }
    }
    report.ok_or_else(|| refusal("unreachable", "同步没有做完就断开了 / the sync ended before it was done"))
}

fn words(report: &SyncReport) -> String {
    let mut words = vec![format!(
        "同步完成：上报 {} 条，接收 {} 条，用时 {}。",
        number(report.pushed),
        number(report.pulled),
        domain::date::span(report.took_ms)
    )];
    if report.withdrawn > 0 {
        words.push(format!("另有 {} 条不再对本节点公开，已收回。", number(report.withdrawn)));
    }
    if report.refused > 0 {
        let refused = number(report.refused);
        words.push(format!("上级没有接收 {refused} 条：本机仍保留，原因见各条记录（shuniu get）。"));
    }
    if report.resync {
        words.push("首次同步，或有一方的数据库换过、恢复过，因此双方重新核对了全部数据。".into());
    }
    if report.spared > 0 {
        words.push(format!("其中 {} 条双方本来就相同，没有重发。", number(report.spared)));
    }
    if let Some(clock) = times::clock(report.clock_offset_ms, "上级的时钟比本机", "本机的时钟比上级")
    {
        words.push(format!("{clock}，请校准时间。"));
    }
    words.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_in_words() {
        let plain = SyncReport { pushed: 1_200, pulled: 3, took_ms: 2_500, ..Default::default() };
        assert_eq!(words(&plain), "同步完成：上报 1,200 条，接收 3 条，用时 2 秒。");
        let odd = SyncReport { withdrawn: 1, refused: 2, resync: true, clock_offset_ms: -300_000, ..plain };
        for part in ["1 条不再", "没有接收 2 条", "重新核对", "本机的时钟比上级快 5 分钟"]
        {
            assert!(words(&odd).contains(part), "{part}");
        }
    }
}
