//! A federation of machines, and the oracle that looks at a disk after everything that may have changed it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use causal::{BaseId, RecordId};
use office::{NewBase, OfficeError, Settings};
use store::{Engine, Read, StoreError};
use sync::parent::Incoming;
use sync::{Reason, Row, Seal, TimelineId};

use crate::bases::Bases;
use crate::codec::{self, Copy, Dot};
use crate::contract::{KINDS, REGISTRY, WISH, contract, engine};
use crate::disk::Disk;
use crate::ledger::{Checked, Ledger, Wrong};
use crate::machine::{Late, Machine, Plan, Seen};
use crate::options::Options;
use crate::random::Random;
use crate::trace::Trace;

/// 2026-11-22, about noon in Shenzhen.
const START_MS: u64 = 1_795_320_000_000;

/// A federation under way.
pub struct World<D: Disk> {
    pub options: Options,
    pub bases: Bases,
    pub ledger: Ledger,
    pub machines: Vec<Machine<D>>,
    pub late: Vec<Late>,
    /// The root's words on who sits where, as they travel by their number.
    pub statements: Vec<Vec<Incoming>>,
    /// Links that are cut in one direction, until which step: (child, upward).
    pub cuts: BTreeMap<(BaseId, bool), usize>,
    pub step: usize,
    pub time: Arc<AtomicU64>,
    pub trace: Trace,
    /// Some disk was replaced by an older copy, or lost.
    pub restored: bool,
    /// What each seal claims: base, timeline, count.
    pub sealed: BTreeMap<(BaseId, TimelineId, u64), BTreeSet<Dot>>,
    /// Records of which a modified program sent something else.
    pub tampered: BTreeSet<RecordId>,
    /// Records that a person must look after: see [`World::waits_for_a_person`].
    pub waiting: BTreeSet<RecordId>,
    /// Bases whose nodes are barred at present.
    pub barred: BTreeSet<BaseId>,
    pub make_disk: fn() -> Result<D, String>,
}

/// An error of the office as something that must not happen.
pub fn broken(doing: &str) -> impl Fn(OfficeError) -> Wrong {
    let doing = doing.to_owned();
    move |error| Wrong(format!("{doing} failed: {error:?}"))
}

/// A disk that cannot be read.
pub fn unreadable(error: StoreError) -> Wrong {
    Wrong(format!("a disk cannot be read: {error:?}"))
}

impl<D: Disk> World<D> {
    /// Sets up the city, its districts and streets, each with the bases' records.
    ///
    /// # Errors
    /// What goes wrong.
    pub async fn new(seed: u64, options: Options, make_disk: fn() -> Result<D, String>) -> Checked<World<D>> {
        let time = Arc::new(AtomicU64::new(START_MS));
        let mut world = World {
            options,
            bases: Bases::default(),
            ledger: Ledger::default(),
            machines: Vec::new(),
            late: Vec::new(),
            statements: Vec::new(),
            cuts: BTreeMap::new(),
            step: 0,
            time,
            trace: Trace::default(),
            restored: false,
            sealed: BTreeMap::new(),
            tampered: BTreeSet::new(),
            waiting: BTreeSet::new(),
            barred: BTreeSet::new(),
            make_disk,
        };
        world.settle(seed).await?;
        Ok(world)
    }

    async fn settle(&mut self, seed: u64) -> Checked {
        let mut random = Random::of_part(seed, 1);
        let districts = self.options.districts;
        let mut plan: Vec<(String, Option<String>)> = vec![("c".into(), None)];
        plan.extend((0..districts).map(|n| (format!("d{n}"), Some("c".into()))));
        for n in 0..self.options.streets {
            let above =
                if districts == 0 { "c".into() } else { format!("d{}", random.below(districts as usize)) };
            plan.push((format!("s{n}"), Some(above)));
        }
        let newest = contract(true).map_err(Wrong)?;
        let registry = newest.registry().ok_or(Wrong("no registry".into()))?.name.clone();
        let id = |code: &str| BaseId(record::derived_id(&registry, &[code.to_owned()]).0);
        for (at, (code, above)) in plan.iter().enumerate() {
            let base = id(code);
            self.bases.add(base, code.clone(), above.as_deref().map(id));
            let newer = at == 0 || !random.percent(self.options.older);
            let settings =
                Settings { batch_records: self.options.batch_records as usize, ..Settings::default() };
            let machine = Plan {
                base,
                name: code.clone(),
                disk: (self.make_disk)().map_err(Wrong)?,
                schema: contract(newer).map_err(Wrong)?,
                newer,
                settings,
                random: Random::of_part(seed, 100 + at as u64),
            };
            let machine = Machine::start(machine, &self.time).await.map_err(broken("the start"))?;
            self.machines.push(machine);
        }
        for (code, above) in &plan {
            let new = NewBase {
                code: code.clone(),
                name: code.clone(),
                rung: "1".into(),
                parent: above.as_deref().map(id),
                jurisdiction: vec!["440300000000".into()],
                hosted: false,
            };
            self.machines[0].office.register_base(&new).await.map_err(broken("registering a base"))?;
        }
        for child in 1..self.machines.len() {
            self.join(child).await?;
        }
        Ok(())
    }

    /// The first tree of a machine that joins.
    async fn join(&mut self, child: usize) -> Checked {
        let Some(parent) = self.above(child) else { return Ok(()) };
        let (child, parent) = (&self.machines[child].office, &self.machines[parent].office);
        let hello = sync::parent::Hello::default();
        let session = parent.handshake(child.me().base, &hello, b"none").await.map_err(broken("joining"))?;
        let registry: Vec<Incoming> = session.registry.iter().map(incoming).collect();
        child.adopt_registry(parent.me().base, &registry).await.map_err(broken("joining"))
    }

    /// The machine that a machine dials, as far as it knows the tree: of two with one identity the original.
    pub fn above(&self, child: usize) -> Option<usize> {
        let parent = self.machines[child].office.parent().or(self.bases.parent(self.machines[child].base))?;
        self.machine_of(parent)
    }

    /// The original machine of a base.
    pub fn machine_of(&self, base: BaseId) -> Option<usize> {
        self.machines.iter().position(|m| m.base == base && !m.is_clone)
    }

    /// Time passes.
    pub fn pass(&self, ms: u64) {
        self.time.fetch_add(ms, Ordering::Relaxed);
    }

    /// Looks at a disk after something that may have changed it, and checks what must hold at every step.
    ///
    /// # Errors
    /// What does not hold.
    pub async fn look(&mut self, at: usize) -> Checked {
        if at == 0 {
            self.learn_seats();
        }
        let rows = read_rows(&self.machines[at]).await?;
        let pending = self.machines[at].pending.take();
        let mut news = Vec::new();
        let mut ids = BTreeSet::new();
        for row in rows {
            ids.insert(row.id);
            let old = self.machines[at].copies.get_mut(&row.id);
            if let Some(old) = old.filter(|old| old.state == row.state) {
                (old.seq, old.hidden, old.refused) = (row.seq, row.hidden, row.refused);
                continue;
            }
            news.push(row);
        }
        for row in news {
            self.look_at_row(at, row, pending.as_ref())?;
        }
        let gone: Vec<RecordId> =
            self.machines[at].copies.keys().filter(|id| !ids.contains(id)).copied().collect();
        for id in gone {
            self.look_at_drop(at, id)?;
        }
        self.look_at_seals(at).await
    }

    fn look_at_row(&mut self, at: usize, row: Row, pending: Option<&crate::machine::Pending>) -> Checked {
        let machine = &self.machines[at];
        let who = machine.name.clone();
        let base = machine.base;
        let copy =
            codec::decode(&row.state).ok_or(Wrong(format!("{who} stores bytes that nobody can read")))?;
        let form = pending.filter(|p| p.id.is_none_or(|id| id == row.id)).map(|p| &p.form);
        for part in &copy.parts {
            match (self.ledger.edit(row.id, part.dot), form) {
                (Some(made), _) => {
                    let same =
                        |(place, value): (&codec::Place, &Vec<u8>)| made.values.get(place) == Some(value);
                    let same = made.base.0 == part.base && part.values.iter().all(same);
                    if !same && self.restored && self.tampered.contains(&row.id) {
                        // The tag proves that an edit was this office's own, not what it said: what a restored disk lost
                        // comes back as others tell it, and a person looks it over.
                        self.waiting.insert(row.id);
                    } else if !same {
                        return Err(Wrong(format!(
                            "{who} holds another {:?} of {} than was written",
                            part.dot, row.id
                        )));
                    }
                }
                (None, Some(form)) if part.base == base.0 => {
                    let old = self.machines[at].copies.get(&row.id);
                    let known = old.map(|old| old.copy.parts.iter().map(|part| part.dot).collect());
                    let known = known.unwrap_or_default();
                    let legal = self.ledger.write(&self.bases, row.id, part, form, &known);
                    legal
                        .or_else(|wrong| if self.waiting.contains(&row.id) { Ok(()) } else { Err(wrong) })?;
                    self.machines[at].replica = Some(part.dot.0);
                }
                // The office itself overruled what was not its writer's to write.
                (None, None) if part.base == base.0 => {
                    self.ledger.overrule(&self.bases, row.id, part, &copy)?;
                }
                // Whom a liar forged may have come to sit beneath it since, and it speaks for those beneath.
                _ if self.bases.is_moved() && self.tampered.contains(&row.id) => {
                    self.waiting.insert(row.id);
                }
                _ => {
                    return Err(Wrong(format!(
                        "{who} holds an edit {:?} of {} that nobody made",
                        part.dot, row.id
                    )));
                }
            }
        }
        self.check_claims(&who, row.id, &copy)?;
        let old = self.machines[at].copies.get(&row.id);
        if let Some(old) = old.filter(|_| !self.waiting.contains(&row.id)) {
            self.check_nothing_vanished(&who, row.id, &old.copy, &copy)?;
        }
        if !self.ledger.ever_in_scope(&self.bases, row.id, base) {
            return Err(Wrong(format!("{who} holds {}, which was never meant for it", row.id)));
        }
        let held = self.ledger.held(row.id, &copy);
        let machine = &mut self.machines[at];
        machine.ever.extend(&held);
        machine.dropped.remove(&row.id);
        let seen = Seen {
            kind: row.kind,
            seq: row.seq,
            state: row.state,
            copy,
            hidden: row.hidden,
            refused: row.refused,
            held,
        };
        machine.copies.insert(row.id, seen);
        Ok(())
    }

    /// No copy claims to have seen what a replica that writes now has not written yet. Of a replica that is gone such a
    /// claim can do harm only to edits that a restored disk lost; that it did none is seen at rest.
    fn check_claims(&self, who: &str, id: RecordId, copy: &Copy) -> Checked {
        // Of two machines with one identity neither can tell the other's replica from one of its own past.
        let twin = |base| self.machines.iter().any(|m| m.is_clone && m.base == base);
        let writes =
            |replica: &u64| self.machines.iter().any(|m| m.replica == Some(*replica) && !twin(m.base));
        let made = |(replica, tick): &(&u64, &u64)| {
            self.ledger.replica(**replica).is_some_and(|(_, last)| **tick <= last)
        };
        match copy.context.iter().find(|claim| writes(claim.0) && !made(claim)) {
            None => Ok(()),
            Some(claim) => {
                Err(Wrong(format!("{who} believes a claim {claim:?} about {id} that is not true")))
            }
        }
    }

    /// A value goes only where an edit stands that saw it.
    fn check_nothing_vanished(&self, who: &str, id: RecordId, before: &Copy, after: &Copy) -> Checked {
        let now = after.standing();
        for (place, dots) in before.standing() {
            for dot in dots {
                if !now.get(place).is_some_and(|standing| self.ledger.arrived(id, dot, standing)) {
                    return Err(Wrong(format!("{who}: {dot:?} vanished from field {} of {id}", place.0)));
                }
            }
        }
        Ok(())
    }

    /// Takes note of a record that was refused, where that is right: what a lie was told about; what cannot be proved
    /// any more, because the disk of its writer was replaced by an older one; and, for now, what was written at a former
    /// home. How many they are is told with the result: they must be few.
    pub fn waits_for_a_person(&mut self, id: RecordId, reason: Reason) {
        let moved = self.ledger.homes(id) > 1;
        let lost = self.restored && matches!(reason, Reason::Unverified | Reason::Illegal | Reason::Scope);
        // A base that was moved brings what its former parent had shown it, and would have taken back.
        let brought = self.bases.is_moved() && reason == Reason::Unverified;
        let late = moved && matches!(reason, Reason::Illegal | Reason::Scope);
        if self.tampered.contains(&id) || lost || late || brought {
            self.waiting.insert(id);
        }
    }

    /// A record is dropped only where another machine has all of it; that this was the last copy, since the other lost
    /// it meanwhile, is the known limit of two faults at once.
    fn look_at_drop(&mut self, at: usize, id: RecordId) -> Checked {
        let Some(seen) = self.machines[at].copies.remove(&id) else { return Ok(()) };
        self.machines[at].dropped.insert(id);
        // Who has dropped something writes under another name from now on.
        self.machines[at].replica = None;
        let elsewhere = self.held_by_others(at);
        let last: Vec<Dot> = seen.held.difference(&elsewhere).copied().collect();
        let name = &self.machines[at].name;
        if !last.is_empty() && !self.restored {
            return Err(Wrong(format!("{name} dropped the last copy of {last:?} of {id}")));
        }
        self.ledger.destroyed.extend(last);
        Ok(())
    }

    /// All edits that machines other than this one hold.
    pub fn held_by_others(&self, at: usize) -> BTreeSet<Dot> {
        let others = self.machines.iter().enumerate().filter(|(other, _)| *other != at);
        others.flat_map(|(_, machine)| machine.held().copied()).collect()
    }

    /// What a seal claims is on the disk of whoever believes it, or was.
    async fn look_at_seals(&mut self, at: usize) -> Checked {
        let mut snapshot = self.machines[at].engine.plain().snapshot().await.map_err(unreadable)?;
        let seals = snapshot.seals().await.map_err(unreadable)?;
        let known = std::mem::take(&mut self.machines[at].seals);
        let kept: BTreeSet<RecordId> = match seals == known {
            true => BTreeSet::new(),
            false => snapshot
                .quarantined(usize::MAX >> 8)
                .await
                .map_err(unreadable)?
                .into_iter()
                .map(|q| q.record)
                .collect(),
        };
        for seal in seals.iter().filter(|seal| !known.contains(seal)) {
            self.check_seal(at, seal, &kept)?;
        }
        self.machines[at].seals = seals;
        Ok(())
    }

    /// The edits of its own base that a machine holds now, in rows up to a number.
    pub fn own_edits(&self, at: usize, upto: u64) -> BTreeSet<Dot> {
        let machine = &self.machines[at];
        let mut edits = BTreeSet::new();
        for (id, seen) in machine.copies.iter().filter(|(_, seen)| seen.seq <= upto) {
            let own = |dot: &&Dot| self.ledger.edit(*id, **dot).is_some_and(|made| made.base == machine.base);
            edits.extend(seen.held.iter().filter(own));
        }
        edits
    }

    /// What a seal claims that is sent: all that its base wrote by when the round began, and whatever else it says to
    /// cover.
    pub fn note_seal(&mut self, at: usize, seal: &Seal, began: &BTreeSet<Dot>) {
        let key = (seal.base, seal.timeline, seal.n);
        if seal.base != self.machines[at].base || self.sealed.contains_key(&key) {
            return;
        }
        let mut claimed = self.own_edits(at, seal.covers_seq);
        claimed.extend(began);
        self.sealed.insert(key, claimed);
    }

    fn check_seal(&self, at: usize, seal: &Seal, kept: &BTreeSet<RecordId>) -> Checked {
        let machine = &self.machines[at];
        let Some(claimed) = self.sealed.get(&(seal.base, seal.timeline, seal.n)) else { return Ok(()) };
        let open = seal.unsent > 0 || seal.quarantined > 0 || !seal.exceptions.is_empty();
        if machine.base == seal.base || open {
            return Ok(());
        }
        let lacks = |dot: &&Dot| !machine.ever.contains(dot) && !self.ledger.destroyed.contains(dot);
        let aside =
            |dot: &Dot| kept.iter().chain(&self.waiting).any(|id| self.ledger.edit(*id, *dot).is_some());
        match claimed.iter().filter(lacks).find(|dot| !aside(dot)) {
            None => Ok(()),
            Some(dot) => Err(Wrong(format!(
                "{} believes that {} has reported everything up to seal {}, and lacks {dot:?} of {:?}",
                machine.name,
                self.bases.name(seal.base),
                seal.n,
                self.ledger.records().find(|id| self.ledger.edit(*id, *dot).is_some())
            ))),
        }
    }
}

/// All rows of a disk but those of the registry.
async fn read_rows<D: Disk>(machine: &Machine<D>) -> Checked<Vec<Row>> {
    let mut snapshot = machine.engine.plain().snapshot().await.map_err(unreadable)?;
    let mut rows = Vec::new();
    for kind in KINDS.into_iter().chain([WISH]) {
        rows.extend(snapshot.of_kind(kind).await.map_err(unreadable)?);
    }
    Ok(rows)
}

/// The rows of the registry on a disk.
pub async fn read_registry<D: Disk>(machine: &Machine<D>) -> Checked<Vec<Row>> {
    let mut snapshot = machine.engine.plain().snapshot().await.map_err(unreadable)?;
    snapshot.of_kind(REGISTRY).await.map_err(unreadable)
}

/// A row as it travels.
pub fn incoming(row: &Row) -> Incoming {
    Incoming { id: row.id, kind: row.kind.clone(), state: row.state.clone() }
}

/// As [`is_for`], by all places that bases ever had: whoever sends it may not have heard yet that one was moved.
pub fn might_be_for(bases: &Bases, copy: &Copy, base: BaseId) -> bool {
    bases.might_see(base, &copy.bases(engine::HOME), &copy.bases(engine::AUDIENCE))
}

/// Whether a copy is meant for a base, by what stands in it.
pub fn is_for(bases: &Bases, copy: &Copy, base: BaseId) -> bool {
    bases.may_see(base, &copy.bases(engine::HOME), &copy.bases(engine::AUDIENCE))
}
