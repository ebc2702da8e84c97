//! A JSON object on every line, for programs.

use std::io::Write;

use serde_json::{Map, Value};

use super::Outgoing;
use crate::error::WriteError;

/// The one key of a line that holds notes instead of a row.
pub(crate) const NOTES_KEY: &str = "#说明";

pub(super) fn write<I: Iterator<Item = Vec<String>>>(
    out: &mut impl Write,
    table: Outgoing<'_, I>,
) -> Result<u64, WriteError> {
    write_notes(out, &table.options.notes_header)?;
    let mut rows = 0;
    for row in table.rows {
        let values = row.into_iter().map(Value::String);
        write_line(out, table.headings.iter().cloned().zip(values).collect())?;
        rows += 1;
    }
    write_notes(out, &table.options.footer)?;
    Ok(rows)
}

fn write_notes(out: &mut impl Write, notes: &[String]) -> Result<(), WriteError> {
    if notes.is_empty() {
        return Ok(());
    }
    let notes = notes.iter().cloned().map(Value::String).collect();
    write_line(out, Map::from_iter([(NOTES_KEY.to_owned(), Value::Array(notes))]))
}

fn write_line(out: &mut impl Write, object: Map<String, Value>) -> Result<(), WriteError> {
    serde_json::to_writer(&mut *out, &Value::Object(object)).map_err(std::io::Error::from)?;
    Ok(out.write_all(b"\n")?)
}
