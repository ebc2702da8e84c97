//! The seals of a round: minted before its snapshot, sent with the last batch, and what of them has arrived (S1–S4).

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use causal::{BaseId, RecordId};
use serde_json::json;
use store::{Engine, Read, Write};
use sync::child::next_seal;
use sync::parent::Welcome;
use sync::{Changes, Handed, Seal, Tick, TimelineId, limits};

use super::QUARANTINE_LOOK;
use crate::{Office, OfficeError};

const META_COVERS: &str = "seal_covers";

/// Own seals whose extent is remembered: delivery ticks of older ones no longer matter.
const COVERS_KEPT: usize = 64;

/// What the parent has acknowledged of each base's seals.
pub(crate) type AckedSeals = BTreeMap<(BaseId, TimelineId), Said>;

/// What a seal says: its count, records in quarantine, records that nobody has confirmed.
pub(crate) type Said = (u64, u64, Vec<RecordId>);

/// How far own seals reach: timeline, count, number.
pub(crate) type Covers = Vec<(u64, u64, u64)>;

/// New seals that are not kept yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Minted {
    /// One for each base served here.
    pub seals: Vec<Seal>,
    /// This node's own covers more than the last one that was kept.
    further: bool,
}

impl<E: Engine> Office<E> {
    /// A parent that remembers this node in a place that its database has never been in knew a later life of it: it was
    /// restored from a backup, or begun anew (S4). What is sealed until the next opening says so.
    pub(super) async fn note_past<R: Read>(
        &self,
        reader: &mut R,
        welcome: &Welcome,
    ) -> Result<(), OfficeError> {
        let timelines = reader.timelines().await?;
        if welcome.stood.is_some_and(|stood| !timelines.knows(stood)) {
            tracing::warn!("the parent remembers a later state of this database: it was restored");
            self.restored.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// A new seal for each base served here (S1). They are kept once the parent has acknowledged them, so that a round
    /// with nothing new writes once: a count that was lost with the process is never given out again, since an opening
    /// begins a new timeline.
    pub(crate) async fn mint_seals<R: Read>(
        &self,
        reader: &mut R,
        parent_ms: u64,
    ) -> Result<Minted, OfficeError> {
        let timelines = reader.timelines().await?;
        let held = reader.seals().await?;
        let refused =
            reader.quarantined(QUARANTINE_LOOK).await?.into_iter().filter(|q| !q.inbound).count() as u64;
        let current = timelines.current();
        let restored = self.restored.load(Ordering::Acquire);
        let mut minted = Minted::default();
        let mut latest = self.minted();
        for base in self.tree().served_by(self.me.base) {
            let kept = held.iter().find(|s| s.base == base && s.timeline == current);
            let last = latest.get(&base).filter(|s| kept.is_none_or(|kept| kept.n < s.n)).or(kept);
            let seal = next_seal(last, base, current, parent_ms, timelines.seq);
            let seal = Seal { unsent: refused, restored, ..seal };
            minted.further |= base == self.me.base && kept.is_none_or(|k| k.covers_seq < seal.covers_seq);
            latest.insert(base, seal.clone());
            minted.seals.push(seal);
        }
        Ok(minted)
    }

    /// Keeps own seals, and how far each reaches.
    pub(crate) async fn keep_seals(&self, tx: &mut E::Tx, minted: &Minted) -> Result<(), OfficeError> {
        tx.apply(&Changes { seals: minted.seals.clone(), ..Changes::default() }).await?;
        let own = minted.seals.iter().find(|seal| seal.base == self.me.base);
        // A seal before it that reaches as far says the same of every record.
        let Some(own) = own.filter(|_| minted.further) else { return Ok(()) };
        let mut covers = read_covers(tx).await?;
        covers.push((own.timeline.0, own.n, own.covers_seq));
        let kept = covers.len().saturating_sub(COVERS_KEPT);
        Ok(tx.put_meta(META_COVERS, json!(covers[kept..]).to_string().as_bytes()).await?)
    }

    fn minted(&self) -> std::sync::MutexGuard<'_, BTreeMap<BaseId, Seal>> {
        self.minted.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The new seals, and all others held that the parent has not acknowledged yet, with what is in quarantine here added,
    /// and what was handed on here and nobody has confirmed since (S2). Seals of former timelines too: they claim what
    /// the parent may have lost.
    pub(super) async fn seals_to_send(
        &self,
        snapshot: &mut E::Snapshot,
        minted: &[Seal],
    ) -> Result<Vec<Seal>, OfficeError> {
        let kept: BTreeMap<BaseId, u64> = snapshot.quarantine_counts().await?.into_iter().collect();
        let mut seals = snapshot.seals().await?;
        seals.retain(|held| !minted.iter().any(|new| (new.base, new.timeline) == (held.base, held.timeline)));
        seals.extend_from_slice(minted);
        let unattested = snapshot.unattested().await?;
        let handed = snapshot.handed(&unattested).await?;
        let acked = self.acked_seals();
        for seal in &mut seals {
            seal.quarantined += kept.get(&seal.base).copied().unwrap_or(0);
            let open =
                handed.iter().filter(|handed| seal.base == self.me.base || self.has_part(seal.base, handed));
            seal.exceptions.extend(open.map(|handed| handed.record));
            seal.exceptions.sort_unstable();
            seal.exceptions.dedup();
        }
        seals.retain(|s| acked.get(&(s.base, s.timeline)) != Some(&says(s)));
        seals.truncate(limits::SEALS);
        Ok(seals)
    }

    /// Whether a base wrote something of a record that was handed on.
    fn has_part(&self, base: BaseId, handed: &Handed) -> bool {
        let replicas = self.replicas();
        handed.context.iter().any(|dot| replicas.get(&dot.replica).is_some_and(|r| r.base == Some(base)))
    }

    /// Remembers that the parent holds the data under these seals.
    pub(crate) fn note_acked_seals(&self, seals: &[Seal]) {
        let mut acked = self.acked_seals();
        acked.extend(seals.iter().map(|s| ((s.base, s.timeline), says(s))));
    }

    pub(crate) fn acked_seals(&self) -> std::sync::MutexGuard<'_, AckedSeals> {
        self.acked_seals.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn says(seal: &Seal) -> Said {
    (seal.n, seal.quarantined, seal.exceptions.clone())
}

/// Whether `holder` has a seal of `base` that covers the number `seq`.
pub(crate) fn covered_by(covers: &Covers, ticks: &[Tick], base: BaseId, holder: BaseId, seq: u64) -> bool {
    let mine = ticks.iter().filter(|t| t.holder == holder && t.base == base);
    let reaches =
        |t: &Tick| covers.iter().any(|(line, n, upto)| *line == t.timeline.0 && *n <= t.n && seq <= *upto);
    mine.into_iter().any(reaches)
}

pub(crate) async fn read_covers<R: Read>(reader: &mut R) -> Result<Covers, OfficeError> {
    let stored = reader.meta(META_COVERS).await?.unwrap_or_default();
    // Written by this file alone; anything else only costs the display of where old records have arrived.
    Ok(serde_json::from_slice(&stored).unwrap_or_default())
}
