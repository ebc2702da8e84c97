//! Chapter 9: a street's disk breaks and an old copy of it is put back. What it had reported returns from above, and the
//! city's figure says that its data come from a backup.

use std::path::Path;
use std::sync::Arc;

use crate::checker::{self, Finding};
use crate::error::DemoError;
use crate::node::Node;
use crate::story::{Tale, sentence};

const KIND: &str = "service_record";
const DATABASE: &str = "shuniu.db";

impl Tale {
    pub(super) async fn old_disk(&mut self) -> Result<(), DemoError> {
        let street = self.all.cut_off().clone();
        self.voice.chapter(&format!("旧硬盘回来：{}换回一份旧的数据库", street.name));
        let old = self.folder.join(format!("{}-旧硬盘", street.name));
        street.kill().await?;
        copy_database(&street.folder, &old)?;
        street.start().await?;
        self.voice.says("停下节点，复制数据库文件，再启动；它照常工作和上报。");
        let lost = self.service(&street, "旧硬盘上没有的测试服务").await?;
        let moved = self.all.sync_up().await?;
        self.moved("由下而上同步", moved);
        street.kill().await?;
        remove_database(&street.folder)?;
        copy_database(&old, &street.folder)?;
        let gone = !self.book(&street).await?.rows.contains_key(&lost);
        self.voice.says("新硬盘坏了，换上旧的：后来录入的一条不在上面。");
        self.voice.check("换上旧硬盘后，本机没有后来的一条", Finding::new(gone, "旧数据库里没有它"));
        street.start().await?;
        self.does(&street, &["sync"]).await?;
        self.check_returned(&street, &lost).await?;
        let new = self.service(&street, "换回旧硬盘以后的测试服务").await?;
        let moved = self.all.sync_up().await?;
        self.moved("由下而上同步", moved);
        self.check_told(&street, &new).await
    }

    async fn service(&self, street: &Node, topic: &str) -> Result<String, DemoError> {
        let topic = format!("topic={topic}");
        let words = ["put", KIND, "date=2026-03-31", "sort=培训", &topic, "--user", "测试员"];
        Ok(self.does(street, &words).await?.text("id")?.to_owned())
    }

    /// What the old disk lacked is back, as the node above holds it.
    async fn check_returned(&mut self, street: &Arc<Node>, lost: &str) -> Result<(), DemoError> {
        let above = self.all.parent(street).unwrap_or(self.all.city()).clone();
        let (below, above) = (self.book(street).await?, self.book(&above).await?);
        let state = |book: &checker::Book| book.rows.get(lost).map(|row| row.state.clone());
        let held = state(&below).is_some() && state(&below) == state(&above);
        let detail = format!("从{}取回，两边字节相同", above.name());
        self.voice.check("上报过的一条同步后就回来了", Finding::new(held, detail));
        Ok(())
    }

    /// The street works on, nothing counts twice, and the city's figure says where the street's data come from.
    async fn check_told(&mut self, street: &Arc<Node>, new: &str) -> Result<(), DemoError> {
        let city = self.all.city().clone();
        let figure = self.does(&city, &["figure", KIND, "--by", "base"]).await?;
        let words = sentence(&figure.value);
        self.voice.sees(&city.name, words);
        let listed = figure.value["watermark"]["restored"].as_array().into_iter().flatten();
        let restored: Vec<&str> = listed.filter_map(|base| base["name"].as_str()).collect();
        let held = restored == [self.all.plan[street.at].name.as_str()] && words.contains("从备份恢复");
        let detail = format!("点名的是{}", restored.join("、"));
        self.voice.check("市级统计说明它从备份恢复", Finding::new(held, detail));
        let books = self.books().await?;
        let arrived = books[0].rows.get(new).is_some_and(|row| row.home == self.all.ids[street.at]);
        self.voice.check("换回以后新录入的照常到市级", Finding::new(arrived, "同一个节点，不用重新加入"));
        let expected = checker::recounted(&books, &books[0].tree, KIND);
        let found = checker::figure_by_base(&figure.value, &expected);
        self.voice.check("没有一条重复，也没有一条少", found);
        Ok(())
    }
}

/// Copies a database that nobody has open, with the log of what was written last (`-wal`). Its index (`-shm`) is made
/// anew.
fn copy_database(from: &Path, to: &Path) -> Result<(), DemoError> {
    let failed = |source| DemoError::File { doing: "复制数据库", path: to.to_owned(), source };
    std::fs::create_dir_all(to).map_err(failed)?;
    for name in [DATABASE.to_owned(), format!("{DATABASE}-wal")] {
        if from.join(&name).exists() {
            std::fs::copy(from.join(&name), to.join(&name)).map_err(failed)?;
        }
    }
    Ok(())
}

fn remove_database(folder: &Path) -> Result<(), DemoError> {
    for end in ["", "-wal", "-shm"] {
        let file = folder.join(format!("{DATABASE}{end}"));
        if file.exists() {
            std::fs::remove_file(&file).map_err(|source| DemoError::File {
                doing: "删除数据库",
                path: file,
                source,
            })?;
        }
    }
    Ok(())
}
