//! The laws of the merge, over random causal histories, against an oracle that shares no code with it.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use causal::{
    Candidate, Context, Dot, Entry, Group, Preference, Register, ReplicaId, State, merge, pick, write,
};
use common::{dot, number_field, stamp, text_field};
use proptest::prelude::*;
use proptest::sample::Index;

/// The history that defeats "one parent pointer and a priority": A has high rank; C supersedes A and has low rank;
/// D is concurrent with both and has middle rank. With a pointer the order A, C, D ends with D; but in the order
/// A, D, C, D loses to A, which C then supersedes, and C is left.
#[test]
fn a_c_d_is_the_same_in_every_order() {
    let values = [number_field(1, 0xA), number_field(1, 0xC), number_field(1, 0xD)];
    let entry = |at: usize| [Entry { register: Register::whole(1), value: &values[at] }];
    let [a_dot, c_dot, d_dot] = [dot(30, 1), dot(20, 1), dot(10, 1)];
    let tier =
        |dot: Dot| [(a_dot, 0), (d_dot, 1), (c_dot, 2)].iter().find(|(d, _)| *d == dot).map(|(_, t)| *t);

    let empty = State::default();
    let a = write(&empty, stamp(a_dot, 1), &Context::default(), &entry(0)).state;
    let c = write(&a, stamp(c_dot, 2), &a.context, &entry(1)).state;
    let d = write(&empty, stamp(d_dot, 3), &Context::default(), &entry(2)).state;

    let orders = [[&a, &c, &d], [&a, &d, &c], [&c, &a, &d], [&c, &d, &a], [&d, &a, &c], [&d, &c, &a]];
    let outcomes = orders.map(|order| {
        let merged = order.iter().fold(State::default(), |state, next| join(&state, next));
        let standing: Vec<Dot> = merged.entries(Register::whole(1)).map(|(stamp, _)| stamp.dot).collect();
        assert_eq!(standing, [d_dot, c_dot], "A was seen and replaced; C and D stand");
        let candidate = |dot: &Dot| candidate_of_tier(*dot, tier(*dot).expect("one of the three"));
        let shown = pick(&[Preference::Tier], &standing.iter().map(candidate).collect::<Vec<_>>());
        (shown.map(|at| standing[at]), merged.encode())
    });
    assert_eq!(outcomes[0].0, Some(d_dot));
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]));
}

fn candidate_of_tier(dot: Dot, tier: u8) -> Candidate {
    Candidate { owner: false, tier, order: 0, present: true, saved_at_ms: dot.tick, dot }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_state_holds_what_the_oracle_says(world in world()) {
        for version in &world.versions {
            let state = version.state();
            prop_assert_eq!(entries_of(&state), world.standing(&version.known));
            for dot in world.edits.keys() {
                prop_assert_eq!(state.context.has(*dot), version.known.contains(dot));
            }
        }
    }

    #[test]
    fn merge_is_commutative_associative_and_idempotent(world in world(), at in prop::array::uniform3(any::<Index>())) {
        let [a, b, c] = at.map(|index| index.get(&world.versions).state());
        prop_assert_eq!(join(&a, &a), a.clone());
        prop_assert_eq!(join(&a, &b), join(&b, &a));
        prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
    }

    #[test]
    fn merge_is_monotone(world in world(), at in prop::array::uniform2(any::<Index>())) {
        let [a, b] = at.map(|index| index.get(&world.versions));
        let merged = join(&a.state(), &b.state());
        prop_assert!(merged.context.covers(&a.state().context) && merged.context.covers(&b.state().context));
        prop_assert_eq!(entries_of(&merged), world.standing(&(&a.known | &b.known)));
        prop_assert_eq!(join(&merged, &a.state()), merged.clone(), "an older state changes nothing");
        for step in &world.steps {
            let (before, after) = (world.versions[step.before].state(), world.versions[step.after].state());
            prop_assert_eq!(join(&after, &before), after, "an older state changes nothing");
        }
    }

    /// Each step reports exactly what it took away; so all that was ever written stands or is in some history.
    #[test]
    fn no_saved_value_disappears(world in world()) {
        let mut accounted = Entries::new();
        for step in &world.steps {
            let before = entries_of(&world.versions[step.before].state());
            let after = entries_of(&world.versions[step.after].state());
            let gone: Entries = before.into_iter().filter(|(at, _)| !after.contains_key(at)).collect();
            prop_assert_eq!(&step.reported, &gone);
            accounted.extend(gone);
        }
        let disks = world.disks.iter().map(|disk| &world.versions[disk.now]);
        disks.clone().for_each(|version| accounted.extend(entries_of(&version.state())));
        // An edit that was only on a disk since restored from an older copy is lost with the disk, and no other.
        let applied: BTreeSet<Dot> = disks.flat_map(|version| version.known.iter().copied()).collect();
        for (dot, edit) in world.edits.iter().filter(|(dot, _)| applied.contains(dot)) {
            for (place, value) in &edit.values {
                prop_assert_eq!(accounted.get(&(place.clone(), *dot)), Some(value));
            }
        }
    }

    #[test]
    fn all_agree_after_everybody_exchanged_with_everybody(mut world in world()) {
        let disks = world.disks.len();
        for (a, b) in (0..disks).chain(0..disks).flat_map(|a| (0..disks).map(move |b| (a, b))) {
            world.pull(a, b);
        }
        let last = |disk: &Disk| &world.versions[disk.now];
        let first = last(&world.disks[0]);
        for disk in &world.disks {
            prop_assert_eq!(&last(disk).bytes, &first.bytes);
            prop_assert_eq!(last(disk).state(), first.state());
        }
    }

    #[test]
    fn states_and_bytes_are_one_to_one(world in world()) {
        let mut bytes_of = BTreeMap::new();
        for version in &world.versions {
            prop_assert_eq!(&version.state().encode(), &version.bytes);
            let bytes = bytes_of.entry(&version.known).or_insert(&version.bytes);
            prop_assert_eq!(*bytes, &version.bytes, "the same edits, heard in whatever order, are the same bytes");
        }
    }
}

/// A register, spelt out: a field number, and the element (empty for the whole field).
type Place = (u32, Vec<u8>);
/// Values by register and by the edit that wrote them.
type Entries = BTreeMap<(Place, Dot), Vec<u8>>;
/// Edits, by name.
type Known = BTreeSet<Dot>;

/// What the oracle remembers of an edit.
#[derive(Debug)]
struct Edit {
    values: BTreeMap<Place, Vec<u8>>,
    /// The edits that it follows: known where it was made, and shown in the form it was made with.
    follows: Known,
}

/// A state that some disk has held, as bytes; and, for the oracle, all the edits that led to it.
#[derive(Debug)]
struct Version {
    bytes: Vec<u8>,
    known: Known,
}

impl Version {
    fn state(&self) -> State<'_> {
        State::decode(&self.bytes).expect("what was encoded decodes")
    }
}

/// A place that holds the record, under the replica id it writes with now.
#[derive(Debug)]
struct Disk {
    replica: ReplicaId,
    tick: u64,
    now: usize,
}

/// A write or a merge, and what it reported as replaced.
#[derive(Debug)]
struct Step {
    before: usize,
    after: usize,
    reported: Entries,
}

/// One record on several disks, and its whole past.
#[derive(Debug)]
struct World {
    disks: Vec<Disk>,
    versions: Vec<Version>,
    steps: Vec<Step>,
    edits: BTreeMap<Dot, Edit>,
    minted: u64,
}

#[derive(Debug, Clone)]
enum Op {
    /// Saves a form; `form` is the version it was opened on, by default what stands.
    Edit { form: Option<Index>, writes: Vec<(Place, Vec<u8>)>, saved_at_ms: u64, skipped_ticks: u64 },
    /// Exchanges states with another disk.
    Exchange { with: Index },
    /// Opens the database again.
    Restart,
    /// Puts an older version back, of this disk or of another (a clone), and opens it.
    Restore { version: Index },
}

fn world() -> impl Strategy<Value = World> {
    (3..=5usize, prop::collection::vec((any::<Index>(), op()), 1..40)).prop_map(|(disks, script)| {
        let mut world = World::new(disks);
        for (at, op) in script {
            world.run(at.index(disks), op);
        }
        world
    })
}

fn op() -> impl Strategy<Value = Op> {
    let edit = (prop::option::of(any::<Index>()), prop::collection::vec(a_write(), 1..=3), 0..4u64, 0..3u64);
    prop_oneof![
        5 => edit.prop_map(|(form, writes, saved_at_ms, skipped_ticks)| Op::Edit { form, writes, saved_at_ms, skipped_ticks }),
        3 => any::<Index>().prop_map(|with| Op::Exchange { with }),
        1 => Just(Op::Restart),
        1 => any::<Index>().prop_map(|version| Op::Restore { version }),
    ]
}

/// Fields 1 to 4 are set or cleared as a whole; of the set 9 elements come and go, and at times it is written as a
/// whole, as by a version of the schema in which it was no set.
fn a_write() -> impl Strategy<Value = (Place, Vec<u8>)> {
    let whole = (prop_oneof![8 => 1..=4u32, 1 => Just(9)], 0..4u64).prop_map(|(field, value)| {
        let raw = match value {
            0 => Vec::new(),
            1 => [number_field(field, 1), number_field(field, 200)].concat(),
            _ => number_field(field, value),
        };
        ((field, Vec::new()), raw)
    });
    let element = (prop::sample::select(vec!["甲", "乙", "丙丁"]), any::<bool>()).prop_map(|(text, add)| {
        let raw = text_field(9, text);
        ((9, raw.clone()), if add { raw } else { Vec::new() })
    });
    prop_oneof![2 => whole, 1 => element]
}

impl World {
    fn new(disks: usize) -> World {
        let first = Version { bytes: State::default().encode(), known: Known::new() };
        let mut world = World {
            disks: Vec::new(),
            versions: vec![first],
            steps: Vec::new(),
            edits: BTreeMap::new(),
            minted: 0,
        };
        for _ in 0..disks {
            let replica = world.mint();
            world.disks.push(Disk { replica, tick: 0, now: 0 });
        }
        world
    }

    /// A replica id that was never used; in no order, as random ones.
    fn mint(&mut self) -> ReplicaId {
        self.minted += 1;
        ReplicaId(self.minted.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn run(&mut self, at: usize, op: Op) {
        match op {
            Op::Edit { form, writes, saved_at_ms, skipped_ticks } => {
                let form = form.map_or(self.disks[at].now, |index| index.index(self.versions.len()));
                self.disks[at].tick += 1 + skipped_ticks;
                self.edit(at, form, &writes, saved_at_ms);
            }
            Op::Exchange { with } => {
                let with = with.index(self.disks.len());
                self.pull(at, with);
                self.pull(with, at);
            }
            Op::Restart => self.open(at, self.disks[at].now),
            Op::Restore { version } => self.open(at, version.index(self.versions.len())),
        }
    }

    fn open(&mut self, at: usize, version: usize) {
        self.disks[at] = Disk { replica: self.mint(), tick: 0, now: version };
    }

    fn edit(&mut self, at: usize, form: usize, writes: &[(Place, Vec<u8>)], saved_at_ms: u64) {
        let Disk { replica, tick, now } = self.disks[at];
        let (before, form) = (&self.versions[now], &self.versions[form]);
        let dot = Dot { replica, tick };
        let entries: Vec<_> = writes.iter().map(entry).collect();
        let written = write(&before.state(), stamp(dot, saved_at_ms), &form.state().context, &entries);
        let bytes = written.state.encode();
        let reported = entries_of_groups(&written.replaced);

        let follows = &form.known & &before.known;
        let mut known = before.known.clone();
        known.insert(dot);
        let mut values = BTreeMap::new();
        for (place, value) in writes {
            values.entry(place.clone()).or_insert_with(|| value.clone());
        }
        self.edits.insert(dot, Edit { values, follows });
        self.advance(at, Version { bytes, known }, reported);
    }

    fn pull(&mut self, at: usize, from: usize) {
        let (mine, theirs) = (&self.versions[self.disks[at].now], &self.versions[self.disks[from].now]);
        let (before, other) = (mine.state(), theirs.state());
        let merged = join(&before, &other);
        let reported = entries_of_groups(&before.missing_in(&merged));
        let version = Version { bytes: merged.encode(), known: &mine.known | &theirs.known };
        self.advance(at, version, reported);
    }

    fn advance(&mut self, at: usize, version: Version, reported: Entries) {
        let (before, after) = (self.disks[at].now, self.versions.len());
        self.versions.push(version);
        self.steps.push(Step { before, after, reported });
        self.disks[at].now = after;
    }

    /// The oracle: a value stands while no known edit of its register follows it.
    fn standing(&self, known: &Known) -> Entries {
        let mut standing = Entries::new();
        for dot in known {
            for (place, value) in &self.edits[dot].values {
                let replaces = |later: &Edit| later.follows.contains(dot) && later.values.contains_key(place);
                if !known.iter().any(|later| replaces(&self.edits[later])) {
                    standing.insert((place.clone(), *dot), value.clone());
                }
            }
        }
        standing
    }
}

fn entry(((field, element), value): &(Place, Vec<u8>)) -> Entry<'_> {
    Entry { register: Register { field: *field, element }, value }
}

fn join<'a>(a: &State<'a>, b: &State<'a>) -> State<'a> {
    merge(a, b).expect("no dot is used twice")
}

fn entries_of(state: &State<'_>) -> Entries {
    entries_of_groups(&state.groups)
}

fn entries_of_groups(groups: &[Group<'_>]) -> Entries {
    let spell = |dot: Dot, entry: &Entry<'_>| {
        (((entry.register.field, entry.register.element.to_vec()), dot), entry.value.to_vec())
    };
    groups
        .iter()
        .flat_map(|group| group.entries.iter().map(move |entry| spell(group.stamp.dot, entry)))
        .collect()
}
