//! Calls (催报) that stand: told to whoever asks how a node is doing, and kept over a restart of the caller. Nodes in
//! between and below need to keep none: they are told again when their line opens anew.

use causal::BaseId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Engine, Read, StoreError, Write};
use sync::watch::{Call, CallId, OpenCall};

use crate::{Office, OfficeError};

const META_CALLS: &str = "calls";

/// A call of this node's own people, as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    id: String,
    asked_at_ms: u64,
    until_ms: u64,
    bases: Vec<String>,
    reason: String,
}

impl Kept {
    fn of(standing: OpenCall) -> Kept {
        let OpenCall { call, until_ms, .. } = standing;
        Kept {
            id: format!("{:032x}", u128::from_be_bytes(call.id.0)),
            asked_at_ms: call.asked_at_ms,
            until_ms,
            bases: call.bases.iter().map(BaseId::to_string).collect(),
            reason: call.reason,
        }
    }

    fn call(self, asker: BaseId, now_ms: u64) -> Result<Call, StoreError> {
        let damaged = || StoreError::Corrupt { what: META_CALLS.into() };
        let id = u128::from_str_radix(&self.id, 16).map_err(|_| damaged())?;
        let bases = self.bases.iter().map(|base| base.parse().map_err(|_| damaged()));
        let call = Call {
            id: CallId(id.to_be_bytes()),
            asker,
            asked_at_ms: self.asked_at_ms,
            lasts_ms: self.until_ms.saturating_sub(now_ms),
            bases: bases.collect::<Result<_, _>>()?,
            reason: self.reason,
        };
        Ok(call.bounded())
    }
}

impl<E: Engine> Office<E> {
    /// The calls that stand here: this node's own, and those from above.
    pub fn calls(&self) -> Vec<OpenCall> {
        self.live_calls(self.now_ms())
    }

    /// Keeps the calls of this node's own people that somebody has not answered yet.
    pub(crate) async fn keep_calls(&self) -> Result<(), OfficeError> {
        let open = self.calls().into_iter().filter(|standing| !standing.relayed && !standing.is_complete());
        let kept: Vec<Kept> = open.map(Kept::of).collect();
        let mut tx = self.store.begin().await?;
        tx.put_meta(META_CALLS, json!(kept).to_string().as_bytes()).await?;
        Ok(tx.commit().await?)
    }

    /// A node that starts goes on calling those who have not answered.
    pub(crate) async fn resume_calls(&self) -> Result<(), OfficeError> {
        let Some(stored) = self.store.snapshot().await?.meta(META_CALLS).await? else { return Ok(()) };
        let damaged = |_| StoreError::Corrupt { what: META_CALLS.into() };
        let kept: Vec<Kept> = serde_json::from_slice(&stored).map_err(damaged)?;
        let now_ms = self.now_ms();
        for kept in kept.into_iter().filter(|kept| kept.until_ms > now_ms) {
            self.call_again(kept.call(self.me.base, now_ms)?, now_ms);
        }
        Ok(())
    }
}
