//! Chapter 10: a street's clock is ten years ahead. Its time decides nothing: what was edited later with its value in
//! sight stands, the figure is as true as before, and both ends say in words what is wrong.

use std::sync::Arc;

use crate::checker::{self, Book, Finding};
use crate::error::DemoError;
use crate::node::Node;
use crate::story::{Tale, line_with, now_ms};

const KIND: &str = "organization_profile";
const FIELD: &str = "staff";
/// What the street writes with its wrong clock, and what the city makes of it afterwards.
const STREETS: u64 = 7;
const CITYS: u64 = 8;
/// Ten years, with the days that leap years add.
const AHEAD_MS: u64 = 3_653 * 86_400_000;
/// An edit whose time lies so far ahead bears the time of the wrong clock.
const FAR_AHEAD_MS: u64 = 9 * 365 * 86_400_000;

impl Tale {
    pub(super) async fn wrong_clock(&mut self) -> Result<(), DemoError> {
        let street = self.all.dark().clone();
        self.voice.chapter(&format!("时钟错了：{}的时钟快十年", street.name));
        street.set_odd("clock_offset_ms", &AHEAD_MS.to_string())?;
        street.restart().await?;
        self.voice.says("设置 clock_offset_ms 只供试验：节点看到的时间快十年；证书仍按机器的时间检查。");
        let home = self.all.ids[street.at].clone();
        let profile = self.book(&street).await?.of_kind(KIND).find(|row| row.home == home).cloned();
        let id = profile.unwrap_or_default().id;
        let began_ms = now_ms();
        self.write_number(&street, &id, STREETS).await?;
        let moved = self.all.sync_up().await?;
        self.moved("由下而上同步", moved);
        self.check_stamp(&street, &id).await?;
        self.check_seal(&street, began_ms).await?;
        let city = self.all.city().clone();
        self.write_number(&city, &id, CITYS).await?;
        let moved = self.all.sync_down().await?;
        self.moved("市级看到后再改，由上而下同步", moved);
        self.check_later_stands(&street, &id).await?;
        self.check_told_of_clock(&street).await?;
        self.put_right(&street).await
    }

    async fn write_number(&self, node: &Node, id: &str, number: u64) -> Result<(), DemoError> {
        let words = format!("{FIELD}={number}");
        self.does(node, &["put", KIND, id, &words, "--user", "测试员"]).await.map(drop)
    }

    /// The edit bears the time of the wrong clock, at the city too: nobody corrects what a writer's clock said.
    async fn check_stamp(&mut self, street: &Node, id: &str) -> Result<(), DemoError> {
        let city = self.all.city().clone();
        let history = self.does(&city, &["history", KIND, id]).await?;
        let by = self.all.ids[street.at].as_str();
        let ahead = |edit: &&serde_json::Value| {
            let saved_at_ms = edit["saved_at_ms"].as_u64().unwrap_or(0);
            edit["base"] == by && saved_at_ms > now_ms() + FAR_AHEAD_MS
        };
        let found = history.list("edits")?.iter().filter(ahead).count();
        let words = city.words(&["history", KIND, id]).await?;
        let latest = words.lines().filter(|line| line.contains(&street.name)).max();
        self.voice.sees(&city.name, latest.unwrap_or_default());
        let detail = format!("市级的历史里有 {found} 次修改的时间在十年以后");
        self.voice.check("街道的修改带着错的时间", Finding::new(found == 1, detail));
        Ok(())
    }

    /// The seal bears the time of the node above, so the figure claims no more than is true.
    async fn check_seal(&mut self, street: &Node, began_ms: u64) -> Result<(), DemoError> {
        let city = self.all.city().clone();
        let figure = self.does(&city, &["figure", KIND, "--by", "base"]).await?;
        self.voice.sees(&city.name, super::sentence(&figure.value));
        let (book, ended_ms) = (self.book(&city).await?, now_ms());
        let sealed = book.seals.get(&self.all.ids[street.at]).map_or(0, |seal| seal.at_ms);
        let held = (began_ms..=ended_ms).contains(&sealed);
        let off = sealed.abs_diff(ended_ms) / 1_000;
        let detail = format!("封存点的时间与实际相差 {off} 秒，用的是上级的时钟");
        self.voice.check("封存点不受街道时钟影响", Finding::new(held, detail));
        self.voice
            .check("统计的完整性水印仍然属实", checker::watermark(&figure.value, &book, &Default::default()));
        Ok(())
    }

    /// The city's edit is ten years "older" and had seen the street's: it stands everywhere, with nothing beside it.
    async fn check_later_stands(&mut self, street: &Arc<Node>, id: &str) -> Result<(), DemoError> {
        let books = [self.book(self.all.city()).await?, self.book(street).await?];
        let shown = |book: &Book| book.rows.get(id).map(|row| (row.body[FIELD].as_u64(), row.alternatives));
        let wrong = books.iter().filter(|book| shown(book) != Some((Some(CITYS), 0)));
        let faults: Vec<String> = wrong.map(|book| format!("{}：{:?}", book.name(), shown(book))).collect();
        let detail = format!("市和街道都是 {CITYS}，没有并存值");
        self.voice.check("看过再改的算数，不比时间先后", Finding::none_of(&faults, detail));
        Ok(())
    }

    /// `doctor` at the street, and `status` at both ends.
    async fn check_told_of_clock(&mut self, street: &Arc<Node>) -> Result<(), DemoError> {
        let above = self.all.parent(street).unwrap_or(self.all.city()).clone();
        let base = self.all.plan[street.at].name.clone();
        for (node, command, parts) in [
            (street, "doctor", vec!["本机时钟比上级快 10 年"]),
            (street, "status", vec!["本机的时钟快 10 年", "自动对时"]),
            (&above, "status", vec![base.as_str(), "对方的时钟快 10 年", "自动对时"]),
        ] {
            let words = node.words(&[command]).await?;
            self.voice.ran(&format!("shuniu --folder {} {command}", node.name));
            let line = line_with(&words, &parts);
            self.voice.sees(&node.name, &line);
            let detail =
                if line.is_empty() { "没有这样的话" } else { "说出了快多少、怎么办" };
            let what = format!("{}的 {command} 说明时钟不对", node.name);
            self.voice.check(&what, Finding::new(!line.is_empty(), detail));
        }
        Ok(())
    }

    async fn put_right(&mut self, street: &Arc<Node>) -> Result<(), DemoError> {
        street.configure(self.all.dials(street), crate::node::Syncing::OnDemand)?;
        street.restart().await?;
        self.does(street, &["sync"]).await?;
        let status = self.does(street, &["status"]).await?;
        let links = status.list("links")?;
        let offset = links.iter().find(|link| link["up"] == true).and_then(|l| l["clock_offset_ms"].as_i64());
        let held = offset.is_none_or(|offset| offset.abs() < 60_000);
        let detail = format!("与上级相差 {} 毫秒", offset.unwrap_or(0));
        self.voice.check("对好时间后不再提示", Finding::new(held, detail));
        Ok(())
    }
}
