//! What a parent keeps aside (P3, P4, scope, kinds, clashes).

use causal::{BaseId, ReplicaId};
use record::Tree;
use sync::parent::{Incoming, Verdict};
use sync::{Handed, Reason, Replica, Row};

use crate::contract::{CITY, EAST, PHONE, REMARK, S4, S5, S6, TITLE, WEST, base, tree};
use crate::make::{
    BAD, GOOD, Parent, R, R2, R3, claiming, context, dot, edit, incoming, merged, note, open_note, parent,
    put, reasons, row, say, signed, state, without,
};

/// A street could otherwise write in the name of any base of the city.
#[test]
fn an_unknown_edit_of_another_subtree_is_unverified() {
    let known = open_note(dot(1, 1), S4, &[CITY]);
    for (writer, tag) in [(S6, GOOD), (S5, GOOD), (CITY, GOOD), (EAST, BAD)] {
        let pushed = signed(&known, dot(9, 1), writer, tag, |d| put(d, REMARK, "据说"));
        let received = parent(WEST, S4).refuses(&[row(&known)], &incoming(&pushed), Reason::Unverified);
        assert!(received.changes.rows.is_empty(), "{writer}");
    }
}

/// A base that a child made up would have a place in everybody's tree; only the one above all makes bases.
#[test]
fn a_base_that_a_child_made_up_is_refused() {
    let made_up = BaseId(R.0);
    let pushed = |writer, tag| {
        let state = signed(&[], dot(9, 1), writer, tag, |d| {
            d.home(made_up);
        });
        Incoming { kind: "base".into(), ..incoming(&state) }
    };
    parent(WEST, S4).refuses(&[], &pushed(S4, GOOD), Reason::Scope);
    parent(CITY, WEST).refuses(&[], &pushed(WEST, GOOD), Reason::Scope);
    parent(CITY, WEST).refuses(&[], &pushed(CITY, BAD), Reason::Unverified);
    // What the city itself made and lost comes back.
    let received = parent(CITY, WEST).receives(&[], &[pushed(CITY, GOOD)]);
    assert_eq!((reasons(&received), received.changes.rows.len()), (vec![None], 1));
}

/// An edit that is known already came by another way: to refuse it again would hold the record for ever.
#[test]
fn a_known_edit_of_another_subtree_is_no_obstacle() {
    let known = say(&open_note(dot(1, 1), S4, &[CITY]), dot(6, 1), S6, REMARK, "东");
    let mine = say(&known, dot(1, 2), S4, PHONE, "110");
    let received = parent(WEST, S4).takes(&[row(&known)], &mine);
    assert_eq!(received.changes.rows[0].row.state, mine);
}

/// Beside one edit that cannot be proved the pusher's own would wait for ever after two losses at once.
#[test]
fn the_pushers_own_part_of_an_unverified_record_is_taken() {
    let known = open_note(dot(1, 1), S4, &[CITY]);
    let theirs = say(&known, dot(6, 1), S6, REMARK, "东");
    let pushed = say(&theirs, dot(1, 2), S4, PHONE, "110");
    let received = parent(WEST, S4).refuses(&[row(&known)], &incoming(&pushed), Reason::Unverified);
    let part = state(&received.changes.rows[0].row.state);
    assert!(part.group(dot(1, 2)).is_some() && part.group(dot(6, 1)).is_none());
    assert!(!part.context.has(dot(6, 1)), "or the other's edit could never be taken afterwards");
}

/// What an unproved value has replaced would be gone, put down to the pusher's own, before the value itself is there.
#[test]
fn a_part_keeps_what_an_unproved_value_may_have_replaced() {
    let known = say(&open_note(dot(1, 1), S4, &[CITY]), dot(6, 1), S6, REMARK, "东");
    let later = say(&known, dot(6, 2), S6, REMARK, "东,后来");
    let beside = say(&open_note(dot(1, 1), S4, &[CITY]), dot(1, 2), S4, REMARK, "街道的");
    let pushed = merged(&later, &beside);
    let received = parent(WEST, S4).refuses(&[row(&known)], &incoming(&pushed), Reason::Unverified);
    let part = state(&received.changes.rows[0].row.state);
    assert!(
        part.group(dot(1, 2)).is_some() && part.group(dot(6, 1)).is_some() && !part.context.has(dot(6, 2))
    );
}

/// What the parent handed on and dropped, and a child brings once more, would stay in quarantine for ever.
#[test]
fn what_was_handed_on_is_known_when_a_child_brings_it_again() {
    let known = say(&open_note(dot(1, 1), CITY, &[S4]), dot(2, 1), EAST, REMARK, "东");
    let of = |unattested| Handed { record: R, context: context(&known), unattested };
    let handed = |unattested| Parent { handed: [(R, of(unattested))].into(), ..parent(WEST, S4) };
    let received = handed(false).receives(&[], &[incoming(&known)]);
    assert_eq!(received.verdicts, [Verdict::Withdraw]);
    assert!(received.changes.rows.is_empty() && received.changes.quarantine.is_empty());
    // Whoever is above may have lost it since: then it goes up once more.
    let received = handed(true).receives(&[], &[incoming(&known)]);
    assert_eq!(received.changes.rows.len(), 1);
    parent(WEST, S4).refuses(&[], &incoming(&known), Reason::Unverified);
}

/// What is kept aside would be taken in part, sent up, withdrawn and dropped in every round for ever.
#[test]
fn a_part_that_was_handed_on_is_not_taken_again() {
    let mine = open_note(dot(1, 1), S4, &[CITY]);
    let pushed = incoming(&say(&mine, dot(6, 1), S6, REMARK, "东"));
    let handed = Handed { record: R, context: context(&mine), unattested: true };
    let desk = |again| Parent { handed: [(R, handed.clone())].into(), again, ..parent(WEST, S4) };
    assert!(desk(true).refuses(&[], &pushed, Reason::Unverified).changes.rows.is_empty());
    assert_eq!(desk(false).refuses(&[], &pushed, Reason::Unverified).changes.rows.len(), 1);
}

/// An office with an older contract would let values of newer kinds vanish, and pass that on as its own.
#[test]
fn a_value_of_an_unknown_kind_does_not_vanish_either() {
    let known = say(&note(dot(1, 1), S4), dot(2, 1), WEST, REMARK, "区里的");
    let newer = |state: &[u8]| Incoming { kind: "newer".into(), ..incoming(state) };
    let held = [Row { kind: "newer".into(), ..row(&known) }];
    parent(WEST, S4).refuses(&held, &newer(&without(&known, dot(2, 1))), Reason::Illegal);
    let received = parent(WEST, S4).receives(&held, &[newer(&say(&known, dot(1, 2), S4, REMARK, "街道的"))]);
    assert_eq!(received.verdicts, [Verdict::Ok]);
}

/// A restored parent would refuse its own lost edits, or take as its own what anybody forged.
#[test]
fn ones_own_lost_edit_is_known_by_its_tag() {
    let known = note(dot(1, 1), S4);
    let lost = |tag| signed(&known, dot(2, 1), WEST, tag, |d| put(d, REMARK, "区里的"));
    let received = parent(WEST, S4).takes(&[row(&known)], &lost(GOOD));
    assert_eq!(received.changes.rows[0].row.state, lost(GOOD));
    parent(WEST, S4).refuses(&[row(&known)], &incoming(&lost(BAD)), Reason::Unverified);
}

/// A base without a node of its own would lose what it wrote when the node that serves it is restored.
#[test]
fn the_lost_edit_of_a_hosted_base_is_known_by_its_tag() {
    let served = |mut base: record::Base| {
        base.hosted = base.id == S5;
        base
    };
    let desk = Parent { tree: tree().iter().cloned().map(served).collect(), ..parent(WEST, S4) };
    let known = open_note(dot(1, 1), S4, &[WEST]);
    let lost = |tag| signed(&known, dot(2, 1), S5, tag, |d| put(d, REMARK, "村里的"));
    desk.takes(&[row(&known)], &lost(GOOD));
    desk.refuses(&[row(&known)], &incoming(&lost(BAD)), Reason::Unverified);
}

/// Edits made before a move, or sent through the old parent, would be refused as a stranger's.
#[test]
fn what_once_lay_beneath_the_pusher_still_is_its_to_bring() {
    let moved = |mut base: record::Base| {
        if base.id == S4 {
            base.parent = Some(EAST);
            base.former_parents = vec![WEST];
        }
        base
    };
    let tree: Tree = tree().iter().cloned().map(moved).collect();
    let desk = Parent { tree, ..parent(CITY, WEST) };
    let received = desk.receives(&[], &[incoming(&note(dot(1, 1), S4))]);
    assert_eq!(received.verdicts, [Verdict::Withdraw], "taken, though it is not for the west any more");
    assert_eq!(received.changes.rows.len(), 1);
}

fn knowing(base: BaseId, live: bool) -> Parent {
    let replica = Replica { id: ReplicaId(8), base: Some(base), tick: 4 };
    Parent { replicas: vec![replica], live: live.then_some(dot(8, 4)), ..parent(WEST, S4) }
}

/// A street that claims what others have not written yet would make their next edits vanish as already seen.
#[test]
fn a_claim_beyond_a_foreign_replica_is_refused() {
    let known = note(dot(1, 1), S4);
    for foreign in [CITY, EAST, S5, S6] {
        let beyond = incoming(&claiming(&known, dot(8, 5)));
        let received = knowing(foreign, false).refuses(&[row(&known)], &beyond, Reason::Unverified);
        assert!(received.changes.rows.is_empty());
        knowing(foreign, false).takes(&[row(&known)], &claiming(&known, dot(8, 4)));
    }
}

/// The parent's own next edit would be lost in the same way; what it wrote before a restore may well be more.
#[test]
fn a_claim_beyond_the_live_replica_is_refused_but_not_of_a_former_one() {
    let known = note(dot(1, 1), S4);
    let beyond = claiming(&known, dot(8, 5));
    knowing(WEST, true).refuses(&[row(&known)], &incoming(&beyond), Reason::Untrue);
    knowing(WEST, true).takes(&[row(&known)], &claiming(&known, dot(8, 4)));
    knowing(WEST, false).takes(&[row(&known)], &beyond);
    knowing(S4, false).takes(&[row(&known)], &beyond);
}

/// A changed program could drop what another wrote without a trace of who did it.
#[test]
fn a_value_does_not_vanish_without_a_write() {
    let known = say(&note(dot(1, 1), S4), dot(2, 1), WEST, REMARK, "区里的");
    let gone = without(&known, dot(2, 1));
    let received = parent(WEST, S4).refuses(&[row(&known)], &incoming(&gone), Reason::Illegal);
    assert!(received.changes.rows.is_empty());
    let elsewhere = say(&gone, dot(1, 2), S4, PHONE, "110");
    parent(WEST, S4).refuses(&[row(&known)], &incoming(&elsewhere), Reason::Illegal);
    parent(WEST, S4).takes(&[row(&known)], &say(&known, dot(1, 2), S4, REMARK, "街道的"));
}

/// A street could otherwise fill the lists of another with records of its own making.
#[test]
fn a_new_record_for_a_home_outside_is_refused() {
    for home in [S5, S6, WEST, CITY] {
        let pushed = edit(&[], dot(1, 1), S4, |d| {
            d.home(home);
            put(d, TITLE, "代填");
        });
        parent(WEST, S4).refuses(&[], &incoming(&pushed), Reason::Scope);
    }
}

/// A scope that names nobody could never be shown, withdrawn, or put right by anybody but by chance.
#[test]
fn an_unknown_base_in_the_scope_is_refused() {
    let known = note(dot(1, 1), S4);
    let open = edit(&known, dot(1, 2), S4, |d| d.audience(&[WEST, base(99)]));
    parent(WEST, S4).refuses(&[], &incoming(&open), Reason::Scope);
    parent(WEST, S4).refuses(&[row(&known)], &incoming(&open), Reason::Scope);
    let lost = edit(&known, dot(1, 2), S4, |d| d.home(base(99)));
    parent(WEST, S4).refuses(&[row(&known)], &incoming(&lost), Reason::Scope);
}

/// Merged into another kind, its fields would be read as something else.
#[test]
fn an_id_in_use_for_another_kind_is_refused() {
    let known = note(dot(1, 1), S4);
    let body = Row { kind: "body".into(), ..row(&known) };
    let more = say(&known, dot(1, 2), S4, REMARK, "二");
    for state in [&known, &more] {
        parent(WEST, S4).refuses(std::slice::from_ref(&body), &incoming(state), Reason::Kind);
    }
}

/// Two nodes that hold different bytes for one edit would never agree again, and nobody would be told.
#[test]
fn one_edit_with_two_contents_is_a_clash() {
    let known = note(dot(1, 1), S4);
    let twin = edit(&[], dot(1, 1), S4, |d| {
        d.home(S4);
        put(d, TITLE, "另一个");
    });
    parent(WEST, S4).refuses(&[row(&known)], &incoming(&twin), Reason::Clash);
    let pushed = [incoming(&known), incoming(&twin)];
    let received = parent(WEST, S4).receives(&[], &pushed);
    assert_eq!(reasons(&received), [None, Some(Reason::Clash)], "also within one push");
    assert_eq!(received.changes.rows[0].row.state, known);
}

/// One broken record would otherwise stop the whole push, and with it everything behind it.
#[test]
fn beside_a_broken_record_the_others_are_taken() {
    let good = |id, replica| Incoming { id, ..incoming(&note(dot(replica, 1), S4)) };
    let broken = note(dot(2, 1), S4);
    let cut = Incoming { id: R2, ..incoming(&broken[..broken.len() - 1]) };
    let long = Incoming { id: R2, ..incoming(&[broken.as_slice(), &[0]].concat()) };
    let named = Incoming { id: R2, kind: "No te".into(), ..incoming(&broken) };
    let empty = Incoming { id: R2, ..incoming(&[]) };
    for bad in [cut, long, named, empty] {
        let received = parent(WEST, S4).receives(&[], &[good(R, 1), bad.clone(), good(R3, 3)]);
        assert_eq!(reasons(&received), [None, Some(Reason::Malformed), None]);
        let ids: Vec<_> = received.changes.rows.iter().map(|new| new.row.id).collect();
        assert_eq!(ids, [R, R3]);
        assert_eq!((received.echoes, received.changes.quarantine.len()), (vec![0, 1], 1));
        assert_eq!(received.changes.quarantine[0].state, bad.state);
    }
}

/// A figure would count the wrong street as incomplete, or one that the pusher may not speak of.
#[test]
fn what_is_kept_aside_is_missing_in_its_home_or_else_in_the_pusher() {
    let known = note(dot(1, 1), S4);
    let forged = say(&known, dot(6, 1), S6, REMARK, "假");
    let received = parent(CITY, WEST).refuses(&[row(&known)], &incoming(&forged), Reason::Unverified);
    assert_eq!(received.changes.quarantine[0].home, S4);
    let outside = edit(&[], dot(2, 1), WEST, |d| d.home(S6));
    let received = parent(CITY, WEST).refuses(&[], &incoming(&outside), Reason::Scope);
    assert_eq!(received.changes.quarantine[0].home, WEST);
}

/// A street that writes by the name of another's replica could next claim whatever it likes of that replica, and the
/// other's coming edits would vanish as already seen.
#[test]
fn an_edit_by_the_name_of_another_nodes_replica_is_refused() {
    let known = note(dot(1, 1), S4);
    let edited = say(&known, dot(8, 3), S4, PHONE, "110");
    for other in [CITY, EAST, S5, S6] {
        knowing(other, false).refuses(&[row(&known)], &incoming(&edited), Reason::Unverified);
    }
    knowing(WEST, true).refuses(&[row(&known)], &incoming(&edited), Reason::Unverified);
    knowing(S4, false).takes(&[row(&known)], &edited);
}

/// A good record would count as missing for ever because a broken copy of it came first.
#[test]
fn a_good_copy_settles_a_broken_one_of_the_same_push() {
    let good = note(dot(1, 1), S4);
    let broken = incoming(b"nonsense");
    let received = parent(WEST, S4).receives(&[], &[broken, incoming(&good)]);
    assert_eq!(received.changes.rows.len(), 1);
    assert!(received.changes.quarantine.is_empty());
}
