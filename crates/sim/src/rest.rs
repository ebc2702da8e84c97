//! After the storm: everything heals, everything drains within a bounded number of rounds, and then all must be right.

use std::collections::{BTreeMap, BTreeSet};

use causal::RecordId;
use store::{Engine, Read};

use crate::codec::{Dot, Place};
use crate::disk::Disk;
use crate::ledger::{Checked, Wrong};
use crate::machine::{Late, Talk};
use crate::random::Random;
use crate::talk::short;
use crate::trace::fnv;
use crate::world::{World, broken, is_for, read_registry, unreadable};

/// Rounds of every machine after which a healthy federation must be at rest: up and down through three tiers, again
/// for what had to be sent once more, and again for what that brought to light.
const PASSES_MAX: usize = 12;

impl<D: Disk> World<D> {
    /// Heals everything and lets it drain, then checks all that must be true at rest.
    ///
    /// # Errors
    /// What is not true.
    pub async fn come_to_rest(&mut self) -> Checked {
        self.heal().await?;
        self.drain().await?;
        self.check_rest().await?;
        self.check_restart().await
    }

    async fn heal(&mut self) -> Checked {
        self.trace.note("everything heals".into());
        self.cuts.clear();
        let mut dice = Random::new(1);
        let calm = (self.options.crashes, self.options.full_disk);
        (self.options.crashes, self.options.full_disk) = (0, 0);
        while self.late.iter().any(|late| matches!(late, Late::Batch(..))) {
            self.late(&mut dice).await?;
        }
        (self.options.crashes, self.options.full_disk) = calm;
        self.late.clear();
        for base in std::mem::take(&mut self.barred) {
            self.set_barred(base, false).await?;
        }
        self.machines.iter_mut().for_each(|m| m.talk = Talk::Idle);
        Ok(())
    }

    /// Rounds of all, from below, until one in which nothing moves.
    async fn drain(&mut self) -> Checked {
        for pass in 0..PASSES_MAX {
            let mut moved = 0;
            for at in (1..self.machines.len()).rev() {
                match self.whole_round(at).await? {
                    Some(round) => moved += round.pushed + round.pulled + round.withdrawn,
                    // A restored parent had forgotten that it was barred, and has learned it again.
                    None => {
                        moved += 1;
                        self.set_barred(self.machines[at].base, false).await?;
                    }
                }
            }
            self.trace.note(format!("quiet pass {pass}: {moved} moved"));
            if moved == 0 {
                return Ok(());
            }
        }
        Err(Wrong(format!("there is still traffic after {PASSES_MAX} rounds of everybody")))
    }

    async fn check_rest(&mut self) -> Checked {
        let excused = self.excused().await?;
        let mut records: BTreeSet<RecordId> =
            self.machines.iter().flat_map(|m| m.copies.keys().copied()).collect();
        records.extend(self.ledger.records());
        for id in records.difference(&excused) {
            self.check_record(*id)?;
        }
        self.check_registry().await?;
        for at in 1..self.machines.len() {
            self.check_unsent(at, &excused).await?;
        }
        Ok(())
    }

    /// Records that wait for a person. Nothing else is in quarantine at rest.
    async fn excused(&self) -> Checked<BTreeSet<RecordId>> {
        for machine in &self.machines {
            let mut snapshot = machine.engine.plain().snapshot().await.map_err(unreadable)?;
            for q in snapshot.quarantined(usize::MAX >> 8).await.map_err(unreadable)? {
                if !self.waiting.contains(&q.record) {
                    let words = format!("{:?} {} inbound {}", q.reason, q.detail, q.inbound);
                    return Err(Wrong(format!("{} keeps {} aside: {words}", machine.name, short(q.record))));
                }
            }
        }
        Ok(self.waiting.clone())
    }

    fn check_record(&self, id: RecordId) -> Checked {
        let root = &self.machines[0];
        let all_lost = self.ledger.edits(id).all(|(dot, _)| self.ledger.destroyed.contains(dot));
        let Some(held) = root.copies.get(&id) else {
            return if all_lost {
                self.check_nowhere(id)
            } else {
                Err(Wrong(format!("the root lacks {}", short(id))))
            };
        };
        for machine in &self.machines {
            let (name, words) = (&machine.name, short(id));
            let copy = machine.copies.get(&id);
            match (is_for(&self.bases, &held.copy, machine.base), copy) {
                (false, None) => {}
                (false, Some(_)) => return Err(Wrong(format!("{name} keeps {words}, which is not for it"))),
                (true, None) => return Err(Wrong(format!("{name} lacks {words}"))),
                (true, Some(copy)) if copy.state != held.state => {
                    return Err(Wrong(format!(
                        "{name} holds another {words} than the root: {:?} and {:?}",
                        copy.copy, held.copy
                    )));
                }
                (true, Some(copy)) if copy.hidden || copy.refused => {
                    return Err(Wrong(format!("{name} hides {words}")));
                }
                _ => {}
            }
        }
        self.check_standing(id, held)
    }

    /// A record of which only destroyed disks held anything is nowhere.
    fn check_nowhere(&self, id: RecordId) -> Checked {
        match self.machines.iter().find(|m| m.copies.contains_key(&id)) {
            None => Ok(()),
            Some(machine) => {
                Err(Wrong(format!("{} holds {}, and the root does not", machine.name, short(id))))
            }
        }
    }

    /// Promise 1: each register holds exactly the edits that no surviving edit replaced.
    fn check_standing(&self, id: RecordId, held: &crate::machine::Seen) -> Checked {
        let lost: BTreeSet<Dot> = self.ledger.destroyed.difference(&held.held).copied().collect();
        let must = self.ledger.must_stand(id, &lost);
        let mut stands: BTreeMap<Place, BTreeSet<Dot>> = BTreeMap::new();
        for (place, dots) in held.copy.standing() {
            stands.insert(place.clone(), dots.into_iter().collect());
        }
        if let Some(dot) = stands.values().flatten().find(|dot| self.ledger.is_stray(**dot)) {
            return Err(Wrong(format!(
                "of {} stands {dot:?}, which was not its writer's to make",
                short(id)
            )));
        }
        if stands == must {
            return Ok(());
        }
        let differs = |place: &&Place| stands.get(place) != must.get(place);
        let place = stands.keys().chain(must.keys()).find(differs);
        let at = place.map(|p| (p.0, stands.get(p), must.get(p)));
        Err(Wrong(format!("of {} stands, and must stand: {at:?}", short(id))))
    }

    /// All machines hold the same bases.
    async fn check_registry(&self) -> Checked {
        let of_root: BTreeMap<RecordId, Vec<u8>> =
            read_registry(&self.machines[0]).await?.into_iter().map(|row| (row.id, row.state)).collect();
        for machine in &self.machines {
            let rows = read_registry(machine).await?;
            let same = rows.len() == of_root.len()
                && rows.iter().all(|row| of_root.get(&row.id) == Some(&row.state));
            if !same {
                return Err(Wrong(format!("{} knows other bases than the root", machine.name)));
            }
        }
        Ok(())
    }

    async fn check_unsent(&self, at: usize, excused: &BTreeSet<RecordId>) -> Checked {
        let machine = &self.machines[at];
        let mut snapshot = machine.engine.plain().snapshot().await.map_err(unreadable)?;
        let waiting = snapshot.unsent(0, usize::MAX >> 8, usize::MAX).await.map_err(unreadable)?;
        match waiting.iter().find(|row| !excused.contains(&row.id)) {
            None => Ok(()),
            Some(row) => Err(Wrong(format!("{} still wants to send {}", machine.name, short(row.id)))),
        }
    }

    /// A plain restart of everybody sends nothing.
    async fn check_restart(&mut self) -> Checked {
        for at in 0..self.machines.len() {
            self.machines[at].restart().await.map_err(broken("restarting"))?;
            self.look(at).await?;
        }
        for at in (1..self.machines.len()).rev() {
            let moved = self.whole_round(at).await?.unwrap_or_default();
            let quiet = moved.pushed + moved.pulled + moved.withdrawn == 0 && !moved.resync;
            if !quiet {
                return Err(Wrong(format!(
                    "after a plain restart {} moves {moved:?}",
                    self.machines[at].name
                )));
            }
        }
        Ok(())
    }

    /// What all disks hold in the end, as one number.
    pub fn end_state(&self) -> u64 {
        let mut hash = 0;
        for machine in &self.machines {
            hash = fnv(hash, machine.name.as_bytes());
            for (id, seen) in &machine.copies {
                hash = fnv(hash, &id.0);
                hash = fnv(hash, &seen.state);
            }
        }
        hash
    }
}
