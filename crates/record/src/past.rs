//! What the writer of an edit may have seen: the merge keeps what stands, not how it came about.

use causal::{BaseId, Dot, Group, Register, State};
use schema::{Kind, Rule, Who};

use crate::engine_field::{HOME, audience_bases, is_engine_field};
use crate::rule::owner_of;
use crate::shown::home_of;
use crate::tree::Tree;

/// What lies between the state known here and the state that arrived.
///
/// Bases beneath the pusher cannot be told apart by their parent: the pusher could have made the edits of any of
/// them, and of any of them it may speak. So nothing is given away by supposing that they did between two states
/// what they had a right to do; whoever is not beneath the pusher did nothing that is not known here.
pub(crate) struct Past<'s, 'a> {
    kind: &'s Kind,
    tree: &'s Tree,
    before: &'s State<'a>,
    after: &'s State<'a>,
    judged: &'s dyn Fn(BaseId) -> bool,
    /// One edit upon `before`, where it is saved: nobody was in between.
    pub(crate) exact: bool,
    /// The home was, or may have been, another beneath the pusher when an edit was made.
    moved: bool,
    /// Somebody in `after` created the record, without having seen that it was there.
    pub(crate) creates: bool,
    /// The homes that the record may have had whoever wrote; asked of every entry of an edit.
    homes: Vec<BaseId>,
}

impl<'s, 'a> Past<'s, 'a> {
    pub(crate) fn new(
        kind: &'s Kind,
        tree: &'s Tree,
        before: &'s State<'a>,
        after: &'s State<'a>,
        judged: &'s dyn Fn(BaseId) -> bool,
    ) -> Past<'s, 'a> {
        let exact = judged(tree.root_of(home_of(tree, after)));
        let mut past = Past {
            kind,
            tree,
            before,
            after,
            judged,
            exact,
            moved: false,
            creates: false,
            homes: Vec::new(),
        };
        past.homes = past.known_homes();
        let known = !before.groups.is_empty();
        past.creates = !known || past.new_groups().any(|group| past.is_creation(group));
        let lone = after.groups.len() == 1;
        past.moved = !exact
            && if known { past.was_beneath() || past.created_beside() || past.regained() } else { !lone };
        past.creates |= past.moved && past.created_beside();
        past
    }

    fn new_groups(&self) -> impl Iterator<Item = &Group<'a>> {
        self.after
            .groups
            .iter()
            .filter(|g| !self.before.context.has(g.stamp.dot) && (self.judged)(g.stamp.base))
    }

    /// Whether an entry that stood before was seen and replaced.
    pub(crate) fn replaced(&self, dot: Dot, register: Register<'_>) -> bool {
        replaced(self.after, dot, register)
    }

    /// Whether what `base` wrote may count as written after what it now replaces.
    pub(crate) fn may_rewrite(&self, base: BaseId) -> bool {
        !self.exact && (self.judged)(base)
    }

    /// Whether an edit created the record: the first here, or one made where it was not known yet. The latter is
    /// honest only where the id follows from the natural key; both creations then stand side by side.
    pub(crate) fn is_creation(&self, group: &Group<'_>) -> bool {
        let home = Register::whole(HOME);
        let Some(written) = group.entry(home) else { return false };
        if self.before.groups.is_empty() {
            return true;
        }
        let creator = |home| self.means(self.kind.creator, home, group.stamp.base);
        self.is_beside() && audience_bases(written.value).any(creator)
    }

    /// Whether a home of this record that is new here may have come about without anybody having seen those known.
    fn is_beside(&self) -> bool {
        let home = Register::whole(HOME);
        let beside = !self.before.entries(home).any(|(stamp, _)| self.replaced(stamp.dot, home));
        !self.exact && !self.kind.natural_key.is_empty() && beside
    }

    /// Whether the record was created beneath the pusher a second time, and perhaps moved since.
    fn created_beside(&self) -> bool {
        let claims = self.new_groups().any(|g| g.entry(Register::whole(HOME)).is_some());
        claims && self.is_beside() && self.may_be_created_beneath(self.kind.creator)
    }

    /// Whether the record belongs, or once belonged, to a base beneath the pusher: it does by its home, or it holds
    /// what only a base of its home's chain could write. Such a base may not have heard yet that the home was moved.
    fn was_beneath(&self) -> bool {
        let theirs = self.before.groups.iter().filter(|g| (self.judged)(g.stamp.base));
        let mut written = theirs.flat_map(|g| g.entries.iter().map(|e| e.register.field));
        home_values(self.before).any(|home| (self.judged)(home))
            || written.any(|number| self.is_of_chain(number))
    }

    /// Whether a home comes back that the receiver itself set and lost, and with it what others wrote before that.
    fn regained(&self) -> bool {
        let mut new = self
            .after
            .entries(Register::whole(HOME))
            .filter(|(stamp, _)| !self.before.context.has(stamp.dot));
        new.any(|(stamp, _)| !(self.judged)(stamp.base))
    }

    /// Whether nobody but a base of the home's chain may write a field, creation apart.
    fn is_of_chain(&self, number: u32) -> bool {
        let within = |who| matches!(who, Who::Home | Who::Chain);
        match self.kind.field(number) {
            Some(field) => within(field.owner) && field.rule != Rule::Workflow,
            None => is_engine_field(number) && within(self.kind.creator),
        }
    }

    /// The homes that are known, or claimed, whoever wrote.
    fn known_homes(&self) -> Vec<BaseId> {
        if planted::on!(TodaysTree) && !self.exact {
            return vec![home_of(self.tree, self.after)];
        }
        let mut homes = Vec::new();
        if self.before.groups.is_empty() {
            homes.push(home_of(self.tree, self.after));
        } else {
            homes.push(home_of(self.tree, self.before));
            homes.extend(home_values(self.before));
        }
        if !self.exact {
            let new = self.new_groups().filter_map(|g| g.entry(Register::whole(HOME)));
            homes.extend(new.flat_map(|entry| audience_bases(entry.value)));
        }
        homes
    }

    /// The homes that the record may have had when `base` wrote.
    pub(crate) fn homes(&self, base: BaseId) -> impl Iterator<Item = BaseId> + '_ {
        let anywhere = self.moved && !planted::on!(TodaysTree);
        let moved = anywhere.then(|| self.tree.iter().filter(move |b| b.parent == Some(base)).map(|b| b.id));
        let own = anywhere.then_some(base);
        self.homes.iter().copied().chain(own).chain(moved.into_iter().flatten())
    }

    /// Whether `base` was the one that `who` means, when it wrote. `named` are the bases that the naming field may
    /// have held.
    pub(crate) fn holds(&self, who: Who, named: &[BaseId], base: BaseId) -> bool {
        if who == Who::Named && !named.is_empty() {
            return named.contains(&base);
        }
        self.homes(base).any(|home| self.means(who, home, base))
    }

    /// As [`owner_of`], with all bases that were above the home before: edits made before a move stay the mover's.
    pub(crate) fn means(&self, who: Who, home: BaseId, base: BaseId) -> bool {
        let formerly = || match who {
            Who::Chain => self.tree.was_within(home, base),
            Who::ParentOfHome => self.tree.get(home).is_some_and(|b| b.former_parents.contains(&base)),
            _ => false,
        };
        owner_of(self.tree, who, home, None, base) || (!self.exact && formerly())
    }

    /// Whether one whom `who` means may have written in between.
    pub(crate) fn held_in_between(&self, who: Who, named: &[BaseId]) -> bool {
        !self.exact && self.tree.iter().any(|b| (self.judged)(b.id) && self.holds(who, named, b.id))
    }

    /// Whether the record may have been created in between by a base that may.
    pub(crate) fn created_in_between(&self, creator: Who) -> bool {
        self.moved && self.may_be_created_beneath(creator)
    }

    fn may_be_created_beneath(&self, creator: Who) -> bool {
        let may = |home: BaseId| {
            let by = match creator {
                Who::Home | Who::Chain | Who::Named => home,
                Who::ParentOfHome => self.tree.parent(home).unwrap_or(home),
                Who::Root => self.tree.root_of(home),
            };
            (self.judged)(home) && (self.judged)(by)
        };
        self.tree.iter().any(|b| may(b.id))
    }

    /// Whether `base` may give the record to another home. While several claim it, only a base above all of them
    /// decides. Of a move that took the record from bases beneath the pusher alone, or was made without having seen
    /// another, nobody else is the loser.
    pub(crate) fn may_move(&self, base: BaseId) -> bool {
        let above = |home| self.means(Who::Chain, home, base);
        let home = Register::whole(HOME);
        let stood = self.before.entries(home);
        let mut taken = stood
            .filter(|(stamp, _)| self.replaced(stamp.dot, home))
            .flat_map(|(_, e)| audience_bases(e.value));
        home_values(self.before).all(above) || (self.moved && taken.all(|home| (self.judged)(home)))
    }

    /// The bases that a naming field may have held when `base` wrote; nothing while it holds none.
    pub(crate) fn named(&self, field: Option<u32>, base: BaseId) -> Vec<BaseId> {
        let Some(number) = field else { return Vec::new() };
        let mut named = self.all_named(field);
        let by_other = |g: &Group<'_>| g.stamp.base != base && g.entry(Register::whole(number)).is_some();
        if !self.exact && self.new_groups().any(by_other) {
            named.push(base);
        }
        named
    }

    /// The bases that a naming field holds, or held when it was last known here.
    pub(crate) fn all_named(&self, field: Option<u32>) -> Vec<BaseId> {
        let Some(number) = field else { return Vec::new() };
        if self.exact {
            return crate::shown::named_base(self.after, number).into_iter().collect();
        }
        let values = |state: &'s State<'a>| state.entries(Register::whole(number));
        let both = values(self.after).chain(values(self.before));
        both.flat_map(|(_, entry)| audience_bases(entry.value)).collect()
    }
}

/// Whether a state has seen an entry and holds it no more.
pub(crate) fn replaced(after: &State<'_>, dot: Dot, register: Register<'_>) -> bool {
    after.context.has(dot) && after.group(dot).is_none_or(|g| g.entry(register).is_none())
}

fn home_values<'a>(state: &State<'a>) -> impl Iterator<Item = BaseId> {
    let entries: Vec<&'a [u8]> = state.entries(Register::whole(HOME)).map(|(_, entry)| entry.value).collect();
    entries.into_iter().flat_map(audience_bases)
}
