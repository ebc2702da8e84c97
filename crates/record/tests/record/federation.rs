//! Legal edits at several bases, merged in any order: every replica shows the same.

use causal::{BaseId, Dot, ReplicaId, Stamp, State, write};
use proptest::prelude::*;
use record::{Base, Draft, Shown, Tree, judge};

use crate::contract::{GRADE, MARKS, REMARK, STATE, TAGS, TITLE, base, draft, int, kind, set, step, text};

/// One action: which base acts, what it does, on which field, with which value.
type Action = (usize, u8, u32, u8);

/// Base 1 is the root; each other lies beneath an earlier one.
fn tree_of(parents: &[prop::sample::Index]) -> Tree {
    let parent = |n: usize| (n > 0).then(|| base(parents[n - 1].index(n) as u8 + 1));
    (0..=parents.len())
        .map(|n| Base { id: base(n as u8 + 1), parent: parent(n), ..Base::default() })
        .collect()
}

fn read(bytes: &[u8]) -> State<'_> {
    if bytes.is_empty() { State::default() } else { State::decode(bytes).unwrap() }
}

fn merge(a: &[u8], b: &[u8]) -> Vec<u8> {
    causal::merge(&read(a), &read(b)).unwrap().encode()
}

/// The bytes after one more edit, by someone who saw all of `before`.
fn edit(before: &State<'_>, stamp: Stamp<'_>, draft: &Draft) -> Vec<u8> {
    write(before, stamp, &before.context, &draft.entries(before, &before.context)).state.encode()
}

fn change(tree: &Tree, state: &[u8], (who, _, field, value): Action) -> Draft {
    let words = value.to_string();
    let value = i64::from(value);
    match field % 16 {
        0 => {
            let mut draft = Draft::default();
            draft.home(base(value as u8 % tree.len() as u8 + 1));
            draft
        }
        15 => {
            let mut draft = Draft::default();
            draft.delete(&read(state).context);
            draft
        }
        STATE => {
            let shown = Shown::of(Some(kind("note")), tree, &read(state)).state;
            draft(&[(STATE, step(Some(shown), value % 4 + 1))])
        }
        GRADE => draft(&[(GRADE, int(GRADE, value % 3 + 1))]),
        sets @ (TAGS | MARKS) => draft(&[(sets, set(sets, &[&words, "x"]))]),
        REMARK if who % 2 == 0 => draft(&[(REMARK, Vec::new())]),
        other => draft(&[(other, text(other, &words))]),
    }
}

struct Replicas<'t> {
    tree: &'t Tree,
    states: Vec<Vec<u8>>,
    ticks: Vec<u64>,
}

impl Replicas<'_> {
    /// Makes an edit if it is legal.
    fn edit(&mut self, at: usize, draft: &Draft, value: u8) {
        let before = read(&self.states[at]);
        let dot = Dot { replica: ReplicaId(at as u64 + 1), tick: self.ticks[at] + 1 };
        // The clocks of the bases are far apart.
        let saved_at_ms = u64::from(value) * 1_000;
        let stamp = Stamp { dot, saved_at_ms, base: base(at as u8 + 1), user: "王小明", tag: [0; 8] };
        if draft.entries(&before, &before.context).is_empty() {
            return;
        }
        let after = edit(&before, stamp, draft);
        if judge(kind("note"), self.tree, &before, &read(&after), |_| true).is_empty() {
            self.states[at] = after;
            self.ticks[at] += 1;
        }
    }

    fn act(&mut self, action: Action) {
        let (who, what, _, value) = action;
        let at = who % self.states.len();
        if what % 3 == 0 {
            let from = usize::from(value) % self.states.len();
            self.states[at] = merge(&self.states[at], &self.states[from].clone());
        } else if !self.states[at].is_empty() {
            let draft = change(self.tree, &self.states[at], action);
            self.edit(at, &draft, value);
        }
    }
}

fn created(home: usize) -> Vec<u8> {
    let mut draft = draft(&[(TITLE, text(TITLE, "甲")), (STATE, step(None, 1))]);
    draft.home(base(home as u8 + 1));
    let dot = Dot { replica: ReplicaId(home as u64 + 1), tick: 1 };
    let stamp = Stamp { dot, saved_at_ms: 1, base: base(home as u8 + 1), user: "王小明", tag: [0; 8] };
    edit(&State::default(), stamp, &draft)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn all_replicas_show_the_same(
        parents in prop::collection::vec(any::<prop::sample::Index>(), 2..7),
        home in any::<prop::sample::Index>(),
        actions in prop::collection::vec(any::<Action>(), 0..60),
        order in prop::collection::vec(any::<prop::sample::Index>(), 12),
    ) {
        let tree = tree_of(&parents);
        let count = parents.len() + 1;
        let home = home.index(count);
        let mut replicas = Replicas { tree: &tree, states: vec![created(home); count], ticks: vec![0; count] };
        replicas.ticks[home] = 1;
        actions.into_iter().for_each(|action| replicas.act(action));
        // Each gathers from all others in an order of its own.
        let gather = |at: usize| {
            let mut rest: Vec<usize> = (0..count).collect();
            let mut all = replicas.states[at].clone();
            for pick in &order {
                if !rest.is_empty() {
                    all = merge(&all, &replicas.states[rest.remove((pick.index(count) + at) % rest.len())]);
                }
            }
            all
        };
        let gathered: Vec<Vec<u8>> = (0..count).map(gather).collect();
        let show = |state: &Vec<u8>| Shown::of(Some(kind("note")), &tree, &read(state));
        for other in &gathered[1..] {
            prop_assert_eq!(other, &gathered[0]);
            prop_assert_eq!(show(other), show(&gathered[0]));
        }
        let bases: Vec<BaseId> = tree.iter().map(|b| b.id).collect();
        prop_assert!(bases.contains(&show(&gathered[0]).home));
    }
}
