//! Names for edits: replicas, ticks, tags.

use std::collections::BTreeMap;

use causal::{BaseId, Dot, RecordId, ReplicaId, Stamp, State, TAG_BYTES};
use ring::hmac;
use store::{Engine, Write};

use crate::{Chance, Office, OfficeError};

/// The node's secret for tags; kept outside the database, so that a copied database cannot forge them.
pub struct Secret(hmac::Key);

impl Secret {
    /// The secret made of these bytes.
    pub fn new(bytes: &[u8; 32]) -> Secret {
        Secret(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The tag over (record, edit, base).
    pub fn tag(&self, record: RecordId, dot: Dot, base: BaseId) -> [u8; TAG_BYTES] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&record.0);
        context.update(&dot.replica.0.to_be_bytes());
        context.update(&dot.tick.to_be_bytes());
        context.update(&base.0);
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&context.sign().as_ref()[..TAG_BYTES]);
        tag
    }

    /// Whether a stamp was made with this secret.
    pub fn made(&self, record: RecordId, stamp: &Stamp<'_>) -> bool {
        // Not compared in constant time: who can try 2^64 tags over the network is not stopped by timing.
        self.tag(record, stamp.dot, stamp.base) == stamp.tag
    }
}

/// The replica of this process: minted at its first write, never used again by another.
#[derive(Default)]
pub(crate) struct Mint {
    replica: Option<ReplicaId>,
    ticks: u64,
    forgotten: u64,
}

impl Mint {
    /// The next edit's name. After the database dropped rows the old replica is given up: "highest tick" needs a
    /// replica that never forgets (O3). So it is when a state claims to have seen ticks that were not given yet.
    pub(crate) fn next(&mut self, forgotten: u64, before: &State<'_>, chance: &dyn Chance) -> Dot {
        let claimed = self.replica.is_some_and(|r| before.context.tick(r) > self.ticks);
        if self.replica.is_none() || self.forgotten != forgotten || claimed {
            *self = Mint { replica: Some(ReplicaId(chance.u64())), ticks: 0, forgotten };
        }
        self.ticks += 1;
        Dot { replica: self.replica.unwrap_or_default(), tick: self.ticks }
    }

    /// The last edit's name; tick 0 before the first.
    pub(crate) fn head(&self) -> Dot {
        Dot { replica: self.replica.unwrap_or_default(), tick: self.ticks }
    }

    /// Planted: a process that goes on with the replica it finds on its disk.
    pub(crate) fn keep(&mut self, known: &BTreeMap<ReplicaId, sync::Replica>, base: BaseId) {
        let own = known.values().filter(|replica| replica.base == Some(base));
        if let (None, Some(kept)) = (self.replica, own.max_by_key(|replica| replica.id)) {
            (self.replica, self.ticks) = (Some(kept.id), kept.tick);
        }
    }

    /// The last edit's name; none before the first.
    pub(crate) fn last(&self) -> Option<Dot> {
        self.replica.map(|replica| Dot { replica, tick: self.ticks })
    }
}

impl<E: Engine> Office<E> {
    pub(crate) fn mint(&self) -> std::sync::MutexGuard<'_, Mint> {
        self.mint.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What the stamps of one transaction need: the time, and how often rows were dropped.
    pub(crate) async fn moment(&self, tx: &mut E::Tx) -> Result<(u64, u64), OfficeError> {
        use store::Read as _;
        Ok((tx.saved_at(self.now_ms()).await?, tx.forgotten().await?))
    }
}
