//! What each rule shows, as the list of preferences that it is.

mod common;

use causal::{Candidate, Context, Dot, Entry, Preference, Register, State, merge, pick, write};
use common::{dot, number_field, stamp};
use proptest::prelude::*;
use proptest::sample::Index;

const OWNER_ONLY: &[Preference] = &[Preference::Owner];
const OWNER_FIRST: &[Preference] = &[Preference::Owner, Preference::Tier];
const HIGHER_TIER: &[Preference] = &[Preference::Tier];
const LATEST: &[Preference] = &[];
const WORKFLOW: &[Preference] = &[Preference::Tier, Preference::Order];
const STRICTEST: &[Preference] = &[Preference::Order];
const UNION: &[Preference] = &[Preference::Present];
const MANUAL: &[Preference] = &[Preference::Tier];
const ALL: [&[Preference]; 8] =
    [OWNER_ONLY, OWNER_FIRST, HIGHER_TIER, LATEST, WORKFLOW, STRICTEST, UNION, MANUAL];

const TEN_YEARS_MS: i64 = 10 * 365 * 24 * 3600 * 1000;
const NOW_MS: u64 = 1_790_000_000_000;

/// A value saved by a stranger of tier 3 at second `second`.
fn at(second: u64) -> Candidate {
    Candidate {
        owner: false,
        tier: 3,
        order: 0,
        present: true,
        saved_at_ms: second * 1000,
        dot: dot(second, 1),
    }
}

fn owner(second: u64) -> Candidate {
    Candidate { owner: true, ..at(second) }
}

fn tier(tier: u8, second: u64) -> Candidate {
    Candidate { tier, ..at(second) }
}

fn order(order: i64, second: u64) -> Candidate {
    Candidate { order, ..at(second) }
}

fn none(second: u64) -> Candidate {
    Candidate { present: false, ..at(second) }
}

/// Checks that the first of the candidates is shown, wherever it stands among them.
fn check_first_wins(preferences: &[Preference], mut candidates: Vec<Candidate>) {
    let expected = candidates[0];
    for _ in 0..candidates.len() {
        candidates.rotate_left(1);
        let shown = pick(preferences, &candidates).map(|at| candidates[at]);
        assert_eq!(shown, Some(expected), "{preferences:?} of {candidates:?}");
    }
}

#[test]
fn nothing_is_picked_of_nothing() {
    assert!(ALL.iter().all(|preferences| pick(preferences, &[]).is_none()));
}

#[test]
fn the_later_of_equals_then_the_higher_dot_is_shown_by_every_rule() {
    for preferences in ALL {
        check_first_wins(preferences, vec![at(7), at(5), at(6)]);
        let same_time = |replica, tick| Candidate { dot: dot(replica, tick), ..at(5) };
        check_first_wins(preferences, vec![same_time(2, 1), same_time(1, 2), same_time(1, 1)]);
    }
}

#[test]
fn owner_only_shows_the_owners_latest() {
    check_first_wins(OWNER_ONLY, vec![owner(1), at(9), tier(0, 9)]);
    check_first_wins(OWNER_ONLY, vec![owner(2), Candidate { tier: 0, ..owner(1) }]);
    check_first_wins(OWNER_ONLY, vec![Candidate { present: false, ..owner(2) }, owner(1), at(3)]);
}

#[test]
fn owner_first_shows_the_owners_then_the_higher_tiers() {
    check_first_wins(OWNER_FIRST, vec![owner(1), tier(0, 9), at(8)]);
    check_first_wins(OWNER_FIRST, vec![tier(0, 1), tier(1, 9), tier(2, 8)]);
    check_first_wins(OWNER_FIRST, vec![Candidate { tier: 1, ..owner(1) }, Candidate { tier: 2, ..owner(9) }]);
}

#[test]
fn higher_tier_and_manual_show_the_tier_nearest_to_the_root() {
    for preferences in [HIGHER_TIER, MANUAL] {
        check_first_wins(preferences, vec![tier(0, 1), tier(1, 9), tier(u8::MAX, 8)]);
        check_first_wins(preferences, vec![tier(1, 2), tier(1, 1), owner(9)]);
        check_first_wins(preferences, vec![Candidate { present: false, ..tier(0, 1) }, tier(1, 9)]);
    }
}

#[test]
fn latest_looks_at_nothing_but_time() {
    check_first_wins(LATEST, vec![at(9), owner(8), tier(0, 7), order(9, 6)]);
    check_first_wins(LATEST, vec![none(9), at(8)]);
}

#[test]
fn workflow_shows_the_higher_tiers_then_the_further_step() {
    check_first_wins(WORKFLOW, vec![Candidate { order: 1, ..tier(0, 1) }, order(9, 9)]);
    check_first_wins(WORKFLOW, vec![order(3, 1), order(2, 9), order(-1, 8)]);
    check_first_wins(WORKFLOW, vec![order(3, 2), order(3, 1)]);
}

#[test]
fn strictest_shows_the_greatest_of_the_enum() {
    check_first_wins(STRICTEST, vec![order(3, 1), Candidate { order: 2, ..owner(9) }, tier(0, 9)]);
    check_first_wins(STRICTEST, vec![order(i64::MAX, 1), order(0, 9), order(i64::MIN, 8)]);
}

#[test]
fn union_shows_an_addition_before_a_concurrent_removal() {
    check_first_wins(UNION, vec![at(1), none(9), Candidate { present: false, ..tier(0, 8) }]);
    check_first_wins(UNION, vec![none(2), none(1)]);
}

/// Candidates that differ in little, each by an edit of its own.
fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let one = (any::<bool>(), 0..3u8, -1..2i64, any::<bool>(), 0..3u64);
    prop::collection::vec(one, 1..9).prop_map(|all| {
        let number = |(at, (owner, tier, order, present, saved_at_ms))| Candidate {
            owner,
            tier,
            order,
            present,
            saved_at_ms,
            dot: dot(at as u64 % 3, 1 + at as u64),
        };
        all.into_iter().enumerate().map(number).collect()
    })
}

/// A step in the life of a register: a replica writes over what it sees, or hears what another one holds.
#[derive(Debug, Clone)]
enum Act {
    Write { saved_at_ms: u64 },
    Hear { from: usize },
}

fn acts() -> impl Strategy<Value = Vec<(usize, Act)>> {
    let act = prop_oneof![
        (0..1000u64).prop_map(|ms| Act::Write { saved_at_ms: NOW_MS + ms }),
        (0..4usize).prop_map(|from| Act::Hear { from }),
    ];
    prop::collection::vec((0..4usize, act), 1..20)
}

/// Lives through the acts and answers what stands at the end, once everybody was heard. The clock of the edit in
/// act `wrong.0` is off by `wrong.1`.
fn live(acts: &[(usize, Act)], wrong: (usize, i64)) -> Vec<Candidate> {
    let values: Vec<_> = (0..acts.len()).map(|at| number_field(1, at as u64)).collect();
    let mut states = vec![State::default(); 4];
    for (at, (who, act)) in acts.iter().enumerate() {
        states[*who] = match act {
            Act::Write { saved_at_ms } => {
                let off = if at == wrong.0 { wrong.1 } else { 0 };
                let stamp = stamp(edit_of(*who, at), saved_at_ms.saturating_add_signed(off));
                let entry = Entry { register: Register::whole(1), value: &values[at] };
                write(&states[*who], stamp, &states[*who].context, &[entry]).state
            }
            Act::Hear { from } => merge(&states[*who], &states[*from]).expect("no dot is used twice"),
        };
    }
    let all =
        states.iter().fold(State::default(), |all, next| merge(&all, next).expect("no dot is used twice"));
    let candidate = |(stamp, entry): (&causal::Stamp<'_>, &Entry<'_>)| Candidate {
        owner: stamp.dot.replica.0 == 1,
        tier: stamp.dot.replica.0 as u8 / 2,
        order: stamp.dot.tick as i64 % 2,
        present: !entry.value.is_empty(),
        saved_at_ms: stamp.saved_at_ms,
        dot: stamp.dot,
    };
    all.entries(Register::whole(1)).map(candidate).collect()
}

fn edit_of(who: usize, act: usize) -> Dot {
    dot(who as u64, 1 + act as u64)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_pick_does_not_depend_on_the_order_of_candidates(
        (candidates, shuffled) in candidates().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        for preferences in ALL {
            let shown = pick(preferences, &candidates).map(|at| candidates[at]);
            prop_assert!(shown.is_some());
            prop_assert_eq!(shown, pick(preferences, &shuffled).map(|at| shuffled[at]));
        }
    }

    /// The one that is shown would be shown beside any of the others alone: a total order, no cycles.
    #[test]
    fn the_pick_beats_each_of_the_others(candidates in candidates()) {
        for preferences in ALL {
            let shown = candidates[pick(preferences, &candidates).expect("there are some")];
            for other in &candidates {
                prop_assert_eq!(pick(preferences, &[shown, *other]).map(|at| [shown, *other][at]), Some(shown));
            }
        }
    }

    #[test]
    fn a_clock_ten_years_off_brings_nothing_back(
        acts in acts(),
        who in any::<Index>(),
        off in prop::sample::select(vec![-TEN_YEARS_MS, TEN_YEARS_MS]),
    ) {
        let wrong = who.index(acts.len());
        let (right, shifted) = (live(&acts, (wrong, 0)), live(&acts, (wrong, off)));
        let dots = |standing: &[Candidate]| standing.iter().map(|c| c.dot).collect::<Vec<_>>();
        prop_assert_eq!(dots(&right), dots(&shifted), "time decides nothing about what stands");
        let stands = dots(&right).contains(&edit_of(acts[wrong].0, wrong));
        for preferences in ALL {
            let shown = |all: &[Candidate]| pick(preferences, all).map(|at| all[at].dot);
            prop_assert!(stands || shown(&right) == shown(&shifted), "a replaced value has no say");
        }
    }
}

/// A value that was replaced stays so, though its writer's clock was ten years ahead of the one that replaced it.
#[test]
fn a_replaced_value_from_the_future_stays_replaced() {
    let (old, new) = (number_field(1, 1), number_field(1, 2));
    let entry = |value| [Entry { register: Register::whole(1), value }];
    let ahead = NOW_MS.saturating_add_signed(TEN_YEARS_MS);
    let before = write(&State::default(), stamp(dot(1, 1), ahead), &Context::default(), &entry(&old)).state;
    let after = write(&before, stamp(dot(2, 1), NOW_MS), &before.context, &entry(&new)).state;
    for merged in [merge(&before, &after), merge(&after, &before)] {
        assert_eq!(merged, Ok(after.clone()));
    }
    assert_eq!(after.entries(Register::whole(1)).map(|(_, e)| e.value).collect::<Vec<_>>(), [&new[..]]);
}
