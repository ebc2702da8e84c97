//! What must be true in the end, from explicit sets of edits; no merge code is used.

use std::collections::{BTreeMap, BTreeSet};

use causal::{BaseId, Dot, RecordId};
use record::{Scope, Tree};

/// A register by name: its field, and the element of a set.
pub type Place = (u32, Vec<u8>);

/// One saved edit.
pub struct Saved {
    pub dot: Dot,
    pub base: BaseId,
    pub places: BTreeSet<Place>,
    /// The edits that its form showed.
    pub form: BTreeSet<Dot>,
}

/// All that was ever saved.
#[derive(Default)]
pub struct Oracle {
    pub saved: BTreeMap<RecordId, Vec<Saved>>,
    /// Everybody who was ever named as home or audience of a record.
    pub scopes: BTreeMap<RecordId, Scope>,
    /// Edits that only a disk held that was replaced by an older copy.
    pub destroyed: BTreeSet<Dot>,
}

impl Oracle {
    /// The edits that must stand in each register: those that no surviving edit replaced whose form showed them.
    pub fn standing(&self, id: RecordId, came_back: &BTreeSet<Dot>) -> BTreeMap<Place, BTreeSet<Dot>> {
        let lives = |s: &&Saved| !self.destroyed.contains(&s.dot) || came_back.contains(&s.dot);
        let all: Vec<&Saved> = self.saved.get(&id).into_iter().flatten().filter(lives).collect();
        let mut standing: BTreeMap<Place, BTreeSet<Dot>> = BTreeMap::new();
        for saved in &all {
            for place in &saved.places {
                let replaced =
                    all.iter().any(|later| later.form.contains(&saved.dot) && later.places.contains(place));
                if !replaced {
                    standing.entry(place.clone()).or_default().insert(saved.dot);
                }
            }
        }
        standing
    }

    /// Whether a base was ever meant to see a record.
    pub fn ever_in_scope(&self, tree: &Tree, id: RecordId, base: BaseId) -> bool {
        self.scopes.get(&id).is_some_and(|scope| scope.visible_to(tree, base))
    }

    pub fn widen(
        &mut self,
        id: RecordId,
        homes: impl Iterator<Item = BaseId>,
        audience: impl Iterator<Item = BaseId>,
    ) {
        let scope = self.scopes.entry(id).or_default();
        scope.homes.extend(homes);
        scope.audience.extend(audience);
    }
}
