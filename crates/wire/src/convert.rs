//! Between messages and plain types: out by `From`, in by `TryFrom`.

use ::sync::parent::{Hello, Verdict, Welcome};
use ::sync::{Heartbeat, Position, Reason, Seal, Tick, TimelineId, limits};
use causal::{BaseId, Dot, RecordId, ReplicaId};

use crate::sync as pb;

/// A message that does not hold what it must; names the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("消息中的“{field}”不合要求 / message field {field} is invalid")]
pub struct Invalid {
    /// The field's name, with its message.
    pub field: &'static str,
}

impl Invalid {
    pub(crate) fn new(field: &'static str) -> Invalid {
        Invalid { field }
    }
}

pub(crate) fn array(field: &'static str, bytes: &[u8]) -> Result<[u8; 16], Invalid> {
    bytes.try_into().map_err(|_| Invalid { field })
}

impl From<Position> for pb::Position {
    fn from(position: Position) -> Self {
        pb::Position { timeline: position.timeline.0, seq: position.seq }
    }
}

impl From<pb::Position> for Position {
    fn from(position: pb::Position) -> Self {
        Position { timeline: TimelineId(position.timeline), seq: position.seq }
    }
}

impl TryFrom<&pb::Hello> for Hello {
    type Error = Invalid;

    fn try_from(hello: &pb::Hello) -> Result<Hello, Invalid> {
        if hello.version.len() > limits::TEXT_BYTES {
            return Err(Invalid::new("hello.version"));
        }
        Ok(Hello {
            cursor: hello.cursor.map(Position::from),
            ack: hello.ack.map(Position::from),
            epoch: hello.epoch,
            unsent: hello.unsent,
            version: hello.version.clone(),
            heartbeat: hello.stands.map(|stands| {
                let head = hello.head.unwrap_or_default();
                let head = Dot { replica: ReplicaId(head.replica), tick: head.tick };
                Heartbeat { position: stands.into(), head }
            }),
            clock_offset_ms: None,
        })
    }
}

impl TryFrom<&pb::Welcome> for Welcome {
    type Error = Invalid;

    fn try_from(welcome: &pb::Welcome) -> Result<Welcome, Invalid> {
        let position = welcome.position.ok_or(Invalid::new("welcome.position"))?;
        let aside = welcome.quarantined.iter().map(|id| array("welcome.quarantined", id).map(RecordId));
        Ok(Welcome {
            position: position.into(),
            epoch: welcome.epoch,
            resync: welcome.resync,
            quarantined: aside.collect::<Result<_, _>>()?,
            stood: welcome.stood.map(Into::into),
            clone: welcome.clone,
        })
    }
}

impl From<&Seal> for pb::Seal {
    fn from(seal: &Seal) -> Self {
        pb::Seal {
            base: seal.base.0.to_vec(),
            timeline: seal.timeline.0,
            n: seal.n,
            at_ms: seal.at_ms,
            unsent: seal.unsent,
            quarantined: seal.quarantined,
            exceptions: seal.exceptions.iter().map(|id| id.0.to_vec()).collect(),
            restored: seal.restored,
        }
    }
}

impl TryFrom<pb::Seal> for Seal {
    type Error = Invalid;

    fn try_from(seal: pb::Seal) -> Result<Seal, Invalid> {
        let exception = |bytes: &Vec<u8>| array("seal.exceptions", bytes).map(RecordId);
        Ok(Seal {
            base: BaseId(array("seal.base", &seal.base)?),
            timeline: TimelineId(seal.timeline),
            n: seal.n,
            at_ms: seal.at_ms,
            unsent: seal.unsent,
            quarantined: seal.quarantined,
            exceptions: seal.exceptions.iter().map(exception).collect::<Result<_, _>>()?,
            restored: seal.restored,
            covers_seq: 0,
        })
    }
}

impl From<&Tick> for pb::Tick {
    fn from(tick: &Tick) -> Self {
        pb::Tick {
            holder: tick.holder.0.to_vec(),
            base: tick.base.0.to_vec(),
            timeline: tick.timeline.0,
            n: tick.n,
        }
    }
}

impl TryFrom<pb::Tick> for Tick {
    type Error = Invalid;

    fn try_from(tick: pb::Tick) -> Result<Tick, Invalid> {
        Ok(Tick {
            holder: BaseId(array("tick.holder", &tick.holder)?),
            base: BaseId(array("tick.base", &tick.base)?),
            timeline: TimelineId(tick.timeline),
            n: tick.n,
        })
    }
}

impl pb::Verdict {
    /// What is said of a record; `None` when it was simply taken.
    pub fn of(record: RecordId, verdict: &Verdict) -> Option<pb::Verdict> {
        let (withdraw, reason, detail) = match verdict {
            Verdict::Ok => return None,
            Verdict::Withdraw => (true, "", ""),
            Verdict::Quarantined(reason, detail) => (false, reason.code(), detail.as_str()),
        };
        let detail = detail.chars().take(limits::TEXT_BYTES).collect();
        Some(pb::Verdict { record: record.0.to_vec(), withdraw, reason: reason.into(), detail })
    }
}

impl TryFrom<pb::Verdict> for (RecordId, Verdict) {
    type Error = Invalid;

    fn try_from(verdict: pb::Verdict) -> Result<Self, Invalid> {
        let record = RecordId(array("verdict.record", &verdict.record)?);
        if verdict.withdraw {
            return Ok((record, Verdict::Withdraw));
        }
        // A parent of a later version may know reasons that this program does not.
        let reason = Reason::from_code(&verdict.reason).unwrap_or(Reason::Unverified);
        Ok((record, Verdict::Quarantined(reason, verdict.detail)))
    }
}
