//! Chapter 2: the city imports its register, one file in UTF-8 and one in GBK with a mistyped row; all receive it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::bodies::{self, Body};
use crate::checker::{Book, Finding, everywhere};
use crate::error::DemoError;
use crate::story::Tale;

impl Tale {
    pub(super) async fn register(&mut self) -> Result<(), DemoError> {
        self.voice.chapter("市级导入登记名册，同步到每个基地");
        let all = bodies::register(&self.all.plan, self.work.bodies);
        let (first, second) = all.split_at(all.len() / 2);
        let wrong: Vec<Body> = second.first().map(bodies::mistyped).into_iter().collect();
        let utf8 = self.write("登记名册-1.csv", bodies::csv(first).as_bytes())?;
        let gbk = self.write("登记名册-2-GBK.csv", &bodies::gbk(&bodies::csv(&[second, &wrong].concat())))?;
        self.import(&utf8, 0).await?;
        self.import(&gbk, 1).await?;
        let city = self.book(self.all.city()).await?;
        self.voice.check("名册逐条导入市级，GBK 的也没有乱码", as_in_file(&city, &all));
        let mistyped = wrong
            .first()
            .is_some_and(|body| city.of_kind("organization").any(|row| row.body["uscc"] == body.uscc));
        self.voice.check("代码抄错的一行没有导入", Finding::new(!mistyped, "库中没有这个代码，原因写回文件"));
        self.check_never().await?;
        let (up, down) = (self.all.sync_up().await?, self.all.sync_down().await?);
        self.moved("由下而上同步一遍（shuniu sync）", up);
        self.moved("由上而下再一遍，消息到最下级", down);
        let books = self.books().await?;
        self.voice.check("每个基地都有全市名册", everywhere(&books, "organization", all.len()));
        Ok(())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, DemoError> {
        let path = self.folder.join(name);
        let failed = |source| DemoError::File { doing: "写入名册", path: path.clone(), source };
        std::fs::write(&path, bytes).map_err(failed)?;
        Ok(path)
    }

    /// Imports a register of which so many rows must be refused.
    async fn import(&mut self, file: &Path, wrong: u64) -> Result<(), DemoError> {
        let city = self.all.city().clone();
        let answer = city.run(&["import", "organization", &file.to_string_lossy()]).await?;
        self.voice.ran(&answer.line);
        let (created, refused) = (answer.number("created")?, answer.number("refused")?);
        let reason = answer.list("reasons")?.first().and_then(|reason| reason["reason"].as_str());
        let reason = reason.map(|reason| format!("（{reason}）")).unwrap_or_default();
        self.voice.sees(
            &city.name,
            &format!("新建 {created} 条，未导入 {refused} 行{reason}，退出码 {}", answer.exit),
        );
        // Exit code 4 says that some rows were refused.
        let as_told = refused == wrong && answer.exit == if wrong > 0 { 4 } else { 0 };
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let detail = format!("应退回 {wrong} 行，退回 {refused} 行，退出码 {}", answer.exit);
        self.voice.check(&format!("导入 {name}"), Finding::new(as_told, detail));
        Ok(())
    }

    /// Before anyone has synced, a figure must say that nobody reported.
    async fn check_never(&mut self) -> Result<(), DemoError> {
        let city = self.all.city().clone();
        let figure = self.does(&city, &["figure", "service_record"]).await?;
        self.voice.sees(&city.name, super::sentence(&figure.value));
        let book = self.book(&city).await?;
        let beneath = book.tree.iter().filter(|(id, _)| book.tree.node_of(id) != book.base);
        let never = beneath.map(|(_, base)| base.name.clone()).collect();
        let found = crate::checker::watermark(&figure.value, &book, &never);
        self.voice.check("还没有人上报，统计说得明白", found);
        Ok(())
    }
}

/// Whether the database has exactly these bodies, by code and name.
fn as_in_file(book: &Book, bodies: &[Body]) -> Finding {
    let text = |row: &crate::checker::Row, name: &str| row.body[name].as_str().unwrap_or_default().to_owned();
    let held =
        book.of_kind("organization").map(|row| (text(row, "uscc"), (text(row, "name"), text(row, "place"))));
    let held: BTreeMap<_, _> = held.collect();
    let due = bodies.iter().map(|body| (body.uscc.clone(), (body.name.clone(), body.place.clone())));
    let due: BTreeMap<_, _> = due.collect();
    let faults: Vec<String> =
        due.keys().chain(held.keys()).filter(|code| due.get(*code) != held.get(*code)).cloned().collect();
    Finding::none_of(
        &faults,
        format!("文件 {} 条，库中 {} 条，代码、名称、区划都相同", due.len(), held.len()),
    )
}
