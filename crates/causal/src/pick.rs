//! Rules pick, they do not merge: which of several concurrent entries is shown.
//!
//! A rule is a list of preferences, compared in order. The time of saving is the last tie-break but one, the dot
//! the last, so that every node picks the same. Losers stay until someone writes over them; therefore every rule
//! converges, and a rule may change in a later version without touching data.

use std::cmp::Ordering;

use crate::ids::Dot;

/// What is known of an entry when one must be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Written by the base that owns the field.
    pub owner: bool,
    /// Distance of the writer's base from the root; 0 is the root.
    pub tier: u8,
    /// Number of the value in its enum, or how far along a workflow it is.
    pub order: i64,
    /// Holds a value, was not cleared or removed.
    pub present: bool,
    /// When it was saved, UTC milliseconds.
    pub saved_at_ms: u64,
    /// The edit.
    pub dot: Dot,
}

/// One criterion of a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Preference {
    /// The owner's before others'.
    Owner,
    /// The higher tier's (nearer to the root) before the lower's.
    Tier,
    /// The greater order before the lesser.
    Order,
    /// A value before none.
    Present,
}

/// The index of the candidate that is shown; `None` when there is none.
pub fn pick(preferences: &[Preference], candidates: &[Candidate]) -> Option<usize> {
    (0..candidates.len()).max_by(|a, b| compare(preferences, &candidates[*a], &candidates[*b]))
}

/// The preference by which `shown` comes before `other`; `None` when only time, or the dot, tells them apart.
pub fn deciding(preferences: &[Preference], shown: &Candidate, other: &Candidate) -> Option<Preference> {
    preferences.iter().copied().find(|p| p.compare(shown, other).is_ne())
}

fn compare(preferences: &[Preference], a: &Candidate, b: &Candidate) -> Ordering {
    let order = preferences.iter().map(|p| p.compare(a, b)).find(|order| order.is_ne());
    order.unwrap_or_else(|| (a.saved_at_ms, a.dot).cmp(&(b.saved_at_ms, b.dot)))
}

impl Preference {
    fn compare(self, a: &Candidate, b: &Candidate) -> Ordering {
        match self {
            Preference::Owner => a.owner.cmp(&b.owner),
            Preference::Tier => b.tier.cmp(&a.tier),
            Preference::Order => a.order.cmp(&b.order),
            Preference::Present => a.present.cmp(&b.present),
        }
    }
}
