//! What an acknowledgement settles at the child (A2, A3, P7), and what seals say.

use std::collections::BTreeMap;

use causal::RecordId;
use sync::child::{Sent, next_seal, ticks_of};
use sync::parent::Verdict;
use sync::{
    Changes, Handed, Link, NewWithdraw, Position, Reason, Row, Seal, Tick, TimelineId, Unsent, Withdraw,
};

use crate::contract::{CITY, PHONE, S4, S5, WEST, tree};
use crate::make::{R, R2, child, context, dot, note, rows, say, unpushed};

fn at(timeline: u64, seq: u64) -> Position {
    Position { timeline: TimelineId(timeline), seq }
}

/// Numbers 3 to 9 were sent, the record under 5.
fn sent() -> Sent {
    Sent {
        after: 2,
        upto: 9,
        rows: vec![(R, 5)],
        revisions: vec![(R, dot(1, 1), dot(1, 2))],
        ..Sent::default()
    }
}

fn acked(now: Option<&Row>, verdict: Option<Verdict>) -> Changes {
    let verdicts: BTreeMap<RecordId, Verdict> = verdict.map(|v| (R, v)).into_iter().collect();
    let now = rows(now.map(std::slice::from_ref).unwrap_or_default());
    child(&tree(), WEST).acknowledged(&Link::default(), &sent(), &verdicts, at(1, 20), &now, &[])
}

fn refusal(reason: Reason) -> Option<Verdict> {
    Some(Verdict::Quarantined(reason, "不行".into()))
}

/// The row as it was sent, and as it is after one more edit.
fn as_sent() -> Row {
    unpushed(&note(dot(1, 1), S4))
}

fn edited_since() -> Row {
    Row { seq: 12, ..unpushed(&say(&as_sent().state, dot(3, 1), WEST, PHONE, "110")) }
}

/// An edit saved while the batch was on its way would count as delivered, and never be sent.
#[test]
fn only_the_numbers_sent_are_settled() {
    let changes = acked(None, Some(Verdict::Ok));
    assert_eq!(changes.acknowledged, [(2, 9)]);
    assert_eq!(changes.revisions_sent, [(R, dot(1, 1), dot(1, 2))]);
    let changes = acked(Some(&edited_since()), Some(Verdict::Ok));
    assert!(changes.acknowledged.iter().all(|(after, upto)| !(*after < 12 && 12 <= *upto)));
    assert!(changes.rows.is_empty() && changes.clean.is_empty() && changes.hide.is_empty());
    assert!(changes.release.is_empty(), "what is still refused is not what was taken");
}

/// A refusal of the old version would keep the new one, which puts it right, from ever being sent.
#[test]
fn a_refusal_of_an_older_version_does_not_count() {
    for reason in Reason::ALL {
        let changes = acked(Some(&edited_since()), refusal(reason));
        assert!(changes.refused.is_empty() && changes.quarantine.is_empty(), "{reason:?}");
    }
}

/// The edit saved meanwhile would be dropped with the record that the parent took back.
#[test]
fn a_withdraw_hides_what_was_edited_since_and_drops_the_rest() {
    let changes = acked(Some(&edited_since()), Some(Verdict::Withdraw));
    assert_eq!((changes.hide, changes.drops), (vec![(R, true)], vec![]));
    let changes = acked(Some(&as_sent()), Some(Verdict::Withdraw));
    assert_eq!((&changes.hide, &changes.drops), (&vec![], &vec![R]));
    let context = context(&as_sent().state);
    assert_eq!(changes.handed, [Handed { record: R, context, unattested: false }]);
    assert_eq!(changes.withdraws, [NewWithdraw { child: S4, record: R }]);
    assert_eq!(changes.release, [(R, None)]);
}

/// Refused once, it would be sent again at every round for ever, and nobody would know.
#[test]
fn what_is_refused_is_flagged_and_kept_for_people() {
    for reason in Reason::ALL.into_iter().filter(|r| *r != Reason::Unverified) {
        let changes = acked(Some(&as_sent()), refusal(reason));
        assert_eq!(changes.refused, [(R, 5)]);
        let kept = &changes.quarantine[0];
        assert_eq!((kept.record, kept.from, kept.reason, kept.inbound), (R, CITY, reason, false));
        assert_eq!((kept.detail.as_str(), &kept.state), ("不行", &as_sent().state));
    }
}

/// The parent keeps it and looks at it again by itself; offered again at every round it would be endless traffic.
#[test]
fn what_could_not_be_verified_waits_at_the_parent() {
    let changes = acked(Some(&as_sent()), refusal(Reason::Unverified));
    assert_eq!(changes.acknowledged, [(2, 9)]);
    assert!(changes.refused.is_empty() && changes.rows.is_empty() && changes.hide.is_empty());
    assert_eq!(changes.quarantine[0].reason, Reason::Unverified, "and its writer sees that it waits");
}

/// What the parent has let go of would stay refused for ever, though nobody refuses it any more.
#[test]
fn what_the_parent_no_longer_keeps_aside_is_offered_again_once() {
    let refused = Row { refused: true, unsent: Unsent::Clean, ..as_sent() };
    let changes = child(&tree(), WEST).let_go(&[R, R2], &[refused]);
    assert_eq!(changes.release, [(R, None), (R2, None)]);
    let [again] = changes.rows.as_slice() else { panic!("one is offered again") };
    assert_eq!((again.row.refused, again.row.unsent), (false, Unsent::Unpushed));
}

/// What was hidden until the parent had it would stay hidden for ever.
#[test]
fn what_is_taken_is_shown_again() {
    let changes = acked(Some(&Row { hidden: true, ..as_sent() }), Some(Verdict::Ok));
    let shown = &changes.rows[0].row;
    assert_eq!((shown.hidden, shown.unsent), (false, Unsent::Clean));
    assert_eq!(changes.release, [(R, None)]);
    assert!(acked(Some(&Row { hidden: true, ..edited_since() }), Some(Verdict::Ok)).rows.is_empty());
}

/// An acknowledgement that comes late would take the position back: after a restore of the parent to a point in
/// between, the child would not notice that the parent lost what it had acknowledged.
#[test]
fn the_higher_acknowledgement_stays() {
    let after = |old: Option<Position>, new| {
        let link = Link { peer: CITY, up: true, ack: old, epoch: 4, ..Link::default() };
        let changes =
            child(&tree(), WEST).acknowledged(&link, &sent(), &BTreeMap::new(), new, &BTreeMap::new(), &[]);
        assert_eq!(changes.links, [Link { ack: changes.links[0].ack, ..link }]);
        changes.links[0].ack
    };
    assert_eq!(after(None, at(1, 20)), Some(at(1, 20)));
    assert_eq!(after(Some(at(1, 19)), at(1, 20)), Some(at(1, 20)));
    assert_eq!(after(Some(at(1, 30)), at(1, 20)), Some(at(1, 30)));
    assert_eq!(after(Some(at(1, 30)), at(2, 20)), Some(at(2, 20)), "numbers of two timelines do not compare");
}

/// A withdraw that was held back while the row waited lies behind the child's cursor: it would never go out.
#[test]
fn withdraws_of_settled_rows_take_a_new_number() {
    let held = |child, record| Withdraw { child, record, seq: 3 };
    let withdraws = [held(S4, R), held(S5, R), held(S5, R2)];
    let desk_tree = tree();
    let desk = child(&desk_tree, WEST);
    let changes = desk.acknowledged(
        &Link::default(),
        &sent(),
        &BTreeMap::new(),
        at(1, 20),
        &BTreeMap::new(),
        &withdraws,
    );
    assert_eq!(changes.withdraws, [S4, S5].map(|child| NewWithdraw { child, record: R }));
}

/// A count that went on over a restore would let the seal of a lost future win over the true one.
#[test]
fn seals_count_within_their_timeline() {
    let first = next_seal(None, S4, TimelineId(1), 100, 5);
    assert_eq!(
        first,
        Seal { base: S4, timeline: TimelineId(1), n: 1, at_ms: 100, covers_seq: 5, ..Seal::default() }
    );
    let held = Seal { unsent: 3, exceptions: vec![R], restored: true, ..first.clone() };
    let second = next_seal(Some(&held), S4, TimelineId(1), 90, 6);
    assert_eq!((second.n, second.at_ms, second.covers_seq), (2, 90, 6));
    assert!(
        second.exceptions.is_empty() && second.unsent == 0 && !second.restored,
        "what held then is asked anew"
    );
    assert_eq!(next_seal(Some(&second), S4, TimelineId(2), 110, 1).n, 1);
}

/// Ticks under another name than the parent's would say that somebody holds what he may not have.
#[test]
fn ticks_say_what_the_parent_holds() {
    let seal = |base, timeline, n| Seal { base, timeline: TimelineId(timeline), n, ..Seal::default() };
    let tick = |base, timeline, n| Tick { holder: CITY, base, timeline: TimelineId(timeline), n };
    assert_eq!(ticks_of(CITY, &[seal(WEST, 1, 4), seal(S4, 9, 2)]), [tick(WEST, 1, 4), tick(S4, 9, 2)]);
    assert_eq!(ticks_of(CITY, &[]), []);
}
