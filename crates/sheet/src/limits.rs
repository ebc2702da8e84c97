//! How much of a file is taken.

/// Rows in a file of an ordinary user: what a clerk can still look over, and one transaction can take.
pub const ROWS_MAX_FOR_PEOPLE: usize = 5_000;
/// Rows in a file of an administrator who loads a whole register: ten cities' worth of bodies.
pub const ROWS_MAX_FOR_ADMINS: usize = 200_000;
/// Bytes of a file: ten times an administrator's largest register as .xlsx; it is held in memory.
pub const FILE_BYTES_MAX: u64 = 32 << 20;
/// Columns: four times the widest register seen (56); more is a sheet with stray cells far to the right.
pub const COLUMNS_MAX: usize = 200;
/// Bytes of one cell: what a spreadsheet can hold (32,767 characters). A longer one is a quotation mark left open.
pub const CELL_BYTES_MAX: usize = 32 << 10;

/// Bytes that an ordinary user's .xlsx may unpack to: 5,000 rows of 200 cells of 64 bytes of XML.
const UNPACKED_BYTES_FOR_PEOPLE: u64 = 64 << 20;
/// Bytes that an administrator's .xlsx may unpack to: 200,000 rows of 40 cells.
const UNPACKED_BYTES_FOR_ADMINS: u64 = 512 << 20;
/// Cells an ordinary user's file may hold: every row full.
const CELLS_FOR_PEOPLE: usize = ROWS_MAX_FOR_PEOPLE * COLUMNS_MAX;
/// Cells an administrator's file may hold: 40 in every row, some 400 MB in memory.
const CELLS_FOR_ADMINS: usize = ROWS_MAX_FOR_ADMINS * 40;

/// How much of a file is taken; what is above is refused, never cut off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Rows below the heading.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Cells altogether.
    pub cells: usize,
    /// Bytes of one cell.
    pub cell_bytes: usize,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Bytes that a compressed file may unpack to.
    pub unpacked_bytes: u64,
}

impl Limits {
    /// For ordinary users.
    pub const PEOPLE: Limits = Limits {
        rows: ROWS_MAX_FOR_PEOPLE,
        columns: COLUMNS_MAX,
        cells: CELLS_FOR_PEOPLE,
        cell_bytes: CELL_BYTES_MAX,
        file_bytes: FILE_BYTES_MAX,
        unpacked_bytes: UNPACKED_BYTES_FOR_PEOPLE,
    };
    /// For administrators.
    pub const ADMINS: Limits = Limits {
        rows: ROWS_MAX_FOR_ADMINS,
        cells: CELLS_FOR_ADMINS,
        unpacked_bytes: UNPACKED_BYTES_FOR_ADMINS,
        ..Limits::PEOPLE
    };

    /// The same, for so many rows, of which no more than [`ROWS_MAX_FOR_ADMINS`] are ever taken.
    pub fn with_rows(self, rows: usize) -> Limits {
        Limits { rows: rows.min(ROWS_MAX_FOR_ADMINS), ..self }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::PEOPLE
    }
}
