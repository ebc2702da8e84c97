//! Programs that know no better: a base writes what is not its to write, and does not hide it. The base above takes the
//! write and overrules it (P6).

use causal::RecordId;
use office::PushedBatch;
use sync::parent::Incoming;

use crate::codec::{self, Copy, Part, Place};
use crate::contract::note;
use crate::disk::Disk;
use crate::ledger::Checked;
use crate::random::Random;
use crate::world::World;

impl<D: Disk> World<D> {
    /// A base below the root changes the title of somebody else's record, or gives an award, which only the root may.
    pub async fn stray(&mut self, dice: &mut Random) -> Checked {
        let at = 1 + dice.below(self.machines.len() - 1);
        let (chosen, fresh) = (dice.u64(), dice.u64() | 1);
        let Some(parent) = self.above(at) else { return Ok(()) };
        let base = self.machines[at].base;
        let (field, others) = match chosen & 1 {
            0 => (note::TITLE, self.others_notes(at)),
            _ => (note::AWARD, self.notes(at).collect()),
        };
        let Some(id) = others.get(((chosen >> 1) % others.len().max(1) as u64) as usize).copied() else {
            return Ok(());
        };
        let form = self.machines[at].copies[&id].copy.clone();
        let value = codec::field(field, format!("越权-{}", self.step).as_bytes());
        let part = Part {
            dot: (fresh, 1),
            saved_at_ms: 1,
            base: base.0,
            user: b"x".to_vec(),
            tag: [7; 8],
            values: [((field, Vec::new()), value)].into(),
        };
        self.ledger.stray(id, &part, form.parts.iter().map(|part| part.dot).collect());
        self.trace.note(format!("{} strays into {}", self.machines[at].name, crate::talk::short(id)));
        let honest = self.tampered.insert(id);
        let state = codec::encode(&over(form, part));
        let incoming = Incoming { id, kind: "note".into(), state };
        let batch = PushedBatch { records: vec![incoming], ..PushedBatch::default() };
        self.receive(parent, base, 0, vec![batch]).await?;
        let taken =
            self.machines[parent].copies.get(&id).is_some_and(|s| s.copy.context.contains_key(&fresh));
        if taken && honest {
            self.tampered.remove(&id);
        }
        if !taken {
            self.ledger.destroyed.insert((fresh, 1));
        }
        Ok(())
    }

    /// Notes on a machine that never belonged to its base, or to one beneath it.
    fn others_notes(&self, at: usize) -> Vec<RecordId> {
        let base = self.machines[at].base;
        let foreign = |id: &RecordId| !self.ledger.was_home_beneath(&self.bases, *id, base);
        self.notes(at).filter(foreign).collect()
    }

    fn notes(&self, at: usize) -> impl Iterator<Item = RecordId> + '_ {
        let notes = self.machines[at].copies.iter().filter(|(_, seen)| seen.kind == "note" && !seen.hidden);
        notes.map(|(id, _)| *id)
    }
}

/// What a form holds after a write over all of it.
fn over(mut form: Copy, part: Part) -> Copy {
    let written: Vec<&Place> = part.values.keys().collect();
    form.parts.iter_mut().for_each(|old| old.values.retain(|place, _| !written.contains(&place)));
    form.parts.retain(|old| !old.values.is_empty());
    form.context.insert(part.dot.0, part.dot.1);
    form.parts.push(part);
    form
}
