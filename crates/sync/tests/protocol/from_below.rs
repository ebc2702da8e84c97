//! The parent's desk: what is taken from a child, and what is not.

use std::collections::BTreeSet;

use causal::{BaseId, ReplicaId, State};
use record::HOME;
use sync::parent::{Verdict, checked_revisions, checked_seals, is_settled};
use sync::{NewWithdraw, Quarantined, Reason, Replica, Revision, Row, Seal, TimelineId, Unsent};

use crate::bench::{Above, R, above, dot, edit, edit_tagged, incoming, note, public_note, row, set};
use crate::contract::{CITY, EAST, PHONE, REMARK, S4, S5, S6, TITLE, WEST, base, tree};

/// Pulled rows that kept their place would never reach the next tier.
#[test]
fn what_is_taken_waits_for_the_next_tier_but_not_at_the_root() {
    let state = note(dot(1, 1), S4);
    for (me, child, unsent) in [(WEST, S4, Unsent::Unpushed), (CITY, WEST, Unsent::Clean)] {
        let changes = above(me, child).takes(None, &state);
        assert_eq!((changes.rows[0].row.unsent, &changes.rows[0].row.state), (unsent, &state));
        assert_eq!(changes.replicas, [Replica { id: ReplicaId(1), base: Some(S4), tick: 1 }]);
    }
}

/// Without P7 a pusher that lost sight by its own edit would keep the record for ever.
#[test]
fn the_pusher_of_what_is_not_for_it_any_more_is_told() {
    let mine = note(dot(1, 1), S4);
    let moved = edit(&mine, dot(2, 1), WEST, |d| d.home(S5));
    let late = edit(&mine, dot(1, 2), S4, |d| set(d, REMARK, "迟到"));
    let (verdict, changes) = above(WEST, S4).push(Some(&row(&moved)), &late);
    assert_eq!(verdict, Verdict::Withdraw);
    assert_eq!(changes.rows.len(), 1, "taken all the same");
    let (verdict, _) = above(WEST, S4).push(Some(&row(&moved)), &mine);
    assert_eq!(verdict, Verdict::Withdraw, "also when it brings nothing new");
}

/// Without the withdraw a child would go on showing what was moved away from it.
#[test]
fn children_that_lose_sight_are_told() {
    let mine = note(dot(1, 1), S4);
    let moved = edit(&mine, dot(1, 2), S4, |d| d.home(S5));
    let changes = above(WEST, S4).push(Some(&row(&mine)), &moved).1;
    assert_eq!(changes.withdraws, [NewWithdraw { child: S4, record: R }]);
}

/// Without P3 a street could write in the name of any base.
#[test]
fn an_unknown_edit_of_another_subtree_waits_to_be_verified() {
    let known = public_note(dot(1, 1), S6);
    let forged = edit(&known, dot(2, 1), EAST, |d| set(d, REMARK, "据说"));
    above(WEST, S4).refuses(Some(&row(&known)), &forged, Reason::Unverified);
    above(WEST, S4).takes(Some(&row(&forged)), &forged);
    above(CITY, EAST).takes(Some(&row(&known)), &forged);
}

/// Without the tag a restored base would refuse its own lost edits, or take forged ones.
#[test]
fn a_restored_base_knows_its_own_edits_again() {
    let known = note(dot(1, 1), S4);
    let lost = edit(&known, dot(2, 1), WEST, |d| set(d, REMARK, "丢失的"));
    let forged = edit_tagged(&known, dot(2, 1), WEST, [7; 8], |d| set(d, REMARK, "假的"));
    let changes = above(WEST, S4).takes(Some(&row(&known)), &lost);
    assert_eq!(changes.rows[0].row.state, lost);
    above(WEST, S4).refuses(Some(&row(&known)), &forged, Reason::Unverified);
    above(WEST, S4).takes(None, &edit(&note(dot(3, 1), WEST), dot(3, 2), WEST, |d| d.audience(&[WEST])));
}

/// Contexts are claims too: without P4 a street could make edits vanish that nobody has made yet.
#[test]
fn nobody_has_seen_more_of_a_replica_than_there_is() {
    let known = note(dot(1, 1), S4);
    let claims = |replica, tick| {
        let mut state = State::decode(&known).unwrap();
        state.context.see(dot(replica, tick));
        state.encode()
    };
    let desk = |base| Above {
        replicas: vec![Replica { id: ReplicaId(2), base: Some(base), tick: 4 }],
        ..above(WEST, S4)
    };
    let live = |desk: Above| Above { live: Some(ReplicaId(2)), ..desk };
    for (desk, tick, taken) in [
        (desk(EAST), 4, true),
        (desk(EAST), 5, false),
        (desk(S4), 5, true),
        // What this node itself lost it may have written.
        (desk(WEST), 5, true),
        (live(desk(WEST)), 4, true),
        (live(desk(WEST)), 5, false),
    ] {
        let (verdict, _) = desk.push(Some(&row(&known)), &claims(2, tick));
        assert_eq!(verdict == Verdict::Ok, taken, "{tick} {verdict:?}");
    }
}

/// After a restore of the parent two children that hold each other's edits would both wait for ever.
#[test]
fn of_what_cannot_be_verified_the_pushers_own_part_is_taken() {
    let known = public_note(dot(1, 1), S6);
    let theirs = edit(&known, dot(2, 1), S6, |d| set(d, REMARK, "东"));
    let both = edit(&theirs, dot(3, 1), CITY, |d| set(d, PHONE, "1"));
    // The city lost both; the west brings one of its own as well.
    let west = edit_tagged(&both, dot(4, 1), WEST, [0; 8], |d| d.audience(&[CITY, WEST]));
    let changes = above(CITY, WEST).refuses(Some(&row(&known)), &west, Reason::Unverified);
    assert!(
        changes.rows.is_empty()
            || State::decode(&changes.rows[0].row.state).unwrap().group(dot(2, 1)).is_none()
    );
    let changes = above(CITY, EAST).refuses(Some(&row(&known)), &west, Reason::Unverified);
    let part = &changes.rows[0].row.state;
    let state = State::decode(part).unwrap();
    assert!(
        state.group(dot(2, 1)).is_some()
            && state.group(dot(3, 1)).is_some()
            && state.group(dot(4, 1)).is_none()
    );
    // What comes whole later gives the same as if it had come at once.
    let merged = |a: &[u8], b: &[u8]| {
        causal::merge(&State::decode(a).unwrap(), &State::decode(b).unwrap()).unwrap().encode()
    };
    assert_eq!(merged(part, &west), west);
}

/// Without the check a modified program could drop a value without a trace of who did it.
#[test]
fn a_value_does_not_vanish_without_a_write() {
    let known = note(dot(1, 1), S4);
    let remarked = edit(&known, dot(2, 1), WEST, |d| set(d, REMARK, "区里的"));
    let mut dropped = State::decode(&remarked).unwrap();
    dropped.groups.retain(|g| g.stamp.dot != dot(2, 1));
    above(WEST, S4).refuses(Some(&row(&remarked)), &dropped.encode(), Reason::Illegal);
    let replaced = edit(&remarked, dot(1, 2), S4, |d| set(d, REMARK, "街道的"));
    above(WEST, S4).takes(Some(&row(&remarked)), &replaced);
}

/// A street must not create records for others, nor open them to bases that do not exist.
#[test]
fn a_new_record_belongs_below_the_pusher() {
    let elsewhere = edit(&[], dot(1, 1), S4, |d| d.home(S6));
    above(WEST, S4).refuses(None, &elsewhere, Reason::Scope);
    let nowhere = edit(&note(dot(1, 1), S4), dot(1, 2), S4, |d| d.audience(&[base(99)]));
    above(WEST, S4).refuses(None, &nowhere, Reason::Scope);
    above(WEST, S4).refuses(Some(&row(&note(dot(1, 1), S4))), &nowhere, Reason::Scope);
}

/// A district that moves a record to another before it first syncs would otherwise have it refused for ever.
#[test]
fn a_record_moved_away_before_its_first_push_is_taken() {
    let moved = edit(&note(dot(1, 1), S4), dot(2, 1), WEST, |d| d.home(S6));
    let (verdict, changes) = above(CITY, WEST).push(None, &moved);
    assert_eq!((verdict, changes.rows.len()), (Verdict::Withdraw, 1));
}

/// A street that edits offline while its record is moved wrote by right, and P6 judges by what it saw.
#[test]
fn an_edit_made_before_the_writer_heard_of_a_move_is_taken() {
    let mine = note(dot(1, 1), S4);
    let moved = edit(&mine, dot(2, 1), WEST, |d| d.home(S5));
    let late = edit(&mine, dot(1, 2), S4, |d| set(d, TITLE, "春日义卖会"));
    assert_eq!(above(WEST, S4).push(Some(&row(&moved)), &late).0, Verdict::Withdraw);
    let stranger = edit(&moved, dot(3, 1), S6, |d| set(d, TITLE, "抢注"));
    above(EAST, S6).refuses(Some(&row(&moved)), &stranger, Reason::Illegal);
}

/// Each would poison the row for everybody above.
#[test]
fn what_cannot_be_read_or_is_something_else_is_kept_aside() {
    let known = note(dot(1, 1), S4);
    let desk = above(WEST, S4);
    desk.refuses(None, &known[..known.len() - 1], Reason::Malformed);
    let other = Row { kind: "body".into(), ..row(&known) };
    desk.refuses(Some(&other), &edit(&known, dot(1, 2), S4, |d| set(d, REMARK, "x")), Reason::Kind);
    let twin = edit(&[], dot(1, 1), S4, |d| {
        d.home(S4);
        set(d, TITLE, "另一个");
    });
    desk.refuses(Some(&row(&known)), &twin, Reason::Clash);
    for kind in ["", "Note", "no te", &"x".repeat(65)] {
        let bad = sync::parent::Incoming { kind: kind.into(), ..incoming(&known) };
        let received = desk.push_all(&[], &[bad]);
        assert!(matches!(received.verdicts[0], Verdict::Quarantined(Reason::Malformed, _)), "{kind}");
        assert!(received.changes.quarantine[0].kind.len() <= 64);
    }
}

/// A record written twice in one transaction would leave one of its numbers among the unsent for ever.
#[test]
fn two_copies_in_one_push_make_one_row() {
    let first = note(dot(1, 1), S4);
    let second = edit(&first, dot(1, 2), S4, |d| set(d, REMARK, "二"));
    let other = sync::parent::Incoming { id: crate::contract::record(8), ..incoming(&note(dot(5, 1), S4)) };
    let received = above(WEST, S4).push_all(&[], &[incoming(&first), other, incoming(&second)]);
    assert_eq!(received.verdicts, [Verdict::Ok, Verdict::Ok, Verdict::Ok]);
    let states: Vec<_> = received.changes.rows.iter().map(|new| &new.row.state).collect();
    assert_eq!(states[0], &second);
    assert_eq!(states.len(), 2);
    assert_eq!(received.echoes.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from([0, 1]));
}

/// What differs from what the child pushed is no echo: without it the child would miss the others' edits.
#[test]
fn only_what_equals_the_push_is_an_echo() {
    let known = note(dot(1, 1), S4);
    let ours = edit(&known, dot(2, 1), WEST, |d| set(d, REMARK, "区"));
    let theirs = edit(&known, dot(1, 2), S4, |d| set(d, PHONE, "1"));
    let desk = above(WEST, S4);
    assert!(desk.push_all(&[row(&ours)], &[incoming(&theirs)]).echoes.is_empty());
    assert_eq!(desk.push_all(&[row(&known)], &[incoming(&theirs)]).echoes, [0]);
    // A copy that is merged with an earlier one of the same push is one only if it says all.
    let received = desk.push_all(&[row(&ours)], &[incoming(&theirs), incoming(&theirs)]);
    assert!(received.echoes.is_empty());
}

#[test]
fn a_good_record_leaves_quarantine() {
    let known = note(dot(1, 1), S4);
    let desk = Above { quarantined: BTreeSet::from([R]), ..above(WEST, S4) };
    assert_eq!(desk.takes(None, &known).release, [(R, true)]);
    assert_eq!(desk.takes(Some(&row(&known)), &known).release, [(R, true)], "known by another way");
    assert!(desk.refuses(None, &known[1..], Reason::Malformed).release.is_empty());
}

/// Re-checked when knowledge grows: else a figure would count as missing what came by another way.
#[test]
fn what_came_by_another_way_is_settled() {
    let known = note(dot(1, 1), S4);
    let more = edit(&known, dot(2, 1), WEST, |d| set(d, REMARK, "区"));
    let refused = |state: &[u8], kind: &str| Quarantined {
        record: R,
        kind: kind.into(),
        from: S4,
        home: S4,
        reason: Reason::Unverified,
        detail: String::new(),
        state: state.to_vec(),
        at_ms: 1,
        inbound: true,
    };
    assert!(is_settled(&row(&more), &refused(&known, "note")));
    assert!(!is_settled(&row(&known), &refused(&more, "note")));
    assert!(!is_settled(&row(&more), &refused(&known, "body")));
    assert!(!is_settled(&row(&more), &refused(&[], "note")));
}

/// What the grandparent withdrew would be shown again by any edit from below.
#[test]
fn a_hidden_row_stays_hidden_until_it_is_acknowledged_above() {
    let known = note(dot(1, 1), S4);
    let hidden = Row { hidden: true, unsent: Unsent::Unpushed, ..row(&known) };
    let more = edit(&known, dot(1, 2), S4, |d| set(d, REMARK, "二"));
    assert!(above(WEST, S4).takes(Some(&hidden), &more).rows[0].row.hidden);
    assert!(above(WEST, S4).takes(Some(&hidden), &known).hide.is_empty());
}

/// Two streets that enter one body offline make one record, and neither is refused.
#[test]
fn a_second_creation_under_one_key_stands_beside_the_first() {
    let body = |replica, home| {
        edit(&[], dot(replica, 1), home, |d| {
            let kind = crate::contract::schema().kind("body").unwrap();
            d.set(kind, 1, crate::contract::text(1, "甲"));
            d.home(home);
            d.audience(&[CITY]);
        })
    };
    let as_body = |state: &[u8]| sync::parent::Incoming { kind: "body".into(), ..incoming(state) };
    let first = Row { kind: "body".into(), ..row(&body(1, S4)) };
    let received = above(WEST, S5).push_all(&[first], &[as_body(&body(2, S5))]);
    assert_eq!(received.verdicts, [Verdict::Ok]);
    let both = State::decode(&received.changes.rows[0].row.state).unwrap();
    assert_eq!(both.entries(causal::Register::whole(HOME)).count(), 2);
    // A kind without a key has no second creation: that is somebody else's record.
    let known = public_note(dot(1, 1), S4);
    above(WEST, S5).refuses(Some(&row(&known)), &note(dot(2, 1), S5), Reason::Illegal);
}

/// Without P8 a street could say of another that all its records had arrived.
#[test]
fn seals_speak_for_bases_beneath_only() {
    let seal = |base: BaseId| Seal { base, timeline: TimelineId(1), n: 2, covers_seq: 7, ..Seal::default() };
    let kept = checked_seals(&tree(), WEST, [WEST, S4, S6, CITY, base(99)].map(seal).to_vec());
    assert_eq!(kept.iter().map(|s| (s.base, s.covers_seq)).collect::<Vec<_>>(), [(WEST, 0), (S4, 0)]);
}

#[test]
fn history_belongs_to_what_is_pushed_with_it() {
    let fragment = note(dot(1, 1), S4);
    let revision = Revision { record: R, of: dot(1, 1), by: dot(1, 2), fragment, unsent: false };
    let other = Revision { record: crate::contract::record(8), ..revision.clone() };
    let wrong = Revision { of: dot(1, 2), ..revision.clone() };
    let broken = Revision { fragment: vec![1], ..revision.clone() };
    let kept = checked_revisions(&[incoming(&[])], vec![revision.clone(), other, wrong, broken], true);
    assert_eq!(kept, [Revision { unsent: true, ..revision }]);
}
