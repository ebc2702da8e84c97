//! Import: a file of people's rows becomes records, or is handed back with the reason.
//!
//! What a heading and a cell mean follows from the contract alone; no kind and no field is named here. The way of a
//! row: `columns` (headings to fields) → `reader` and `cell` (cleaning) → `chunk` (what differs from what is stored,
//! saving). A row is taken whole or refused whole; refusing one row never hinders another.

mod cell;
mod chunk;
mod columns;
mod notes;
mod places;
mod reader;
mod refusal;

use std::collections::BTreeMap;

use causal::BaseId;
use sheet::Table;
use store::Engine;

use crate::{Office, OfficeError};
use chunk::Chunk;
use columns::Columns;
use notes::Notes;
use places::PlaceNames;
use reader::Reader;
use refusal::Refusal;

/// Rows saved in one transaction: it holds the writer for a moment only.
const CHUNK_ROWS: usize = 500;

/// What bare amounts of 100,000 and more in a column of 万元 are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LargeAmounts {
    /// Nobody knows: the row is refused, with the question.
    #[default]
    Ask,
    /// Yuan.
    Yuan,
    /// 万元, as the heading says.
    Wan,
}

/// What an import is to do.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// Short name of the kind.
    pub kind: String,
    /// Keep nothing, only tell what would become of the rows.
    pub dry_run: bool,
    /// The base in whose name it is written; `None`: the node's own.
    pub as_base: Option<BaseId>,
    /// Who imports.
    pub user: String,
    /// The base that new records belong to; `None`: the writing base.
    pub home: Option<BaseId>,
    /// What bare large amounts in a column of 万元 are.
    pub large_amounts: LargeAmounts,
}

/// A row that was not taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefusedRow {
    /// Where it stands in the file.
    pub line: u64,
    /// Its cells as people read them, one under each heading.
    pub cells: Vec<String>,
    /// Why, and what to do: for the person who corrects it.
    pub reason: String,
    /// The sort of reason, the same for all rows with it: for counting.
    pub why: String,
}

/// What became of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// The file's headings.
    pub headings: Vec<String>,
    /// Records that were made.
    pub created: u64,
    /// Records that were changed.
    pub changed: u64,
    /// Rows that say what is stored already.
    pub unchanged: u64,
    /// Rows that were not taken, in the file's order.
    pub refused: Vec<RefusedRow>,
    /// What cleaning did to the rows that were taken, and how often.
    pub notes: BTreeMap<String, u64>,
    /// Headings that mean nothing to this kind.
    pub ignored_columns: Vec<String>,
    /// Nothing was kept.
    pub dry_run: bool,
}

/// An import under way.
struct Run<'t> {
    table: &'t Table,
    report: ImportReport,
    notes: Notes,
}

impl<E: Engine> Office<E> {
    /// Imports a table. Records are found again by their natural key, so the same file a second time changes nothing;
    /// where a kind has none, by the whole row. Fields that a row leaves empty stay as they are.
    ///
    /// `progress` is told how many rows are done, of how many.
    ///
    /// # Errors
    /// [`OfficeError::File`] when the table is not one of this kind, and whatever keeps the store from working; rows
    /// saved before that are kept, and count as unchanged when the file is brought again.
    pub async fn import(
        &self,
        table: &Table,
        options: &ImportOptions,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<ImportReport, OfficeError> {
        let kind = self.kind(&options.kind)?;
        self.serves(options)?;
        let columns = Columns::map(self.schema(), kind, table)?;
        let places = self.place_names(kind, &columns, table).await?;
        let bases = |words: &str| self.resolve_base(words);
        let mut reader = Reader::new(self, kind, &columns, &places, options, &bases);
        let mut run = Run::new(table, &columns, options);
        let mut chunk = Chunk::default();
        let total = table.rows.len() as u64;
        for (at, row) in table.rows.iter().enumerate() {
            match reader.read(at, row) {
                Err(refusal) => run.refuse(at, refusal),
                Ok(entry) => {
                    if chunk.len() == CHUNK_ROWS || chunk.holds(&entry) {
                        self.settle(kind, options, &mut chunk, &mut run).await?;
                    }
                    chunk.add(entry, &mut run);
                }
            }
            if (at + 1) % CHUNK_ROWS == 0 {
                progress(at as u64 + 1, total);
                // Rows that are all refused wait for nothing; others want to work meanwhile.
                tokio::task::yield_now().await;
            }
        }
        self.settle(kind, options, &mut chunk, &mut run).await?;
        progress(total, total);
        Ok(run.finish())
    }

    /// Says at once, not row by row, that this node may not write in that base's name.
    fn serves(&self, options: &ImportOptions) -> Result<(), OfficeError> {
        let tree = self.tree();
        match options.as_base {
            Some(base) if base != self.me.base && tree.node_of(base) != self.me.base => {
                Err(OfficeError::NotServed { base: tree.name(base) })
            }
            _ => Ok(()),
        }
    }

    async fn place_names(
        &self,
        kind: &schema::Kind,
        columns: &Columns<'_>,
        table: &Table,
    ) -> Result<PlaceNames, OfficeError> {
        let titles = PlaceNames::doubtful(kind, columns, table);
        if titles.is_empty() {
            return Ok(PlaceNames::default());
        }
        let mut snapshot = self.store.snapshot().await?;
        PlaceNames::read(self.schema(), &mut snapshot, &titles).await
    }
}

impl<'t> Run<'t> {
    fn new(table: &'t Table, columns: &Columns<'_>, options: &ImportOptions) -> Run<'t> {
        let report = ImportReport {
            headings: table.headings.clone(),
            ignored_columns: columns.ignored.clone(),
            dry_run: options.dry_run,
            ..ImportReport::default()
        };
        Run { table, report, notes: Notes::default() }
    }

    fn refuse(&mut self, at: usize, refusal: Refusal) {
        let Some(row) = self.table.rows.get(at) else { return };
        let cells = (0..self.table.headings.len()).map(|column| row.cell(column).text()).collect();
        let Refusal { reason, why } = refusal;
        self.report.refused.push(RefusedRow { line: row.line, cells, reason, why });
    }

    fn finish(mut self) -> ImportReport {
        self.report.refused.sort_by_key(|row| row.line);
        self.report.notes = self.notes.counted();
        self.report
    }
}
