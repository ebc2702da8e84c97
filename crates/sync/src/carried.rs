//! Carried by hand: what a receipt may do at the child, however late it comes.
//!
//! A push that travels in a file is answered days later, after other files and after rounds over the network. What the
//! child remembers of the file (an [`Export`]) and what the receipt says of the parent's past decide together.

use causal::BaseId;

use crate::child::Sent;
use crate::model::{Changes, Link};
use crate::parent::Welcome;
use crate::position::{Position, Timelines};

/// Bytes of states in one file, before compression: some 100,000 records. It fits the memory of an old office computer
/// several times over; what does not fit comes with the next file.
pub const BYTES: usize = 64 * 1024 * 1024;
/// Exports that are remembered: a base that writes one a day and gets no receipt for two weeks looks into it.
pub const EXPORTS_KEPT: usize = 16;
/// Timelines that a receipt tells of the parent's past: some years of restarts.
pub const TIMELINES_TOLD: usize = 1_000;

/// What the child said of itself in a file that it exported; remembered until the receipt has come.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Export {
    /// For which parent.
    pub parent: BaseId,
    /// How far it had pulled.
    pub cursor: Option<Position>,
    /// The highest acknowledgement that it knew.
    pub ack: Option<Position>,
    /// The count of its joinings that it knew.
    pub epoch: u64,
}

/// What the acknowledgements of a receipt are worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Worth {
    /// They settle what was sent (A1).
    Counts,
    /// First everything is to be sent again (Y1), then they settle what was sent.
    AfterResync,
    /// They are of a past that the child cannot place: nothing is settled, and all of it is sent again.
    Nothing,
}

/// What the acknowledgements in a receipt are worth (A1). `past` is the parent's at the end of its import.
///
/// They count only if all that the child knows of the parent is part of that past: else the parent may have lost since
/// what it acknowledges here, and nobody would notice.
pub fn worth(link: &Link, export: Option<&Export>, welcome: &Welcome, past: &Timelines) -> Worth {
    let Some(export) = export.filter(|e| e.parent == link.peer) else { return Worth::Nothing };
    let unmoved = (export.cursor, export.ack, export.epoch) == (link.cursor, link.ack, link.epoch);
    if welcome.resync && unmoved {
        return Worth::AfterResync;
    }
    let continues = [link.ack, link.cursor].into_iter().flatten().all(|position| past.knows(position));
    if continues && link.epoch == welcome.epoch { Worth::Counts } else { Worth::Nothing }
}

/// Whether the data of a push that travels in a file is whole, so that its seals count (P8): nothing is presumed to
/// be here that is not.
pub fn is_whole(cursor: Option<Position>, ack: Option<Position>, welcome: &Welcome) -> bool {
    !welcome.resync || (cursor.is_none() && ack.is_none())
}

/// What is taken of a page in a receipt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// All of it, and the cursor moves.
    Whole,
    /// The records, for what they are worth. The cursor stays, and so all of it comes again.
    Records,
    /// Nothing: it is older than what is here. Its records may have been withdrawn since.
    Nothing,
}

/// What is taken of a page with the changes after `from` up to `to`. `known` says whether this database remembers the
/// export that it answers: the page leaves out what that export brought (L3), which a restored database lacks.
pub fn page_use(cursor: Option<Position>, past: &Timelines, from: u64, to: Position, known: bool) -> Use {
    let at = match cursor {
        None => 0,
        Some(cursor) if past.knows(cursor) => cursor.seq,
        Some(_) => return Use::Nothing,
    };
    if known && from <= at && at <= to.seq {
        return Use::Whole;
    }
    if at < to.seq { Use::Records } else { Use::Nothing }
}

/// Makes an acknowledgement count for each row by the number under which it was sent (A2), and for no range of numbers:
/// a row that was not in the file may wait under a number in between.
pub fn row_by_row(changes: &mut Changes, sent: &Sent) {
    let ranges = std::mem::take(&mut changes.acknowledged);
    let covered = |seq: &u64| ranges.iter().any(|(after, upto)| after < seq && seq <= upto);
    changes.clean.extend(sent.rows.iter().map(|(_, seq)| *seq).filter(covered));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::{Timeline, TimelineId};

    fn at(timeline: u64, seq: u64) -> Position {
        Position { timeline: TimelineId(timeline), seq }
    }

    fn past(all: &[(u64, u64)], seq: u64) -> Timelines {
        let all = all.iter().map(|(id, start_seq)| Timeline { id: TimelineId(*id), start_seq: *start_seq });
        Timelines { all: all.collect(), seq }
    }

    #[test]
    fn a_receipt_counts_only_if_it_continues_what_is_known() {
        let known = Export { ack: Some(at(1, 10)), epoch: 1, ..Export::default() };
        let check = |ack, epoch, resync, export: Option<&Export>, past: &Timelines, expected: Worth| {
            let link = Link { ack, epoch, cursor: export.and_then(|e| e.cursor), ..Link::default() };
            let welcome = Welcome {
                position: past.now(),
                epoch: 1,
                resync,
                quarantined: vec![],
                stood: None,
                clone: false,
            };
            assert_eq!(worth(&link, export, &welcome, past), expected, "{ack:?} {epoch} {resync}");
        };
        let same = past(&[(1, 0)], 20);
        let restarted = past(&[(1, 0), (2, 20)], 30);
        check(Some(at(1, 10)), 1, false, Some(&known), &same, Worth::Counts);
        check(Some(at(1, 20)), 1, false, Some(&known), &restarted, Worth::Counts);
        check(Some(at(1, 25)), 1, false, Some(&known), &same, Worth::Nothing);
        check(Some(at(2, 25)), 1, false, Some(&known), &same, Worth::Nothing);
        check(Some(at(1, 10)), 1, false, None, &same, Worth::Nothing);
        check(Some(at(1, 10)), 2, false, Some(&known), &same, Worth::Nothing);
        check(Some(at(1, 10)), 1, true, Some(&known), &same, Worth::AfterResync);
        // It was answered by another way since.
        check(Some(at(1, 12)), 1, true, Some(&known), &same, Worth::Counts);
        check(Some(at(3, 12)), 1, true, Some(&known), &same, Worth::Nothing);
        // A page came by another way from a timeline that this past does not hold.
        let link = Link { ack: Some(at(1, 10)), cursor: Some(at(3, 5)), epoch: 1, ..Link::default() };
        let welcome = Welcome {
            position: same.now(),
            epoch: 1,
            resync: false,
            quarantined: vec![],
            stood: None,
            clone: false,
        };
        assert_eq!(worth(&link, Some(&known), &welcome, &same), Worth::Nothing);
        let elsewhere = Export { parent: BaseId([9; 16]), ..known.clone() };
        check(Some(at(1, 10)), 1, false, Some(&elsewhere), &same, Worth::Nothing);
    }

    #[test]
    fn a_page_moves_the_cursor_only_if_it_continues_there() {
        let past = past(&[(1, 0), (2, 50)], 90);
        let check = |cursor, from, to, known, expected| {
            assert_eq!(page_use(cursor, &past, from, at(2, to), known), expected, "{cursor:?} {from}–{to}");
        };
        check(None, 0, 60, true, Use::Whole);
        check(None, 10, 60, true, Use::Records);
        check(Some(at(1, 40)), 40, 60, true, Use::Whole);
        check(Some(at(1, 45)), 40, 60, true, Use::Whole);
        check(Some(at(2, 60)), 40, 60, true, Use::Whole);
        check(Some(at(2, 61)), 40, 60, true, Use::Nothing);
        check(Some(at(1, 30)), 40, 60, true, Use::Records);
        check(Some(at(1, 40)), 40, 60, false, Use::Records);
        check(Some(at(2, 60)), 40, 60, false, Use::Nothing);
        check(Some(at(3, 40)), 40, 60, true, Use::Nothing);
        check(Some(at(1, 51)), 40, 60, true, Use::Nothing);
    }

    #[test]
    fn an_acknowledgement_counts_for_the_rows_that_were_sent() {
        let row = |n: u8, seq| (causal::RecordId([n; 16]), seq);
        let sent = Sent { after: 0, upto: 9, rows: vec![row(1, 3), row(2, 5), row(3, 9)], ..Sent::default() };
        let mut changes = Changes { acknowledged: vec![(0, 4), (5, 9)], ..Changes::default() };
        row_by_row(&mut changes, &sent);
        assert_eq!((changes.acknowledged, changes.clean), (vec![], vec![3, 9]));
    }
}
