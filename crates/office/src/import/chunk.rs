//! Saving: what rows say beside what is stored, one transaction for each chunk.

use std::collections::{BTreeMap, BTreeSet};

use causal::{Context, RecordId, State};
use record::{Shown, Tree, step_to};
use schema::{Field, FieldType, Kind, Rule, json, raw};
use serde_json::{Map, Value};
use store::{Engine, Read};
use sync::Row;

use super::reader::{ContentDigest, Entry, Valued};
use super::refusal::Refusal;
use super::{ImportOptions, Run};
use crate::look::decode;
use crate::save::{Mode, Put};
use crate::{Office, OfficeError, check};

/// Rows that wait to be saved, and which records the rows before them were about.
#[derive(Default)]
pub(super) struct Chunk<'k> {
    entries: Vec<Entry<'k>>,
    waiting: BTreeSet<RecordId>,
    taken: BTreeMap<RecordId, (u64, ContentDigest)>,
}

/// What is to be done about a row.
enum Step {
    /// Save it.
    Put(Box<Put>),
    /// Nothing: it says what is stored.
    Nothing,
    /// Hand it back.
    Refuse(Refusal),
}

/// A record as it is stored.
struct Stored {
    shown: Shown,
    version: Context,
}

impl<'k> Chunk<'k> {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether a row about the same record is waiting; only once it is saved is it known whether this one repeats it.
    pub(super) fn holds(&self, entry: &Entry<'_>) -> bool {
        self.waiting.contains(&entry.id)
    }

    /// Takes a row, unless it repeats one that was taken before.
    pub(super) fn add(&mut self, entry: Entry<'k>, run: &mut Run<'_>) {
        match self.taken.get(&entry.id) {
            Some((_, digest)) if *digest == entry.digest => run.unchanged(entry.notes),
            Some((line, _)) => run.refuse(entry.at, Refusal::repeats(*line)),
            None => {
                self.waiting.insert(entry.id);
                self.entries.push(entry);
            }
        }
    }
}

impl Run<'_> {
    fn unchanged(&mut self, notes: Vec<String>) {
        self.report.unchanged += 1;
        self.notes.add(notes);
    }
}

impl<E: Engine> Office<E> {
    /// Saves what waits, and counts what became of it.
    pub(super) async fn settle(
        &self,
        kind: &Kind,
        options: &ImportOptions,
        chunk: &mut Chunk<'_>,
        run: &mut Run<'_>,
    ) -> Result<(), OfficeError> {
        let entries = std::mem::take(&mut chunk.entries);
        chunk.waiting.clear();
        if entries.is_empty() {
            return Ok(());
        }
        let stored = self.stored(kind, &entries).await?;
        let mut puts = Vec::new();
        let mut waiting = Vec::new();
        for entry in entries {
            match step(kind, options, &entry, stored.get(&entry.id)) {
                Step::Refuse(refusal) => run.refuse(entry.at, refusal),
                Step::Nothing => {
                    chunk.taken.insert(entry.id, (entry.line, entry.digest));
                    run.unchanged(entry.notes);
                }
                Step::Put(put) => {
                    puts.push(*put);
                    waiting.push(entry);
                }
            }
        }
        if puts.is_empty() {
            return Ok(());
        }
        let mode = if options.dry_run { Mode::Rehearse } else { Mode::Each };
        for (entry, saved) in waiting.into_iter().zip(self.save(&puts, mode).await?) {
            let saved = match saved {
                Ok(saved) => saved,
                Err(error) => {
                    run.refuse(entry.at, Refusal::saving(&error));
                    continue;
                }
            };
            chunk.taken.insert(entry.id, (entry.line, entry.digest));
            match (saved.created, saved.changed) {
                (true, _) => run.report.created += 1,
                (false, true) => run.report.changed += 1,
                (false, false) => run.report.unchanged += 1,
            }
            run.notes.add(entry.notes);
        }
        Ok(())
    }

    async fn stored(
        &self,
        kind: &Kind,
        entries: &[Entry<'_>],
    ) -> Result<BTreeMap<RecordId, Stored>, OfficeError> {
        let ids: Vec<RecordId> = entries.iter().map(|entry| entry.id).collect();
        let rows = self.store.snapshot().await?.rows(&ids).await?;
        let tree = self.tree();
        let one = |row: &Row| Ok((row.id, Stored::of(kind, &tree, &decode(row)?)));
        rows.iter().filter(|row| row.kind == kind.name).map(one).collect()
    }
}

impl Stored {
    fn of(kind: &Kind, tree: &Tree, state: &State<'_>) -> Stored {
        Stored { shown: Shown::of(Some(kind), tree, state), version: state.context.clone() }
    }

    /// The raw occurrences of a field that are shown.
    fn raws(&self, field: &Field) -> Vec<&[u8]> {
        let own = raw::fields(&self.shown.body).map_while(Result::ok).filter(|f| f.number == field.number);
        own.map(|f| f.raw).collect()
    }

    /// What a row would change of a field; `None` when it says what is shown.
    fn change(&self, kind: &Kind, new: &Valued<'_>) -> Option<Value> {
        let field = new.field;
        let old = self.raws(field);
        let same = match field.ty {
            FieldType::Step => step_to(&new.raw) == step_to(&old.concat()),
            _ if field.rule == Rule::Union => {
                let wanted: BTreeSet<&[u8]> =
                    raw::fields(&new.raw).map_while(Result::ok).map(|f| f.raw).collect();
                wanted == old.iter().copied().collect()
            }
            _ => old.concat() == new.raw,
        };
        if same {
            return None;
        }
        let value = self.with_other_parts(kind, new);
        let raw = check::read(field, &value).unwrap_or_default();
        (raw != old.concat()).then_some(value)
    }

    /// A group of which the row gives one part keeps the others; a range is one thing.
    fn with_other_parts(&self, kind: &Kind, new: &Valued<'_>) -> Value {
        let field = new.field;
        let Value::Object(parts) = &new.value else { return new.value.clone() };
        if field.is_range() || field.ty == FieldType::Step {
            return new.value.clone();
        }
        let mut whole = match json::to_json(kind, &self.raws(field).concat()).remove(&field.name) {
            Some(Value::Object(old)) => old,
            _ => Map::new(),
        };
        whole.retain(|name, _| field.parts().iter().any(|part| part.name == *name));
        whole.extend(parts.clone());
        Value::Object(whole)
    }
}

fn step(kind: &Kind, options: &ImportOptions, entry: &Entry<'_>, stored: Option<&Stored>) -> Step {
    let put = Put {
        kind: kind.name.clone(),
        as_base: options.as_base,
        user: options.user.clone(),
        ..Put::default()
    };
    let Some(stored) = stored else {
        let fields = entry.values.iter().map(|v| (v.field.name.clone(), v.value.clone())).collect();
        let id = (!entry.keyed).then_some(entry.id);
        return Step::Put(Box::new(Put { id, fields, home: options.home, ..put }));
    };
    if !entry.keyed {
        // The row itself is the record's name: it was imported before, and what people changed since stays.
        return Step::Nothing;
    }
    if stored.shown.deleted {
        return Step::Refuse(Refusal::deleted(&stored.shown.title));
    }
    let change = |v: &Valued<'_>| Some((v.field.name.clone(), stored.change(kind, v)?));
    let fields: Map<String, Value> = entry.values.iter().filter_map(change).collect();
    if fields.is_empty() {
        return Step::Nothing;
    }
    Step::Put(Box::new(Put { id: Some(entry.id), seen: Some(stored.version.clone()), fields, ..put }))
}
