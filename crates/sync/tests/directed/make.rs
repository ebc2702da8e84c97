//! How these tests make states, rows and desks.

use std::collections::{BTreeMap, BTreeSet};

use causal::{BaseId, Context, Dot, RecordId, ReplicaId, Stamp, State, write};
use record::{Draft, Tree};
use sync::correct::{CORRECTOR, Corrector};
use sync::parent::{self, Incoming, Received, Verdict};
use sync::{Handed, Reason, Replica, Row, Unsent, child};

use crate::contract::{TITLE, record, schema, text, tree};

/// The record of most tests, and two others.
pub const R: RecordId = record(11);
pub const R2: RecordId = record(12);
pub const R3: RecordId = record(13);

/// The tag of an edit that its base knows again, and one that nobody knows.
pub const GOOD: [u8; 8] = [1; 8];
pub const BAD: [u8; 8] = [2; 8];

pub fn dot(replica: u64, tick: u64) -> Dot {
    Dot { replica: ReplicaId(replica), tick }
}

/// The bytes after one more edit that has seen all of `before`.
pub fn edit(before: &[u8], dot: Dot, base: BaseId, fill: impl FnOnce(&mut Draft)) -> Vec<u8> {
    signed(before, dot, base, GOOD, fill)
}

pub fn signed(before: &[u8], dot: Dot, base: BaseId, tag: [u8; 8], fill: impl FnOnce(&mut Draft)) -> Vec<u8> {
    let before = if before.is_empty() { State::default() } else { state(before) };
    let mut draft = Draft::default();
    fill(&mut draft);
    let stamp = Stamp { dot, saved_at_ms: 1_000 + dot.tick, base, user: "李梅", tag };
    let entries = draft.entries(&before, &before.context);
    write(&before, stamp, &before.context, &entries).state.encode()
}

/// A text field of a note.
pub fn say(before: &[u8], dot: Dot, base: BaseId, number: u32, value: &str) -> Vec<u8> {
    edit(before, dot, base, |d| put(d, number, value))
}

pub fn put(draft: &mut Draft, number: u32, value: &str) {
    draft.set(schema().kind("note").unwrap(), number, text(number, value));
}

/// A note made by its home.
pub fn note(dot: Dot, home: BaseId) -> Vec<u8> {
    open_note(dot, home, &[])
}

/// A note made by its home and opened to these bases.
pub fn open_note(dot: Dot, home: BaseId, audience: &[BaseId]) -> Vec<u8> {
    edit(&[], dot, home, |d| {
        d.home(home);
        put(d, TITLE, "社区义诊");
        if !audience.is_empty() {
            d.audience(audience);
        }
    })
}

pub fn state(bytes: &[u8]) -> State<'_> {
    State::decode(bytes).unwrap()
}

pub fn merged(a: &[u8], b: &[u8]) -> Vec<u8> {
    causal::merge(&state(a), &state(b)).unwrap().encode()
}

/// The same values under a context that says it has seen more.
pub fn claiming(bytes: &[u8], dot: Dot) -> Vec<u8> {
    let mut state = state(bytes);
    state.context.see(dot);
    state.encode()
}

/// The same context without what stands of one edit.
pub fn without(bytes: &[u8], dot: Dot) -> Vec<u8> {
    let mut state = state(bytes);
    state.groups.retain(|g| g.stamp.dot != dot);
    state.encode()
}

pub fn context(bytes: &[u8]) -> Context {
    state(bytes).context
}

/// A row that the parent has, under number 5.
pub fn row(state: &[u8]) -> Row {
    Row { id: R, kind: "note".into(), seq: 5, state: state.to_vec(), ..Row::default() }
}

pub fn unpushed(state: &[u8]) -> Row {
    Row { unsent: Unsent::Unpushed, ..row(state) }
}

pub fn incoming(state: &[u8]) -> Incoming {
    Incoming { id: R, kind: "note".into(), state: state.to_vec() }
}

pub fn rows(rows: &[Row]) -> BTreeMap<RecordId, Row> {
    rows.iter().map(|row| (row.id, row.clone())).collect()
}

/// What a parent knows while a child pushes.
pub struct Parent {
    pub tree: Tree,
    pub me: BaseId,
    pub child: BaseId,
    pub replicas: Vec<Replica>,
    pub live: Option<Dot>,
    pub quarantined: BTreeSet<RecordId>,
    /// What this node handed on and dropped.
    pub handed: BTreeMap<RecordId, Handed>,
    pub again: bool,
    /// How often the record was corrected within the hour.
    pub corrected: usize,
}

pub fn parent(me: BaseId, child: BaseId) -> Parent {
    Parent {
        tree: tree(),
        me,
        child,
        replicas: Vec::new(),
        live: None,
        quarantined: BTreeSet::new(),
        handed: BTreeMap::new(),
        again: false,
        corrected: 0,
    }
}

impl Parent {
    pub fn receives(&self, held: &[Row], pushed: &[Incoming]) -> Received {
        let replicas = self.replicas.iter().map(|r| (r.id, *r)).collect();
        let desk = parent::Desk {
            schema: schema(),
            tree: &self.tree,
            me: self.me,
            child: self.child,
            now_ms: 77,
            own_tag: &|_, stamp| stamp.tag == GOOD,
            replicas: &replicas,
            live: self.live,
            quarantined: &self.quarantined,
            corrector: &Correcting { me: self.me, before: self.corrected },
            handed: &self.handed,
            again: self.again,
        };
        desk.receive(rows(held), pushed)
    }

    /// One record pushed that must be taken.
    #[track_caller]
    pub fn takes(&self, held: &[Row], state: &[u8]) -> Received {
        let received = self.receives(held, &[incoming(state)]);
        assert_eq!(received.verdicts, [Verdict::Ok]);
        assert!(received.changes.quarantine.is_empty());
        received
    }

    /// One record pushed that must be kept aside, and for this reason.
    #[track_caller]
    pub fn refuses(&self, held: &[Row], pushed: &Incoming, reason: Reason) -> Received {
        let received = self.receives(held, std::slice::from_ref(pushed));
        assert_eq!(reasons(&received), [Some(reason)], "{:?}", received.verdicts);
        let kept = &received.changes.quarantine[0];
        assert_eq!((kept.record, kept.from, kept.reason), (pushed.id, self.child, reason));
        assert_eq!((&kept.state, kept.at_ms, kept.inbound), (&pushed.state, 77, true));
        received
    }
}

/// Why each record was refused; `None` where it was taken.
pub fn reasons(received: &Received) -> Vec<Option<Reason>> {
    let reason = |verdict: &Verdict| match verdict {
        Verdict::Quarantined(reason, _) => Some(*reason),
        _ => None,
    };
    received.verdicts.iter().map(reason).collect()
}

/// What a child knows while it pulls, or hears an acknowledgement.
pub fn child(tree: &Tree, me: BaseId) -> child::Desk<'_> {
    child::Desk { schema: schema(), tree, me, parent: tree.parent(me).unwrap(), now_ms: 77 }
}

/// Corrections stand under a replica of the parent's own.
pub struct Correcting {
    pub me: BaseId,
    pub before: usize,
}

impl Corrector for Correcting {
    fn stamp(&self, _: RecordId, before: &State<'_>) -> Stamp<'static> {
        let replica = ReplicaId(0xC000 + u64::from(self.me.0[15]));
        let dot = Dot { replica, tick: before.context.tick(replica) + 1 };
        Stamp { dot, saved_at_ms: 99, base: self.me, user: CORRECTOR, tag: [0; 8] }
    }

    fn corrected(&self, _: RecordId, _: BaseId) -> usize {
        self.before
    }
}
