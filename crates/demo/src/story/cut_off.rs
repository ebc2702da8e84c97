//! Chapter 5: the cable between a street and the node above it is cut, and both edit one profile.

use std::sync::Arc;

use serde_json::Value;

use crate::checker::{Book, Finding};
use crate::error::DemoError;
use crate::node::Node;
use crate::story::Tale;

/// What both ends change.
const KIND: &str = "organization_profile";
const LOWER: &str = "街道核实：测试路 8 号 2 楼";
const UPPER: &str = "上级核实：测试路 18 号";

impl Tale {
    pub(super) async fn cut_off(&mut self) -> Result<(), DemoError> {
        let street = self.all.cut_off().clone();
        let above = self.all.parent(&street).cloned().unwrap_or_else(|| self.all.city().clone());
        self.voice.chapter(&format!("网线断开：{}和{}改同一份档案", street.name, above.name));
        let home = self.all.ids[street.at].clone();
        let id =
            self.book(&street).await?.of_kind(KIND).find(|row| row.home == home).map(|row| row.id.clone());
        let id = id.unwrap_or_default();
        self.cut(&street).await?;
        self.voice.says("先改不同的字段：街道改志愿者数，上级改专职人员数。");
        self.edit(&street, &id, "volunteers=25").await?;
        self.edit(&above, &id, "staff=6").await?;
        self.check_apart(&street, &above, &id, &[("volunteers", 25, 10), ("staff", 3, 6)]).await?;
        self.mend(&street, &above).await?;
        self.check_joined(&id).await?;
        self.cut(&street).await?;
        self.voice.says("再改同一个字段：两边各改“实际办公地址”（规则：数源优先，以街道的为准）。");
        self.edit(&street, &id, &format!("office={LOWER}")).await?;
        self.edit(&above, &id, &format!("office={UPPER}")).await?;
        self.look_apart(&street, &above, &id).await?;
        self.mend(&street, &above).await?;
        self.check_both_kept(&[&street, &above], &id).await
    }

    async fn edit(&self, node: &Node, id: &str, words: &str) -> Result<(), DemoError> {
        self.does(node, &["put", KIND, id, words, "--user", "测试员"]).await.map(drop)
    }

    async fn cut(&mut self, street: &Node) -> Result<(), DemoError> {
        self.all.cable.cut();
        self.voice.says(&format!("拔掉{}的网线。", street.name));
        let tried = street.run(&["sync"]).await?;
        self.voice.ran(&tried.line);
        let code = tried.value["error"]["code"].as_str().unwrap_or("—").to_owned();
        let words = tried.value["error"]["message"].as_str().unwrap_or_default();
        self.voice.sees(&street.name, words);
        let detail = format!("退出码 {}（{code}）", tried.exit);
        self.voice
            .check("断网时同步如实失败", Finding::new(tried.exit == 7 && code == "unreachable", detail));
        Ok(())
    }

    /// Each end has its own value and not the other's.
    async fn check_apart(
        &mut self,
        street: &Arc<Node>,
        above: &Arc<Node>,
        id: &str,
        fields: &[(&str, u64, u64)],
    ) -> Result<(), DemoError> {
        let (lower, upper) = (self.book(street).await?, self.book(above).await?);
        let mut faults = Vec::new();
        for (field, at_street, at_above) in fields {
            let (low, high) = (value(&lower, id, field), value(&upper, id, field));
            self.voice.says(&format!("{field}：{}库中 {low}，{}库中 {high}", street.name, above.name));
            if (low.as_u64(), high.as_u64()) != (Some(*at_street), Some(*at_above)) {
                faults.push(format!("{field} 应为 {at_street} 和 {at_above}"));
            }
        }
        self.voice
            .check("断网时两边各见自己的修改", Finding::none_of(&faults, "两个库中的值不同，各是自己的"));
        Ok(())
    }

    async fn look_apart(&mut self, street: &Arc<Node>, above: &Arc<Node>, id: &str) -> Result<(), DemoError> {
        let mut faults = Vec::new();
        for (node, due) in [(street, LOWER), (above, UPPER)] {
            let seen = self.does(node, &["get", KIND, id]).await?;
            let office = seen.value["fields"]["office"].as_str().unwrap_or_default();
            self.voice.sees(&node.name, office);
            let disputed = seen.list("disputed")?.len();
            if office != due || disputed != 0 {
                faults.push(format!("{}看到“{office}”，并存 {disputed} 项", node.name));
            }
        }
        self.voice.check("断网时两边各见自己的地址", Finding::none_of(&faults, "各见各的，还没有冲突"));
        Ok(())
    }

    async fn mend(&mut self, street: &Node, above: &Node) -> Result<(), DemoError> {
        self.all.cable.heal();
        self.voice.says("接好网线，再同步。");
        self.does(street, &["sync"]).await?;
        if self.all.parent(above).is_some() {
            self.does(above, &["sync"]).await?;
        }
        Ok(())
    }

    /// Everybody who may see the profile has it, in equal bytes.
    async fn holders(&self, id: &str) -> Result<Vec<Book>, DemoError> {
        let books = self.books().await?;
        let row = books.iter().find_map(|book| book.rows.get(id)).cloned().unwrap_or_default();
        let tree = books[0].tree.clone();
        Ok(books.into_iter().filter(|book| tree.may_see(&book.base, &row.homes, &row.audience)).collect())
    }

    async fn check_joined(&mut self, id: &str) -> Result<(), DemoError> {
        let holders = self.holders(id).await?;
        let mut faults = unequal(&holders, id);
        for book in &holders {
            let (volunteers, staff) = (value(book, id, "volunteers"), value(book, id, "staff"));
            let alternatives = book.rows.get(id).map_or(-1, |row| row.alternatives);
            if (volunteers.as_u64(), staff.as_u64(), alternatives) != (Some(25), Some(6), 0) {
                faults
                    .push(format!("{}：志愿者 {volunteers}，专职 {staff}，并存 {alternatives}", book.name()));
            }
        }
        let detail = format!("{} 个节点都是志愿者 25、专职 6，没有并存值，字节相同", holders.len());
        self.voice.check("不同字段的修改自动合并", Finding::none_of(&faults, detail));
        Ok(())
    }

    async fn check_both_kept(&mut self, nodes: &[&Arc<Node>], id: &str) -> Result<(), DemoError> {
        let holders = self.holders(id).await?;
        let mut faults = unequal(&holders, id);
        for book in &holders {
            let Some(row) = book.rows.get(id) else { continue };
            // The bytes that travel hold texts as they are: no decoder of the engine is needed to find them.
            let kept = [LOWER, UPPER].iter().all(|text| holds(&row.state, text.as_bytes()));
            if !kept || row.alternatives != 1 || row.body["office"] != LOWER {
                let shown = &row.body["office"];
                faults.push(format!(
                    "{}：显示 {shown}，并存 {}，两值都在：{kept}",
                    book.name(),
                    row.alternatives
                ));
            }
        }
        let detail = format!("{} 个节点都显示街道的值，上级的值都还在，字节相同", holders.len());
        self.voice.check("同一字段：两个值都保留，各处显示同一个", Finding::none_of(&faults, detail));
        let mut faults = Vec::new();
        for node in nodes {
            let seen = self.does(node, &["get", KIND, id]).await?;
            let told = alternatives(&seen.value);
            self.voice.sees(&node.name, &told.join("；"));
            let both = told.len() == 2
                && [LOWER, UPPER].iter().all(|text| told.iter().any(|told| told.contains(text)));
            if !both || seen.value["fields"]["office"] != LOWER {
                faults.push(node.name.clone());
            }
        }
        self.voice.check("两边都看得到谁写了什么", Finding::none_of(&faults, "街道和上级的命令都列出两个值"));
        Ok(())
    }
}

/// The concurrent values that an answer lists: who wrote what.
fn alternatives(record: &Value) -> Vec<String> {
    let disputed = record["disputed"].as_array().into_iter().flatten();
    let values = disputed.flat_map(|dispute| dispute["values"].as_array().into_iter().flatten());
    let one = |value: &Value| {
        let shown = if value["shown"] == true { "显示" } else { "保留" };
        Some(format!("{shown}“{}”（{}）", value["text"].as_str()?, value["base_name"].as_str()?))
    };
    values.filter_map(one).collect()
}

fn value<'b>(book: &'b Book, id: &str, field: &str) -> &'b Value {
    book.rows.get(id).map_or(&Value::Null, |row| &row.body[field])
}

/// Which of the holders lack the record or have other bytes than the first.
fn unequal(holders: &[Book], id: &str) -> Vec<String> {
    let first = holders.first().and_then(|book| book.rows.get(id)).map(|row| &row.state);
    let differs = |book: &&Book| first.is_none() || book.rows.get(id).map(|row| &row.state) != first;
    let mut faults: Vec<String> =
        holders.iter().filter(differs).map(|book| format!("{}的副本不同", book.name())).collect();
    if holders.len() < 2 {
        faults.push("没有两份副本可比".into());
    }
    faults
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
