//! What the store asks of the contract and of the language: one place for both.

use schema::{Kind, Schema};

/// The shown body as the database keeps it; `None` for a kind that is not known here.
pub(crate) fn body(kind: Option<&Kind>, raw: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(raw.len() * 2);
    schema::json::to_jsonb(kind?, raw, &mut out);
    Some(out)
}

/// The views that make each kind an ordinary table: name and statement.
pub(crate) fn views(schema: &Schema) -> Vec<(String, String)> {
    schema.kinds.iter().map(|kind| (kind.name.clone(), schema::views::view_sql(kind))).collect()
}

/// The one form in which texts are compared.
pub(crate) fn normalise(text: &str) -> String {
    domain::text::normalise(text)
}

/// All spellings of a search, itself first.
pub(crate) fn synonyms(text: &str) -> Vec<String> {
    domain::text::synonyms(text)
}
