//! The values of a record as people read them: labels of enums, yuan, names instead of ids, personal data masked.

use std::collections::BTreeMap;

use schema::text::{mask, show_text};
use schema::{Field, Format, Kind, Privacy, raw};
use wire::record::GetRequest;

use crate::session::Node;

/// What stands between the values of a set, see [`show_text`].
const SEPARATOR: &str = "、";

/// Titles of records that others point to, each asked for once.
pub struct Titles<'n> {
    node: &'n Node,
    registry: Option<String>,
    known: BTreeMap<(String, String), Option<String>>,
}

impl<'n> Titles<'n> {
    /// An empty store of titles; `registry` is the kind of the bases.
    pub fn new(node: &'n Node, registry: Option<&Kind>) -> Titles<'n> {
        Titles { node, registry: registry.map(|kind| kind.name.clone()), known: BTreeMap::new() }
    }

    /// The value of a field in a record's message; empty when there is none.
    pub async fn cell(&mut self, field: &Field, message: &[u8]) -> String {
        let text = shown(field, &raw_of(field, message));
        let kind = match field.format {
            Format::Base => self.registry.clone(),
            Format::Record => field.reference.clone(),
            _ => None,
        };
        match kind {
            Some(kind) if !text.is_empty() => self.names(&kind, &text).await,
            _ => text,
        }
    }

    async fn names(&mut self, kind: &str, ids: &str) -> String {
        let mut names = Vec::new();
        for id in ids.split(SEPARATOR) {
            let title = self.title(kind, id).await;
            names.push(title.unwrap_or_else(|| id.to_owned()));
        }
        names.join(SEPARATOR)
    }

    /// The title of a record; none when this node does not hold it.
    async fn title(&mut self, kind: &str, id: &str) -> Option<String> {
        let key = (kind.to_owned(), id.to_owned());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let request = GetRequest { kind: kind.to_owned(), id: id.to_owned() };
        let answer = self.node.records().get(request).await;
        let title = answer.ok().map(|answer| answer.into_inner().title).filter(|title| !title.is_empty());
        self.known.insert(key, title.clone());
        title
    }
}

/// A raw field as it may be shown without a logged reason.
pub fn shown(field: &Field, raw: &[u8]) -> String {
    let personal = |part: &Field| part.privacy == Privacy::Personal;
    if !field.parts().iter().any(personal) {
        return mask(field, &show_text(field, raw));
    }
    let groups = raw::fields(raw).filter_map(Result::ok).filter_map(|found| match found.value {
        raw::Value::Bytes(body) => Some(masked_group(field, body)),
        _ => None,
    });
    groups.collect::<Vec<_>>().join(SEPARATOR)
}

fn masked_group(field: &Field, body: &[u8]) -> String {
    let parts = field.parts().iter().filter_map(|part| {
        let text = shown(part, &raw_of(part, body));
        (!text.is_empty()).then(|| format!("{}：{text}", part.label))
    });
    parts.collect::<Vec<_>>().join("；")
}

fn raw_of(field: &Field, message: &[u8]) -> Vec<u8> {
    let own = raw::fields(message).filter_map(Result::ok).filter(|found| found.number == field.number);
    own.flat_map(|found| found.raw).copied().collect()
}

#[cfg(test)]
mod tests {
    use schema::Schema;
    use schema::text::parse_text;

    use super::*;

    fn check(kind: &str, field: &str, text: &str, expected: &str) {
        let kind = Schema::embedded().kind(kind).unwrap();
        let field = kind.field_named(field).unwrap();
        let raw = parse_text(field, text).unwrap();
        assert_eq!(shown(field, &raw_of(field, &raw)), expected);
    }

    #[test]
    fn personal_data_is_masked() {
        check("booking", "contact_phone", "13800008000", "138****8000");
        check("organization", "name", "深圳市审计学会", "深圳市审计学会");
        check("organization", "status", "normal", "正常");
    }

    #[test]
    fn parts_of_a_group_are_masked_one_by_one() {
        let kind = Schema::embedded().kind("organization").unwrap();
        let mut rating = kind.field_named("rating").unwrap().clone();
        let schema::FieldType::Message(parts) = &mut rating.ty else { panic!("a group") };
        parts[1].privacy = Privacy::Personal;
        let value = serde_json::json!({ "grade": "3A", "awarded_by": "李小明" });
        let raw = schema::text::parse_json(&rating, &value).unwrap();
        assert_eq!(shown(&rating, &raw), "等级：3A；评定机关：李*");
    }
}
