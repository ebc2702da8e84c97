//! The tables as sorted maps.

use std::collections::BTreeMap;

use causal::{BaseId, Dot, RecordId, ReplicaId};
use record::Shown;
use sync::{Handed, Link, Quarantined, Replica, Revision, Row, Seal, Tick, TimelineId, Timelines, Unsent};

use crate::model::{Certificate, Decision, Exported, Invite};

/// A record; whether it waits for the parent is told by `Data::unsent` alone.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub row: Row,
    pub shown: Shown,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Data {
    pub timelines: Timelines,
    pub saved_at: u64,
    pub forgotten: u64,
    pub records: BTreeMap<RecordId, Held>,
    /// By number: whether it was sent before.
    pub unsent: BTreeMap<u64, bool>,
    pub revisions: BTreeMap<(RecordId, Dot, Dot), Revision>,
    pub withdraws: BTreeMap<(BaseId, RecordId), u64>,
    pub links: BTreeMap<(BaseId, bool), Link>,
    pub seals: BTreeMap<(BaseId, TimelineId), Seal>,
    pub ticks: BTreeMap<(BaseId, BaseId), Tick>,
    pub quarantine: BTreeMap<(RecordId, Option<BaseId>), Quarantined>,
    pub replicas: BTreeMap<ReplicaId, Replica>,
    pub handed: BTreeMap<RecordId, Handed>,
    pub meta: BTreeMap<String, Vec<u8>>,
    pub exported: BTreeMap<u64, Exported>,
    pub invites: BTreeMap<[u8; 32], Invite>,
    pub certificates: BTreeMap<Vec<u8>, Certificate>,
    /// Oldest first.
    pub decisions: Vec<Decision>,
}

impl Data {
    /// The row as it is read.
    pub fn row(&self, held: &Held) -> Row {
        let unsent = match self.unsent.get(&held.row.seq) {
            None => Unsent::Clean,
            Some(true) => Unsent::Resend,
            Some(false) => Unsent::Unpushed,
        };
        Row { unsent, ..held.row.clone() }
    }

    /// All records with a number above `after`, by number.
    pub fn by_seq(&self, after: u64) -> Vec<&Held> {
        let mut all: Vec<&Held> = self.records.values().filter(|held| held.row.seq > after).collect();
        all.sort_unstable_by_key(|held| held.row.seq);
        all
    }
}
