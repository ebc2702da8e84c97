//! What a node does when it learns that the tree of bases has changed (R2, R3).

use std::collections::BTreeSet;

use causal::{BaseId, State};
use record::{Scope, Shown, Tree, scope_of};
use schema::Schema;

use crate::model::{Changes, Handed, Link, NewRow, NewWithdraw, Row, Unsent};

/// The tree before and after a change, as this node looks at it.
pub struct Desk<'s> {
    /// The contract.
    pub schema: &'s Schema,
    /// The tree that was known.
    pub before: &'s Tree,
    /// The tree that is known now.
    pub after: &'s Tree,
    /// The base of this node.
    pub me: BaseId,
}

/// Which records a change of the tree may move into somebody's sight or out of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reach {
    /// None, and no link either.
    Nothing,
    /// Those of these homes, and those whose scope is more than their one home.
    Homes(Vec<BaseId>),
    /// Any.
    Everything,
}

impl Desk<'_> {
    /// How far the change reaches. Names and standings move no record, and where nobody is beneath, only a parent's change
    /// does: a street of a hundred thousand records is not to go through them because a base was set up elsewhere.
    pub fn reach(&self) -> Reach {
        if self.is_moved() {
            return Reach::Everything;
        }
        let children = |tree: &Tree| !tree.link_children(self.me).is_empty();
        let seats =
            |tree: &Tree| -> BTreeSet<_> { tree.iter().map(|b| (b.id, b.parent, b.hosted)).collect() };
        if seats(self.before) == seats(self.after) || !(children(self.before) || children(self.after)) {
            return Reach::Nothing;
        }
        // Who sees a record that says no more than its home is whoever stands above that: no other way changed.
        let all: BTreeSet<BaseId> = self.before.iter().chain(self.after.iter()).map(|b| b.id).collect();
        let reseated = |base: &BaseId| !self.before.chain(*base).eq(self.after.chain(*base));
        Reach::Homes(all.into_iter().filter(reseated).collect())
    }

    /// Whether this node has another parent than before.
    pub fn is_moved(&self) -> bool {
        let before = self.before.link_parent(self.me);
        before.is_some() && before != self.after.link_parent(self.me)
    }

    /// What becomes of the links: a base that became a direct child begins a new epoch, also if it was one before and
    /// came back unseen (H4); who has a new parent forgets what it knew of the old one (R3). `links` are those held.
    pub fn links(&self, links: &[Link]) -> Changes {
        let mut changes = Changes::default();
        let known = self.before.link_children(self.me);
        for child in self.after.link_children(self.me).into_iter().filter(|c| !known.contains(c)) {
            let held = links.iter().find(|l| l.peer == child && !l.up).cloned();
            let link = held.unwrap_or(Link { peer: child, ..Link::default() });
            changes.links.push(Link { epoch: link.epoch + 1, ..link });
        }
        if self.is_moved() {
            changes.forget_links.extend(links.iter().filter(|l| l.up).map(|l| l.peer));
            changes.clear_ticks = true;
        }
        changes
    }

    /// What becomes of one record: children that gain it get it under a new number, children that lose it a withdraw;
    /// a node that has moved drops what it may no longer see, unless that holds something which nobody above has yet.
    pub fn look(&self, changes: &mut Changes, row: &Row) {
        let Ok(state) = State::decode(&row.state) else { return };
        let scope = scope_of(&state);
        if self.is_moved() && self.loses(&scope, row) {
            changes.drops.push(row.id);
            changes.handed.push(Handed { record: row.id, context: state.context, unattested: false });
            changes.withdraws.extend(self.losers(&scope, None, row));
            return;
        }
        if self.is_gained(&scope) && !planted::on!(NoTouch) {
            let shown = Shown::of(self.schema.kind(&row.kind), self.after, &state);
            changes.rows.push(NewRow { row: row.clone(), shown });
        }
        changes.withdraws.extend(self.losers(&scope, Some(&scope), row));
    }

    fn loses(&self, scope: &Scope, row: &Row) -> bool {
        let unpushed = row.unsent == Unsent::Unpushed || row.refused;
        !unpushed && !scope.visible_to(self.after, self.me)
    }

    /// Whether a child that was one before sees it now and did not; a new child gets everything by its epoch.
    fn is_gained(&self, scope: &Scope) -> bool {
        let children = self.before.link_children(self.me);
        let gains = |c: &BaseId| !scope.visible_to(self.before, *c) && scope.visible_to(self.after, *c);
        children.iter().any(gains)
    }

    fn losers(&self, before: &Scope, after: Option<&Scope>, row: &Row) -> Vec<NewWithdraw> {
        let lost = |c: &BaseId| {
            before.visible_to(self.before, *c) && !after.is_some_and(|scope| scope.visible_to(self.after, *c))
        };
        let children = self.after.link_children(self.me).into_iter().filter(lost);
        children.map(|child| NewWithdraw { child, record: row.id }).collect()
    }
}
