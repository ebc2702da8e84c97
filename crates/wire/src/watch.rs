//! Between the messages of Watch and plain types: out by `From`, in by `TryFrom`.

use ::sync::limits;
use ::sync::watch::{CALLED_MAX, Call, CallId, Down, Progress, Stage};
use causal::BaseId;

use crate::convert::{Invalid, array};
use crate::sync as pb;
use crate::sync::call_progress::Stage as Said;
use crate::sync::watch_down::What;

impl From<Down> for pb::WatchDown {
    fn from(down: Down) -> pb::WatchDown {
        let what = match down {
            Down::News(at) => What::News(at.into()),
            Down::Call(call) => What::Call(call.into()),
        };
        pb::WatchDown { what: Some(what) }
    }
}

impl TryFrom<pb::WatchDown> for Option<Down> {
    type Error = Invalid;

    /// `None`: a word of a later version that this program does not know.
    fn try_from(down: pb::WatchDown) -> Result<Option<Down>, Invalid> {
        Ok(match down.what {
            Some(What::News(at)) => Some(Down::News(at.into())),
            Some(What::Call(call)) => Some(Down::Call(call.try_into()?)),
            None => None,
        })
    }
}

impl From<Call> for pb::Call {
    fn from(call: Call) -> pb::Call {
        pb::Call {
            id: call.id.0.to_vec(),
            asker: call.asker.0.to_vec(),
            asked_at_ms: call.asked_at_ms,
            lasts_ms: call.lasts_ms,
            bases: call.bases.iter().map(|base| base.0.to_vec()).collect(),
            reason: call.reason,
        }
    }
}

impl TryFrom<pb::Call> for Call {
    type Error = Invalid;

    fn try_from(call: pb::Call) -> Result<Call, Invalid> {
        if call.bases.len() > CALLED_MAX || call.reason.len() > limits::TEXT_BYTES {
            return Err(Invalid::new("call"));
        }
        let base = |bytes: &Vec<u8>| array("call.bases", bytes).map(BaseId);
        Ok(Call {
            id: CallId(array("call.id", &call.id)?),
            asker: BaseId(array("call.asker", &call.asker)?),
            asked_at_ms: call.asked_at_ms,
            lasts_ms: call.lasts_ms,
            bases: call.bases.iter().map(base).collect::<Result<_, _>>()?,
            reason: call.reason,
        })
    }
}

impl From<Progress> for pb::CallProgress {
    fn from(told: Progress) -> pb::CallProgress {
        let stage = match told.stage {
            Stage::Away => Said::Away(true),
            Stage::Called => Said::Called(true),
            Stage::Heard => Said::Heard(true),
            Stage::Syncing { pushed, to_push } => Said::Syncing(pb::CallSyncing { pushed, to_push }),
            Stage::Failed { words } => Said::Failed(words),
            Stage::Passing { at } => Said::Passing(at.0.to_vec()),
            Stage::Done { pushed } => Said::Done(pushed),
        };
        pb::CallProgress {
            call: told.call.0.to_vec(),
            node: told.node.0.to_vec(),
            n: told.n,
            stage: Some(stage),
        }
    }
}

impl TryFrom<pb::CallProgress> for Progress {
    type Error = Invalid;

    fn try_from(told: pb::CallProgress) -> Result<Progress, Invalid> {
        let stage = match told.stage.ok_or(Invalid::new("progress.stage"))? {
            Said::Away(_) => Stage::Away,
            Said::Called(_) => Stage::Called,
            Said::Heard(_) => Stage::Heard,
            Said::Syncing(pb::CallSyncing { pushed, to_push }) => Stage::Syncing { pushed, to_push },
            Said::Failed(words) => Stage::Failed { words },
            Said::Passing(at) => Stage::Passing { at: BaseId(array("progress.passing", &at)?) },
            Said::Done(pushed) => Stage::Done { pushed },
        };
        Ok(Progress {
            call: CallId(array("progress.call", &told.call)?),
            node: BaseId(array("progress.node", &told.node)?),
            n: told.n,
            stage,
        })
    }
}
