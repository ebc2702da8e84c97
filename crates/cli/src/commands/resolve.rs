//! `shuniu resolve`.

use schema::Kind;
use wire::record::resolve_request::Keep;
use wire::record::{Conflict, ConflictsRequest, ResolveAnswer, ResolveRequest};

use crate::catalog::{self, Catalog};
use crate::commands::{Context, conflicts, get};
use crate::exit::Exit;
use crate::failure::{refusal, usage};
use crate::json;
use crate::session::{Node, with_node};

/// The fields that every record has beside those of its kind, under either of their words.
const COMMON: [(&str, &str); 3] = [("home", "属地"), ("audience", "公开范围"), ("deleted", "删除")];
/// Digits of a value's number; longer ones are codes of bases.
const NUMBER_DIGITS: usize = 2;

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("choice").required(true).args(["keep", "value"])))]
pub struct Resolve {
    /// 类别：名称或中文 / The kind, by name or by its Chinese label
    kind: String,

    /// 先写编号或唯一标识，最后写字段：名称或中文，也可以是 属地、公开范围、删除；集合写 字段=元素 / First the id, last the
    /// field, by name or label, or home, audience, deleted; of a set FIELD=ELEMENT
    #[arg(value_name = "ID FIELD", required = true, num_args = 2..)]
    words: Vec<String>,

    /// 采用哪一个值：conflicts 显示的序号，或填写它的基地 / Which value stays: its number as conflicts shows it, or the
    /// base that wrote it
    #[arg(long, value_name = "NUMBER|BASE")]
    keep: Option<String>,

    /// 改用另一个值；空为清空 / Another value instead; empty clears the field
    #[arg(long, value_name = "TEXT")]
    value: Option<String>,

    /// 所见各方的值（conflicts 显示的核对码）；不写则先读取再裁定 / The mark of the values that were seen, as conflicts
    /// shows it; read first when left out
    #[arg(long, value_name = "MARK")]
    seen: Option<String>,

    /// 以哪个基地的名义裁定（须由本节点代管） / Decide as this base, which the node must serve
    #[arg(long = "as", value_name = "BASE", default_value = "", hide_default_value = true)]
    as_base: String,

    /// 经办人 / Who decides
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    user: String,

    /// 裁定的理由，记在本机的处理记录里 / Why; kept in this node's list of decisions
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
}

impl Resolve {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        with_node(&at.folder, async |node| {
            let catalog = Catalog::of(node).await;
            let kind = catalog.kind(&self.kind)?;
            let request = self.request(at, node, kind).await?;
            let answer = node.records().resolve(request).await?.into_inner();
            let value = json::of("shuniu.record.v1.ResolveAnswer", &answer)?;
            at.out.answer(|| value, || words(kind, &answer))?;
            Ok(Exit::Done)
        })
        .await
    }

    async fn request(&self, at: &Context, node: &Node, kind: &Kind) -> anyhow::Result<ResolveRequest> {
        let (field, id) = self.words.split_last().ok_or_else(|| usage("没有写字段 / no field"))?;
        let (id, field) = (id.join(" "), named(kind, field)?);
        let mark = match &self.seen {
            Some(mark) => mark.clone(),
            None => look(at, node, kind, &id, &field).await?,
        };
        Ok(ResolveRequest {
            kind: kind.name.clone(),
            id,
            field,
            mark,
            keep: choice(self.keep.as_deref(), self.value.as_deref()),
            as_base: self.as_base.clone(),
            user: self.user.clone(),
            reason: self.reason.clone(),
        })
    }
}

fn choice(keep: Option<&str>, value: Option<&str>) -> Option<Keep> {
    let number = |words: &str| words.parse().ok().filter(|_| words.len() <= NUMBER_DIGITS);
    match (keep, value) {
        (Some(words), _) => Some(number(words).map_or_else(|| Keep::Base(words.to_owned()), Keep::Number)),
        (None, Some(text)) => Some(Keep::Value(text.to_owned())),
        (None, None) => None,
    }
}

/// The field by the contract's name, with the element of a set after it.
fn named(kind: &Kind, word: &str) -> anyhow::Result<String> {
    let (field, element) =
        word.split_once('=').map_or((word, None), |(field, element)| (field, Some(element)));
    let common = COMMON.iter().find(|(name, label)| [*name, *label].contains(&field.trim()));
    let name = match common {
        Some((name, _)) => (*name).to_owned(),
        None => catalog::field(kind, field)?.name.clone(),
    };
    Ok(element.map_or_else(|| name.clone(), |element| format!("{name}={element}")))
}

/// Reads what is to be decided, and shows it: only what one saw is settled.
async fn look(at: &Context, node: &Node, kind: &Kind, id: &str, field: &str) -> anyhow::Result<String> {
    let request = ConflictsRequest { kind: kind.name.clone(), id: id.to_owned(), ..Default::default() };
    let answer = conflicts::fetch(node, request).await?;
    let all = answer.records.into_iter().flat_map(|record| record.conflicts);
    let is_meant = |c: &Conflict| c.field == field || format!("{}={}", c.field, c.element) == field;
    let conflict = all.into_iter().find(is_meant).ok_or_else(|| {
        refusal("conflict", "这一项没有并存的值（也许已有人裁定），没有改动 / nothing to settle here")
    })?;
    at.out.note(&format!("裁定刚读到的各方的值：\n{}", conflicts::of_conflict(Some(kind), &conflict)));
    Ok(conflict.mark)
}

fn words(kind: &Kind, answer: &ResolveAnswer) -> String {
    let field = kind.fields.iter().find(|field| field.label == answer.label);
    let text =
        field.map_or_else(|| answer.text.clone(), |field| get::masked(kind, &field.name, &answer.text));
    let text = if text.is_empty() { "（空）".to_owned() } else { format!("“{text}”") };
    let mut words = format!(
        "已裁定：“{}”定为{text}，原有 {} 个值都留在历史中；随下次同步告知各基地。",
        answer.label, answer.settled
    );
    for warning in &answer.warnings {
        words.push_str(&format!("\n请注意：{warning}"));
    }
    words
}

#[cfg(test)]
mod tests {
    use schema::Schema;

    use super::*;

    #[test]
    fn numbers_bases_and_values() {
        for (keep, value, expected) in [
            (Some("2"), None, Keep::Number(2)),
            (Some("440303"), None, Keep::Base("440303".into())),
            (Some("桂园街道"), None, Keep::Base("桂园街道".into())),
            (None, Some(""), Keep::Value(String::new())),
        ] {
            assert_eq!(choice(keep, value), Some(expected));
        }
    }

    #[test]
    fn fields_by_name_and_label() {
        let kind = Schema::embedded().kind("organization").unwrap();
        for (word, name) in [("名称", "name"), ("删除", "deleted"), ("home", "home"), ("name=甲", "name=甲")]
        {
            assert_eq!(named(kind, word).unwrap(), name);
        }
        assert!(named(kind, "无此字段").is_err());
    }

    #[test]
    fn a_decision_in_words() {
        let kind = Schema::embedded().kind("booking").unwrap();
        let field = kind.field_named("contact_phone").unwrap();
        let answer = ResolveAnswer {
            label: field.label.clone(),
            text: "13800008000".into(),
            settled: 2,
            ..Default::default()
        };
        let words = words(kind, &answer);
        assert!(words.contains("定为“138****8000”，原有 2 个值都留在历史中"), "{words}");
    }
}
