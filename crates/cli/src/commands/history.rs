//! `shuniu history`.

use schema::Kind;
use wire::record::{Edit, EditedField, HistoryRequest};

use crate::catalog::Catalog;
use crate::commands::{Context, get};
use crate::exit::Exit;
use crate::session::with_node;
use crate::{json, times};

#[derive(Debug, clap::Args)]
pub struct History {
    /// 类别：名称或中文 / The kind, by name or by its Chinese label
    kind: String,

    /// 编号（32 位），或统一社会信用代码等唯一标识，几部分之间空格 / The id, or the parts of the natural key
    #[arg(required = true)]
    id: Vec<String>,
}

impl History {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        with_node(&at.folder, async |node| {
            let catalog = Catalog::of(node).await;
            let kind = catalog.kind(&self.kind)?;
            let request = HistoryRequest { kind: kind.name.clone(), id: self.id.join(" ") };
            let answer = node.records().history(request).await?.into_inner();
            let value = json::of("shuniu.record.v1.HistoryAnswer", &answer)?;
            at.out.answer(|| value, || words(kind, &answer.edits))?;
            Ok(Exit::Done)
        })
        .await
    }
}

fn words(kind: &Kind, edits: &[Edit]) -> String {
    if edits.is_empty() {
        return "还没有修改的历史。".into();
    }
    edits.iter().map(|edit| one(kind, edit)).collect::<Vec<_>>().join("\n")
}

fn one(kind: &Kind, edit: &Edit) -> String {
    let at = times::instant_or(edit.saved_at_ms, "时间不详");
    let user = if edit.user.is_empty() { "（未记经办人）" } else { &edit.user };
    let mut words = format!("{at}  {}  {user}\n", edit.base_name);
    for field in &edit.fields {
        words.push_str(&format!("    {}\n", change(kind, field)));
    }
    words
}

fn change(kind: &Kind, field: &EditedField) -> String {
    let quoted = |text: &String| format!("“{}”", get::masked(kind, &field.field, text));
    let (label, after) = (&field.label, quoted(&field.after));
    let before: Vec<String> = field.before.iter().filter(|text| !text.is_empty()).map(quoted).collect();
    let words = match (before.as_slice(), field.after.is_empty()) {
        ([], true) => format!("清空“{label}”"),
        ([], false) => format!("填写“{label}”为{after}"),
        ([one], true) => format!("清空“{label}”，原为{one}"),
        ([one], false) => format!("把“{label}”从{one}改为{after}"),
        (many, true) => format!("清空“{label}”，原有并存的{}", many.join("、")),
        (many, false) => format!("把“{label}”并存的{}定为{after}", many.join("、")),
    };
    if field.current { words } else { words + "（后来又改了）" }
}

#[cfg(test)]
mod tests {
    use schema::Schema;

    use super::*;

    fn check(field: &str, before: &[&str], after: &str, current: bool, expected: &str) {
        let kind = Schema::embedded().kind("booking").unwrap();
        let edited = EditedField {
            field: field.into(),
            label: kind.field_named(field).map_or_else(String::new, |field| field.label.clone()),
            before: before.iter().map(ToString::to_string).collect(),
            after: after.into(),
            current,
        };
        assert_eq!(change(kind, &edited), expected);
    }

    #[test]
    fn changes_in_words() {
        check("title", &[], "例会", true, "填写“用途”为“例会”");
        check("title", &["例会"], "年会", true, "把“用途”从“例会”改为“年会”");
        check("title", &["例会"], "", true, "清空“用途”，原为“例会”");
        check("title", &["a", "b"], "c", false, "把“用途”并存的“a”、“b”定为“c”（后来又改了）");
        check("contact_phone", &["13800008000"], "", true, "清空“联系电话”，原为“138****8000”");
    }

    #[test]
    fn who_and_when() {
        let edit =
            Edit { saved_at_ms: 1_795_309_920_000, base_name: "东城街道".into(), ..Default::default() };
        let kind = Schema::embedded().kind("booking").unwrap();
        assert_eq!(words(kind, &[edit]), "2026-11-22 09:12  东城街道  （未记经办人）\n");
        assert_eq!(words(kind, &[]), "还没有修改的历史。");
    }
}
