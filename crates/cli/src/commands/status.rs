//! `shuniu status`.

use wire::admin::{LinkStatus, StatusAnswer, StatusRequest};
use wire::record::BaseReport;

use crate::commands::Context;
use crate::commands::urge::call_words;
use crate::exit::Exit;
use crate::grid::Grid;
use crate::session::with_node;
use crate::times::{instant_or, number};
use crate::{json, times};

#[derive(Debug, clap::Args)]
pub struct Status {}

impl Status {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        let request = StatusRequest {};
        let answer =
            with_node(&at.folder, async |node| Ok(node.admin().status(request).await?.into_inner())).await?;
        let value = json::of("shuniu.admin.v1.StatusAnswer", &answer)?;
        at.out.answer(|| value, || words(&answer, at.out.cell_width_max()))?;
        Ok(Exit::Done)
    }
}

fn words(answer: &StatusAnswer, cell_width_max: Option<usize>) -> String {
    let mut words = head(answer);
    if !answer.links.is_empty() {
        words.push_str("\n与上下级的连接\n");
        words.push_str(&links(&answer.links, cell_width_max));
        words.push_str(&alarms(&answer.links));
    }
    words.push_str(&notices(answer));
    if !answer.calls.is_empty() {
        words.push_str("\n催报\n");
        answer.calls.iter().for_each(|call| words.push_str(&format!("{}\n", call_words(call))));
    }
    if !answer.beneath.is_empty() {
        words.push_str("\n下级基地的上报\n");
        words.push_str(&bases(&answer.beneath, cell_width_max));
    }
    words
}

fn head(answer: &StatusAnswer) -> String {
    let listening =
        if answer.listening.is_empty() { "不接受下级连接" } else { answer.listening.as_str() };
    format!(
        "{}（{}）  程序版本 {}\n现在 {}  下次同步 {}  证书有效至 {}\n\
         记录 {} 条  未上报 {} 条  隔离 {} 条  等人裁定 {} 条\n监听 {listening}\n",
        answer.base_name,
        answer.federation,
        answer.version,
        instant_or(answer.now_ms, "—"),
        instant_or(answer.next_sync_at_ms, "未安排"),
        instant_or(answer.certificate_until_ms, "—"),
        number(answer.records),
        number(answer.unsent),
        number(answer.quarantined),
        number(answer.disputed),
    )
}

fn links(links: &[LinkStatus], cell_width_max: Option<usize>) -> String {
    let headings =
        ["方向", "基地", "直连", "上次成功", "上次失败", "失败原因", "待上报", "待下发", "时钟", "程序版本"];
    let mut grid = Grid::new(headings).cut_at(cell_width_max);
    for link in links {
        grid.row([
            if link.up { "上级" } else { "下级" }.to_owned(),
            link.base_name.clone(),
            if link.live { "在线" } else { "不在线" }.to_owned(),
            instant_or(link.last_success_ms, "从未"),
            instant_or(link.last_failure_ms, "从未"),
            link.last_failure.clone(),
            number(link.waiting_up),
            number(link.waiting_down),
            clock(link).unwrap_or_else(|| "一致".into()),
            link.version.clone(),
        ]);
    }
    grid.render()
}

/// What somebody must look at: a wrong clock, work that never arrived, a second machine under one identity.
fn alarms(links: &[LinkStatus]) -> String {
    let mut lines = String::new();
    for link in links {
        if let Some(apart) = clock(link) {
            lines += &format!(
                "! {}：{apart}。请核对两边的日期和时间，打开系统的自动对时；已保存的内容不受影响，只是显示的时间不准。\n",
                link.base_name
            );
        }
        if !link.slowed.is_empty() {
            lines += &format!(
                "! {}：{}。其他下级不受影响。请联系它检查程序是否损坏或被改动，原因见 shuniu quarantine。\n",
                link.base_name, link.slowed
            );
        }
        if link.missing > 0 {
            lines += &format!(
                "! {}：最后所知有 {} 条修改未上报。如果它的磁盘已坏，这些内容别处没有，请通知它补录。\n",
                link.base_name,
                number(link.missing)
            );
        }
        if link.clone_at_ms > 0 {
            let whose = if link.up { "本节点" } else { link.base_name.as_str() };
            lines += &format!(
                "! {whose}：{} 发现有两台机器用同一身份运行。数据不会坏，但请停掉不该运行的那一台（旧机器、复制的虚拟机或恢复出的副本）。\n",
                instant_or(link.clone_at_ms, "—")
            );
        }
    }
    lines
}

/// What waits for somebody, and is not about one link.
fn notices(answer: &StatusAnswer) -> String {
    let mut lines = String::new();
    if let Some(first) = answer.exports_waiting_ms.first() {
        lines += &format!(
            "! 有 {} 份导出文件还没有收到回执（最早 {}）：请把回执带回并运行 shuniu bundle import；文件丢了就再导出一次。\n",
            number(answer.exports_waiting_ms.len() as u64),
            instant_or(*first, "—")
        );
    }
    let refused = answer.agreement.as_ref().map_or("", |agreed| agreed.contract_refused.as_str());
    if !refused.is_empty() {
        lines +=
            &format!("! 上级送来的数据约定没有采用：{refused}。请升级本机程序；新字段仍会原样保存和转交。\n");
    }
    lines
}

/// Whose clock is ahead, and by how much, if that matters. The offset is the parent's clock minus the child's.
fn clock(link: &LinkStatus) -> Option<String> {
    let (parent, child) = if link.up { ("上级", "本机") } else { ("本机", "对方") };
    times::clock(link.clock_offset_ms, &format!("{parent}的时钟"), &format!("{child}的时钟"))
}

fn bases(bases: &[BaseReport], cell_width_max: Option<usize>) -> String {
    let headings = ["基地", "情况", "数据完整到", "未上报", "隔离", "例外", "节点"];
    let mut grid = Grid::new(headings).cut_at(cell_width_max);
    for base in bases {
        grid.row([
            base.name.clone(),
            standing(base).to_owned(),
            instant_or(base.sealed_up_to_ms, "—"),
            number(base.unsent),
            number(base.quarantined),
            number(base.exceptions),
            if base.own_node { "自有" } else { "上级代管" }.to_owned(),
        ]);
    }
    grid.render()
}

fn standing(base: &BaseReport) -> &'static str {
    match (base.never, base.late) {
        (true, _) => "从未上报",
        _ if base.restored => "从备份恢复",
        (false, true) => "迟报",
        (false, false) => "按时",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_and_failure_stand_apart() {
        let link = LinkStatus {
            base_name: "东城街道".into(),
            last_success_ms: 1_795_309_920_000,
            last_failure_ms: 1_795_309_860_000,
            last_failure: "连接\n中断".into(),
            clock_offset_ms: 300_000,
            ..Default::default()
        };
        let shown = links(&[link.clone(), LinkStatus { up: true, ..link }], None);
        for part in [
            "2026-11-22 09:12",
            "2026-11-22 09:11",
            "连接 中断",
            "本机的时钟快 5 分钟",
            "上级的时钟快 5 分钟",
        ] {
            assert!(shown.contains(part), "{part}:\n{shown}");
        }
        assert_eq!(shown.lines().count(), 4);
    }

    #[test]
    fn what_somebody_must_look_at() {
        let link = LinkStatus { base_name: "东城街道".into(), ..Default::default() };
        assert_eq!(alarms(std::slice::from_ref(&link)), "");
        let fast = alarms(&[LinkStatus { clock_offset_ms: -3_653 * 86_400_000, ..link.clone() }]);
        assert!(fast.contains("东城街道：对方的时钟快 10 年") && fast.contains("自动对时"), "{fast}");
        let told = alarms(&[LinkStatus { missing: 7, clone_at_ms: 1_795_309_920_000, ..link }]);
        assert!(told.contains("东城街道：最后所知有 7 条修改未上报") && told.contains("同一身份"), "{told}");
    }

    #[test]
    fn what_waits_for_somebody() {
        assert_eq!(notices(&StatusAnswer::default()), "");
        let agreement =
            wire::admin::Agreement { contract_refused: "改了类型".into(), ..Default::default() };
        let told = notices(&StatusAnswer {
            exports_waiting_ms: vec![1_795_309_920_000],
            agreement: Some(agreement),
            ..Default::default()
        });
        assert!(told.contains("1 份导出文件") && told.contains("没有采用：改了类型"), "{told}");
    }

    #[test]
    fn bases_beneath() {
        let never = BaseReport { name: "西城街道".into(), never: true, late: true, ..Default::default() };
        let late = BaseReport { never: false, ..never.clone() };
        let shown = bases(&[never, late], None);
        assert!(shown.contains("从未上报") && shown.contains("迟报"), "{shown}");
    }
}
