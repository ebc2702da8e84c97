//! Bases that merge (撤并): one takes over the jurisdiction and the records of another.
//!
//! The base that ends stays in the tree, retired and beneath the one that follows it: its name stands in old figures, and
//! what can never be changed (append-only records) stays its own, seen and served by the one above. Its node may still
//! deliver what it had not sent; what is late is judged like everything else, by what its writer saw.

use causal::{BaseId, Context};
use record::{Standing, Tree};
use schema::{Kind, RegistryRole};
use serde_json::{Value, json};
use store::{Engine, Item, Query, Read};

use crate::look::decode;
use crate::registry::STANDING_RETIRED;
use crate::save::{Mode, Put};
use crate::{Office, OfficeError};

/// Records taken over in one transaction.
const AT_ONCE: u32 = 500;

/// What a merger did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merged {
    /// Division codes that came to the base that follows.
    pub codes: u64,
    /// Records that belong to it now.
    pub moved: u64,
    /// Records that are never changed, and stay under the old name.
    pub kept: u64,
    /// Records that could not be given over, each with the reason.
    pub left: Vec<String>,
}

impl<E: Engine> Office<E> {
    /// Merges a base into another; only at the root. What was done before an interruption is not done again.
    ///
    /// # Errors
    /// [`OfficeError`] when this is not the root, or the two cannot be merged.
    pub async fn merge_base(&self, from: BaseId, into: BaseId, user: &str) -> Result<Merged, OfficeError> {
        let tree = self.tree();
        self.check_merger(&tree, from, into)?;
        let codes = self.take_over_codes(&tree, from, into, user).await?;
        if tree.successor(from) != Some(into) {
            let seat = [
                (RegistryRole::Parent, json!(into.to_string())),
                (RegistryRole::Hosted, json!(true)),
                (RegistryRole::Standing, json!(STANDING_RETIRED)),
            ];
            self.set_registry(from, &seat, user).await?;
        }
        let taken = self.take_over_records(from, into, user).await?;
        Ok(Merged { codes, ..taken })
    }

    fn check_merger(&self, tree: &Tree, from: BaseId, into: BaseId) -> Result<(), OfficeError> {
        if !self.is_root() {
            let root = tree.name(tree.root_of(self.me.base));
            return Err(OfficeError::RootOnly { root, base: tree.name(from) });
        }
        let active = |base: BaseId| tree.get(base).is_some_and(|b| b.standing == Standing::Active);
        let mut beneath = tree.subtree(from).into_iter().filter(|base| *base != from && active(*base));
        let fault = if tree.get(from).is_none() || !active(into) {
            "两个基地都要在名录里,接续的基地要在用".to_owned()
        } else if tree.is_within(into, from) {
            "不能并入它自己或它的下级".to_owned()
        } else if let Some(child) = beneath.next() {
            format!("“{}”还有在用的下级“{}”,请先调整它的上级", tree.name(from), tree.name(child))
        } else {
            return Ok(());
        };
        Err(OfficeError::Invalid { faults: vec![fault] })
    }

    /// Gives the division codes of one base to another; how many it did not have.
    async fn take_over_codes(
        &self,
        tree: &Tree,
        from: BaseId,
        into: BaseId,
        user: &str,
    ) -> Result<u64, OfficeError> {
        let of = |base| tree.get(base).map(|b| b.jurisdiction.clone()).unwrap_or_default();
        let (mut all, coming) = (of(into), of(from));
        let new: Vec<String> = coming.into_iter().filter(|code| !all.contains(code)).collect();
        let count = new.len() as u64;
        if count > 0 {
            all.extend(new);
            self.set_registry(into, &[(RegistryRole::Jurisdiction, json!(all))], user).await?;
        }
        Ok(count)
    }

    /// Gives the records of one base to another, as edits like any other.
    async fn take_over_records(&self, from: BaseId, into: BaseId, user: &str) -> Result<Merged, OfficeError> {
        let mut merged = Merged::default();
        for kind in self.schema().kinds.iter().filter(|kind| !kind.registry) {
            let mut passed = 0;
            loop {
                let items = self.records_of(kind, from, passed).await?;
                if items.is_empty() {
                    break;
                }
                if kind.append_only {
                    (merged.kept, passed) = (merged.kept + items.len() as u64, passed + items.len() as u32);
                    continue;
                }
                let puts =
                    items.iter().map(|item| give(kind, item, into, user)).collect::<Result<Vec<_>, _>>()?;
                for (item, done) in items.iter().zip(self.save(&puts, Mode::Each).await?) {
                    match done {
                        Ok(_) => merged.moved += 1,
                        Err(error) => {
                            // It keeps its old home, and is passed over from now on.
                            passed += 1;
                            merged.left.push(format!("{} {}:{error}", kind.label, item.title));
                        }
                    }
                }
            }
        }
        Ok(merged)
    }

    async fn records_of(&self, kind: &Kind, home: BaseId, passed: u32) -> Result<Vec<Item>, OfficeError> {
        let query = Query {
            kind: kind.name.clone(),
            homes: Some(vec![home]),
            deleted: true,
            limit: AT_ONCE,
            offset: passed,
            ..Query::default()
        };
        Ok(self.store.snapshot().await?.list(&query).await?.items)
    }

    /// What a retired base beneath a child still had, and has delivered now, goes where the rest went; at the root.
    pub(crate) async fn take_over_late(&self, child: BaseId) -> Result<(), OfficeError> {
        let tree = self.tree();
        if !self.is_root() {
            return Ok(());
        }
        // Late work may still come by a base that was above before.
        let theirs = |b: &&record::Base| tree.was_within(b.id, child);
        for base in tree.iter().filter(theirs) {
            if let Some(into) = tree.successor(base.id) {
                self.take_over_records(base.id, into, "admin").await?;
            }
        }
        Ok(())
    }
}

/// The edit that gives a record to a base, over what is shown of it now.
fn give(kind: &Kind, item: &Item, into: BaseId, user: &str) -> Result<Put, OfficeError> {
    let seen: Context = decode(&item.row)?.context;
    Ok(Put {
        kind: kind.name.clone(),
        id: Some(item.row.id),
        seen: Some(seen),
        home: Some(into),
        user: user.into(),
        ..Put::default()
    })
}

/// Values of a base's record by their roles.
pub(crate) type Seat<'s> = &'s [(RegistryRole, Value)];
