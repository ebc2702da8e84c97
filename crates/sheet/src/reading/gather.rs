//! Rows within the limits, and which of them are the heading, notes above it, and a footer.

use crate::error::SheetError;
use crate::limits::Limits;
use crate::table::{Cell, Encoding, Format, Row, Table};

/// Lines above the heading that may be notes; a heading further down is not looked for.
const NOTES_MAX: usize = 20;

/// Collects rows, refusing what is beyond the limits.
pub(super) struct Gather<'a> {
    limits: &'a Limits,
    rows: Vec<Row>,
    cells: usize,
}

impl<'a> Gather<'a> {
    pub(super) fn new(limits: &'a Limits) -> Gather<'a> {
        Gather { limits, rows: Vec::new(), cells: 0 }
    }

    /// Takes a row, without the empty cells at its end; a blank row is passed over.
    pub(super) fn push(&mut self, line: u64, mut cells: Vec<Cell>) -> Result<(), SheetError> {
        let used = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        cells.truncate(used);
        if cells.is_empty() {
            return Ok(());
        }
        if cells.iter().any(|cell| cell.bytes() > self.limits.cell_bytes) {
            return Err(SheetError::CellTooLong { line });
        }
        if cells.len() > self.limits.columns {
            return Err(SheetError::TooManyColumns { line, max: self.limits.columns });
        }
        self.cells += cells.len();
        let rows_max = self.limits.rows.saturating_add(NOTES_MAX * 2);
        if self.rows.len() >= rows_max || self.cells > self.limits.cells {
            return Err(SheetError::TooManyRows { max: self.limits.rows });
        }
        self.rows.push(Row { line, cells });
        Ok(())
    }

    pub(super) fn finish(self) -> Vec<Row> {
        self.rows
    }
}

/// Makes a table of rows, the first of several cells being the heading.
pub(super) fn table(
    mut rows: Vec<Row>,
    limits: &Limits,
    format: Format,
    encoding: Encoding,
) -> Result<Table, SheetError> {
    let above = notes_above(&rows);
    let mut notes: Vec<String> = rows.drain(..above).map(note).collect();
    if rows.is_empty() {
        return Err(SheetError::Empty);
    }
    let heading = rows.remove(0);
    if !heading.cells.iter().any(has_words) {
        return Err(SheetError::NoHeading { line: heading.line });
    }
    let mut headings: Vec<String> = heading.cells.iter().map(|cell| one_line(&cell.text())).collect();
    let foot = footer_begin(&rows, heading.line, headings.len());
    notes.extend(rows.drain(foot..).map(note));
    if rows.len() > limits.rows {
        return Err(SheetError::TooManyRows { max: limits.rows });
    }
    let widest = rows.iter().map(|row| row.cells.len()).max().unwrap_or_default();
    headings.resize(headings.len().max(widest), String::new());
    Ok(Table { headings, rows, notes, format, encoding })
}

/// How many rows stand above the heading: rows of one cell (a title over all columns, 制表人：…) before the first of
/// several. A sheet of one column has its heading in its first row.
fn notes_above(rows: &[Row]) -> usize {
    let wide = |row: &Row| row.cells.iter().filter(|cell| !cell.is_empty()).count() > 1;
    rows.iter().take(NOTES_MAX + 1).position(wide).unwrap_or_default()
}

/// Where the footer begins: the rows behind the last blank line, if each is a sentence in the first column.
fn footer_begin(rows: &[Row], heading_line: u64, columns: usize) -> usize {
    let line_before = |at: usize| if at == 0 { heading_line } else { rows[at - 1].line };
    let gap = (0..rows.len()).rev().take(NOTES_MAX).find(|at| rows[*at].line > line_before(*at) + 1);
    let is_sentence = |row: &Row| row.cells.len() == 1 && row.cells.iter().all(is_sentence);
    match gap {
        Some(begin) if columns > 1 && rows[begin..].iter().all(is_sentence) => begin,
        _ => rows.len(),
    }
}

fn note(row: Row) -> String {
    row.cells.iter().map(Cell::text).find(|text| !text.is_empty()).unwrap_or_default()
}

fn has_words(cell: &Cell) -> bool {
    matches!(cell, Cell::Text(text) if text.chars().any(char::is_alphabetic))
}

/// Not a number or a code, which would be a row that lost its other cells.
fn is_sentence(cell: &Cell) -> bool {
    let beyond_codes = |c: char| c.is_whitespace() || (c.is_alphabetic() && !c.is_ascii());
    matches!(cell, Cell::Text(text) if text.chars().any(beyond_codes))
}

fn one_line(heading: &str) -> String {
    heading.split_whitespace().collect::<Vec<_>>().join(" ")
}
