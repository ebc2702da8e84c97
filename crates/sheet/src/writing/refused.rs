//! The rows that were not taken, to be corrected and brought again.

use std::path::Path;

use super::{Outgoing, WriteOptions, write};
use crate::error::WriteError;
use crate::table::{Cell, Row};

/// Heading of the last column of a file of refused rows. Who reads such a file again passes this column over.
pub const REASON_HEADING: &str = "错误原因";

/// Writes refused rows as they were, with the reason in a last column, in red in a spreadsheet; tells how many. A
/// column of reasons from an earlier round is replaced.
///
/// # Errors
/// [`WriteError`]; nothing is left behind, and a file that was there before is as it was.
pub fn write_refused<'a>(
    path: &Path,
    headings: &[String],
    rows: impl Iterator<Item = (&'a Row, String)>,
) -> Result<u64, WriteError> {
    let kept: Vec<usize> = (0..headings.len()).filter(|at| headings[*at] != REASON_HEADING).collect();
    let reason = [REASON_HEADING.to_owned()];
    let shown: Vec<String> = kept.iter().map(|at| headings[*at].clone()).chain(reason).collect();
    let rows = rows.map(|(row, reason)| {
        let cells = kept.iter().map(|at| row.cells.get(*at).map(Cell::text).unwrap_or_default());
        cells.chain([reason]).collect()
    });
    let options = WriteOptions::default();
    write(path, Outgoing { headings: &shown, rows, options: &options, red: Some(kept.len()) })
}
