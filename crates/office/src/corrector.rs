//! What the pure protocol needs to overrule illegal writes: names for edits of this node, and a memory of the last hour.

use std::collections::BTreeMap;

use causal::{BaseId, RecordId, Stamp, State};
use store::Engine;
use sync::correct::{CORRECTOR, Corrector};

use crate::{Office, OfficeError};

const HOUR_MS: u64 = 3_600_000;
/// Corrections remembered; beyond that old ones are let go first, which only makes the engine more patient.
const REMEMBERED_MAX: usize = 10_000;

/// When which record was corrected for which base.
pub(crate) type Corrections = BTreeMap<(RecordId, BaseId), Vec<u64>>;

/// A [`Corrector`] for one transaction.
pub(crate) struct ForTransaction<'o, E: Engine> {
    office: &'o Office<E>,
    saved_at_ms: u64,
    forgotten: u64,
}

impl<E: Engine> Corrector for ForTransaction<'_, E> {
    fn stamp(&self, id: RecordId, before: &State<'_>) -> Stamp<'static> {
        let office = self.office;
        let dot = office.mint().next(self.forgotten, before, &*office.outside.chance);
        let base = office.me.base;
        let tag = office.secret.tag(id, dot, base);
        Stamp { dot, saved_at_ms: self.saved_at_ms, base, user: CORRECTOR, tag }
    }

    fn corrected(&self, id: RecordId, writer: BaseId) -> usize {
        let since = self.office.now_ms().saturating_sub(HOUR_MS);
        let held = self.office.corrections();
        held.get(&(id, writer)).map_or(0, |times| times.iter().filter(|at| **at >= since).count())
    }
}

impl<E: Engine> Office<E> {
    pub(crate) async fn corrector(&self, tx: &mut E::Tx) -> Result<ForTransaction<'_, E>, OfficeError> {
        let (saved_at_ms, forgotten) = self.moment(tx).await?;
        Ok(ForTransaction { office: self, saved_at_ms, forgotten })
    }

    /// Remembers what was corrected, once it is durable.
    pub(crate) fn note_corrections(&self, corrected: &[(RecordId, BaseId)]) {
        if corrected.is_empty() {
            return;
        }
        let now = self.now_ms();
        let since = now.saturating_sub(HOUR_MS);
        let mut held = self.corrections();
        corrected.iter().for_each(|key| held.entry(*key).or_default().push(now));
        if held.len() > REMEMBERED_MAX {
            held.retain(|_, times| times.iter().any(|at| *at >= since));
        }
    }

    /// How often records were corrected within the last hour for a child and all beneath it.
    pub fn corrections_of(&self, child: BaseId) -> u64 {
        let (tree, since) = (self.tree(), self.now_ms().saturating_sub(HOUR_MS));
        let held = self.corrections();
        let of_child = held.iter().filter(|((_, writer), _)| tree.is_within(*writer, child));
        of_child.map(|(_, times)| times.iter().filter(|at| **at >= since).count() as u64).sum()
    }

    fn corrections(&self) -> std::sync::MutexGuard<'_, Corrections> {
        self.corrections.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
