//! Chapter 4: what the city publishes arrives below.

use crate::checker::{Finding, everywhere};
use crate::error::DemoError;
use crate::story::Tale;

const NOTICE: &str = "关于开展社会组织服务月活动的通知（测试）";
const HALL: &str = "市级共享报告厅（测试）";

impl Tale {
    pub(super) async fn downward(&mut self) -> Result<(), DemoError> {
        self.voice.chapter("市级发布通知和共享场地，各级收到");
        let city = self.all.city().clone();
        let title = format!("title={NOTICE}");
        let notice =
            ["put", "notice", &title, "sort=通知", "body=请各基地于月底前报送活动安排。", "--user", "测试员"];
        self.does(&city, &notice).await?;
        let name = format!("name={HALL}");
        let place = format!("place={}", self.all.plan[0].place);
        let hall =
            ["put", "shared_resource", &name, "sort=场地", "availability=开放", "reach=全市", "capacity=200"];
        self.does(&city, &[&hall[..], &["price_fen=0", &place, "--user", "测试员"]].concat()).await?;
        let held = |kind: &'static str| move |book: &crate::checker::Book| book.of_kind(kind).count();
        let below = self.books().await?;
        let before: usize =
            below[1..].iter().map(|book| held("notice")(book) + held("shared_resource")(book)).sum();
        self.voice
            .check("同步之前下级还没有", Finding::new(before == 0, format!("下级各库中共 {before} 条")));
        let moved = self.all.sync_down().await?;
        self.moved("由上而下同步", moved);
        let street = self.all.cut_off().clone();
        let seen = self.does(&street, &["list", "notice"]).await?;
        let title = seen.list("records")?.first().and_then(|record| record["title"].as_str());
        self.voice.sees(&street.name, title.unwrap_or("（没有）"));
        self.voice.check("街道的命令看得到通知", super::expect_text("标题", title, NOTICE));
        let seen = self.does(&street, &["list", "shared_resource"]).await?;
        let title = seen.list("records")?.first().and_then(|record| record["title"].as_str());
        self.voice.sees(&street.name, title.unwrap_or("（没有）"));
        self.voice.check("街道的命令看得到共享场地", super::expect_text("名称", title, HALL));
        let books = self.books().await?;
        self.voice.check("通知到达每个节点", everywhere(&books, "notice", 1));
        self.voice.check("共享场地到达每个节点", everywhere(&books, "shared_resource", 1));
        Ok(())
    }
}
