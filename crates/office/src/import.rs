//! Import.
use std::collections::BTreeMap;
use causal::BaseId;
use store::Engine;
use crate::{Office, OfficeError};

/// What amounts of 100,000 and more in a 万元 column are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LargeAmounts { /// ask
 #[default] Ask, /// yuan
 Yuan, /// wan
 Wan }
/// Options.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct ImportOptions { pub kind: String, pub dry_run: bool, pub as_base: Option<BaseId>, pub user: String, pub home: Option<BaseId>, pub large_amounts: LargeAmounts }
/// Refused.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct RefusedRow { pub line: u64, pub cells: Vec<String>, pub reason: String, pub why: String }
/// Report.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct ImportReport { pub headings: Vec<String>, pub created: u64, pub changed: u64, pub unchanged: u64, pub refused: Vec<RefusedRow>, pub notes: BTreeMap<String, u64>, pub ignored_columns: Vec<String>, pub dry_run: bool }
impl<E: Engine> Office<E> {
    /// x
    /// # Errors
    /// x
    pub async fn import(&self, _table: &sheet::Table, _options: &ImportOptions, _progress: impl FnMut(u64, u64) + Send) -> Result<ImportReport, OfficeError> {
        Err(OfficeError::File { words: "导入功能正在接入".into() })
    }
}
