//! Text with separators.

use csv::ReaderBuilder;

use super::gather::Gather;
use crate::error::SheetError;
use crate::guard::unprotect;
use crate::limits::Limits;
use crate::table::{Cell, Row};

/// In order of preference.
const SEPARATORS: [char; 3] = [',', '\t', ';'];
/// Lines by which the separator is chosen.
const LINES_LOOKED_AT: usize = 20;

/// The separator: the one that the most lines have equally often, and of those the one they have most often. A
/// comma within the text of some cells differs from line to line.
pub(super) fn separator(text: &str) -> char {
    let score = |separator: char| {
        let counts = counts(text, separator);
        let most = |count: usize| (counts.iter().filter(|c| **c == count).count(), count);
        counts.iter().filter(|count| **count > 0).map(|count| most(*count)).max().unwrap_or_default()
    };
    // The last of equal ones is taken, so the preferred one comes last.
    SEPARATORS.into_iter().rev().max_by_key(|s| score(*s)).unwrap_or(',')
}

/// How often a separator stands in each of the first lines, outside quotation marks.
fn counts(text: &str, separator: char) -> Vec<usize> {
    let (mut counts, mut count, mut quoted) = (Vec::new(), 0, false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            '\n' if !quoted => {
                counts.push(count);
                count = 0;
                if counts.len() == LINES_LOOKED_AT {
                    return counts;
                }
            }
            c if c == separator && !quoted => count += 1,
            _ => {}
        }
    }
    counts.push(count);
    counts
}

pub(super) fn rows(text: &str, separator: char, limits: &Limits) -> Result<Vec<Row>, SheetError> {
    let delimiter = u8::try_from(separator).unwrap_or(b',');
    let mut builder = ReaderBuilder::new();
    let mut reader =
        builder.has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    let (mut gather, mut line) = (Gather::new(limits), 0);
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(broken)? {
        let begin = record.position().map_or(0, csv::Position::byte);
        line += 1 + blank_lines(text.as_bytes(), begin as usize);
        if record.len() > limits.columns.saturating_mul(2) {
            return Err(SheetError::TooManyColumns { line, max: limits.columns });
        }
        gather.push(line, record.iter().map(|cell| Cell::from_text(unprotect(cell))).collect())?;
    }
    Ok(gather.finish())
}

/// Blank lines that the reader passed over before a record that it says begins at `begin`.
fn blank_lines(bytes: &[u8], begin: usize) -> u64 {
    let before = begin.checked_sub(1).and_then(|at| bytes.get(at));
    let mut rest = bytes.get(begin..).unwrap_or_default();
    // The second half of the line end before.
    if before == Some(&b'\r') {
        rest = rest.strip_prefix(b"\n").unwrap_or(rest);
    }
    let mut lines = 0;
    while let Some(after) =
        rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).or_else(|| rest.strip_prefix(b"\r"))
    {
        rest = after;
        lines += 1;
    }
    lines
}

fn broken(error: csv::Error) -> SheetError {
    SheetError::Broken { detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators() {
        let cases = [
            ("代码,名称,类型\n1,甲;乙;丙;丁,x\n", ','),
            ("代码\t名称\n1\t甲,乙,丙,丁\n2\t戊\n", '\t'),
            ("代码;名称\n1;甲,乙\n", ';'),
            ("\"代码,或;编号\";名称\n1;甲\n", ';'),
            ("名称\n甲\n", ','),
            ("", ','),
        ];
        for (text, expected) in cases {
            assert_eq!(separator(text), expected, "{text:?}");
        }
    }

    #[test]
    fn lines_as_an_office_program_counts_them() {
        let text = "代码,名称\r\n1,甲\r\n\r\n2,\"乙\r\n乙\"\r\n,\r\n \r\n3,丙\n\n\n4,丁";
        let rows = rows(text, ',', &Limits::PEOPLE).unwrap();
        let lines: Vec<_> = rows.iter().map(|row| (row.line, row.cell(0).text())).collect();
        let expected = [(1, "代码"), (2, "1"), (4, "2"), (7, "3"), (10, "4")];
        assert_eq!(lines, expected.map(|(line, cell)| (line, cell.to_owned())));
    }
}
