//! Chapter 6: a street's machine loses its power; the figure says so, and says so when it is back.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::checker::{self, Book, Finding};
use crate::error::DemoError;
use crate::node::Node;
use crate::program::Answer;
use crate::story::{Tale, clock};

const KIND: &str = "service_record";
const TOPIC: &str = "断电前最后一条测试服务";

impl Tale {
    pub(super) async fn dark(&mut self) -> Result<(), DemoError> {
        let dark = self.all.dark().clone();
        self.voice.chapter(&format!("一个街道断电：{}", dark.name));
        let topic = format!("topic={TOPIC}");
        self.does(&dark, &["put", KIND, "date=2026-03-13", "sort=场地", &topic, "--user", "测试员"]).await?;
        let pid = dark.pid().await.unwrap_or(0);
        dark.kill().await?;
        self.voice.says(&format!("保存成功后立即断电（kill -9 {pid}），这一条还没有上报。"));
        let before = self.before(&dark).await?;
        let cut = self.all.cut_off().clone();
        let words = ["put", KIND, "date=2026-03-13", "sort=培训", "topic=照常的测试服务", "--user", "测试员"];
        self.does(&cut, &words).await?;
        let moved = self.all.sync_up().await?;
        self.moved("其余节点照常同步", moved);
        let id = self.all.ids[dark.at].clone();
        let stalled = self.check_stalled(&id, &before).await?;
        self.check_status(&id, &before).await?;
        dark.start().await?;
        self.voice.says("来电，节点重新启动。");
        self.voice.ran(&format!("shuniu --folder {} serve", dark.name));
        let moved = self.all.sync_up().await?;
        self.moved("由下而上同步", moved);
        self.check_back(&id, stalled).await
    }

    /// What the city knows, and of the dark street what the node above it knows: that will still reach the city.
    async fn before(&self, dark: &Node) -> Result<Book, DemoError> {
        let mut city = self.book(self.all.city()).await?;
        if let Some(above) = self.all.parent(dark) {
            let id = &self.all.ids[dark.at];
            let seal = self.book(above).await?.seals.remove(id).unwrap_or_default();
            city.seals.insert(id.clone(), seal);
        }
        Ok(city)
    }

    async fn figure(&mut self) -> Result<Answer, DemoError> {
        let city = self.all.city().clone();
        let figure = self.does(&city, &["figure", KIND, "--by", "base"]).await?;
        let until = complete(&figure.value);
        let words = super::sentence(&figure.value);
        self.voice
            .sees(&city.name, &format!("{} 条，完整到 {}。{words}", figure.value["total"], clock(until)));
        Ok(figure)
    }

    /// The figure reaches no further than the dark street, and all others went on.
    async fn check_stalled(&mut self, id: &str, before: &Book) -> Result<u64, DemoError> {
        let figure = self.figure().await?;
        let city = self.book(self.all.city()).await?;
        let sealed = |book: &Book, base: &str| book.seals.get(base).map_or(0, |seal| seal.at_ms);
        let until = complete(&figure.value);
        let stood = sealed(before, id);
        let mut faults = Vec::new();
        if stood == 0 || until != stood || sealed(&city, id) != stood {
            faults.push(format!("应停在 {}，报 {}", clock(stood), clock(until)));
        }
        let others =
            city.tree.iter().map(|(base, _)| base).filter(|base| city.tree.node_of(base) != city.base);
        let others: Vec<&String> = others.filter(|base| base.as_str() != id).collect();
        let late = others.iter().filter(|base| sealed(&city, base) <= sealed(before, base));
        faults.extend(late.map(|base| format!("{}没有前进", city.tree.name(base))));
        let detail =
            format!("停在{}的封存点 {}，其余 {} 个都前进了", city.tree.name(id), clock(stood), others.len());
        self.voice.check("断电期间统计只算到它最后一次上报", Finding::none_of(&faults, detail));
        self.voice.check("断电期间的完整性水印", checker::watermark(&figure.value, &city, &BTreeSet::new()));
        self.check_without(id, &figure.value).await?;
        Ok(until)
    }

    /// The figure has what everybody reported, and nothing of what still waits on the dark street's disk.
    async fn check_without(&mut self, id: &str, figure: &Value) -> Result<(), DemoError> {
        let books = self.books().await?;
        let tree = &books[0].tree;
        let dark = books.iter().filter(|book| book.base == id);
        let waiting = dark.flat_map(|book| book.of_kind(KIND)).filter(|row| row.waits).count() as u64;
        let mut expected = checker::recounted(&books, tree, KIND);
        expected.entry(tree.name(id).to_owned()).and_modify(|count| *count -= waiting);
        let mut found = checker::figure_by_base(figure, &expected);
        found.held &= waiting == 1;
        found.detail += &format!("；断电街道的磁盘上还有 {waiting} 条未上报，没有计入");
        self.voice.check("统计是已上报的，不多也不少", found);
        Ok(())
    }

    async fn check_status(&mut self, id: &str, before: &Book) -> Result<(), DemoError> {
        let city = self.all.city().clone();
        let status = self.does(&city, &["status"]).await?;
        let beneath = status.list("beneath")?.iter().find(|base| base["base"] == id);
        let told = beneath.and_then(|base| base["sealed_up_to_ms"].as_u64()).unwrap_or(0);
        let name = before.tree.name(id);
        self.voice.sees(&city.name, &format!("{name}：数据完整到 {}", clock(told)));
        let stood = before.seals.get(id).map_or(0, |seal| seal.at_ms);
        let detail = format!("报 {}，断电前的封存点是 {}", clock(told), clock(stood));
        self.voice.check("状态点名它上报到什么时候", Finding::new(told == stood && stood > 0, detail));
        Ok(())
    }

    async fn check_back(&mut self, id: &str, stalled: u64) -> Result<(), DemoError> {
        let figure = self.figure().await?;
        let books = self.books().await?;
        let city = &books[0];
        let found = city.of_kind(KIND).any(|row| row.body["topic"] == TOPIC && row.home == id);
        self.voice.check("断电前已保存的一条没有丢", Finding::new(found, "重新启动后上报，市级库中有它"));
        let until = complete(&figure.value);
        let detail = format!("从 {} 前进到 {}", clock(stalled), clock(until));
        self.voice.check("恢复后统计又前进了", Finding::new(until > stalled, detail));
        let expected = checker::recounted(&books, &city.tree, KIND);
        let found = checker::figure_by_base(&figure.value, &expected);
        self.voice.check("恢复后的服务记录数与各库重新数的一致", found);
        self.voice.check("恢复后的完整性水印", checker::watermark(&figure.value, city, &BTreeSet::new()));
        Ok(())
    }
}

fn complete(figure: &Value) -> u64 {
    figure["watermark"]["complete_up_to_ms"].as_u64().unwrap_or(0)
}
