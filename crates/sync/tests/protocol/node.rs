//! One node: its database, and the orchestration around the protocol as the use cases do it.

use std::collections::{BTreeMap, BTreeSet};

use causal::{BaseId, Context, Dot, RecordId, ReplicaId, Stamp, State, TAG_BYTES, merge, write};
use record::{AUDIENCE, Draft, HOME, Shown, Tree, audience_bases, judge, scope_of};
use sync::child::{self, Sent, next_seal, resync, ticks_of};
use sync::parent::{
    self, Hello, Incoming, Received, Verdict, Welcome, checked_revisions, checked_seals, is_settled, welcome,
};
use sync::{
    Changes, Link, NewRow, NewWithdraw, Position, Quarantined, Replica, Revision, Row, Seal, TimelineId,
    Unsent,
};

use crate::contract::schema;
use crate::database::Database;
use crate::oracle::{Oracle, Saved};

/// A child's session at its parent.
pub struct Open {
    pub id: u64,
    pub timeline: TimelineId,
    pub link: Link,
    pub echoes: BTreeMap<RecordId, u64>,
}

/// A record on its way, with what the oracle must know of it.
#[derive(Clone)]
pub struct Parcel {
    pub incoming: Incoming,
    pub seen: BTreeSet<Dot>,
}

/// One batch of a push.
#[derive(Clone)]
pub struct Batch {
    pub child: BaseId,
    pub session: u64,
    pub index: u32,
    pub parcels: Vec<Parcel>,
    pub revisions: Vec<Revision>,
    pub last: bool,
    pub seals: Vec<Seal>,
}

/// What comes back for a batch.
#[derive(Clone)]
pub struct Ack {
    pub session: u64,
    pub index: u32,
    pub position: Position,
    pub verdicts: BTreeMap<RecordId, Verdict>,
}

/// One page of a pull.
pub struct Page {
    pub position: Position,
    pub parcels: Vec<Parcel>,
    pub withdrawn: Vec<RecordId>,
    pub end: bool,
}

/// A round under way at the child.
pub struct Round {
    pub session: u64,
    pub timeline: TimelineId,
    pub snapshot: Database,
    pub after: u64,
    pub index: u32,
    pub sent: BTreeMap<u32, Sent>,
    pub seals: Vec<Seal>,
    pub last_index: Option<u32>,
    pub refused_before: BTreeSet<RecordId>,
}

/// A node.
pub struct Node {
    pub base: BaseId,
    pub db: Database,
    replica: Option<(ReplicaId, u64, u64)>,
    pub sessions: BTreeMap<BaseId, Open>,
    pub round: Option<Round>,
}

/// A tag as a keyed hash would make it: only the base itself can tell.
pub fn tag(id: RecordId, dot: Dot, base: BaseId) -> [u8; TAG_BYTES] {
    let mut hash = 0xcbf2_9ce4_8422_2325u64 ^ u64::from(base.0[0]) << 32;
    for byte in id.0.iter().chain(&dot.replica.0.to_be_bytes()).chain(&dot.tick.to_be_bytes()) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash.to_be_bytes()
}

pub fn made(id: RecordId, stamp: &Stamp<'_>) -> bool {
    tag(id, stamp.dot, stamp.base) == stamp.tag
}

impl Node {
    pub fn new(base: BaseId, timeline: u64) -> Node {
        let mut db = Database::default();
        db.open(timeline);
        Node { base, db, replica: None, sessions: BTreeMap::new(), round: None }
    }

    /// The process ends and starts again over the same database, or over an older copy of it.
    pub fn reopen(&mut self, timeline: u64) {
        self.replica = None;
        self.sessions.clear();
        self.round = None;
        self.db.open(timeline);
    }

    fn mint(&mut self, before: &State<'_>, random: u64) -> Dot {
        let (id, ticks, _) = match self.replica {
            Some((id, ticks, forgotten))
                if forgotten == self.db.forgotten && before.context.tick(id) <= ticks =>
            {
                (id, ticks + 1, forgotten)
            }
            _ => (ReplicaId(random), 1, self.db.forgotten),
        };
        self.replica = Some((id, ticks, self.db.forgotten));
        Dot { replica: id, tick: ticks }
    }

    pub fn is_root(&self, tree: &Tree) -> bool {
        tree.parent(self.base).is_none()
    }

    /// Saves an edit if it is legal; tells whether it was.
    pub fn save(
        &mut self,
        tree: &Tree,
        oracle: &mut Oracle,
        (kind, id): (&str, RecordId),
        draft: &Draft,
        form: Option<(Context, BTreeSet<Dot>)>,
        (saved_at_ms, random): (u64, u64),
    ) -> bool {
        let definition = schema().kind(kind).unwrap();
        let old = self.db.row(id).cloned();
        let before = old.as_ref().map(|r| State::decode(&r.state).unwrap()).unwrap_or_default();
        let now = self.db.seen.get(&id).cloned().unwrap_or_default();
        let (seen, form) = form.unwrap_or((before.context.clone(), now));
        let entries = draft.entries(&before, &seen);
        if entries.is_empty() {
            return false;
        }
        let kept = self.replica;
        let dot = self.mint(&before, random);
        let stamp =
            Stamp { dot, saved_at_ms, base: self.base, user: "王小明", tag: tag(id, dot, self.base) };
        let written = write(&before, stamp, &seen, &entries);
        if !judge(definition, tree, &before, &written.state, |_| true).is_empty() {
            self.replica = kept;
            return false;
        }
        let unsent = if self.is_root(tree) { Unsent::Clean } else { Unsent::Unpushed };
        let shown = Shown::of(Some(definition), tree, &written.state);
        let mut changes = Changes::default();
        changes.replicas.push(Replica { id: dot.replica, base: Some(self.base), tick: dot.tick });
        changes.revisions = written
            .replaced
            .into_iter()
            .map(|group| Revision {
                record: id,
                of: group.stamp.dot,
                by: dot,
                fragment: State::of_groups(vec![group]).encode(),
                unsent: unsent != Unsent::Clean,
            })
            .collect();
        let scope = scope_of(&before);
        let gone = |c: &BaseId| scope.visible_to(tree, *c) && !shown.scope.visible_to(tree, *c);
        let children = tree.link_children(self.base).into_iter().filter(gone);
        changes.withdraws = children.map(|child| NewWithdraw { child, record: id }).collect();
        let places = entries.iter().map(|e| (e.register.field, e.register.element.to_vec())).collect();
        let values = |number| {
            entries.iter().filter(move |e| e.register.field == number).flat_map(|e| audience_bases(e.value))
        };
        oracle.widen(id, values(HOME), values(AUDIENCE));
        oracle.saved.entry(id).or_default().push(Saved { dot, base: self.base, places, form });
        let state = written.state.encode();
        let seq = old.as_ref().map_or(0, |r| r.seq);
        let row = Row { id, kind: kind.into(), seq, hidden: false, refused: false, unsent, state };
        changes.rows.push(NewRow { row, shown });
        self.db.apply(&changes);
        self.db.seen.entry(id).or_default().insert(dot);
        true
    }

    // The parent's side, as `down.rs`.

    pub fn handshake(&mut self, child: BaseId, hello: &Hello, session: u64) -> Welcome {
        let link = self.db.links.get(&(child, false));
        let (welcome, link) = welcome(&self.db.timelines, link, child, hello);
        let timeline = self.db.timelines.current();
        self.sessions.insert(child, Open { id: session, timeline, link, echoes: BTreeMap::new() });
        welcome
    }

    /// An administrator takes what waited unverified.
    pub fn take_unproved(&mut self, tree: &Tree, held: &Quarantined) {
        let ours = self.db.row(held.record).cloned().unwrap_or_default();
        let before = State::decode(&ours.state).unwrap_or_default();
        let merged = merge(&before, &State::decode(&held.state).unwrap()).unwrap();
        let shown = Shown::of(schema().kind(&held.kind), tree, &merged);
        let unsent = if self.is_root(tree) { Unsent::Clean } else { Unsent::Unpushed };
        let row = Row { id: held.record, kind: held.kind.clone(), unsent, state: merged.encode(), ..ours };
        let mut changes = Changes { release: vec![(held.record, true)], ..Changes::default() };
        let blind = tree.link_children(self.base).into_iter().filter(|c| !shown.scope.visible_to(tree, *c));
        changes.withdraws = blind.map(|child| NewWithdraw { child, record: held.record }).collect();
        changes.rows.push(NewRow { row, shown });
        self.db.apply(&changes);
        let seen = self.db.held.remove(&held.record).unwrap_or_default();
        self.db.seen.entry(held.record).or_default().extend(seen);
    }

    /// Quarantine is looked through again when knowledge has grown.
    fn recheck(&mut self) {
        let settled =
            |q: &&Quarantined| q.inbound && self.db.row(q.record).is_some_and(|row| is_settled(row, q));
        let release = self.db.quarantine.values().filter(settled).map(|q| (q.record, true)).collect();
        self.db.apply(&Changes { release, ..Changes::default() });
    }

    /// The parent asks for a record that it refused.
    pub fn asked_again(&mut self, id: RecordId) {
        if let Some((row, _)) = self.db.rows.get_mut(&id).filter(|(row, _)| row.refused) {
            row.refused = false;
            row.unsent = Unsent::Unpushed;
        }
    }

    fn current(&self, child: BaseId, session: u64) -> Option<Link> {
        let open = self.sessions.get(&child)?;
        (open.id == session && open.timeline == self.db.timelines.current()).then(|| open.link.clone())
    }

    pub fn receive(&mut self, tree: &Tree, batch: &Batch) -> Ack {
        let pushed: Vec<Incoming> = batch.parcels.iter().map(|p| p.incoming.clone()).collect();
        let existing = self.db.existing(pushed.iter().map(|p| p.id));
        let quarantined = self.db.inbound_refused(batch.child);
        let desk = parent::Desk {
            schema: schema(),
            tree,
            me: self.base,
            child: batch.child,
            now_ms: 1,
            own_tag: &made,
            replicas: &self.db.replicas,
            live: self.replica.map(|r| r.0),
            quarantined: &quarantined,
        };
        let mut received: Received = desk.receive(existing, &pushed);
        let revisions = checked_revisions(&pushed, batch.revisions.clone(), !self.is_root(tree));
        received.changes.revisions.extend(revisions);
        if let (true, Some(link)) = (batch.last, self.current(batch.child, batch.session)) {
            received.changes.seals.extend(checked_seals(tree, batch.child, batch.seals.clone()));
            received.changes.links.push(Link { last_success_ms: 1, peer_unsent: 0, ..link });
        }
        let first = self.db.apply(&received.changes);
        for (parcel, verdict) in batch.parcels.iter().zip(&received.verdicts) {
            let id = parcel.incoming.id;
            if matches!(verdict, Verdict::Quarantined(..)) {
                self.db.held.insert(id, parcel.seen.clone());
                // What of it was proved and taken: the edits whose own names the context has gained.
                let state = self.db.row(id).map(|r| State::decode(&r.state).unwrap()).unwrap_or_default();
                let taken = parcel.seen.iter().filter(|dot| state.context.has(**dot));
                self.db.seen.entry(id).or_default().extend(taken);
            } else {
                self.db.seen.entry(id).or_default().extend(&parcel.seen);
            }
        }
        self.recheck();
        if let Some(open) = self.sessions.get_mut(&batch.child).filter(|open| open.id == batch.session) {
            for at in &received.echoes {
                open.echoes.insert(received.changes.rows[*at].row.id, first + *at as u64);
            }
        }
        let verdicts = pushed.iter().map(|p| p.id).zip(received.verdicts);
        let verdicts = verdicts.filter(|(_, verdict)| *verdict != Verdict::Ok).collect();
        Ack { session: batch.session, index: batch.index, position: self.db.now(), verdicts }
    }

    pub fn page(
        &self,
        tree: &Tree,
        child: BaseId,
        session: u64,
        cursor: Position,
        limit: usize,
    ) -> Option<Page> {
        self.current(child, session)?;
        let open = &self.sessions[&child];
        let mut rows: Vec<_> =
            self.db.rows.values().filter(|(r, _)| !r.hidden && r.seq > cursor.seq).collect();
        rows.sort_by_key(|(row, _)| row.seq);
        rows.retain(|(row, shown)| {
            shown.scope.visible_to(tree, child) && open.echoes.get(&row.id) != Some(&row.seq)
        });
        let end = rows.len() <= limit;
        rows.truncate(limit);
        let seq =
            if end { self.db.timelines.seq } else { rows.last().map_or(cursor.seq, |(row, _)| row.seq) };
        let asked = self.db.withdraws(child).into_iter().filter(|w| w.seq > cursor.seq && w.seq <= seq);
        let gone = |id: &RecordId| match self.db.row(*id) {
            None => true,
            Some(row) => {
                let visible =
                    !row.hidden && scope_of(&State::decode(&row.state).unwrap()).visible_to(tree, child);
                !visible && (row.unsent != Unsent::Unpushed || self.is_root(tree))
            }
        };
        let withdrawn = asked.map(|w| w.record).filter(gone).collect();
        let parcels = rows.into_iter().map(|(row, _)| self.parcel(row)).collect();
        let position = Position { timeline: self.db.timelines.current(), seq };
        Some(Page { position, parcels, withdrawn, end })
    }

    fn parcel(&self, row: &Row) -> Parcel {
        let incoming = Incoming { id: row.id, kind: row.kind.clone(), state: row.state.clone() };
        Parcel { incoming, seen: self.db.seen[&row.id].clone() }
    }

    // The child's side, as `up.rs`.

    pub fn hello(&self, parent: BaseId) -> Hello {
        let link = self.db.link(parent);
        Hello { cursor: link.cursor, ack: link.ack, epoch: link.epoch, ..Hello::default() }
    }

    pub fn begin_round(&mut self, parent: BaseId, session: u64, welcome: &Welcome) {
        let link = self.db.link(parent);
        if welcome.resync {
            self.db.apply(&resync(&link, welcome));
        }
        let timeline = self.db.timelines.current();
        let held = self.db.seals.get(&(self.base, timeline));
        let seal = next_seal(held, self.base, timeline, 1, self.db.timelines.seq);
        let exceptions = self.db.handed.values().filter(|h| h.unattested).map(|h| h.record).collect();
        let refused = self.db.outbound_refused();
        let seal = Seal { unsent: refused.len() as u64, exceptions, ..seal };
        let link = self.db.link(parent);
        self.db.apply(&Changes { seals: vec![seal], links: vec![link], ..Changes::default() });
        self.round = Some(Round {
            session,
            timeline: welcome.position.timeline,
            snapshot: self.db.clone(),
            after: 0,
            index: 0,
            sent: BTreeMap::new(),
            seals: self.db.seals.values().cloned().collect(),
            last_index: None,
            refused_before: refused,
        });
    }

    /// The next batch, if the last has not been sent.
    pub fn next_batch(&mut self, limit: usize) -> Option<Batch> {
        let base = self.base;
        let round = self.round.as_mut().filter(|r| r.last_index.is_none())?;
        let rows = round.snapshot.unsent(round.after, limit);
        let ids: BTreeSet<RecordId> = rows.iter().map(|row| row.id).collect();
        let revisions = round.snapshot.revisions.values().filter(|r| r.unsent && ids.contains(&r.record));
        let revisions: Vec<Revision> = revisions.cloned().collect();
        let upto = rows.last().map_or(round.after, |row| row.seq);
        let sent = Sent {
            after: round.after,
            upto,
            rows: rows.iter().map(|row| (row.id, row.seq)).collect(),
            hidden: rows.iter().filter(|row| row.hidden).map(|row| row.id).collect(),
            revisions: revisions.iter().map(|r| (r.record, r.of, r.by)).collect(),
        };
        round.after = upto;
        let last = round.snapshot.unsent(upto, 1).is_empty();
        let index = round.index;
        round.index += 1;
        round.sent.insert(index, sent);
        round.last_index = last.then_some(index);
        let seals = if last { round.seals.clone() } else { Vec::new() };
        let parcel = |row: &Row| Parcel {
            incoming: Incoming { id: row.id, kind: row.kind.clone(), state: row.state.clone() },
            seen: round.snapshot.seen[&row.id].clone(),
        };
        let parcels = rows.iter().map(parcel).collect();
        Some(Batch { child: base, session: round.session, index, parcels, revisions, last, seals })
    }

    /// Takes an acknowledgement; `false` when it is not of this round.
    pub fn acknowledge(&mut self, tree: &Tree, parent: BaseId, ack: &Ack) -> bool {
        let Some(round) = self.round.as_mut() else { return false };
        if ack.session != round.session || ack.position.timeline != round.timeline {
            return false;
        }
        let Some(sent) = round.sent.remove(&ack.index) else { return false };
        let looked_at = |id: &RecordId| ack.verdicts.contains_key(id) || round.refused_before.contains(id);
        let mut ids: Vec<RecordId> = sent.rows.iter().map(|(id, _)| *id).filter(looked_at).collect();
        ids.extend(&sent.hidden);
        let now = self.db.existing(ids);
        let children = tree.link_children(self.base);
        let withdraws: Vec<_> = children.into_iter().flat_map(|c| self.db.withdraws(c)).collect();
        let link = self.db.link(parent);
        let desk = child::Desk { schema: schema(), tree, me: self.base, parent, now_ms: 1 };
        let mut changes = desk.acknowledged(&link, &sent, &ack.verdicts, ack.position, &now, &withdraws);
        if round.last_index == Some(ack.index) {
            changes.ticks = ticks_of(parent, &round.seals);
        }
        self.db.apply(&changes);
        true
    }

    pub fn cursor(&self, parent: BaseId) -> Position {
        let round = self.round.as_ref().unwrap();
        self.db.link(parent).cursor.unwrap_or(Position { timeline: round.timeline, seq: 0 })
    }

    pub fn receive_page(&mut self, tree: &Tree, parent: BaseId, page: &Page) {
        let pulled: Vec<Incoming> = page.parcels.iter().map(|p| p.incoming.clone()).collect();
        let existing = self.db.existing(pulled.iter().map(|p| p.id).chain(page.withdrawn.iter().copied()));
        let desk = child::Desk { schema: schema(), tree, me: self.base, parent, now_ms: 1 };
        let mut changes = desk.receive(&existing, &pulled, &page.withdrawn);
        changes.links.push(Link { cursor: Some(page.position), ..self.db.link(parent) });
        self.db.apply(&changes);
        for parcel in &page.parcels {
            self.db.seen.entry(parcel.incoming.id).or_default().extend(&parcel.seen);
        }
        self.recheck();
    }
}
