//! What follows from a change of the tree of bases, in the transaction that brings it (R1–R3).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use causal::{BaseId, State};
use record::{Draft, Tree, audience_bases};
use schema::{Kind, RegistryRole, raw};
use store::{Applied, Engine, Read, Write};
use sync::Changes;
use sync::compare::LAST;
use sync::moves::{self, Reach};

use crate::merging::Seat;
use crate::registry::read_tree;
use crate::save::Put;
use crate::{Office, OfficeError};

/// Rows looked at in one read.
const SCAN_ROWS: usize = 1_000;

impl<E: Engine> Office<E> {
    /// The tree as of a transaction. Between the commit that changes it and this process taking note, the one in memory
    /// is the one before.
    pub(crate) async fn tree_in(&self, tx: &mut E::Tx) -> Result<Arc<Tree>, OfficeError> {
        match self.tree_stale.load(Ordering::Acquire) {
            true => Ok(Arc::new(read_tree(self.schema(), tx).await?)),
            false => Ok(self.tree()),
        }
    }

    /// Performs changes that were worked out by `tree`. Where they change the tree itself, what follows for links and
    /// scopes is done in the same transaction: no crash can come between.
    pub(crate) async fn perform(
        &self,
        tx: &mut E::Tx,
        tree: &Tree,
        changes: &Changes,
    ) -> Result<Applied, OfficeError> {
        let applied = tx.apply(changes).await?;
        if self.changes_registry(changes) {
            self.tree_stale.store(true, Ordering::Release);
            let after = read_tree(self.schema(), tx).await?;
            self.follow(tx, tree, &after).await?;
        }
        Ok(applied)
    }

    pub(crate) fn changes_registry(&self, changes: &Changes) -> bool {
        let registry = self.schema().registry().map(|k| k.name.as_str());
        changes.rows.iter().any(|new| Some(new.row.kind.as_str()) == registry)
    }

    async fn follow(&self, tx: &mut E::Tx, before: &Tree, after: &Tree) -> Result<(), OfficeError> {
        let desk = moves::Desk { schema: self.schema(), before, after, me: self.me.base };
        let reach = desk.reach();
        if reach == Reach::Nothing {
            return Ok(());
        }
        let mut changes = desk.links(&tx.links().await?);
        match &reach {
            Reach::Homes(homes) => look_among(tx, &desk, homes, &mut changes).await?,
            _ => look_at_all(tx, &desk, &mut changes).await?,
        }
        tx.apply(&changes).await?;
        let children = after.link_children(self.me.base);
        self.sessions().retain(|child, _| children.contains(child));
        Ok(())
    }

    /// What was begun with `parent` counts only while it is this node's parent.
    pub(crate) fn still_above(&self, tree: &Tree, parent: BaseId) -> Result<(), OfficeError> {
        match tree.link_parent(self.me.base) {
            Some(now) if now == parent => Ok(()),
            _ => Err(OfficeError::SessionEnded),
        }
    }

    /// A base's seat as an edit would have it: the base above must exist and not lie beneath it; the one that it had
    /// before is noted among the former ones, since edits made under it stay legal (R1).
    pub(crate) fn seat(
        &self,
        tree: &Tree,
        coming: &BTreeSet<String>,
        kind: &Kind,
        base: BaseId,
        before: &State<'_>,
        draft: &mut Draft,
    ) -> Result<(), OfficeError> {
        let roles =
            kind.registry_field(RegistryRole::Parent).zip(kind.registry_field(RegistryRole::FormerParents));
        let Some((parent, former)) = roles else { return Ok(()) };
        let Some(wanted) = draft.get(parent.number) else { return Ok(()) };
        let wanted = audience_bases(wanted).next();
        let is_coming = |base: BaseId| coming.iter().any(|code| self.base_id(code) == Some(base));
        let unknown = |above: &BaseId| tree.get(*above).is_none() && !is_coming(*above);
        let fault = match wanted {
            Some(above) if unknown(&above) => Some("没有这个上级基地"),
            Some(above) if tree.get(base).is_some() && tree.is_within(above, base) => {
                Some("不能把基地调整到它自己或它的下级之下")
            }
            _ => None,
        };
        if let Some(words) = fault {
            return Err(OfficeError::Invalid { faults: vec![format!("{}:{words}", parent.label)] });
        }
        if let Some(old) = tree.parent(base).filter(|old| Some(*old) != wanted) {
            let mut all: Vec<u8> = Vec::new();
            let shown = record::values(Some(kind), tree, before);
            shown
                .iter()
                .filter(|v| v.register.field == former.number)
                .for_each(|v| all.extend_from_slice(v.raw()));
            if !audience_bases(&all).any(|base| base == old) {
                raw::put_bytes(&mut all, former.number, &old.0);
            }
            draft.set(kind, former.number, all);
        }
        Ok(())
    }

    /// Gives a base another base above it; only at the root. Its node learns of it with its next contact, by whatever
    /// way; what it has not sent yet goes to the new one.
    ///
    /// # Errors
    /// [`OfficeError`] when this is not the root, or the place is not possible.
    pub async fn move_base(&self, base: BaseId, to: BaseId, user: &str) -> Result<(), OfficeError> {
        let tree = self.tree();
        if !self.is_root() {
            let root = tree.name(tree.root_of(self.me.base));
            return Err(OfficeError::RootOnly { root, base: tree.name(base) });
        }
        self.set_registry(base, &[(RegistryRole::Parent, serde_json::json!(to.to_string()))], user).await
    }

    /// Writes registry fields of a base, over what is shown of it now.
    pub(crate) async fn set_registry(
        &self,
        base: BaseId,
        seat: Seat<'_>,
        user: &str,
    ) -> Result<(), OfficeError> {
        let unknown = |what: &str| OfficeError::UnknownKind { kind: what.into() };
        let kind = self.schema().registry().ok_or_else(|| unknown("registry"))?;
        let named = |(role, value): &(RegistryRole, serde_json::Value)| {
            let field = kind.registry_field(*role).ok_or_else(|| unknown(role.word()))?;
            Ok((field.name.clone(), value.clone()))
        };
        let fields = seat.iter().map(named).collect::<Result<serde_json::Map<_, _>, OfficeError>>()?;
        let look = self.get(&kind.name, &base.to_string()).await?;
        let id = Some(causal::RecordId(base.0));
        let seen = Some(look.view.version);
        let put = Put { kind: kind.name.clone(), id, fields, seen, user: user.into(), ..Put::default() };
        self.put(put).await.map(drop)
    }

    /// Notes in this base's own record where its children reach it, so that a base that is moved beneath it finds it.
    ///
    /// # Errors
    /// [`OfficeError`] when the store fails.
    pub async fn tell_address(&self, address: &str) -> Result<(), OfficeError> {
        let me = self.me.base;
        match self.tree().get(me) {
            Some(base)
                if !address.is_empty()
                    && base.address != address
                    && base.standing == record::Standing::Active => {}
            _ => return Ok(()),
        }
        self.set_registry(me, &[(RegistryRole::Address, serde_json::json!(address))], "system").await
    }
}

async fn look_among(
    tx: &mut impl Read,
    desk: &moves::Desk<'_>,
    homes: &[BaseId],
    changes: &mut Changes,
) -> Result<(), OfficeError> {
    let mut after = 0;
    loop {
        let found = tx.changes_among(homes, after, SCAN_ROWS, |_| true).await?;
        found.rows.iter().for_each(|(row, _)| desk.look(changes, row));
        match found.upto {
            Some(upto) => after = upto,
            None => return Ok(()),
        }
    }
}

async fn look_at_all(
    tx: &mut impl Read,
    desk: &moves::Desk<'_>,
    changes: &mut Changes,
) -> Result<(), OfficeError> {
    let mut after = None;
    loop {
        let found = tx.by_id(after, LAST, SCAN_ROWS).await?;
        found.iter().filter(|(row, _)| !row.hidden).for_each(|(row, _)| desk.look(changes, row));
        match found.last() {
            Some((row, _)) => after = Some(row.id),
            None => return Ok(()),
        }
    }
}
