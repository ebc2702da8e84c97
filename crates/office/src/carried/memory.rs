//! What is remembered of an export until its receipt comes.

use causal::{BaseId, Dot, RecordId, ReplicaId};
use serde::{Deserialize, Serialize};
use sync::child::Sent;
use sync::parent::Hello;
use sync::{Position, Seal, TimelineId, carried};

/// What an export carried, and what it presumed of the parent. Written and read by this file alone.
#[derive(Serialize, Deserialize)]
pub(super) struct Memory {
    parent: String,
    cursor: Option<(u64, u64)>,
    ack: Option<(u64, u64)>,
    epoch: u64,
    batches: Vec<Batch>,
    /// Base, timeline, count, quarantined.
    seals: Vec<(String, u64, u64, u64)>,
}

/// Replica and tick.
type EditName = (u64, u64);

#[derive(Serialize, Deserialize)]
struct Batch {
    after: u64,
    upto: u64,
    rows: Vec<(String, u64)>,
    hidden: Vec<String>,
    /// Record, edit replaced, edit that replaced it.
    revisions: Vec<(String, EditName, EditName)>,
}

impl Memory {
    pub(super) fn of(parent: BaseId, hello: &Hello, sent: &[Sent], seals: &[Seal]) -> Memory {
        let position = |p: Position| (p.timeline.0, p.seq);
        Memory {
            parent: parent.to_string(),
            cursor: hello.cursor.map(position),
            ack: hello.ack.map(position),
            epoch: hello.epoch,
            batches: sent.iter().map(Batch::of).collect(),
            seals: seals.iter().map(|s| (s.base.to_string(), s.timeline.0, s.n, s.quarantined)).collect(),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        // It holds nothing that has no form in JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// `None` for what this file did not write: the receipt of such an export settles nothing.
    pub(super) fn decode(bytes: &[u8]) -> Option<Memory> {
        serde_json::from_slice(bytes).ok()
    }

    /// What the export presumed.
    pub(super) fn presumed(&self) -> carried::Export {
        let position = |(timeline, seq)| Position { timeline: TimelineId(timeline), seq };
        carried::Export {
            parent: self.parent.parse().unwrap_or_default(),
            cursor: self.cursor.map(position),
            ack: self.ack.map(position),
            epoch: self.epoch,
        }
    }

    /// What each batch carried, in order.
    pub(super) fn sent(&self) -> Vec<Sent> {
        self.batches.iter().map(Batch::sent).collect()
    }

    /// The seals in it, as far as an acknowledgement needs to know them.
    pub(super) fn seals(&self) -> Vec<Seal> {
        let seal = |(base, timeline, n, quarantined): &(String, u64, u64, u64)| Seal {
            base: base.parse().unwrap_or_default(),
            timeline: TimelineId(*timeline),
            n: *n,
            quarantined: *quarantined,
            ..Seal::default()
        };
        self.seals.iter().map(seal).collect()
    }
}

impl Batch {
    fn of(sent: &Sent) -> Batch {
        let dot = |d: Dot| (d.replica.0, d.tick);
        Batch {
            after: sent.after,
            upto: sent.upto,
            rows: sent.rows.iter().map(|(id, seq)| (id.to_string(), *seq)).collect(),
            hidden: sent.hidden.iter().map(RecordId::to_string).collect(),
            revisions: sent.revisions.iter().map(|(r, of, by)| (r.to_string(), dot(*of), dot(*by))).collect(),
        }
    }

    fn sent(&self) -> Sent {
        let id = |text: &String| text.parse().unwrap_or_default();
        let dot = |(replica, tick)| Dot { replica: ReplicaId(replica), tick };
        Sent {
            after: self.after,
            upto: self.upto,
            rows: self.rows.iter().map(|(record, seq)| (id(record), *seq)).collect(),
            hidden: self.hidden.iter().map(id).collect(),
            revisions: self.revisions.iter().map(|(r, of, by)| (id(r), dot(*of), dot(*by))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_comes_back() {
        let dot = |tick| Dot { replica: ReplicaId(u64::MAX), tick };
        let record = RecordId([0xA5; 16]);
        let sent = Sent {
            after: 3,
            upto: 9,
            rows: vec![(record, 7)],
            hidden: vec![record],
            revisions: vec![(record, dot(1), dot(2))],
        };
        let at = Position { timeline: TimelineId(u64::MAX), seq: 5 };
        let hello = Hello { cursor: Some(at), ack: None, epoch: 2, ..Hello::default() };
        let seal =
            Seal { base: BaseId([7; 16]), timeline: TimelineId(1), n: 4, quarantined: 1, ..Seal::default() };
        let (parent, seals) = (BaseId([9; 16]), vec![seal]);
        let written = Memory::of(parent, &hello, std::slice::from_ref(&sent), &seals).encode();
        let memory = Memory::decode(&written).unwrap();
        let presumed = carried::Export { parent, cursor: Some(at), ack: None, epoch: 2 };
        assert_eq!((memory.presumed(), memory.sent(), memory.seals()), (presumed, vec![sent], seals));
        assert!(Memory::decode(b"{}").is_none());
    }
}
