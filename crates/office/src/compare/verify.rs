//! `verify`: do this node and its parent hold the same, and if not, what and why.

use std::collections::{BTreeMap, BTreeSet};

use causal::{BaseId, RecordId};
use record::Shown;
use store::{Engine, Read};
use sync::compare::{Mine, Other, Place, Unlike, Why, why};
use sync::parent::Welcome;
use sync::{Row, limits};

use super::{Above, Page, Walk, ask};
use crate::look::decode;
use crate::up::up_link;
use crate::{Office, OfficeError};

/// Records that are named; more are counted. A person reads fewer, and it bounds memory.
const NAMED: usize = 10_000;
/// Refusals looked through for reasons.
const QUARANTINE_LOOK: usize = 100_000;

/// A record that is not the same at both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which record.
    pub id: RecordId,
    /// Short name of its kind.
    pub kind: String,
    /// Its title; empty when only the parent holds it.
    pub title: String,
    /// Where it is found.
    pub place: Place,
    /// Why.
    pub why: Why,
    /// Why it was refused, in words; else empty.
    pub detail: String,
}

/// What a comparison of everything found. It is of a moment: what is under way is told as such.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// The parent.
    pub parent: BaseId,
    /// Records that both hold in the same state.
    pub equal: u64,
    /// How many are not, by place and reason.
    pub counts: BTreeMap<(Place, Why), u64>,
    /// The first of them.
    pub found: Vec<Found>,
    /// The next round sends everything again (RESYNC).
    pub resync: bool,
}

impl Verified {
    /// Records that the next sync settles.
    pub fn in_flight(&self) -> u64 {
        self.count(Why::is_in_flight)
    }

    /// Records that it does not.
    pub fn amiss(&self) -> u64 {
        self.count(|why| !why.is_in_flight())
    }

    fn count(&self, is: impl Fn(Why) -> bool) -> u64 {
        self.counts.iter().filter(|((_, why), _)| is(*why)).map(|(_, count)| count).sum()
    }

    fn add(&mut self, id: RecordId, kind: String, place: Place, why: Why) {
        *self.counts.entry((place, why)).or_default() += 1;
        if self.found.len() < NAMED {
            let (title, detail) = (String::new(), String::new());
            self.found.push(Found { id, kind, title, place, why, detail });
        }
    }
}

impl<E: Engine> Office<E> {
    /// Compares everything with the parent, in a session of its own that `welcome` opened; changes nothing. `tell`
    /// hears how many records were compared so far.
    ///
    /// # Errors
    /// What the parent, or the store, failed with.
    pub async fn verify<A: Above>(
        &self,
        welcome: &Welcome,
        above: &mut A,
        tell: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Verified, A::Error> {
        let parent = self.parent_or_fail()?;
        let mut snapshot = self.store.snapshot().await.map_err(OfficeError::from)?;
        let link = up_link(&mut snapshot, parent).await?;
        // After RESYNC the pull begins anew.
        let cursor = if welcome.resync { 0 } else { link.cursor.map_or(0, |cursor| cursor.seq) };
        let aside = Aside::read(&mut snapshot).await?;
        let mut verified = Verified { parent, resync: welcome.resync, ..Verified::default() };
        let mut walk = Walk::<E>::over(snapshot);
        let mut compared = 0;
        while let Some(page) = walk.next().await? {
            let hidden: BTreeSet<RecordId> = page.hidden.iter().copied().collect();
            let mut other = |other: Other| {
                // The hidden ones are told below.
                if !hidden.contains(&other.id) {
                    let why = aside.why(&other, cursor);
                    verified.add(other.id, other.kind, Place::OnlyAbove, why);
                }
            };
            let outcome = ask(above, welcome.position.timeline, &page, Some(&mut other)).await?;
            compared += page.rows.len() as u64;
            tell(compared);
            verified.equal += (page.rows.len() - outcome.unlike.len()) as u64;
            sort_in(&mut verified, &page, &outcome.unlike, &aside, cursor);
        }
        self.name(&mut walk.snapshot, &aside, &mut verified).await?;
        Ok(verified)
    }

    /// Fills in what is known here of the records found: kind, title, and why they were refused.
    async fn name<R: Read>(
        &self,
        reader: &mut R,
        aside: &Aside,
        verified: &mut Verified,
    ) -> Result<(), OfficeError> {
        let tree = self.tree();
        for some in verified.found.chunks_mut(limits::BATCH_RECORDS) {
            let ids: Vec<RecordId> = some.iter().map(|found| found.id).collect();
            let rows: BTreeMap<RecordId, Row> =
                reader.rows(&ids).await?.into_iter().map(|row| (row.id, row)).collect();
            for found in some {
                found.detail = aside.detail(found);
                let Some(row) = rows.get(&found.id) else { continue };
                found.kind.clone_from(&row.kind);
                found.title = Shown::of(self.schema().kind(&row.kind), &tree, &decode(row)?).title;
            }
        }
        Ok(())
    }
}

fn sort_in(
    verified: &mut Verified,
    page: &Page,
    unlike: &BTreeMap<RecordId, Unlike>,
    aside: &Aside,
    cursor: u64,
) {
    let mine = |row: &Mine| {
        let above = unlike.get(&row.held.id)?;
        Some((*above, why(row, above, cursor, aside.refused.contains_key(&above.id))))
    };
    for (above, why) in page.rows.iter().filter_map(mine) {
        let place = if above.held { Place::Differs } else { Place::OnlyHere };
        verified.add(above.id, String::new(), place, why);
    }
    for id in &page.hidden {
        verified.add(*id, String::new(), Place::OnlyHere, Why::Hidden);
    }
}

/// What is in quarantine here, and what the parent refused, with the reasons.
struct Aside {
    inbound: BTreeMap<RecordId, String>,
    refused: BTreeMap<RecordId, String>,
}

impl Aside {
    async fn read<R: Read>(reader: &mut R) -> Result<Aside, OfficeError> {
        let mut aside = Aside { inbound: BTreeMap::new(), refused: BTreeMap::new() };
        for q in reader.quarantined(QUARANTINE_LOOK).await? {
            let reasons = if q.inbound { &mut aside.inbound } else { &mut aside.refused };
            reasons.insert(q.record, format!("{}({})", q.detail, q.reason.words()));
        }
        Ok(aside)
    }

    fn why(&self, other: &Other, cursor: u64) -> Why {
        if other.seq > cursor {
            Why::WaitsDown
        } else if self.inbound.contains_key(&other.id) {
            Why::KeptAside
        } else {
            Why::Unexplained
        }
    }

    fn detail(&self, found: &Found) -> String {
        let reasons = match found.why {
            Why::Refused | Why::Held | Why::WaitsUp => &self.refused,
            Why::KeptAside => &self.inbound,
            _ => return String::new(),
        };
        reasons.get(&found.id).cloned().unwrap_or_default()
    }
}
