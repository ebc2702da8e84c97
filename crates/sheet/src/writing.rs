//! From rows to a file that appears whole or not at all.

mod csv;
mod json_lines;
mod refused;
mod replace;
mod xlsx;

use std::path::Path;

use crate::error::WriteError;

pub(crate) use json_lines::NOTES_KEY;
pub use refused::{REASON_HEADING, write_refused};

/// What stands around the rows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WriteOptions {
    /// Lines above the heading: 单位, 制表人, 统计截至, 口径.
    pub notes_header: Vec<String>,
    /// Lines below the rows, after a blank one: how complete the figures are.
    pub footer: Vec<String>,
}

/// A table on its way out. A writer for a format takes it apart.
struct Outgoing<'a, I> {
    headings: &'a [String],
    rows: I,
    options: &'a WriteOptions,
    /// The column that is shown in red.
    red: Option<usize>,
}

/// Writes a table and tells how many rows it wrote. The ending of the name says how:
/// - `.csv`: UTF-8 with a mark, lines ended as in Windows; text that a spreadsheet would take for a formula has a
///   `'` before it, which [`crate::read()`] takes off again.
/// - `.xlsx`: every cell is text, so that codes keep their digits; the heading stays in view.
/// - `.jsonl`: an object on every line, all values texts; notes are lines with the one key `#说明`.
///
/// The file is written under another name beside its own and then renamed, durably; readable only to its owner.
///
/// # Errors
/// [`WriteError`]; nothing is left behind, and a file that was there before is as it was.
pub fn write_table(
    path: &Path,
    headings: &[String],
    rows: impl Iterator<Item = Vec<String>>,
    options: &WriteOptions,
) -> Result<u64, WriteError> {
    write(path, Outgoing { headings, rows, options, red: None })
}

fn write<I: Iterator<Item = Vec<String>>>(path: &Path, table: Outgoing<'_, I>) -> Result<u64, WriteError> {
    let ending = path.extension().map(|ending| ending.to_ascii_lowercase()).unwrap_or_default();
    match ending.to_str() {
        Some("csv") => replace::whole(path, |out, _| csv::write(out, table)),
        Some("xlsx") => replace::whole(path, |out, folder| xlsx::write(out, folder, table)),
        Some("jsonl") => replace::whole(path, |out, _| json_lines::write(out, table)),
        _ => Err(WriteError::UnknownFormat),
    }
}
