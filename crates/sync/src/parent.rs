//! The parent's side: who is let in, what is taken from below, what goes down.

use std::collections::{BTreeMap, BTreeSet};

use causal::{BaseId, Dot, RecordId, Register, Stamp, State, merge};
use record::{HOME, Scope, Shown, Tree, judge_entries, scope_of, vanished};
use schema::Schema;

use crate::correct::Corrector;
use crate::heartbeat::Heartbeat;
use crate::model::{
    Changes, Handed, Link, NewRow, NewWithdraw, Quarantined, Reason, Replica, Revision, Row, Seal, Unsent,
    limits,
};
use crate::position::{Position, Timelines};

/// What a child says of itself when it comes (H1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hello {
    /// How far it has pulled this parent's changes.
    pub cursor: Option<Position>,
    /// The highest acknowledgement of this parent it ever saw.
    pub ack: Option<Position>,
    /// The count of its joinings that it knows.
    pub epoch: u64,
    /// How many records wait to be pushed.
    pub unsent: u64,
    /// Its program's version.
    pub version: String,
    /// What it says of its own database; an older program says nothing.
    pub heartbeat: Option<Heartbeat>,
    /// This node's clock minus the child's, milliseconds, as the edge measured it; of a letter nothing is known.
    pub clock_offset_ms: Option<i64>,
}

/// What the parent answers (H5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Welcome {
    /// Where the parent stands.
    pub position: Position,
    /// The count of joinings that counts.
    pub epoch: u64,
    /// Everything in scope is to be sent again, both ways.
    pub resync: bool,
    /// Records of the child that the parent keeps aside.
    pub quarantined: Vec<RecordId>,
    /// Where the child stood when it called before: a child that does not know this position was restored.
    pub stood: Option<Position>,
    /// Another live node calls under the child's identity.
    pub clone: bool,
}

/// Lets a child in (H3, H4, H5). `link` is what is remembered of it.
pub fn welcome(timelines: &Timelines, link: Option<&Link>, child: BaseId, hello: &Hello) -> (Welcome, Link) {
    let mut link = link.cloned().unwrap_or(Link { peer: child, epoch: 1, ..Link::default() });
    let known = |position: Option<Position>| position.is_none_or(|p| timelines.knows(p));
    let acked = planted::on!(PullPositionOnly) || known(hello.ack);
    let resync = !known(hello.cursor) || !acked || hello.epoch != link.epoch;
    link.cursor = hello.cursor;
    link.peer_unsent = hello.unsent;
    link.peer_version = clip(&hello.version);
    link.clock_offset_ms = hello.clock_offset_ms.unwrap_or(link.clock_offset_ms);
    let quarantined = Vec::new();
    let stood = link.memory.last.map(|beat| beat.position);
    let clone = false;
    (Welcome { position: timelines.now(), epoch: link.epoch, resync, quarantined, stood, clone }, link)
}

fn clip(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(limits::TEXT_BYTES / 4).collect()
}

/// A record as it comes from another node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Incoming {
    /// Which record.
    pub id: RecordId,
    /// Short name of its kind.
    pub kind: String,
    /// What is said to be its state.
    pub state: Vec<u8>,
}

/// What becomes of a pushed record (P7).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Taken.
    Ok,
    /// Taken, and the pusher may no longer see it.
    Withdraw,
    /// Not taken; kept aside with the reason.
    Quarantined(Reason, String),
}

/// Whether what a push says of others' edits has to be proved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claims {
    /// As it is between nodes.
    Checked,
    /// An administrator answers for it.
    Vouched,
}

/// What the parent knows while it looks at a push.
pub struct Desk<'s> {
    /// The contract.
    pub schema: &'s Schema,
    /// The tree of bases.
    pub tree: &'s Tree,
    /// The base of this node.
    pub me: BaseId,
    /// The child that pushes.
    pub child: BaseId,
    /// This node's clock, UTC milliseconds.
    pub now_ms: u64,
    /// Whether a stamp's tag proves that this node's own base wrote it.
    pub own_tag: &'s (dyn Fn(RecordId, &Stamp<'_>) -> bool + Sync),
    /// All replicas known, by id.
    pub replicas: &'s BTreeMap<causal::ReplicaId, Replica>,
    /// The last name that this node gave to an edit with the replica with which it writes now: nobody else can know
    /// later ones.
    pub live: Option<Dot>,
    /// Records that are in quarantine here.
    pub quarantined: &'s BTreeSet<RecordId>,
    /// Makes the edits that overrule an illegal one.
    pub corrector: &'s dyn Corrector,
    /// What is remembered of records that this node handed on and dropped.
    pub handed: &'s BTreeMap<RecordId, Handed>,
    /// The records were kept aside here, and are judged once more.
    pub again: bool,
}

/// What one transaction does with pushed records.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Received {
    /// To be written.
    pub changes: Changes,
    /// One for each record, in order.
    pub verdicts: Vec<Verdict>,
    /// Indexes into `changes.rows` whose state now equals what the child pushed: not sent back in this session (L3).
    pub echoes: Vec<usize>,
    /// Records that were corrected, each with the base whose write was overruled.
    pub corrected: Vec<(RecordId, BaseId)>,
    /// Correction requests that came of it, to be written where they are not held yet: the id follows from the write, so
    /// that one which came another way may have been answered meanwhile.
    pub requests: BTreeMap<RecordId, NewRow>,
}

/// Records of one push under judgement: what is known of them, and what came of those judged so far.
#[derive(Debug)]
pub struct Intake {
    existing: BTreeMap<RecordId, Row>,
    /// Where each record written so far stands in `changes.rows`.
    written: BTreeMap<RecordId, usize>,
    children: Vec<BaseId>,
    received: Received,
}

impl Intake {
    /// The row that a record is judged against: the one just written, else the one that was known before.
    fn row(&self, id: RecordId) -> Option<&Row> {
        let made = || self.received.requests.get(&id).map(|new| &new.row);
        let written = self.written.get(&id).map(|at| &self.received.changes.rows[*at].row);
        written.or_else(|| self.existing.get(&id)).or_else(made)
    }

    /// Keeps a correction request that is not known here yet: the same write in two batches of one push is overruled
    /// once, and what was answered meanwhile is not asked again.
    fn keep(&mut self, request: NewRow) {
        if self.row(request.row.id).is_none() {
            self.received.requests.insert(request.row.id, request);
        }
    }

    /// What came of all of them.
    pub fn done(self) -> Received {
        self.received
    }
}

impl Desk<'_> {
    /// Judges and merges what a child pushed (P3–P7). `existing` holds the rows that are known of these records; a
    /// record pushed twice is merged twice.
    pub fn receive(&self, existing: BTreeMap<RecordId, Row>, pushed: &[Incoming]) -> Received {
        let mut intake = self.intake(existing);
        pushed.iter().for_each(|incoming| self.judge(&mut intake, incoming, Claims::Checked));
        intake.done()
    }

    /// Begins to judge records one by one.
    pub fn intake(&self, existing: BTreeMap<RecordId, Row>) -> Intake {
        let children = self.tree.link_children(self.me);
        Intake { existing, written: BTreeMap::new(), children, received: Received::default() }
    }

    /// Judges the next record; an administrator may answer for what cannot be proved.
    pub fn judge(&self, intake: &mut Intake, incoming: &Incoming, claims: Claims) {
        let verdict = match self.take(intake.row(incoming.id), incoming, claims) {
            Err((reason, detail)) => {
                if reason == Reason::Unverified
                    && let Some((part, taken)) = self.take_part(intake.row(incoming.id), incoming)
                {
                    self.write(intake, &part, taken);
                }
                let changes = &mut intake.received.changes;
                changes.release.retain(|(record, _)| *record != incoming.id);
                changes.quarantine.push(self.refused(incoming, reason, detail.clone()));
                Verdict::Quarantined(reason, detail)
            }
            Ok(taken) => {
                let verdict =
                    if taken.visible_to(self.tree, self.child) { Verdict::Ok } else { Verdict::Withdraw };
                self.write(intake, incoming, taken);
                verdict
            }
        };
        intake.received.verdicts.push(verdict);
    }

    fn write(&self, intake: &mut Intake, incoming: &Incoming, taken: Taken) {
        taken.requests.into_iter().for_each(|request| intake.keep(request));
        let Intake { written, children, received, .. } = intake;
        let changes = &mut received.changes;
        // A good copy settles a bad one of the same push.
        changes.quarantine.retain(|q| q.record != incoming.id);
        if self.quarantined.contains(&incoming.id) {
            changes.release.push((incoming.id, Some(self.child)));
        }
        changes.replicas.extend(taken.replicas);
        changes.revisions.extend(taken.revisions);
        received.corrected.extend(taken.corrected.into_iter().map(|writer| (incoming.id, writer)));
        let Some(new) = taken.row else { return };
        received.requests.remove(&incoming.id);
        let lost_sight = children.iter().filter(|c| taken.scope_before.visible_to(self.tree, **c));
        let lost_sight = lost_sight.filter(|c| !new.shown.scope.visible_to(self.tree, **c));
        changes.withdraws.extend(lost_sight.map(|child| NewWithdraw { child: *child, record: incoming.id }));
        let echo = new.row.state == incoming.state;
        let at = *written.entry(incoming.id).or_insert(changes.rows.len());
        if at == changes.rows.len() {
            changes.rows.push(new);
        } else {
            changes.rows[at] = new;
            received.echoes.retain(|e| *e != at);
        }
        if echo {
            received.echoes.push(at);
        }
    }

    fn refused(&self, incoming: &Incoming, reason: Reason, detail: String) -> Quarantined {
        let home = State::decode(&incoming.state).ok().and_then(|s| scope_of(&s).homes.first().copied());
        Quarantined {
            record: incoming.id,
            kind: incoming.kind.chars().take(limits::KIND_BYTES).collect(),
            from: self.child,
            home: home.filter(|h| self.tree.is_within(*h, self.child)).unwrap_or(self.child),
            reason,
            detail,
            state: incoming.state.clone(),
            at_ms: self.now_ms,
            inbound: true,
        }
    }

    fn take(
        &self,
        row: Option<&Row>,
        incoming: &Incoming,
        claims: Claims,
    ) -> Result<Taken, (Reason, String)> {
        if !is_kind_name(&incoming.kind) {
            return Err((Reason::Malformed, "类别名称不合格式".into()));
        }
        let malformed = |corrupt: causal::Corrupt| (Reason::Malformed, corrupt.to_string());
        let theirs = State::decode(&incoming.state).map_err(malformed)?;
        let ours = row.map(|r| State::decode(&r.state)).transpose().map_err(malformed)?.unwrap_or_default();
        if row.is_some_and(|r| r.kind != incoming.kind) {
            return Err((Reason::Kind, "同一编号已用于另一类记录".into()));
        }
        if row.is_some_and(|r| r.state == incoming.state) {
            return Ok(Taken { scope_after: scope_of(&ours), ..Taken::default() });
        }
        if row.is_none() && self.has_handed_on(incoming.id, &theirs) {
            return Ok(Taken::default());
        }
        self.check_scope(incoming, &ours, &theirs)?;
        if claims == Claims::Checked {
            self.check_claims(incoming.id, &ours, &theirs)?;
        }
        let merged = match row {
            None => theirs.clone(),
            Some(_) => merge(&ours, &theirs).map_err(|clash| (Reason::Clash, clash.to_string()))?,
        };
        let kind = self.schema.kind(&incoming.kind);
        let below = |base| self.is_below(base);
        let faults = kind.map(|kind| judge_entries(kind, self.tree, &ours, &theirs, below));
        if let (None, Some(register)) = (kind, vanished(&ours, &theirs, below).first()) {
            let words =
                format!("第{}项的值没有经过修改就不见了 / a value vanished without a write", register.field);
            return Err((Reason::Illegal, words));
        }
        let corrected = match (kind, faults) {
            (Some(kind), Some(faults)) if !faults.is_empty() => {
                Some(self.correct(incoming, kind, &ours, &merged, &faults)?)
            }
            _ => None,
        };
        // Bytes are canonical: of what is new, and of what says more, those that arrived are those that encoding gives.
        let bytes = match &corrected {
            Some(corrected) => corrected.state.clone(),
            None if row.is_none() || merged == theirs => incoming.state.clone(),
            None => merged.encode(),
        };
        let merged = match corrected {
            Some(_) => State::decode(&bytes).map_err(malformed)?,
            None => merged,
        };
        if bytes.len() > causal::MAX_STATE_BYTES {
            return Err((Reason::Malformed, causal::Corrupt::TooLarge.to_string()));
        }
        let scope_before = scope_of(&ours);
        let mut taken = Taken { replicas: replicas_of(&theirs), ..Taken::default() };
        taken.revisions = lost_entries(incoming.id, &ours, &merged, self.unsent() != Unsent::Clean);
        if let Some(corrected) = corrected {
            taken.revisions.extend(corrected.revisions);
            taken.replicas.extend(corrected.requests.iter().flat_map(|new| replicas_in(&new.row.state)));
            taken.replicas.extend(replicas_of(&merged));
            taken.requests = corrected.requests;
            taken.corrected = corrected.writers;
        }
        if row.is_some_and(|r| r.state == bytes) {
            taken.scope_after = scope_before;
            return Ok(taken);
        }
        let shown = Shown::of(kind, self.tree, &merged);
        taken.scope_after = shown.scope.clone();
        taken.scope_before = scope_before;
        let old = row.cloned().unwrap_or_default();
        let row = Row {
            id: incoming.id,
            kind: incoming.kind.clone(),
            seq: old.seq,
            // What the parent withdrew stays hidden until the parent has it all.
            hidden: old.hidden,
            refused: false,
            unsent: self.unsent(),
            state: bytes,
        };
        taken.row = Some(NewRow { row, shown });
        Ok(taken)
    }

    /// What is taken from below waits for the next parent up; the root has none.
    pub(crate) fn unsent(&self) -> Unsent {
        if self.tree.parent(self.me).is_none() { Unsent::Clean } else { Unsent::Unpushed }
    }

    /// Whether a base lies, or ever lay, beneath the pusher: what it wrote is the pusher's to bring.
    fn is_below(&self, base: BaseId) -> bool {
        self.tree.was_within(base, self.child)
    }

    /// Whether the tag proves that an edit was made at this node: it comes back after this node lost it.
    fn is_own(&self, id: RecordId, stamp: &Stamp<'_>) -> bool {
        !planted::on!(OwnLostRefused) && self.tree.node_of(stamp.base) == self.me && (self.own_tag)(id, stamp)
    }

    /// Whether a record was handed on from here with all that this state has seen: then nothing of it is new to those
    /// above, as far as they have confirmed it.
    fn has_handed_on(&self, id: RecordId, state: &State<'_>) -> bool {
        self.handed.get(&id).is_some_and(|h| !h.unattested && h.context.covers(&state.context))
    }

    /// A record that is new here must belong below the pusher, unless it was moved away there before it came, or is
    /// what this node lost. Who else may have written its home is for [`Desk::check_claims`] to find out.
    fn check_scope(
        &self,
        incoming: &Incoming,
        ours: &State<'_>,
        theirs: &State<'_>,
    ) -> Result<(), (Reason, String)> {
        let scope = scope_of(theirs);
        let is_base = self.schema.registry().is_some_and(|kind| kind.name == incoming.kind);
        // The record of a base that this node lost makes that base exist again.
        let exists = |base: &BaseId| self.tree.get(*base).is_some() || (is_base && base.0 == incoming.id.0);
        if let Some(base) = scope.audience.iter().chain(&scope.homes).find(|base| !exists(base)) {
            return Err((Reason::Scope, format!("记录指向一个不存在的基地 {base}")));
        }
        let known = !ours.groups.is_empty() || scope.homes.is_empty();
        if known || scope.homes.iter().any(|home| self.is_below(*home)) {
            return Ok(());
        }
        let moved = theirs.groups.len() > 1 || theirs.context.len() > 1;
        let mut homes = theirs.entries(Register::whole(HOME));
        if homes.all(|(stamp, _)| moved || !self.is_below(stamp.base)) {
            return Ok(());
        }
        let home = scope.homes.first().copied().unwrap_or_default();
        Err((
            Reason::Scope,
            format!("属地“{}”不在{}的管辖范围", self.tree.name(home), self.tree.name(self.child)),
        ))
    }

    /// Edits and claims of bases that do not lie below the pusher must be known here, or proved (P3, P4).
    fn check_claims(
        &self,
        id: RecordId,
        ours: &State<'_>,
        theirs: &State<'_>,
    ) -> Result<(), (Reason, String)> {
        let handed = self.handed.get(&id);
        let known = |dot: Dot| ours.context.has(dot) || handed.is_some_and(|h| h.context.has(dot));
        for group in theirs.groups.iter().filter(|g| !known(g.stamp.dot)) {
            let stamp = &group.stamp;
            if !self.is_below(stamp.base) && !self.is_own(id, stamp) && !planted::on!(ForgedDot) {
                let words = format!("含有{}的修改,本级没有见过,无法核实", self.tree.name(stamp.base));
                return Err((Reason::Unverified, words));
            }
            if self.is_taken(stamp) {
                return Err((Reason::Unverified, format!("修改 {:?} 用了别的节点的名字", stamp.dot)));
            }
        }
        let beyond = |dot: &Dot| !planted::on!(ContextBelieved) && !known(*dot) && self.exceeds(*dot);
        if let Some(dot) = theirs.context.iter().find(|dot| beyond(dot) && self.is_mine_now(*dot)) {
            return Err((Reason::Untrue, format!("声称见过本级从未作出的修改 {dot:?}")));
        }
        match theirs.context.iter().find(beyond) {
            Some(dot) => Err((Reason::Unverified, format!("声称见过本级不知道的修改 {dot:?}"))),
            None => Ok(()),
        }
    }

    /// Of a state that holds unproved edits, what the pusher may bring for itself. When this node has lost records,
    /// two children that hold each other's edits would otherwise wait for one another for ever.
    fn take_part(&self, row: Option<&Row>, incoming: &Incoming) -> Option<(Incoming, Taken)> {
        let theirs = State::decode(&incoming.state).ok()?;
        let ours = row.map(|r| State::decode(&r.state)).transpose().ok()?.unwrap_or_default();
        let part = self.provable(incoming.id, &ours, &theirs);
        // A part of what was handed on would be taken, sent up, and withdrawn again whenever it is judged.
        let handed_on = self.handed.get(&incoming.id).is_some_and(|h| h.context.covers(&part.context));
        if ours.context.covers(&part.context) || (row.is_none() && handed_on && self.again) {
            return None;
        }
        let part = Incoming { state: part.encode(), ..incoming.clone() };
        let taken = self.take(row, &part, Claims::Checked).ok()?;
        Some((part, taken))
    }

    /// The part of a state that says nothing new of others: their edits and claims as far as they are known here, and
    /// what stands here unless an edit in this part replaced it. The part says less than the whole, nothing else, so
    /// that merging the whole later gives the same as merging it at once.
    fn provable<'a>(&self, id: RecordId, ours: &State<'a>, theirs: &State<'a>) -> State<'a> {
        let proved = |stamp: &Stamp<'_>| self.is_below(stamp.base) || self.is_own(id, stamp);
        let writer =
            |dot: &Dot| theirs.groups.iter().find(|g| g.stamp.dot.replica == dot.replica).map(|g| &g.stamp);
        let known = |dot: Dot| Dot { tick: dot.tick.min(ours.context.tick(dot.replica)), ..dot };
        let base = |dot: &Dot| self.replicas.get(&dot.replica).and_then(|r| r.base);
        let sayable = |dot: Dot| match writer(&dot) {
            Some(stamp) if proved(stamp) => dot,
            None if base(&dot).is_some_and(|base| self.is_below(base)) => dot,
            _ => known(dot),
        };
        let context: causal::Context = theirs.context.iter().map(sayable).collect();
        let mut groups: Vec<_> = theirs.groups.iter().filter(|g| context.has(g.stamp.dot)).cloned().collect();
        let new = groups.iter().filter(|g| !ours.context.has(g.stamp.dot)).cloned().collect::<Vec<_>>();
        // Beside an unproved value it is not known which of them replaced what stood here.
        let hidden = theirs.groups.iter().filter(|g| !context.has(g.stamp.dot)).collect::<Vec<_>>();
        let replaced = |e: &causal::Entry<'_>| {
            new.iter().any(|g| g.entry(e.register).is_some())
                && !hidden.iter().any(|g| g.entry(e.register).is_some())
        };
        for group in ours.groups.iter().filter(|g| context.has(g.stamp.dot)) {
            let mut entries = group.entries.clone();
            let kept = theirs.group(group.stamp.dot);
            entries.retain(|e| kept.is_some_and(|k| k.entry(e.register).is_some()) || !replaced(e));
            groups.retain(|g| g.stamp.dot != group.stamp.dot);
            if !entries.is_empty() {
                groups.push(causal::Group { stamp: group.stamp, entries });
            }
        }
        groups.sort_by_key(|g| g.stamp.dot);
        State { context, groups }
    }

    /// Whether a claim "I have seen this edit" goes beyond what its writer can have written.
    fn exceeds(&self, dot: Dot) -> bool {
        if let Some(live) = self.live.filter(|live| live.replica == dot.replica) {
            return dot.tick > live.tick;
        }
        let Some(known) = self.replicas.get(&dot.replica) else { return false };
        let Some(base) = known.base else { return false };
        let own_past = self.tree.node_of(base) == self.me;
        dot.tick > known.tick && !(own_past || self.is_below(base))
    }

    /// Whether an edit goes by the name of the replica with which this node writes now.
    fn is_mine_now(&self, dot: Dot) -> bool {
        self.live.is_some_and(|live| live.replica == dot.replica)
    }

    /// Whether an edit goes by the name of a replica that is known as another node's. One node writes for all the bases
    /// that it serves.
    fn is_taken(&self, stamp: &Stamp<'_>) -> bool {
        let known = self.replicas.get(&stamp.dot.replica).and_then(|r| r.base);
        let node = |base| self.tree.node_of(base);
        let moved = |base| self.tree.get(base).is_none_or(|b| !b.former_parents.is_empty());
        known.is_some_and(|base| node(base) != node(stamp.base) && !moved(base) && !moved(stamp.base))
    }
}

/// What becomes of one pushed record.
#[derive(Default)]
struct Taken {
    row: Option<NewRow>,
    scope_before: Scope,
    scope_after: Scope,
    revisions: Vec<Revision>,
    replicas: Vec<Replica>,
    requests: Vec<NewRow>,
    corrected: Vec<BaseId>,
}

impl Taken {
    fn visible_to(&self, tree: &Tree, base: BaseId) -> bool {
        self.scope_after.visible_to(tree, base)
    }
}

fn is_kind_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    !name.is_empty() && name.len() <= limits::KIND_BYTES && name.bytes().all(plain)
}

/// The replicas that a state tells of: those of its edits with their bases, and all in its context.
pub(crate) fn replicas_of(state: &State<'_>) -> Vec<Replica> {
    let base_of =
        |dot: Dot| state.groups.iter().find(|g| g.stamp.dot.replica == dot.replica).map(|g| g.stamp.base);
    state.context.iter().map(|dot| Replica { id: dot.replica, base: base_of(dot), tick: dot.tick }).collect()
}

fn replicas_in(state: &[u8]) -> Vec<Replica> {
    State::decode(state).map(|state| replicas_of(&state)).unwrap_or_default()
}

/// History of what a merge removes here: the pusher's own history rows say it better where there are any, and the
/// store keeps the longer.
pub(crate) fn lost_entries(
    id: RecordId,
    ours: &State<'_>,
    merged: &State<'_>,
    unsent: bool,
) -> Vec<Revision> {
    let by = |register| {
        let new = merged.entries(register).map(|(stamp, _)| stamp.dot).filter(|dot| !ours.context.has(*dot));
        new.max().unwrap_or_default()
    };
    let mut revisions = Vec::new();
    for group in ours.missing_in(merged) {
        let mut by_dot: BTreeMap<Dot, Vec<causal::Entry<'_>>> = BTreeMap::new();
        for entry in &group.entries {
            by_dot.entry(by(entry.register)).or_default().push(*entry);
        }
        for (dot, entries) in by_dot {
            let fragment = State::of_groups(vec![causal::Group { stamp: group.stamp, entries }]).encode();
            revisions.push(Revision { record: id, of: group.stamp.dot, by: dot, fragment, unsent });
        }
    }
    revisions
}

/// The history rows of a push that are well formed and belong to the records pushed with them.
pub fn checked_revisions(pushed: &[Incoming], revisions: Vec<Revision>, unsent: bool) -> Vec<Revision> {
    let ids: BTreeSet<RecordId> = pushed.iter().map(|p| p.id).collect();
    let sound = |r: &Revision| {
        let state = State::decode(&r.fragment).ok();
        ids.contains(&r.record) && state.is_some_and(|s| s.groups.len() == 1 && s.groups[0].stamp.dot == r.of)
    };
    revisions.into_iter().filter(sound).map(|r| Revision { unsent, ..r }).collect()
}

/// The seals of a push that the pusher may speak for (P8): of bases that lie, or lay, beneath it.
pub fn checked_seals(tree: &Tree, child: BaseId, seals: Vec<Seal>) -> Vec<Seal> {
    let known = |seal: &Seal| tree.get(seal.base).is_some() && tree.was_within(seal.base, child);
    seals.into_iter().filter(known).map(|seal| Seal { covers_seq: 0, ..seal }).collect()
}
