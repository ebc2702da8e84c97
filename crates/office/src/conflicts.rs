//! What waits for a person: registers with concurrent values, and edits after a deletion.

use std::collections::BTreeMap;

use causal::{BaseId, Context, Dot, Preference, RecordId, Register, Stamp, State};
use record::{Shown, Side, Tree, conflicts, is_engine_field};
use schema::{Kind, Rule};
use sha2::{Digest, Sha256};
use store::{Engine, Query, Read};
use sync::{Revision, Row};

use crate::history::{Key, key};
use crate::look::{decode, label, words};
use crate::{Office, OfficeError};

/// Records of one page unless more are asked for: as many as a person goes through at a sitting.
const LIMIT_DEFAULT: u32 = 50;

/// A page of the records that wait for a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conflicts {
    /// The page.
    pub records: Vec<Conflicted>,
    /// How many there are in all.
    pub total: u64,
}

/// A record that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflicted {
    /// Which record.
    pub id: RecordId,
    /// Short name of its kind.
    pub kind: String,
    /// Its title.
    pub title: String,
    /// The base that it belongs to, as shown.
    pub home: BaseId,
    /// Whether it is shown as deleted.
    pub deleted: bool,
    /// The version that was looked at.
    pub version: Context,
    /// What is to be decided.
    pub conflicts: Vec<Conflict>,
}

/// One thing to be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Name of the field; of the engine's own: `home`, `audience`, `deleted`.
    pub field: String,
    /// Its label.
    pub label: String,
    /// Of a set: the element in question, as people read it.
    pub element: String,
    /// The rule that picks what is shown, in Chinese.
    pub rule: String,
    /// Why that one is shown, in Chinese.
    pub because: String,
    /// Stands for exactly the values that are listed: hand it back with the decision.
    pub mark: String,
    /// The values.
    pub claims: Vec<Claim>,
}

/// One of several values that people gave at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Names it within its conflict, from 1.
    pub number: u32,
    /// As people read it.
    pub text: String,
    /// What the edit replaced, as far as history is known here.
    pub before: Vec<String>,
    /// Who wrote it.
    pub base: BaseId,
    /// The user.
    pub user: String,
    /// When, by the writer's clock.
    pub saved_at_ms: u64,
    /// It is the one shown.
    pub shown: bool,
    /// An edit that the deletion had not seen; `text` names the fields.
    pub edited_since: bool,
}

impl<E: Engine> Office<E> {
    /// A page of the records that wait for a person: of one kind, or of all where `kind` is empty. `limit` 0 stands for
    /// 50.
    ///
    /// # Errors
    /// [`OfficeError`] when there is no such kind, or the store cannot be read.
    pub async fn conflicts(&self, kind: &str, limit: u32, offset: u64) -> Result<Conflicts, OfficeError> {
        let kinds =
            if kind.is_empty() { self.schema().kinds.iter().collect() } else { vec![self.kind(kind)?] };
        let mut snapshot = self.store.snapshot().await?;
        let tree = self.tree();
        let limit = if limit == 0 { LIMIT_DEFAULT } else { limit.min(store::LIMIT_MAX) };
        let mut found = Conflicts::default();
        for kind in kinds {
            let query = Query {
                kind: kind.name.clone(),
                deleted: true,
                disputed_only: true,
                limit: limit - found.records.len() as u32,
                offset: u32::try_from(offset.saturating_sub(found.total)).unwrap_or(u32::MAX),
                ..Query::default()
            };
            let page = snapshot.list(&query).await?;
            found.total += page.total;
            for item in &page.items {
                let history = snapshot.history(item.row.id).await?;
                found.records.push(conflicted(kind, &tree, &item.row, &history)?);
            }
        }
        Ok(found)
    }

    /// What waits for a person in one record, named as in [`Office::get`]; its list may be empty.
    ///
    /// # Errors
    /// [`OfficeError`] when there is no such record.
    pub async fn conflicts_of(&self, kind: &str, id: &str) -> Result<Conflicted, OfficeError> {
        let kind = self.kind(kind)?;
        let mut snapshot = self.store.snapshot().await?;
        let row = self.find(&mut snapshot, kind, id).await?;
        let history = snapshot.history(row.id).await?;
        conflicted(kind, &self.tree(), &row, &history)
    }
}

fn conflicted(kind: &Kind, tree: &Tree, row: &Row, history: &[Revision]) -> Result<Conflicted, OfficeError> {
    let state = decode(row)?;
    let shown = Shown::of(Some(kind), tree, &state);
    let told = Told { kind, tree, state: &state, replaced: replaced(history) };
    Ok(Conflicted {
        id: row.id,
        kind: row.kind.clone(),
        title: shown.title,
        home: shown.home,
        deleted: shown.deleted,
        version: state.context.clone(),
        conflicts: conflicts(Some(kind), tree, &state).iter().map(|c| told.conflict(c)).collect(),
    })
}

/// What each edit replaced, by register.
type Replaced = BTreeMap<(Dot, Key), Vec<Vec<u8>>>;

fn replaced(history: &[Revision]) -> Replaced {
    let mut all = Replaced::new();
    for revision in history {
        let Ok(fragment) = State::decode(&revision.fragment) else { continue };
        for entry in fragment.groups.iter().flat_map(|g| &g.entries) {
            let values = all.entry((revision.by, key(entry.register))).or_default();
            values.push(entry.value.to_vec());
        }
    }
    all
}

/// What telling of one record's conflicts needs.
struct Told<'s, 'a> {
    kind: &'s Kind,
    tree: &'s Tree,
    state: &'s State<'a>,
    replaced: Replaced,
}

impl Told<'_, '_> {
    fn conflict(&self, conflict: &record::Conflict<'_>) -> Conflict {
        let register = conflict.register;
        let claims = conflict.sides.iter().enumerate().map(|(at, side)| Claim {
            number: at as u32 + 1,
            shown: at == conflict.shown,
            ..self.claim(register, side)
        });
        Conflict {
            field: field_name(self.kind, register.field),
            label: label(self.kind, register.field),
            element: self.element(register),
            rule: conflict.rule.label().to_owned(),
            because: because(conflict).to_owned(),
            mark: mark(conflict),
            claims: claims.collect(),
        }
    }

    fn element(&self, register: Register<'_>) -> String {
        if !register.is_element() {
            return String::new();
        }
        words(self.kind, self.tree, register.field, register.element)
    }

    fn claim(&self, register: Register<'_>, side: &Side<'_>) -> Claim {
        let Stamp { dot, saved_at_ms, base, user, .. } = *side.stamp();
        let (text, edited_since) = match side {
            Side::Value(_, raw) => (self.text(register, raw), false),
            Side::EditedSince(_) => (self.edited(dot), true),
        };
        let before = self.replaced.get(&(dot, key(register))).into_iter().flatten();
        Claim {
            number: 0,
            text,
            before: before.map(|raw| self.text(register, raw)).collect(),
            base,
            user: user.to_owned(),
            saved_at_ms,
            shown: false,
            edited_since,
        }
    }

    fn text(&self, register: Register<'_>, raw: &[u8]) -> String {
        match (register.is_element(), raw.is_empty()) {
            (true, empty) => element_words(!empty).into(),
            (false, _) => words(self.kind, self.tree, register.field, raw),
        }
    }

    /// The fields that an edit wrote and that still stand.
    fn edited(&self, dot: Dot) -> String {
        let entries = self.state.group(dot).map(|g| g.entries.as_slice()).unwrap_or_default();
        let own = entries.iter().map(|e| e.register.field).filter(|n| !is_engine_field(*n));
        let mut labels: Vec<String> = own.map(|number| label(self.kind, number)).collect();
        labels.dedup();
        labels.join("、")
    }
}

/// What is said of an element of a set: that it stays, or that it goes.
pub(crate) fn element_words(stays: bool) -> &'static str {
    if stays { "保留" } else { "移除" }
}

/// Reads what [`element_words`] says.
pub(crate) fn said_of_element(text: &str) -> Result<bool, OfficeError> {
    let said = [true, false].into_iter().find(|stays| element_words(*stays) == text);
    said.ok_or_else(|| OfficeError::Invalid { faults: vec!["请写“保留”或“移除”".into()] })
}

/// The name under which a conflict is settled.
pub(crate) fn field_name(kind: &Kind, number: u32) -> String {
    match number {
        record::HOME => "home".into(),
        record::AUDIENCE => "audience".into(),
        record::DELETED => "deleted".into(),
        _ => kind.field(number).map_or_else(|| number.to_string(), |f| f.name.clone()),
    }
}

fn because(conflict: &record::Conflict<'_>) -> &'static str {
    match (conflict.decided_by, conflict.rule) {
        _ if conflict.register.field == record::DELETED => "已删除的不再列出",
        (Some(Preference::Owner), _) => "它由数源单位填写",
        (Some(Preference::Tier), _) => "它由更上一级填写",
        (Some(Preference::Order), Rule::Workflow) => "它在流程中更靠后",
        (Some(Preference::Order), _) => "它更严",
        (Some(Preference::Present), _) => "有人保留的不移除",
        (None, _) => "它填写得最晚",
    }
}

/// Bytes of a mark: enough that two lists of values of one record are never taken for each other by chance.
const MARK_BYTES: usize = 4;

/// Stands for exactly the edits that a conflict consists of.
pub(crate) fn mark(conflict: &record::Conflict<'_>) -> String {
    let mut hash = Sha256::new();
    for dot in conflict.dots() {
        hash.update(dot.replica.0.to_be_bytes());
        hash.update(dot.tick.to_be_bytes());
    }
    hash.finalize()[..MARK_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}
