//! Reading one row: all its cells, and what only shows when they are seen together.

use std::collections::BTreeMap;

use causal::{BaseId, RecordId};
use domain::clean::{is_blank_word, odd_name};
use domain::uscc::Uscc;
use record::derived_id;
use schema::{Column as KeyColumn, Field, Format, Kind};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sheet::Row;
use store::Engine;

use super::ImportOptions;
use super::cell::{Cleaner, shown_text};
use super::columns::{Columns, needed};
use super::places::PlaceNames;
use super::refusal::Refusal;
use crate::{Office, OfficeError, check};

/// What a row says, told apart from every other content.
pub(super) type ContentDigest = [u8; 32];

/// A row that was understood.
pub(super) struct Entry<'k> {
    /// Its index in the table.
    pub at: usize,
    /// Where it stands in the file.
    pub line: u64,
    /// The record that it is about.
    pub id: RecordId,
    /// Whether the natural key names the record; else the whole row does.
    pub keyed: bool,
    /// What it gives.
    pub values: Vec<Valued<'k>>,
    /// What it says in all.
    pub digest: ContentDigest,
    /// What was cleaned, or is odd.
    pub notes: Vec<String>,
}

/// A field's value: as a program writes it, and as it is stored.
pub(super) struct Valued<'k> {
    pub field: &'k Field,
    pub value: Value,
    pub raw: Vec<u8>,
}

/// Reads the rows of one table.
pub(super) struct Reader<'a> {
    cleaner: Cleaner<'a>,
    columns: &'a Columns<'a>,
    /// The base whose row it would be, where the whole row names the record.
    home: BaseId,
    /// How often each content has come, where the whole row names the record.
    same: BTreeMap<ContentDigest, u64>,
}

impl<'a> Reader<'a> {
    pub(super) fn new<E: Engine>(
        office: &'a Office<E>,
        kind: &'a Kind,
        columns: &'a Columns<'a>,
        places: &'a PlaceNames,
        options: &ImportOptions,
        bases: &'a (dyn Fn(&str) -> Result<BaseId, OfficeError> + Send + Sync),
    ) -> Reader<'a> {
        let large_amounts = options.large_amounts;
        let cleaner = Cleaner { schema: office.schema(), kind, places, large_amounts, bases };
        let home = options.home.or(options.as_base).unwrap_or(office.me().base);
        Reader { cleaner, columns, home, same: BTreeMap::new() }
    }

    /// Reads a row.
    pub(super) fn read(&mut self, at: usize, row: &Row) -> Result<Entry<'a>, Refusal> {
        let kind = self.cleaner.kind;
        let mut values = Vec::new();
        let mut notes = Vec::new();
        let mut faults: Vec<(u32, Refusal)> = Vec::new();
        for column in &self.columns.known {
            let field = column.field;
            match self.cleaner.clean(column, row.cell(column.at), self.explained(field, row)) {
                Err(fault) => faults.push((field.number, fault)),
                Ok(given) => {
                    notes.extend(given.notes);
                    match given.value.map(|value| valued(field, value)).transpose() {
                        Err(fault) => faults.push((field.number, fault)),
                        Ok(one) => values.extend(one.flatten()),
                    }
                }
            }
        }
        let lacks = |field: &&Field| {
            let number = field.number;
            !values.iter().any(|v: &Valued<'_>| v.field.number == number)
                && !faults.iter().any(|(n, _)| *n == number)
        };
        let missing: Vec<_> =
            needed(kind).filter(lacks).map(|field| (field.number, Refusal::missing(field))).collect();
        faults.extend(missing);
        if let Some(refusal) = Refusal::joined(faults.into_iter().map(|(_, fault)| fault).collect()) {
            return Err(refusal);
        }
        notes.extend(oddity(&values));
        let digest = digest(&values);
        let (id, keyed) = self.record(&values, digest);
        Ok(Entry { at, line: row.line, id, keyed, values, digest, notes })
    }

    /// Whether the row says why this code stands although its check digit fails.
    fn explained(&self, field: &Field, row: &Row) -> bool {
        let reason = self.columns.known.iter().find(|c| c.field.explains == Some(field.number));
        reason.is_some_and(|column| !is_blank_word(&row.cell(column.at).text()))
    }

    /// The record that a row is about. Where the kind has no natural key it is named by the base and by all that the
    /// row says, the second of two equal rows being another one: so the same file is known again, and nothing that
    /// happened twice is lost.
    fn record(&mut self, values: &[Valued<'_>], digest: ContentDigest) -> (RecordId, bool) {
        let kind = self.cleaner.kind;
        let part = |number: &u32| {
            let found = values.iter().find(|v| v.field.number == *number)?;
            shown_text(found.field, &found.value)
        };
        let key: Option<Vec<String>> = kind.natural_key.iter().map(part).collect();
        if let Some(key) = key.filter(|key| !key.is_empty()) {
            return (derived_id(&kind.name, &key), true);
        }
        let count = self.same.entry(digest).or_default();
        *count += 1;
        let content = RecordId(digest.first_chunk::<16>().copied().unwrap_or_default());
        let rest = RecordId(digest.last_chunk::<16>().copied().unwrap_or_default());
        let parts = [
            "import".into(),
            self.home.to_string(),
            content.to_string(),
            rest.to_string(),
            count.to_string(),
        ];
        (derived_id(&kind.name, &parts), false)
    }
}

fn valued(field: &Field, value: Value) -> Result<Option<Valued<'_>>, Refusal> {
    let raw = check::read(field, &value).map_err(|bad| Refusal::bad(field, &bad))?;
    Ok((!raw.is_empty()).then_some(Valued { field, value, raw }))
}

fn digest(values: &[Valued<'_>]) -> ContentDigest {
    let mut raws: Vec<(u32, &[u8])> = values.iter().map(|v| (v.field.number, v.raw.as_slice())).collect();
    raws.sort_unstable();
    let mut hash = Sha256::new();
    raws.iter().for_each(|(_, raw)| hash.update(raw));
    hash.finalize().into()
}

/// A code of one class beside a name of another.
fn oddity(values: &[Valued<'_>]) -> Option<String> {
    let text = |found: Option<&Valued<'_>>| found.and_then(|v| v.value.as_str()).map(str::to_owned);
    let code = text(values.iter().find(|v| v.field.format == Format::Uscc))?;
    let name = text(values.iter().find(|v| v.field.column == Some(KeyColumn::Title)))?;
    let code = Uscc::parse_despite_check_digit(&code).ok()?.code;
    odd_name(&code, &name).map(|odd| odd.to_string())
}
