//! The tree as the simulation set it up: the oracle asks this one, never the engine's.

use std::collections::BTreeMap;

use causal::BaseId;

/// Who sits beneath whom.
#[derive(Clone, Debug, Default)]
pub struct Bases {
    above: BTreeMap<BaseId, Option<BaseId>>,
    names: BTreeMap<BaseId, String>,
}

impl Bases {
    /// Adds a base.
    pub fn add(&mut self, base: BaseId, name: String, parent: Option<BaseId>) {
        self.above.insert(base, parent);
        self.names.insert(base, name);
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

    /// Whether `base` may see a record with these homes and this audience.
    pub fn may_see(&self, base: BaseId, homes: &[[u8; 16]], audience: &[[u8; 16]]) -> bool {
        homes.iter().any(|home| self.is_within(BaseId(*home), base))
            || audience
                .iter()
                .any(|open| self.is_within(base, BaseId(*open)) || self.is_within(BaseId(*open), base))
    }
}
