//! Illegal writes of honest programs: merged, overruled, and never lost without a trace (P6).

use causal::{Register, State};
use schema::CorrectionRole;
use sync::correct::{CORRECTIONS_MAX, CORRECTOR};
use sync::parent::{Incoming, Received, Verdict};
use sync::{Reason, Row};

use crate::contract::{CITY, EAST, PHONE, RATING, REMARK, S4, WEST, schema, text, tree};
use crate::make::{Parent, dot, edit, incoming, merged, note, open_note, parent, row, say, state};

/// A note of a street; its rating is the city's alone.
fn known() -> Vec<u8> {
    say(&note(dot(1, 1), S4), dot(2, 1), CITY, RATING, "一级")
}

fn overruled(held: &[u8], pushed: &[u8]) -> Received {
    let received = parent(WEST, S4).receives(&[row(held)], &[incoming(pushed)]);
    assert_eq!(received.verdicts, [Verdict::Ok]);
    assert!(received.changes.quarantine.is_empty());
    received
}

fn ratings(bytes: &[u8]) -> Vec<(Vec<u8>, String)> {
    let state = State::decode(bytes).unwrap();
    let entries = state.entries(Register::whole(RATING));
    entries.map(|(stamp, entry)| (entry.value.to_vec(), stamp.user.to_owned())).collect()
}

/// Refused as a whole, the rest of the edit would be lost with it; taken as it is, a street could rate itself.
#[test]
fn what_was_not_the_writers_is_written_back_and_the_rest_is_taken() {
    let known = known();
    let both = edit(&known, dot(5, 1), S4, |d| {
        crate::make::put(d, RATING, "特级");
        crate::make::put(d, REMARK, "街道的备注");
    });
    let received = overruled(&known, &both);
    let after = &received.changes.rows[0].row.state;
    assert_eq!(ratings(after), [(text(RATING, "一级"), CORRECTOR.to_owned())]);
    assert_eq!(received.corrected, [(crate::make::R, S4)]);
    let history = &received.changes.revisions;
    assert!(history.iter().any(|r| r.of == dot(5, 1)), "the overruled value is in the history");
    // The child gets it back, and what it wrote is then replaced there too.
    assert!(causal::merge(&state(&both), &state(after)).unwrap() == state(after));
}

/// The overruled value would be gone for its writer, who was told that it was saved.
#[test]
fn an_overruled_value_becomes_a_wish_that_its_owner_decides() {
    let known = known();
    let received = overruled(&known, &say(&known, dot(5, 1), S4, RATING, "特级"));
    let wishes = schema().correction().unwrap();
    let wishes_made: Vec<_> = received.requests.values().collect();
    let [wish] = wishes_made.as_slice() else { panic!("one wish: {wishes_made:?}") };
    assert_eq!((wish.row.kind.as_str(), wish.shown.home), (wishes.name.as_str(), S4));
    let decider = wishes.correction_field(CorrectionRole::Decider).unwrap().number;
    assert!(wish.shown.body.windows(16).any(|w| w == CITY.0), "field {decider} names the city");
    assert!(String::from_utf8_lossy(&wish.shown.body).contains("特级"));
    // The next tier takes it from below, and the same cause gives the same wish.
    let up = Incoming { id: wish.row.id, kind: wish.row.kind.clone(), state: wish.row.state.clone() };
    assert_eq!(parent(CITY, WEST).receives(&[], &[up]).verdicts, [Verdict::Ok]);
    let again = overruled(&known, &say(&known, dot(5, 1), S4, RATING, "特级"));
    assert_eq!(again.requests.into_keys().collect::<Vec<_>>(), [wish.row.id]);
}

/// The wish that a parent makes again would be written over the one that came another way, and its answer be lost.
#[test]
fn a_wish_that_is_known_is_not_made_again() {
    let known = known();
    let wrong = say(&known, dot(5, 1), S4, RATING, "特级");
    let made = overruled(&known, &wrong).requests.into_values().next().unwrap().row;
    let other = Row { seq: 7, ..made.clone() };
    let came = Incoming { id: made.id, kind: made.kind, state: made.state };
    let (desk, write) = (parent(CITY, WEST), incoming(&wrong));
    let held = [row(&known), other];
    // Held already, and pushed once more; the two of one push in either order.
    for (held, pushed) in [
        (&held[..], vec![write.clone()]),
        (&held[..], vec![write.clone(), came.clone()]),
        (&held[..1], vec![came.clone(), write.clone()]),
        (&held[..1], vec![write.clone(), came.clone()]),
        (&held[..1], vec![write.clone(), write.clone()]),
    ] {
        let received = desk.receives(held, &pushed);
        assert!(received.verdicts.iter().all(|verdict| *verdict == Verdict::Ok), "{:?}", received.verdicts);
        assert!(!received.corrected.is_empty());
        let all = received.changes.rows.iter().chain(received.requests.values());
        let states: Vec<_> = all.filter(|new| new.row.id == came.id).map(|new| &new.row.state).collect();
        assert_eq!(held.len() + states.len(), 2, "held or written, and once");
        let is_pushed = pushed.contains(&came);
        assert!(states.iter().all(|state| !is_pushed || merged(state, &came.state) == **state));
    }
}

/// Two tiers that correct each other's corrections would do so for ever.
#[test]
fn a_correction_from_below_is_no_fault_further_up() {
    let known = known();
    let received = overruled(&known, &say(&known, dot(5, 1), S4, RATING, "特级"));
    let corrected = received.changes.rows[0].row.state.clone();
    let above = parent(CITY, WEST).receives(&[row(&known)], &[incoming(&corrected)]);
    assert_eq!((above.verdicts, above.corrected), (vec![Verdict::Ok], vec![]));
    assert_eq!((above.changes.rows.len(), above.requests.len()), (1, 0), "no wish of the district's");
    assert_eq!(above.changes.rows[0].row.state, corrected);
}

/// A correction that covered all that the writer's replica ever did would take his lawful edits along.
#[test]
fn a_correction_covers_exactly_the_edit_that_was_wrong() {
    let known = known();
    let lawful = say(&known, dot(5, 1), S4, REMARK, "街道的备注");
    let wrong = say(&lawful, dot(5, 2), S4, RATING, "特级");
    let received = overruled(&known, &wrong);
    let after = state(&received.changes.rows[0].row.state);
    let remark = Register::whole(REMARK);
    assert_eq!(after.entries(remark).map(|(stamp, _)| stamp.dot).collect::<Vec<_>>(), [dot(5, 1)]);
    assert!(after.group(dot(5, 2)).is_none());
    assert_eq!(received.changes.revisions.iter().filter(|r| r.of == dot(5, 1)).count(), 0);
}

/// Two programs that never agree would fill the history, and a hostile one the database.
#[test]
fn what_is_corrected_too_often_is_kept_aside() {
    let known = known();
    let wrong = say(&known, dot(5, 1), S4, RATING, "特级");
    let tired = Parent { corrected: CORRECTIONS_MAX, ..parent(WEST, S4) };
    tired.refuses(&[row(&known)], &incoming(&wrong), Reason::TooOften);
    let patient = Parent { corrected: CORRECTIONS_MAX - 1, ..parent(WEST, S4) };
    patient.takes(&[row(&known)], &wrong);
}

/// What a former parent wrote in good faith would wait at the city for ever.
#[test]
fn a_correction_by_a_former_parent_is_overruled_after_the_move() {
    let known = known();
    let corrected =
        overruled(&known, &say(&known, dot(5, 1), S4, RATING, "特级")).changes.rows[0].row.state.clone();
    let held = say(&known, dot(2, 2), CITY, RATING, "二级");
    let moved = |mut base: record::Base| {
        if base.id == S4 {
            (base.parent, base.former_parents) = (Some(EAST), vec![WEST]);
        }
        base
    };
    let desk = |tree| Parent { tree, ..parent(CITY, WEST) };
    let received =
        desk(tree().iter().cloned().map(moved).collect()).receives(&[row(&held)], &[incoming(&corrected)]);
    assert_eq!(received.verdicts, [Verdict::Withdraw], "taken, though it is not for the west any more");
    assert_eq!(received.corrected, [(crate::make::R, WEST)]);
    assert!(received.requests.is_empty(), "a correction is nobody's wish");
    let stand = ratings(&received.changes.rows[0].row.state);
    assert!(stand.iter().all(|(value, _)| *value == text(RATING, "二级")), "{stand:?}");
}

/// A stranger's edit of a record that he may not even see is no mistake.
#[test]
fn a_stranger_is_not_corrected_but_refused() {
    let hidden = open_note(dot(1, 1), CITY, &[]);
    let wrong = say(&hidden, dot(5, 1), S4, PHONE, "110");
    parent(WEST, S4).refuses(&[Row { seq: 5, ..row(&hidden) }], &incoming(&wrong), Reason::Illegal);
}
