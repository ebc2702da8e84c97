//! The rules of the schema as preferences of the merge.

use causal::{BaseId, Preference};
use schema::{Rule, Who};

use crate::tree::Tree;

/// What a rule prefers among concurrent values.
pub fn preferences(rule: Rule) -> &'static [Preference] {
    match rule {
        Rule::OwnerOnly => &[Preference::Owner],
        Rule::OwnerFirst => &[Preference::Owner, Preference::Tier],
        Rule::HigherTier | Rule::Manual => &[Preference::Tier],
        Rule::Latest => &[],
        Rule::Workflow => &[Preference::Tier, Preference::Order],
        Rule::Strictest => &[Preference::Order],
        Rule::Union => &[Preference::Present],
    }
}

/// Whether `base` is the one that `who` means, seen from a record with this home. `named` is the base that the
/// naming field holds; while it holds none the home decides.
pub fn owner_of(tree: &Tree, who: Who, home: BaseId, named: Option<BaseId>, base: BaseId) -> bool {
    match who {
        Who::Home => base == home,
        Who::ParentOfHome => tree.parent(home).unwrap_or(home) == base,
        Who::Root => base == tree.root_of(home),
        Who::Chain => tree.is_within(home, base),
        Who::Named => base == named.unwrap_or(home),
    }
}
