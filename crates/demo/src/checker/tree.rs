//! The tree of bases, as one database tells it.

use std::collections::BTreeMap;

/// Who sits beneath whom; ids are 32 hexadecimal digits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    bases: BTreeMap<String, Base>,
}

/// One base.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Base {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The base above.
    pub parent: Option<String>,
    /// Served by the node of the base above.
    pub hosted: bool,
}

impl Tree {
    /// A tree of these bases.
    pub fn new(bases: impl IntoIterator<Item = (String, Base)>) -> Tree {
        Tree { bases: bases.into_iter().collect() }
    }

    /// Every base with its id.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Base)> {
        self.bases.iter()
    }

    /// A base.
    pub fn get(&self, id: &str) -> Option<&Base> {
        self.bases.get(id)
    }

    /// A base's name; its id when it is not known.
    pub fn name<'t>(&'t self, id: &'t str) -> &'t str {
        self.get(id).map_or(id, |base| &base.name)
    }

    /// The base itself, then each above it.
    pub fn chain<'t>(&'t self, id: &'t str) -> impl Iterator<Item = &'t str> {
        let above = |id: &&'t str| self.get(id).and_then(|base| base.parent.as_deref());
        // A circle in broken data ends after as many steps as there are bases.
        std::iter::successors(Some(id), above).take(self.bases.len() + 1)
    }

    /// Whether `id` is `top` or lies beneath it.
    pub fn is_within(&self, id: &str, top: &str) -> bool {
        self.chain(id).any(|above| above == top)
    }

    /// The base whose node serves this one.
    pub fn node_of<'t>(&'t self, id: &'t str) -> &'t str {
        self.chain(id).find(|id| self.get(id).is_none_or(|base| !base.hosted)).unwrap_or(id)
    }

    /// Whether a base may see what has these homes and is opened to these bases' subtrees.
    pub fn may_see(&self, base: &str, homes: &[String], audience: &[String]) -> bool {
        homes.iter().any(|home| self.is_within(home, base))
            || audience.iter().any(|open| self.is_within(base, open) || self.is_within(open, base))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let base = |id: &str, parent: &str, hosted| {
            let parent = (!parent.is_empty()).then(|| parent.to_owned());
            (id.to_owned(), Base { parent, hosted, ..Base::default() })
        };
        Tree::new([base("c", "", false), base("d", "c", false), base("s", "d", false), base("h", "d", true)])
    }

    #[test]
    fn who_serves_and_who_sees() {
        let tree = tree();
        assert_eq!((tree.node_of("h"), tree.node_of("s")), ("d", "s"));
        let sees = |base: &str, home: &str, open: &[&str]| {
            let open: Vec<String> = open.iter().map(|id| id.to_string()).collect();
            tree.may_see(base, &[home.to_owned()], &open)
        };
        assert!(sees("c", "s", &[]) && sees("d", "s", &[]) && sees("s", "s", &[]));
        assert!(!sees("s", "h", &[]) && !sees("s", "d", &[]) && !sees("s", "c", &[]));
        assert!(sees("s", "c", &["c"]) && sees("s", "d", &["d"]) && sees("d", "c", &["s"]));
    }
}
