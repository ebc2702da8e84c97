//! The oracle's book: which edit was made where, what its writer saw, and so what must stand in the end. It knows
//! edits as sets, and neither contexts nor merges.

use std::collections::{BTreeMap, BTreeSet};

use causal::{BaseId, RecordId};

use crate::bases::Bases;
use crate::codec::{Copy, Dot, Part, Place};
use crate::contract::{engine, note};

/// What the oracle found wrong, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong(pub String);

/// A check that may find something.
pub type Checked<T = ()> = Result<T, Wrong>;

/// One edit.
#[derive(Clone, Debug)]
pub struct Made {
    /// In whose name.
    pub base: BaseId,
    /// What it wrote, register by register.
    pub values: BTreeMap<Place, Vec<u8>>,
    /// All edits that its writer had seen: those that stood in the form, and what those had seen.
    pub seen: BTreeSet<Dot>,
}

/// Ids of bases.
type Ids = BTreeSet<[u8; 16]>;

/// Everything that was ever written.
#[derive(Default)]
pub struct Ledger {
    records: BTreeMap<RecordId, BTreeMap<Dot, Made>>,
    /// The highest tick of each replica, and whose it is.
    replicas: BTreeMap<u64, (BaseId, u64)>,
    /// Everybody who was ever named as home or audience of a record.
    scopes: BTreeMap<RecordId, (Ids, Ids)>,
    /// Edits that only a disk held which was replaced by an older copy.
    pub destroyed: BTreeSet<Dot>,
    /// Edits that were not their writers' to make.
    strays: BTreeSet<Dot>,
    /// Corrective entries that offices made, each with whose they are.
    corrections: BTreeMap<Dot, BaseId>,
}

impl Ledger {
    /// Takes note of an edit that was found on the disk of the base that made it. `form` are the edits that stood in
    /// what the writer saw, `known` those that stood on the disk by then: the office may go by them too.
    pub fn write(
        &mut self,
        bases: &Bases,
        record: RecordId,
        part: &Part,
        form: &BTreeSet<Dot>,
        known: &BTreeSet<Dot>,
    ) -> Checked {
        let base = BaseId(part.base);
        let (owner, tick) = self.replicas.entry(part.dot.0).or_insert((base, 0));
        if *owner != base || part.dot.1 <= *tick {
            return Err(Wrong(format!("the name {:?} was given to an edit before", part.dot)));
        }
        *tick = part.dot.1;
        let of_record = self.records.entry(record).or_default();
        let with_past = |dots: &BTreeSet<Dot>| {
            let mut all = dots.clone();
            dots.iter().filter_map(|dot| of_record.get(dot)).for_each(|made| all.extend(&made.seen));
            all
        };
        let (seen, known) = (with_past(form), with_past(known));
        note_scope(self.scopes.entry(record).or_default(), part);
        let made = Made { base, values: part.values.clone(), seen };
        let informed = Made { seen: known, ..made.clone() };
        let verdict = may_write(bases, of_record, &made).or_else(|_| may_write(bases, of_record, &informed));
        of_record.insert(part.dot, made);
        verdict
    }

    /// Takes note of an edit that is on its way and was not its writer's to make.
    pub fn stray(&mut self, record: RecordId, part: &Part, form: BTreeSet<Dot>) {
        let base = BaseId(part.base);
        self.replicas.insert(part.dot.0, (base, part.dot.1));
        let of_record = self.records.entry(record).or_default();
        let past =
            form.iter().filter_map(|dot| of_record.get(dot)).flat_map(|made| made.seen.iter().copied());
        let seen = past.chain(form.iter().copied()).collect();
        of_record.insert(part.dot, Made { base, values: part.values.clone(), seen });
        self.strays.insert(part.dot);
    }

    /// Whether an edit was not its writer's to make.
    pub fn is_stray(&self, dot: Dot) -> bool {
        self.strays.contains(&dot)
    }

    /// Whether a record ever belonged to a base or to one beneath it.
    pub fn was_home_beneath(&self, bases: &Bases, record: RecordId, base: BaseId) -> bool {
        let homes = self.scopes.get(&record).map(|(homes, _)| homes);
        homes.is_none_or(|homes| homes.iter().any(|home| bases.was_within(BaseId(*home), base)))
    }

    /// Takes note of a corrective entry that an office made: in its registers it replaces what the copy has seen, what
    /// stands there no more, and what nothing else that stands there replaced. What a base above the home set right is
    /// not set right once more, to the same value.
    pub fn overrule(&mut self, bases: &Bases, record: RecordId, part: &Part, copy: &Copy) -> Checked {
        let standing = copy.standing();
        let covered = |(dot, made): &(&Dot, &Made)| {
            let known = copy.context.get(&dot.0).is_some_and(|tick| dot.1 <= *tick);
            let gone = |place: &&Place| {
                let stands = standing.get(place).map(Vec::as_slice).unwrap_or_default();
                made.values.contains_key(*place) && !self.arrived(record, **dot, stands)
            };
            known && part.values.keys().any(|place| gone(&place))
        };
        let direct: Vec<(Dot, BTreeSet<Dot>)> =
            self.edits(record).filter(covered).map(|(dot, made)| (*dot, made.seen.clone())).collect();
        let again = direct.iter().map(|(dot, _)| *dot).find(|dot| {
            let by = self.corrections.get(dot);
            let same = self.edit(record, *dot).is_some_and(|made| made.values == part.values);
            let overwritten = direct.iter().any(|(_, seen)| seen.contains(dot));
            same && !overwritten && by.is_some_and(|by| self.was_home_beneath(bases, record, *by))
        });
        if let Some(dot) = again {
            return Err(Wrong(format!("the correction {dot:?} of {record} was corrected back")));
        }
        let seen = direct.into_iter().flat_map(|(dot, seen)| seen.into_iter().chain([dot])).collect();
        let base = BaseId(part.base);
        let scope = self.scopes.entry(record).or_default();
        note_scope(scope, part);
        self.corrections.insert(part.dot, base);
        let (_, tick) = self.replicas.entry(part.dot.0).or_insert((base, 0));
        *tick = part.dot.1.max(*tick);
        let made = Made { base, values: part.values.clone(), seen };
        self.records.entry(record).or_default().insert(part.dot, made);
        Ok(())
    }

    /// The edits of a record.
    pub fn edits(&self, record: RecordId) -> impl Iterator<Item = (&Dot, &Made)> {
        self.records.get(&record).into_iter().flatten()
    }

    /// One edit.
    pub fn edit(&self, record: RecordId, dot: Dot) -> Option<&Made> {
        self.records.get(&record)?.get(&dot)
    }

    /// All records.
    pub fn records(&self) -> impl Iterator<Item = RecordId> {
        self.records.keys().copied()
    }

    /// The highest tick that was given out of a replica, and whose it is.
    pub fn replica(&self, replica: u64) -> Option<(BaseId, u64)> {
        self.replicas.get(&replica).copied()
    }

    /// How many bases were ever named as a record's home.
    pub fn homes(&self, record: RecordId) -> usize {
        self.scopes.get(&record).map_or(0, |(homes, _)| homes.len())
    }

    /// Whether a base was ever meant to see a record.
    pub fn ever_in_scope(&self, bases: &Bases, record: RecordId, base: BaseId) -> bool {
        let Some((homes, audience)) = self.scopes.get(&record) else { return false };
        let all = |set: &BTreeSet<[u8; 16]>| set.iter().copied().collect::<Vec<_>>();
        bases.might_see(base, &all(homes), &all(audience))
    }

    /// Whether a register where these edits stand shows that `dot` arrived: it stands there, or what replaced it does.
    pub fn arrived(&self, record: RecordId, dot: Dot, standing: &[Dot]) -> bool {
        let later = |d: &Dot| *d == dot || self.edit(record, *d).is_some_and(|made| made.seen.contains(&dot));
        standing.iter().any(later)
    }

    /// The edits that a copy holds: of each of them every value stands, or one that replaced it.
    pub fn held(&self, record: RecordId, copy: &Copy) -> BTreeSet<Dot> {
        let standing = copy.standing();
        let here = |dot: &Dot, place: &Place| {
            standing.get(place).is_some_and(|standing| self.arrived(record, *dot, standing))
        };
        let whole = |(dot, made): &(&Dot, &Made)| made.values.keys().all(|place| here(dot, place));
        self.edits(record).filter(whole).map(|(dot, _)| *dot).collect()
    }

    /// What must stand in each register when the edits in `lost` are not counted: whatever no other one replaced.
    pub fn must_stand(&self, record: RecordId, lost: &BTreeSet<Dot>) -> BTreeMap<Place, BTreeSet<Dot>> {
        let alive: Vec<_> = self.edits(record).filter(|(dot, _)| !lost.contains(dot)).collect();
        let mut standing: BTreeMap<Place, BTreeSet<Dot>> = BTreeMap::new();
        for (dot, made) in &alive {
            for place in made.values.keys() {
                let replaced =
                    |(_, later): &(&Dot, &Made)| later.seen.contains(dot) && later.values.contains_key(place);
                if !alive.iter().any(replaced) {
                    standing.entry(place.clone()).or_default().insert(**dot);
                }
            }
        }
        standing
    }
}

/// Takes note of what an edit says of home and audience.
fn note_scope((homes, audience): &mut (Ids, Ids), part: &Part) {
    for ((field, _), value) in &part.values {
        match *field {
            engine::HOME => homes.extend(crate::codec::bases_of(value)),
            engine::AUDIENCE => audience.extend(crate::codec::bases_of(value)),
            _ => {}
        }
    }
}

/// The oracle's own table of who may write what in the contract of the simulation.
fn may_write(bases: &Bases, known: &BTreeMap<Dot, Made>, edit: &Made) -> Checked {
    let home: Place = (engine::HOME, Vec::new());
    let seen: Vec<(&Dot, &Made)> = known.iter().filter(|(dot, _)| edit.seen.contains(dot)).collect();
    let stood = |place: &Place| -> Vec<&Vec<u8>> {
        let replaced = |dot: &Dot| {
            seen.iter().any(|(_, later)| later.seen.contains(dot) && later.values.contains_key(place))
        };
        let standing = seen.iter().filter(|(dot, _)| !replaced(dot));
        standing.filter_map(|(_, made)| made.values.get(place)).collect()
    };
    let mut homes: Vec<BaseId> =
        stood(&home).iter().flat_map(|v| crate::codec::bases_of(v)).map(BaseId).collect();
    let creates = homes.is_empty();
    if creates {
        homes =
            edit.values.get(&home).into_iter().flat_map(|v| crate::codec::bases_of(v)).map(BaseId).collect();
    }
    let owns = homes.contains(&edit.base);
    let chain = homes.iter().any(|home| bases.was_within(*home, edit.base));
    for (place, value) in &edit.values {
        let legal = match place.0 {
            engine::HOME if creates => owns,
            engine::HOME => homes.iter().all(|home| bases.was_within(*home, edit.base)),
            note::TITLE => owns,
            note::AWARD => edit.base == bases.root(),
            note::STATE if !creates => homes.iter().any(|home| turn(bases, *home, edit.base, value)),
            note::GRADE if !owns => {
                let number = |v: &[u8]| crate::codec::number_of(v, None).unwrap_or(0);
                chain && stood(place).iter().all(|old| number(old) <= number(value))
            }
            _ => chain,
        };
        if !legal {
            let name = bases.name(edit.base);
            return Err(Wrong(format!("{name} was allowed to write field {} of another", place.0)));
        }
    }
    Ok(())
}

/// Whose turn a step of the workflow is: drafts are the home's, what is submitted the base's above, the rest the root's.
fn turn(bases: &Bases, home: BaseId, base: BaseId, value: &[u8]) -> bool {
    match crate::codec::number_of(value, Some(1)) {
        Some(1) => base == home,
        Some(2) => {
            bases.parents_ever(home).any(|above| above == base) || (base == home && home == bases.root())
        }
        Some(3) => base == bases.root(),
        _ => false,
    }
}
