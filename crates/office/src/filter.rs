//! What lists and figures are narrowed to, as people ask for it.

use causal::BaseId;
use schema::{Field, Kind, json, text};
use serde_json::Value;
use store::{Engine, GroupBy, Op, OrderBy};

use crate::{Office, OfficeError};

/// A question about records of one kind.
#[derive(Debug, Clone, Default)]
pub struct Filtering {
    /// Short name of the kind.
    pub kind: String,
    /// Search words; empty for none.
    pub text: String,
    /// Field (name or label), comparison, value as people write it.
    pub fields: Vec<(String, Op, String)>,
    /// Only of this base: id, code or name; empty for all.
    pub home: String,
    /// Of that base's whole subtree.
    pub below: bool,
    /// Deleted ones too.
    pub deleted: bool,
    /// Only those with alternatives.
    pub disputed: bool,
    /// Field, or `title`, `place`, `state`, `class`, `changed`; with a leading `-` descending.
    pub order: String,
    /// How many; 0 stands for 50.
    pub limit: u32,
    /// How many to pass over.
    pub offset: u32,
}

const LIMIT_DEFAULT: u32 = 50;

pub(crate) fn field<'k>(kind: &'k Kind, words: &str) -> Result<&'k Field, OfficeError> {
    let found = kind.fields.iter().find(|f| f.name == words || f.label == words);
    let fault =
        || OfficeError::Invalid { faults: vec![format!("“{}”没有“{words}”这一项", kind.label)] };
    found.ok_or_else(fault)
}

/// A value as the stored body holds it: people write labels, the body holds names and numbers.
fn stored(kind: &Kind, field: &Field, op: Op, value: &str) -> Result<String, OfficeError> {
    // The store takes a workflow's states by name or label itself.
    if matches!(op, Op::Contains | Op::Empty) || field.workflow.is_some() || value.is_empty() {
        return Ok(value.to_owned());
    }
    let bad = |bad: text::BadValue| OfficeError::Invalid { faults: vec![format!("{}:{bad}", field.label)] };
    let raw = text::parse_text(field, value).map_err(bad)?;
    let shown = json::to_json(kind, &raw).remove(&field.name);
    Ok(match shown {
        Some(Value::String(text)) => text,
        Some(Value::Array(mut one)) if one.len() == 1 => match one.remove(0) {
            Value::String(text) => text,
            other => other.to_string(),
        },
        Some(Value::Bool(flag)) => if flag { "1" } else { "0" }.into(),
        Some(other) => other.to_string(),
        None => String::new(),
    })
}

impl<E: Engine> Office<E> {
    pub(crate) fn homes(&self, filtering: &Filtering) -> Result<Option<Vec<BaseId>>, OfficeError> {
        if filtering.home.is_empty() {
            return Ok(None);
        }
        let base = self.resolve_base(&filtering.home)?;
        Ok(Some(if filtering.below { self.tree().subtree(base) } else { vec![base] }))
    }

    pub(crate) fn conditions(&self, filtering: &Filtering) -> Result<Vec<(String, Op, String)>, OfficeError> {
        let kind = self.kind(&filtering.kind)?;
        let one = |(name, op, value): &(String, Op, String)| {
            let field = field(kind, name)?;
            Ok((field.name.clone(), *op, stored(kind, field, *op, value)?))
        };
        filtering.fields.iter().map(one).collect()
    }

    pub(crate) fn query(&self, filtering: &Filtering) -> Result<store::Query, OfficeError> {
        let kind = self.kind(&filtering.kind)?;
        let text = filtering.text.trim();
        Ok(store::Query {
            kind: kind.name.clone(),
            homes: self.homes(filtering)?,
            text: (!text.is_empty()).then(|| text.to_owned()),
            fields: self.conditions(filtering)?,
            deleted: filtering.deleted,
            disputed_only: filtering.disputed,
            order: order(kind, &filtering.order)?,
            limit: if filtering.limit == 0 { LIMIT_DEFAULT } else { filtering.limit.min(store::LIMIT_MAX) },
            offset: filtering.offset,
            ..store::Query::default()
        })
    }
}

fn order(kind: &Kind, words: &str) -> Result<Vec<(OrderBy, bool)>, OfficeError> {
    let (words, descending) = words.strip_prefix('-').map_or((words, false), |rest| (rest, true));
    let by = match words {
        "" => return Ok(Vec::new()),
        "title" => OrderBy::Title,
        "place" => OrderBy::Place,
        "state" => OrderBy::State,
        "class" => OrderBy::Class,
        "changed" => OrderBy::Seq,
        other => OrderBy::Field(field(kind, other)?.name.clone()),
    };
    Ok(vec![(by, descending)])
}

/// What one breakdown of a figure is called by people, and how the store groups it; `None` for the base itself.
pub(crate) fn group(kind: &Kind, words: &str) -> Result<Option<GroupBy>, OfficeError> {
    let of_column = |column| kind.column(column).map(|f| f.name.as_str());
    Ok(Some(match words {
        "base" | "基地" => return Ok(None),
        "place" => GroupBy::Place,
        "class" => GroupBy::Class,
        "state" => GroupBy::State,
        other => {
            let name = field(kind, other)?.name.clone();
            match name.as_str() {
                n if of_column(schema::Column::Class) == Some(n) => GroupBy::Class,
                n if of_column(schema::Column::State) == Some(n) => GroupBy::State,
                n if of_column(schema::Column::Place) == Some(n) => GroupBy::Place,
                _ => GroupBy::Field(name),
            }
        }
    }))
}
