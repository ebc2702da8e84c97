//! Who may write what.

use causal::BaseId;
use record::{Base, Draft, Illegal, Tree, judge};

use crate::contract::*;

/// What the check of one edit says, where it is saved.
fn faults(tree: &Tree, name: &str, before: &[u8], after: &[u8]) -> Vec<Illegal> {
    judge(kind(name), tree, &read(before), &read(after), |_| true)
}

/// What a parent says to what `child` pushed.
fn faults_of_push(name: &str, child: BaseId, before: &[u8], after: &[u8]) -> Vec<Illegal> {
    let tree = tree();
    judge(kind(name), &tree, &read(before), &read(after), |base| tree.was_within(base, child))
}

#[track_caller]
fn check(before: &[u8], by: BaseId, fields: &[(u32, Vec<u8>)], legal: bool) {
    let after = edit(before, stamp(by, 9, 20), &draft(fields));
    let found = faults(&tree(), "form", before, &after);
    assert_eq!(found.is_empty(), legal, "{by} {fields:?}: {found:?}");
}

#[test]
fn each_rule_has_its_writers() {
    let before = created(HOME);
    for (field, writers) in [
        (ONLY, &[HOME][..]),
        (FIRST, &[HOME, WEST, CITY]),
        (HIGHER, &[HOME, WEST, CITY]),
        (LATEST, &[HOME, WEST, CITY]),
        (VERDICT, &[HOME, WEST, CITY]),
        (TAGS, &[HOME, WEST, CITY]),
        (ABOVE, &[WEST]),
        (BY_CITY, &[CITY]),
        (MARKS, &[CITY]),
        // While nobody is named the home decides.
        (NAMED, &[HOME]),
    ] {
        for base in ALL {
            check(&before, base, &[(field, text(field, "新"))], writers.contains(&base));
        }
    }
}

#[test]
fn the_named_base_owns_but_nobody_names_itself() {
    let before = edit(&created(HOME), stamp(WEST, 1, 11), &draft(&[(ASSIGNED, assigned(FAR))]));
    for base in ALL {
        check(&before, base, &[(NAMED, text(NAMED, "复"))], base == FAR);
    }
    check(&before, HOME, &[(ASSIGNED, assigned(NEXT))], true);
    check(&before, HOME, &[(ASSIGNED, assigned(HOME))], false);
    check(&before, FAR, &[(ASSIGNED, assigned(NEXT))], false);
}

#[test]
fn strict_values_are_loosened_by_the_owner_alone() {
    let before = created(HOME);
    for (base, value, legal) in [
        (HOME, 1, true),
        (HOME, 3, true),
        (WEST, 3, true),
        (CITY, 3, true),
        (WEST, 1, false),
        (CITY, 1, false),
        (FAR, 3, false),
    ] {
        check(&before, base, &[(GRADE, grade(value))], legal);
    }
}

/// Beside a stricter value that it did not see a tightening takes nothing away.
#[test]
fn a_tightening_does_not_loosen_what_it_did_not_see() {
    let graded = |before: &[u8], by, tick, value| {
        edit(before, stamp(by, tick, tick), &draft(&[(GRADE, grade(value))]))
    };
    let opened = graded(&created(HOME), HOME, 2, 1);
    let closed = graded(&opened, HOME, 3, 3);
    let limited = graded(&opened, WEST, 4, 2);
    assert_eq!(faults_of_push("form", WEST, &closed, &limited), []);
    assert_eq!(faults_of_push("form", WEST, &closed, &merge(&closed, &limited)), []);
    // The home loosened and the district tightened before either came here.
    assert_eq!(faults_of_push("form", WEST, &created(HOME), &limited), []);
    // Having seen it, only the owner may go back.
    let loosened = graded(&edit(&closed, stamp(CITY, 1, 5), &draft(&[(GRADE, grade(3))])), CITY, 6, 2);
    assert!(matches!(faults(&tree(), "form", &closed, &loosened)[..], [Illegal::Loosened { .. }]));
}

#[test]
fn steps_are_declared_and_taken_in_turn() {
    let at = |steps: &[(BaseId, i64, i64)]| {
        let one = |(before, tick): (Vec<u8>, u64), (base, from, to): &(BaseId, i64, i64)| {
            (edit(&before, stamp(*base, tick, tick), &draft(&[(STATE, step(Some(*from), *to))])), tick + 1)
        };
        steps.iter().fold((created(HOME), 2), one).0
    };
    let sent = at(&[(HOME, 1, 2), (HOME, 2, 3)]);
    let agreed = at(&[(HOME, 1, 2), (HOME, 2, 3), (WEST, 3, 4)]);
    for (before, by, from, to, legal) in [
        (&created(HOME), HOME, Some(1), 2, true),
        (&created(HOME), WEST, Some(1), 2, false),
        (&created(HOME), FAR, Some(1), 2, false),
        // Not declared, or from a state that does not stand.
        (&created(HOME), HOME, Some(1), 4, false),
        (&created(HOME), HOME, Some(3), 4, false),
        (&sent, HOME, None, 1, false),
        (&sent, WEST, Some(3), 4, true),
        (&sent, WEST, Some(3), 1, true),
        (&sent, HOME, Some(3), 4, false),
        (&agreed, CITY, Some(4), 5, true),
        (&agreed, WEST, Some(4), 5, false),
        (&agreed, CITY, Some(5), 1, false),
    ] {
        check(before, by, &[(STATE, step(from, to))], legal);
    }
    check(&agreed, CITY, &[(STATE, Vec::new())], false);
}

/// Of steps taken offline one after another only the last arrives.
#[test]
fn several_steps_arrive_as_the_last() {
    let before = created(HOME);
    let done = |steps: &[(BaseId, i64, i64)]| {
        steps.iter().zip(2..).fold(before.clone(), |state, ((base, from, to), tick)| {
            edit(&state, stamp(*base, tick, tick), &draft(&[(STATE, step(Some(*from), *to))]))
        })
    };
    let sent = done(&[(HOME, 1, 2), (HOME, 2, 3)]);
    let agreed = done(&[(HOME, 1, 2), (HOME, 2, 3), (WEST, 3, 4)]);
    let skipped = edit(&before, stamp(WEST, 9, 9), &draft(&[(STATE, step(Some(4), 5))]));
    assert_eq!(faults_of_push("form", HOME, &before, &sent), []);
    // A district that agreed before it first synced with the city.
    assert_eq!(faults_of_push("form", WEST, &before, &agreed), []);
    assert_eq!(faults_of_push("form", WEST, &[], &agreed), []);
    // A street cannot have done the district's step.
    let alone = edit(&before, stamp(HOME, 9, 9), &draft(&[(STATE, step(Some(3), 4))]));
    assert_ne!(faults_of_push("form", HOME, &before, &alone), []);
    // Nor the district the city's.
    assert_ne!(faults_of_push("form", WEST, &before, &skipped), []);
}

/// Two take a step from the same state at the same time: both saw what they say.
#[test]
fn a_step_from_a_state_that_has_moved_on_elsewhere() {
    let sent = edit(&created(HOME), stamp(HOME, 2, 11), &draft(&[(STATE, step(Some(2), 3))]));
    let back = edit(&sent, stamp(WEST, 1, 12), &draft(&[(STATE, step(Some(3), 1))]));
    let agreed = edit(&sent, stamp(WEST, 2, 12), &draft(&[(STATE, step(Some(3), 4))]));
    assert_eq!(faults_of_push("form", WEST, &back, &merge(&back, &agreed)), []);
    let done = edit(&agreed, stamp(HOME, 3, 13), &draft(&[(STATE, step(Some(4), 5))]));
    assert_ne!(
        faults_of_push("form", HOME, &sent, &done),
        [],
        "not the home's turn, whatever it says it saw"
    );
}

#[test]
fn creation_is_the_creators() {
    let new = |by: BaseId, home: Option<BaseId>| {
        let mut draft = draft(&[(LATEST, text(LATEST, "x"))]);
        home.into_iter().for_each(|home| draft.home(home));
        edit(&[], stamp(by, 1, 10), &draft)
    };
    let tree = tree();
    for (by, home, legal) in
        [(HOME, Some(HOME), true), (WEST, Some(HOME), false), (FAR, Some(HOME), false), (HOME, None, false)]
    {
        assert_eq!(faults(&tree, "form", &[], &new(by, home)).is_empty(), legal, "{by} {home:?}");
    }
    assert!(faults(&tree, "form", &[], &new(HOME, None)).contains(&Illegal::NoHome));
    // One edit alone is the creation, and judged as such from below as well.
    assert_ne!(faults_of_push("form", WEST, &[], &new(WEST, Some(HOME))), []);
    // By the root alone, whatever else was edited.
    assert_ne!(faults_of_push("log", WEST, &[], &new(WEST, Some(HOME))), []);
}

#[test]
fn what_is_append_only_is_deleted_but_not_changed() {
    let mut creation = Draft::default();
    creation.set(kind("log"), 1, text(1, "一"));
    creation.home(CITY);
    creation.audience(&[CITY]);
    let before = edit(&[], stamp(CITY, 1, 10), &creation);
    assert_eq!(faults(&tree(), "log", &[], &before), []);
    let change = |fill: &dyn Fn(&mut Draft)| {
        let mut draft = Draft::default();
        fill(&mut draft);
        faults(&tree(), "log", &before, &edit(&before, stamp(CITY, 2, 11), &draft))
    };
    assert!(matches!(change(&|d| d.set(kind("log"), 2, text(2, "改")))[..], [Illegal::Immutable { .. }]));
    assert!(matches!(change(&|d| d.home(WEST))[..], [Illegal::Immutable { .. }]));
    assert_eq!(change(&|d| d.delete(&read(&before).context)), []);
}

#[test]
fn opening_a_record_to_more_bases_is_a_right_of_its_own() {
    let audience = |by: BaseId, bases: &[BaseId]| {
        let before = edit(&created(HOME), stamp(WEST, 1, 11), &draft(&[(ASSIGNED, assigned(FAR))]));
        let mut draft = Draft::default();
        draft.audience(bases);
        faults(&tree(), "form", &before, &edit(&before, stamp(by, 9, 20), &draft))
    };
    assert_eq!(audience(WEST, &[EAST]), []);
    assert!(matches!(audience(HOME, &[EAST])[..], [Illegal::NotOwner { .. }]));
    assert_eq!(audience(HOME, &[FAR]), [], "whoever decides about it must see it");
    assert!(matches!(audience(FAR, &[FAR])[..], [Illegal::NotInChain { .. }]));
    let many: Vec<BaseId> = (10..27).map(base).collect();
    assert_eq!(audience(WEST, &many), [Illegal::Audience]);
    assert_eq!(audience(WEST, &many[1..]), []);
    // The default of the kind needs no right.
    let mut body = Draft::default();
    body.home(HOME);
    body.audience(&[HOME]);
    assert_eq!(faults(&tree(), "body", &[], &edit(&[], stamp(HOME, 1, 1), &body)), []);
}

#[test]
fn homes_are_given_away_by_the_chain() {
    let before = created(HOME);
    for base in ALL {
        let mut draft = Draft::default();
        draft.home(FAR);
        let found = faults(&tree(), "form", &before, &edit(&before, stamp(base, 9, 20), &draft));
        assert_eq!(found.is_empty(), [HOME, WEST, CITY].contains(&base), "{base} {found:?}");
    }
}

/// A disputed home is decided above all who claim it; its fields are each claimant's meanwhile.
#[test]
fn a_disputed_home_is_decided_above() {
    let claim = |home: BaseId| {
        let mut draft = Draft::default();
        draft.set(kind("body"), 1, text(1, "甲"));
        draft.home(home);
        edit(&[], stamp(home, 1, 10), &draft)
    };
    for (other, deciders) in [(NEXT, &[WEST, CITY][..]), (FAR, &[CITY])] {
        let before = merge(&claim(HOME), &claim(other));
        for base in ALL {
            let mut home = Draft::default();
            home.home(HOME);
            let found = faults(&tree(), "body", &before, &edit(&before, stamp(base, 9, 20), &home));
            assert_eq!(found.is_empty(), deciders.contains(&base), "{base} {found:?}");
            let mut name = Draft::default();
            name.set(kind("body"), 2, text(2, "乙"));
            let found = faults(&tree(), "body", &before, &edit(&before, stamp(base, 9, 20), &name));
            assert_eq!(found.is_empty(), [HOME, other].contains(&base), "{base} {found:?}");
        }
    }
}

/// P6: by what the edit saw, not by what is known here.
#[test]
fn edits_are_judged_by_the_home_that_they_saw() {
    let before = created(HOME);
    let moved_to = |before: &[u8], to: BaseId| {
        let mut draft = Draft::default();
        draft.home(to);
        edit(before, stamp(WEST, 1, 11), &draft)
    };
    let moved = moved_to(&before, NEXT);
    let titled =
        |before: &[u8], by: BaseId| edit(before, stamp(by, 5, 12), &draft(&[(ONLY, text(ONLY, "乙"))]));
    // Created, moved and edited by the new home before the district first synced.
    assert_eq!(faults_of_push("form", WEST, &[], &titled(&moved, NEXT)), []);
    assert_eq!(faults_of_push("form", WEST, &before, &titled(&moved, NEXT)), []);
    // Edited by the old home before it heard of the move; also when the district has merged both.
    assert_eq!(faults_of_push("form", HOME, &moved, &titled(&before, HOME)), []);
    assert_eq!(faults_of_push("form", WEST, &moved, &merge(&moved, &titled(&before, HOME))), []);
    // One who never had it.
    assert_ne!(faults_of_push("form", FAR, &moved, &titled(&before, FAR)), []);
    assert_ne!(faults_of_push("form", NEXT, &before, &titled(&before, NEXT)), []);
    // The thief's own move is no reason.
    let stolen = edit(&before, stamp(FAR, 5, 12), &{
        let mut draft = draft(&[(ONLY, text(ONLY, "盗"))]);
        draft.home(FAR);
        draft
    });
    assert_ne!(faults_of_push("form", FAR, &before, &stolen), []);
    assert_ne!(faults(&tree(), "form", &before, &stolen), []);
}

/// Judged by today's tree, what a former parent did would be refused.
#[test]
fn what_was_written_before_a_base_moved_stays_legal() {
    let mut bases: Vec<Base> = tree().iter().cloned().collect();
    for moved in bases.iter_mut().filter(|b| b.id == HOME) {
        (moved.parent, moved.former_parents) = (Some(EAST), vec![WEST]);
    }
    let tree: Tree = bases.into_iter().collect();
    let before = created(HOME);
    for (field, by) in [(HIGHER, WEST), (ABOVE, WEST), (HIGHER, EAST), (ABOVE, EAST)] {
        let after = edit(&before, stamp(by, 1, 11), &draft(&[(field, text(field, "x"))]));
        let found =
            judge(kind("form"), &tree, &read(&before), &read(&after), |base| tree.was_within(base, by));
        assert_eq!(found, [], "{by} {field}");
        assert_eq!(faults(&tree, "form", &before, &after).is_empty(), by == EAST, "now it is the new one's");
    }
}

#[test]
fn a_value_vanishes_only_by_a_write() {
    let before = edit(&created(HOME), stamp(WEST, 1, 11), &draft(&[(LATEST, text(LATEST, "x"))]));
    let mut gone = read(&before);
    gone.groups.retain(|g| g.stamp.base != WEST);
    assert!(matches!(faults_of_push("form", HOME, &before, &gone.encode())[..], [Illegal::Vanished { .. }]));
    let mut unseen = read(&before);
    unseen.groups.retain(|g| g.stamp.base != WEST);
    unseen.context = read(&created(HOME)).context;
    assert_eq!(
        faults_of_push("form", HOME, &before, &unseen.encode()),
        [],
        "what was not seen did not vanish"
    );
    let replaced = edit(&before, stamp(HOME, 5, 12), &draft(&[(LATEST, Vec::new())]));
    assert_eq!(faults_of_push("form", HOME, &before, &replaced), []);
}

#[test]
fn what_others_wrote_and_what_is_not_known_here_is_not_judged() {
    let before = created(HOME);
    let far = edit(&before, stamp(FAR, 1, 11), &draft(&[(ONLY, text(ONLY, "x"))]));
    assert_eq!(faults_of_push("form", WEST, &before, &far), []);
    check(&before, FAR, &[(900, text(900, "x"))], true);
}
