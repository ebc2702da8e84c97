//! A city, two districts and four streets at random: edits, losses, duplicates, late words, crashes, restores; then
//! quiet rounds, after which all copies are equal and nothing that a disk still held is lost.

use std::collections::{BTreeMap, BTreeSet};

use causal::{BaseId, Context, Dot, RecordId, State};
use record::{Draft, Shown, Tree, derived_id};
use sync::{Reason, TimelineId};

use crate::contract::{ALL, GRADE, STATE, TAGS, TITLE, number, schema, step, text, tree};
use crate::database::Database;
use crate::node::{Ack, Batch, Node};
use crate::oracle::{Oracle, Place};

/// Seeds of one run of the test.
const SEEDS: u64 = 400;
/// Seeds that once failed, each with what went wrong.
const REGRESSIONS: &[u64] = &[
    21,   // after a restore of the parent two children held each other's edits and were both refused for ever
    38,   // what was refused was not sent again when the pusher could no longer see the record
    39,   // what was refused stayed in quarantine after it had come by another way
    54,   // a record out of the parent's scope was sent, refused, withdrawn and sent again without end
    84,   // a refused record was shown as refused for ever, though the parent had all of it
    104,  // the flag "refused" stayed on a row that the parent had by then
    147,  // another child's push took a record out of quarantine that it had nothing to do with
    161,  // a part of a state, taken earlier, made the whole look as if a value had vanished without a write
    204,  // two bases created one body, and one of them had moved its claim on before the parent saw it
    205,  // a lost home came back, and the edits made before it was set looked illegal
    209,  // an edit made before the writer heard that the home had moved was refused
    220,  // a record moved out of the pusher's subtree before its first push was refused
    277,  // edits of a former home out of an old copy: nothing tells of them any more, a person decides
    666,  // the last copy of what the root had lost was dropped: the known limit, and named
    682,  // a refusal that an old copy remembered was never tried again
    818,  // a value of the pusher's own, given up for a known one, looked as if it had vanished
    925,  // as 666, through two tiers
    1457, // a held edit waited for a refused one
];
/// Rounds of every node after which a healthy federation has come to rest: up through three tiers and down again,
/// twice over for what had to be sent again.
const QUIET_ROUNDS: usize = 10;

/// An unproved edit climbs one tier with each decision of an administrator, and may bring another to light.
const DECISIONS: usize = 6;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

struct World {
    random: Random,
    tree: Tree,
    nodes: BTreeMap<BaseId, Node>,
    oracle: Oracle,
    backups: BTreeMap<BaseId, Vec<Database>>,
    late_batches: Vec<Batch>,
    late_acks: Vec<(BaseId, Ack)>,
    forms: Vec<(BaseId, RecordId, Context, BTreeSet<Dot>)>,
    clock: u64,
    /// How often an administrator had to decide.
    taken: BTreeMap<Reason, usize>,
    /// Some database was replaced by an older copy.
    restored: bool,
    /// What each seal claims: base, timeline, count.
    sealed: BTreeMap<(BaseId, TimelineId, u64), BTreeSet<Dot>>,
    /// For each node all edits that it ever held.
    ever: BTreeMap<BaseId, BTreeSet<Dot>>,
    trace: bool,
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random(seed);
        let nodes = ALL.map(|base| (base, Node::new(base, random.next()))).into();
        World {
            random,
            tree: tree(),
            nodes,
            oracle: Oracle::default(),
            backups: BTreeMap::new(),
            late_batches: Vec::new(),
            late_acks: Vec::new(),
            forms: Vec::new(),
            clock: 1_000_000,
            taken: BTreeMap::new(),
            restored: false,
            sealed: BTreeMap::new(),
            ever: BTreeMap::new(),
            trace: false,
        }
    }

    fn node(&mut self, base: BaseId) -> &mut Node {
        self.nodes.get_mut(&base).unwrap()
    }

    fn log(&self, words: impl FnOnce() -> String) {
        if self.trace {
            println!("{}", words());
        }
    }

    fn storm(&mut self, steps: usize) {
        for _ in 0..steps {
            match self.random.below(100) {
                0..30 => self.edit(),
                30..88 => self.advance(),
                88..91 => self.late_batch(),
                91..93 => self.late_ack(),
                93..96 => self.back_up(),
                96..98 => self.crash(),
                98 => self.restore(),
                _ => self.look_at_a_form(),
            }
        }
    }

    // Edits.

    fn edit(&mut self) {
        let base = self.random.of(&ALL);
        self.clock += 1;
        let visible = self.nodes[&base]
            .db
            .rows
            .values()
            .filter(|(r, _)| !r.hidden)
            .map(|(r, _)| (r.kind.clone(), r.id));
        let visible: Vec<(String, RecordId)> = visible.collect();
        if visible.is_empty() || self.random.chance(20) {
            return self.create(base);
        }
        let (kind, id) = visible[self.random.below(visible.len())].clone();
        let mut draft = self.draft(&kind, base, id);
        if self.random.chance(6) {
            let home = self.random.of(&ALL);
            draft.home(home);
        }
        if self.random.chance(8) {
            let audience: Vec<BaseId> = (0..self.random.below(3)).map(|_| self.random.of(&ALL)).collect();
            draft.audience(&audience);
        }
        if self.random.chance(3) {
            let row = self.nodes[&base].db.row(id).unwrap();
            draft.delete(&State::decode(&row.state).unwrap().context);
        }
        let stale = self.forms.iter().position(|(b, i, ..)| (*b, *i) == (base, id));
        let form = stale.filter(|_| self.random.chance(50)).map(|at| self.forms.remove(at));
        self.save(base, &kind, id, &draft, form.map(|(_, _, context, seen)| (context, seen)));
    }

    fn create(&mut self, base: BaseId) {
        let mut draft = Draft::default();
        let (kind, id) = if self.random.chance(40) {
            let code = self.random.of(&["甲", "乙", "丙"]);
            let body = schema().kind("body").unwrap();
            draft.set(body, 1, text(1, code));
            draft.set(body, 2, text(2, &self.clock.to_string()));
            draft.audience(&[crate::contract::CITY]);
            ("body", derived_id("body", &[code.to_owned()]))
        } else {
            let note = schema().kind("note").unwrap();
            draft.set(note, TITLE, text(TITLE, &self.clock.to_string()));
            draft.set(note, STATE, step(None, 1));
            let mut id = [0; 16];
            id[..8].copy_from_slice(&self.random.next().to_be_bytes());
            ("note", RecordId(id))
        };
        if self.nodes[&base].db.row(id).is_none() {
            draft.home(base);
            self.save(base, kind, id, &draft, None);
        }
    }

    fn draft(&mut self, kind: &str, base: BaseId, id: RecordId) -> Draft {
        let kind = schema().kind(kind).unwrap();
        let mut draft = Draft::default();
        let mut pick = kind.fields.iter().map(|f| f.number).collect::<Vec<_>>();
        pick.retain(|_| self.random.chance(25));
        for field in pick {
            let value = match (kind.name.as_str(), field) {
                ("body", 1) => continue,
                ("note", TAGS) => (0..3)
                    .filter(|_| self.random.chance(50))
                    .flat_map(|n| text(TAGS, &n.to_string()))
                    .collect(),
                ("note", STATE) => {
                    let from = self.shown_state(base, id);
                    step(Some(from), self.random.below(4) as i64 + 1)
                }
                ("note", GRADE) => number(GRADE, self.random.below(3) as i64 + 1),
                _ if self.random.chance(10) => Vec::new(),
                _ => text(field, &self.clock.to_string()),
            };
            draft.set(kind, field, value);
        }
        draft
    }

    fn shown_state(&self, base: BaseId, id: RecordId) -> i64 {
        let row = self.nodes[&base].db.row(id).unwrap();
        let state = State::decode(&row.state).unwrap();
        let values = record::values(schema().kind("note"), &self.tree, &state);
        let value = values.iter().find(|v| v.register.field == STATE).and_then(|v| record::step_to(v.raw()));
        value.map_or(1, i64::from)
    }

    fn save(
        &mut self,
        base: BaseId,
        kind: &str,
        id: RecordId,
        draft: &Draft,
        form: Option<(Context, BTreeSet<Dot>)>,
    ) {
        // Clocks of different bases are hours apart.
        let saved_at_ms = self.clock + u64::from(base.0[0] % 3) * 10_000;
        let random = self.random.next();
        let node = self.nodes.get_mut(&base).unwrap();
        let stale = form.is_some();
        let saved = node.save(&self.tree, &mut self.oracle, (kind, id), draft, form, (saved_at_ms, random));
        if saved {
            let by = self.oracle.saved[&id].last().unwrap();
            self.log(|| {
                format!(
                    "edit {} {kind} {id:?} {:?} {:?} stale={stale}",
                    name(base),
                    by.dot,
                    by.places.iter().map(|p| p.0).collect::<Vec<_>>()
                )
            });
        }
    }

    /// Somebody opens a form and will save it later.
    fn look_at_a_form(&mut self) {
        let base = self.random.of(&ALL);
        let db = &self.nodes[&base].db;
        if db.rows.is_empty() {
            return;
        }
        let at = self.random.below(db.rows.len());
        let db = &self.nodes[&base].db;
        let (id, (row, _)) = db.rows.iter().nth(at).unwrap();
        let context = State::decode(&row.state).unwrap().context;
        self.forms.push((base, *id, context, db.seen[id].clone()));
    }

    // Faults.

    fn reopen(&mut self, base: BaseId) {
        let timeline = self.random.next();
        self.node(base).reopen(timeline);
        self.forms.retain(|(b, ..)| *b != base);
    }

    fn crash(&mut self) {
        let base = self.random.of(&ALL);
        self.log(|| format!("crash {}", name(base)));
        self.reopen(base);
    }

    fn back_up(&mut self) {
        let base = self.random.of(&ALL);
        let db = self.nodes[&base].db.clone();
        self.log(|| format!("backup {}", name(base)));
        let kept = self.backups.entry(base).or_default();
        kept.push(db);
        if kept.len() > 2 {
            kept.remove(0);
        }
    }

    fn restore(&mut self) {
        let base = self.random.of(&ALL);
        let Some(older) = self.backups.get(&base).and_then(|all| all.first()).cloned() else { return };
        self.log(|| format!("restore {}", name(base)));
        self.restored = true;
        let lost = std::mem::replace(&mut self.node(base).db, older);
        self.reopen(base);
        let held: BTreeSet<Dot> =
            self.nodes.values().flat_map(|n| n.db.seen.values().flatten().copied()).collect();
        let gone = lost.seen.values().flatten().filter(|dot| !held.contains(dot));
        self.oracle.destroyed.extend(gone);
    }

    fn late_batch(&mut self) {
        if self.late_batches.is_empty() {
            return;
        }
        let at = self.random.below(self.late_batches.len());
        let batch = self.late_batches.swap_remove(at);
        let parent = self.tree.parent(batch.child).unwrap();
        self.log(|| format!("late batch {} -> {}", name(batch.child), name(parent)));
        self.nodes.get_mut(&parent).unwrap().receive(&self.tree, &batch);
    }

    fn late_ack(&mut self) {
        if self.late_acks.is_empty() {
            return;
        }
        let at = self.random.below(self.late_acks.len());
        let (child, ack) = self.late_acks.swap_remove(at);
        let parent = self.tree.parent(child).unwrap();
        self.nodes.get_mut(&child).unwrap().acknowledge(&self.tree, parent, &ack);
    }

    // Rounds.

    fn advance(&mut self) {
        let child = self.random.of(&ALL[1..]);
        if self.nodes[&child].round.is_none() {
            return self.begin(child);
        }
        let limit = 1 + self.random.below(4);
        match self.node(child).next_batch(limit) {
            Some(batch) => self.deliver(child, batch, true),
            None => self.pull(child, limit, true),
        }
    }

    fn begin(&mut self, child: BaseId) {
        let parent = self.tree.parent(child).unwrap();
        let session = self.random.next();
        let hello = self.nodes[&child].hello(parent);
        let welcome = self.node(parent).handshake(child, &hello, session);
        self.log(|| format!("begin {} resync={}", name(child), welcome.resync));
        self.node(child).begin_round(parent, session, &welcome);
        let db = &self.nodes[&child].db;
        let timeline = db.timelines.current();
        let own = self
            .oracle
            .saved
            .values()
            .flatten()
            .filter(|s| s.base == child && !self.oracle.destroyed.contains(&s.dot));
        let here: BTreeSet<Dot> = db.seen.values().flatten().copied().collect();
        let covered = own.map(|s| s.dot).filter(|dot| here.contains(dot)).collect();
        self.sealed.insert((child, timeline, db.seals[&(child, timeline)].n), covered);
    }

    fn deliver(&mut self, child: BaseId, batch: Batch, faults: bool) {
        let parent = self.tree.parent(child).unwrap();
        let fault = if faults { self.random.below(60) } else { usize::MAX };
        if faults && self.random.chance(10) {
            self.late_batches.push(batch.clone());
        }
        if fault == 0 {
            self.log(|| format!("lost batch {}", name(child)));
            self.node(child).round = None;
            return;
        }
        if fault == 1 {
            self.log(|| format!("crash before commit {}", name(parent)));
            self.reopen(parent);
            self.node(child).round = None;
            return;
        }
        let tree = self.tree.clone();
        let ack = self.node(parent).receive(&tree, &batch);
        self.note(parent);
        self.log(|| {
            format!(
                "push {} -> {} {:?} {:?}",
                name(child),
                name(parent),
                batch.parcels.iter().map(|p| p.incoming.id).collect::<Vec<_>>(),
                ack.verdicts
            )
        });
        if batch.last {
            self.check_seals(parent, &batch);
        }
        match fault {
            2 => {
                self.log(|| format!("crash after commit {}", name(parent)));
                self.reopen(parent);
                self.node(child).round = None;
            }
            3 => {
                self.late_acks.push((child, ack));
                self.node(child).round = None;
            }
            4 => self.reopen(child),
            _ => {
                if faults && self.random.chance(5) {
                    self.late_acks.push((child, ack.clone()));
                }
                let held = self.nodes[&child].db.seen.clone();
                let mine = self.node(child).acknowledge(&tree, parent, &ack);
                self.note_drops(child, parent, &held);
                if !mine {
                    // The parent was opened anew since the handshake: the session has ended.
                    assert!(faults, "no fault, and yet not this round's");
                    self.node(child).round = None;
                } else if fault == 5 {
                    self.reopen(child);
                }
            }
        }
    }

    fn pull(&mut self, child: BaseId, limit: usize, faults: bool) {
        let parent = self.tree.parent(child).unwrap();
        let session = self.nodes[&child].round.as_ref().unwrap().session;
        let cursor = self.nodes[&child].cursor(parent);
        let Some(page) = self.nodes[&parent].page(&self.tree, child, session, cursor, limit) else {
            self.node(child).round = None;
            return;
        };
        if faults && self.random.below(40) == 0 {
            self.log(|| format!("lost page {}", name(child)));
            self.node(child).round = None;
            return;
        }
        self.log(|| {
            format!(
                "pull {} {:?} withdrawn {:?}",
                name(child),
                page.parcels.iter().map(|p| p.incoming.id).collect::<Vec<_>>(),
                page.withdrawn
            )
        });
        for parcel in &page.parcels {
            let scope = record::scope_of(&State::decode(&parcel.incoming.state).unwrap());
            assert!(scope.visible_to(&self.tree, child), "sent outside its scope");
        }
        let tree = self.tree.clone();
        let held = self.nodes[&child].db.seen.clone();
        self.node(child).receive_page(&tree, parent, &page);
        self.note_drops(child, parent, &held);
        if faults && self.random.below(40) == 0 {
            self.reopen(child);
        } else if page.end {
            self.node(child).round = None;
        }
    }

    fn note(&mut self, base: BaseId) {
        let held = self.nodes[&base].db.seen.values().flatten().copied();
        self.ever.entry(base).or_default().extend(held);
    }

    /// A node drops only what its parent once had. That the parent lost it since, so that this was the last copy, is
    /// the known limit of two faults at once: the record is remembered by name.
    fn note_drops(&mut self, child: BaseId, parent: BaseId, before: &BTreeMap<RecordId, BTreeSet<Dot>>) {
        self.note(parent);
        let (above, db) = (&self.ever[&parent], &self.nodes[&child].db);
        let held: BTreeSet<Dot> =
            self.nodes.values().flat_map(|n| n.db.seen.values().flatten().copied()).collect();
        for (id, dots) in before.iter().filter(|(id, _)| db.row(**id).is_none()) {
            assert!(dots.is_subset(above), "{} drops what {} never had of {id:?}", name(child), name(parent));
            let last: Vec<Dot> = dots.difference(&held).copied().collect();
            assert!(last.is_empty() || (self.restored && db.handed.contains_key(id)), "{id:?} is gone");
            self.oracle.destroyed.extend(last);
        }
    }

    fn whole_round(&mut self, child: BaseId) {
        self.node(child).round = None;
        self.begin(child);
        while let Some(batch) = self.node(child).next_batch(50) {
            self.deliver(child, batch, false);
        }
        while self.nodes[&child].round.is_some() {
            self.pull(child, 50, false);
        }
    }

    fn heal(&mut self) {
        for round in 0..QUIET_ROUNDS {
            self.log(|| format!("quiet round {round}"));
            for child in ALL[1..].iter().rev() {
                self.whole_round(*child);
            }
        }
    }

    /// What nobody can prove any more waits for an administrator, who takes it: edits that the base which wrote them
    /// lost too, or of a record that this node has handed over and so knows nothing of; edits made at a former home
    /// that nothing else tells of, and what waits for those. What could be proved must not wait.
    /// Tells whether anything was taken.
    fn administer(&mut self) -> bool {
        let waiting = |n: &Node| {
            let held = n.db.quarantine.iter().filter(|((_, inbound), _)| *inbound);
            held.map(|(key, q)| (n.base, key.0, q.clone())).collect::<Vec<_>>()
        };
        let all: Vec<_> = self.nodes.values().flat_map(waiting).collect();
        for (base, id, held) in &all {
            let theirs = State::decode(&held.state).unwrap();
            let homes: BTreeSet<_> = self.oracle.scopes[id].homes.iter().collect();
            let unprovable = match held.reason {
                Reason::Unverified if self.restored && homes.len() > 1 => true,
                Reason::Unverified => {
                    !self.unproved(*base, *id, &theirs).is_empty() || !self.is_for(*base, *id)
                }
                Reason::Illegal | Reason::Scope => homes.len() > 1 || self.restored,
                _ => false,
            };
            assert!(unprovable, "{} could prove {id:?}: {:?} {}", name(*base), held.reason, held.detail);
            self.log(|| {
                format!("administrator of {} takes {id:?}: {:?} {}", name(*base), held.reason, held.detail)
            });
            *self.taken.entry(held.reason).or_default() += 1;
            let tree = self.tree.clone();
            self.node(*base).take_unproved(&tree, held);
            self.node(held.from).asked_again(*id);
        }
        !all.is_empty()
    }

    /// Whether a base may see a record, as the root knows it.
    fn is_for(&self, base: BaseId, id: RecordId) -> bool {
        let row = self.nodes[&ALL[0]].db.row(id);
        row.is_some_and(|row| {
            record::scope_of(&State::decode(&row.state).unwrap()).visible_to(&self.tree, base)
        })
    }

    /// The edits of others in a state that `base` does not know and whose writers do not hold them.
    fn unproved(&self, base: BaseId, id: RecordId, theirs: &State<'_>) -> Vec<Dot> {
        let none = BTreeSet::new();
        let seen = |node: &Node| node.db.seen.get(&id).unwrap_or(&none).clone();
        let here = seen(&self.nodes[&base]);
        let saved = self.oracle.saved[&id].iter();
        let unknown = saved.filter(|s| theirs.context.has(s.dot) && !here.contains(&s.dot));
        let lost = unknown.filter(|s| !seen(&self.nodes[&s.base]).contains(&s.dot));
        lost.map(|s| s.dot).collect()
    }

    // Checks.

    /// Promise 2: a seal that arrives with the last batch of a push speaks the truth. What its base had saved in that
    /// timeline by then is here; unless the seal itself names what is missing.
    fn check_seals(&self, parent: BaseId, batch: &Batch) {
        let here: BTreeSet<Dot> = self.nodes[&parent].db.seen.values().flatten().copied().collect();
        for seal in batch.seals.iter().filter(|s| s.unsent == 0 && s.exceptions.is_empty()) {
            let Some(covered) = self.sealed.get(&(seal.base, seal.timeline, seal.n)) else { continue };
            let known_once = |dot: &&Dot| {
                here.contains(dot) || self.oracle.destroyed.contains(dot) || self.ever[&parent].contains(dot)
            };
            let missing: Vec<_> = covered.iter().filter(|dot| !known_once(dot)).collect();
            let kept_aside = self.nodes.values().any(|n| !n.db.quarantine.is_empty());
            assert!(missing.is_empty() || kept_aside, "{} claims {missing:?}", name(seal.base));
        }
    }

    /// No node ever held what it was never meant to see.
    fn check_reach(&self) {
        for (base, node) in &self.nodes {
            for id in node.db.rows.keys() {
                assert!(self.oracle.ever_in_scope(&self.tree, *id, *base), "{} holds {id:?}", name(*base));
            }
        }
    }

    fn check_rest(&self) {
        let root = &self.nodes[&ALL[0]].db;
        let known: BTreeSet<RecordId> = self.nodes.values().flat_map(|n| n.db.rows.keys().copied()).collect();
        for id in known {
            let refused: Vec<_> =
                self.nodes.values().filter(|n| n.db.quarantine.keys().any(|key| key.0 == id)).collect();
            if !refused.is_empty() {
                let why: Vec<String> = refused
                    .iter()
                    .flat_map(|n| {
                        n.db.quarantine.iter().filter(|(key, _)| key.0 == id).map(|(_, q)| {
                            format!("{} {:?} {} {}", name(n.base), q.reason, q.detail, q.inbound)
                        })
                    })
                    .collect();
                panic!("{id:?} is in quarantine: {why:?}");
            }
            let row = root.row(id).unwrap_or_else(|| panic!("the root lacks {id:?}"));
            self.check_copies(id, &row.state);
            self.check_standing(id, &State::decode(&row.state).unwrap(), &root.seen[&id]);
        }
        for (id, saved) in &self.oracle.saved {
            let all_destroyed = saved.iter().all(|s| self.oracle.destroyed.contains(&s.dot));
            assert!(root.row(*id).is_some() || all_destroyed, "the root lacks {id:?}");
        }
    }

    fn check_copies(&self, id: RecordId, bytes: &[u8]) {
        let state = State::decode(bytes).unwrap();
        let scope = record::scope_of(&state);
        for (base, node) in &self.nodes {
            let row = node.db.row(id);
            if !scope.visible_to(&self.tree, *base) {
                assert!(row.is_none(), "{} keeps {id:?}, which is not for it: {row:?}", name(*base));
                continue;
            }
            let row = row.unwrap_or_else(|| panic!("{} lacks {id:?}", name(*base)));
            let theirs = State::decode(&row.state).unwrap();
            assert!(
                row.state == bytes,
                "{} holds another {id:?}:\n{theirs:?}\nroot:\n{state:?}",
                name(*base)
            );
            assert!(!row.hidden && !row.refused, "{} hides {id:?}", name(*base));
            let kind = schema().kind(&row.kind);
            assert_eq!(node.db.rows[&id].1, Shown::of(kind, &self.tree, &state), "{}", name(*base));
        }
    }

    /// Promise 1, by sets: each register holds exactly the edits that no surviving edit replaced.
    fn check_standing(&self, id: RecordId, state: &State<'_>, came_back: &BTreeSet<Dot>) {
        let mut held: BTreeMap<Place, BTreeSet<Dot>> = BTreeMap::new();
        for (stamp, entry) in state.by_register() {
            let place = (entry.register.field, entry.register.element.to_vec());
            held.entry(place).or_default().insert(stamp.dot);
        }
        assert_eq!(held, self.oracle.standing(id, came_back), "{id:?}");
    }
}

fn name(base: BaseId) -> String {
    base.0[0].to_string()
}

fn run(seed: u64, trace: bool) -> BTreeMap<Reason, usize> {
    let mut world = World::new(seed);
    world.trace = trace;
    for _ in 0..3 {
        let steps = 60 + world.random.below(120);
        world.storm(steps);
        world.check_reach();
        world.heal();
        for _ in 0..DECISIONS {
            if !world.administer() {
                break;
            }
            world.heal();
        }
        world.check_reach();
        world.check_rest();
    }
    world.taken
}

fn check(seed: u64) -> BTreeMap<Reason, usize> {
    std::panic::catch_unwind(|| run(seed, false)).unwrap_or_else(|panic| {
        println!("seed {seed} failed");
        std::panic::resume_unwind(panic)
    })
}

#[test]
fn a_federation_comes_to_rest_with_everything() {
    let mut taken: BTreeMap<Reason, usize> = BTreeMap::new();
    for (reason, count) in (0..SEEDS).flat_map(check) {
        *taken.entry(reason).or_default() += count;
    }
    let count = |reasons: &[Reason]| reasons.iter().filter_map(|r| taken.get(r)).sum::<usize>() as u64;
    // Restores at every tier within one phase are far more than any office sees; even so few records need a person.
    assert!(count(&[Reason::Unverified]) <= SEEDS / 10, "{taken:?}");
    assert!(count(&[Reason::Illegal, Reason::Scope]) <= SEEDS / 40, "{taken:?}");
}

#[test]
fn seeds_that_once_failed() {
    REGRESSIONS.iter().for_each(|seed| drop(check(*seed)));
}

#[test]
#[ignore = "a tool for widening the search, not a check: lists the failing seeds instead of stopping at one"]
fn survey() {
    std::panic::set_hook(Box::new(|_| {}));
    for seed in 0..SEEDS {
        let result = std::panic::catch_unwind(|| run(seed, false));
        if let Ok(taken) = &result {
            taken.iter().for_each(|(reason, count)| println!("taken {reason:?} {count} {seed}"));
        }
        if let Err(panic) = result {
            let words = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            println!("{seed}: {}", words.chars().take(260).collect::<String>().replace('\n', " "));
        }
    }
}

/// For looking into a failure: put the seed here.
#[test]
#[ignore = "a tool for looking into one failure, not a check: prints the course of a seed"]
fn one_seed() {
    drop(run(205, true));
}
