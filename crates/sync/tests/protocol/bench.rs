//! One desk at a time: states made edit by edit, rows, and what a desk says of them.

use std::collections::{BTreeMap, BTreeSet};

use causal::{BaseId, Dot, RecordId, ReplicaId, Stamp, State, write};
use record::{Draft, Tree};
use sync::parent::{self, Incoming, Received, Verdict};
use sync::{Changes, Reason, Replica, Row, Unsent, child};

use crate::contract::{CITY, TITLE, schema, text, tree};
use crate::node::{made, tag};

/// The one record of most tests.
pub const R: RecordId = crate::contract::record(9);

pub fn dot(replica: u64, tick: u64) -> Dot {
    Dot { replica: ReplicaId(replica), tick }
}

/// The bytes after one more edit of `R`.
pub fn edit(before: &[u8], dot: Dot, base: BaseId, fill: impl FnOnce(&mut Draft)) -> Vec<u8> {
    edit_tagged(before, dot, base, tag(R, dot, base), fill)
}

pub fn edit_tagged(
    before: &[u8],
    dot: Dot,
    base: BaseId,
    tag: [u8; 8],
    fill: impl FnOnce(&mut Draft),
) -> Vec<u8> {
    let before = if before.is_empty() { State::default() } else { State::decode(before).unwrap() };
    let mut draft = Draft::default();
    fill(&mut draft);
    let stamp = Stamp { dot, saved_at_ms: dot.tick, base, user: "王小明", tag };
    write(&before, stamp, &before.context, &draft.entries(&before, &before.context)).state.encode()
}

/// Sets a field of the kind `note`.
pub fn set(draft: &mut Draft, number: u32, value: &str) {
    draft.set(schema().kind("note").unwrap(), number, text(number, value));
}

/// A new note of `home`, written by it.
pub fn note(dot: Dot, home: BaseId) -> Vec<u8> {
    edit(&[], dot, home, |d| {
        d.home(home);
        set(d, TITLE, "春日义卖");
    })
}

/// A new note that everybody sees.
pub fn public_note(dot: Dot, home: BaseId) -> Vec<u8> {
    edit(&note(dot, home), Dot { tick: dot.tick + 1, ..dot }, home, |d| d.audience(&[CITY]))
}

pub fn row(state: &[u8]) -> Row {
    Row { id: R, kind: "note".into(), seq: 5, unsent: Unsent::Clean, state: state.to_vec(), ..Row::default() }
}

pub fn incoming(state: &[u8]) -> Incoming {
    Incoming { id: R, kind: "note".into(), state: state.to_vec() }
}

/// The parent's desk.
pub struct Above {
    pub tree: Tree,
    pub me: BaseId,
    pub child: BaseId,
    pub replicas: Vec<Replica>,
    pub live: Option<ReplicaId>,
    pub quarantined: BTreeSet<RecordId>,
}

pub fn above(me: BaseId, child: BaseId) -> Above {
    Above { tree: tree(), me, child, replicas: Vec::new(), live: None, quarantined: BTreeSet::new() }
}

impl Above {
    pub fn push_all(&self, held: &[Row], pushed: &[Incoming]) -> Received {
        let replicas: BTreeMap<_, _> = self.replicas.iter().map(|r| (r.id, *r)).collect();
        let desk = parent::Desk {
            schema: schema(),
            tree: &self.tree,
            me: self.me,
            child: self.child,
            now_ms: 1,
            own_tag: &made,
            replicas: &replicas,
            live: self.live,
            quarantined: &self.quarantined,
        };
        desk.receive(held.iter().map(|row| (row.id, row.clone())).collect(), pushed)
    }

    pub fn push(&self, held: Option<&Row>, state: &[u8]) -> (Verdict, Changes) {
        let mut received =
            self.push_all(held.map(std::slice::from_ref).unwrap_or_default(), &[incoming(state)]);
        (received.verdicts.remove(0), received.changes)
    }

    #[track_caller]
    pub fn refuses(&self, held: Option<&Row>, state: &[u8], reason: Reason) -> Changes {
        let (verdict, changes) = self.push(held, state);
        assert!(matches!(&verdict, Verdict::Quarantined(r, _) if *r == reason), "{verdict:?}");
        assert_eq!(changes.quarantine.len(), 1);
        changes
    }

    #[track_caller]
    pub fn takes(&self, held: Option<&Row>, state: &[u8]) -> Changes {
        let (verdict, changes) = self.push(held, state);
        assert_eq!(verdict, Verdict::Ok);
        changes
    }
}

/// The child's desk.
pub fn below(tree: &Tree, me: BaseId) -> child::Desk<'_> {
    child::Desk { schema: schema(), tree, me, parent: tree.parent(me).unwrap(), now_ms: 1 }
}

pub fn pull(me: BaseId, held: Option<&Row>, state: &[u8]) -> Changes {
    let existing = held.map(|row| (row.id, row.clone())).into_iter().collect();
    below(&tree(), me).receive(&existing, &[incoming(state)], &[])
}

pub fn withdraw(me: BaseId, held: &Row) -> Changes {
    below(&tree(), me).receive(&BTreeMap::from([(held.id, held.clone())]), &[], &[held.id])
}
