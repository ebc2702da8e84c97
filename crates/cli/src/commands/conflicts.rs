//! `shuniu conflicts`.

use schema::Kind;
use wire::record::{Claim, Conflict, ConflictedRecord, ConflictsAnswer, ConflictsRequest};

use crate::catalog::Catalog;
use crate::commands::{Context, get};
use crate::exit::Exit;
use crate::json;
use crate::session::{Node, with_node};
use crate::times::{self, number};

/// Most records in one answer of a node.
const LIMIT_MAX: u32 = 1_000;
/// The field under which a deletion is settled.
const DELETED: &str = "deleted";
/// The field under which the question whom a record belongs to is settled.
const HOME: &str = "home";

#[derive(Debug, clap::Args)]
pub struct Conflicts {
    /// 类别：名称或中文；不写则看全部类别 / The kind, by name or by its Chinese label; all kinds when left out
    #[arg(default_value = "", hide_default_value = true)]
    kind: String,

    /// 只看一条记录：编号（32 位），或唯一标识，几部分之间空格 / Only one record: its id, or the parts of its natural key
    id: Vec<String>,

    /// 最多显示多少条记录 / How many records to show at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=i64::from(LIMIT_MAX)))]
    limit: u32,

    /// 跳过前面多少条 / How many to skip first
    #[arg(long, default_value_t = 0)]
    offset: u64,
}

impl Conflicts {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        with_node(&at.folder, async |node| {
            let catalog = Catalog::of(node).await;
            let kind =
                if self.kind.is_empty() { String::new() } else { catalog.kind(&self.kind)?.name.clone() };
            let request =
                ConflictsRequest { kind, id: self.id.join(" "), limit: self.limit, offset: self.offset };
            let answer = fetch(node, request).await?;
            let value = json::of("shuniu.record.v1.ConflictsAnswer", &answer)?;
            at.out.answer(|| value, || words(&catalog, &answer, self.offset))?;
            Ok(Exit::Done)
        })
        .await
    }
}

/// Asks the node what waits for a person.
pub async fn fetch(node: &Node, request: ConflictsRequest) -> anyhow::Result<ConflictsAnswer> {
    Ok(node.records().conflicts(request).await?.into_inner())
}

fn words(catalog: &Catalog, answer: &ConflictsAnswer, offset: u64) -> String {
    let open = answer.records.iter().filter(|record| !record.conflicts.is_empty());
    let mut words: Vec<String> =
        open.map(|record| of_record(catalog.schema().kind(&record.kind), record)).collect();
    words.push(summary(words.len() as u64, answer.total, offset));
    words.join("\n")
}

fn summary(shown: u64, total: u64, offset: u64) -> String {
    match shown {
        0 if total == 0 => "没有等人裁定的内容。".into(),
        0 => format!("共 {} 条记录等人裁定，第 {} 条之后没有了。", number(total), number(offset)),
        _ if shown == total => format!("共 {} 条记录等人裁定。各方的值都已保留。", number(total)),
        _ => format!(
            "共 {} 条记录等人裁定，显示第 {} 到 {} 条；其余可用 --offset 和 --limit 查看。",
            number(total),
            number(offset + 1),
            number(offset + shown)
        ),
    }
}

fn of_record(kind: Option<&Kind>, record: &ConflictedRecord) -> String {
    let label = kind.map_or(record.kind.as_str(), |kind| kind.label.as_str());
    let deleted = if record.deleted { "（已删除）" } else { "" };
    let mut words =
        format!("{label} · {}{deleted}\n编号 {}  属地 {}\n", record.title, record.id, record.home_name);
    for conflict in &record.conflicts {
        words.push_str(&of_conflict(kind, conflict));
        words.push_str(&format!(
            "    裁定：shuniu resolve {} {} {} --seen {} --keep 序号\n",
            record.kind,
            record.id,
            field(conflict),
            conflict.mark
        ));
    }
    words
}

/// How a conflict is named where it is settled.
fn field(conflict: &Conflict) -> String {
    if conflict.element.is_empty() {
        return conflict.field.clone();
    }
    format!("'{}={}'", conflict.field, conflict.element)
}

/// A conflict in words: who made what of what and when, which is shown and why.
pub fn of_conflict(kind: Option<&Kind>, conflict: &Conflict) -> String {
    let masked =
        |text: &str| kind.map_or_else(|| text.to_owned(), |kind| get::masked(kind, &conflict.field, text));
    let element = if conflict.element.is_empty() {
        String::new()
    } else {
        format!("中的“{}”", masked(&conflict.element))
    };
    let mut words = format!("  “{}”{element}\n", conflict.label);
    for claim in &conflict.claims {
        let mark = if claim.shown { "✓" } else { " " };
        let who = if claim.user.is_empty() { "（未记经办人）" } else { &claim.user };
        let when = times::instant_or(claim.saved_at_ms, "时间不详");
        words.push_str(&format!(
            "    {mark} {}  {} {who} {when} {}\n",
            claim.number,
            claim.base_name,
            said(conflict, claim, masked)
        ));
    }
    words.push_str(&format!("    {}\n", outcome(conflict)));
    words
}

fn said(conflict: &Conflict, claim: &Claim, masked: impl Fn(&str) -> String) -> String {
    if claim.edited_since {
        return format!("在删除之外又修改了“{}”", claim.text);
    }
    if conflict.field == DELETED || !conflict.element.is_empty() {
        return claim.text.clone();
    }
    let before: Vec<String> = claim
        .before
        .iter()
        .filter(|text| !text.is_empty())
        .map(|text| format!("“{}”", masked(text)))
        .collect();
    let from = if before.is_empty() { String::new() } else { format!("由{}", before.join("、")) };
    match (from.is_empty(), claim.text.is_empty()) {
        (true, true) => "清空".into(),
        (true, false) => format!("填写为“{}”", masked(&claim.text)),
        (false, true) => format!("{from}改为空"),
        (false, false) => format!("{from}改为“{}”", masked(&claim.text)),
    }
}

fn outcome(conflict: &Conflict) -> String {
    let shown = conflict.claims.iter().find(|claim| claim.shown);
    let (number, base) = shown.map_or((0, ""), |claim| (claim.number, claim.base_name.as_str()));
    let rule = &conflict.rule;
    let because = &conflict.because;
    match conflict.field.as_str() {
        DELETED => format!(
            "删除与修改互不知情：现采用第 {number} 项（{because}），修改的内容已保留；可维持删除，也可恢复。"
        ),
        HOME => format!(
            "属地有几种说法：裁定之前各方都能看到这条记录；现采用{base}的值（第 {number} 项，{because}），其余已保留。"
        ),
        _ => format!("此项按“{rule}”，现采用{base}的值（第 {number} 项，{because}）；其余的值已保留。"),
    }
}

#[cfg(test)]
mod tests {
    use schema::Schema;

    use super::*;

    fn claim(number: u32, base: &str, text: &str, shown: bool) -> Claim {
        Claim {
            number,
            text: text.into(),
            base_name: base.into(),
            user: "王芳".into(),
            saved_at_ms: 1_795_309_920_000,
            shown,
            ..Claim::default()
        }
    }

    #[test]
    fn a_conflict_in_words() {
        let first =
            Claim { before: vec!["13700007000".into()], ..claim(1, "桂园街道", "13800008000", true) };
        let conflict = Conflict {
            field: "contact_phone".into(),
            label: "联系电话".into(),
            rule: "数源优先".into(),
            because: "它由数源单位填写".into(),
            claims: vec![first, claim(2, "罗湖区", "", false)],
            ..Conflict::default()
        };
        let words = of_conflict(Schema::embedded().kind("booking"), &conflict);
        assert_eq!(
            words,
            "  “联系电话”\n    \
             ✓ 1  桂园街道 王芳 2026-11-22 09:12 由“137****7000”改为“138****8000”\n    \
             \u{20} 2  罗湖区 王芳 2026-11-22 09:12 清空\n    \
             此项按“数源优先”，现采用桂园街道的值（第 1 项，它由数源单位填写）；其余的值已保留。\n"
        );
    }

    #[test]
    fn an_edit_after_a_deletion_in_words() {
        let since = Claim { edited_since: true, ..claim(2, "桂园街道", "地址、电话", false) };
        let conflict = Conflict {
            field: DELETED.into(),
            label: "删除".into(),
            claims: vec![claim(1, "罗湖区", "已删除", true), since],
            ..Conflict::default()
        };
        let words = of_conflict(None, &conflict);
        assert!(words.contains("又修改了“地址、电话”") && words.contains("可维持删除，也可恢复"), "{words}");
    }

    #[test]
    fn how_many_wait() {
        for (shown, total, offset, words) in [
            (0, 0, 0, "没有等人裁定的内容。"),
            (2, 2, 0, "共 2 条记录等人裁定。各方的值都已保留。"),
            (50, 120, 50, "共 120 条记录等人裁定，显示第 51 到 100 条；其余可用 --offset 和 --limit 查看。"),
            (0, 3, 9, "共 3 条记录等人裁定，第 9 条之后没有了。"),
        ] {
            assert_eq!(summary(shown, total, offset), words);
        }
    }
}
