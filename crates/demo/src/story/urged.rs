//! Chapter 8: the city calls for reports (催报) while one street is off; it is called when it comes.

use std::sync::Arc;

use crate::checker::{Book, Finding};
use crate::error::DemoError;
use crate::node::{Node, Syncing};
use crate::program::Following;
use crate::story::Tale;

const KIND: &str = "service_record";
/// Seconds for which the command waits: far more than it takes, less than a command may.
const WAIT_SECONDS: &str = "150";
/// How the command says that a node has reported, and that it cannot be reached.
const REPORTED: &str = "：已报，";
const AWAY: &str = "：未连线";

impl Tale {
    pub(super) async fn urge(&mut self) -> Result<(), DemoError> {
        let off = self.all.dark().clone();
        self.voice.chapter(&format!("催报：市级要求立即上报，{}没有开机", off.name));
        let topic = format!("topic={}关机前的测试服务", off.name);
        let words = ["put", KIND, "date=2026-03-30", "sort=培训", &topic, "--user", "测试员"];
        let late = self.does(&off, &words).await?.text("id")?.to_owned();
        off.kill().await?;
        self.voice.says(&format!(
            "{}关机，刚录入的一条还没有上报。其余节点改为保持连线（live = true）。",
            off.name
        ));
        self.all.configure(Syncing::Live)?;
        self.all.restart().await?;
        let before = self.book(self.all.city()).await?;
        let city = self.all.city().clone();
        let mut call = city.follow(&["urge", "--reason", "月底报表", "--wait", WAIT_SECONDS])?;
        self.voice.ran(&call.line);
        self.check_others(&off, &mut call, &before, &late).await?;
        off.start().await?;
        self.voice.says(&format!("{}开机；市级的催报还开着，不用再催。", off.name));
        self.check_late(&off, call, &before, &late).await?;
        // What follows wants to know which sync moved what.
        self.all.configure(Syncing::OnDemand)?;
        self.all.restart().await
    }

    /// All who run have reported, and who is off is named.
    async fn check_others(
        &mut self,
        off: &Arc<Node>,
        call: &mut Following,
        before: &Book,
        late: &str,
    ) -> Result<(), DemoError> {
        let full = |node: &Node| self.all.plan[node.at].name.clone();
        let others: Vec<String> =
            self.all.nodes()[1..].iter().filter(|node| node.at != off.at).map(|node| full(node)).collect();
        let off_name = full(off);
        let heard = call
            .until(|seen| says(seen, &off_name, AWAY) && others.iter().all(|name| says(seen, name, REPORTED)))
            .await;
        self.show(call);
        let held = heard && !says(&call.seen, &off_name, REPORTED);
        let detail = format!("{} 个已报，{}未连线", others.len(), off.name);
        self.voice.check("催报：开着的都报了，没开机的点了名", Finding::new(held, detail));
        let city = self.book(self.all.city()).await?;
        let off_id = &self.all.ids[off.at];
        let mut faults = Vec::new();
        for node in &self.all.nodes()[1..] {
            let id = &self.all.ids[node.at];
            if (city.seals.get(id) != before.seals.get(id)) == (id == off_id) {
                faults.push(node.name.clone());
            }
        }
        if city.rows.contains_key(late) {
            faults.push("关机前录入的一条已在市级".into());
        }
        let detail = format!("市级库中 {} 个的封存点前进了，{}的没有动", others.len(), off.name);
        self.voice.check("说已报的，市级库中确实报到了", Finding::none_of(&faults, detail));
        Ok(())
    }

    /// Who was off was called when it came, and with it all have reported.
    async fn check_late(
        &mut self,
        off: &Arc<Node>,
        mut call: Following,
        before: &Book,
        late: &str,
    ) -> Result<(), DemoError> {
        let told = call.seen.len();
        let name = self.all.plan[off.at].name.clone();
        let back = call.until(|seen| says(seen, &name, REPORTED)).await;
        call.seen.drain(..told);
        self.show(&call);
        let (exit, last) = call.end().await?;
        self.voice.sees(&self.all.city().name, &last);
        let detail = format!("退出码 {exit}，{last}");
        self.voice.check("开机后收到催报，随即报齐", Finding::new(back && exit == 0, detail));
        let city = self.book(self.all.city()).await?;
        let id = &self.all.ids[off.at];
        let advanced = city.seals.get(id) != before.seals.get(id);
        let held = advanced && city.rows.get(late).is_some_and(|row| row.home == *id);
        self.voice
            .check("关机前录入的一条也到了市级", Finding::new(held, "没有人运行 sync，它的封存点也前进了"));
        Ok(())
    }

    /// Shows the latest word of each node; what came before it is left out.
    fn show(&self, call: &Following) {
        let shown = latest(&call.seen);
        shown.iter().take(LINES_SHOWN).for_each(|line| self.voice.sees(&self.all.city().name, line));
        if shown.len() > LINES_SHOWN {
            self.voice.says(&format!("……共 {} 个节点", shown.len()));
        }
    }
}

/// The last line of each base, in the order in which they came.
fn latest(seen: &[String]) -> Vec<&String> {
    let base = |line: &str| line.split('：').next().map(str::to_owned);
    let is_last =
        |(at, line): &(usize, &String)| seen[at + 1..].iter().all(|later| base(later) != base(line));
    seen.iter().enumerate().filter(is_last).map(|(_, line)| line).collect()
}

/// Lines of a call shown one by one; of a large federation the rest is summed up.
const LINES_SHOWN: usize = 12;

/// Whether the call has told this of a base.
fn says(seen: &[String], name: &str, words: &str) -> bool {
    seen.iter().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_word_of_each_base() {
        let seen = ["甲：未连线，上线即催", "乙：已呼叫", "甲：已报，3 条"].map(str::to_owned);
        assert_eq!(latest(&seen), [&seen[1], &seen[2]]);
        assert!(says(&seen, "甲", AWAY) && says(&seen, "甲", REPORTED));
        assert!(!says(&seen, "乙", REPORTED) && !says(&seen, "", REPORTED));
    }
}
