//! Chapter 1: a federation comes into being, node by node.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::plan::{BasePlan, Rung};

use crate::bodies::short_name;
use crate::checker::{Book, Door, Finding, accepts_certificate, refuses_no_certificate, refuses_plain};
use crate::error::DemoError;
use crate::node::{Node, Syncing};
use crate::parallel::each;
use crate::story::Tale;

impl Tale {
    pub(super) async fn build(&mut self) -> Result<(), DemoError> {
        self.voice.chapter("建立联邦：每个基地一个进程、一个数据库");
        self.voice.says(&format!("数据在 {}；下面的命令都在这个文件夹里运行。", self.folder.display()));
        self.all.configure(Syncing::OnDemand)?;
        self.found_city().await?;
        self.import_divisions().await?;
        self.register_bases().await?;
        let tiers = self.all.tiers();
        for tier in &tiers[1..] {
            self.join(tier).await?;
        }
        self.check_processes().await?;
        self.check_tree().await?;
        self.check_doors().await
    }

    async fn found_city(&mut self) -> Result<(), DemoError> {
        let city = self.all.city().clone();
        let plan = &self.all.plan[0];
        let federation = format!("{}社会组织孵化联邦（测试）", city.name);
        let mut args = vec!["init", "--federation", &federation, "--name", &plan.name, "--code", &plan.code];
        let codes: Vec<&str> = plan.jurisdiction.iter().map(|code| code.as_str()).collect();
        codes.iter().for_each(|code| args.extend(["--jurisdiction", code]));
        let answer = city.done(&args).await?;
        let shown = format!("shuniu --folder {} init --name {} --code {} …", city.name, plan.name, plan.code);
        self.voice.ran(&format!("{shown}（辖区 {} 个代码）", codes.len()));
        self.all.ids[0] = answer.text("base")?.to_owned();
        city.start().await?;
        self.voice.ran(&format!("shuniu --folder {} serve", city.name));
        Ok(())
    }

    async fn import_divisions(&mut self) -> Result<(), DemoError> {
        let file = self.folder.join("行政区划.csv");
        let text = crate::bodies::divisions_csv();
        let failed = |source| DemoError::File { doing: "写入区划表", path: file.clone(), source };
        std::fs::write(&file, &text).map_err(failed)?;
        let city = self.all.city().clone();
        let answer = self.does(&city, &["import", "division", &file.to_string_lossy()]).await?;
        let rows = text.lines().count() - 1;
        let held = self.book(&city).await?.of_kind("division").count();
        self.voice.sees(&city.name, &format!("导入行政区划 {} 条", answer.number("created")?));
        self.voice
            .check("区划表导入市级", Finding::new(held == rows, format!("文件 {rows} 行，库中 {held} 条")));
        Ok(())
    }

    /// Enters every base into the city's registry, one tier after the other: a base names the one above by its id.
    async fn register_bases(&mut self) -> Result<(), DemoError> {
        let city = self.all.city().clone();
        for rung in [Rung::District, Rung::Street] {
            let due = (1..self.all.plan.len()).filter(|at| self.all.plan[*at].rung == rung);
            let due: Vec<(usize, Vec<String>)> = due.map(|at| (at, self.registration(at))).collect();
            let Some((_, first)) = due.first().cloned() else { continue };
            let count = due.len();
            let ids = each(due, |(at, words)| {
                let city = city.clone();
                async move {
                    let args: Vec<&str> = words.iter().map(String::as_str).collect();
                    let id = city.done(&args).await?.text("id")?.to_owned();
                    Ok((at, id))
                }
            });
            for (at, id) in ids.await? {
                self.all.ids[at] = id;
            }
            self.voice.ran(&format!(
                "shuniu --folder {} {} …（共 {count} 个基地）",
                city.name,
                first[..4].join(" ")
            ));
        }
        Ok(())
    }

    fn registration(&self, at: usize) -> Vec<String> {
        let base: &BasePlan = &self.all.plan[at];
        let parent = base.parent.map(|above| self.all.ids[above].clone()).unwrap_or_default();
        let codes: Vec<&str> = base.jurisdiction.iter().map(|code| code.as_str()).collect();
        let rung = if base.rung == Rung::District { "区级" } else { "镇街级" };
        let mut words = vec!["put".to_owned(), "base".to_owned()];
        words.extend([
            format!("code={}", base.code),
            format!("name={}", base.name),
            format!("parent={parent}"),
        ]);
        words.extend([format!("rung={rung}"), "standing=在用".to_owned(), format!("place={}", base.place)]);
        words.push(format!("jurisdiction={}", codes.join("、")));
        words.push(format!("hosted={}", if base.hosted { "是" } else { "否" }));
        words
    }

    /// Invites, joins and starts the nodes of a tier.
    async fn join(&mut self, tier: &[Arc<Node>]) -> Result<(), DemoError> {
        let due: Vec<_> = tier
            .iter()
            .filter_map(|node| {
                let parent = self.all.parent(node)?.clone();
                let address = self.all.dials(node)?.to_string();
                let code = self.all.plan[node.at].code.clone();
                let file = self.folder.join(format!("{}.invite", node.name));
                Some((node.clone(), parent, code, address, file.to_string_lossy().into_owned()))
            })
            .collect();
        let lines = each(due, |(node, parent, code, address, file)| async move {
            let invite = parent.done(&["invite", &code, "--address", &address, "--out", &file]).await?;
            let listen = node.listen.map(|address| address.to_string()).unwrap_or_default();
            let join = match listen.as_str() {
                "" => node.done(&["join", &file]).await?,
                listen => node.done(&["join", &file, "--listen", listen]).await?,
            };
            node.start().await?;
            Ok([invite.line, join.line, format!("shuniu --folder {} serve", node.name)])
        });
        let lines = lines.await?;
        for line in lines.first().into_iter().flatten() {
            self.voice.ran(line);
        }
        self.voice.says(&format!("这一级共 {} 个节点这样加入。", lines.len()));
        Ok(())
    }

    async fn check_processes(&mut self) -> Result<(), DemoError> {
        let mut pids = BTreeSet::from([std::process::id()]);
        let mut files = BTreeSet::new();
        for node in self.all.nodes() {
            pids.extend(node.pid().await);
            files.extend(node.database().canonicalize().ok());
        }
        let count = self.all.nodes().len();
        let held = pids.len() == count + 1 && files.len() == count;
        let detail = format!("{count} 个节点：{} 个进程，{} 个 SQLite 文件", pids.len() - 1, files.len());
        self.voice.check("每个节点是单独的进程和数据库", Finding::new(held, detail));
        Ok(())
    }

    async fn check_tree(&mut self) -> Result<(), DemoError> {
        let books = self.books().await?;
        let faults: Vec<String> = books.iter().flat_map(|book| self.misplaced(book)).collect();
        let hosted = self.all.plan.iter().filter(|base| base.hosted).count();
        let detail =
            format!("{} 个基地（其中 {hosted} 个由上级代管），每个库中的上下级都对", self.all.plan.len());
        self.voice.check("每个节点都知道整棵树", Finding::none_of(&faults, detail));
        self.check_prefixes(&books);
        Ok(())
    }

    /// Streets whose code lies under another district's: who runs them stands in the registry, not in the code.
    fn check_prefixes(&mut self, books: &[Book]) {
        let plan = &self.all.plan;
        let numbered_under = |street: &BasePlan| {
            let districts = plan.iter().enumerate().filter(|(_, base)| base.rung == Rung::District);
            let prefix = |(_, base): &(usize, &BasePlan)| {
                base.place != street.place && base.place.is_prefix_of(&street.place)
            };
            districts.filter(prefix).find(|(at, _)| street.parent != Some(*at)).map(|(_, base)| base)
        };
        let streets = plan.iter().filter(|base| base.rung == Rung::Street);
        let apart: Vec<_> = streets.filter_map(|street| Some((street, numbered_under(street)?))).collect();
        if apart.is_empty() {
            return;
        }
        let mut faults = Vec::new();
        for (street, other) in &apart {
            let above = street.parent.map_or("", |at| plan[at].name.as_str());
            let (name, other) = (short_name(&street.name), short_name(&other.name));
            self.voice.says(&format!(
                "{name}（{}）的代码在{other}名下，上级是{}。",
                street.place,
                short_name(above)
            ));
            let told = |book: &Book| {
                let found = book.tree.iter().find(|(_, base)| base.code == street.code)?.1;
                Some(book.tree.name(found.parent.as_deref()?).to_owned())
            };
            let wrong = books.iter().filter(|book| told(book).as_deref() != Some(above));
            faults.extend(wrong.map(|book| format!("{}库中的{name}", book.name())));
        }
        let detail = format!("{} 个街道，每个库中都归名录写的上级，不按代码前缀", apart.len());
        self.voice.check("辖区看名录，不看代码前缀", Finding::none_of(&faults, detail));
    }

    /// What a database tells otherwise than the plan.
    pub(super) fn misplaced(&self, book: &Book) -> Vec<String> {
        let plan = &self.all.plan;
        let by_code = |code: &str| book.tree.iter().find(|(_, base)| base.code == code);
        let wrong = plan.iter().filter(|base| {
            let above = base.parent.and_then(|at| by_code(&plan[at].code)).map(|(id, _)| id);
            let found =
                by_code(&base.code).map(|(_, found)| (found.parent.as_ref(), found.hosted, &found.name));
            // A base is its own home: what it says about its own house is its own.
            let home = by_code(&base.code).and_then(|(id, _)| Some(book.rows.get(id)?.home == *id));
            found != Some((above, base.hosted, &base.name)) || home != Some(true)
        });
        wrong.map(|base| format!("{}库中的{}", book.name(), short_name(&base.name))).collect()
    }

    /// Tries every port at which nodes beneath are taken.
    async fn check_doors(&mut self) -> Result<(), DemoError> {
        let doors: Vec<Door> = self.doors();
        let (mut plain, mut bare, mut known) = (Vec::new(), Vec::new(), Vec::new());
        for door in &doors {
            let note = |faults: &mut Vec<String>, found: Finding| {
                if !found.held {
                    faults.push(format!("{}：{}", door.address, found.detail));
                }
            };
            note(&mut plain, refuses_plain(door).await);
            note(&mut bare, refuses_no_certificate(door).await);
            note(&mut known, accepts_certificate(door).await);
        }
        let all = doors.len();
        let found = |faults: &[String], words: &str| match all {
            0 => Finding::new(false, "没有可试的端口"),
            _ => Finding::none_of(faults, format!("{all} 个端口，{words}")),
        };
        self.voice.check("明文连接得不到答复", found(&plain, "逐个用明文 HTTP/2 试过"));
        self.voice.check("没有证书的连接被拒绝", found(&bare, "逐个用不带证书的 TLS 试过"));
        self.voice.check("同样的连接带上下级证书就被接受", found(&known, "所以上面的拒绝不是别的原因"));
        Ok(())
    }

    fn doors(&self) -> Vec<Door> {
        let nodes = self.all.nodes();
        let beneath =
            |at: usize| nodes.iter().find(|node| self.all.parent(node).is_some_and(|up| up.at == at));
        let door =
            |node: &Arc<Node>| Some(Door { address: node.listen?, child: beneath(node.at)?.folder.clone() });
        nodes.iter().filter_map(door).collect()
    }
}
