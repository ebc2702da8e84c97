//! Chapter 3: the streets do their day's work; it goes up, and the city's figure says how complete it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::bodies::short_name;
use crate::checker::{self, Finding};
use crate::error::DemoError;
use crate::node::Node;
use crate::options::StreetWork;
use crate::parallel::each;
use crate::story::{Tale, sentence};

/// What the streets enter, with its label, where the parts of a figure add up.
const ADDITIVE: [(&str, &str); 2] = [("recorded_group", "备案组织"), ("service_record", "服务记录")];
/// What they enter of which a body counts once, however many bases know it.
const PROFILE: &str = "organization_profile";

/// Where the kind stands in `shuniu --folder F put KIND`.
const KIND_WORD: usize = 4;

/// One street at work: the node that serves it, and who it is.
#[derive(Clone)]
struct Desk {
    node: Arc<Node>,
    base: String,
    name: String,
    place: String,
}

impl Tale {
    pub(super) async fn daily(&mut self) -> Result<(), DemoError> {
        self.voice.chapter("街道的一天：档案、备案、服务记录，上报后市级统计");
        let streets = self.all.streets();
        let desks: Vec<Desk> = streets.iter().map(|at| self.desk(*at)).collect();
        let work = self.work;
        let days = each(desks, |desk| async move { desk.day(work).await }).await?;
        let mut shown = BTreeSet::new();
        let new_kind = |line: &&String| shown.insert(line.split(' ').nth(KIND_WORD).map(str::to_owned));
        for line in days.first().into_iter().flatten().filter(new_kind) {
            self.voice.ran(line);
        }
        if let Some(line) = days.iter().flatten().find(|line| line.contains(" --as ")) {
            self.voice.says("没有自己节点的街道，由上级节点代录（--as）：");
            self.voice.ran(line);
        }
        let commands: usize = days.iter().map(Vec::len).sum();
        self.voice.says(&format!("{} 个街道照此录入，共 {commands} 条命令。", days.len()));
        self.second_profile().await?;
        self.check_local().await?;
        let moved = self.all.sync_up().await?;
        self.moved("由下而上同步（shuniu sync）", moved);
        for (kind, label) in ADDITIVE {
            self.check_figure(kind, label).await?;
        }
        self.check_distinct().await
    }

    fn desk(&self, at: usize) -> Desk {
        let base = &self.all.plan[at];
        Desk {
            node: self.all.serves(at).clone(),
            base: self.all.ids[at].clone(),
            name: short_name(&base.name).to_owned(),
            place: base.place.to_string(),
        }
    }

    /// A body of the first street is active in another as well, which keeps a profile of its own.
    async fn second_profile(&mut self) -> Result<(), DemoError> {
        let (cut, dark) = (self.desk(self.all.cut_off().at), self.desk(self.all.dark().at));
        let body = cut.bodies().await?.into_iter().next();
        let Some((id, name)) = body else { return Ok(()) };
        let line = dark.profile(&id, &name, 0).await?;
        self.voice.ran(&line);
        self.voice.says(&format!("“{name}”在{}和{}都有活动，两个街道各建一份档案。", cut.name, dark.name));
        Ok(())
    }

    /// Nothing has been synced: what a street entered is in its own database and not at the city.
    async fn check_local(&mut self) -> Result<(), DemoError> {
        let books = self.books().await?;
        let tree = books[0].tree.clone();
        let kinds = || ADDITIVE.iter().map(|(kind, _)| *kind).chain([PROFILE]);
        let total: u64 = kinds().flat_map(|kind| checker::recounted(&books, &tree, kind).into_values()).sum();
        let city: usize = kinds().map(|kind| books[0].of_kind(kind).count()).sum();
        let detail = format!("街道各库共 {total} 条，市级库中 {city} 条");
        self.voice.check("录入先存在本地", Finding::new(total > 0 && city == 0, detail));
        Ok(())
    }

    /// The city's figure against what the streets' databases hold.
    async fn check_figure(&mut self, kind: &str, label: &str) -> Result<(), DemoError> {
        let city = self.all.city().clone();
        let figure = self.does(&city, &["figure", kind, "--by", "base"]).await?;
        self.voice
            .sees(&city.name, &format!("{label} {} 条。{}", figure.value["total"], sentence(&figure.value)));
        let books = self.books().await?;
        let expected = checker::recounted(&books, &books[0].tree, kind);
        self.voice.check(
            &format!("市级的{label}数与各街道库中重新数的一致"),
            checker::figure_by_base(&figure.value, &expected),
        );
        let found = checker::watermark(&figure.value, &books[0], &BTreeSet::new());
        self.voice.check(&format!("{label}数的完整性水印"), found);
        Ok(())
    }

    /// Bodies are counted once, however many bases know them.
    async fn check_distinct(&mut self) -> Result<(), DemoError> {
        let city = self.all.city().clone();
        let figure = self.does(&city, &["figure", PROFILE]).await?;
        let books = self.books().await?;
        let tree = &books[0].tree;
        let (told, profiles) = (figure.number("total")?, checker::recounted(&books, tree, PROFILE));
        self.voice.sees(&city.name, &format!("有档案的社会组织 {told} 家。{}", sentence(&figure.value)));
        let bodies = checker::distinct_of(&books, tree, PROFILE, "organization");
        let profiles: u64 = profiles.values().sum();
        let detail = format!("档案 {profiles} 份，其中不同的组织 {bodies} 家，市级报 {told} 家");
        self.voice.check(
            "一家组织在两个街道活动，只算一家",
            Finding::new(told == bodies && bodies < profiles, detail),
        );
        Ok(())
    }
}

impl Desk {
    /// What the street enters on its first day; the command lines come back.
    async fn day(&self, work: StreetWork) -> Result<Vec<String>, DemoError> {
        let mut lines = Vec::new();
        for (number, (id, name)) in self.bodies().await?.into_iter().take(work.profiles).enumerate() {
            lines.push(self.profile(&id, &name, number).await?);
        }
        for number in 1..=work.groups {
            let name = format!("name={}测试舞蹈队{number}队", self.name);
            let (community, members) =
                (format!("community={}", self.place), format!("members={}", 10 + number));
            let words = ["recorded_group", &name, "category=文体类", &community, "leader=测试员甲", &members];
            lines.push(self.put(&words).await?);
        }
        for number in 1..=work.services {
            let topic = format!("topic={}测试服务{number}", self.name);
            let (place, people) = (format!("place={}", self.place), format!("people={}", 20 * number));
            let words = [
                "service_record",
                "date=2026-03-12",
                "sort=培训",
                &topic,
                "party=散客",
                "hours=2",
                &people,
                &place,
            ];
            lines.push(self.put(&words).await?);
        }
        Ok(lines)
    }

    /// Bodies of the register that sit here, by id and name.
    async fn bodies(&self) -> Result<Vec<(String, String)>, DemoError> {
        let place = format!("place={}", self.place);
        let found = self.node.done(&["list", "organization", "--where", &place, "--order", "title"]).await?;
        let pair = |record: &serde_json::Value| {
            Some((record["id"].as_str()?.to_owned(), record["title"].as_str()?.to_owned()))
        };
        Ok(found.list("records")?.iter().filter_map(pair).collect())
    }

    async fn profile(&self, body: &str, name: &str, number: usize) -> Result<String, DemoError> {
        let (body, base) = (format!("organization={body}"), format!("base={}", self.base));
        let (name, place) = (format!("name={name}"), format!("place={}", self.place));
        let office = format!("office={}测试大厦{}层", self.name, number + 1);
        let words =
            [PROFILE, &body, &base, &name, &place, &office, "contact=测试员乙", "staff=3", "volunteers=10"];
        self.put(&words).await
    }

    async fn put(&self, words: &[&str]) -> Result<String, DemoError> {
        let mut args = [&["put"], words, &["--user", "测试员"]].concat();
        if self.name != self.node.name {
            args.extend(["--as", &self.base]);
        }
        Ok(self.node.done(&args).await?.line)
    }
}
