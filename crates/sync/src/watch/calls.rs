//! 催报: a call to sync now, passed down from node to node, and how far each node has come, passed back up.
//!
//! One [`Calls`] at each node. The asker opens a call; each node tells it to those children beneath which somebody is
//! called, as soon as they listen; a child that was away is told when it comes. What a node reports is passed upward,
//! and "done" only after this node's own round has carried what the other delivered: so at the asker it means that the
//! data and the seal are there.

use std::collections::{BTreeMap, BTreeSet};

use causal::BaseId;
use record::{Standing, Tree};

use crate::limits;

/// Calls that stand at once at a node; beyond it the one that ends first gives way. People call a few times a day.
pub const CALLS_MAX: usize = 16;
/// Bases that one call may name; a call to more is a call to everybody.
pub const CALLED_MAX: usize = 64;
/// The longest that a call may stand: a node that has slept for a week has more to hear than a call.
pub const CALL_MS_MAX: u64 = 7 * 86_400_000;
/// Least time between two reports of how much has been pushed: enough for the eye.
const PROGRESS_EVERY_MS: u64 = 250;

/// Names a call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct CallId(pub [u8; 16]);

/// A call: please sync now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Call {
    /// Its random name.
    pub id: CallId,
    /// The base that asks.
    pub asker: BaseId,
    /// When it asked, by its own clock, UTC milliseconds.
    pub asked_at_ms: u64,
    /// How long it stands from now on, milliseconds: no two clocks are compared.
    pub lasts_ms: u64,
    /// The bases that are called, each with all beneath it; empty: everybody beneath the asker.
    pub bases: Vec<BaseId>,
    /// Why, in the asker's words.
    pub reason: String,
}

impl Call {
    /// Within its limits; a longer reason is cut.
    pub fn bounded(mut self) -> Call {
        self.bases.truncate(CALLED_MAX);
        self.lasts_ms = self.lasts_ms.min(CALL_MS_MAX);
        self.reason = bounded(&self.reason);
        self
    }

    /// Whether a node is called itself.
    fn calls(&self, tree: &Tree, node: BaseId) -> bool {
        self.bases.is_empty() || self.bases.iter().any(|base| tree.is_within(node, *base))
    }
}

fn bounded(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).take(limits::TEXT_BYTES / 4).collect()
}

/// How far a called node has come.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Stage {
    /// It is not connected: it will be called when it comes.
    #[default]
    Away,
    /// It has been called.
    Called,
    /// It has heard the call.
    Heard,
    /// It is syncing.
    Syncing {
        /// Records acknowledged so far.
        pushed: u64,
        /// Records that waited.
        to_push: u64,
    },
    /// Its round has failed; it tries again.
    Failed {
        /// Why.
        words: String,
    },
    /// All it had is at this base, which passes it on.
    Passing {
        /// The base above it.
        at: BaseId,
    },
    /// All it had is at the asker.
    Done {
        /// Records that it pushed.
        pushed: u64,
    },
}

/// Word of a called node.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Of which call.
    pub call: CallId,
    /// Of which node.
    pub node: BaseId,
    /// Counts the stages of this node as whoever tells them knows them; within one line a lower one is old.
    pub n: u64,
    /// How far it has come.
    pub stage: Stage,
}

/// A call that stands at a node, and how far each called node has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenCall {
    /// The call.
    pub call: Call,
    /// When it ends, by this node's clock, UTC milliseconds.
    pub until_ms: u64,
    /// It came from above.
    pub relayed: bool,
    /// The nodes, in order of their bases; of a call from above this one too, if it is called.
    pub nodes: Vec<Progress>,
}

impl OpenCall {
    /// Whether all who are called have reported.
    pub fn is_complete(&self) -> bool {
        self.nodes.iter().all(|told| matches!(told.stage, Stage::Done { .. }))
    }
}

/// All calls that stand at a node.
#[derive(Debug, Default)]
pub struct Calls {
    open: BTreeMap<CallId, Open>,
    /// When the pushing of the round under way was last reported.
    told_at_ms: u64,
}

#[derive(Debug)]
struct Open {
    call: Call,
    until_ms: u64,
    /// It came from above, and reports go there.
    relayed: bool,
    nodes: BTreeMap<BaseId, Called>,
    /// Children that have been told, over the line they have now.
    told: BTreeSet<BaseId>,
    /// Nodes of which there is something new to report.
    news: BTreeSet<BaseId>,
    /// Nodes whose word the round under way makes true.
    aboard: BTreeSet<BaseId>,
    /// Children that came by themselves, without a line, since the call.
    visiting: BTreeSet<BaseId>,
}

#[derive(Debug, Default)]
struct Called {
    n: u64,
    /// The last number that the line below has told.
    seen: u64,
    stage: Stage,
    /// What it pushed, while that is being passed on.
    pushed: u64,
}

impl Open {
    fn set(&mut self, node: BaseId, stage: Stage) {
        let Some(called) = self.nodes.get_mut(&node) else { return };
        if called.stage != stage && !matches!(called.stage, Stage::Done { .. }) {
            called.n += 1;
            called.stage = stage;
            self.news.insert(node);
        }
    }

    fn stage(&self, node: BaseId) -> Option<&Stage> {
        self.nodes.get(&node).map(|called| &called.stage)
    }

    fn progress(&self) -> Vec<Progress> {
        let call = self.call.id;
        let told =
            |(node, c): (&BaseId, &Called)| Progress { call, node: *node, n: c.n, stage: c.stage.clone() };
        self.nodes.iter().map(told).collect()
    }

    fn is_done(&self, node: BaseId) -> bool {
        matches!(self.stage(node), Some(Stage::Done { .. }))
    }

    /// A node beneath has delivered all it had to this one.
    fn delivered(&mut self, me: BaseId, node: BaseId, pushed: u64) {
        if let Some(called) = self.nodes.get_mut(&node) {
            called.pushed = pushed;
        }
        let stage = if self.relayed { Stage::Passing { at: me } } else { Stage::Done { pushed } };
        self.set(node, stage);
    }
}

impl Calls {
    /// A call is opened here by this node's own people (`relayed` false), or has come from above. One that is known
    /// already only goes on.
    pub fn open(&mut self, tree: &Tree, me: BaseId, call: Call, relayed: bool, now_ms: u64) {
        self.expire(now_ms);
        let until_ms = now_ms.saturating_add(call.lasts_ms);
        if let Some(known) = self.open.get_mut(&call.id) {
            known.until_ms = until_ms;
            known.news.extend(known.nodes.keys());
            return;
        }
        let own_node =
            |node: BaseId| tree.get(node).is_some_and(|b| !b.hosted && b.standing == Standing::Active);
        let nodes = tree.subtree(me).into_iter().filter(|node| own_node(*node) && call.calls(tree, *node));
        let nodes: BTreeMap<_, _> =
            nodes.filter(|node| relayed || *node != me).map(|node| (node, Called::default())).collect();
        let mut open = Open {
            call: call.clone(),
            until_ms,
            relayed,
            nodes,
            told: BTreeSet::new(),
            news: BTreeSet::new(),
            aboard: BTreeSet::new(),
            visiting: BTreeSet::new(),
        };
        open.set(me, Stage::Heard);
        if self.open.len() >= CALLS_MAX
            && let Some(first) = self.open.iter().min_by_key(|(_, o)| o.until_ms).map(|(id, _)| *id)
        {
            self.open.remove(&first);
        }
        self.open.insert(call.id, open);
    }

    /// Forgets calls whose time is over.
    pub fn expire(&mut self, now_ms: u64) {
        self.open.retain(|_, open| open.until_ms > now_ms);
    }

    /// The calls that a child is still to be told over its line, and marks them as told.
    pub fn tell(&mut self, tree: &Tree, child: BaseId, now_ms: u64) -> Vec<Call> {
        self.expire(now_ms);
        let mut calls = Vec::new();
        for open in self.open.values_mut() {
            let waits = open.nodes.keys().any(|node| tree.is_within(*node, child) && !open.is_done(*node));
            if waits && open.told.insert(child) {
                open.set(child, Stage::Called);
                calls.push(Call { lasts_ms: open.until_ms - now_ms, ..open.call.clone() });
            }
        }
        calls
    }

    /// A child's line has been opened: what was told over an older one counts no longer.
    pub fn line_opened(&mut self, tree: &Tree, child: BaseId) {
        for open in self.open.values_mut() {
            open.told.remove(&child);
            let below = open.nodes.iter_mut().filter(|(node, _)| tree.is_within(**node, child));
            below.for_each(|(_, called)| called.seen = 0);
        }
    }

    /// A child's line has ended: it and all beneath it are out of reach, but for what is on its way already.
    pub fn line_closed(&mut self, tree: &Tree, child: BaseId) {
        for open in self.open.values_mut() {
            let lost = |(node, called): &(&BaseId, &Called)| {
                tree.is_within(**node, child) && !matches!(called.stage, Stage::Passing { .. })
            };
            let lost: Vec<BaseId> = open.nodes.iter().filter(lost).map(|(node, _)| *node).collect();
            lost.into_iter().for_each(|node| open.set(node, Stage::Away));
        }
    }

    /// A child has word of a node beneath it. What is not of its subtree, or old, is not believed.
    pub fn heard(&mut self, tree: &Tree, me: BaseId, child: BaseId, told: Progress, now_ms: u64) {
        self.expire(now_ms);
        let Some(open) = self.open.get_mut(&told.call) else { return };
        let Some(called) = open.nodes.get_mut(&told.node) else { return };
        if !tree.is_within(told.node, child) || told.n <= called.seen {
            return;
        }
        called.seen = told.n;
        match told.stage {
            Stage::Done { pushed } => open.delivered(me, told.node, pushed),
            Stage::Failed { words } => open.set(told.node, Stage::Failed { words: bounded(&words) }),
            stage => open.set(told.node, stage),
        }
    }

    /// A child without a line has come by itself, on its schedule.
    pub fn visited(&mut self, child: BaseId) {
        for open in self.open.values_mut().filter(|open| !open.is_done(child)) {
            open.visiting.insert(child);
            open.set(child, Stage::Heard);
        }
    }

    /// A child without a line has delivered all it had, with its seal.
    pub fn visit_delivered(&mut self, me: BaseId, child: BaseId) {
        for open in self.open.values_mut() {
            if open.visiting.remove(&child) {
                open.delivered(me, child, 0);
            }
        }
    }

    /// Whether this node should sync now because of a call: it has been called, or has something to pass on.
    pub fn wants_round(&self, me: BaseId) -> bool {
        self.open.values().filter(|open| open.relayed).any(|open| {
            let own =
                matches!(open.stage(me), Some(Stage::Heard | Stage::Failed { .. } | Stage::Syncing { .. }));
            own || open.nodes.values().any(|called| called.stage == Stage::Passing { at: me })
        })
    }

    /// A round with the parent begins: it makes true what is known now.
    pub fn round_began(&mut self, me: BaseId) {
        for open in self.open.values_mut().filter(|open| open.relayed) {
            let passing = |(node, called): (&BaseId, &Called)| {
                (*node == me || called.stage == Stage::Passing { at: me }).then_some(*node)
            };
            open.aboard = open.nodes.iter().filter_map(passing).collect();
            open.set(me, Stage::Syncing { pushed: 0, to_push: 0 });
        }
    }

    /// How much of the round under way has been acknowledged.
    pub fn round_progress(&mut self, me: BaseId, pushed: u64, to_push: u64, now_ms: u64) {
        if now_ms.abs_diff(self.told_at_ms) < PROGRESS_EVERY_MS {
            return;
        }
        self.told_at_ms = now_ms;
        for open in self.open.values_mut().filter(|open| open.aboard.contains(&me)) {
            open.set(me, Stage::Syncing { pushed, to_push });
        }
    }

    /// The round has succeeded, with so many records of this node's pushed.
    pub fn round_ended(&mut self, me: BaseId, pushed: u64) {
        for open in self.open.values_mut() {
            for node in std::mem::take(&mut open.aboard) {
                let own = open.nodes.get(&node).map_or(0, |called| called.pushed);
                open.set(node, Stage::Done { pushed: if node == me { pushed } else { own } });
            }
        }
    }

    /// The round has failed; it will be tried again.
    pub fn round_failed(&mut self, me: BaseId, words: &str) {
        for open in self.open.values_mut() {
            if std::mem::take(&mut open.aboard).contains(&me) {
                open.set(me, Stage::Failed { words: bounded(words) });
            }
        }
    }

    /// The line to the parent has been opened: everything known is reported anew.
    pub fn report_all(&mut self) {
        for open in self.open.values_mut() {
            let known = open.nodes.iter().filter(|(_, called)| called.stage != Stage::Away);
            open.news.extend(known.map(|(node, _)| *node));
        }
    }

    /// What the parent is still to be told; of each node only its latest stage.
    pub fn report(&mut self) -> Vec<Progress> {
        let mut reports = Vec::new();
        for (id, open) in self.open.iter_mut().filter(|(_, open)| open.relayed) {
            for node in std::mem::take(&mut open.news) {
                let Some(called) = open.nodes.get(&node) else { continue };
                reports.push(Progress { call: *id, node, n: called.n, stage: called.stage.clone() });
            }
        }
        reports
    }

    /// How far each called node has come; `None` when the call stands no longer.
    pub fn progress(&self, call: CallId) -> Option<Vec<Progress>> {
        self.open.get(&call).map(Open::progress)
    }

    /// All calls that stand, the one that was opened first in front.
    pub fn standing(&self) -> Vec<OpenCall> {
        let one = |open: &Open| OpenCall {
            call: open.call.clone(),
            until_ms: open.until_ms,
            relayed: open.relayed,
            nodes: open.progress(),
        };
        let mut all: Vec<OpenCall> = self.open.values().map(one).collect();
        all.sort_by_key(|standing| (standing.call.asked_at_ms, standing.call.id));
        all
    }
}

#[cfg(test)]
mod tests {
    use record::Base;

    use super::*;

    const CITY: BaseId = BaseId([1; 16]);
    const DISTRICT: BaseId = BaseId([2; 16]);
    const STREETS: [BaseId; 2] = [BaseId([3; 16]), BaseId([4; 16])];
    const ID: CallId = CallId([7; 16]);
    const NOW: u64 = 1_000_000;

    fn tree() -> Tree {
        let base = |id, parent| Base { id, parent, ..Base::default() };
        let streets = STREETS.map(|street| base(street, Some(DISTRICT)));
        streets.into_iter().chain([base(CITY, None), base(DISTRICT, Some(CITY))]).collect()
    }

    fn call() -> Call {
        Call { id: ID, asker: CITY, lasts_ms: 60_000, reason: "请上报".into(), ..Call::default() }
    }

    /// The nodes of the tree; lines carry what they say at once.
    struct World {
        tree: Tree,
        at: BTreeMap<BaseId, Calls>,
        open: BTreeSet<BaseId>,
        /// What was to be seen at the city, in order.
        seen: Vec<(BaseId, Stage)>,
    }

    impl World {
        fn new(open: &[BaseId]) -> World {
            let at = [CITY, DISTRICT].into_iter().chain(STREETS).map(|id| (id, Calls::default())).collect();
            let mut world = World { tree: tree(), at, open: BTreeSet::new(), seen: Vec::new() };
            open.iter().for_each(|child| world.connect(*child));
            world
        }

        fn calls(&mut self, base: BaseId) -> &mut Calls {
            self.at.get_mut(&base).unwrap()
        }

        fn urge(&mut self, call: Call) {
            let tree = self.tree.clone();
            self.calls(CITY).open(&tree, CITY, call, false, NOW);
            self.carry();
        }

        fn connect(&mut self, child: BaseId) {
            let (tree, above) = (self.tree.clone(), self.tree.parent(child).unwrap());
            self.open.insert(child);
            self.calls(above).line_opened(&tree, child);
            self.calls(child).report_all();
            self.carry();
        }

        fn cut(&mut self, child: BaseId) {
            let (tree, above) = (self.tree.clone(), self.tree.parent(child).unwrap());
            self.open.remove(&child);
            self.calls(above).line_closed(&tree, child);
            self.carry();
        }

        /// Carries what there is to say until nobody has anything to say.
        fn carry(&mut self) {
            for _ in 0..4 {
                for child in self.open.clone() {
                    let (tree, above) = (self.tree.clone(), self.tree.parent(child).unwrap());
                    for call in self.calls(above).tell(&tree, child, NOW) {
                        self.calls(child).open(&tree, child, call, true, NOW);
                    }
                    self.look();
                    for told in self.calls(child).report() {
                        self.calls(above).heard(&tree, above, child, told, NOW);
                    }
                    self.look();
                }
            }
        }

        fn look(&mut self) {
            for told in self.calls(CITY).progress(ID).unwrap_or_default() {
                let last =
                    self.seen.iter().rev().find(|(node, _)| *node == told.node).map(|(_, s)| s.clone());
                if last.unwrap_or_default() != told.stage {
                    self.seen.push((told.node, told.stage));
                }
            }
        }

        fn round(&mut self, base: BaseId, pushed: u64) {
            assert!(self.calls(base).wants_round(base), "{base}");
            self.calls(base).round_began(base);
            self.carry();
            self.calls(base).round_ended(base, pushed);
            self.carry();
        }

        fn stages(&self, node: BaseId) -> Vec<Stage> {
            self.seen.iter().filter(|(seen, _)| *seen == node).map(|(_, stage)| stage.clone()).collect()
        }

        fn stage(&self, node: BaseId) -> Stage {
            let all = self.at[&CITY].progress(ID).unwrap();
            all.into_iter().find(|told| told.node == node).map(|told| told.stage).unwrap()
        }
    }

    const SYNCING: Stage = Stage::Syncing { pushed: 0, to_push: 0 };

    #[test]
    fn a_call_cascades_and_done_means_that_it_is_at_the_asker() {
        let [one, two] = STREETS;
        let mut world = World::new(&[DISTRICT, one, two]);
        world.urge(call());
        assert_eq!(world.stage(one), Stage::Heard);
        world.round(one, 5);
        assert_eq!(world.stage(one), Stage::Passing { at: DISTRICT });
        world.round(DISTRICT, 5);
        let done = Stage::Done { pushed: 5 };
        assert_eq!(world.stages(one), [Stage::Heard, SYNCING, Stage::Passing { at: DISTRICT }, done.clone()]);
        assert_eq!(world.stages(DISTRICT), [Stage::Called, Stage::Heard, SYNCING, done.clone()]);
        assert_eq!(world.stage(two), Stage::Heard);
        assert!(!world.at[&DISTRICT].wants_round(DISTRICT), "nothing to pass on, and its own is done");
        world.round(two, 0);
        world.round(DISTRICT, 0);
        assert_eq!(world.stage(two), Stage::Done { pushed: 0 });
        assert_eq!(world.stage(DISTRICT), done, "what is done stays so");
    }

    #[test]
    fn who_is_away_is_called_when_it_comes() {
        let [one, two] = STREETS;
        let mut world = World::new(&[DISTRICT, one]);
        world.urge(call());
        world.round(one, 1);
        world.round(DISTRICT, 1);
        assert_eq!((world.stage(two), world.stages(two)), (Stage::Away, vec![]));
        world.connect(two);
        assert_eq!(world.stage(two), Stage::Heard);
        world.cut(two);
        assert_eq!(world.stage(two), Stage::Away);
        world.connect(two);
        world.round(two, 2);
        world.round(DISTRICT, 2);
        assert_eq!(world.stage(two), Stage::Done { pushed: 2 });
    }

    #[test]
    fn a_whole_district_that_was_away_catches_up() {
        let [one, two] = STREETS;
        let mut world = World::new(&[one, two]);
        world.urge(call());
        assert_eq!(world.stage(one), Stage::Away);
        world.connect(DISTRICT);
        assert_eq!([one, two, DISTRICT].map(|node| world.stage(node)), [(); 3].map(|()| Stage::Heard));
        world.round(one, 1);
        world.cut(DISTRICT);
        assert_eq!(world.stage(one), Stage::Passing { at: DISTRICT });
        world.connect(DISTRICT);
        world.round(DISTRICT, 1);
        assert_eq!(world.stage(one), Stage::Done { pushed: 1 });
    }

    #[test]
    fn only_those_who_are_meant_are_called() {
        let [one, two] = STREETS;
        let mut world = World::new(&[DISTRICT, one, two]);
        world.urge(Call { bases: vec![one], ..call() });
        let nodes: Vec<BaseId> =
            world.at[&CITY].progress(ID).unwrap().into_iter().map(|told| told.node).collect();
        assert_eq!(nodes, [one]);
        assert!(!world.at[&two].wants_round(two) && !world.at[&DISTRICT].wants_round(DISTRICT));
        world.round(one, 1);
        world.round(DISTRICT, 1);
        assert_eq!(world.stage(one), Stage::Done { pushed: 1 });
    }

    #[test]
    fn a_round_makes_true_only_what_was_known_when_it_began() {
        let [one, two] = STREETS;
        let mut world = World::new(&[DISTRICT, one, two]);
        world.urge(call());
        world.calls(DISTRICT).round_began(DISTRICT);
        world.round(one, 1);
        world.calls(DISTRICT).round_ended(DISTRICT, 0);
        world.carry();
        assert_eq!(world.stage(one), Stage::Passing { at: DISTRICT });
        world.round(DISTRICT, 1);
        assert_eq!(world.stage(one), Stage::Done { pushed: 1 });
    }

    #[test]
    fn a_failure_is_told_and_tried_again() {
        let [one, two] = STREETS;
        let mut world = World::new(&[DISTRICT, one, two]);
        world.urge(call());
        world.calls(one).round_began(one);
        world.calls(one).round_failed(one, "磁盘已满");
        world.carry();
        assert_eq!(world.stage(one), Stage::Failed { words: "磁盘已满".into() });
        world.round(one, 1);
        assert_eq!(world.stage(one), Stage::Passing { at: DISTRICT });
    }

    #[test]
    fn who_comes_on_its_schedule_counts_too() {
        let mut world = World::new(&[]);
        world.calls(CITY).visited(DISTRICT);
        world.urge(call());
        world.calls(CITY).visit_delivered(CITY, DISTRICT);
        assert_eq!(world.stage(DISTRICT), Stage::Away, "that round began before the call");
        world.calls(CITY).visited(DISTRICT);
        world.calls(CITY).visit_delivered(CITY, DISTRICT);
        assert_eq!(world.stage(DISTRICT), Stage::Done { pushed: 0 });
    }

    #[test]
    fn what_a_child_may_not_say_is_not_believed() {
        let [one, two] = STREETS;
        let mut world = World::new(&[DISTRICT, one, two]);
        world.urge(call());
        let tree = tree();
        let told = |node, n| Progress { call: ID, node, n, stage: Stage::Done { pushed: 9 } };
        let calls = world.calls(DISTRICT);
        calls.heard(&tree, DISTRICT, one, told(two, 99), NOW);
        calls.heard(&tree, DISTRICT, one, told(one, 1), NOW);
        calls.heard(&tree, DISTRICT, one, Progress { call: CallId([8; 16]), ..told(one, 99) }, NOW);
        world.carry();
        assert_eq!([one, two].map(|node| world.stage(node)), [Stage::Heard, Stage::Heard]);
    }

    #[test]
    fn who_asks_again_after_a_restart_hears_of_what_was_done() {
        let [one, two] = STREETS;
        let mut world = World::new(&[DISTRICT, one, two]);
        world.urge(call());
        world.round(one, 5);
        world.round(DISTRICT, 1);
        [DISTRICT, one].into_iter().for_each(|done| assert!(matches!(world.stage(done), Stage::Done { .. })));
        *world.calls(CITY) = Calls::default();
        world.urge(call());
        assert_eq!(world.at[&CITY].standing()[0].nodes.len(), 3);
        world.cut(DISTRICT);
        world.connect(DISTRICT);
        assert_eq!(world.stage(one), Stage::Done { pushed: 5 });
        assert_eq!(world.stage(two), Stage::Heard);
        assert!(!world.at[&CITY].standing()[0].is_complete());
        let told = &world.at[&two].standing()[0];
        assert_eq!((told.relayed, told.call.reason.as_str()), (true, "请上报"));
    }

    #[test]
    fn who_restarts_before_it_has_delivered_is_called_again() {
        let [one, two] = STREETS;
        let mut world = World::new(&[DISTRICT, one, two]);
        world.urge(call());
        *world.calls(two) = Calls::default();
        world.cut(two);
        world.connect(two);
        assert_eq!(world.stage(two), Stage::Heard);
        world.round(two, 3);
        world.round(DISTRICT, 3);
        assert_eq!(world.stage(two), Stage::Done { pushed: 3 });
    }

    #[test]
    fn calls_end_and_are_bounded() {
        let mut calls = Calls::default();
        let name = |n: usize| CallId([n as u8; 16]);
        for n in 0..=CALLS_MAX {
            calls.open(&tree(), CITY, Call { id: name(n), lasts_ms: 1_000 + n as u64, ..call() }, false, NOW);
        }
        assert!(calls.progress(name(0)).is_none() && calls.progress(name(1)).is_some());
        calls.expire(NOW + 1_001);
        assert!(calls.progress(name(1)).is_none() && calls.progress(name(CALLS_MAX)).is_some());
        let long = Call { reason: "长".repeat(1_000), lasts_ms: u64::MAX, ..call() }.bounded();
        assert!(long.reason.len() <= limits::TEXT_BYTES && long.lasts_ms == CALL_MS_MAX);
    }
}
