//! Comparing by digests, between messages and plain types.

use ::sync::compare::{
    Digest, Held, Other, Range, RangesAsked, RangesTold, RowsAsked, RowsTold, Span, Unequal, Unlike,
};
use ::sync::{Position, limits};
use causal::RecordId;

use crate::convert::{Invalid, array};
use crate::sync as pb;

fn id(field: &'static str, bytes: &[u8]) -> Result<RecordId, Invalid> {
    array(field, bytes).map(RecordId)
}

/// An id that may be left out.
fn some_id(field: &'static str, bytes: &[u8]) -> Result<Option<RecordId>, Invalid> {
    if bytes.is_empty() { Ok(None) } else { id(field, bytes).map(Some) }
}

fn bytes(id: Option<RecordId>) -> Vec<u8> {
    id.map(|id| id.0.to_vec()).unwrap_or_default()
}

fn position(field: &'static str, position: Option<pb::Position>) -> Result<Position, Invalid> {
    position.map(Position::from).ok_or(Invalid::new(field))
}

impl pb::RangesAsked {
    /// The question in a session.
    pub fn of(session: u64, asked: &RangesAsked) -> pb::RangesAsked {
        let range = |range: &Range| pb::Range {
            upto: range.upto.0.to_vec(),
            count: range.count,
            digest: range.digest.0.to_vec(),
        };
        pb::RangesAsked {
            session,
            after: bytes(asked.after),
            ranges: asked.ranges.iter().map(range).collect(),
        }
    }
}

impl TryFrom<&pb::RangesAsked> for RangesAsked {
    type Error = Invalid;

    fn try_from(asked: &pb::RangesAsked) -> Result<RangesAsked, Invalid> {
        let range = |range: &pb::Range| {
            Ok(Range {
                upto: id("range.upto", &range.upto)?,
                count: range.count,
                digest: Digest(array("range.digest", &range.digest)?),
            })
        };
        Ok(RangesAsked {
            after: some_id("ranges.after", &asked.after)?,
            ranges: asked.ranges.iter().map(range).collect::<Result<_, _>>()?,
        })
    }
}

impl pb::RangesTold {
    /// The answer in a session.
    pub fn of(session: u64, told: &RangesTold) -> pb::RangesTold {
        let unequal = |u: &Unequal| pb::UnequalRange { index: u.index, count: u.count };
        let position = Some(told.position.into());
        pb::RangesTold { session, position, unequal: told.unequal.iter().map(unequal).collect() }
    }
}

impl TryFrom<pb::RangesTold> for RangesTold {
    type Error = Invalid;

    fn try_from(told: pb::RangesTold) -> Result<RangesTold, Invalid> {
        let unequal = |u: &pb::UnequalRange| Unequal { index: u.index, count: u.count };
        Ok(RangesTold {
            position: position("ranges.position", told.position)?,
            unequal: told.unequal.iter().map(unequal).collect(),
        })
    }
}

impl pb::RowsAsked {
    /// The question in a session.
    pub fn of(session: u64, asked: &RowsAsked) -> pb::RowsAsked {
        let held = |row: &Held| pb::Held { id: row.id.0.to_vec(), digest: row.digest.0.to_vec() };
        let span = |span: &Span| pb::Span {
            after: bytes(span.after),
            upto: span.upto.0.to_vec(),
            rows: span.rows.iter().map(held).collect(),
        };
        pb::RowsAsked { session, spans: asked.spans.iter().map(span).collect(), others: asked.others }
    }
}

impl TryFrom<&pb::RowsAsked> for RowsAsked {
    type Error = Invalid;

    fn try_from(asked: &pb::RowsAsked) -> Result<RowsAsked, Invalid> {
        let held = |row: &pb::Held| {
            Ok(Held { id: id("held.id", &row.id)?, digest: Digest(array("held.digest", &row.digest)?) })
        };
        let span = |span: &pb::Span| {
            Ok(Span {
                after: some_id("span.after", &span.after)?,
                upto: id("span.upto", &span.upto)?,
                rows: span.rows.iter().map(held).collect::<Result<_, _>>()?,
            })
        };
        Ok(RowsAsked { spans: asked.spans.iter().map(span).collect::<Result<_, _>>()?, others: asked.others })
    }
}

impl pb::RowsTold {
    /// The answer in a session.
    pub fn of(session: u64, told: &RowsTold) -> pb::RowsTold {
        let unlike = |u: &Unlike| pb::UnlikeRow { id: u.id.0.to_vec(), seq: u.seq, held: u.held };
        let other = |o: &Other| pb::OtherRow { id: o.id.0.to_vec(), kind: o.kind.clone(), seq: o.seq };
        pb::RowsTold {
            session,
            position: Some(told.position.into()),
            unlike: told.unlike.iter().map(unlike).collect(),
            others: told.others.iter().map(other).collect(),
            upto: bytes(told.upto),
        }
    }
}

impl TryFrom<pb::RowsTold> for RowsTold {
    type Error = Invalid;

    fn try_from(told: pb::RowsTold) -> Result<RowsTold, Invalid> {
        let unlike = |u: &pb::UnlikeRow| Ok(Unlike { id: id("unlike.id", &u.id)?, seq: u.seq, held: u.held });
        let other = |o: pb::OtherRow| {
            if o.kind.len() > limits::KIND_BYTES {
                return Err(Invalid::new("other.kind"));
            }
            Ok(Other { id: id("other.id", &o.id)?, kind: o.kind, seq: o.seq })
        };
        Ok(RowsTold {
            position: position("rows.position", told.position)?,
            unlike: told.unlike.iter().map(unlike).collect::<Result<_, _>>()?,
            others: told.others.into_iter().map(other).collect::<Result<_, _>>()?,
            upto: some_id("rows.upto", &told.upto)?,
        })
    }
}
