//! Files that people bring and take away: CSV in UTF-8, UTF-16 or GBK, XLSX, JSON lines.
//!
//! A file becomes a [`Table`]: headings, and rows of cells that still know what the file said (a number stays a
//! number, so that a code which a spreadsheet turned into 5.31E+17 can be refused by whoever knows what a code is).
//! Tables are written so that a person sees the same in any office program, and so that reading the file again
//! gives the same cells. Errors are Chinese sentences: what happened, what to do.
//!
//! What this crate must never know: kinds, fields, what a heading means. It cleans nothing but line ends and white
//! space around headings. Every byte that it reads may be hostile: everything has a limit, nothing panics.
//!
//! Begin with [`read()`] and [`write_table`].

mod error;
mod guard;
mod limits;
mod reading;
mod table;
mod writing;

pub use error::{SheetError, WriteError};
pub use limits::{
    CELL_BYTES_MAX, COLUMNS_MAX, FILE_BYTES_MAX, Limits, ROWS_MAX_FOR_ADMINS, ROWS_MAX_FOR_PEOPLE,
};
pub use reading::{read, read_bytes};
pub use table::{Cell, Encoding, Format, Row, Table};
pub use writing::{REASON_HEADING, WriteOptions, write_refused, write_table};
