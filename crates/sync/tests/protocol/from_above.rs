//! The child's desk: what is taken from the parent, and what an acknowledgement settles.

use std::collections::BTreeMap;

use causal::RecordId;
use sync::child::{Sent, next_seal, ticks_of};
use sync::parent::Verdict;
use sync::{Changes, Link, NewWithdraw, Position, Reason, Row, Seal, Tick, TimelineId, Unsent, Withdraw};

use crate::bench::{R, below, dot, edit, incoming, note, public_note, pull, row, set, withdraw};
use crate::contract::{CITY, PHONE, REMARK, S4, S5, TITLE, WEST, tree};
use crate::database::Database;

fn unsent_after(held: Option<&Row>, pulled: &[u8]) -> Option<Unsent> {
    pull(S4, held, pulled).rows.first().map(|new| new.row.unsent)
}

/// Without L4 every pulled row would be pushed back, or an edit made meanwhile would never be.
#[test]
fn a_row_waits_iff_the_parent_lacks_something_of_it() {
    let base = note(dot(1, 1), S4);
    let theirs = edit(&base, dot(2, 1), WEST, |d| set(d, PHONE, "1"));
    let ours = edit(&base, dot(1, 2), S4, |d| set(d, REMARK, "我"));
    let newer = edit(&theirs, dot(1, 2), S4, |d| set(d, REMARK, "我"));
    assert_eq!(unsent_after(None, &theirs), Some(Unsent::Clean));
    assert_eq!(unsent_after(Some(&row(&base)), &theirs), Some(Unsent::Clean));
    assert_eq!(unsent_after(Some(&row(&ours)), &theirs), Some(Unsent::Unpushed));
    assert_eq!(unsent_after(Some(&row(&newer)), &newer), None, "nothing new takes no number");
    // Believed to be there, and is not.
    assert_eq!(unsent_after(Some(&row(&newer)), &theirs), Some(Unsent::Unpushed));
    // Sent again after RESYNC: that it comes back whole is an answer.
    let resent = Row { unsent: Unsent::Resend, ..row(&base) };
    assert_eq!(unsent_after(Some(&resent), &theirs), Some(Unsent::Clean));
    assert_eq!(pull(S4, Some(&resent), &base).clean, [5]);
    // What was never acknowledged waits for the word itself, with which withdraws and quarantine are settled.
    let unpushed = Row { unsent: Unsent::Unpushed, ..row(&base) };
    assert_eq!(unsent_after(Some(&unpushed), &theirs), Some(Unsent::Unpushed));
    assert!(pull(S4, Some(&unpushed), &base).clean.is_empty());
}

/// A refused row that the parent has got by another way would be shown as refused for ever.
#[test]
fn a_refused_row_is_tried_again_when_the_parent_knows_more() {
    let base = note(dot(1, 1), S4);
    let more = edit(&base, dot(2, 1), WEST, |d| set(d, PHONE, "1"));
    let refused = Row { refused: true, ..row(&base) };
    for pulled in [&base, &more] {
        let changes = pull(S4, Some(&refused), pulled);
        assert_eq!((changes.rows[0].row.unsent, changes.rows[0].row.refused), (Unsent::Unpushed, false));
    }
    let changes = withdraw(S4, &refused);
    assert!(changes.drops.is_empty(), "refused is not taken");
    assert!(changes.rows[0].row.hidden && changes.rows[0].row.unsent == Unsent::Unpushed);
}

/// Rows that kept their number would never reach the grandchildren.
#[test]
fn a_middle_tier_passes_on_what_it_pulled_under_numbers_of_its_own() {
    let mut db = Database::default();
    db.open(1);
    let state = public_note(dot(1, 1), CITY);
    db.apply(&pull(WEST, None, &state));
    let seq = db.row(R).unwrap().seq;
    let more = edit(&state, dot(1, 3), CITY, |d| set(d, PHONE, "1"));
    db.apply(&pull(WEST, db.row(R), &more));
    assert!(db.row(R).unwrap().seq > seq && seq > 0);
}

#[test]
fn what_comes_down_broken_is_kept_aside_and_the_rest_goes_on() {
    let base = note(dot(1, 1), S4);
    let twin = edit(&[], dot(1, 1), S4, |d| {
        d.home(S4);
        set(d, TITLE, "另一个");
    });
    let other = Row { kind: "body".into(), ..row(&base) };
    for (held, state, reason) in [
        (None, &base[1..], Reason::Malformed),
        (Some(&row(&base)), &twin[..], Reason::Clash),
        (Some(&other), &base[..], Reason::Kind),
    ] {
        let existing = held.map(|row| (row.id, row.clone())).into_iter().collect();
        let good = sync::parent::Incoming { id: RecordId([1; 16]), ..incoming(&note(dot(3, 1), S4)) };
        let changes = below(&tree(), S4).receive(&existing, &[incoming(state), good], &[]);
        assert_eq!((changes.quarantine[0].reason, changes.quarantine[0].inbound), (reason, true));
        assert_eq!(changes.rows.len(), 1);
    }
}

/// Without L5 a withdraw would destroy edits that nobody else has.
#[test]
fn a_withdraw_drops_what_is_clean_and_hides_what_is_not() {
    let state = note(dot(1, 1), S4);
    let context = causal::State::decode(&state).unwrap().context;
    for (unsent, dropped) in [(Unsent::Clean, true), (Unsent::Resend, true), (Unsent::Unpushed, false)] {
        let changes = withdraw(WEST, &Row { unsent, ..row(&state) });
        assert_eq!(changes.drops == [R], dropped, "{unsent:?}");
        assert_eq!(changes.hide == [(R, true)], !dropped, "{unsent:?}");
        assert_eq!(changes.handed.first().map(|h| &h.context), dropped.then_some(&context));
        // The street beneath must not keep it.
        assert_eq!(changes.withdraws, [NewWithdraw { child: S4, record: R }]);
    }
}

/// A child whose cursor went by while a row was hidden would never get it.
#[test]
fn a_row_that_is_shown_again_takes_a_new_number() {
    let state = note(dot(1, 1), S4);
    let hidden = Row { hidden: true, unsent: Unsent::Unpushed, ..row(&state) };
    let changes = pull(WEST, Some(&hidden), &state);
    assert!(changes.hide.is_empty() && !changes.rows[0].row.hidden);
    let changes = settle(&[&hidden], &BTreeMap::new(), Position::default(), &[]);
    assert!(changes.hide.is_empty() && !changes.rows[0].row.hidden);
    assert_eq!(changes.rows[0].row.unsent, Unsent::Clean);
}

/// A pull that moves a record out of a street's sight.
#[test]
fn a_pulled_move_is_told_to_the_child_that_loses_it() {
    let mine = note(dot(1, 1), S4);
    let moved = edit(&mine, dot(2, 1), CITY, |d| d.home(S5));
    assert_eq!(pull(WEST, Some(&row(&mine)), &moved).withdraws, [NewWithdraw { child: S4, record: R }]);
}

/// The acknowledgement of one batch that carried these rows, numbers 4 to 9.
fn settle(
    now: &[&Row],
    verdicts: &BTreeMap<RecordId, Verdict>,
    ack: Position,
    withdraws: &[Withdraw],
) -> Changes {
    let sent = Sent {
        after: 3,
        upto: 9,
        rows: vec![(R, 5)],
        hidden: vec![R],
        revisions: vec![(R, dot(1, 1), dot(1, 2))],
    };
    let link = Link { ack: Some(at(1, 20)), ..Link::default() };
    let now = now.iter().map(|row| (row.id, (*row).clone())).collect();
    below(&tree(), WEST).acknowledged(&link, &sent, verdicts, ack, &now, withdraws)
}

fn at(timeline: u64, seq: u64) -> Position {
    Position { timeline: TimelineId(timeline), seq }
}

fn verdict(verdict: Verdict) -> BTreeMap<RecordId, Verdict> {
    BTreeMap::from([(R, verdict)])
}

/// Without A2 an edit made while the batch was on its way would count as acknowledged.
#[test]
fn a_row_edited_since_it_was_sent_still_waits() {
    let mut db = Database::default();
    db.open(1);
    for unsent in [5, 6].map(|n| RecordId([n; 16])) {
        let row = Row { id: unsent, unsent: Unsent::Unpushed, ..row(&note(dot(1, 1), S4)) };
        db.apply(&Changes { rows: vec![sync::NewRow { row, ..Default::default() }], ..Changes::default() });
    }
    let edited = db.row(RecordId([5; 16])).unwrap().clone();
    let sent = Sent {
        after: 0,
        upto: 2,
        rows: vec![(RecordId([5; 16]), 1), (RecordId([6; 16]), 2)],
        ..Sent::default()
    };
    db.apply(&Changes {
        rows: vec![sync::NewRow { row: edited, ..Default::default() }],
        ..Changes::default()
    });
    let changes = below(&tree(), S4).acknowledged(
        &Link::default(),
        &sent,
        &BTreeMap::new(),
        at(1, 3),
        &BTreeMap::new(),
        &[],
    );
    db.apply(&changes);
    assert_eq!(db.unsent(0, 9).iter().map(|r| r.id).collect::<Vec<_>>(), [RecordId([5; 16])]);
}

/// Without A3 a duplicate of an old acknowledgement would move the position back.
#[test]
fn the_highest_acknowledgement_stays() {
    for (ack, kept) in [(at(1, 21), at(1, 21)), (at(1, 19), at(1, 20)), (at(2, 1), at(2, 1))] {
        let changes = settle(&[], &BTreeMap::new(), ack, &[]);
        assert_eq!(changes.links[0].ack, Some(kept));
        assert_eq!(changes.acknowledged, [(3, 9)]);
        assert_eq!(changes.revisions_sent, [(R, dot(1, 1), dot(1, 2))]);
    }
}

/// A withdraw held back while the row was not clean would never be sent: the child's cursor has passed it.
#[test]
fn withdraws_of_settled_rows_are_numbered_again() {
    let held = Withdraw { child: S5, record: R, seq: 2 };
    let other = Withdraw { record: RecordId([1; 16]), ..held };
    let changes = settle(&[], &BTreeMap::new(), at(1, 21), &[held, other]);
    assert_eq!(changes.withdraws, [NewWithdraw { child: S5, record: R }]);
}

/// The parent's word that the record is not for this base: it goes, unless it was edited since.
#[test]
fn a_withdraw_as_verdict_spares_later_edits() {
    let state = note(dot(1, 1), S4);
    let same = row(&state);
    let edited = Row { seq: 11, unsent: Unsent::Unpushed, ..row(&state) };
    let changes = settle(&[&same], &verdict(Verdict::Withdraw), at(1, 21), &[]);
    assert_eq!((changes.drops, changes.handed.len()), (vec![R], 1));
    let changes = settle(&[&edited], &verdict(Verdict::Withdraw), at(1, 21), &[]);
    assert_eq!((changes.drops.len(), changes.hide), (0, vec![(R, true)]));
}

/// Without the flag a refused row would be sent again in every round.
#[test]
fn what_is_refused_is_not_sent_again() {
    let same = Row { unsent: Unsent::Unpushed, ..row(&note(dot(1, 1), S4)) };
    let refused = verdict(Verdict::Quarantined(Reason::Illegal, "越权".into()));
    let changes = settle(&[&same], &refused, at(1, 21), &[]);
    assert_eq!((changes.refused, changes.acknowledged), (vec![(R, 5)], vec![(3, 9)]));
    assert_eq!((changes.quarantine[0].inbound, changes.quarantine[0].detail.as_str()), (false, "越权"));
    let edited = Row { seq: 11, ..same };
    let changes = settle(&[&edited], &refused, at(1, 21), &[]);
    assert!(changes.refused.is_empty() && changes.quarantine.is_empty(), "the edit may have mended it");
}

/// What the parent cannot verify yet it may verify after its next pull; refused for good it would never arrive.
#[test]
fn what_is_held_goes_on_waiting() {
    let same = Row { unsent: Unsent::Unpushed, ..row(&note(dot(1, 1), S4)) };
    let held = verdict(Verdict::Quarantined(Reason::Unverified, "未核实".into()));
    let changes = settle(&[&same], &held, at(1, 21), &[]);
    assert_eq!((changes.refused.len(), changes.acknowledged), (0, vec![(3, 4), (5, 9)]));
    assert_eq!(changes.quarantine.len(), 1);
    // A row sent again after RESYNC holds, as it turns out, what the parent lacks.
    let resent = Row { unsent: Unsent::Resend, ..same };
    assert_eq!(settle(&[&resent], &held, at(1, 21), &[]).rows[0].row.unsent, Unsent::Unpushed);
}

/// A count that went on over timelines would let a restored base's seal win over what it does not cover.
#[test]
fn seals_are_counted_per_timeline() {
    let seal = |held: Option<&Seal>, timeline| next_seal(held, S4, TimelineId(timeline), 9, 30);
    let first = seal(None, 1);
    let second = seal(Some(&first), 1);
    let other = seal(Some(&second), 2);
    assert_eq!([first.n, second.n, other.n], [1, 2, 1]);
    assert_eq!((second.covers_seq, second.at_ms), (30, 9));
    let ticks = ticks_of(WEST, &[second, other]);
    let tick = |timeline, n| Tick { holder: WEST, base: S4, timeline: TimelineId(timeline), n };
    assert_eq!(ticks, [tick(1, 2), tick(2, 1)]);
}
