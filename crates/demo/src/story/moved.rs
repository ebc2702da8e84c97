//! Chapter 7: a street is given to another district. Its node follows by itself, with what it had not sent.

use std::sync::Arc;

use crate::checker::{Book, Finding};
use crate::error::DemoError;
use crate::node::Node;
use crate::story::Tale;

const GROUP: &str = "recorded_group";
const NOTICE: &str = "notice";

/// Who is moved, and what it is watched by.
struct Move {
    street: Arc<Node>,
    from: Arc<Node>,
    to: Arc<Node>,
    /// A notice for the old district alone.
    notice: String,
    /// What the street had not sent when it was moved.
    unsent: String,
}

impl Tale {
    pub(super) async fn move_street(&mut self) -> Result<(), DemoError> {
        let Some((street, to)) = self.all.transfer() else {
            self.voice.chapter("街道调整上级");
            self.voice.says("这一套基地的街道都直属市级，没有别的区可去，跳过这一步。");
            return Ok(());
        };
        let from = self.all.parent(&street).unwrap_or(self.all.city()).clone();
        self.voice.chapter(&format!("街道调整上级：{}由{}改归{}", street.name, from.name, to.name));
        let notice = self.publish_inside(&from).await?;
        let unsent = self.record_unsent(&street).await?;
        let case = Move { street, from, to, notice, unsent };
        self.check_before(&case).await?;
        let (code, above) =
            (self.all.plan[case.street.at].code.clone(), self.all.plan[case.to.at].code.clone());
        let city = self.all.city().clone();
        self.does(&city, &["move", &code, "--to", &above]).await?;
        self.all.transferred(case.street.at, case.to.at);
        let down = self.all.sync_down().await?;
        self.moved("由上而下同步：街道从原来的区得知调整，当场改连新的区", down);
        let up = self.all.sync_up().await?;
        self.moved("由下而上同步", up);
        self.check_after(&case).await
    }

    /// A notice that only the old district and its streets may see; all of them receive it.
    async fn publish_inside(&mut self, district: &Node) -> Result<String, DemoError> {
        let title = format!("title={}区内通知（测试）", district.name);
        let words = ["put", NOTICE, &title, "sort=通知", "body=仅区内。", "--user", "测试员"];
        let id = self.does(district, &words).await?.text("id")?.to_owned();
        let moved = self.all.sync_down().await?;
        self.moved("由上而下同步", moved);
        Ok(id)
    }

    async fn record_unsent(&mut self, street: &Node) -> Result<String, DemoError> {
        let name = format!("name={}调整前未上报的测试书画社", street.name);
        let community = format!("community={}", self.all.plan[street.at].place);
        let words = ["put", GROUP, &name, "category=文体类", &community, "leader=测试员甲", "members=9"];
        let put = self.does(street, &[&words[..], &["--user", "测试员"]].concat()).await?;
        Ok(put.text("id")?.to_owned())
    }

    async fn check_before(&mut self, case: &Move) -> Result<(), DemoError> {
        let (street, from) = (self.book(&case.street).await?, self.book(&case.from).await?);
        let waits = street.rows.get(&case.unsent).is_some_and(|row| row.waits);
        let noticed = street.rows.contains_key(&case.notice);
        let unsent = waits && !from.rows.contains_key(&case.unsent);
        // What the old district gives up afterwards it must have had.
        let groups = from.of_kind(GROUP).filter(|row| row.home == street.base).count();
        let held = noticed && unsent && groups > 0;
        let detail = format!(
            "{}收到了区内通知，新备案的一条还没有上报；{}库中有它以前备案的 {groups} 条",
            case.street.name, case.from.name
        );
        self.voice.check("调整之前", Finding::new(held, detail));
        Ok(())
    }

    async fn check_after(&mut self, case: &Move) -> Result<(), DemoError> {
        let books = self.books().await?;
        let wrong = books.iter().flat_map(|book| self.misplaced(book));
        let wrong: Vec<String> = wrong.collect();
        self.voice.check(
            "每个节点都知道它的新上级",
            Finding::none_of(&wrong, format!("{} 个库中的名录都改了", books.len())),
        );
        let of = |node: &Node| books.iter().find(|book| book.base == self.all.ids[node.at]);
        let (Some(street), Some(from), Some(to)) = (of(&case.street), of(&case.from), of(&case.to)) else {
            self.voice.check("三方的库", Finding::new(false, "有库对不上基地"));
            return Ok(());
        };
        let unsent = arrived(&case.unsent, street, &[to, &books[0]], from);
        let papers = stayed(&case.notice, from, &[street, to]);
        let own: Vec<String> = kept_by_old(street, from);
        let name = case.from.name.clone();
        self.voice.check("未上报的一条报给了新的区和市，没有丢", unsent);
        self.voice.check("原来的区的内部通知没有跟过去", papers);
        self.voice.check(
            "原来的区不再有它的档案和备案",
            Finding::none_of(&own, format!("{name}库中它的记录都收回了")),
        );
        Ok(())
    }
}

/// Whether the record came to the new district and on, in equal bytes, and not to the old one.
fn arrived(id: &str, street: &Book, above: &[&Book], old: &Book) -> Finding {
    let sent = street.rows.get(id).filter(|row| !row.waits);
    let lacks = |book: &&&Book| {
        sent.is_none() || book.rows.get(id).map(|row| &row.state) != sent.map(|row| &row.state)
    };
    let mut faults: Vec<String> =
        above.iter().filter(lacks).map(|book| format!("{}没有同样的一份", book.name())).collect();
    if old.rows.contains_key(id) {
        faults.push(format!("{}也有", old.name()));
    }
    let holders: Vec<&str> = above.iter().map(|book| book.name()).collect();
    Finding::none_of(&faults, format!("{}各有字节相同的一份", holders.join("、")))
}

/// Whether a paper of the old district is there and nowhere of these.
fn stayed(id: &str, old: &Book, elsewhere: &[&Book]) -> Finding {
    let mut faults: Vec<String> = elsewhere
        .iter()
        .filter(|book| book.rows.contains_key(id))
        .map(|book| format!("{}有", book.name()))
        .collect();
    if !old.rows.contains_key(id) {
        faults.push(format!("{}自己没有了", old.name()));
    }
    Finding::none_of(&faults, format!("只在{}的库中", old.name()))
}

/// What the old district still has of the street's own work.
fn kept_by_old(street: &Book, old: &Book) -> Vec<String> {
    let tree = &street.tree;
    let mine = old.rows.values().filter(|row| row.home == street.base);
    let hidden_from_old = mine.filter(|row| !tree.may_see(&old.base, &row.homes, &row.audience));
    hidden_from_old.map(|row| format!("{} {}", row.kind, row.id)).collect()
}
