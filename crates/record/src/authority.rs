//! Who may write what: the same check at the use case that saves and at every parent that receives.

use causal::{BaseId, Dot, Entry, Group, Register, Stamp, State};
use schema::{AudienceDefault, EnumDef, Field, Kind, Rule, Turn, Who};

use crate::engine_field::{AUDIENCE, DELETED, HOME, MAX_AUDIENCE, audience_bases, is_engine_field};
use crate::past::{Past, replaced};
use crate::shown::{home_of, named_base, order, step_numbers};
use crate::tree::Tree;

/// A write that was not the writer's to make, in words for the person who made it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// A field that somebody else owns.
    #[error(
        "“{field}”由{owner}负责,{base}不能改;如需更正,请联系{owner} / {base} may not write this field, {owner} owns it"
    )]
    NotOwner {
        /// Label of the field.
        field: String,
        /// Who owns it.
        owner: String,
        /// Who wrote it.
        base: String,
    },
    /// Neither the home nor a base above it.
    #[error("{base}不是本记录属地或其上级,不能改“{field}” / {base} is not in the chain of the record's home")]
    NotInChain {
        /// Label of the field.
        field: String,
        /// Who wrote it.
        base: String,
    },
    /// A step that the workflow does not have.
    #[error("“{field}”不能从“{from}”变为“{to}” / the workflow has no such step")]
    NoSuchStep {
        /// Label of the field.
        field: String,
        /// State that the writer saw.
        from: String,
        /// State that the writer set.
        to: String,
    },
    /// A step that is somebody else's turn.
    #[error("“{field}”在“{from}”时轮到{turn}办理,{base}不能办理 / it is not {base}'s turn")]
    NotTurn {
        /// Label of the field.
        field: String,
        /// State that the writer saw.
        from: String,
        /// Whose turn it is.
        turn: String,
        /// Who wrote it.
        base: String,
    },
    /// Only the owner may loosen a strict value.
    #[error("“{field}”只能从严,放宽须由{owner}办理 / only {owner} may loosen this")]
    Loosened {
        /// Label of the field.
        field: String,
        /// Who owns it.
        owner: String,
    },
    /// A base that would give itself the say.
    #[error("“{field}”不能由{base}指定为自己 / a base cannot name itself here")]
    NamesItself {
        /// Label of the field.
        field: String,
        /// Who wrote it.
        base: String,
    },
    /// A record created by a base that may not.
    #[error("{base}不能新建“{kind}”,应由{creator}新建 / {base} may not create this kind")]
    NotCreator {
        /// Label of the kind.
        kind: String,
        /// Who may.
        creator: String,
        /// Who did.
        base: String,
    },
    /// A record that does not say whom it belongs to.
    #[error("记录没有属地 / the record has no home")]
    NoHome,
    /// A change of something that is never changed.
    #[error("“{kind}”登记后不能修改,请另录一条更正 / records of this kind are never changed after creation")]
    Immutable {
        /// Label of the kind.
        kind: String,
    },
    /// Too many bases in the audience.
    #[error("公开范围最多{MAX_AUDIENCE}个基地 / at most {MAX_AUDIENCE} bases")]
    Audience,
    /// A value went missing without a write that replaced it.
    #[error("“{field}”的值没有经过修改就不见了 / a value vanished without a write")]
    Vanished {
        /// Label of the field.
        field: String,
    },
}

/// A write that was not the writer's to make, and where it stands: `None` when it is about the record as a whole, or about
/// a value that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault<'a> {
    /// What is wrong with it.
    pub illegal: Illegal,
    /// The edit and the register.
    pub at: Option<(Dot, Register<'a>)>,
}

/// What a check looks at.
struct Case<'s, 'a> {
    kind: &'s Kind,
    tree: &'s Tree,
    before: &'s State<'a>,
    after: &'s State<'a>,
    past: Past<'s, 'a>,
    home: BaseId,
}

/// Checks what `after` adds to and takes from `before`. Only edits of bases for which `judged` holds are looked
/// at: a parent judges what its child's subtree wrote, what came by others was judged there.
///
/// An edit is judged by what its writer saw, not by what is known here: between `before` and an edit in `after` may
/// lie others, of judged bases, that are gone by now (a step that the next one replaced, a home that was moved on).
/// What a judged base could have done in between by right is taken as done. Where even the root's edits are judged
/// nobody else can have been in between: that is the check of one edit where it is saved, and it is exact.
///
/// Returns every fault found; none means that all of it was the writers' to write.
pub fn judge(
    kind: &Kind,
    tree: &Tree,
    before: &State<'_>,
    after: &State<'_>,
    judged: impl Fn(BaseId) -> bool,
) -> Vec<Illegal> {
    judge_entries(kind, tree, before, after, judged).into_iter().map(|fault| fault.illegal).collect()
}

/// As [`judge`], with the place of each fault.
pub fn judge_entries<'a>(
    kind: &Kind,
    tree: &Tree,
    before: &State<'_>,
    after: &State<'a>,
    judged: impl Fn(BaseId) -> bool,
) -> Vec<Fault<'a>> {
    if planted::on!(AuthorityUnchecked) {
        return Vec::new();
    }
    let known = if before.groups.is_empty() { after } else { before };
    let home = home_of(tree, known);
    let past = Past::new(kind, tree, before, after, &judged);
    let case = Case { kind, tree, before, after, past, home };
    let whole = |illegal| Fault { illegal, at: None };
    let mut faults: Vec<Fault<'a>> = case.vanished().into_iter().map(whole).collect();
    if before.groups.is_empty() {
        faults.extend(case.creation(&judged).map(whole));
    }
    let gone: Vec<Register<'_>> = case.gone().collect();
    for group in after.groups.iter().filter(|g| judged(g.stamp.base)) {
        let new = !before.context.has(group.stamp.dot);
        let judged = group.entries.iter().filter(|e| new || case.rewritten(e.register, &gone));
        let fault = |entry: &Entry<'a>| {
            let illegal = case.entry(group, entry).err()?;
            Some(Fault { illegal, at: Some((group.stamp.dot, entry.register)) })
        };
        faults.extend(judged.filter_map(fault));
    }
    faults
}

/// The registers from which a value is gone that stood before, without a write that can have replaced it.
///
/// It may be gone only if its register holds a new entry. Or one that is known, if either it or the value is of a base for
/// which `rewrites` holds: a part of a state was taken earlier, without what it says of others' edits; and whoever gives
/// up a value of his own, or writes again what he wrote, takes nothing from others.
pub fn vanished<'s>(
    before: &'s State<'_>,
    after: &State<'_>,
    rewrites: impl Fn(BaseId) -> bool,
) -> Vec<Register<'s>> {
    let own = |gone: &Stamp<'_>, register| {
        let mut left = after.entries(register);
        left.any(|(stamp, _)| rewrites(stamp.base) || rewrites(gone.base))
    };
    let gone = gone(before, after);
    let lost =
        gone.filter(|(stamp, register)| !newly_written(before, after, *register) && !own(stamp, *register));
    lost.map(|(_, register)| register).collect()
}

/// The entries that stood before and were seen and replaced, with the stamps of their edits.
fn gone<'s>(before: &'s State<'_>, after: &State<'_>) -> impl Iterator<Item = (&'s Stamp<'s>, Register<'s>)> {
    let stood = before.groups.iter().flat_map(|g| g.entries.iter().map(move |e| (&g.stamp, e.register)));
    stood.filter(|(stamp, register)| replaced(after, stamp.dot, *register))
}

fn newly_written(before: &State<'_>, after: &State<'_>, register: Register<'_>) -> bool {
    after.entries(register).any(|(stamp, _)| !before.context.has(stamp.dot))
}

impl Case<'_, '_> {
    fn label(&self, number: u32) -> String {
        match number {
            HOME => "属地".into(),
            AUDIENCE => "公开范围".into(),
            DELETED => "删除".into(),
            _ => self.kind.field(number).map_or_else(|| format!("第{number}项"), |f| f.label.clone()),
        }
    }

    fn vanished(&self) -> Vec<Illegal> {
        let lost = vanished(self.before, self.after, |base| self.past.may_rewrite(base));
        lost.iter().map(|register| Illegal::Vanished { field: self.label(register.field) }).collect()
    }

    /// Whether what stands in a register replaced something now that stood beside it before, and so is among `gone`.
    fn rewritten(&self, register: Register<'_>, gone: &[Register<'_>]) -> bool {
        gone.contains(&register) && !newly_written(self.before, self.after, register)
    }

    /// The registers of entries that stood before and were seen and replaced.
    fn gone(&self) -> impl Iterator<Item = Register<'_>> {
        gone(self.before, self.after).map(|(_, register)| register)
    }

    fn creation(&self, judged: &impl Fn(BaseId) -> bool) -> Option<Illegal> {
        let mut homes = self.after.entries(Register::whole(HOME)).peekable();
        if homes.peek().is_none() {
            return Some(Illegal::NoHome);
        }
        let may = |stamp: &Stamp<'_>, entry: &Entry<'_>| {
            let creator = |home| self.past.means(self.kind.creator, home, stamp.base);
            audience_bases(entry.value).any(creator) || self.past.created_in_between(self.kind.creator)
        };
        let (stranger, _) = homes.find(|(stamp, entry)| judged(stamp.base) && !may(stamp, entry))?;
        Some(Illegal::NotCreator {
            kind: self.kind.label.clone(),
            creator: self.who(self.kind.creator, None),
            base: self.tree.name(stranger.base),
        })
    }

    fn entry(&self, group: &Group<'_>, entry: &Entry<'_>) -> Result<(), Illegal> {
        let (stamp, number) = (&group.stamp, entry.register.field);
        if self.reasserts(stamp, entry) {
            return Ok(());
        }
        if self.kind.append_only && number != DELETED && !self.past.is_creation(group) {
            return Err(Illegal::Immutable { kind: self.kind.label.clone() });
        }
        if number == AUDIENCE && audience_bases(entry.value).count() > MAX_AUDIENCE {
            return Err(Illegal::Audience);
        }
        if is_engine_field(number) {
            return self.engine_field(group, entry).and_then(|()| self.audience(stamp, entry));
        }
        // A field of a newer contract than ours: whoever has that contract judges it.
        let Some(field) = self.kind.field(number) else { return Ok(()) };
        self.naming(stamp, entry)?;
        match field.rule {
            Rule::OwnerOnly => self.owner(field, stamp),
            Rule::Workflow => self.step(field, stamp, entry),
            Rule::Strictest => self.strict(field, stamp, entry),
            Rule::Union if field.owner != Who::Chain => self.owner(field, stamp),
            _ => self.chain(field, stamp),
        }
    }

    /// Whether a base above the home writes again what stands here: so a correction from below is told, which its writer
    /// would not be allowed to make otherwise. It replaces no other value that is known here.
    fn reasserts(&self, stamp: &Stamp<'_>, entry: &Entry<'_>) -> bool {
        let is_above = |home| home != stamp.base && self.tree.was_within(home, stamp.base);
        let is_above = self.past.homes(stamp.base).any(is_above);
        if self.past.exact || !is_above || planted::on!(CorrectedBack) {
            return false;
        }
        let standing: Vec<_> = self.before.entries(entry.register).collect();
        let same = |stood: &Entry<'_>| stood.value == entry.value;
        let replaced = |stamp: &Stamp<'_>| self.past.replaced(stamp.dot, entry.register);
        let changes_nothing = standing.iter().all(|(stamp, stood)| same(stood) || !replaced(stamp));
        let stood = standing.iter().any(|(_, stood)| same(stood));
        changes_nothing && (stood || (standing.is_empty() && entry.value.is_empty()))
    }

    /// Creating and opening to the default audience are the creator's; later the chain decides.
    fn engine_field(&self, group: &Group<'_>, entry: &Entry<'_>) -> Result<(), Illegal> {
        let base = group.stamp.base;
        let number = entry.register.field;
        let legal = match number {
            HOME if !self.before.groups.is_empty() => {
                self.past.may_move(base) || self.past.is_creation(group)
            }
            _ => self.creates(base) || self.past.holds(Who::Chain, &[], base),
        };
        let fault = || Illegal::NotInChain { field: self.label(number), base: self.tree.name(base) };
        if legal { Ok(()) } else { Err(fault()) }
    }

    /// Opening a record beyond its kind's default is a right of its own.
    fn audience(&self, stamp: &Stamp<'_>, entry: &Entry<'_>) -> Result<(), Illegal> {
        if entry.register.field != AUDIENCE || self.past.holds(self.kind.widen, &[], stamp.base) {
            return Ok(());
        }
        let named = named_bases(self.kind, self.after);
        let by_default = |home: BaseId| {
            let default = default_audience(self.kind, self.tree, home);
            audience_bases(entry.value).all(|base| default.contains(&base) || named.contains(&base))
        };
        if self.past.homes(stamp.base).any(by_default) {
            return Ok(());
        }
        let owner = self.who(self.kind.widen, None);
        Err(Illegal::NotOwner { field: self.label(AUDIENCE), owner, base: self.tree.name(stamp.base) })
    }

    /// Whether this is the creation, by a base that may create.
    fn creates(&self, base: BaseId) -> bool {
        self.past.creates && self.past.holds(self.kind.creator, &[], base)
    }

    fn named(&self, field: &Field) -> Option<BaseId> {
        field.owner_field.and_then(|number| named_base(self.after, number))
    }

    fn owns(&self, field: &Field, base: BaseId) -> bool {
        self.past.holds(field.owner, &self.past.named(field.owner_field, base), base)
    }

    fn not_owner(&self, field: &Field, stamp: &Stamp<'_>) -> Illegal {
        let owner = self.who(field.owner, self.named(field));
        Illegal::NotOwner { field: field.label.clone(), owner, base: self.tree.name(stamp.base) }
    }

    fn owner(&self, field: &Field, stamp: &Stamp<'_>) -> Result<(), Illegal> {
        if self.owns(field, stamp.base) { Ok(()) } else { Err(self.not_owner(field, stamp)) }
    }

    fn chain(&self, field: &Field, stamp: &Stamp<'_>) -> Result<(), Illegal> {
        let base = stamp.base;
        if self.past.holds(Who::Chain, &[], base) || self.owns(field, base) || self.creates(base) {
            return Ok(());
        }
        Err(Illegal::NotInChain { field: field.label.clone(), base: self.tree.name(base) })
    }

    /// The base that another field names decides; it must not have named itself.
    fn naming(&self, stamp: &Stamp<'_>, entry: &Entry<'_>) -> Result<(), Illegal> {
        let number = entry.register.field;
        let decides = self.kind.fields.iter().any(|f| f.owner_field == Some(number));
        // What is decided of a wish is the wish; the field that it is about stays its owner's.
        if decides && !self.kind.correction && audience_bases(entry.value).any(|named| named == stamp.base) {
            return Err(Illegal::NamesItself { field: self.label(number), base: self.tree.name(stamp.base) });
        }
        Ok(())
    }

    /// A value can only be loosened by replacing it: beside a stricter one that the writer did not see, a looser one
    /// is never shown.
    fn strict(&self, field: &Field, stamp: &Stamp<'_>, entry: &Entry<'_>) -> Result<(), Illegal> {
        if self.owns(field, stamp.base) {
            return Ok(());
        }
        self.chain(field, stamp)?;
        let new = order(field, entry.value);
        let stood = self.before.entries(entry.register);
        let mut replaced = stood.filter(|(stamp, _)| self.past.replaced(stamp.dot, entry.register));
        let named = self.past.named(field.owner_field, stamp.base);
        if replaced.any(|(_, old)| order(field, old.value) > new)
            && !self.past.held_in_between(field.owner, &named)
        {
            return Err(Illegal::Loosened {
                field: field.label.clone(),
                owner: self.who(field.owner, self.named(field)),
            });
        }
        Ok(())
    }

    fn step(&self, field: &Field, stamp: &Stamp<'_>, entry: &Entry<'_>) -> Result<(), Illegal> {
        let Some(states) = &field.workflow else { return Ok(()) };
        let (from, to) = steps(entry.value).next().unwrap_or_default();
        let no_step = || Illegal::NoSuchStep {
            field: field.label.clone(),
            from: from.map_or_else(|| "(新建)".into(), |n| state_label(states, n)),
            to: to.map_or_else(|| "(空)".into(), |n| state_label(states, n)),
        };
        let to = to.ok_or_else(no_step)?;
        let Some(from) = from else {
            let mut stood = self.before.entries(entry.register);
            let replaces = stood.any(|(stamp, _)| self.past.replaced(stamp.dot, entry.register));
            let begins = states.initial == Some(to) && !replaces && self.past.creates;
            return if begins { self.chain(field, stamp) } else { Err(no_step()) };
        };
        let starts = self.starts(states, entry.register);
        if !leads(states, from, to) || !starts.iter().any(|s| self.reaches(states, stamp.base, *s, from)) {
            return Err(no_step());
        }
        if self.turn(states, from, stamp.base) {
            return Ok(());
        }
        Err(Illegal::NotTurn {
            field: field.label.clone(),
            from: state_label(states, from),
            turn: self.turn_words(states, from),
            base: self.tree.name(stamp.base),
        })
    }

    /// The states that the writer of a step may have started from: what it replaced; and of a state that it did not
    /// see, because it was set at the same time elsewhere, what came before that.
    fn starts(&self, states: &EnumDef, register: Register<'_>) -> Vec<i32> {
        let mut starts = Vec::new();
        for (stamp, entry) in self.before.entries(register) {
            let (from, to) = steps(entry.value).next().unwrap_or_default();
            starts.extend(to);
            if let Some(from) = from.filter(|_| !self.past.replaced(stamp.dot, register)) {
                starts.extend(leading_to(states, from));
            }
        }
        if starts.is_empty() { states.initial.into_iter().collect() } else { starts }
    }

    /// Whether `base`, together with the bases that may have acted in between, could have gone from a state known
    /// here to the one that `base` says it saw: of steps taken one after another only the last arrives.
    fn reaches(&self, states: &EnumDef, base: BaseId, start: i32, goal: i32) -> bool {
        let mut reached = vec![start];
        let mut at = 0;
        while let Some(state) = reached.get(at).copied() {
            if state == goal {
                return true;
            }
            at += 1;
            if self.turn(states, state, base) || self.turn_in_between(states, state) {
                let next = states.values.iter().filter(|v| v.number == state).flat_map(|v| &v.leads_to);
                let new: Vec<i32> = next.map(|t| t.to).filter(|to| !reached.contains(to)).collect();
                reached.extend(new);
            }
        }
        false
    }

    fn turn(&self, states: &EnumDef, state: i32, base: BaseId) -> bool {
        let turn = turn_of(states, state);
        turn.is_some_and(|t| self.past.holds(t.who, &self.past.named(t.field, base), base))
    }

    fn turn_in_between(&self, states: &EnumDef, state: i32) -> bool {
        let turn = turn_of(states, state);
        turn.is_some_and(|t| self.past.held_in_between(t.who, &self.past.all_named(t.field)))
    }

    fn turn_words(&self, states: &EnumDef, state: i32) -> String {
        turn_of(states, state).map_or_else(
            || "无人(流程已结束)".into(),
            |t| self.who(t.who, t.field.and_then(|number| named_base(self.after, number))),
        )
    }

    fn who(&self, who: Who, named: Option<BaseId>) -> String {
        match who {
            Who::Home => self.tree.name(self.home),
            Who::ParentOfHome => self.tree.name(self.tree.parent(self.home).unwrap_or(self.home)),
            Who::Root => self.tree.name(self.tree.root_of(self.home)),
            Who::Chain => format!("{}及其上级", self.tree.name(self.home)),
            Who::Named => self.tree.name(named.unwrap_or(self.home)),
        }
    }
}

/// The bases that a record's naming fields hold: whoever decides about it must see it.
pub fn named_bases(kind: &Kind, state: &State<'_>) -> Vec<BaseId> {
    kind.named_bases().into_iter().filter_map(|number| named_base(state, number)).collect()
}

/// The base that decides about a register: whose turn it is in a workflow, else the owner.
pub fn decider(kind: &Kind, tree: &Tree, state: &State<'_>, number: u32) -> BaseId {
    let home = home_of(tree, state);
    let Some(field) = kind.field(number) else { return home };
    let shown = crate::shown::values(Some(kind), tree, state);
    let shown = shown.iter().find(|v| v.register.field == number);
    let step = shown.and_then(|v| crate::shown::step_to(v.raw()));
    let turn = field.workflow.as_ref().zip(step).and_then(|(states, step)| turn_of(states, step));
    let (who, naming) = turn.map_or((field.owner, field.owner_field), |turn| (turn.who, turn.field));
    match who {
        Who::Home | Who::Chain => home,
        Who::ParentOfHome => tree.parent(home).unwrap_or(home),
        Who::Root => tree.root_of(home),
        Who::Named => naming.and_then(|number| named_base(state, number)).unwrap_or(home),
    }
}

/// The audience with which records of a kind are created.
pub fn default_audience(kind: &Kind, tree: &Tree, home: BaseId) -> Vec<BaseId> {
    match kind.audience_default {
        AudienceDefault::None => Vec::new(),
        AudienceDefault::HomeSubtree => vec![home],
        AudienceDefault::Everybody => vec![tree.root_of(home)],
    }
}

/// The steps that a workflow value holds, as state before and state after.
fn steps(raw_value: &[u8]) -> impl Iterator<Item = (Option<i32>, Option<i32>)> + '_ {
    schema::raw::fields(raw_value).map_while(Result::ok).filter_map(|f| match f.value {
        schema::raw::Value::Bytes(step) => Some(step_numbers(step)),
        _ => None,
    })
}

fn turn_of(states: &EnumDef, state: i32) -> Option<&Turn> {
    states.value(state).and_then(|v| v.turn.as_ref())
}

/// A state and all from which it can be reached.
fn leading_to(states: &EnumDef, goal: i32) -> Vec<i32> {
    let mut found = vec![goal];
    let mut at = 0;
    while let Some(state) = found.get(at).copied() {
        at += 1;
        let before = states.values.iter().filter(|v| v.leads_to.iter().any(|t| t.to == state));
        let new: Vec<i32> = before.map(|v| v.number).filter(|n| !found.contains(n)).collect();
        found.extend(new);
    }
    found
}

fn leads(states: &EnumDef, from: i32, to: i32) -> bool {
    states.values.iter().any(|v| v.number == from && v.leads_to.iter().any(|t| t.to == to))
}

fn state_label(states: &EnumDef, number: i32) -> String {
    states.values.iter().find(|v| v.number == number).map_or_else(|| number.to_string(), |v| v.label.clone())
}
