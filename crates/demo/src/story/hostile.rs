//! Chapter 12: a street runs a modified program. Its certificate is good; what it sends is not. It is refused in words at
//! both ends, the city's value stands, nobody else is held up, and the figure counts what is kept aside.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use crate::checker::{Book, Finding};
use crate::error::DemoError;
use crate::forge::{self, Forged};
use crate::node::Node;
use crate::story::Tale;

const BODY: &str = "organization";
const SERVICE: &str = "service_record";
const WISH: &str = "correction_request";
/// The number of a body's name, which only the city may write, and what the street writes there.
const NAME: u8 = 2;
const FALSE_NAME: &str = "被街道改过的名称";
/// What is forged gets an id that no real record has: one byte of the one it is made of, repeated.
const OUT_OF_SCOPE: &str = "b1";
const IN_ANOTHERS_NAME: &str = "c1";

/// Who does it, and to whom.
struct Attack {
    street: Arc<Node>,
    above: Arc<Node>,
    /// The other street in whose name it writes.
    victim: Arc<Node>,
    /// The body whose name it changes, and its true name.
    body: String,
    name: String,
    /// Its backup from before.
    backup: String,
}

impl Tale {
    pub(super) async fn hostile(&mut self) -> Result<(), DemoError> {
        let street = self.all.dark().clone();
        self.voice.chapter(&format!("被改动过的程序：{}冒充别人", street.name));
        let attack = self.prepare(street).await?;
        self.plant(&attack).await?;
        let report = self.does(&attack.street, &["sync"]).await?;
        let refused = report.number("refused")?;
        let detail = format!("{}上报时，{}有 {refused} 条没有接收", attack.street.name, attack.above.name);
        self.voice.check("伪造的两条被退回", Finding::new(refused == 2, detail));
        self.check_words_at_both_ends(&attack).await?;
        self.check_others_in_time(&attack).await?;
        self.check_city_stands(&attack).await?;
        self.check_counted(2).await?;
        self.recover(&attack).await
    }

    async fn prepare(&mut self, street: Arc<Node>) -> Result<Attack, DemoError> {
        let above = self.all.parent(&street).unwrap_or(self.all.city()).clone();
        let another = self.all.cut_off().clone();
        let backup = self.folder.join(format!("{}-备份.tar", street.name)).to_string_lossy().into_owned();
        self.does(&street, &["backup", &backup]).await?;
        let book = self.book(&street).await?;
        let body = book.of_kind(BODY).next().cloned().unwrap_or_default();
        let name = body.body["name"].as_str().unwrap_or_default().to_owned();
        Ok(Attack { street, above, victim: another, body: body.id, name, backup })
    }

    /// Forges three records and lays them into the street's database.
    async fn plant(&mut self, attack: &Attack) -> Result<(), DemoError> {
        let book = self.book(&attack.street).await?;
        let own = book.of_kind(SERVICE).find(|row| row.home == book.base).cloned().unwrap_or_default();
        let body = book.rows.get(&attack.body).cloned().unwrap_or_default();
        let victim = &self.all.ids[attack.victim.at];
        let fake = |id: &str, state: Option<Vec<u8>>| {
            state.map(|state| Forged { like: own.id.clone(), id: id.repeat(16), state })
        };
        let all = [
            forge::with_edit(&body.state, &book.base, NAME, FALSE_NAME).map(|state| Forged {
                like: body.id.clone(),
                id: body.id,
                state,
            }),
            // The first base in a record of one edit is the writer's; what comes behind it is whose the record is.
            fake(OUT_OF_SCOPE, forge::renamed(&own.state, &book.base, victim, 1)),
            fake(IN_ANOTHERS_NAME, forge::renamed(&own.state, &book.base, victim, 0)),
        ];
        let all: Vec<Forged> = all.into_iter().flatten().collect();
        attack.street.kill().await?;
        forge::plant(&attack.street.database(), &all).await?;
        attack.street.start().await?;
        let victim = &attack.victim.name;
        self.voice.says(&format!("改过的程序直接写数据库，造了 {} 条：", all.len()));
        self.voice.says(&format!("一、把市级名册里“{}”的名称改成“{FALSE_NAME}”；", attack.name));
        self.voice.says(&format!("二、以自己的名义给{victim}添一条服务记录；"));
        self.voice.says(&format!("三、冒用{victim}的名义写一条服务记录。"));
        self.voice.check("三条都已造好", Finding::new(all.len() == 3, "等着上报"));
        Ok(())
    }

    /// `quarantine` here and there lists both, with the reason and what to do.
    async fn check_words_at_both_ends(&mut self, attack: &Attack) -> Result<(), DemoError> {
        for (node, inbound) in [(&attack.above, true), (&attack.street, false)] {
            let kept = self.does(node, &["quarantine"]).await?;
            let mut faults = Vec::new();
            for id in [OUT_OF_SCOPE, IN_ANOTHERS_NAME].map(|byte| byte.repeat(16)) {
                let records = kept.list("records")?;
                let found = records.iter().find(|one| one["id"] == id.as_str() && one["inbound"] == inbound);
                let words = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
                let told = found.map(|one| (words(one, "reason_words"), words(one, "advice")));
                let (reason, advice) = told.unwrap_or_default();
                self.voice.sees(&node.name, &format!("{reason}。{advice}"));
                if reason.is_empty() || advice.is_empty() {
                    faults.push(format!("{id} 没有原因或办法"));
                }
            }
            let what = format!("{}的隔离区说明原因和办法", node.name);
            self.voice.check(&what, Finding::none_of(&faults, "两条都在，都有话说"));
        }
        Ok(())
    }

    /// The others work and report as ever, meanwhile.
    async fn check_others_in_time(&mut self, attack: &Attack) -> Result<(), DemoError> {
        let topic = "topic=不受影响的测试服务";
        let words = ["put", SERVICE, "date=2026-04-01", "sort=培训", topic, "--user", "测试员"];
        let id = self.does(&attack.victim, &words).await?.text("id")?.to_owned();
        let began = Instant::now();
        let (up, down) = (self.all.sync_up().await?, self.all.sync_down().await?);
        let took = began.elapsed();
        self.moved("由下而上同步", up);
        self.moved("由上而下再一遍", down);
        let arrived = self.book(self.all.city()).await?.rows.contains_key(&id);
        let detail =
            format!("{}的新记录已到市级，全部节点同步一遍用了 {} 毫秒", attack.victim.name, took.as_millis());
        self.voice.check("其他街道不受影响", Finding::new(arrived, detail));
        let books = self.books().await?;
        let holds = |book: &&Book| {
            [OUT_OF_SCOPE, IN_ANOTHERS_NAME].iter().any(|byte| book.rows.contains_key(&byte.repeat(16)))
        };
        let hostile = &self.all.ids[attack.street.at];
        let others = books.iter().filter(|book| book.base != *hostile).filter(holds);
        let faults: Vec<String> = others.map(|book| format!("{}的库里有", book.name())).collect();
        self.voice.check("伪造的记录没有进入任何别的库", Finding::none_of(&faults, "只在隔离区里"));
        Ok(())
    }

    /// The name is what it was, everywhere; what the street wrote is a wish that the city decides.
    async fn check_city_stands(&mut self, attack: &Attack) -> Result<(), DemoError> {
        let books = self.books().await?;
        let shown = |book: &Book| {
            let row = book.rows.get(&attack.body)?;
            Some((row.body["name"].as_str().unwrap_or_default().to_owned(), row.alternatives))
        };
        let due = Some((attack.name.clone(), 0));
        let wrong = books.iter().filter(|book| shown(book) != due);
        let faults: Vec<String> = wrong.map(|book| format!("{}：{:?}", book.name(), shown(book))).collect();
        let detail = format!("{} 个库中都是“{}”", books.len(), attack.name);
        self.voice.check("市级的值没有变", Finding::none_of(&faults, detail));
        let wishes: Vec<_> =
            books[0].of_kind(WISH).filter(|row| row.body["wanted_text"] == FALSE_NAME).collect();
        let detail = format!("市级收到 {} 条自动填好的更正申请，由市级决定", wishes.len());
        self.voice.check("街道想改的成了更正申请，没有丢", Finding::new(wishes.len() == 1, detail));
        Ok(())
    }

    /// The city's figure counts what is kept aside, also at a district.
    async fn check_counted(&mut self, expected: u64) -> Result<(), DemoError> {
        let city = self.all.city().clone();
        let figure = self.does(&city, &["figure", SERVICE]).await?;
        let words = super::sentence(&figure.value).to_owned();
        self.voice.sees(&city.name, &words);
        let counted = figure.value["watermark"]["quarantined"].as_u64();
        let held = counted == Some(expected) && (expected == 0 || words.contains("隔离区"));
        let what = if expected == 0 {
            "处理完后统计不再提隔离"
        } else {
            "市级统计说明有多少条未计入"
        };
        let detail = format!("统计说另有 {} 条在隔离区", counted.unwrap_or(0));
        self.voice.check(what, Finding::new(held, detail));
        Ok(())
    }

    /// The street puts its backup back, and an administrator above puts the forged records aside.
    async fn recover(&mut self, attack: &Attack) -> Result<(), DemoError> {
        for id in [OUT_OF_SCOPE, IN_ANOTHERS_NAME].map(|byte| byte.repeat(16)) {
            let words = ["quarantine", "drop", &id, "--reason", "伪造", "--user", "张主任"];
            self.does(&attack.above, &words).await?;
        }
        attack.street.kill().await?;
        self.does(&attack.street, &["restore", &attack.backup, "--replace"]).await?;
        attack.street.start().await?;
        self.voice.says("街道清除了改过的程序，从备份恢复，重新启动。");
        let up = self.all.sync_up().await?;
        self.moved("由下而上同步", up);
        self.check_counted(0).await
    }
}
