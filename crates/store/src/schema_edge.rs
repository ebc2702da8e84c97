//! What the store asks of the contract and of the language: one place for both.

use schema::{Kind, Schema};

/// The shown body as the database keeps it; `None` for a kind that is not known here.
pub(crate) fn body(kind: Option<&Kind>, raw: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 2);
    schema::json::to_jsonb(kind?, raw, &mut out);
    Some(out)
}

/// The views that make each kind an ordinary table: name and statement.
pub(crate) fn views(schema: &Schema) -> Vec<(String, String)> {
    schema.kinds.iter().map(|kind| (kind.name.clone(), schema::views::view_sql(kind))).collect()
}

/// Pairs of neighbouring characters.
pub(crate) fn search_grams(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars.windows(2).map(|pair| pair.iter().collect()).collect()
}

/// Other wordings of a search.
pub(crate) fn synonyms(_text: &str) -> Vec<String> {
    Vec::new()
}
