//! The last chapter: everything is synced until nothing moves, and all copies are compared.

use std::path::Path;

use crate::checker::{self, Book, Finding};
use crate::error::DemoError;
use crate::federation::Federation;
use crate::node::Syncing;
use crate::parallel::each;
use crate::story::Tale;
use crate::voice::Voice;

/// Minutes between syncs when the nodes stay up: someone who tries them should not have to wait.
const EVERY_MINUTES: u32 = 1;

impl Tale {
    pub(super) async fn finale(&mut self) -> Result<(), DemoError> {
        self.voice.chapter("收尾：逐条核对所有副本");
        let rounds = self.all.settle().await?;
        let detail =
            rounds.map_or("一直有东西在传".into(), |rounds| format!("第 {rounds} 轮没有一条再动"));
        self.voice.check("同步会停下来", Finding::new(rounds.is_some(), detail));
        let books = self.books().await?;
        self.check_status_of_all(&books).await?;
        let tree = &books[0].tree;
        self.voice.check("没有未上报、隔离或被退回的", checker::nothing_waits(&books));
        let other = books.iter().filter(|book| book.tree != *tree).map(|book| book.name().to_owned());
        let other: Vec<String> = other.collect();
        self.voice
            .check("各节点的上下级名录相同", Finding::none_of(&other, format!("{} 个节点", books.len())));
        let (found, lines) = checker::links(&books, tree);
        for line in lines.iter().take(LINES_SHOWN) {
            self.voice.says(line);
        }
        if lines.len() > LINES_SHOWN {
            self.voice.says(&format!("……共 {} 条连接", lines.len()));
        }
        self.voice.check("每条上下级连接两端的摘要相等", found);
        self.voice.check("该有的都有，不该有的没有，副本逐字节相同", checker::exactly_in_scope(&books, tree));
        self.voice.check("街道看不到别的街道的档案", foreign_profiles(&books));
        Ok(())
    }

    /// Whether every node's process still runs, and its own account of itself is what its database holds.
    async fn check_status_of_all(&mut self, books: &[Book]) -> Result<(), DemoError> {
        let nodes: Vec<_> = self.all.nodes().to_vec();
        let answers =
            each(nodes, |node| async move { Ok((node.is_alive().await, node.done(&["status"]).await?)) });
        let (mut dead, mut wrong) = (Vec::new(), Vec::new());
        for ((alive, status), book) in answers.await?.into_iter().zip(books) {
            if !alive {
                dead.push(book.name().to_owned());
            }
            let told = [status.number("unsent")?, status.number("quarantined")?, status.number("disputed")?];
            let disputed = book.rows.values().filter(|row| row.alternatives > 0).count();
            let found = [book.unsent.unsigned_abs(), book.quarantined.unsigned_abs(), disputed as u64];
            if status.text("base")? != book.base || told != found {
                wrong.push(format!("{}报 {told:?}，库中 {found:?}", book.name()));
            }
        }
        let count = books.len();
        self.voice.check("节点的进程一直在运行", Finding::none_of(&dead, format!("{count} 个进程都在")));
        let detail = format!("{count} 个节点报的未上报、隔离、等人裁定数都与自己的库一致");
        self.voice.check("每个节点如实说明自己的状态", Finding::none_of(&wrong, detail));
        Ok(())
    }

    /// Starts every node again with a schedule.
    pub(super) async fn stay_up(&mut self) -> Result<(), DemoError> {
        self.all.configure(Syncing::EveryMinutes(EVERY_MINUTES))?;
        self.all.restart().await
    }
}

/// Links whose digests are shown one by one; of a large federation the rest is summed up.
const LINES_SHOWN: usize = 12;

/// Profiles in the databases of streets that belong to another street.
fn foreign_profiles(books: &[Book]) -> Finding {
    let streets: Vec<_> = books
        .iter()
        .filter(|book| !book.tree.iter().any(|(_, base)| base.parent.as_ref() == Some(&book.base)))
        .collect();
    let own = |book: &Book| book.of_kind("organization_profile").filter(|row| row.home == book.base).count();
    let all = |book: &Book| book.rows.values().filter(|row| row.kind == "organization_profile").count();
    let faults: Vec<String> =
        streets.iter().filter(|book| all(book) != own(book)).map(|book| book.name().to_owned()).collect();
    let count: usize = streets.iter().map(|book| own(book)).sum();
    if count == 0 {
        return Finding::new(false, "街道各库中一份档案也没有");
    }
    Finding::none_of(&faults, format!("{} 个街道的库中共 {count} 份档案，都是自己的", streets.len()))
}

/// Says what a person can try now.
pub(super) fn invite_to_try(all: &Federation, folder: &Path) {
    let voice = Voice::new();
    let (city, street) = (&all.city().name, &all.cut_off().name);
    voice.says("");
    voice.says(&format!("节点都在运行，每 {EVERY_MINUTES} 分钟同步一次；按 Ctrl-C 停止。可以试试："));
    voice.ran(&format!("cd {}", folder.display()));
    voice.ran(&format!("shuniu --folder {city} status"));
    voice.ran(&format!("shuniu --folder {city} figure 服务记录 --by 基地"));
    voice.ran(&format!("shuniu --folder {street} list 社会组织档案 --disputed"));
    voice
        .ran(&format!("shuniu --folder {street} put 服务记录 服务日期=2026-03-14 服务类型=培训 主题=试一试"));
    voice.ran(&format!("shuniu --folder {street} sync"));
}
