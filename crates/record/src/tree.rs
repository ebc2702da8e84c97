//! The tree of bases, as the registry's records tell it.

use std::collections::BTreeMap;

use causal::BaseId;

/// Deepest tree that is followed: 省 to 村 needs five; more is a loop or a mistake.
pub const MAX_DEPTH: usize = 16;

/// Whether a base's node may take part.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Standing {
    /// In service.
    #[default]
    Active,
    /// Merged into the base above it: nothing new is written in its name, and its node may deliver what it still has.
    Retired,
    /// Suspended or revoked: its node is refused.
    Barred,
}

/// One base of the tree.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Base {
    /// Who it is.
    pub id: BaseId,
    /// What people call it.
    pub name: String,
    /// The base above; `None` at the root.
    pub parent: Option<BaseId>,
    /// All bases that were above before.
    pub former_parents: Vec<BaseId>,
    /// Has no node of its own: the node of the base above serves it.
    pub hosted: bool,
    /// Whether its node may take part.
    pub standing: Standing,
    /// The division codes it is responsible for.
    pub jurisdiction: Vec<String>,
    /// Where its node takes connections, host:port; empty when it says nothing.
    pub address: String,
}

/// All bases a node knows of.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tree {
    bases: BTreeMap<BaseId, Base>,
}

impl Tree {
    /// Looks a base up.
    pub fn get(&self, base: BaseId) -> Option<&Base> {
        self.bases.get(&base)
    }

    /// All bases in order of id.
    pub fn iter(&self) -> impl Iterator<Item = &Base> {
        self.bases.values()
    }

    /// How many bases there are.
    pub fn len(&self) -> usize {
        self.bases.len()
    }

    /// Whether no base is known.
    pub fn is_empty(&self) -> bool {
        self.bases.is_empty()
    }

    /// The name people call a base by; its id when it is unknown.
    pub fn name(&self, base: BaseId) -> String {
        self.get(base).map_or_else(|| base.to_string(), |b| b.name.clone())
    }

    /// The base itself and everything above it, nearest first.
    pub fn chain(&self, base: BaseId) -> impl Iterator<Item = BaseId> + '_ {
        let above = move |at: &BaseId| self.get(*at).and_then(|b| b.parent).filter(|p| p != at);
        std::iter::successors(Some(base), above).take(MAX_DEPTH)
    }

    /// Whether `base` is `ancestor` or lies beneath it.
    pub fn is_within(&self, base: BaseId, ancestor: BaseId) -> bool {
        self.chain(base).any(|at| at == ancestor)
    }

    /// Whether `base` lies, or ever lay, beneath `ancestor`: edits made before a move stay the mover's. Bases above
    /// may have moved too, so that the way up goes through all former parents.
    pub fn was_within(&self, base: BaseId, ancestor: BaseId) -> bool {
        // Asked of every edit that arrives; of most the present tree says enough.
        if self.is_within(base, ancestor) {
            return true;
        }
        let mut above = vec![base];
        let mut at = 0;
        while let Some(now) = above.get(at).copied() {
            if now == ancestor {
                return true;
            }
            at += 1;
            let known = self.get(now).into_iter().flat_map(|b| b.parent.iter().chain(&b.former_parents));
            let new: Vec<_> = known.copied().filter(|id| !above.contains(id)).collect();
            above.extend(new);
        }
        false
    }

    /// The base above.
    pub fn parent(&self, base: BaseId) -> Option<BaseId> {
        self.get(base).and_then(|b| b.parent)
    }

    /// The root above a base; of a base that is not in the tree yet, the tree's root; in an empty tree itself.
    pub fn root_of(&self, base: BaseId) -> BaseId {
        if self.get(base).is_some() {
            return self.chain(base).last().unwrap_or(base);
        }
        self.iter().find(|b| b.parent.is_none()).map_or(base, |b| b.id)
    }

    /// Distance from the root: 0 at the root; the largest number for a base that is unknown.
    pub fn tier(&self, base: BaseId) -> u8 {
        if self.get(base).is_none() {
            return u8::MAX;
        }
        self.chain(base).count() as u8 - 1
    }

    /// The base whose node serves `base`: the nearest one upward that is not hosted.
    pub fn node_of(&self, base: BaseId) -> BaseId {
        self.chain(base).find(|at| self.get(*at).is_some_and(|b| !b.hosted)).unwrap_or(base)
    }

    /// The base whose node the node of `base` dials; `None` for the root's.
    pub fn link_parent(&self, base: BaseId) -> Option<BaseId> {
        self.parent(self.node_of(base)).map(|above| self.node_of(above))
    }

    /// The base that follows a retired one; `None` for one that is in service.
    pub fn successor(&self, base: BaseId) -> Option<BaseId> {
        self.get(base).filter(|b| b.standing == Standing::Retired && b.hosted).and_then(|b| b.parent)
    }

    /// The bases with a node of their own that dial the node of `base`.
    pub fn link_children(&self, base: BaseId) -> Vec<BaseId> {
        let dials = |b: &&Base| !b.hosted && self.link_parent(b.id) == Some(base);
        self.iter().filter(dials).map(|b| b.id).collect()
    }

    /// The bases that the node of `base` serves: itself and those hosted beneath it.
    pub fn served_by(&self, base: BaseId) -> Vec<BaseId> {
        self.iter().filter(|b| self.node_of(b.id) == base).map(|b| b.id).collect()
    }

    /// Everything beneath `base`, itself included, in order of id.
    pub fn subtree(&self, base: BaseId) -> Vec<BaseId> {
        self.iter().filter(|b| self.is_within(b.id, base)).map(|b| b.id).collect()
    }
}

impl FromIterator<Base> for Tree {
    fn from_iter<I: IntoIterator<Item = Base>>(bases: I) -> Tree {
        Tree { bases: bases.into_iter().map(|b| (b.id, b)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> BaseId {
        BaseId([n; 16])
    }

    fn base(n: u8, parent: u8, hosted: bool) -> Base {
        let parent = (parent > 0).then(|| id(parent));
        Base { id: id(n), parent, hosted, name: n.to_string(), ..Base::default() }
    }

    /// 1 city; 2, 3 districts; 4 street and 5 hosted street of 2, 6 a village with a node under the hosted 5.
    fn city() -> Tree {
        [
            base(1, 0, false),
            base(2, 1, false),
            base(3, 1, false),
            base(4, 2, false),
            base(5, 2, true),
            base(6, 5, false),
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn chains_and_links() {
        let tree = city();
        assert_eq!(tree.chain(id(6)).collect::<Vec<_>>(), [id(6), id(5), id(2), id(1)]);
        assert!(tree.is_within(id(6), id(2)) && !tree.is_within(id(6), id(3)));
        assert_eq!(tree.node_of(id(5)), id(2));
        assert_eq!(tree.link_parent(id(6)), Some(id(2)));
        assert_eq!(tree.link_parent(id(1)), None);
        assert_eq!(tree.link_children(id(2)), [id(4), id(6)]);
        assert_eq!(tree.served_by(id(2)), [id(2), id(5)]);
        assert_eq!((tree.tier(id(1)), tree.tier(id(6)), tree.tier(id(9))), (0, 3, u8::MAX));
    }

    #[test]
    fn a_loop_ends() {
        let tree: Tree = [base(1, 2, false), base(2, 1, false)].into_iter().collect();
        assert!(tree.chain(id(1)).count() <= MAX_DEPTH);
    }

    #[test]
    fn former_parents_count() {
        let mut moved = base(4, 3, false);
        moved.former_parents = vec![id(2)];
        let tree: Tree =
            [base(1, 0, false), base(2, 1, false), base(3, 1, false), moved].into_iter().collect();
        assert!(tree.was_within(id(4), id(2)) && !tree.is_within(id(4), id(2)));
    }
}
