//! Chapter 11: a district's program is older than the contract of its streets. What it does not know it relays byte for
//! byte; once the city's contract has come down it shows it too.

use std::sync::Arc;

use crate::checker::{Book, Finding};
use crate::error::DemoError;
use crate::node::{Node, Syncing};
use crate::older::{CONTRACT, KIND_OF_NEW_FIELD, NEW_FIELD, NEW_KIND};
use crate::story::Tale;

const TEXT: &str = "专做社区调解的测试机构";
/// Where a node keeps the newest contract that came from above.
const KEPT: &str = "contract.signed";

impl Tale {
    pub(super) async fn older_district(&mut self) -> Result<(), DemoError> {
        let street = self.all.cut_off().clone();
        let district = self.all.parent(&street).filter(|above| above.at != self.all.city().at).cloned();
        let Some(district) = district else {
            self.voice.chapter("旧版本的区");
            self.voice.says("这一套基地的街道都直属市级，中间没有区，跳过这一步。");
            return Ok(());
        };
        self.voice.chapter(&format!("旧版本的区：{}的程序不认识新字段和新类别", district.name));
        self.make_older(&district).await?;
        let knew = self.knows(&district).await?;
        self.voice
            .check("旧程序不认识新的类别", Finding::new(!knew, format!("shuniu schema 没有 {NEW_KIND}")));
        let new = [self.new_field(&street).await?, self.new_kind(&street).await?];
        self.does(&street, &["sync"]).await?;
        self.check_relayed(&street, &district, &new).await?;
        self.does(&district, &["sync"]).await?;
        self.check_at_city(&street, &new).await?;
        self.check_shown(&district, &new).await?;
        district.configure(self.all.dials(&district), Syncing::OnDemand)?;
        district.restart().await
    }

    /// Lets a district be one whose program is old, and to which no newer contract ever came.
    async fn make_older(&self, district: &Node) -> Result<(), DemoError> {
        let file = self.folder.join("旧数据约定.bin");
        let failed =
            |source| DemoError::File { doing: "写入旧的数据约定", path: file.clone(), source };
        std::fs::write(&file, CONTRACT).map_err(failed)?;
        district.kill().await?;
        let kept = district.folder.join(KEPT);
        if kept.exists() {
            let failed = |source| DemoError::File { doing: "删除数据约定", path: kept.clone(), source };
            std::fs::remove_file(&kept).map_err(failed)?;
        }
        district.set_odd("contract", &format!("{:?}", file.to_string_lossy()))?;
        district.start().await?;
        self.voice.says("设置 contract 只供试验：节点按旧的数据约定运行，好像程序没有升级过。");
        Ok(())
    }

    async fn knows(&self, node: &Node) -> Result<bool, DemoError> {
        let schema = self.does(node, &["schema"]).await?;
        Ok(schema.list("kinds")?.iter().any(|kind| kind["name"] == NEW_KIND))
    }

    /// A field that the district does not know, in a record that it does.
    async fn new_field(&self, street: &Node) -> Result<String, DemoError> {
        let book = Book::read(&street.database()).await?;
        let own = book.of_kind(KIND_OF_NEW_FIELD).find(|row| row.home == book.base);
        let id = own.map(|row| row.id.clone()).unwrap_or_default();
        let words = format!("{NEW_FIELD}={TEXT}");
        self.does(street, &["put", KIND_OF_NEW_FIELD, &id, &words, "--user", "测试员"]).await?;
        Ok(id)
    }

    /// A record of a kind that the district does not know.
    async fn new_kind(&self, street: &Node) -> Result<String, DemoError> {
        let book = Book::read(&street.database()).await?;
        let body = book.of_kind("organization").next().map(|row| row.id.clone()).unwrap_or_default();
        let (target, decider) =
            (format!("target_record={body}"), format!("decider={}", self.all.plan[0].code));
        let words =
            ["put", NEW_KIND, "target_kind=organization", &target, "field_number=9", "field_label=住所"];
        let rest = ["wanted_text=测试路 9 号", &decider, "--user", "测试员"];
        Ok(self.does(street, &[&words[..], &rest].concat()).await?.text("id")?.to_owned())
    }

    /// The district has the bytes, and does not show what it does not know.
    async fn check_relayed(
        &mut self,
        street: &Arc<Node>,
        district: &Arc<Node>,
        new: &[String],
    ) -> Result<(), DemoError> {
        let (below, above) = (self.book(street).await?, self.book(district).await?);
        self.voice.check("区里收到的字节与街道的相同", same(&below, &above, new));
        let seen = self.does(district, &["get", KIND_OF_NEW_FIELD, &new[0]]).await?;
        let hidden = seen.value["fields"][NEW_FIELD].is_null();
        self.voice.check("旧程序还显示不了新字段", Finding::new(hidden, "get 里没有“简介”"));
        Ok(())
    }

    async fn check_at_city(&mut self, street: &Arc<Node>, new: &[String]) -> Result<(), DemoError> {
        let (below, city) = (self.book(street).await?, self.book(self.all.city()).await?);
        self.voice.check("经过旧的区，到市级仍逐字节相同", same(&below, &city, new));
        let shown = city.rows.get(&new[0]).map(|row| row.body[NEW_FIELD].clone()).unwrap_or_default();
        let held = shown == TEXT && city.rows.get(&new[1]).is_some_and(|row| row.kind == NEW_KIND);
        self.voice.check("市级显示新字段和新类别", Finding::new(held, format!("简介是 {shown}")));
        Ok(())
    }

    /// The contract came with the sync, while the district's node ran.
    async fn check_shown(&mut self, district: &Arc<Node>, new: &[String]) -> Result<(), DemoError> {
        let knows = self.knows(district).await?;
        let seen = self.does(district, &["get", KIND_OF_NEW_FIELD, &new[0]]).await?;
        let shown = seen.value["fields"][NEW_FIELD].as_str().unwrap_or_default().to_owned();
        let wish = self.does(district, &["get", NEW_KIND, &new[1]]).await?;
        self.voice.sees(&district.name, &shown);
        let held = knows && shown == TEXT && wish.value["fields"]["wanted_text"] == "测试路 9 号";
        let detail = "市级签发的数据约定随同步下来，没有重启，没有升级";
        self.voice.check("数据约定到了以后，区里也显示", Finding::new(held, detail));
        Ok(())
    }
}

/// Whether both hold these records, in equal bytes.
fn same(one: &Book, other: &Book, ids: &[String]) -> Finding {
    let differs = |id: &&String| {
        let (one, other) = (one.rows.get(*id), other.rows.get(*id));
        one.is_none() || one.map(|row| &row.state) != other.map(|row| &row.state)
    };
    let faults: Vec<String> = ids.iter().filter(differs).cloned().collect();
    Finding::none_of(&faults, format!("{} 条记录，{} = {}", ids.len(), one.name(), other.name()))
}
