//! Who may write what, what is shown of it, and what a draft writes: rule by rule, in tables.

use causal::{BaseId, Context, Dot, Entry, Register, ReplicaId, Stamp, State};
use record::{
    AUDIENCE, Conflict, DELETED, Draft, HOME, Scope, Shown, Side, Value, conflicts, judge, scope_of, values,
};

use crate::contract::*;

/// The names of the faults that are found, in the order in which they are.
fn faults(name: &str, before: &State<'_>, after: &State<'_>, judged: impl Fn(BaseId) -> bool) -> Vec<String> {
    let found = judge(kind(name), &tree(), before, after, judged);
    found.iter().map(|f| format!("{f:?}").split([' ', '{']).next().unwrap_or_default().to_owned()).collect()
}

/// What is said where an edit is saved; nothing when it is the writer's to make.
#[track_caller]
fn check(what: &str, name: &str, before: &State<'static>, by: BaseId, draft: Draft, expected: &str) {
    let after = save(before, by, 100, draft);
    assert_ne!(after, *before, "{what}, by {by}: nothing was written");
    assert_eq!(faults(name, before, &after, |_| true).join(" "), expected, "{what}, by {by}");
}

/// The writers of the tables: home, its parent, the root, a sibling, the named base, a street elsewhere, nobody known.
const WRITERS: [BaseId; 7] = [S4, WEST, CITY, S5, EAST, S6, UNKNOWN];

const OWNER: [&str; 7] = ["", "NotOwner", "NotOwner", "NotOwner", "NotOwner", "NotOwner", "NotOwner"];
const PARENT: [&str; 7] = ["NotOwner", "", "NotOwner", "NotOwner", "NotOwner", "NotOwner", "NotOwner"];
const ROOT: [&str; 7] = ["NotOwner", "NotOwner", "", "NotOwner", "NotOwner", "NotOwner", "NotOwner"];
const NAMED: [&str; 7] = ["NotOwner", "NotOwner", "NotOwner", "NotOwner", "", "NotOwner", "NotOwner"];
const CHAIN: [&str; 7] = ["", "", "", "NotInChain", "NotInChain", "NotInChain", "NotInChain"];
const CHAIN_OR_NAMED: [&str; 7] = ["", "", "", "NotInChain", "", "NotInChain", "NotInChain"];
const LOOSENED: [&str; 7] =
    ["", "Loosened", "Loosened", "NotInChain", "NotInChain", "NotInChain", "NotInChain"];
const ANYBODY: [&str; 7] = [""; 7];

#[test]
fn each_rule_by_each_writer() {
    let table = [
        ("owner only", TITLE, text(TITLE, "x"), OWNER),
        ("owner only, cleared", TITLE, Vec::new(), OWNER),
        ("owner only, of the parent", ORDER, text(ORDER, "x"), PARENT),
        ("owner only, of the root", STAMP, text(STAMP, "x"), ROOT),
        ("owner only, of the named", ANSWER, text(ANSWER, "x"), NAMED),
        ("owner first", PHONE, text(PHONE, "x"), CHAIN),
        ("owner first, of the named", HINT, text(HINT, "x"), CHAIN_OR_NAMED),
        ("higher tier", LEVEL, text(LEVEL, "x"), CHAIN),
        ("latest", REMARK, text(REMARK, "x"), CHAIN),
        ("latest, cleared", REMARK, Vec::new(), CHAIN),
        ("manual", VERDICT, text(VERDICT, "x"), CHAIN),
        ("an element more", TAGS, set(TAGS, &["a", "b", "c"]), CHAIN),
        ("an element less", TAGS, set(TAGS, &["a"]), CHAIN),
        ("an element, of the root", MARKS, set(MARKS, &["a"]), ROOT),
        ("tightened", GRADE, int(GRADE, CLOSED), CHAIN),
        ("loosened", GRADE, int(GRADE, OPEN), LOOSENED),
        ("loosened to nothing", GRADE, Vec::new(), LOOSENED),
        ("a field of a newer contract", NEWER, text(NEWER, "x"), ANYBODY),
        ("the examiner is another", EXAMINER, named(EXAMINER, base(8)), OWNER),
    ];
    for (what, number, value, expected) in table {
        for (by, expected) in WRITERS.into_iter().zip(expected) {
            check(what, "note", &note(), by, draft(&[(number, value.clone())]), expected);
        }
    }
}

#[test]
fn what_the_engine_keeps_by_each_writer() {
    let before = note();
    let audience = |bases: &[BaseId]| {
        let mut draft = Draft::default();
        draft.audience(bases);
        draft
    };
    let mut deleted = Draft::default();
    deleted.delete(&before.context);
    let crowd: Vec<BaseId> = (20..37).map(base).collect();
    let widened = ["NotOwner", "", "NotOwner", "NotInChain", "NotInChain", "NotInChain", "NotInChain"];
    let table = [
        ("moved", at_home(S5, Draft::default()), CHAIN),
        ("deleted", deleted, CHAIN),
        ("opened to the examiner", audience(&[EAST]), CHAIN),
        ("opened to a stranger", audience(&[S6]), widened),
        ("opened to everybody", audience(&[CITY]), widened),
        ("opened to a crowd", audience(&crowd), ["Audience"; 7]),
    ];
    for (what, draft, expected) in table {
        for (by, expected) in WRITERS.into_iter().zip(expected) {
            check(what, "note", &before, by, draft.clone(), expected);
        }
    }
    let opened = save(&before, WEST, 2, audience(&[S6]));
    check("closed again", "note", &opened, S4, audience(&[]), "");
    check("closed by a stranger", "note", &opened, S6, audience(&[]), "NotInChain");
}

#[test]
fn nobody_names_himself() {
    for by in WRITERS.into_iter().filter(|by| *by != EAST) {
        check("named himself", "note", &note(), by, draft(&[(EXAMINER, named(EXAMINER, by))]), "NamesItself");
    }
    let unnamed = save(&State::default(), S4, 1, at_home(S4, Draft::default()));
    let answer = || draft(&[(ANSWER, text(ANSWER, "x"))]);
    check("nobody is named", "note", &unnamed, S4, answer(), "");
    check("nobody is named", "note", &unnamed, EAST, answer(), "NotOwner");
}

#[test]
fn steps() {
    let path = [(DRAFT, SUBMITTED, S4), (SUBMITTED, APPROVED, WEST), (APPROVED, DONE, EAST)];
    let standing = |state: i64| {
        let steps = path.iter().take_while(|(from, ..)| *from < state);
        steps.fold(note(), |s, (from, to, by)| save(&s, *by, 5, draft(&[(STATE, step(Some(*from), *to))])))
    };
    let table = [
        ("handed in", DRAFT, step(Some(DRAFT), SUBMITTED), S4, ""),
        ("handed in by the parent", DRAFT, step(Some(DRAFT), SUBMITTED), WEST, "NotTurn"),
        ("handed in by the root", DRAFT, step(Some(DRAFT), SUBMITTED), CITY, "NotTurn"),
        ("handed in by a stranger", DRAFT, step(Some(DRAFT), SUBMITTED), S6, "NotTurn"),
        ("handed in and approved at once", DRAFT, step(Some(DRAFT), APPROVED), S4, "NoSuchStep"),
        ("approved before it was handed in", DRAFT, step(Some(SUBMITTED), APPROVED), WEST, "NoSuchStep"),
        ("approved", SUBMITTED, step(Some(SUBMITTED), APPROVED), WEST, ""),
        ("approved by its home", SUBMITTED, step(Some(SUBMITTED), APPROVED), S4, "NotTurn"),
        ("approved by the root", SUBMITTED, step(Some(SUBMITTED), APPROVED), CITY, "NotTurn"),
        ("sent back", SUBMITTED, step(Some(SUBMITTED), DRAFT), WEST, ""),
        ("taken back", SUBMITTED, step(Some(SUBMITTED), DRAFT), S4, "NotTurn"),
        ("done by the named", APPROVED, step(Some(APPROVED), DONE), EAST, ""),
        ("done by its home", APPROVED, step(Some(APPROVED), DONE), S4, "NotTurn"),
        ("done by the parent", APPROVED, step(Some(APPROVED), DONE), WEST, "NotTurn"),
        ("begun again after the end", DONE, step(Some(DONE), DRAFT), S4, "NoSuchStep"),
        ("begun again from nothing", SUBMITTED, step(None, DRAFT), S4, "NoSuchStep"),
        ("to a state that is not declared", DRAFT, step(Some(DRAFT), 77), S4, "NoSuchStep"),
        ("from a state that is not declared", DRAFT, step(Some(77), SUBMITTED), S4, "NoSuchStep"),
        ("cleared", SUBMITTED, Vec::new(), WEST, "NoSuchStep"),
    ];
    for (what, at, value, by, expected) in table {
        check(what, "note", &standing(at), by, draft(&[(STATE, value)]), expected);
    }
    let born = [
        ("in the initial state", step(None, DRAFT), ""),
        ("in another", step(None, SUBMITTED), "NoSuchStep"),
        ("with the first step taken", step(Some(DRAFT), SUBMITTED), ""),
        ("with a step that is another's", step(Some(SUBMITTED), APPROVED), "NotTurn"),
    ];
    for (what, value, expected) in born {
        check(what, "note", &State::default(), S4, at_home(S4, draft(&[(STATE, value)])), expected);
    }
}

#[test]
fn creation() {
    let table = [
        ("note", S4, S4, ""),
        ("note", WEST, S4, "NotCreator"),
        ("note", CITY, S4, "NotCreator"),
        ("note", S5, S4, "NotCreator NotInChain"),
        ("note", UNKNOWN, S4, "NotCreator NotInChain"),
        ("note", CITY, CITY, ""),
        ("notice", WEST, S4, ""),
        ("notice", S4, S4, "NotCreator"),
        ("notice", CITY, S4, "NotCreator"),
        ("notice", EAST, S4, "NotCreator NotInChain"),
        ("notice", CITY, CITY, ""),
        ("quota", CITY, S4, ""),
        ("quota", WEST, S4, "NotCreator"),
        ("quota", S4, S4, "NotCreator"),
    ];
    for (name, by, home, expected) in table {
        check(name, name, &State::default(), by, at_home(home, Draft::default()), expected);
    }
    let title = || draft(&[(TITLE, text(TITLE, "x"))]);
    let homeless = faults("note", &State::default(), &save(&State::default(), S4, 1, title()), |_| true);
    assert!(homeless.contains(&"NoHome".to_owned()), "{homeless:?}");
    let newer = draft(&[(NEWER, text(NEWER, "x"))]);
    check("no home", "note", &State::default(), S4, newer, "NoHome");
}

#[test]
fn the_audience_of_a_new_record() {
    let open = |home: BaseId, bases: &[BaseId]| {
        let mut draft = at_home(home, Draft::default());
        draft.audience(bases);
        draft
    };
    let table = [
        ("note", S4, open(S4, &[S4]), "NotOwner"),
        ("note", CITY, open(CITY, &[EAST]), ""),
        ("log", S4, open(S4, &[S4]), ""),
        ("notice", WEST, open(S4, &[CITY]), ""),
        ("notice", WEST, open(S4, &[EAST]), "NotOwner"),
        ("notice", CITY, open(WEST, &[EAST]), ""),
    ];
    for (name, by, draft, expected) in table {
        check(name, name, &State::default(), by, draft, expected);
    }
}

#[test]
fn what_is_only_added_to_is_never_changed() {
    let created = at_home(S4, draft_of("log", &[(1, text(1, "x"))]));
    check("created", "log", &State::default(), S4, created.clone(), "");
    let before = save(&State::default(), S4, 1, created);
    let mut deleted = Draft::default();
    deleted.delete(&before.context);
    let mut opened = Draft::default();
    opened.audience(&[CITY]);
    let table = [
        ("changed", S4, draft_of("log", &[(1, text(1, "y"))]), "Immutable"),
        ("a field that was empty", S4, draft_of("log", &[(2, text(2, "y"))]), "Immutable"),
        ("changed by the root", CITY, draft_of("log", &[(2, text(2, "y"))]), "Immutable"),
        ("a field of a newer contract", S4, draft_of("log", &[(NEWER, text(NEWER, "y"))]), "Immutable"),
        ("moved", CITY, at_home(S5, Draft::default()), "Immutable"),
        ("opened", CITY, opened, "Immutable"),
        ("deleted", S4, deleted.clone(), ""),
        ("deleted by a stranger", S6, deleted, "NotInChain"),
    ];
    for (what, by, draft, expected) in table {
        check(what, "log", &before, by, draft, expected);
    }
}

/// A state in which a register holds nothing any more, although nobody wrote there.
fn without(state: &State<'static>, number: u32) -> State<'static> {
    let mut left = state.clone();
    left.groups.iter_mut().for_each(|g| g.entries.retain(|e| e.register.field != number));
    left.groups.retain(|g| !g.entries.is_empty());
    left
}

#[test]
fn a_value_does_not_vanish() {
    let before = save(&note(), WEST, 2, draft(&[(LEVEL, text(LEVEL, "x"))]));
    for number in [TITLE, LEVEL, EXAMINER, HOME] {
        let after = without(&before, number);
        assert_eq!(faults("note", &before, &after, |_| true), ["Vanished"], "{number}");
        let below = |base| tree().is_within(base, S4);
        assert_eq!(faults("note", &before, &after, below), ["Vanished"], "{number}, from below");
    }
    let tags = without(&before, TAGS);
    assert_eq!(faults("note", &before, &tags, |_| true), ["Vanished"; 2]);
    assert_eq!(faults("note", &before, &before, |_| true), [""; 0]);
}

#[test]
fn only_edits_of_the_judged_are_looked_at() {
    let before = note();
    let table = [
        ("a forgery of the judged", EAST, TITLE, text(TITLE, "x"), EAST, "NotOwner"),
        ("a forgery of a street beneath", S6, REMARK, text(REMARK, "x"), EAST, "NotInChain"),
        ("a forgery that was judged elsewhere", EAST, TITLE, text(TITLE, "x"), WEST, ""),
        ("an answer of the named", EAST, ANSWER, text(ANSWER, "x"), EAST, ""),
        ("its own", S4, TITLE, text(TITLE, "x"), S4, ""),
        ("its own, for the parent", S4, ORDER, text(ORDER, "x"), S4, "NotOwner"),
        ("not its turn", EAST, STATE, step(Some(DRAFT), SUBMITTED), EAST, "NotTurn"),
    ];
    for (what, by, number, value, pusher, expected) in table {
        let after = save(&before, by, 2, draft(&[(number, value)]));
        let found = faults("note", &before, &after, |base| tree().is_within(base, pusher));
        assert_eq!(found.join(" "), expected, "{what}");
    }
}

/// The value of one register.
fn value_of<'v>(all: &'v [Value<'static>], register: Register<'_>) -> &'v Value<'static> {
    all.iter().find(|v| v.register == register).unwrap()
}

#[test]
fn of_two_concurrent_values_the_rule_picks_one() {
    let level = |value: &str| text(LEVEL, value);
    let base = save(&State::default(), S4, 0, at_home(S4, draft(&[(EXAMINER, named(EXAMINER, EAST))])));
    // Who wrote what when, who wrote what when, whose is shown.
    let table = [
        ("owner only", (S4, 1, text(TITLE, "x")), (WEST, 9, text(TITLE, "y")), TITLE, S4),
        ("owner only, of the root", (CITY, 1, text(STAMP, "x")), (S4, 9, text(STAMP, "y")), STAMP, CITY),
        ("owner only, of the parent", (WEST, 1, text(ORDER, "x")), (CITY, 9, text(ORDER, "y")), ORDER, WEST),
        (
            "owner only, of the named",
            (EAST, 1, text(ANSWER, "x")),
            (CITY, 9, text(ANSWER, "y")),
            ANSWER,
            EAST,
        ),
        ("owner first", (S4, 1, text(PHONE, "x")), (CITY, 9, text(PHONE, "y")), PHONE, S4),
        ("no owner: the tier", (CITY, 1, text(PHONE, "x")), (WEST, 9, text(PHONE, "y")), PHONE, CITY),
        ("no owner, one tier: the latest", (S5, 1, text(PHONE, "x")), (S6, 9, text(PHONE, "y")), PHONE, S6),
        ("higher tier", (WEST, 1, level("x")), (S4, 9, level("y")), LEVEL, WEST),
        ("higher tier: the root", (CITY, 1, level("x")), (WEST, 9, level("y")), LEVEL, CITY),
        ("one tier: the latest", (S5, 1, level("x")), (S4, 9, level("y")), LEVEL, S4),
        ("nobody known has the lowest tier", (S4, 1, level("x")), (UNKNOWN, 9, level("y")), LEVEL, S4),
        ("manual: the tier", (WEST, 1, text(VERDICT, "x")), (S4, 9, text(VERDICT, "y")), VERDICT, WEST),
        ("latest", (CITY, 1, text(REMARK, "x")), (S4, 9, text(REMARK, "y")), REMARK, S4),
        ("latest, at one time: the dot", (S4, 5, text(REMARK, "x")), (S5, 5, text(REMARK, "y")), REMARK, S5),
        ("latest, cleared", (CITY, 1, text(REMARK, "x")), (S4, 9, Vec::new()), REMARK, S4),
        ("strictest", (WEST, 1, int(GRADE, CLOSED)), (S4, 9, int(GRADE, OPEN)), GRADE, WEST),
        ("strictest, of the lowest", (S4, 1, int(GRADE, CLOSED)), (CITY, 9, int(GRADE, OPEN)), GRADE, S4),
        ("strictest before nothing", (S4, 1, int(GRADE, OPEN)), (CITY, 9, Vec::new()), GRADE, S4),
        ("workflow: the tier", (WEST, 1, step(None, DRAFT)), (S4, 9, step(None, DONE)), STATE, WEST),
        ("workflow: further along", (S4, 1, step(None, DONE)), (S5, 9, step(None, DRAFT)), STATE, S4),
        ("a newer contract: the latest", (CITY, 1, text(NEWER, "x")), (S4, 9, text(NEWER, "y")), NEWER, S4),
    ];
    for (what, left, right, number, expected) in table {
        let write = |(by, at, value): (BaseId, u64, Vec<u8>)| {
            // What was empty is cleared by way of a value.
            let first = save(&base, by, at, draft(&[(number, int(number, 7))]));
            save(&first, by, at, draft(&[(number, value)]))
        };
        let state = both(&write(left), &write(right));
        let all = values(Some(kind("note")), &tree(), &state);
        let value = value_of(&all, Register::whole(number));
        assert_eq!(value.entries.len(), 2, "{what}");
        assert!(value.disputed(), "{what}");
        assert_eq!(value.entries[value.shown].0.base, expected, "{what}");
        assert_eq!(Shown::of(Some(kind("note")), &tree(), &state).alternatives, 1, "{what}");
    }
}

#[test]
fn the_same_value_twice_is_no_dispute() {
    let edit = |by| save(&note(), by, 2, draft(&[(REMARK, text(REMARK, "新"))]));
    let state = both(&edit(S4), &edit(CITY));
    let all = values(Some(kind("note")), &tree(), &state);
    let value = value_of(&all, Register::whole(REMARK));
    assert_eq!((value.entries.len(), value.disputed()), (2, false));
    assert_eq!(Shown::of(Some(kind("note")), &tree(), &state).alternatives, 0);
}

#[test]
fn adding_wins_over_a_concurrent_removal() {
    let tags = |state: &State<'static>, by, at, wanted: &[&str]| {
        save(state, by, at, draft(&[(TAGS, set(TAGS, wanted))]))
    };
    let added = tags(&note(), WEST, 1, &["a", "b", "c"]);
    let removed = tags(&tags(&note(), S4, 8, &["a", "b", "c", "d"]), S4, 9, &["a"]);
    let state = both(&added, &removed);
    let shown = Shown::of(Some(kind("note")), &tree(), &state);
    let present = |value: &str| {
        let element = text(TAGS, value);
        let all = values(Some(kind("note")), &tree(), &state);
        !value_of(&all, Register::element(TAGS, &element)).raw().is_empty()
    };
    assert_eq!(["a", "b", "c", "d"].map(present), [true, false, true, false]);
    let has = |value: &str| shown.body.windows(3).any(|w| w == text(TAGS, value));
    assert_eq!(["a", "b", "c", "d"].map(has), [true, false, true, false]);
}

#[test]
fn two_homes_both_see_it_and_the_higher_tier_decides() {
    let left = save(&note(), S4, 9, at_home(S5, Draft::default()));
    let right = save(&note(), CITY, 2, at_home(S6, Draft::default()));
    let shown = Shown::of(Some(kind("note")), &tree(), &both(&left, &right));
    assert_eq!(shown.home, S6);
    assert_eq!(shown.scope.homes, [S5, S6]);
}

#[test]
fn columns_of_lists() {
    let before = note();
    let mut fields = draft(&[
        (SORT, int(SORT, CLOSED)),
        (PLACE, text(PLACE, "610104001000")),
        (STATE, step(Some(DRAFT), SUBMITTED)),
        (NEWER, text(NEWER, "新")),
    ]);
    fields.audience(&[EAST]);
    let state = save(&before, S4, 2, fields);
    let shown = Shown::of(Some(kind("note")), &tree(), &state);
    assert_eq!((shown.title.as_str(), shown.place.as_str()), ("标题", "610104001000"));
    assert_eq!((shown.class, shown.state), (CLOSED, SUBMITTED));
    assert_eq!(shown.search, "标题\n旧\n");
    assert_eq!((shown.home, shown.deleted, shown.alternatives), (S4, false, 0));
    assert_eq!(shown.scope, Scope { homes: vec![S4], audience: vec![EAST] });
    assert_eq!(shown.scope, scope_of(&state));
    assert!(shown.body.ends_with(&text(NEWER, "新")), "what a newer contract wrote stays");
    assert!(shown.body.starts_with(&text(TITLE, "标题")));
    assert_eq!(shown.natural_key, "");
}

#[test]
fn the_natural_key_is_shown_when_it_is_complete() {
    let quota = |fields: &[(u32, Vec<u8>)]| {
        let state = save(&State::default(), CITY, 1, at_home(S4, draft_of("quota", fields)));
        Shown::of(Some(kind("quota")), &tree(), &state).natural_key
    };
    assert_eq!(quota(&[(1, text(1, "QX-1")), (2, int(2, 2024))]), "QX-1 2024");
    assert_eq!(quota(&[(1, text(1, "QX-1"))]), "");
}

/// As many questions as are counted, and what they are about.
fn questions(state: &State<'static>) -> Vec<Conflict<'static>> {
    let all = conflicts(Some(kind("note")), &tree(), state);
    let shown = Shown::of(Some(kind("note")), &tree(), state);
    assert_eq!(all.len(), shown.alternatives as usize, "what is counted can be listed");
    all
}

#[test]
fn a_conflict_tells_by_which_preference_it_was_picked() {
    use causal::Preference::{Order, Owner, Present, Tier};
    let table = [
        ("owner", (S4, 1, text(PHONE, "x")), (CITY, 9, text(PHONE, "y")), PHONE, Some(Owner)),
        (
            "owner first, of others the tier",
            (CITY, 1, text(PHONE, "x")),
            (WEST, 9, text(PHONE, "y")),
            PHONE,
            Some(Tier),
        ),
        ("tier", (CITY, 1, text(LEVEL, "x")), (S4, 9, text(LEVEL, "y")), LEVEL, Some(Tier)),
        ("latest", (CITY, 1, text(REMARK, "x")), (S4, 9, text(REMARK, "y")), REMARK, None),
        ("strictest", (S4, 1, int(GRADE, CLOSED)), (CITY, 9, int(GRADE, OPEN)), GRADE, Some(Order)),
    ];
    for (what, (by, at, left), (other, later, right), number, expected) in table {
        let left = save(&note(), by, at, draft(&[(number, left)]));
        let right = save(&note(), other, later, draft(&[(number, right)]));
        let all = questions(&both(&left, &right));
        assert_eq!(
            all.iter().map(|c| (c.register.field, c.decided_by)).collect::<Vec<_>>(),
            [(number, expected)],
            "{what}"
        );
        assert_eq!(all[0].dots().count(), 2);
    }
    let added = save(&note(), S4, 2, draft(&[(TAGS, set(TAGS, &["a", "b", "c"]))]));
    let without = draft(&[(TAGS, set(TAGS, &["a", "b"]))]);
    let removed = save(&added, S4, 3, without.clone());
    let kept = save(&save(&added, CITY, 3, without), CITY, 4, draft(&[(TAGS, set(TAGS, &["a", "b", "c"]))]));
    assert_eq!(questions(&both(&removed, &kept))[0].decided_by, Some(Present));
}

#[test]
fn what_was_edited_beside_or_after_a_deletion_is_a_question() {
    let mut gone = Draft::default();
    gone.delete(&note().context);
    let deleted = save(&note(), WEST, 3, gone);
    assert_eq!(questions(&deleted), [], "whoever deletes had seen all that stands");
    let edited = save(&note(), S4, 2, draft(&[(REMARK, text(REMARK, "新"))]));
    for state in [both(&deleted, &edited), save(&deleted, S4, 4, draft(&[(REMARK, text(REMARK, "新"))]))] {
        let all = questions(&state);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].register, Register::whole(record::DELETED));
        let since: Vec<_> = all[0].sides.iter().filter(|s| matches!(s, Side::EditedSince(_))).collect();
        assert_eq!((since.len(), since[0].stamp().base), (1, S4));
        let mut again = Draft::default();
        again.delete(&state.context);
        assert_eq!(questions(&save(&state, WEST, 9, again)), [], "deleted again with that seen");
        let mut back = Draft::default();
        back.restore();
        assert_eq!(questions(&save(&state, WEST, 9, back)), [], "or taken back");
    }
}

/// Of two steps from one state either may be kept, by whose turn it was: the same step again, over the other one.
#[test]
fn one_of_two_steps_is_confirmed() {
    let submitted = save(&note(), S4, 2, draft(&[(STATE, step(Some(DRAFT), SUBMITTED))]));
    let approved = save(&submitted, WEST, 3, draft(&[(STATE, step(Some(SUBMITTED), APPROVED))]));
    // Another form of the same base, on another machine.
    let again = draft(&[(STATE, step(Some(SUBMITTED), DRAFT))]);
    let stamp = |replica, by| Stamp {
        dot: Dot { replica: ReplicaId(replica), tick: 1 },
        saved_at_ms: 4,
        base: by,
        user: "u",
        tag: [0; 8],
    };
    let entries = again.entries(&submitted, &submitted.context);
    let returned = causal::write(&submitted, stamp(77, WEST), &submitted.context, &entries).state;
    let state = causal::merge(&approved, &returned).unwrap();
    let all = conflicts(Some(kind("note")), &tree(), &state);
    for (kept, by, expected) in [(0, WEST, ""), (1, WEST, ""), (0, S4, "NotTurn"), (0, CITY, "NotTurn")] {
        let Side::Value(chosen, value) = all[0].sides[kept] else { panic!("a value") };
        let seen: Context = all[0].dots().filter(|dot| *dot != chosen.dot).collect();
        let entry = Entry { register: Register::whole(STATE), value };
        let settled = causal::write(&state, stamp(78, by), &seen, &[entry]).state;
        assert_eq!(faults("note", &state, &settled, |_| true).join(" "), expected, "{kept} by {by}");
        assert_eq!(conflicts(Some(kind("note")), &tree(), &settled), []);
    }
}

#[test]
fn two_who_delete_do_not_disagree() {
    let mut gone = Draft::default();
    gone.delete(&note().context);
    let edited = save(&note(), S4, 2, draft(&[(REMARK, text(REMARK, "新"))]));
    let mut later = Draft::default();
    later.delete(&edited.context);
    let state = both(&save(&note(), WEST, 3, gone), &save(&edited, S4, 4, later));
    assert_eq!(questions(&state), []);
}

#[test]
fn a_deletion_is_shown_until_it_is_taken_back() {
    let before = note();
    let mut gone = Draft::default();
    gone.delete(&before.context);
    let mut back = Draft::default();
    back.restore();
    let deleted = save(&before, S4, 2, gone.clone());
    let restored = save(&deleted, WEST, 3, back.clone());
    let again = save(&restored, S4, 9, gone);
    let kept = save(&deleted, CITY, 1, back);
    let edited = save(&before, CITY, 9, draft(&[(REMARK, text(REMARK, "x"))]));
    let table = [
        ("as it was", before, false),
        ("deleted", deleted.clone(), true),
        ("taken back", restored, false),
        ("deleted again, and kept by the higher tier", both(&again, &kept), false),
        ("deleted beside an edit", both(&deleted, &edited), true),
    ];
    for (what, state, expected) in table {
        let shown = Shown::of(Some(kind("note")), &tree(), &state);
        assert_eq!(shown.deleted, expected, "{what}");
        assert_eq!(shown.title, "标题", "{what}");
    }
}

#[test]
fn of_an_unknown_kind_the_bytes_stay() {
    let known = Shown::of(Some(kind("note")), &tree(), &note());
    let unknown = Shown::of(None, &tree(), &note());
    assert_eq!(unknown.body, known.body);
    assert!(unknown.title.is_empty() && unknown.search.is_empty() && unknown.state == 0);
    assert_eq!((unknown.home, &unknown.scope), (S4, &known.scope));
    let edit = |by, at, value: &str| save(&note(), by, at, draft(&[(TITLE, text(TITLE, value))]));
    let state = both(&edit(S4, 1, "属地"), &edit(WEST, 9, "上级"));
    let raw = |kind| value_of(&values(kind, &tree(), &state), Register::whole(TITLE)).raw();
    assert_eq!(raw(None), text(TITLE, "上级"), "the latest");
    assert_eq!(raw(Some(kind("note"))), text(TITLE, "属地"), "the owner's");
}

/// What a draft writes over a note, field by field: the values, empty where one is cleared or removed.
fn written(state: &State<'static>, seen: &Context, draft: &Draft) -> Vec<(u32, Vec<u8>)> {
    draft.entries(state, seen).iter().map(|e| (e.register.field, e.value.to_vec())).collect()
}

#[test]
fn a_draft_writes_what_is_new() {
    let state = note();
    let table = [
        ("what stands", TITLE, text(TITLE, "标题"), vec![]),
        ("another value", TITLE, text(TITLE, "x"), vec![text(TITLE, "x")]),
        ("cleared", TITLE, Vec::new(), vec![Vec::new()]),
        ("cleared what is empty", LEVEL, Vec::new(), vec![]),
        ("the same set", TAGS, set(TAGS, &["b", "a"]), vec![]),
        ("one more", TAGS, set(TAGS, &["a", "b", "c"]), vec![text(TAGS, "c")]),
        ("one less", TAGS, set(TAGS, &["b"]), vec![Vec::new()]),
        ("one for another", TAGS, set(TAGS, &["a", "c"]), vec![text(TAGS, "c"), Vec::new()]),
        ("none", TAGS, Vec::new(), vec![Vec::new(), Vec::new()]),
        ("a set that is cut off", TAGS, vec![0x2A, 9, b'x'], vec![]),
        ("a set that ends in a stray byte", TAGS, [set(TAGS, &["c"]), vec![0xFF]].concat(), vec![]),
        ("a set of another field", TAGS, text(TITLE, "a"), vec![]),
    ];
    for (what, number, value, expected) in table {
        let expected: Vec<_> = expected.into_iter().map(|value| (number, value)).collect();
        assert_eq!(written(&state, &state.context, &draft(&[(number, value)])), expected, "{what}");
    }
    assert_eq!(written(&state, &state.context, &at_home(S4, Draft::default())), [], "its home");
    let mut back = Draft::default();
    back.restore();
    assert_eq!(written(&state, &state.context, &back), [], "what is not deleted");
}

#[test]
fn of_alternatives_one_is_written_again() {
    let edit = |by, value: &str| save(&note(), by, 2, draft(&[(REMARK, text(REMARK, value))]));
    let state = both(&edit(S4, "甲"), &edit(CITY, "乙"));
    for value in ["甲", "乙"] {
        let decision = draft(&[(REMARK, text(REMARK, value))]);
        assert_eq!(written(&state, &state.context, &decision), [(REMARK, text(REMARK, value))]);
        let decided = save(&state, CITY, 3, decision);
        assert_eq!(decided.entries(Register::whole(REMARK)).count(), 1);
    }
}

#[test]
fn a_stale_form_removes_only_what_it_saw() {
    let state = note();
    let seen = state.context.clone();
    let later = save(&state, WEST, 2, draft(&[(TAGS, set(TAGS, &["a", "b", "c"]))]));
    let removal = |wanted: &[&str], seen: &Context| {
        let draft = draft(&[(TAGS, set(TAGS, wanted))]);
        let entries = draft.entries(&later, seen);
        entries.iter().map(|e| (e.register.element.to_vec(), e.value.is_empty())).collect::<Vec<_>>()
    };
    assert_eq!(removal(&["a"], &seen), [(text(TAGS, "b"), true)]);
    assert_eq!(removal(&["a"], &later.context), [(text(TAGS, "b"), true), (text(TAGS, "c"), true)]);
    assert_eq!(removal(&["a"], &Context::default()), []);
    // Removed before, wanted again.
    let removed = save(&later, S4, 3, draft(&[(TAGS, set(TAGS, &["a", "b"]))]));
    let again = draft(&[(TAGS, set(TAGS, &["a", "b", "c"]))]);
    assert_eq!(written(&removed, &removed.context, &again), [(TAGS, text(TAGS, "c"))]);
}

#[test]
fn a_draft_keeps_the_last_word() {
    let mut words =
        draft(&[(REMARK, text(REMARK, "一")), (TAGS, set(TAGS, &["x"])), (TITLE, text(TITLE, "题"))]);
    words.set(kind("note"), REMARK, text(REMARK, "二"));
    words.set(kind("note"), TAGS, set(TAGS, &["y"]));
    words.home(S5);
    words.home(S4);
    words.audience(&[EAST]);
    assert_eq!(words.get(REMARK), Some(text(REMARK, "二").as_slice()));
    assert_eq!(words.get(TAGS), Some(set(TAGS, &["y"]).as_slice()));
    assert_eq!(words.get(HOME), Some(named(HOME, S4).as_slice()));
    assert_eq!(words.get(AUDIENCE), Some(named(AUDIENCE, EAST).as_slice()));
    assert_eq!((words.get(DELETED), words.get(LEVEL)), (None, None));
    let body = [text(TITLE, "题"), text(REMARK, "二"), text(TAGS, "y")].concat();
    assert_eq!(words.body(), body, "in order of field, without what the engine keeps");
    assert!(Draft::default().is_empty() && !words.is_empty());
}

#[test]
fn who_may_see() {
    const ALL: [BaseId; 7] = [CITY, WEST, EAST, S4, S5, S6, UNKNOWN];
    type Row = (&'static str, &'static [BaseId], &'static [BaseId], &'static [BaseId]);
    let table: [Row; 10] = [
        ("home and above", &[S4], &[], &[CITY, WEST, S4]),
        ("not what lies beneath", &[WEST], &[], &[CITY, WEST]),
        ("the root's own", &[CITY], &[], &[CITY]),
        ("two homes", &[S4, S6], &[], &[CITY, WEST, EAST, S4, S6]),
        ("opened to its subtree", &[WEST], &[WEST], &[CITY, WEST, S4, S5]),
        ("opened to a street, and above", &[S4], &[S6], &[CITY, WEST, EAST, S4, S6]),
        ("opened to a district, and beneath", &[S4], &[EAST], &[CITY, WEST, EAST, S4, S6]),
        ("opened to everybody", &[S4], &[CITY], &[CITY, WEST, EAST, S4, S5, S6]),
        ("a home that nobody knows", &[UNKNOWN], &[], &[UNKNOWN]),
        ("no home", &[], &[], &[]),
    ];
    for (what, homes, audience, expected) in table {
        let scope = Scope { homes: homes.to_vec(), audience: audience.to_vec() };
        let seeing: Vec<_> = ALL.into_iter().filter(|base| scope.visible_to(&tree(), *base)).collect();
        assert_eq!(seeing, expected, "{what}");
    }
}
