//! Saving what people and programs enter: parse, check, stamp, one transaction.

use std::collections::{BTreeMap, BTreeSet};

use causal::{BaseId, Context, Entry, RecordId, State, write};
use record::{Draft, Scope, Shown, Tree, default_audience, derived_id, judge, scope_of};
use schema::{Field, FieldType, Format, Kind, Rule, raw, text};
use serde_json::{Map, Value, json};
use store::{Engine, Read, Write};
use sync::{Changes, NewRow, NewWithdraw, Revision, Row, Unsent};

use crate::{Office, OfficeError};
use crate::{check, guard};

/// Largest state that is made here; merges of two such states stay within what every node accepts.
const LOCAL_STATE_BYTES_MAX: usize = causal::MAX_STATE_BYTES / 4 * 3;
/// Longest user name, in bytes: fits a stamp.
const USER_BYTES_MAX: usize = 96;

/// One edit as a person or a program asks for it.
#[derive(Debug, Clone, Default)]
pub struct Put {
    /// Short name of the kind.
    pub kind: String,
    /// Which record; `None`: the one that the natural key names, or a new one.
    pub id: Option<RecordId>,
    /// The fields to set, by name or label; `null` or an empty text clears one.
    pub fields: Map<String, Value>,
    /// The version that the writer saw; `None`: the writer believes the record to be new.
    pub seen: Option<Context>,
    /// The base in whose name it is written; `None`: the node's own.
    pub as_base: Option<BaseId>,
    /// Who writes.
    pub user: String,
    /// The base that the record is to belong to; `None`: the writing base, or as it was.
    pub home: Option<BaseId>,
    /// The audience; `None`: the kind's default, or as it was.
    pub audience: Option<Vec<BaseId>>,
    /// Delete the record.
    pub delete: bool,
    /// Take a deletion back.
    pub restore: bool,
    /// Why, for what needs a reason.
    pub reason: String,
}

/// What became of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// Which record.
    pub id: RecordId,
    /// Its version now.
    pub version: Context,
    /// It was not there before.
    pub created: bool,
    /// Something was written.
    pub changed: bool,
    /// What a person should look at again.
    pub warnings: Vec<String>,
}

/// What a transaction gathers.
#[derive(Default)]
pub(crate) struct Gathered {
    rows: BTreeMap<RecordId, Row>,
    pub changes: Changes,
    at: BTreeMap<RecordId, usize>,
}

/// What every edit of one transaction shares.
pub(crate) struct Desk<'s> {
    tree: &'s Tree,
    pub saved_at_ms: u64,
    forgotten: u64,
    places: check::Places,
    coming: BTreeSet<String>,
}

/// One edit while it is being worked out.
pub(crate) struct Case<'s, 'a> {
    pub kind: &'s Kind,
    pub put: &'s Put,
    pub id: RecordId,
    pub before: &'s State<'a>,
    pub base: BaseId,
}

/// An edit that has been worked out, before it is written.
#[derive(Clone, Copy)]
pub(crate) struct Writing<'s, 'a> {
    pub kind: &'s Kind,
    pub id: RecordId,
    pub base: BaseId,
    pub user: &'s str,
    pub before: &'s State<'a>,
    pub seen: &'s Context,
}

/// What happens when one edit of several is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Nothing is kept.
    Whole,
    /// The others are kept.
    Each,
    /// Nothing is kept in any case: a rehearsal.
    Rehearse,
}

impl<E: Engine> Office<E> {
    /// Saves one edit.
    ///
    /// # Errors
    /// [`OfficeError`] when anything of it is refused; then nothing of it is kept.
    pub async fn put(&self, put: Put) -> Result<Saved, OfficeError> {
        let saved = self.put_all(&[put]).await?.pop();
        saved.ok_or_else(|| OfficeError::NotFound { what: "—".into() })
    }

    /// Saves several edits, all or none.
    ///
    /// # Errors
    /// The first refusal.
    pub async fn put_all(&self, puts: &[Put]) -> Result<Vec<Saved>, OfficeError> {
        self.save(puts, Mode::Whole).await?.into_iter().collect()
    }

    /// Saves edits in one transaction.
    pub(crate) async fn save(
        &self,
        puts: &[Put],
        mode: Mode,
    ) -> Result<Vec<Result<Saved, OfficeError>>, OfficeError> {
        let mut tx = self.store.begin().await?;
        let tree = self.tree_in(&mut tx).await?;
        let desk = self.desk(&mut tx, &tree, puts).await?;
        let ids: Vec<_> = puts.iter().map(|put| self.identify(&desk, put)).collect();
        let known: Vec<RecordId> = ids.iter().filter_map(|id| id.as_ref().ok().copied()).collect();
        let rows = tx.rows(&known).await?.into_iter().map(|row| (row.id, row)).collect();
        let mut gathered = Gathered { rows, ..Gathered::default() };
        let mut results = Vec::with_capacity(puts.len());
        for (put, id) in puts.iter().zip(ids) {
            let result = id.and_then(|id| self.edit(&desk, &mut gathered, put, id));
            if mode == Mode::Whole && result.is_err() {
                return result.map(|one| vec![Ok(one)]);
            }
            results.push(result);
        }
        if mode != Mode::Rehearse && !gathered.changes.rows.is_empty() {
            let applied = self.perform(&mut tx, &tree, &gathered.changes).await?;
            tx.commit().await?;
            self.committed(&gathered.changes).await?;
            self.tell(&gathered.changes, &applied, None);
        }
        Ok(results)
    }

    /// What the edits of one transaction share.
    pub(crate) async fn desk<'s>(
        &self,
        tx: &mut E::Tx,
        tree: &'s Tree,
        puts: &[Put],
    ) -> Result<Desk<'s>, OfficeError> {
        let (saved_at_ms, forgotten) = self.moment(tx).await?;
        let places = self.known_places(tx, puts).await?;
        Ok(Desk { tree, saved_at_ms, forgotten, places, coming: self.coming(puts) })
    }

    pub(crate) fn kind(&self, name: &str) -> Result<&Kind, OfficeError> {
        self.schema().kind(name).ok_or_else(|| OfficeError::UnknownKind { kind: name.into() })
    }

    /// The record that an edit means: named by its id, or by its natural key, or new.
    fn identify(&self, desk: &Desk<'_>, put: &Put) -> Result<RecordId, OfficeError> {
        let kind = self.kind(&put.kind)?;
        if let Some(id) = put.id {
            return Ok(id);
        }
        let part = |number: &u32| {
            let field = kind.field(*number)?;
            let value = put.fields.iter().find(|(name, _)| *name == &field.name || *name == &field.label)?.1;
            let value = if field.format == Format::Base { self.base_ids(desk, value) } else { value.clone() };
            let shown = text::show_text(field, &check::read(field, &value).ok()?);
            (!shown.is_empty()).then_some(shown)
        };
        let key: Option<Vec<String>> = kind.natural_key.iter().map(part).collect();
        let random = || self.new_id(desk.saved_at_ms);
        Ok(key.filter(|k| !k.is_empty()).map_or_else(random, |key| derived_id(&kind.name, &key)))
    }

    /// A new record's id begins with the time, so that new records lie beside each other on the disk.
    fn new_id(&self, saved_at_ms: u64) -> RecordId {
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.outside.chance.u64().to_be_bytes());
        random[8..].copy_from_slice(&self.outside.chance.u64().to_be_bytes()[..2]);
        RecordId(*uuid::Builder::from_unix_timestamp_millis(saved_at_ms, &random).as_uuid().as_bytes())
    }

    /// Works out one edit over what is known and gathered.
    fn edit(
        &self,
        desk: &Desk<'_>,
        gathered: &mut Gathered,
        put: &Put,
        id: RecordId,
    ) -> Result<Saved, OfficeError> {
        let kind = self.kind(&put.kind)?;
        let base = self.writer(desk.tree, put)?;
        let row = gathered.rows.get(&id).cloned();
        if row.as_ref().is_some_and(|r| r.kind != put.kind) || (row.is_none() && put.seen.is_some()) {
            return Err(OfficeError::NotFound { what: id.to_string() });
        }
        let bytes = row.as_ref().map(|r| r.state.clone());
        let before = bytes.as_deref().map(State::decode).transpose().map_err(damaged)?.unwrap_or_default();
        let created = row.is_none();
        let mut warnings = Vec::new();
        let case = Case { kind, put, id, before: &before, base };
        let draft = self.draft(desk, &case, &mut warnings)?;
        let shown = put.seen.clone().filter(|_| !planted::on!(SaveCoversAll));
        let seen = shown.unwrap_or_else(|| before.context.clone());
        let entries = draft.entries(&before, &seen);
        if entries.is_empty() {
            return Ok(Saved {
                id,
                version: before.context.clone(),
                created: false,
                changed: false,
                warnings,
            });
        }
        if !created && put.seen.is_none() && put.id.is_none() {
            return Err(OfficeError::Exists { what: Shown::of(Some(kind), desk.tree, &before).title });
        }
        let writing = Writing { kind, id, base, user: &put.user, before: &before, seen: &seen };
        let version = self.write_over(desk, gathered, row, &writing, &entries)?;
        Ok(Saved { id, version, created, changed: true, warnings })
    }

    /// Writes entries over what was seen, if that is the writer's to do; returns the version that this makes.
    pub(crate) fn write_over(
        &self,
        desk: &Desk<'_>,
        gathered: &mut Gathered,
        row: Option<Row>,
        writing: &Writing<'_, '_>,
        entries: &[Entry<'_>],
    ) -> Result<Context, OfficeError> {
        let Writing { kind, id, base, user, before, seen } = *writing;
        if planted::on!(ReplicaKept) {
            self.mint().keep(&self.replicas(), base);
        }
        let dot = self.mint().next(desk.forgotten, before, &*self.outside.chance);
        let tag = self.secret.tag(id, dot, base);
        let stamp = causal::Stamp { dot, saved_at_ms: desk.saved_at_ms, base, user, tag };
        let written = write(before, stamp, seen, entries);
        let faults = judge(kind, desk.tree, before, &written.state, |_| true);
        if !faults.is_empty() {
            return Err(OfficeError::NotAllowed { faults });
        }
        let state = written.state.encode();
        if state.len() > LOCAL_STATE_BYTES_MAX {
            return Err(OfficeError::TooLarge { limit_kib: LOCAL_STATE_BYTES_MAX / 1024 });
        }
        let unsent = if desk.tree.parent(self.me.base).is_none() { Unsent::Clean } else { Unsent::Unpushed };
        let shown = Shown::of(Some(kind), desk.tree, &written.state);
        let revision = |group: causal::Group<'_>| Revision {
            record: id,
            of: group.stamp.dot,
            by: dot,
            fragment: State::of_groups(vec![group]).encode(),
            unsent: unsent != Unsent::Clean,
        };
        gathered.changes.revisions.extend(written.replaced.into_iter().map(revision));
        gathered.changes.replicas.push(sync::Replica { id: dot.replica, base: Some(base), tick: dot.tick });
        self.lost_sight(desk.tree, &scope_of(before), &shown.scope, id, &mut gathered.changes);
        let old = row.unwrap_or_default();
        let row =
            Row { id, kind: kind.name.clone(), seq: old.seq, hidden: false, refused: false, unsent, state };
        gathered.put(NewRow { row, shown });
        Ok(written.state.context)
    }

    fn lost_sight(
        &self,
        tree: &Tree,
        before: &Scope,
        after: &Scope,
        record: RecordId,
        changes: &mut Changes,
    ) {
        let gone = |c: &BaseId| before.visible_to(tree, *c) && !after.visible_to(tree, *c);
        let children = tree.link_children(self.me.base).into_iter().filter(gone);
        changes.withdraws.extend(children.map(|child| NewWithdraw { child, record }));
    }

    pub(crate) fn writer(&self, tree: &Tree, put: &Put) -> Result<BaseId, OfficeError> {
        let base = put.as_base.unwrap_or(self.me.base);
        // Before its own record exists a new root serves nobody, and still must write it.
        if base != self.me.base && tree.node_of(base) != self.me.base {
            return Err(OfficeError::NotServed { base: tree.name(base) });
        }
        self.in_service(tree, base)?;
        if put.user.len() > USER_BYTES_MAX || put.user.chars().any(char::is_control) {
            return Err(OfficeError::Invalid { faults: vec!["用户名过长或含有控制字符".into()] });
        }
        Ok(base)
    }

    /// Nothing is written in the name of a base that was merged into another.
    pub(crate) fn in_service(&self, tree: &Tree, base: BaseId) -> Result<(), OfficeError> {
        match tree.successor(base) {
            Some(into) => Err(OfficeError::Retired { base: tree.name(base), into: tree.name(into) }),
            None => Ok(()),
        }
    }

    pub(crate) fn draft(
        &self,
        desk: &Desk<'_>,
        case: &Case<'_, '_>,
        warnings: &mut Vec<String>,
    ) -> Result<Draft, OfficeError> {
        let Case { kind, put, id, before, base } = *case;
        let mut draft = Draft::default();
        let mut faults = Vec::new();
        for (name, value) in &put.fields {
            match self.field_value(desk, kind, before, name, value) {
                Ok((field, bytes)) => draft.set(kind, field.number, bytes),
                Err(fault) => faults.push(fault),
            }
        }
        let new = before.groups.is_empty();
        if new {
            start_workflows(desk, kind, &mut draft);
        }
        check::fields(kind, put, &desk.places, new, &mut draft, &mut faults, warnings);
        guard::steps(kind, &draft, &mut faults, warnings)?;
        if !faults.is_empty() {
            return Err(OfficeError::Invalid { faults });
        }
        self.key_kept(desk, kind, before, &draft)?;
        if kind.registry {
            self.seat(desk.tree, &desk.coming, kind, BaseId(id.0), before, &mut draft)?;
        }
        // A base's record belongs to the base that it describes.
        let home = put.home.unwrap_or(if kind.registry { BaseId(id.0) } else { base });
        self.engine_fields(desk, case, home, &mut draft);
        Ok(draft)
    }

    fn engine_fields(&self, desk: &Desk<'_>, case: &Case<'_, '_>, home: BaseId, draft: &mut Draft) {
        let Case { kind, put, before, .. } = *case;
        let new = before.groups.is_empty();
        let home = put.home.or(new.then_some(home));
        if let Some(home) = home {
            draft.home(home);
        }
        match (&put.audience, home) {
            (Some(audience), _) => draft.audience(audience),
            (None, Some(home)) if new => {
                let mut audience = self.first_audience(desk.tree, kind, home);
                let named = kind.named_bases().into_iter().filter_map(|number| draft.get(number));
                audience.extend(
                    named.flat_map(record::audience_bases).filter(|b| !desk.tree.is_within(home, *b)),
                );
                draft.audience(&audience);
            }
            _ => {}
        }
        if put.restore {
            draft.restore();
        }
        if put.delete {
            draft.delete(put.seen.as_ref().unwrap_or(&before.context));
        }
    }

    /// The default audience; while the tree is still empty (a root's first record) its own base is the root.
    fn first_audience(&self, tree: &Tree, kind: &Kind, home: BaseId) -> Vec<BaseId> {
        let audience = default_audience(kind, tree, home);
        let known = |base: &BaseId| tree.get(*base).is_some();
        if audience.iter().all(known) || audience.is_empty() {
            return audience;
        }
        vec![tree.root_of(self.me.base)]
    }

    fn field_value<'k>(
        &self,
        desk: &Desk<'_>,
        kind: &'k Kind,
        before: &State<'_>,
        name: &str,
        value: &Value,
    ) -> Result<(&'k Field, Vec<u8>), String> {
        let named = |f: &&Field| f.name == *name || f.label == *name;
        let field = kind.fields.iter().find(named);
        let field = field.ok_or_else(|| format!("“{}”没有“{}”这一项", kind.label, clip(name)))?;
        let bytes = match field.ty {
            FieldType::Step => check::read(field, &step(desk, kind, field, before, value)),
            _ if field.format == Format::Base => check::read(field, &self.base_ids(desk, value)),
            _ => check::read(field, value),
        };
        bytes.map(|bytes| (field, bytes)).map_err(|bad| format!("{}:{bad}", field.label))
    }

    /// People name a base by its code or name; the record holds its id. A base that the same batch registers counts.
    fn base_ids(&self, desk: &Desk<'_>, value: &Value) -> Value {
        match value {
            Value::Array(values) => values.iter().map(|v| self.base_ids(desk, v)).collect(),
            Value::String(words) if !words.trim().is_empty() => {
                let known = self.resolve_base(words).ok();
                let coming = desk.coming.contains(words.trim()).then(|| self.base_id(words.trim())).flatten();
                known.or(coming).map_or_else(|| value.clone(), |id| json!(id.to_string()))
            }
            other => other.clone(),
        }
    }

    /// The codes of bases that a batch registers.
    fn coming(&self, puts: &[Put]) -> BTreeSet<String> {
        let Some(kind) = self.schema().registry() else { return BTreeSet::new() };
        let Some(key) = kind.natural_key.first().and_then(|n| kind.field(*n)) else { return BTreeSet::new() };
        let code =
            |put: &Put| put.fields.get(&key.name).or(put.fields.get(&key.label))?.as_str().map(str::to_owned);
        puts.iter().filter(|put| put.kind == kind.name).filter_map(code).collect()
    }

    fn key_kept(
        &self,
        desk: &Desk<'_>,
        kind: &Kind,
        before: &State<'_>,
        draft: &Draft,
    ) -> Result<(), OfficeError> {
        if before.groups.is_empty() {
            return Ok(());
        }
        let shown = Shown::of(Some(kind), desk.tree, before);
        for field in kind.natural_key.iter().filter_map(|number| kind.field(*number)) {
            let old = raw::fields(&shown.body).map_while(Result::ok).find(|f| f.number == field.number);
            let changed = draft.get(field.number).is_some_and(|new| old.is_none_or(|o| o.raw != new));
            if changed {
                return Err(OfficeError::KeyChanged { label: field.label.clone() });
            }
        }
        Ok(())
    }
}

impl Gathered {
    fn put(&mut self, new: NewRow) {
        let id = new.row.id;
        self.rows.insert(id, new.row.clone());
        match self.at.get(&id) {
            Some(at) => self.changes.rows[*at] = new,
            None => {
                self.at.insert(id, self.changes.rows.len());
                self.changes.rows.push(new);
            }
        }
    }
}

fn damaged(corrupt: causal::Corrupt) -> OfficeError {
    OfficeError::Store(store::StoreError::Corrupt { what: corrupt.to_string() })
}

fn clip(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// A step from the state that is shown to the one that is asked for.
fn step(desk: &Desk<'_>, kind: &Kind, field: &Field, before: &State<'_>, value: &Value) -> Value {
    let mut step = match value {
        Value::Object(step) => step.clone(),
        to => Map::from_iter([("to".to_owned(), to.clone())]),
    };
    let shown = record::values(Some(kind), desk.tree, before);
    let from = shown.iter().find(|v| v.register.field == field.number).and_then(|v| record::step_to(v.raw()));
    let from =
        from.or_else(|| if before.groups.is_empty() { state_before(field, step.get("to")) } else { None });
    step.insert("from".into(), from.map_or(Value::Null, |from| json!(from)));
    step.insert("at_ms".into(), json!(desk.saved_at_ms));
    Value::Object(step)
}

/// A new record may arrive further along, as a ledger kept on paper does: the state that leads to the one it is in. The
/// authority check sees to it that the writer could have gone all the way there.
fn state_before(field: &Field, to: Option<&Value>) -> Option<i32> {
    let states = field.workflow.as_ref()?;
    let wanted = check::read(field, &json!({ "to": to? })).ok().and_then(|raw| record::step_to(&raw))?;
    let leads = |v: &&schema::EnumValue| v.leads_to.iter().any(|t| t.to == wanted);
    (states.initial != Some(wanted)).then(|| states.values.iter().find(leads).map(|v| v.number)).flatten()
}

/// A new record stands at the beginning of its workflows.
fn start_workflows(desk: &Desk<'_>, kind: &Kind, draft: &mut Draft) {
    let unset = kind.fields.iter().filter(|f| f.rule == Rule::Workflow && draft.get(f.number).is_none());
    let starts: Vec<_> = unset.filter_map(|f| Some((f, f.workflow.as_ref()?.initial?))).collect();
    for (field, initial) in starts {
        let step = json!({ "to": initial, "at_ms": desk.saved_at_ms });
        if let Ok(bytes) = check::read(field, &step) {
            draft.set(kind, field.number, bytes);
        }
    }
}
