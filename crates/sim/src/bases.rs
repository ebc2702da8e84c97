//! The tree as the simulation set it up and moves it about: the oracle asks this one, never the engine's.

use std::collections::{BTreeMap, BTreeSet};

use causal::BaseId;

/// Who sits beneath whom.
#[derive(Clone, Debug, Default)]
pub struct Bases {
    above: BTreeMap<BaseId, Option<BaseId>>,
    /// All bases that were ever above each.
    ever: BTreeMap<BaseId, BTreeSet<BaseId>>,
    names: BTreeMap<BaseId, String>,
}

impl Bases {
    /// Adds a base.
    pub fn add(&mut self, base: BaseId, name: String, parent: Option<BaseId>) {
        self.above.insert(base, parent);
        self.ever.insert(base, parent.into_iter().collect());
        self.names.insert(base, name);
    }

    /// Puts a base beneath another; answers whether that is another place than before.
    pub fn set_parent(&mut self, base: BaseId, parent: Option<BaseId>) -> bool {
        self.ever.entry(base).or_default().extend(parent);
        self.above.insert(base, parent) != Some(parent)
    }

    /// All of them.
    pub fn all(&self) -> Vec<BaseId> {
        self.above.keys().copied().collect()
    }

    /// The short name of a base.
    pub fn name(&self, base: BaseId) -> &str {
        self.names.get(&base).map_or("?", String::as_str)
    }

    /// The base above.
    pub fn parent(&self, base: BaseId) -> Option<BaseId> {
        self.above.get(&base).copied().flatten()
    }

    /// The root.
    pub fn root(&self) -> BaseId {
        let root = self.above.iter().find(|(_, parent)| parent.is_none());
        root.map_or(BaseId::default(), |(base, _)| *base)
    }

    /// Whether `base` is `ancestor` or lies beneath it.
    pub fn is_within(&self, base: BaseId, ancestor: BaseId) -> bool {
        let mut at = Some(base);
        while let Some(now) = at {
            if now == ancestor {
                return true;
            }
            at = self.parent(now);
        }
        false
    }

    /// Whether `base` is `ancestor`, or lies or ever lay beneath it, whoever was moved when.
    pub fn was_within(&self, base: BaseId, ancestor: BaseId) -> bool {
        let mut found = vec![base];
        let mut at = 0;
        while let Some(now) = found.get(at).copied() {
            if now == ancestor {
                return true;
            }
            at += 1;
            let above = self.ever.get(&now).into_iter().flatten();
            let new: Vec<BaseId> = above.filter(|base| !found.contains(base)).copied().collect();
            found.extend(new);
        }
        false
    }

    /// Whether any base was ever moved.
    pub fn is_moved(&self) -> bool {
        self.ever.values().any(|above| above.len() > 1)
    }

    /// All bases that are or were directly above.
    pub fn parents_ever(&self, base: BaseId) -> impl Iterator<Item = BaseId> + '_ {
        self.ever.get(&base).into_iter().flatten().copied()
    }

    /// As [`Bases::may_see`], with all places that bases ever had.
    pub fn might_see(&self, base: BaseId, homes: &[[u8; 16]], audience: &[[u8; 16]]) -> bool {
        homes.iter().any(|home| self.was_within(BaseId(*home), base))
            || audience
                .iter()
                .any(|open| self.was_within(base, BaseId(*open)) || self.was_within(BaseId(*open), base))
    }

    /// Whether `base` may see a record with these homes and this audience.
    pub fn may_see(&self, base: BaseId, homes: &[[u8; 16]], audience: &[[u8; 16]]) -> bool {
        homes.iter().any(|home| self.is_within(BaseId(*home), base))
            || audience
                .iter()
                .any(|open| self.is_within(base, BaseId(*open)) || self.is_within(BaseId(*open), base))
    }
}
