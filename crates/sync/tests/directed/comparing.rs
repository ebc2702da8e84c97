//! Comparing by digests: two ends that exchange questions and answers find exactly what differs.

use std::collections::{BTreeMap, BTreeSet};

use causal::{BaseId, Context, Dot, RecordId, ReplicaId};
use proptest::prelude::*;
use sync::compare::{
    Digest, Held, LAST, Mine, OTHERS, Other, RANGE_ROWS, Range, RangeWalk, RangesAsked, RangesTold, RowWalk,
    RowsAsked, RowsTold, Settling, Span, Unequal, Unlike, Why, ranges, seen_at, why,
};
use sync::{Changes, Handed, Link, Position, Row, TimelineId, Unsent, Withdraw};

/// What one end holds: the state of each record, by a number.
type End = BTreeMap<u16, u8>;

fn id(n: u16) -> RecordId {
    let mut id = [7; 16];
    id[..2].copy_from_slice(&n.to_be_bytes());
    RecordId(id)
}

fn held(end: &End) -> Vec<Held> {
    end.iter().map(|(n, state)| Held { id: id(*n), digest: Digest::of_row(id(*n), "k", &[*state]) }).collect()
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    equal: BTreeSet<RecordId>,
    differs: BTreeSet<RecordId>,
    only_here: BTreeSet<RecordId>,
    only_above: BTreeSet<RecordId>,
}

/// The whole exchange without a store. Also gives back what the parent learned the child to hold, and the messages.
fn compare(child: &End, parent: &End) -> (Outcome, BTreeSet<RecordId>, usize) {
    let (ours, theirs) = (held(child), held(parent));
    let asked = RangesAsked { after: None, ranges: ranges(&ours, Some(LAST)) };
    asked.check().unwrap();
    let mut walk = RangeWalk::over(&asked.ranges);
    theirs.iter().for_each(|row| walk.meet(*row, 1));
    let (unequal, alike) = walk.finish();
    let mut known: BTreeSet<RecordId> = alike.into_iter().map(|(id, _)| id).collect();
    let told = RangesTold { unequal, ..RangesTold::default() };
    told.check(&asked).unwrap();
    let span = |u: &Unequal| {
        let after = (u.index > 0).then(|| asked.ranges[u.index as usize - 1].upto);
        let upto = asked.ranges[u.index as usize].upto;
        let within = ours.iter().filter(|row| after < Some(row.id) && row.id <= upto);
        Span { after, upto, rows: within.copied().collect() }
    };
    let mut rows = RowsAsked { spans: told.unequal.iter().map(span).collect(), others: true };
    let mut outcome = Outcome { equal: ours.iter().map(|row| row.id).collect(), ..Outcome::default() };
    let mut messages = 1;
    while !rows.spans.is_empty() {
        rows.check().unwrap();
        messages += 1;
        let (told, alike) = answer(&rows, &theirs);
        told.check(&rows).unwrap();
        known.extend(alike);
        for unlike in &told.unlike {
            outcome.equal.remove(&unlike.id);
            let place = if unlike.held { &mut outcome.differs } else { &mut outcome.only_here };
            place.insert(unlike.id);
        }
        outcome.only_above.extend(told.others.iter().map(|other| other.id));
        rows = told.upto.map_or_else(RowsAsked::default, |upto| rows.beyond(upto));
    }
    (outcome, known, messages)
}

fn answer(asked: &RowsAsked, theirs: &[Held]) -> (RowsTold, Vec<RecordId>) {
    let (mut told, mut equal) = (RowsTold::default(), Vec::new());
    for span in &asked.spans {
        let mut walk = RowWalk::over(span, asked.others, &mut told, &mut equal);
        let mut within = theirs.iter().filter(|row| span.after < Some(row.id) && row.id <= span.upto);
        if !within.all(|row| walk.meet(*row, "k", 1)) {
            break;
        }
        walk.finish();
    }
    (told, equal.into_iter().map(|(id, _)| id).collect())
}

fn expected(child: &End, parent: &End) -> Outcome {
    let mut outcome = Outcome::default();
    for n in child.keys().chain(parent.keys()) {
        let place = match (child.get(n), parent.get(n)) {
            (Some(a), Some(b)) if a == b => &mut outcome.equal,
            (Some(_), Some(_)) => &mut outcome.differs,
            (Some(_), None) => &mut outcome.only_here,
            _ => &mut outcome.only_above,
        };
        place.insert(id(*n));
    }
    outcome
}

/// Two ends that mostly hold the same: with gaps, and with other states, here and there.
fn ends() -> impl Strategy<Value = (End, End)> {
    let common = prop::collection::btree_map(0..3_000_u16, 0..3_u8, 0..600);
    let change = prop::collection::btree_map(0..3_000_u16, 0..4_u8, 0..12);
    (common, change.clone(), change, any::<bool>()).prop_map(|(common, here, above, cut)| {
        let with = |changes: End| {
            let mut end = common.clone();
            for (n, state) in changes {
                if state == 3 {
                    end.remove(&n)
                } else {
                    end.insert(n, state)
                };
            }
            end
        };
        let (mut here, above) = (with(here), with(above));
        if cut {
            here.retain(|n, _| n % 1_000 < 200);
        }
        (here, above)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exactly_what_differs_is_found((child, parent) in ends()) {
        let (outcome, known, _) = compare(&child, &parent);
        prop_assert_eq!(&outcome, &expected(&child, &parent));
        prop_assert_eq!(known, outcome.equal, "the parent learns what the child holds alike");
    }
}

#[test]
fn equal_ends_exchange_one_question_and_empty_ones_too() {
    let end: End = (0..2_000).map(|n| (n, 1)).collect();
    let (outcome, _, messages) = compare(&end, &end);
    assert_eq!((outcome.equal.len(), messages), (2_000, 1));
    assert_eq!(compare(&End::new(), &End::new()).2, 1);
}

// Wrong: an answer without a limit, or one that is cut off silently.
#[test]
fn what_the_parent_holds_alone_comes_in_pages() {
    let parent: End = (0..3_500).map(|n| (n, 1)).collect();
    let child: End = [(5, 1), (3_000, 2)].into();
    let (outcome, _, messages) = compare(&child, &parent);
    assert_eq!(outcome, expected(&child, &parent));
    assert_eq!(messages, 1 + 3_500_usize.div_ceil(OTHERS));
}

#[test]
fn a_digest_tells_apart_id_kind_and_state() {
    let digest = |n, kind, state: &[u8]| Digest::of_row(id(n), kind, state);
    let one = digest(1, "ab", b"c");
    assert_eq!(one, digest(1, "ab", b"c"));
    assert!([digest(2, "ab", b"c"), digest(1, "a", b"bc"), digest(1, "ab", b"d")].iter().all(|d| *d != one));
    let rows = held(&[(1, 1), (2, 1)].into());
    let swapped = [rows[1], rows[0]];
    assert_ne!(Digest::of_range(&rows), Digest::of_range(&swapped));
}

// Wrong: a stranger's question that makes this node go through its rows in circles, or hold too many of them.
#[test]
fn unsound_questions_and_answers_are_refused() {
    let range = |n, count| Range { upto: id(n), count, digest: Digest::default() };
    let asked = |after: Option<u16>, ranges: Vec<Range>| RangesAsked { after: after.map(id), ranges };
    assert!(asked(None, vec![range(1, 1), range(2, 1)]).check().is_ok());
    for bad in [
        asked(None, vec![]),
        asked(None, vec![range(2, 1), range(1, 1)]),
        asked(None, vec![range(1, 1), range(1, 1)]),
        asked(Some(1), vec![range(1, 1)]),
        asked(None, vec![range(1, RANGE_ROWS as u32 + 1)]),
        asked(None, (0..=sync::compare::RANGES as u16).map(|n| range(n, 1)).collect()),
    ] {
        assert!(bad.check().is_err(), "{bad:?}");
    }
    let question = asked(None, vec![range(1, 1), range(2, 1)]);
    let told = |indexes: &[u32]| RangesTold {
        unequal: indexes.iter().map(|index| Unequal { index: *index, count: 1 }).collect(),
        ..RangesTold::default()
    };
    assert!(told(&[0, 1]).check(&question).is_ok());
    assert!([told(&[1, 0]), told(&[0, 0]), told(&[2])].iter().all(|t| t.check(&question).is_err()));
}

#[test]
fn unsound_questions_about_rows_are_refused() {
    let row = |n| Held { id: id(n), digest: Digest::default() };
    let span = |after: u16, upto: u16, rows: Vec<Held>| Span { after: Some(id(after)), upto: id(upto), rows };
    let asked = |spans| RowsAsked { spans, others: true };
    let good = asked(vec![span(1, 5, vec![row(2), row(5)]), span(5, 9, vec![])]);
    assert!(good.check().is_ok());
    for bad in [
        asked(vec![]),
        asked(vec![span(1, 5, vec![row(3), row(2)])]),
        asked(vec![span(1, 5, vec![row(1)])]),
        asked(vec![span(1, 5, vec![row(6)])]),
        asked(vec![span(5, 1, vec![])]),
        asked(vec![span(1, 5, vec![]), span(4, 9, vec![])]),
        asked(vec![span(1, 999, (2..=102).map(row).collect())]),
    ] {
        assert!(bad.check().is_err(), "{bad:?}");
    }
    let unlike = |n| Unlike { id: id(n), seq: 1, held: true };
    let other = |n| Other { id: id(n), kind: "k".into(), seq: 1 };
    let told = |unlike: Vec<Unlike>, others: Vec<Other>, upto: Option<u16>| RowsTold {
        unlike,
        others,
        upto: upto.map(id),
        ..RowsTold::default()
    };
    assert!(told(vec![unlike(2), unlike(5)], vec![other(3), other(7)], Some(8)).check(&good).is_ok());
    for bad in [
        told(vec![unlike(5), unlike(2)], vec![], None),
        told(vec![unlike(3)], vec![], None),
        told(vec![], vec![other(2)], None),
        told(vec![], vec![other(10)], None),
        told(vec![], vec![other(7)], Some(6)),
        told(vec![], vec![], Some(1)),
    ] {
        assert!(bad.check(&good).is_err(), "{bad:?}");
    }
    let unasked = RowsAsked { others: false, ..good };
    assert!(told(vec![], vec![other(3)], None).check(&unasked).is_err());
}

#[test]
fn why_a_record_is_not_the_same() {
    let mine = |unsent, refused| Mine {
        held: Held { id: id(1), digest: Digest::default() },
        seq: 3,
        unsent,
        refused,
    };
    let above = |seq| Unlike { id: id(1), seq, held: true };
    for (unsent, refused, aside, seq, expected) in [
        (Unsent::Clean, true, true, 9, Why::Refused),
        (Unsent::Unpushed, false, true, 9, Why::WaitsUp),
        (Unsent::Resend, false, false, 0, Why::WaitsUp),
        (Unsent::Clean, false, true, 9, Why::Held),
        (Unsent::Clean, false, false, 9, Why::WaitsDown),
        (Unsent::Clean, false, false, 5, Why::Unexplained),
        (Unsent::Clean, false, false, 0, Why::Unexplained),
    ] {
        assert_eq!(why(&mine(unsent, refused), &above(seq), 5, aside), expected);
    }
    assert!(Why::Hidden.is_in_flight() && !Why::Refused.is_in_flight() && !Why::KeptAside.is_in_flight());
}

fn row(n: u16, seq: u64, unsent: Unsent) -> Row {
    let state = causal::State { context: context(2), groups: Vec::new() }.encode();
    Row { id: id(n), kind: "k".into(), seq, unsent, state, ..Row::default() }
}

fn context(tick: u64) -> Context {
    [Dot { replica: ReplicaId(1), tick }].into_iter().collect()
}

// Wrong: an edit made while the comparison was under way is lost, a hidden row forgets what it holds.
#[test]
fn only_what_is_as_it_was_compared_is_settled() {
    let hidden = Row { hidden: true, ..row(4, 14, Unsent::Resend) };
    let refused = Row { refused: true, ..row(5, 15, Unsent::Resend) };
    let rows = [
        row(1, 11, Unsent::Resend),
        row(2, 99, Unsent::Unpushed),
        row(3, 13, Unsent::Unpushed),
        hidden,
        refused,
        row(6, 16, Unsent::Clean),
    ];
    let child = BaseId([9; 16]);
    let withdraws = [1, 2].map(|n| Withdraw { child, record: id(n), seq: 1 });
    let settling = Settling {
        now: rows.into_iter().map(|row| (row.id, row)).collect(),
        handed: Vec::new(),
        withdraws: &withdraws,
        refused: &[id(1), id(2)].into(),
    };
    let mut changes = Changes::default();
    let equal: Vec<_> = (1..=7).map(|n| (id(n), 10 + u64::from(n))).collect();
    settling.settle(&mut changes, &equal);
    assert_eq!(changes.clean, [11]);
    assert_eq!(changes.release, [(id(1), None)]);
    let again: Vec<_> = changes.withdraws.iter().map(|w| (w.child, w.record)).collect();
    assert_eq!(again, [(child, id(1))], "it was held back while the row waited");
}

#[test]
fn what_was_handed_over_is_attested_by_a_state_that_has_seen_it() {
    let handed = |n, tick| Handed { record: id(n), context: context(tick), unattested: true };
    let settling = Settling {
        now: [1, 2].map(|n| (id(n), row(n, u64::from(n), Unsent::Resend))).into(),
        handed: vec![handed(1, 2), handed(2, 3)],
        withdraws: &[],
        refused: &BTreeSet::new(),
    };
    let mut changes = Changes::default();
    settling.settle(&mut changes, &[(id(1), 1), (id(2), 2)]);
    assert_eq!(changes.handed, [Handed { unattested: false, ..handed(1, 2) }]);
}

// Wrong: a parent restored to a time before the comparison is believed to hold what was settled by it.
#[test]
fn what_was_seen_above_is_stored_as_an_acknowledgement() {
    let at = |timeline, seq| Position { timeline: TimelineId(timeline), seq };
    let link = Link { ack: Some(at(7, 5)), ..Link::default() };
    assert_eq!(seen_at(&link, at(7, 9)).and_then(|link| link.ack), Some(at(7, 9)));
    assert_eq!(seen_at(&link, at(7, 3)).and_then(|link| link.ack), Some(at(7, 5)), "the highest ever seen");
    assert_eq!(seen_at(&link, at(8, 9)), None);
    assert_eq!(seen_at(&Link::default(), at(7, 9)), None);
}
