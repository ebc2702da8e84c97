//! Spreadsheets, through calamine: the first visible sheet that holds anything.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, ExcelDateTime, Reader, SheetType, SheetVisible, Xlsx, XlsxError};

use super::gather::{Gather, table};
use super::package;
use crate::error::SheetError;
use crate::limits::Limits;
use crate::table::{Cell, Encoding, Format, Row, Table};

/// Day number of 10000-01-01, the first that is no date.
const SERIAL_END: f64 = 2_958_466.0;

type Book<'a> = Xlsx<Cursor<&'a [u8]>>;

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Table, SheetError> {
    package::check(bytes, limits)?;
    // The parser is another's and the bytes are a stranger's: a panic in it is a damaged file, not our end.
    let parsed = catch_unwind(AssertUnwindSafe(|| first_sheet(bytes, limits)));
    let rows = parsed.unwrap_or_else(|_| Err(SheetError::Broken { detail: "unreadable".to_owned() }))?;
    table(rows, limits, Format::Xlsx, Encoding::Binary)
}

fn first_sheet(bytes: &[u8], limits: &Limits) -> Result<Vec<Row>, SheetError> {
    let mut book: Book<'_> = Xlsx::new(Cursor::new(bytes)).map_err(broken)?;
    let mut sheets = book.sheets_metadata().to_vec();
    sheets.retain(|sheet| sheet.typ == SheetType::WorkSheet);
    sheets.sort_by_key(|sheet| sheet.visible != SheetVisible::Visible);
    for sheet in sheets {
        let rows = sheet_rows(&mut book, &sheet.name, limits)?;
        if !rows.is_empty() {
            return Ok(rows);
        }
    }
    Ok(Vec::new())
}

/// Cell by cell: the parser's own table is as large as the distance between its corners, which one stray cell at
/// the end of the sheet makes 17 thousand million.
fn sheet_rows(book: &mut Book<'_>, name: &str, limits: &Limits) -> Result<Vec<Row>, SheetError> {
    let mut reader = book.worksheet_cells_reader(name).map_err(broken)?;
    let mut sparse = Sparse { limits, rows: BTreeMap::new(), cells: 0 };
    while let Some(cell) = reader.next_cell().map_err(broken)? {
        let (row, column) = cell.get_position();
        sparse.put(u64::from(row) + 1, column as usize, to_cell(cell.get_value()))?;
    }
    let mut gather = Gather::new(limits);
    sparse.rows.into_iter().try_for_each(|(line, cells)| gather.push(line, cells))?;
    Ok(gather.finish())
}

struct Sparse<'a> {
    limits: &'a Limits,
    rows: BTreeMap<u64, Vec<Cell>>,
    cells: usize,
}

impl Sparse<'_> {
    fn put(&mut self, line: u64, column: usize, cell: Cell) -> Result<(), SheetError> {
        if cell.is_empty() {
            return Ok(());
        }
        if column >= self.limits.columns {
            return Err(SheetError::TooManyColumns { line, max: self.limits.columns });
        }
        let row = self.rows.entry(line).or_default();
        if row.len() <= column {
            self.cells += column + 1 - row.len();
            row.resize(column + 1, Cell::Empty);
        }
        row[column] = cell;
        if self.cells > self.limits.cells {
            return Err(SheetError::TooManyRows { max: self.limits.rows });
        }
        Ok(())
    }
}

fn to_cell(value: &DataRef<'_>) -> Cell {
    match value {
        DataRef::Empty => Cell::Empty,
        DataRef::Int(number) => Cell::Number(*number as f64),
        DataRef::Float(number) => Cell::Number(*number),
        DataRef::String(text) => Cell::from_text(text.as_str()),
        DataRef::SharedString(text) => Cell::from_text(*text),
        DataRef::Bool(value) => Cell::Bool(*value),
        DataRef::DateTime(at) => date(at),
        DataRef::DateTimeIso(text) => Cell::Date(text.trim_end_matches("T00:00:00").to_owned()),
        DataRef::DurationIso(text) => Cell::from_text(text.as_str()),
        DataRef::Error(error) => Cell::Text(error.to_string()),
    }
}

fn date(at: &ExcelDateTime) -> Cell {
    let number = at.as_f64();
    if at.is_duration() || !(0.0..SERIAL_END).contains(&number) {
        return Cell::Number(number);
    }
    let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    Cell::Date(match (hour, minute, second) {
        (0, 0, 0) => date,
        _ => format!("{date}T{hour:02}:{minute:02}:{second:02}"),
    })
}

fn broken(error: XlsxError) -> SheetError {
    SheetError::Broken { detail: error.to_string() }
}
