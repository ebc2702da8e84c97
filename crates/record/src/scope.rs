//! Who may see a record.

use causal::{BaseId, Register, State};

use crate::engine_field::{AUDIENCE, HOME, audience_bases};
use crate::tree::Tree;

/// What decides who may see a record: all its homes and its audience. While either has alternatives, the union
/// of them counts: the question whom a record belongs to must not hide it from one of the two.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Scope {
    /// Homes, sorted; one unless there are alternatives.
    pub homes: Vec<BaseId>,
    /// Bases to whose whole subtrees it is opened, sorted.
    pub audience: Vec<BaseId>,
}

impl Scope {
    /// Whether `base` may see it: its home lies in the subtree of `base`, or a base of its audience is `base`,
    /// above it, or beneath it.
    pub fn visible_to(&self, tree: &Tree, base: BaseId) -> bool {
        self.homes.iter().any(|home| tree.is_within(*home, base))
            || self.audience.iter().any(|open| tree.is_within(base, *open) || tree.is_within(*open, base))
    }
}

/// The scope that a state tells.
pub fn scope_of(state: &State<'_>) -> Scope {
    Scope { homes: bases(state, HOME), audience: bases(state, AUDIENCE) }
}

fn bases(state: &State<'_>, field: u32) -> Vec<BaseId> {
    let mut all: Vec<_> =
        state.entries(Register::whole(field)).flat_map(|(_, entry)| audience_bases(entry.value)).collect();
    all.sort_unstable();
    all.dedup();
    all
}
