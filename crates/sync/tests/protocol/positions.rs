//! Handshake and RESYNC.

use sync::child::resync;
use sync::parent::{Hello, Welcome, welcome};
use sync::{Link, Position, Timeline, TimelineId, Timelines};

use crate::contract::S4;

fn at(timeline: u64, seq: u64) -> Option<Position> {
    Some(Position { timeline: TimelineId(timeline), seq })
}

/// Opened as timeline 7, again as 8 at number 10; now at 15.
fn timelines() -> Timelines {
    let line = |id, start_seq| Timeline { id: TimelineId(id), start_seq };
    Timelines { all: vec![line(7, 0), line(8, 10)], seq: 15 }
}

fn greet(cursor: Option<Position>, ack: Option<Position>, epoch: u64) -> Welcome {
    let link = Link { peer: S4, epoch: 3, ..Link::default() };
    welcome(&timelines(), Some(&link), S4, &Hello { cursor, ack, epoch, ..Hello::default() }).0
}

#[test]
fn positions_of_ones_own_past_are_known() {
    for (cursor, ack, epoch, resync) in [
        (at(8, 15), at(8, 15), 3, false),
        // A plain restart of the parent sends nothing again.
        (at(7, 10), at(7, 9), 3, false),
        (None, None, 3, false),
        // Without H3 a child would go on from numbers that a restored parent has given to other changes.
        (at(7, 11), at(7, 9), 3, true),
        (at(8, 16), at(8, 15), 3, true),
        // Without the ack in H4 a parent restored to before an acknowledgement would never get those edits again.
        (at(7, 10), at(8, 16), 3, true),
        (at(7, 10), at(9, 1), 3, true),
        // Without the epoch a child that left and came back would miss what happened in between.
        (at(8, 15), at(8, 15), 2, true),
        (None, None, 0, true),
    ] {
        assert_eq!(greet(cursor, ack, epoch).resync, resync, "{cursor:?} {ack:?} {epoch}");
    }
}

#[test]
fn the_answer_tells_where_the_parent_stands() {
    let (answer, link) =
        welcome(&timelines(), None, S4, &Hello { unsent: 4, version: "1\n2".into(), ..Hello::default() });
    assert_eq!((Some(answer.position), answer.epoch, answer.resync), (at(8, 15), 1, true));
    assert_eq!((link.peer, link.up, link.peer_unsent, link.peer_version.as_str()), (S4, false, 4, "12"));
}

/// Without Y1 the child would keep a position in a future that the parent has lost.
#[test]
fn resync_starts_anew_on_the_parents_timeline() {
    let link = Link { cursor: at(7, 11), ack: at(7, 12), epoch: 1, last_success_ms: 5, ..Link::default() };
    let changes = resync(&link, &greet(at(7, 11), at(7, 12), 1));
    let new = &changes.links[0];
    assert_eq!((new.cursor, new.ack, new.epoch, new.last_success_ms), (at(8, 0), at(8, 0), 3, 5));
    assert!(changes.resend_all && changes.clear_ticks);
}
