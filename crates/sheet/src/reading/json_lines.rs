//! A JSON object on every line. The headings are the keys in order of appearance.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::gather::Gather;
use crate::error::SheetError;
use crate::limits::Limits;
use crate::table::{Cell, Encoding, Format, Table};
use crate::writing::NOTES_KEY;

pub(super) fn read(text: &str, encoding: Encoding, limits: &Limits) -> Result<Table, SheetError> {
    let mut columns = Columns::default();
    let mut gather = Gather::new(limits);
    let mut notes = Vec::new();
    for (line, object) in objects(text) {
        let object = object?;
        if let Some(more) = notes_of(&object) {
            notes.extend(more);
            continue;
        }
        let cells = columns.cells(object, line, limits)?;
        gather.push(line, cells)?;
    }
    let rows = gather.finish();
    if columns.headings.is_empty() {
        return Err(SheetError::Empty);
    }
    if rows.len() > limits.rows {
        return Err(SheetError::TooManyRows { max: limits.rows });
    }
    Ok(Table { headings: columns.headings, rows, notes, format: Format::JsonLines, encoding })
}

type Object = Map<String, Value>;

fn objects(text: &str) -> impl Iterator<Item = (u64, Result<Object, SheetError>)> {
    let lines = text.lines().zip(1u64..).filter(|(line, _)| !line.trim().is_empty());
    lines.map(|(object, line)| {
        let parsed = serde_json::from_str::<Object>(object);
        (line, parsed.map_err(|error| SheetError::JsonLine { line, detail: error.to_string() }))
    })
}

/// The notes of a line that holds nothing else.
fn notes_of(object: &Object) -> Option<Vec<String>> {
    let notes = object.get(NOTES_KEY).filter(|_| object.len() == 1)?.as_array()?;
    Some(notes.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

#[derive(Default)]
struct Columns {
    headings: Vec<String>,
    index: BTreeMap<String, usize>,
}

impl Columns {
    fn cells(&mut self, object: Object, line: u64, limits: &Limits) -> Result<Vec<Cell>, SheetError> {
        let mut cells = Vec::new();
        for (key, value) in object {
            let at = self.at(key);
            if at >= limits.columns {
                return Err(SheetError::TooManyColumns { line, max: limits.columns });
            }
            if cells.len() <= at {
                cells.resize(at + 1, Cell::Empty);
            }
            cells[at] = cell(value);
        }
        Ok(cells)
    }

    fn at(&mut self, key: String) -> usize {
        let next = self.headings.len();
        let at = *self.index.entry(key.clone()).or_insert(next);
        if at == next {
            self.headings.push(key);
        }
        at
    }
}

fn cell(value: Value) -> Cell {
    match value {
        Value::Null => Cell::Empty,
        Value::Bool(value) => Cell::Bool(value),
        Value::Number(number) => number.as_f64().map_or_else(|| Cell::Text(number.to_string()), Cell::Number),
        Value::String(text) => Cell::from_text(text),
        nested => Cell::Text(nested.to_string()),
    }
}
