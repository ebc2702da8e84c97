//! Who is let in, and who must start anew (H3–H5, Y1).

use sync::child::resync;
use sync::parent::{Hello, Welcome, welcome};
use sync::{Changes, Link, Position, Timeline, TimelineId, Timelines};

use crate::contract::{CITY, WEST};

/// Timeline 7 up to number 10, where a backup was restored; timeline 8 since, now at 15.
fn timelines() -> Timelines {
    let timeline = |id, start_seq| Timeline { id: TimelineId(id), start_seq };
    Timelines { all: vec![timeline(7, 0), timeline(8, 10)], seq: 15 }
}

fn at(timeline: u64, seq: u64) -> Option<Position> {
    Some(Position { timeline: TimelineId(timeline), seq })
}

fn link() -> Link {
    Link { peer: WEST, epoch: 3, ..Link::default() }
}

fn hello(cursor: Option<Position>, ack: Option<Position>, epoch: u64) -> Hello {
    Hello { cursor, ack, epoch, ..Hello::default() }
}

fn must_resync(hello: &Hello) -> bool {
    welcome(&timelines(), Some(&link()), WEST, hello).0.resync
}

/// Asking for everything again at each round would send a whole city's records every few minutes.
#[test]
fn who_is_known_in_all_three_goes_on() {
    for position in [None, at(7, 0), at(7, 10), at(8, 3), at(8, 15)] {
        assert!(!must_resync(&hello(position, None, 3)), "cursor {position:?}");
        assert!(!must_resync(&hello(None, position, 3)), "ack {position:?}");
    }
    assert!(!must_resync(&hello(at(7, 10), at(8, 15), 3)));
}

/// A restored parent gives old numbers to new changes: the child would pass over all of them.
#[test]
fn a_cursor_of_a_lost_future_is_a_resync() {
    for cursor in [at(7, 11), at(8, 16), at(9, 1)] {
        assert!(must_resync(&hello(cursor, at(8, 15), 3)), "{cursor:?}");
    }
}

/// The cursor of a child that only pushes stays old and known, while the parent lost what it had acknowledged.
#[test]
fn an_acknowledgement_of_a_lost_future_is_a_resync() {
    for ack in [at(7, 11), at(8, 16), at(9, 0)] {
        assert!(must_resync(&hello(at(7, 5), ack, 3)), "{ack:?}");
    }
}

/// A child that left and came back unseen would keep what was moved away from it in between, and lack what came.
#[test]
fn another_epoch_is_a_resync() {
    assert!(must_resync(&hello(at(8, 15), at(8, 15), 2)));
    assert!(must_resync(&hello(at(8, 15), at(8, 15), 4)));
}

/// Whoever comes first would otherwise never learn the epoch, and start anew each time or never.
#[test]
fn a_first_meeting_is_a_resync_and_the_second_is_not() {
    let first = welcome(&timelines(), None, WEST, &Hello::default());
    assert!(first.0.resync);
    let after = hello(at(8, 0), at(8, 0), first.0.epoch);
    let (second, link) = welcome(&timelines(), Some(&first.1), WEST, &after);
    assert!(!second.resync);
    assert_eq!((link.peer, link.epoch), (WEST, first.0.epoch));
}

/// Without the present position the child could not start anew; without what it said nobody sees that it lags.
#[test]
fn the_answer_says_where_the_parent_stands_and_remembers_the_child() {
    let hello = Hello { unsent: 4, version: "1.2\n\u{7}3".into(), ..hello(at(8, 12), None, 9) };
    let (answer, link) = welcome(&timelines(), Some(&link()), WEST, &hello);
    assert_eq!(
        answer,
        Welcome {
            position: at(8, 15).unwrap(),
            epoch: 3,
            resync: true,
            quarantined: vec![],
            stood: None,
            clone: false
        }
    );
    assert_eq!((link.cursor, link.peer_unsent, link.epoch), (at(8, 12), 4, 3), "the parent's epoch counts");
    assert_eq!(link.peer_version, "1.23");
}

/// A resync that keeps any of these would take old numbers for new ones, or claim what was lost as delivered.
#[test]
fn a_resync_starts_everything_anew() {
    let old = Link {
        peer: CITY,
        up: true,
        cursor: at(7, 99),
        ack: at(7, 98),
        epoch: 2,
        last_success_ms: 6,
        ..link()
    };
    let answer = Welcome {
        position: at(8, 15).unwrap(),
        epoch: 5,
        resync: true,
        quarantined: vec![],
        stood: None,
        clone: false,
    };
    let expected = Changes {
        links: vec![Link { cursor: at(8, 0), ack: at(8, 0), epoch: 5, ..old.clone() }],
        resend_all: true,
        clear_ticks: true,
        ..Changes::default()
    };
    assert_eq!(resync(&old, &answer), expected);
}
