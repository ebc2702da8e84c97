//! What a file says, before anyone knows what it means.

/// A file's headings and rows.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// The headings, at least as many as the longest row has cells; "" where a column has none.
    pub headings: Vec<String>,
    /// The rows that are not blank.
    pub rows: Vec<Row>,
    /// Lines above the heading (a title, 制表人 …) and below the rows (a footer), each of one cell.
    pub notes: Vec<String>,
    /// How the file was written.
    pub format: Format,
    /// In which encoding, for files of text.
    pub encoding: Encoding,
}

/// One row.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// Where it stands, as a person counts in an office program: the first line of the file is 1.
    pub line: u64,
    /// Its cells, up to the last that is not empty.
    pub cells: Vec<Cell>,
}

/// One cell.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Cell {
    /// Nothing, or only white space.
    #[default]
    Empty,
    /// Text as it was written.
    Text(String),
    /// A number; in a file of text, digits are text.
    Number(f64),
    /// 是 or 否 of a spreadsheet, true or false of JSON.
    Bool(bool),
    /// A date that a spreadsheet holds as one: 2026-11-22, or 2026-11-22T09:30:00.
    Date(String),
}

/// How a file is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Text with this separator: comma, tab or semicolon.
    Csv {
        /// The separator.
        separator: char,
    },
    /// A spreadsheet in the format of Excel 2007 and WPS.
    Xlsx,
    /// A JSON object on every line.
    JsonLines,
}

/// The encoding of a file of text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// UTF-8, with or without a mark at the beginning.
    Utf8,
    /// UTF-16 with a mark at the beginning, in either order.
    Utf16,
    /// GB18030, which holds GBK and GB2312.
    Gb18030,
    /// Not a file of text.
    Binary,
}

/// Numbers from here on are shown as spreadsheets show them, 5.31E+17: digits beyond are not exact.
const EXACT_BELOW: f64 = 1e15;

static EMPTY: Cell = Cell::Empty;

impl Table {
    /// The index of a heading.
    pub fn column(&self, heading: &str) -> Option<usize> {
        self.headings.iter().position(|h| h == heading)
    }
}

impl Row {
    /// The cell in that column; empty beyond the last.
    pub fn cell(&self, column: usize) -> &Cell {
        self.cells.get(column).unwrap_or(&EMPTY)
    }
}

impl Cell {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        matches!(self, Cell::Empty)
    }

    /// Whether it is a number, of which leading zeros and digits behind the fifteenth are lost.
    pub fn is_number(&self) -> bool {
        matches!(self, Cell::Number(_))
    }

    /// The cell as a person reads it. A number of 16 digits and more is written as 5.31000005000185E+17, for the
    /// digits behind are no longer those that someone typed.
    pub fn text(&self) -> String {
        match self {
            Cell::Empty => String::new(),
            Cell::Text(text) | Cell::Date(text) => text.clone(),
            Cell::Number(number) => number_text(*number),
            Cell::Bool(true) => "是".to_owned(),
            Cell::Bool(false) => "否".to_owned(),
        }
    }

    /// Bytes of its text; of other cells a few.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Cell::Text(text) | Cell::Date(text) => text.len(),
            _ => 0,
        }
    }

    /// A cell of a text, empty when there is only white space.
    pub(crate) fn from_text(text: impl Into<String>) -> Cell {
        let text = text.into();
        if text.trim().is_empty() { Cell::Empty } else { Cell::Text(text) }
    }
}

fn number_text(number: f64) -> String {
    if !number.is_finite() {
        return "#NUM!".to_owned();
    }
    if number.abs() < EXACT_BELOW {
        return shortest(number);
    }
    let text = format!("{number:.14E}");
    let (digits, exponent) = text.split_once('E').unwrap_or((&text, "0"));
    format!("{}E+{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// Fifteen digits, as spreadsheets show: 0.1 + 0.2 is 0.3.
fn shortest(number: f64) -> String {
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    let text = rounded.to_string();
    if text == "-0" { "0".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_a_person_reads_them() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (440_307_009_000.0, "440307009000"),
            (1142.75, "1142.75"),
            (0.1 + 0.2, "0.3"),
            (-3.5, "-3.5"),
            (531_000_005_000_185_302.0, "5.31000005000185E+17"),
            (5.31e17, "5.31E+17"),
            (f64::NAN, "#NUM!"),
        ];
        for (number, text) in cases {
            assert_eq!(Cell::Number(number).text(), text);
        }
    }
}
