//! What people do: enter, change, move, open, delete, take back; some over forms that they opened long ago.

use std::collections::BTreeSet;

use causal::{BaseId, Context, RecordId, State};
use office::{OfficeError, Put};
use serde_json::{Map, Value, json};
use store::StoreError;

use crate::codec::Dot;
use crate::contract::{REGISTRY, WISH};
use crate::disk::Disk;
use crate::ledger::{Checked, Wrong};
use crate::machine::{Form, Pending, Seen};
use crate::random::Random;
use crate::talk::short;
use crate::world::World;

/// Forms that lie open on one machine at most.
const FORMS_MAX: usize = 4;

impl<D: Disk> World<D> {
    /// Somebody saves something somewhere.
    pub async fn edit(&mut self, dice: &mut Random) -> Checked {
        let at = dice.below(self.machines.len());
        let schema = self.machines[at].schema.clone();
        let known = |seen: &Seen| !seen.hidden && seen.kind != WISH && schema.kind(&seen.kind).is_some();
        let visible: Vec<RecordId> =
            self.machines[at].copies.iter().filter(|(_, seen)| known(seen)).map(|(id, _)| *id).collect();
        let (create, at_record) = (dice.percent(20), dice.below(visible.len()));
        let Some(id) = visible.get(at_record).copied().filter(|_| !create) else {
            return self.create(at, dice).await;
        };
        self.change(at, id, dice).await
    }

    async fn create(&mut self, at: usize, dice: &mut Random) -> Checked {
        let mut fields = Map::new();
        let text = self.text(dice);
        let kind = *dice.of(&["note", "note", "note", "body", "body", "diary"]).unwrap_or(&"note");
        match kind {
            "body" => {
                let code = *dice.of(&["甲", "乙", "丙", "丁"]).unwrap_or(&"甲");
                fields.insert("code".into(), json!(code));
                fields.insert("name".into(), json!(text));
            }
            _ => drop(fields.insert("title".into(), json!(text))),
        }
        if self.machines[at].schema.kind(kind).is_none() {
            return Ok(());
        }
        let put = Put { kind: kind.into(), fields, user: "王小明".into(), ..Put::default() };
        self.save(at, put, Pending::default(), dice).await
    }

    /// A text that no other edit wrote.
    fn text(&self, dice: &mut Random) -> String {
        format!("{}-{}", self.step, dice.below(1000))
    }

    async fn change(&mut self, at: usize, id: RecordId, dice: &mut Random) -> Checked {
        let seen = &self.machines[at].copies[&id];
        let kind = seen.kind.clone();
        let (version, standing) = form_of(seen)?;
        let stale = dice.percent(self.options.stale_forms);
        let old = self.machines[at].forms.iter().position(|form| form.id == id);
        let (version, standing) = match old.filter(|_| stale) {
            Some(old) => {
                let form = self.machines[at].forms.swap_remove(old);
                (form.version, form.standing)
            }
            None => (version, standing),
        };
        let mut put = Put {
            fields: self.fields(&kind, dice),
            kind,
            id: Some(id),
            seen: Some(version),
            user: "李梅".into(),
            ..Put::default()
        };
        self.engine_fields(&mut put, dice);
        if self.options.strays > 0 && at == 0 && put.kind == "note" && dice.percent(50) {
            put.fields.insert("award".into(), json!(self.text(dice)));
        }
        put.fields.retain(|name, _| {
            let kind = self.machines[at].schema.kind(&put.kind);
            kind.is_some_and(|kind| kind.fields.iter().any(|field| field.name == *name))
        });
        self.save(at, put, Pending { id: Some(id), form: standing }, dice).await
    }

    fn fields(&self, kind: &str, dice: &mut Random) -> Map<String, Value> {
        let names: &[&str] = match kind {
            "note" => &["title", "phone", "level", "remark", "tags", "state", "grade", "verdict"],
            "body" => &["name", "remark"],
            _ => &["title"],
        };
        let mut fields = Map::new();
        for name in names {
            let (chosen, cleared, number) = (dice.percent(25), dice.percent(10), dice.below(8));
            let text = self.text(dice);
            let value = match *name {
                "tags" => json!(
                    (0..3).filter(|n| number & (1 << n) != 0).map(|n| format!("标签{n}")).collect::<Vec<_>>()
                ),
                "state" => json!(number % 4 + 1),
                "grade" => json!(number % 3 + 1),
                _ if cleared => Value::Null,
                _ => json!(text),
            };
            if chosen {
                fields.insert((*name).into(), value);
            }
        }
        fields
    }

    fn engine_fields(&self, put: &mut Put, dice: &mut Random) {
        let all = self.bases.all();
        let (moves, opens) = (dice.percent(self.options.moves), dice.percent(self.options.audiences));
        let (deletes, restores) =
            (dice.percent(self.options.deletions), dice.percent(self.options.deletions));
        let home = dice.of(&all).copied().unwrap_or_default();
        let audience: Vec<BaseId> = (0..dice.below(3)).filter_map(|_| dice.of(&all).copied()).collect();
        put.home = moves.then_some(home);
        put.audience = opens.then_some(audience);
        put.delete = deletes;
        put.restore = restores && !deletes;
    }

    async fn save(&mut self, at: usize, put: Put, pending: Pending, dice: &mut Random) -> Checked {
        let what = format!("saves {} {}", put.kind, put.id.map_or_else(|| "new".into(), short));
        self.machines[at].pending = Some(pending);
        self.threaten(at, dice);
        let saved = self.machines[at].office.put(put).await;
        let name = self.machines[at].name.clone();
        match saved {
            Ok(saved) => {
                self.trace.note(format!("{name} {what}: {} {}", short(saved.id), saved.changed));
                self.after(at, &what, Ok(())).await.map(drop)
            }
            Err(error) if is_refusal(&error) => {
                self.trace.note(format!("{name} {what}: {}", error.code()));
                self.after(at, &what, Ok(())).await.map(drop)
            }
            Err(error) => self.after::<()>(at, &what, Err(error)).await.map(drop),
        }
    }

    /// Somebody opens a form and will save it later.
    pub fn open_form(&mut self, dice: &mut Random) -> Checked {
        let at = dice.below(self.machines.len());
        let machine = &mut self.machines[at];
        let ids: Vec<RecordId> = machine.copies.keys().copied().collect();
        let Some(id) = dice.of(&ids) else { return Ok(()) };
        let (version, standing) = form_of(&machine.copies[id])?;
        machine.forms.push(Form { id: *id, version, standing });
        if machine.forms.len() > FORMS_MAX {
            machine.forms.remove(0);
        }
        Ok(())
    }

    /// The city bars a base, or lets it in again.
    pub async fn bar(&mut self, dice: &mut Random) -> Checked {
        let at = 1 + dice.below(self.machines.len() - 1);
        let base = self.machines[at].base;
        let barred = self.barred.contains(&base);
        self.set_barred(base, !barred).await
    }

    /// The parent of a base bars it, or lets it in again.
    pub async fn set_barred(&mut self, base: BaseId, bar: bool) -> Checked {
        let Some(parent) = self.bases.parent(base).and_then(|parent| self.machine_of(parent)) else {
            return Ok(());
        };
        self.trace.note(format!("{} barred: {bar}", self.bases.name(base)));
        let office = &self.machines[parent].office;
        if bar {
            self.barred.insert(base);
            let done = office.revoke_base(base, "admin").await.map(drop);
            self.after(parent, "bars", done).await.map(drop)
        } else {
            self.barred.remove(&base);
            // It may have been barred where it was before, and what the city barred only the city lets in again.
            let above: Vec<usize> =
                self.bases.parents_ever(base).filter_map(|above| self.machine_of(above)).collect();
            for at in [0].into_iter().chain(above) {
                let done = self.machines[at].office.reinstate_base(base, "admin").await;
                let done = if matches!(done, Err(OfficeError::NotAllowed { .. })) { Ok(()) } else { done };
                self.after(at, "lets in", done).await?;
            }
            Ok(())
        }
    }
}

/// The version of a form, and the edits that stand in it.
fn form_of(seen: &Seen) -> Checked<(Context, BTreeSet<Dot>)> {
    if seen.kind == REGISTRY {
        return Err(Wrong("the registry is not edited here".into()));
    }
    let state = State::decode(&seen.state).map_err(|error| Wrong(format!("a stored state: {error}")))?;
    Ok((state.context, seen.copy.parts.iter().map(|part| part.dot).collect()))
}

/// Refusals that are the office's right.
fn is_refusal(error: &OfficeError) -> bool {
    use OfficeError as E;
    matches!(
        error,
        E::NotFound { .. }
            | E::Invalid { .. }
            | E::NotAllowed { .. }
            | E::Exists { .. }
            | E::KeyChanged { .. }
            | E::Store(StoreError::DiskFull { .. })
    )
}
