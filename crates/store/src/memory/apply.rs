//! Performing the changes of one transaction, in the order of the other engine.

use std::collections::btree_map::Entry;

use sync::{Changes, Handed, NewRow, Quarantined, Replica, Revision, Seal, Unsent};

use super::data::{Data, Held};
use crate::error::StoreError;
use crate::sqlite::refuse_twice;

/// Performs the changes; gives back the first number given out.
pub(super) fn apply(data: &mut Data, changes: &Changes) -> Result<u64, StoreError> {
    refuse_twice(changes)?;
    to_old(data, changes);
    let first = data.timelines.seq + 1;
    changes.rows.iter().for_each(|new| put_row(data, new));
    for withdraw in &changes.withdraws {
        data.timelines.seq += 1;
        data.withdraws.insert((withdraw.child, withdraw.record), data.timelines.seq);
    }
    beside(data, changes);
    Ok(first)
}

fn to_old(data: &mut Data, changes: &Changes) {
    if changes.resend_all {
        resend_all(data);
    }
    data.unsent.retain(|seq, _| !changes.acknowledged.iter().any(|(after, last)| after < seq && seq <= last));
    for seq in changes.clean.iter().chain(changes.refused.iter().map(|(_, seq)| seq)) {
        data.unsent.remove(seq);
    }
    for (id, seq) in &changes.refused {
        data.records
            .get_mut(id)
            .filter(|held| held.row.seq == *seq)
            .into_iter()
            .for_each(|h| h.row.refused = true);
    }
    for (id, hidden) in &changes.hide {
        data.records.get_mut(id).into_iter().for_each(|held| held.row.hidden = *hidden);
    }
    for id in &changes.drops {
        if let Some(held) = data.records.remove(id) {
            data.unsent.remove(&held.row.seq);
        }
        data.revisions.retain(|key, _| key.0 != *id);
    }
    data.forgotten += u64::from(!changes.drops.is_empty());
    for key in &changes.revisions_sent {
        data.revisions.get_mut(key).into_iter().for_each(|revision| revision.unsent = false);
    }
    changes.release.iter().for_each(|key| drop(data.quarantine.remove(key)));
    changes.forget_links.iter().for_each(|parent| drop(data.links.remove(&(*parent, true))));
    if changes.clear_ticks {
        data.ticks.clear();
    }
}

fn resend_all(data: &mut Data) {
    for held in data.records.values_mut() {
        held.row.refused = false;
        data.unsent.insert(held.row.seq, !held.row.hidden);
    }
    data.revisions.values_mut().for_each(|revision| revision.unsent = true);
    data.handed.values_mut().for_each(|handed| handed.unattested = true);
}

fn put_row(data: &mut Data, new: &NewRow) {
    data.unsent.remove(&new.row.seq);
    data.timelines.seq += 1;
    let seq = number(data.timelines.seq, new.row.seq);
    if new.row.unsent != Unsent::Clean {
        data.unsent.insert(seq, new.row.unsent == Unsent::Resend);
    }
    let mut held = Held { row: new.row.clone(), shown: new.shown.clone() };
    held.row.seq = seq;
    data.records.insert(held.row.id, held);
}

/// The number that a row takes. Planted: numbers that are seen before lower ones are given out; and a row that was
/// pulled (marked by the highest bit) goes on under the number it had.
fn number(next: u64, before: u64) -> u64 {
    const PULLED: u64 = 1 << 63;
    if planted::on!(SeqNotInOrder) {
        return if next % 2 == 1 { next + 1 } else { next - 1 };
    }
    if planted::on!(PulledKeepSeq) && before > PULLED { before - PULLED } else { next }
}

fn beside(data: &mut Data, changes: &Changes) {
    changes.revisions.iter().for_each(|revision| put_revision(data, revision));
    for quarantined in &changes.quarantine {
        let key = quarantined.key();
        let since = data.quarantine.get(&key).filter(|held| held.state == quarantined.state);
        let at_ms = since.map_or(quarantined.at_ms, |held| held.at_ms);
        data.quarantine.insert(key, Quarantined { at_ms, ..quarantined.clone() });
    }
    for link in &changes.links {
        data.links.insert((link.peer, link.up), link.clone());
    }
    changes.seals.iter().for_each(|seal| put_seal(data, seal));
    for tick in &changes.ticks {
        data.ticks.insert((tick.holder, tick.base), *tick);
    }
    changes.replicas.iter().for_each(|replica| put_replica(data, replica));
    changes.handed.iter().for_each(|handed| put_handed(data, handed));
}

fn put_revision(data: &mut Data, new: &Revision) {
    match data.revisions.entry((new.record, new.of, new.by)) {
        Entry::Vacant(free) => drop(free.insert(new.clone())),
        Entry::Occupied(mut held) if new.fragment.len() > held.get().fragment.len() => {
            held.get_mut().fragment.clone_from(&new.fragment);
            held.get_mut().unsent |= new.unsent;
        }
        Entry::Occupied(_) => {}
    }
}

fn put_seal(data: &mut Data, new: &Seal) {
    let held = data.seals.entry((new.base, new.timeline)).or_insert_with(|| new.clone());
    if new.n >= held.n {
        held.clone_from(new);
    }
}

fn put_replica(data: &mut Data, new: &Replica) {
    let held = data.replicas.entry(new.id).or_insert(*new);
    held.base = held.base.or(new.base);
    held.tick = held.tick.max(new.tick);
}

fn put_handed(data: &mut Data, new: &Handed) {
    let held = data.handed.entry(new.record).or_insert_with(|| new.clone());
    held.unattested = new.unattested || (held.unattested && !new.context.covers(&held.context));
    held.context.join(&new.context);
}
