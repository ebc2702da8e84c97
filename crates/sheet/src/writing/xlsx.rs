//! Spreadsheets for Excel and WPS, row by row, so that a large export needs little memory.

use std::any::Any;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use rust_xlsxwriter::{Color, Format, FormatBorder, Workbook, Worksheet, XlsxError};

use super::Outgoing;
use crate::error::WriteError;

/// Rows of a sheet.
const ROWS_MAX: usize = 1_048_576;
/// Rows that decide how wide the columns are.
const ROWS_MEASURED: usize = 50;
/// Widths of columns, in characters: narrower is hard to read, wider leaves the screen.
const WIDTH: std::ops::RangeInclusive<usize> = 8..=50;
/// How the library's panics about its scratch file begin.
const SCRATCH_PANIC: &str = "Couldn't write to xml file";

pub(super) fn write<I: Iterator<Item = Vec<String>>>(
    out: &mut (impl Write + Send),
    folder: &Path,
    table: Outgoing<'_, I>,
) -> Result<u64, WriteError> {
    // The library keeps rows in a scratch file and panics when that cannot grow: a full disk, not our end.
    let written = catch_unwind(AssertUnwindSafe(|| fill(out, folder, table)));
    written.unwrap_or_else(|panic| Err(scratch_failure(panic)))
}

fn fill<I: Iterator<Item = Vec<String>>>(
    out: &mut (impl Write + Send),
    folder: &Path,
    table: Outgoing<'_, I>,
) -> Result<u64, WriteError> {
    let mut book = Workbook::new();
    book.set_tempdir(folder).map_err(|error| failed(error, 0))?;
    let sheet = book.add_worksheet_with_constant_memory().map_err(|error| failed(error, 0))?;
    let rows = Sheet { sheet, line: 0, styles: Styles::new(), red: table.red }.fill(table)?;
    book.save_to_writer(out).map_err(|error| failed(error, 0))?;
    Ok(rows)
}

struct Styles {
    heading: Format,
    cell: Format,
    red: Format,
}

impl Styles {
    /// Every cell has the number format "@": text.
    fn new() -> Styles {
        let cell = Format::new().set_num_format("@");
        let heading = cell.clone().set_bold().set_background_color(Color::RGB(0xE7_EE_F7));
        let heading = heading.set_border_bottom(FormatBorder::Thin);
        Styles { heading, red: cell.clone().set_font_color(Color::RGB(0xC0_00_00)), cell }
    }
}

struct Sheet<'a> {
    sheet: &'a mut Worksheet,
    /// Lines written so far.
    line: usize,
    styles: Styles,
    red: Option<usize>,
}

impl Sheet<'_> {
    fn fill<I: Iterator<Item = Vec<String>>>(mut self, table: Outgoing<'_, I>) -> Result<u64, WriteError> {
        let mut rows = table.rows;
        let first: Vec<Vec<String>> = rows.by_ref().take(ROWS_MEASURED).collect();
        self.set_widths(table.headings, &first)?;
        for note in &table.options.notes_header {
            self.put(std::slice::from_ref(note), false)?;
        }
        self.put(table.headings, true)?;
        let below = u32::try_from(self.line).unwrap_or_default();
        self.sheet.set_freeze_panes(below, 0).map_err(|error| failed(error, 0))?;
        let mut count = 0;
        for row in first.into_iter().chain(rows) {
            self.put(&row, false)?;
            count += 1;
        }
        // A blank line sets the footer apart.
        self.line += 1;
        for note in &table.options.footer {
            self.put(std::slice::from_ref(note), false)?;
        }
        Ok(count)
    }

    fn put(&mut self, cells: &[String], heading: bool) -> Result<(), WriteError> {
        if self.line >= ROWS_MAX {
            return Err(WriteError::TooManyRows { max: ROWS_MAX });
        }
        let (row, line) = (self.line as u32, self.line as u64 + 1);
        for (at, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            let style = match heading {
                true => &self.styles.heading,
                false if self.red == Some(at) => &self.styles.red,
                false => &self.styles.cell,
            };
            let column = u16::try_from(at).unwrap_or(u16::MAX);
            self.sheet
                .write_string_with_format(row, column, cell, style)
                .map_err(|error| failed(error, line))?;
        }
        self.line += 1;
        Ok(())
    }

    fn set_widths(&mut self, headings: &[String], first: &[Vec<String>]) -> Result<(), WriteError> {
        for (at, heading) in headings.iter().enumerate() {
            let cells = first.iter().filter_map(|row| row.get(at)).chain([heading]);
            let widest = cells.map(|cell| width(cell)).max().unwrap_or_default();
            let wide = (widest + 2).clamp(*WIDTH.start(), *WIDTH.end());
            let column = u16::try_from(at).unwrap_or(u16::MAX);
            self.sheet.set_column_width(column, wide as f64).map_err(|error| failed(error, 0))?;
            // Cells that people add below are text too.
            self.sheet.set_column_format(column, &self.styles.cell).map_err(|error| failed(error, 0))?;
        }
        Ok(())
    }
}

/// How wide a text is shown: a Chinese character takes the room of two letters.
fn width(text: &str) -> usize {
    text.chars().map(|c| if c < '\u{2E80}' { 1 } else { 2 }).sum()
}

fn failed(error: XlsxError, line: u64) -> WriteError {
    match error {
        XlsxError::IoError(source) => source.into(),
        XlsxError::ZipError(zip) => io::Error::from(zip).into(),
        XlsxError::MaxStringLengthExceeded => WriteError::CellTooLong { line },
        error => WriteError::Format { detail: error.to_string() },
    }
}

/// What a panic of the library says about its scratch file; any other panic goes on.
fn scratch_failure(panic: Box<dyn Any + Send>) -> WriteError {
    let words = panic.downcast_ref::<String>().filter(|words| words.starts_with(SCRATCH_PANIC)).cloned();
    match words {
        Some(words) if ["StorageFull", "QuotaExceeded"].iter().any(|kind| words.contains(kind)) => {
            WriteError::DiskFull
        }
        Some(detail) => WriteError::Format { detail },
        None => resume_unwind(panic),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_under_the_scratch_file() {
        let full = || Err::<(), _>(io::Error::from(io::ErrorKind::StorageFull));
        let panic = catch_unwind(|| full().expect(SCRATCH_PANIC)).unwrap_err();
        assert!(matches!(scratch_failure(panic), WriteError::DiskFull));
    }

    #[test]
    fn widths() {
        assert_eq!((width("abc"), width("东城abc"), width("")), (3, 7, 0));
    }
}
