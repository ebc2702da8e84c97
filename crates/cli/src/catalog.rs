//! Kinds and fields by the words that people use for them: their names, or their Chinese labels.

use std::borrow::Cow;

use schema::{Column, Field, Kind, Schema};
use wire::record::{DescribeSchemaRequest, Filter};

use crate::condition::Condition;
use crate::failure::usage;
use crate::session::Node;

/// Words for what every record has, beside its fields: of the contract, and Chinese.
pub const COMMON: [(&str, &str); 6] = [
    ("base", "基地"),
    ("place", "地点"),
    ("class", "类型"),
    ("state", "状态"),
    ("title", "标题"),
    ("changed", "更改时间"),
];

/// The kinds that the node knows.
pub struct Catalog {
    schema: Cow<'static, Schema>,
}

impl Catalog {
    /// The kinds that this program was built with.
    pub fn embedded() -> Catalog {
        Catalog { schema: Cow::Borrowed(Schema::embedded()) }
    }

    /// The kinds of the node, which may know more fields than this program when its parent is newer.
    ///
    /// A node that cannot tell leaves what this program was built with: the call that follows shows its failure.
    pub async fn of(node: &Node) -> Catalog {
        let answer = node.records().describe_schema(DescribeSchemaRequest::default()).await;
        let described =
            answer.ok().and_then(|answer| Schema::from_descriptors(&answer.get_ref().descriptors).ok());
        described.map_or_else(Catalog::embedded, |schema| Catalog { schema: Cow::Owned(schema) })
    }

    /// The whole schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The kind with this name or label.
    ///
    /// # Errors
    /// A sentence that lists the kinds.
    pub fn kind(&self, word: &str) -> anyhow::Result<&Kind> {
        let word = word.trim();
        let labelled = || self.schema.kinds.iter().find(|kind| kind.label == word);
        self.schema.kind(word).or_else(labelled).ok_or_else(|| {
            let known: Vec<String> =
                self.schema.kinds.iter().map(|kind| format!("{}({})", kind.label, kind.name)).collect();
            usage(format!("没有“{word}”这个类别，可用的有：{} / unknown kind", known.join("、")))
        })
    }
}

/// The field of a kind with this name, label or other heading.
pub fn field<'k>(kind: &'k Kind, word: &str) -> anyhow::Result<&'k Field> {
    find(&kind.fields, word).ok_or_else(|| unknown_field(kind, word))
}

/// The contract's name for a word in a condition, an order or a figure: a field, a part of a group
/// (`评估等级.等级`), or one of [`COMMON`].
pub fn name_of(kind: &Kind, word: &str) -> anyhow::Result<String> {
    let word = word.trim();
    let named = path(&kind.fields, word).or_else(|| common(word).map(Into::into));
    named.ok_or_else(|| unknown_field(kind, word))
}

/// The label of a name that [`name_of`] gave.
pub fn label_of(kind: &Kind, name: &str) -> String {
    let (field, part) = name.split_once('.').map_or((name, None), |(field, part)| (field, Some(part)));
    let Some(field) = kind.field_named(field) else {
        return COMMON.iter().find(|(word, _)| *word == name).map_or(name, |(_, label)| label).to_owned();
    };
    let part = part.and_then(|name| field.parts().iter().find(|part| part.name == name));
    part.map_or_else(|| field.label.clone(), |part| format!("{}.{}", field.label, part.label))
}

/// Conditions with their fields by the contract's names.
pub fn filters(kind: &Kind, conditions: &[Condition]) -> anyhow::Result<Vec<Filter>> {
    let filter = |condition: &Condition| {
        let (field, value) = (filtered(kind, &condition.field)?, condition.value.clone());
        Ok(Filter { field, comparison: condition.comparison.into(), value })
    };
    conditions.iter().map(filter).collect()
}

/// The field that a condition is about: a field, a part of a group, or the one that a word of [`COMMON`] stands for.
fn filtered(kind: &Kind, word: &str) -> anyhow::Result<String> {
    let column = || match common(word.trim())? {
        "title" => kind.column(Column::Title),
        "place" => kind.column(Column::Place),
        "class" => kind.column(Column::Class),
        "state" => kind.column(Column::State),
        _ => None,
    };
    let named = path(&kind.fields, word).or_else(|| column().map(|field| field.name.clone()));
    named.ok_or_else(|| unknown_field(kind, word))
}

fn path(fields: &[Field], word: &str) -> Option<String> {
    if let Some(field) = find(fields, word) {
        return Some(field.name.clone());
    }
    let (group, part) = word.split_once('.')?;
    let group = find(fields, group)?;
    Some(format!("{}.{}", group.name, path(group.parts(), part)?))
}

fn find<'k>(fields: &'k [Field], word: &str) -> Option<&'k Field> {
    let word = word.trim();
    let by = |is: fn(&Field, &str) -> bool| fields.iter().find(|field| is(field, word));
    by(|field, word| field.name == word)
        .or_else(|| by(|field, word| same(&field.label, word)))
        .or_else(|| by(|field, word| field.aliases.iter().any(|alias| same(alias, word))))
}

/// Whether two labels are the same but for the width of their brackets.
fn same(label: &str, word: &str) -> bool {
    let narrow = |letter| match letter {
        '（' => '(',
        '）' => ')',
        other => other,
    };
    label.chars().map(narrow).eq(word.chars().map(narrow))
}

fn common(word: &str) -> Option<&'static str> {
    COMMON.iter().find(|(name, label)| *name == word || *label == word).map(|(name, _)| *name)
}

fn unknown_field(kind: &Kind, word: &str) -> anyhow::Error {
    let known: Vec<String> =
        kind.fields.iter().map(|field| format!("{}({})", field.label, field.name)).collect();
    usage(format!("“{}”没有“{word}”这个字段，可用的有：{} / unknown field", kind.label, known.join("、")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn organization() -> &'static Kind {
        Schema::embedded().kind("organization").unwrap()
    }

    #[test]
    fn kinds_by_name_and_label() {
        let catalog = Catalog::embedded();
        for word in ["organization", "社会组织", " 社会组织 "] {
            assert_eq!(catalog.kind(word).unwrap().name, "organization", "{word}");
        }
        let refused = catalog.kind("组织").unwrap_err().to_string();
        assert!(refused.contains("社会组织(organization)"), "{refused}");
    }

    #[test]
    fn fields_by_name_label_and_part() {
        for (word, name, label) in [
            ("name", "name", "名称"),
            ("名称", "name", "名称"),
            ("单位名称", "name", "名称"),
            ("注册资金（元）", "capital_fen", "注册资金(元)"),
            ("评估等级.等级", "rating.grade", "评估等级.等级"),
            ("rating.grade", "rating.grade", "评估等级.等级"),
            ("状态", "status", "状态"),
            ("基地", "base", "基地"),
            ("changed", "changed", "更改时间"),
        ] {
            assert_eq!(name_of(organization(), word).unwrap(), name, "{word}");
            assert_eq!(label_of(organization(), name), label);
        }
        for wrong in ["名称.名称", "评估等级.", "无此字段", ""] {
            assert!(name_of(organization(), wrong).is_err(), "{wrong}");
        }
        assert!(field(organization(), "基地").is_err());
    }

    #[test]
    fn conditions_are_about_fields() {
        for (word, name) in
            [("标题", "name"), ("state", "status"), ("名称", "name"), ("rating.grade", "rating.grade")]
        {
            assert_eq!(filtered(organization(), word).unwrap(), name, "{word}");
        }
        for wrong in ["基地", "changed", "无此字段"] {
            assert!(filtered(organization(), wrong).is_err(), "{wrong}");
        }
    }
}
