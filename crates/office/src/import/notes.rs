//! What cleaning did, counted.

use std::collections::BTreeMap;

use domain::clean::Note;
use schema::Field;

/// Different notes that are counted apart; a report of more is not read.
const NOTES_MAX: usize = 200;
/// Under what the others are counted.
const OTHERS: &str = "其他说明";
/// How much of a cell a note repeats.
const QUOTE_CHARS_MAX: usize = 30;

/// Notes of the rows that were taken.
#[derive(Default)]
pub(super) struct Notes(BTreeMap<String, u64>);

impl Notes {
    pub(super) fn add(&mut self, notes: Vec<String>) {
        for note in notes {
            let known = self.0.len() < NOTES_MAX || self.0.contains_key(&note);
            *self.0.entry(if known { note } else { OTHERS.to_owned() }).or_default() += 1;
        }
    }

    pub(super) fn counted(self) -> BTreeMap<String, u64> {
        self.0
    }
}

/// A note as it is counted: the same words for the same thing in the same column.
pub(super) fn words(field: &Field, note: &Note) -> String {
    let label = &field.label;
    match note {
        Note::UnknownDate { text } => format!("{label}：日期 {} 视为空", quote(text)),
        Note::Placeholder { text } => format!("{label}：“{}”视为空", quote(text)),
        Note::TimeDropped { .. } => format!("{label}：只取日期，时间未保留"),
    }
}

fn quote(text: &str) -> String {
    text.chars().take(QUOTE_CHARS_MAX).collect()
}
