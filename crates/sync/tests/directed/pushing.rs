//! What a parent takes from below, and what follows from it (P5, P7, P8, L3).

use std::collections::BTreeSet;

use sync::parent::{Incoming, Verdict, checked_revisions, checked_seals};
use sync::{NewWithdraw, Reason, Replica, Revision, Row, Seal, TimelineId, Unsent};

use crate::contract::{CITY, EAST, PHONE, REMARK, S4, S5, S6, WEST, base, tree};
use crate::make::{
    Parent, R, R2, dot, edit, incoming, merged, note, open_note, parent, row, say, state, unpushed, without,
};

/// A district that took a street's record as settled would never bring it to the city.
#[test]
fn a_middle_tier_marks_what_it_takes_and_the_root_does_not() {
    let known = note(dot(1, 1), S4);
    let more = say(&known, dot(1, 2), S4, REMARK, "二");
    for (me, child, unsent) in [(WEST, S4, Unsent::Unpushed), (CITY, WEST, Unsent::Clean)] {
        for held in [vec![], vec![row(&known)]] {
            let received = parent(me, child).takes(&held, &more);
            let new = &received.changes.rows[0];
            assert_eq!((new.row.unsent, &new.row.state), (unsent, &more));
            assert_eq!(new.row.seq, held.first().map_or(0, |r| r.seq), "the number it had");
            assert_eq!(new.shown.home, S4);
        }
    }
}

/// A late duplicate would take a new number at each tier, and travel through the whole city again.
#[test]
fn what_brings_nothing_new_changes_nothing() {
    let old = note(dot(1, 1), S4);
    let more = say(&old, dot(1, 2), S4, REMARK, "二");
    for again in [&more, &old] {
        let received = parent(WEST, S4).takes(&[row(&more)], again);
        assert!(received.changes.rows.is_empty() && received.echoes.is_empty());
    }
}

/// Without what edits tell of replicas nobody could say later which claims go too far.
#[test]
fn replicas_are_learned_from_what_is_taken() {
    let state = say(&note(dot(1, 1), S4), dot(1, 2), S4, REMARK, "二");
    let received = parent(WEST, S4).takes(&[], &state);
    assert_eq!(received.changes.replicas, [Replica { id: dot(1, 2).replica, base: Some(S4), tick: 2 }]);
}

/// The value that a street's edit replaced would be gone from the history of all tiers above.
#[test]
fn what_an_edit_replaced_is_kept_as_history() {
    let known = say(&note(dot(1, 1), S4), dot(2, 1), WEST, REMARK, "旧");
    let more = say(&known, dot(1, 2), S4, REMARK, "新");
    let received = parent(WEST, S4).takes(&[row(&known)], &more);
    let [revision] = received.changes.revisions.as_slice() else {
        panic!("{:?}", received.changes.revisions)
    };
    assert_eq!((revision.record, revision.of, revision.by, revision.unsent), (R, dot(2, 1), dot(1, 2), true));
    assert!(state(&revision.fragment).group(dot(2, 1)).is_some());
}

/// A street that edits what was moved away meanwhile would go on showing it for ever.
#[test]
fn a_pusher_that_may_not_see_the_result_is_told_to_drop_it() {
    let mine = note(dot(1, 1), S4);
    let moved = edit(&mine, dot(2, 1), WEST, |d| d.home(S5));
    let late = say(&mine, dot(1, 2), S4, REMARK, "迟到");
    let received = parent(WEST, S4).receives(&[row(&moved)], &[incoming(&late)]);
    assert_eq!(received.verdicts, [Verdict::Withdraw]);
    assert_eq!(received.changes.rows[0].row.state, merged(&moved, &late), "taken all the same");
    for nothing_new in [&mine, &moved] {
        let received = parent(WEST, S4).receives(&[row(&moved)], &[incoming(nothing_new)]);
        assert_eq!(received.verdicts, [Verdict::Withdraw]);
        assert!(received.changes.rows.is_empty());
    }
}

/// Another child would keep what was closed to it, and show it to people who may not see it.
#[test]
fn a_child_that_lost_sight_gets_a_withdraw() {
    let open = open_note(dot(1, 1), S4, &[CITY]);
    let closed = edit(&open, dot(1, 2), S4, |d| d.audience(&[]));
    let received = parent(CITY, WEST).takes(&[row(&open)], &closed);
    assert_eq!(received.changes.withdraws, [NewWithdraw { child: EAST, record: R }]);
    let narrowed = edit(&open, dot(1, 2), S4, |d| d.audience(&[WEST]));
    let received = parent(WEST, S4).takes(&[row(&open)], &narrowed);
    assert_eq!(received.changes.withdraws, [], "both streets still see it");
    let opened =
        parent(CITY, WEST).takes(&[row(&closed)], &edit(&closed, dot(1, 3), S4, |d| d.audience(&[CITY])));
    assert_eq!(opened.changes.withdraws, [], "one who gains sight lost nothing");
}

/// Written twice in one transaction, one of its two numbers would stay among the unsent for ever.
#[test]
fn two_copies_in_one_push_make_one_row() {
    let base = note(dot(1, 1), S4);
    let first = say(&base, dot(1, 2), S4, REMARK, "一");
    let second = say(&base, dot(3, 1), S4, PHONE, "110");
    let received = parent(WEST, S4).receives(&[row(&base)], &[incoming(&first), incoming(&second)]);
    assert_eq!(received.verdicts, [Verdict::Ok, Verdict::Ok]);
    let [new] = received.changes.rows.as_slice() else { panic!("{} rows", received.changes.rows.len()) };
    assert_eq!((&new.row.state, new.row.seq), (&merged(&first, &second), 5));
    assert!(received.echoes.is_empty(), "the child has neither copy's sum");
}

/// An index that points at another row would keep that row's news from the child.
#[test]
fn echoes_point_at_the_rows_that_equal_what_was_pushed() {
    let base = note(dot(1, 1), S4);
    let ours = say(&base, dot(2, 1), WEST, REMARK, "区");
    let theirs = say(&base, dot(1, 2), S4, PHONE, "110");
    let other = Incoming { id: R2, ..incoming(&note(dot(3, 1), S4)) };
    let received = parent(WEST, S4).receives(&[row(&ours)], &[incoming(&theirs), other.clone()]);
    assert_eq!(received.echoes, [1]);
    assert_eq!(received.changes.rows[1].row.state, other.state);
    // A second copy that says all makes the first row an echo after all.
    let all = merged(&ours, &theirs);
    let pushed = [incoming(&theirs), other.clone(), incoming(&say(&all, dot(1, 3), S4, PHONE, "119"))];
    let received = parent(WEST, S4).receives(&[row(&ours)], &pushed);
    assert_eq!(received.echoes.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from([0, 1]));
    // A record that is not written, or refused, takes no place among the rows.
    let broken = Incoming { state: vec![9], ..incoming(&base) };
    let received = parent(WEST, S4).receives(&[row(&ours)], &[incoming(&ours), broken, other]);
    assert_eq!((received.changes.rows.len(), received.echoes), (1, vec![0]));
}

/// A record that is good by now would count as missing in all figures until an administrator looks.
#[test]
fn a_record_that_is_taken_leaves_quarantine() {
    let known = note(dot(1, 1), S4);
    let desk = Parent { quarantined: BTreeSet::from([R]), ..parent(WEST, S4) };
    for held in [vec![], vec![row(&known)]] {
        assert_eq!(desk.takes(&held, &known).changes.release, [(R, Some(desk.child))]);
    }
    let vanished = without(&say(&known, dot(1, 2), S4, REMARK, "二"), dot(1, 1));
    assert_eq!(desk.refuses(&[row(&known)], &incoming(&vanished), Reason::Illegal).changes.release, []);
    assert_eq!(parent(WEST, S4).takes(&[], &known).changes.release, []);
}

/// A good copy before a bad one in the same push would release what is just being kept aside.
#[test]
fn what_is_refused_last_stays_in_quarantine() {
    let known = note(dot(1, 1), S4);
    let desk = Parent { quarantined: BTreeSet::from([R]), ..parent(WEST, S4) };
    let broken = Incoming { state: vec![9], ..incoming(&known) };
    let received = desk.receives(&[], &[incoming(&known), broken]);
    assert_eq!((received.changes.release.len(), received.changes.quarantine.len()), (0, 1));
}

/// What the city withdrew would be shown again by any edit of a street.
#[test]
fn an_edit_from_below_does_not_show_what_is_hidden() {
    let known = note(dot(1, 1), S4);
    let hidden = Row { hidden: true, ..unpushed(&known) };
    let received = parent(WEST, S4).takes(&[hidden], &say(&known, dot(1, 2), S4, REMARK, "二"));
    assert!(received.changes.rows[0].row.hidden);
}

/// What the city refused would not be sent again although a street has put it right.
#[test]
fn an_edit_from_below_is_sent_although_the_record_was_refused() {
    let known = note(dot(1, 1), S4);
    let refused = Row { refused: true, ..row(&known) };
    let received = parent(WEST, S4).takes(&[refused], &say(&known, dot(1, 2), S4, REMARK, "二"));
    let new = &received.changes.rows[0].row;
    assert!(!new.refused && new.unsent == Unsent::Unpushed);
}

/// History of records that are not in the push could be slipped under anybody's record.
#[test]
fn history_comes_with_its_record_and_says_what_it_is() {
    let fragment = note(dot(1, 1), S4);
    let revision = Revision { record: R, of: dot(1, 1), by: dot(1, 2), fragment, unsent: false };
    let two = say(&revision.fragment, dot(1, 2), S4, REMARK, "二");
    let wrong = [
        Revision { record: R2, ..revision.clone() },
        Revision { of: dot(1, 2), ..revision.clone() },
        Revision { fragment: two, ..revision.clone() },
        Revision { fragment: Vec::new(), ..revision.clone() },
    ];
    let all = wrong.into_iter().chain([revision.clone()]).collect();
    let kept = checked_revisions(&[incoming(&[])], all, true);
    assert_eq!(kept, [Revision { unsent: true, ..revision }]);
}

/// A street could say of another that all its records had arrived.
#[test]
fn seals_speak_only_for_bases_beneath() {
    let seal = |base| Seal { base, timeline: TimelineId(1), n: 2, covers_seq: 7, ..Seal::default() };
    let kept = |child| {
        let kept = checked_seals(&tree(), child, [CITY, WEST, EAST, S4, S5, S6, base(99)].map(seal).to_vec());
        assert!(kept.iter().all(|s| s.covers_seq == 0), "a number of another database means nothing here");
        kept.into_iter().map(|s| s.base).collect::<Vec<_>>()
    };
    assert_eq!(kept(WEST), [WEST, S4, S5]);
    assert_eq!(kept(S4), [S4]);
    assert_eq!(kept(base(99)), []);
}
