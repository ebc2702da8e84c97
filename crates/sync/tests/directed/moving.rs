//! Records that were moved, or created elsewhere, before an edit arrives.

use causal::{Register, State};
use record::HOME;
use sync::parent::{Incoming, Verdict};
use sync::{Reason, Row};

use crate::contract::{CITY, EAST, S4, S5, S6, TITLE, WEST, schema, text};
use crate::make::{dot, edit, incoming, note, open_note, parent, row, say};

/// A street that hears late that its record is another's by now would be told off for what it had a right to do.
#[test]
fn an_edit_made_before_the_writer_heard_of_a_move_is_taken() {
    let mine = note(dot(1, 1), S4);
    let moved = edit(&mine, dot(2, 1), WEST, |d| d.home(S5));
    let late = say(&mine, dot(1, 2), S4, TITLE, "春日义卖会");
    let received = parent(WEST, S4).receives(&[row(&moved)], &[incoming(&late)]);
    assert_eq!(received.verdicts, [Verdict::Withdraw]);
    let stranger = say(&moved, dot(3, 1), S6, TITLE, "抢注");
    parent(EAST, S6).refuses(&[row(&moved)], &incoming(&stranger), Reason::Illegal);
}

/// Moved on before the next tier ever heard of it, it would be refused there for ever.
#[test]
fn a_record_moved_away_before_its_first_push_is_taken() {
    let moved = edit(&note(dot(1, 1), S4), dot(2, 1), WEST, |d| d.home(S6));
    let received = parent(CITY, WEST).receives(&[], &[incoming(&moved)]);
    assert_eq!((received.verdicts, received.changes.rows.len()), (vec![Verdict::Withdraw], 1));
}

/// Two streets that enter one body offline would lose one of the two, or never agree.
#[test]
fn a_second_creation_under_one_key_stands_beside_the_first() {
    let body = |replica, home| {
        edit(&[], dot(replica, 1), home, |d| {
            d.set(schema().kind("body").unwrap(), 1, text(1, "甲"));
            d.home(home);
            d.audience(&[CITY]);
        })
    };
    let first = Row { kind: "body".into(), ..row(&body(1, S4)) };
    let second = Incoming { kind: "body".into(), ..incoming(&body(2, S5)) };
    let received = parent(WEST, S5).receives(&[first], &[second]);
    assert_eq!(received.verdicts, [Verdict::Ok]);
    let both = State::decode(&received.changes.rows[0].row.state).unwrap();
    assert_eq!(both.entries(Register::whole(HOME)).count(), 2);
    // A kind without a key has no second creation: that is somebody else's record.
    let known = open_note(dot(1, 1), S4, &[CITY]);
    parent(WEST, S5).refuses(&[row(&known)], &incoming(&note(dot(2, 1), S5)), Reason::Illegal);
}
