//! `shuniu put`.

use std::path::PathBuf;

use anyhow::Context as _;
use schema::{FieldType, Kind};
use serde_json::{Map, Value, json};
use wire::record::{PutAnswer, PutRequest};

use crate::catalog::{self, Catalog};
use crate::commands::{Context, get};
use crate::exit::Exit;
use crate::failure::usage;
use crate::session::{Node, with_node};
use crate::{files, hex, json};

/// Bytes of a record's id.
const ID_BYTES: usize = 16;

#[derive(Debug, clap::Args)]
pub struct Put {
    /// 类别：名称或中文 / The kind, by name or by its Chinese label
    kind: String,

    /// 先写编号或唯一标识（新建时不写），再写 字段=值，可写多个；字段用名称或中文；“字段=”表示清空 / First the id of
    /// the record, none for a new one; then FIELD=VALUE, as many as needed; FIELD= clears the field
    #[arg(value_name = "[ID] FIELD=VALUE")]
    words: Vec<String>,

    /// 从 JSON 文件读取字段和值，“-”为标准输入 / Read fields and values from a JSON file, - for standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// 以哪个基地的名义写（须由本节点代管） / Write as this base, which the node must serve
    #[arg(long = "as", value_name = "BASE", default_value = "", hide_default_value = true)]
    as_base: String,

    /// 经办人 / Who writes
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    user: String,

    /// 记录的属地 / The base that the record belongs to
    #[arg(long, value_name = "BASE", default_value = "", hide_default_value = true)]
    home: String,

    /// 向哪个基地及其下级公开，可写多次 / A base whose whole subtree may see it, may be repeated
    #[arg(long, value_name = "BASE")]
    audience: Vec<String>,

    /// 所见的版本（get 显示的十六进制数）；不写则先读取再写 / The version that was seen; read first when left out
    #[arg(long, value_name = "HEXVERSION")]
    seen: Option<String>,

    /// 删除这条记录（历史保留） / Delete the record; its history stays
    #[arg(long)]
    delete: bool,

    /// 恢复已删除的记录 / Take the deletion of the record back
    #[arg(long, conflicts_with = "delete")]
    restore: bool,

    /// 理由，例如信用代码校验不符仍要保存 / Why, for what needs a reason
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,

    /// 流程意见，与流程字段一起写 / The opinion that goes with a step of a workflow
    #[arg(long)]
    opinion: Option<String>,
}

impl Put {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        let (id, pairs) = split(&self.words)?;
        let document = self.file.as_deref().map(files::read_text).transpose()?;
        with_node(&at.folder, async |node| {
            let catalog = Catalog::of(node).await;
            let kind = catalog.kind(&self.kind)?;
            let mut fields =
                document.as_deref().map_or_else(|| Ok(Map::new()), |text| from_file(kind, text))?;
            set(kind, &mut fields, &pairs, self.opinion.as_deref())?;
            let request = self.request(at, node, kind, id, fields).await?;
            let answer = node.records().put(request).await?.into_inner();
            tell(at, kind, &answer, self.delete)
        })
        .await
    }

    async fn request(
        &self,
        at: &Context,
        node: &Node,
        kind: &Kind,
        id: String,
        fields: Map<String, Value>,
    ) -> anyhow::Result<PutRequest> {
        let is_new = id.is_empty();
        if is_new && (self.delete || self.restore || self.seen.is_some()) {
            return Err(usage(
                "--delete、--restore 和 --seen 要写明是哪条记录 / --delete, --restore and --seen need an id",
            ));
        }
        let rest = self.home.is_empty() && self.audience.is_empty();
        if fields.is_empty() && rest && !self.delete && !self.restore {
            return Err(usage("没有写要改什么 / nothing to write: no FIELD=VALUE"));
        }
        let (id, version) = if is_new { (id, Vec::new()) } else { self.target(at, node, kind, id).await? };
        Ok(PutRequest {
            kind: kind.name.clone(),
            id,
            json: Value::Object(fields).to_string(),
            version,
            as_base: self.as_base.clone(),
            user: self.user.clone(),
            home: self.home.clone(),
            audience: self.audience.clone(),
            delete: self.delete,
            restore: self.restore,
            reason: self.reason.clone(),
        })
    }

    /// The record that is meant, and its version that the writer saw: only what one saw is replaced.
    async fn target(
        &self,
        at: &Context,
        node: &Node,
        kind: &Kind,
        id: String,
    ) -> anyhow::Result<(String, Vec<u8>)> {
        let seen = self.seen.as_deref().map(version).transpose()?;
        // What is written is named by its id; a natural key has to be looked up.
        let is_id = hex::decode(&id).is_some_and(|id| id.len() == ID_BYTES);
        if let Some(seen) = seen.clone().filter(|_| is_id) {
            return Ok((id, seen));
        }
        let record = get::fetch(node, kind, &id).await?;
        if let Some(seen) = seen {
            return Ok((record.id, seen));
        }
        let version = hex::encode(&record.version);
        at.out.note(&format!("按刚读到的版本 {version} 修改“{}”。", record.title));
        Ok((record.id, record.version))
    }
}

fn version(seen: &str) -> anyhow::Result<Vec<u8>> {
    let version = hex::decode(seen).filter(|version| !version.is_empty());
    version.ok_or_else(|| usage("--seen 应是 get 显示的十六进制版本 / --seen is not a version"))
}

fn tell(at: &Context, kind: &Kind, answer: &PutAnswer, delete: bool) -> anyhow::Result<Exit> {
    let value = json::of("shuniu.record.v1.PutAnswer", answer)?;
    at.out.answer(|| value, || words(kind, answer, delete))?;
    Ok(Exit::Done)
}

fn words(kind: &Kind, answer: &PutAnswer, delete: bool) -> String {
    let done = match (answer.created, answer.changed, delete) {
        (true, _, _) => "已新建",
        (_, true, true) => "已删除（历史保留）",
        (_, true, false) => "已保存",
        (_, false, _) => "内容没有变化，未作修改",
    };
    let version = hex::encode(&answer.version);
    let mut words = format!("{}：{done}。\n编号 {}\n版本 {version}", kind.label, answer.id);
    for warning in &answer.warnings {
        words.push_str(&format!("\n请注意：{warning}"));
    }
    words
}

/// The id, from the words before the first FIELD=VALUE, and the pairs.
fn split(words: &[String]) -> anyhow::Result<(String, Vec<(&str, &str)>)> {
    let first = words.iter().position(|word| pair(word).is_some()).unwrap_or(words.len());
    let (id, pairs) = words.split_at(first);
    let no_pair = |word: &str| usage(format!("“{word}”应写成 字段=值 / not FIELD=VALUE"));
    let pairs = pairs.iter().map(|word| pair(word).ok_or_else(|| no_pair(word))).collect::<Result<_, _>>()?;
    Ok((id.join(" "), pairs))
}

fn pair(word: &str) -> Option<(&str, &str)> {
    let (at, sign) = word.char_indices().find(|(_, letter)| matches!(letter, '=' | '＝'))?;
    Some((&word[..at], &word[at + sign.len_utf8()..]))
}

/// The fields in a file, by the contract's names.
fn from_file(kind: &Kind, text: &str) -> anyhow::Result<Map<String, Value>> {
    let read =
        serde_json::from_str::<Value>(text).map_err(|error| usage(format!("--file 不是 JSON：{error}")));
    let Value::Object(object) = read? else {
        return Err(usage("--file 应是一个 JSON 对象 / --file must hold one JSON object"));
    };
    let mut fields = Map::new();
    for (word, value) in object {
        put_once(&mut fields, &catalog::field(kind, &word)?.name, value)
            .with_context(|| format!("--file：{word}"))?;
    }
    Ok(fields)
}

/// Adds what the command line says; it wins over the file.
fn set(
    kind: &Kind,
    fields: &mut Map<String, Value>,
    pairs: &[(&str, &str)],
    opinion: Option<&str>,
) -> anyhow::Result<()> {
    let mut written = Map::new();
    let mut has_step = false;
    for (word, text) in pairs {
        let field = catalog::field(kind, word)?;
        let is_step = field.ty == FieldType::Step && !text.is_empty();
        has_step |= is_step;
        let value = if is_step { step(text, opinion) } else { value(text) };
        put_once(&mut written, &field.name, value)?;
    }
    if opinion.is_some() && !has_step {
        return Err(usage("--opinion 要与流程字段一起写 / --opinion goes with a workflow field"));
    }
    fields.extend(written);
    Ok(())
}

fn put_once(fields: &mut Map<String, Value>, name: &str, value: Value) -> anyhow::Result<()> {
    match fields.insert(name.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(usage(format!("“{name}”写了两次 / the field is written twice"))),
    }
}

fn value(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

fn step(to: &str, opinion: Option<&str>) -> Value {
    match opinion {
        None => json!({ "to": to }),
        Some(opinion) => json!({ "to": to, "opinion": opinion }),
    }
}

#[cfg(test)]
mod tests {
    use schema::Schema;

    use super::*;

    fn check(kind: &str, line: &[&str], opinion: Option<&str>, expected: Value) {
        let words: Vec<String> = line.iter().map(ToString::to_string).collect();
        let (_, pairs) = split(&words).unwrap();
        let mut fields = Map::new();
        set(Schema::embedded().kind(kind).unwrap(), &mut fields, &pairs, opinion).unwrap();
        assert_eq!(Value::Object(fields), expected);
    }

    #[test]
    fn ids_and_pairs() {
        let words = |line: &str| line.split('|').map(ToOwned::to_owned).collect::<Vec<_>>();
        for (line, id, pairs) in [
            ("名称=甲", "", vec![("名称", "甲")]),
            ("53100|东城|名称=a=b|住所＝", "53100 东城", vec![("名称", "a=b"), ("住所", "")]),
            ("00ff", "00ff", vec![]),
        ] {
            assert_eq!(split(&words(line)).unwrap(), (id.to_owned(), pairs), "{line}");
        }
        assert!(split(&words("名称=甲|乙")).is_err());
    }

    #[test]
    fn values_by_name_and_label() {
        check(
            "organization",
            &["名称=甲", "uscc=5", "住所="],
            None,
            json!({"name": "甲", "uscc": "5", "address": null}),
        );
        check("booking", &["预约状态=已确认"], None, json!({"state": {"to": "已确认"}}));
        let opinion = json!({"state": {"to": "已确认", "opinion": "同意"}});
        check("booking", &["state=已确认"], Some("同意"), opinion);
    }

    #[test]
    fn what_cannot_be_meant() {
        let kind = Schema::embedded().kind("organization").unwrap();
        let refused = |pairs: &[(&str, &str)], opinion| set(kind, &mut Map::new(), pairs, opinion).is_err();
        assert!(refused(&[("名称", "甲"), ("name", "乙")], None), "twice");
        assert!(refused(&[("名称", "甲")], Some("同意")), "an opinion without a step");
        assert!(refused(&[("无此字段", "甲")], None));
        assert!(from_file(kind, "[]").is_err() && from_file(kind, "{").is_err());
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let kind = Schema::embedded().kind("organization").unwrap();
        let mut fields = from_file(kind, r#"{"名称": "甲", "capital_fen": 5}"#).unwrap();
        set(kind, &mut fields, &[("name", "乙")], None).unwrap();
        assert_eq!(Value::Object(fields), json!({"name": "乙", "capital_fen": 5}));
    }
}
