//! What a parent says to what is pushed: edits are judged by what their writers saw.

use causal::{BaseId, Dot, Register, ReplicaId, State};
use record::{Base, Draft, Illegal, Tree, judge};

use crate::contract::*;

/// What a parent says to what `child` pushed.
fn faults(name: &str, child: BaseId, before: &State<'_>, after: &State<'_>) -> Vec<Illegal> {
    let tree = tree();
    judge(kind(name), &tree, before, after, |base| tree.was_within(base, child))
}

fn empty() -> State<'static> {
    State::default()
}

/// One field written by someone who saw all of `before`.
fn put(before: &State<'static>, by: BaseId, number: u32, value: Vec<u8>) -> State<'static> {
    save(before, by, 20, draft(&[(number, value)]))
}

/// Beside a stricter value that it did not see a tightening takes nothing away.
#[test]
fn a_tightening_does_not_loosen_what_it_did_not_see() {
    let graded = |before: &State<'static>, by, value| put(before, by, GRADE, int(GRADE, value));
    let opened = graded(&note(), S4, OPEN);
    let closed = graded(&opened, S4, CLOSED);
    let limited = graded(&opened, WEST, LIMITED);
    assert_eq!(faults("note", WEST, &closed, &limited), []);
    assert_eq!(faults("note", WEST, &closed, &both(&closed, &limited)), []);
    // The home loosened and the district tightened before either came here.
    assert_eq!(faults("note", WEST, &note(), &limited), []);
}

/// Of steps taken offline one after another only the last arrives.
#[test]
fn several_steps_arrive_as_the_last() {
    let before = note();
    let took = |state: &State<'static>, by, from, to| put(state, by, STATE, step(Some(from), to));
    let submitted = took(&before, S4, DRAFT, SUBMITTED);
    let approved = took(&submitted, WEST, SUBMITTED, APPROVED);
    assert_eq!(faults("note", S4, &before, &submitted), []);
    // A district that approved before it first synced with the city.
    assert_eq!(faults("note", WEST, &before, &approved), []);
    assert_eq!(faults("note", WEST, &empty(), &approved), []);
    // A street cannot have done the district's step, nor the district that of the base that is named.
    assert_ne!(faults("note", S4, &before, &took(&before, S4, SUBMITTED, APPROVED)), []);
    assert_ne!(faults("note", WEST, &before, &took(&before, WEST, APPROVED, DONE)), []);
}

/// Two take a step from the same state at the same time: both saw what they say.
#[test]
fn a_step_from_a_state_that_has_moved_on_elsewhere() {
    let submitted = put(&note(), S4, STATE, step(Some(DRAFT), SUBMITTED));
    let back = put(&submitted, WEST, STATE, step(Some(SUBMITTED), DRAFT));
    // At another machine of the same base.
    let (dot, agree) = (Dot { replica: ReplicaId(77), tick: 1 }, step(Some(SUBMITTED), APPROVED));
    let approved = save_as(&submitted, &submitted.context, dot, WEST, 20, draft(&[(STATE, agree)]));
    assert_eq!(faults("note", WEST, &back, &both(&back, &approved)), []);
    let done = put(&approved, S4, STATE, step(Some(APPROVED), DONE));
    assert_ne!(faults("note", S4, &submitted, &done), [], "not the home's turn, whatever it says it saw");
}

/// One edit alone is the creation, and judged as such from below as well.
#[test]
fn creation_from_below() {
    let new = |name, by| save(&empty(), by, 10, at_home(S4, draft_of(name, &[(2, text(2, "x"))])));
    assert_eq!(faults("note", WEST, &empty(), &new("note", S4)), []);
    assert_ne!(faults("note", WEST, &empty(), &new("note", WEST)), []);
    assert_ne!(faults("quota", WEST, &empty(), &new("quota", WEST)), [], "the root's alone");
}

/// A disputed home is decided above all who claim it; its fields are each claimant's meanwhile.
#[test]
fn a_disputed_home_is_decided_above() {
    let claim = |home| save(&empty(), home, 10, at_home(home, draft(&[(TITLE, text(TITLE, "甲"))])));
    for (other, deciders) in [(S5, &[WEST, CITY][..]), (S6, &[CITY])] {
        let before = both(&claim(S4), &claim(other));
        for by in [CITY, WEST, EAST, S4, S5, S6] {
            let saved =
                |draft| judge(kind("note"), &tree(), &before, &save(&before, by, 20, draft), |_| true);
            let found = saved(at_home(S4, Draft::default()));
            assert_eq!(found.is_empty(), deciders.contains(&by), "{by} {found:?}");
            let found = saved(draft(&[(TITLE, text(TITLE, "乙"))]));
            assert_eq!(found.is_empty(), [S4, other].contains(&by), "{by} {found:?}");
        }
    }
}

/// P6: by what the edit saw, not by what is known here.
#[test]
fn edits_are_judged_by_the_home_that_they_saw() {
    let before = note();
    let moved = save(&before, WEST, 11, at_home(S5, Draft::default()));
    let titled = |before: &State<'static>, by| put(before, by, TITLE, text(TITLE, "乙"));
    // Created, moved and edited by the new home before the district first synced.
    assert_eq!(faults("note", WEST, &empty(), &titled(&moved, S5)), []);
    assert_eq!(faults("note", WEST, &before, &titled(&moved, S5)), []);
    // Edited by the old home before it heard of the move; also when the district has merged both.
    assert_eq!(faults("note", S4, &moved, &titled(&before, S4)), []);
    assert_eq!(faults("note", WEST, &moved, &both(&moved, &titled(&before, S4))), []);
    // One who never had it.
    assert_ne!(faults("note", S6, &moved, &titled(&before, S6)), []);
    assert_ne!(faults("note", S5, &before, &titled(&before, S5)), []);
    // The thief's own move is no reason.
    let stolen = save(&before, S6, 12, at_home(S6, draft(&[(TITLE, text(TITLE, "盗"))])));
    assert_ne!(faults("note", S6, &before, &stolen), []);
    assert_ne!(faults("note", CITY, &before, &stolen), []);
}

/// Judged by today's tree, what a former parent did would be refused.
#[test]
fn what_was_written_before_a_base_moved_stays_legal() {
    let mut bases: Vec<Base> = tree().iter().cloned().collect();
    for moved in bases.iter_mut().filter(|b| b.id == S4) {
        (moved.parent, moved.former_parents) = (Some(EAST), vec![WEST]);
    }
    let tree: Tree = bases.into_iter().collect();
    let before = note();
    for (field, by) in [(LEVEL, WEST), (ORDER, WEST), (LEVEL, EAST), (ORDER, EAST)] {
        let after = put(&before, by, field, text(field, "x"));
        let found = judge(kind("note"), &tree, &before, &after, |base| tree.was_within(base, by));
        assert_eq!(found, [], "{by} {field}");
        let here = judge(kind("note"), &tree, &before, &after, |_| true);
        assert_eq!(here.is_empty(), by == EAST, "now it is the new one's");
    }
}

#[test]
fn what_was_not_seen_did_not_vanish() {
    let before = put(&note(), WEST, LEVEL, text(LEVEL, "x"));
    let mut unseen = before.clone();
    unseen.groups.retain(|g| g.stamp.base != WEST);
    assert!(matches!(faults("note", S4, &before, &unseen)[..], [Illegal::Vanished { .. }]));
    unseen.context = note().context;
    assert_eq!(faults("note", S4, &before, &unseen), []);
    let cleared = put(&before, S4, LEVEL, Vec::new());
    assert_eq!(cleared.entries(Register::whole(LEVEL)).count(), 1, "a clearing shows by whom");
    assert_eq!(faults("note", S4, &before, &cleared), [], "a write replaced it");
}
