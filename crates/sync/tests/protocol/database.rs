//! A database in memory: performs `Changes` as a store does.

use std::collections::{BTreeMap, BTreeSet};

use causal::{BaseId, Dot, RecordId, ReplicaId};
use record::Shown;
use sync::{
    Changes, Handed, Link, Position, Quarantined, Replica, Revision, Row, Seal, Tick, Timeline, TimelineId,
    Timelines, Unsent, Withdraw,
};

/// Everything that one node keeps.
#[derive(Clone, Default)]
pub struct Database {
    pub rows: BTreeMap<RecordId, (Row, Shown)>,
    pub timelines: Timelines,
    pub withdraws: BTreeMap<(BaseId, RecordId), u64>,
    pub links: BTreeMap<(BaseId, bool), Link>,
    pub revisions: BTreeMap<(RecordId, Dot, Dot), Revision>,
    pub quarantine: BTreeMap<(RecordId, bool), Quarantined>,
    pub seals: BTreeMap<(BaseId, TimelineId), Seal>,
    pub ticks: BTreeMap<(BaseId, BaseId), Tick>,
    pub replicas: BTreeMap<ReplicaId, Replica>,
    pub handed: BTreeMap<RecordId, Handed>,
    pub forgotten: u64,
    /// For the oracle alone: which edits of a record this database has taken in, as an explicit set.
    pub seen: BTreeMap<RecordId, BTreeSet<Dot>>,
    /// For the oracle alone: the same of what is in quarantine.
    pub held: BTreeMap<RecordId, BTreeSet<Dot>>,
}

impl Database {
    pub fn open(&mut self, id: u64) {
        self.timelines.all.push(Timeline { id: TimelineId(id), start_seq: self.timelines.seq });
    }

    pub fn row(&self, id: RecordId) -> Option<&Row> {
        self.rows.get(&id).map(|(row, _)| row)
    }

    pub fn existing(&self, ids: impl IntoIterator<Item = RecordId>) -> BTreeMap<RecordId, Row> {
        ids.into_iter().filter_map(|id| Some((id, self.row(id)?.clone()))).collect()
    }

    pub fn link(&self, peer: BaseId) -> Link {
        self.links.get(&(peer, true)).cloned().unwrap_or(Link { peer, up: true, ..Link::default() })
    }

    pub fn unsent(&self, after: u64, limit: usize) -> Vec<Row> {
        let waits = |r: &&Row| r.unsent != Unsent::Clean && !r.refused && r.seq > after;
        let mut rows: Vec<Row> = self.rows.values().map(|(row, _)| row).filter(waits).cloned().collect();
        rows.sort_by_key(|row| row.seq);
        rows.truncate(limit);
        rows
    }

    pub fn withdraws(&self, child: BaseId) -> Vec<Withdraw> {
        let of_child = self.withdraws.iter().filter(|((to, _), _)| *to == child);
        let mut all: Vec<_> =
            of_child.map(|((_, record), seq)| Withdraw { child, record: *record, seq: *seq }).collect();
        all.sort_by_key(|w| w.seq);
        all
    }

    pub fn outbound_refused(&self) -> BTreeSet<RecordId> {
        self.quarantine.keys().filter(|(_, inbound)| !inbound).map(|(id, _)| *id).collect()
    }

    /// What a child sent and was refused: only its own sending again takes it out, another's does not speak for it.
    pub fn inbound_refused(&self, from: BaseId) -> BTreeSet<RecordId> {
        self.quarantine.values().filter(|q| q.inbound && q.from == from).map(|q| q.record).collect()
    }

    /// Gives back the first number given out.
    pub fn apply(&mut self, changes: &Changes) -> u64 {
        let ids: BTreeSet<RecordId> = changes.rows.iter().map(|new| new.row.id).collect();
        assert_eq!(ids.len(), changes.rows.len(), "a record is written once in a transaction");
        self.apply_to_old(changes);
        let first = self.timelines.seq + 1;
        for new in &changes.rows {
            self.timelines.seq += 1;
            let row = Row { seq: self.timelines.seq, ..new.row.clone() };
            self.rows.insert(row.id, (row, new.shown.clone()));
        }
        for withdraw in &changes.withdraws {
            self.timelines.seq += 1;
            self.withdraws.insert((withdraw.child, withdraw.record), self.timelines.seq);
        }
        self.apply_beside(changes);
        first
    }

    fn apply_to_old(&mut self, changes: &Changes) {
        if changes.resend_all {
            for (row, _) in self.rows.values_mut() {
                row.refused = false;
                row.unsent = if row.hidden { Unsent::Unpushed } else { Unsent::Resend };
            }
            self.revisions.values_mut().for_each(|r| r.unsent = true);
            self.handed.values_mut().for_each(|h| h.unattested = true);
        }
        for (row, _) in self.rows.values_mut() {
            let in_range =
                changes.acknowledged.iter().any(|(after, upto)| *after < row.seq && row.seq <= *upto);
            let refused = changes.refused.contains(&(row.id, row.seq));
            if in_range || refused || changes.clean.contains(&row.seq) {
                row.unsent = Unsent::Clean;
            }
            row.refused |= refused;
        }
        for (id, hidden) in &changes.hide {
            self.rows.get_mut(id).into_iter().for_each(|(row, _)| row.hidden = *hidden);
        }
        for id in &changes.drops {
            self.rows.remove(id);
            self.seen.remove(id);
            self.revisions.retain(|key, _| key.0 != *id);
        }
        self.forgotten += u64::from(!changes.drops.is_empty());
        for key in &changes.revisions_sent {
            self.revisions.get_mut(key).into_iter().for_each(|r| r.unsent = false);
        }
        changes.release.iter().for_each(|key| drop(self.quarantine.remove(key)));
        if changes.clear_ticks {
            self.ticks.clear();
        }
    }

    fn apply_beside(&mut self, changes: &Changes) {
        for new in &changes.revisions {
            let held = self.revisions.entry((new.record, new.of, new.by)).or_insert_with(|| new.clone());
            if new.fragment.len() > held.fragment.len() {
                *held = Revision { unsent: held.unsent || new.unsent, ..new.clone() };
            }
        }
        for q in &changes.quarantine {
            self.quarantine.insert((q.record, q.inbound), q.clone());
        }
        for link in &changes.links {
            self.links.insert((link.peer, link.up), link.clone());
        }
        for seal in &changes.seals {
            let held = self.seals.entry((seal.base, seal.timeline)).or_insert_with(|| seal.clone());
            if seal.n > held.n {
                held.clone_from(seal);
            }
        }
        for tick in &changes.ticks {
            self.ticks.insert((tick.holder, tick.base), *tick);
        }
        for new in &changes.replicas {
            let held = self.replicas.entry(new.id).or_insert(*new);
            *held = Replica { base: new.base.or(held.base), tick: held.tick.max(new.tick), ..*held };
        }
        for new in &changes.handed {
            let held = self.handed.entry(new.record).or_insert_with(|| new.clone());
            held.context.join(&new.context);
            held.unattested = new.unattested;
        }
    }

    pub fn now(&self) -> Position {
        self.timelines.now()
    }
}
