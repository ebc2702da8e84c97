//! A modified program: what it pushes is taken from an honest copy and changed so that it is a lie.

use causal::{BaseId, RecordId};
use office::PushedBatch;
use sync::parent::Incoming;

use crate::codec::{self, Copy, Part};
use crate::contract::{engine, note};
use crate::disk::Disk;
use crate::ledger::Checked;
use crate::random::Random;
use crate::world::World;

/// A claim far beyond what any replica writes here.
const FAR_TICK: u64 = 1_000_000;

impl<D: Disk> World<D> {
    /// The program of a node below the root sends one lie upward.
    pub async fn lie(&mut self, dice: &mut Random) -> Checked {
        let at = 1 + dice.below(self.machines.len() - 1);
        let Some(parent) = self.above(at) else { return Ok(()) };
        let base = self.machines[at].base;
        let ids: Vec<RecordId> = self.machines[at].copies.keys().copied().collect();
        let which = dice.below(7);
        let fresh = dice.u64() | 1;
        let Some(lie) = self.make_lie(at, dice.of(&ids).copied(), (which, fresh)) else { return Ok(()) };
        self.trace.note(format!(
            "{} lies ({which}) about {}",
            self.machines[at].name,
            crate::talk::short(lie.id)
        ));
        self.tampered.insert(lie.id);
        // No session: it counts as data, nothing else.
        let batch = PushedBatch { records: vec![lie], ..PushedBatch::default() };
        self.receive(parent, base, 0, vec![batch]).await.map(drop)
    }

    fn make_lie(&self, at: usize, id: Option<RecordId>, (which, fresh): (usize, u64)) -> Option<Incoming> {
        let base = self.machines[at].base;
        let mut random = [0; 16];
        random[..8].copy_from_slice(&fresh.to_be_bytes());
        let (id, kind, mut copy) = match id.filter(|_| which < 5) {
            Some(id) => {
                let seen = &self.machines[at].copies[&id];
                (id, seen.kind.clone(), seen.copy.clone())
            }
            None => (RecordId(random), "note".to_owned(), Copy::default()),
        };
        let stranger = self.bases.all().into_iter().find(|other| !self.bases.was_within(*other, base))?;
        let foreign = |part: &Part| !self.bases.was_within(BaseId(part.base), base);
        // A liar that claims more than it saw may well have replaced a value by what it writes for the first time.
        let above = self.above(at).and_then(|above| self.machines[above].copies.get(&id));
        let settled = copy.parts.iter().filter(|part| !foreign(part)).all(|part| {
            above.is_some_and(|seen| {
                seen.copy.context.get(&part.dot.0).is_some_and(|tick| part.dot.1 <= *tick)
            })
        });
        let remark = |text: &str| (note::REMARK, codec::field(note::REMARK, text.as_bytes()));
        match which {
            // An edit in the name of a base that did not make it.
            0 => add(&mut copy, (fresh, 1), stranger, &[remark("伪造")]),
            // The same, as the next edit of a replica that exists.
            1 if settled => {
                let part = copy.parts.iter().find(|part| foreign(part))?.clone();
                let next = (part.dot.0, copy.context.get(&part.dot.0)? + FAR_TICK);
                add(&mut copy, next, BaseId(part.base), &[remark("伪造")]);
            }
            // A claim to have seen what was never written.
            2 if settled => {
                let replica = copy.parts.iter().find(|part| foreign(part))?.dot.0;
                *copy.context.get_mut(&replica)? += FAR_TICK;
            }
            1 | 2 => return None,
            // A value of another that is simply gone. Where the liar's own stands beside it, it could have replaced it.
            3 => {
                let own = |place: &codec::Place| {
                    copy.parts.iter().any(|p| !foreign(p) && p.values.contains_key(place))
                };
                let alone = |part: &Part| part.values.keys().find(|place| !own(place)).cloned();
                let (dot, place) = copy
                    .parts
                    .iter()
                    .filter(|p| foreign(p))
                    .find_map(|part| Some((part.dot, alone(part)?)))?;
                copy.parts.iter_mut().filter(|p| p.dot == dot).for_each(|p| drop(p.values.remove(&place)));
            }
            // A value of another that says something else.
            4 => {
                let part = copy.parts.iter_mut().find(|part| foreign(part))?;
                let ((field, _), value) =
                    part.values.iter_mut().find(|((_, element), _)| element.is_empty())?;
                *value = codec::field(*field, "篡改".as_bytes());
            }
            // A record that belongs to somebody else.
            5 => {
                let home = codec::field(engine::HOME, &stranger.0);
                add(&mut copy, (fresh, 1), base, &[remark("外人"), (engine::HOME, home)]);
            }
            // Bytes that are no state.
            _ => return Some(Incoming { id, kind, state: random.to_vec() }),
        }
        Some(Incoming { id, kind, state: codec::encode(&copy) })
    }
}

/// Adds an edit beside what stands: a liar may throw away what is its own, and that is not what is looked for here.
fn add(copy: &mut Copy, dot: codec::Dot, base: BaseId, values: &[(u32, Vec<u8>)]) {
    let values = values.iter().map(|(field, value)| ((*field, Vec::new()), value.clone())).collect();
    copy.parts.push(Part { dot, saved_at_ms: 1, base: base.0, user: b"x".to_vec(), tag: [7; 8], values });
    copy.context.insert(dot.0, dot.1);
}
