//! From bytes to a table: what sort of file it is, then one reader for each.

mod csv;
mod decode;
mod gather;
mod json_lines;
mod package;
mod sniff;
mod xlsx;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::SheetError;
use crate::limits::Limits;
use crate::table::{Format, Table};
use sniff::Sort;

/// Reads a file.
///
/// # Errors
/// [`SheetError`], a sentence for the person who brought the file.
pub fn read(path: &Path, limits: Limits) -> Result<Table, SheetError> {
    let open = |source| SheetError::Open { source };
    let mut bytes = Vec::new();
    // One byte more than is taken tells that there is more.
    let most = limits.file_bytes.saturating_add(1);
    File::open(path).map_err(open)?.take(most).read_to_end(&mut bytes).map_err(open)?;
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    read_bytes(&name, &bytes, limits)
}

/// Reads a file that is already in memory. What it is is told by its content; the name only tells JSON lines from
/// CSV where the content could be either.
///
/// # Errors
/// [`SheetError`], a sentence for the person who brought the file.
pub fn read_bytes(name: &str, bytes: &[u8], limits: Limits) -> Result<Table, SheetError> {
    if bytes.len() as u64 > limits.file_bytes {
        return Err(SheetError::TooLarge { what: "文件", max: limits.file_bytes >> 20 });
    }
    match sniff::sort(bytes) {
        Sort::Empty => Err(SheetError::Empty),
        Sort::Other(found) => Err(SheetError::NotASheet { found }),
        Sort::Zip => xlsx::read(bytes, &limits),
        Sort::Text => read_text(name, bytes, &limits),
    }
}

fn read_text(name: &str, bytes: &[u8], limits: &Limits) -> Result<Table, SheetError> {
    let (text, encoding) = decode::decode(bytes)?;
    if let Some(found) = sniff::other_text(&text) {
        return Err(SheetError::NotASheet { found });
    }
    if sniff::is_json_lines(name, &text) {
        return json_lines::read(&text, encoding, limits);
    }
    let separator = csv::separator(&text);
    let rows = csv::rows(&text, separator, limits)?;
    gather::table(rows, limits, Format::Csv { separator }, encoding)
}
