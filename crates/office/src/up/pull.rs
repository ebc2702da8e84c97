//! What comes down in a round, page by page (L2, L4, L5).

use std::collections::BTreeSet;

use causal::{BaseId, RecordId};
use record::Tree;
use store::{Applied, Engine, Read, Write};
use sync::child::Desk;
use sync::parent::Incoming;
use sync::{Changes, Position};

use super::{Round, up_link};
use crate::down::PulledPage;
use crate::{Office, OfficeError};

/// What one page of a pull did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PullOutcome {
    /// The cursor that the next page starts at.
    pub cursor: Position,
    /// Nothing comes after it.
    pub end: bool,
}

/// What a page brought, within a transaction.
pub(super) struct TakenPage {
    changes: Changes,
    applied: Applied,
    /// What was kept aside and can be taken now.
    regained: Changes,
    pulled: u64,
    withdrawn: u64,
    cursor: Position,
    end: bool,
}

impl<E: Engine> Office<E> {
    pub(crate) async fn merge_pulled(
        &self,
        tx: &mut E::Tx,
        tree: &Tree,
        parent: BaseId,
        pulled: &[Incoming],
        withdrawn: &[RecordId],
    ) -> Result<Changes, OfficeError> {
        let ids: Vec<RecordId> = pulled.iter().map(|p| p.id).chain(withdrawn.iter().copied()).collect();
        let existing = tx.rows(&ids).await?.into_iter().map(|row| (row.id, row)).collect();
        let desk = Desk { schema: self.schema(), tree, me: self.me.base, parent, now_ms: self.now_ms() };
        let mut changes = desk.receive(&existing, pulled, withdrawn);
        self.thin(&mut changes);
        self.attest(tx, &mut changes).await?;
        Ok(changes)
    }

    /// Takes pages of the parent's changes, as many in one transaction as can be told apart in any order.
    ///
    /// # Errors
    /// As [`Office::receive_page`]; the pages before the failing one are taken.
    pub async fn receive_pages(
        &self,
        round: &mut Round<E>,
        pages: Vec<PulledPage>,
    ) -> Result<PullOutcome, OfficeError> {
        let registry = self.schema().registry().map(|kind| kind.name.clone());
        let mut outcome = Err(OfficeError::SessionEnded);
        for page in join(pages, registry.as_deref()) {
            outcome = Ok(self.receive_page(round, page).await?);
            if matches!(outcome, Ok(PullOutcome { end: true, .. })) {
                break;
            }
        }
        outcome
    }

    /// Takes one page of the parent's changes; the cursor moves in the same transaction (L2, L4, L5). The end of the
    /// pull is the end of a successful round.
    ///
    /// # Errors
    /// [`OfficeError`] when the page is of another timeline of the parent, or the store fails.
    pub async fn receive_page(
        &self,
        round: &mut Round<E>,
        page: PulledPage,
    ) -> Result<PullOutcome, OfficeError> {
        let mut tx = self.store.begin().await?;
        let taken = self.merge_page(&mut tx, round, page).await?;
        tx.commit().await?;
        self.page_taken(round, taken).await
    }

    pub(super) async fn merge_page(
        &self,
        tx: &mut E::Tx,
        round: &Round<E>,
        page: PulledPage,
    ) -> Result<TakenPage, OfficeError> {
        if page.position.timeline != round.timeline {
            return Err(OfficeError::SessionEnded);
        }
        let pulled: Vec<Incoming> = page
            .rows
            .into_iter()
            .map(|row| Incoming { id: row.id, kind: row.kind, state: row.state })
            .collect();
        let tree = self.tree_in(tx).await?;
        self.still_above(&tree, round.parent)?;
        let mut changes = self.merge_pulled(tx, &tree, round.parent, &pulled, &page.withdrawn).await?;
        let mut link = up_link(tx, round.parent).await?;
        link.cursor = Some(page.position);
        if page.end {
            link.last_success_ms = self.now_ms();
        }
        changes.links.push(link);
        changes.ticks.extend(page.ticks);
        let applied = self.perform(tx, &tree, &changes).await?;
        let regained = if page.end { self.recheck(tx).await? } else { Changes::default() };
        Ok(TakenPage {
            changes,
            applied,
            regained,
            pulled: pulled.len() as u64,
            withdrawn: page.withdrawn.len() as u64,
            cursor: page.position,
            end: page.end,
        })
    }

    /// After the commit.
    pub(super) async fn page_taken(
        &self,
        round: &mut Round<E>,
        page: TakenPage,
    ) -> Result<PullOutcome, OfficeError> {
        round.cursor = page.cursor;
        round.pulled += page.pulled;
        round.withdrawn += page.withdrawn;
        self.committed(&page.changes).await?;
        self.committed(&page.regained).await?;
        self.tell(&page.changes, &page.applied, None);
        self.tell(&page.regained, &page.applied, None);
        if page.end {
            self.live_pulled(page.cursor, round.pushed);
        }
        // A page that gives this node another parent is the last one taken from this one (L4).
        let moved = self.parent() != Some(round.parent);
        Ok(PullOutcome { cursor: page.cursor, end: page.end || moved })
    }
}

/// Joins pages that follow one another to larger ones. Not where order matters: a record that comes twice, a withdraw,
/// a change of the tree of bases.
fn join(pages: Vec<PulledPage>, registry: Option<&str>) -> Vec<PulledPage> {
    let mut joined: Vec<PulledPage> = Vec::new();
    let mut ids: BTreeSet<RecordId> = BTreeSet::new();
    for page in pages {
        let plain = |page: &PulledPage| {
            page.withdrawn.is_empty() && page.rows.iter().all(|row| Some(row.kind.as_str()) != registry)
        };
        let apart = page.rows.iter().all(|row| !ids.contains(&row.id));
        match joined.last_mut() {
            Some(last)
                if apart
                    && plain(last)
                    && plain(&page)
                    && last.position.timeline == page.position.timeline =>
            {
                ids.extend(page.rows.iter().map(|row| row.id));
                last.rows.extend(page.rows);
                last.ticks.extend(page.ticks);
                (last.position, last.end) = (page.position, page.end);
            }
            _ => {
                ids = page.rows.iter().map(|row| row.id).collect();
                joined.push(page);
            }
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use sync::{Row, TimelineId};

    use super::*;

    fn page(ids: &[u8], kind: &str) -> PulledPage {
        let row = |id: &u8| Row { id: RecordId([*id; 16]), kind: kind.into(), ..Row::default() };
        let position = Position { timeline: TimelineId(1), seq: u64::from(ids[ids.len() - 1]) };
        PulledPage { position, rows: ids.iter().map(row).collect(), ..PulledPage::default() }
    }

    fn sizes(pages: Vec<PulledPage>) -> Vec<usize> {
        join(pages, Some("base")).iter().map(|page| page.rows.len()).collect()
    }

    #[test]
    fn pages_are_joined_where_order_does_not_matter() {
        let last = PulledPage { end: true, ..page(&[5], "k") };
        let joined = join(vec![page(&[1, 2], "k"), page(&[3, 4], "k"), last], Some("base"));
        assert_eq!(
            (joined.len(), joined[0].rows.len(), joined[0].position.seq, joined[0].end),
            (1, 5, 5, true)
        );
        assert_eq!(
            sizes(vec![page(&[1, 2], "k"), page(&[2, 3], "k"), page(&[4], "k")]),
            [2, 3],
            "comes twice"
        );
        assert_eq!(sizes(vec![page(&[1], "k"), page(&[2], "base"), page(&[3], "k")]), [1, 1, 1], "the tree");
        let withdraws = PulledPage { withdrawn: vec![RecordId([1; 16])], ..page(&[2], "k") };
        assert_eq!(sizes(vec![page(&[1], "k"), withdraws, page(&[3], "k")]), [1, 1, 1], "a withdraw");
    }
}
