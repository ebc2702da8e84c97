//! Who may write what: the same check at the use case that saves and at every parent that receives.

use causal::{BaseId, Entry, Group, Register, Stamp, State};
use schema::{AudienceDefault, EnumDef, Field, Kind, Rule, Who};

use crate::engine_field::{AUDIENCE, DELETED, HOME, MAX_AUDIENCE, audience_bases, is_engine_field};
use crate::rule::owner_of;
use crate::shown::{home_of, named_base, order, step_numbers};
use crate::tree::Tree;

/// A write that was not the writer's to make, in words for the person who made it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// A field that somebody else owns.
    #[error("“{field}”由{owner}负责,{base}不能改;如需更正,请联系{owner} / {base} may not write this field, {owner} owns it")]
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

/// What a check looks at.
struct Case<'s, 'a> {
    kind: &'s Kind,
    tree: &'s Tree,
    before: &'s State<'a>,
    after: &'s State<'a>,
    home: BaseId,
}

/// Checks what `after` adds to and takes from `before`. Only edits of bases for which `judged` holds are looked
/// at: a parent judges what its child's subtree wrote, what came by others was judged there.
///
/// Returns every fault found; none means that all of it was the writers' to write.
pub fn judge(
    kind: &Kind,
    tree: &Tree,
    before: &State<'_>,
    after: &State<'_>,
    judged: impl Fn(BaseId) -> bool,
) -> Vec<Illegal> {
    let known = if before.groups.is_empty() { after } else { before };
    let case = Case { kind, tree, before, after, home: home_of(tree, known) };
    let mut faults = case.vanished();
    if before.groups.is_empty() {
        faults.extend(case.creation(&judged));
    }
    let new = |g: &&Group<'_>| !before.context.has(g.stamp.dot) && judged(g.stamp.base);
    for group in after.groups.iter().filter(new) {
        faults.extend(group.entries.iter().filter_map(|entry| case.entry(&group.stamp, entry).err()));
    }
    faults
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

    /// A value that stood before may be gone only if its register holds a new entry.
    fn vanished(&self) -> Vec<Illegal> {
        let replaced = |register: Register<'_>| {
            let written = |g: &Group<'_>| !self.before.context.has(g.stamp.dot) && g.entry(register).is_some();
            self.after.groups.iter().any(written)
        };
        let covered = self.before.groups.iter().filter(|g| self.after.context.has(g.stamp.dot));
        let gone = covered.flat_map(|g| {
            let kept = self.after.group(g.stamp.dot);
            g.entries.iter().filter(move |e| kept.is_none_or(|k| k.entry(e.register).is_none()))
        });
        let fault = |e: &Entry<'_>| Illegal::Vanished { field: self.label(e.register.field) };
        gone.filter(|e| !replaced(e.register)).map(fault).collect()
    }

    fn creation(&self, judged: &impl Fn(BaseId) -> bool) -> Option<Illegal> {
        let mut creators = self.after.entries(Register::whole(HOME)).map(|(stamp, _)| stamp.base).peekable();
        if creators.peek().is_none() {
            return Some(Illegal::NoHome);
        }
        let may = |base: &BaseId| owner_of(self.tree, self.kind.creator, self.home, None, *base);
        let stranger = creators.find(|base| judged(*base) && !may(base))?;
        Some(Illegal::NotCreator {
            kind: self.kind.label.clone(),
            creator: self.who(self.kind.creator, None),
            base: self.tree.name(stranger),
        })
    }

    fn entry(&self, stamp: &Stamp<'_>, entry: &Entry<'_>) -> Result<(), Illegal> {
        let number = entry.register.field;
        if self.kind.append_only && !self.before.groups.is_empty() && number != DELETED {
            return Err(Illegal::Immutable { kind: self.kind.label.clone() });
        }
        if number == AUDIENCE && audience_bases(entry.value).count() > MAX_AUDIENCE {
            return Err(Illegal::Audience);
        }
        if is_engine_field(number) {
            return self.engine_field(stamp, entry).and_then(|()| self.audience(stamp, entry));
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

    /// Creating and opening to the default audience are the creator's; later the chain decides.
    fn engine_field(&self, stamp: &Stamp<'_>, entry: &Entry<'_>) -> Result<(), Illegal> {
        if self.creates(stamp.base) || self.in_chain(stamp.base) {
            return Ok(());
        }
        Err(Illegal::NotInChain { field: self.label(entry.register.field), base: self.tree.name(stamp.base) })
    }

    /// Opening a record beyond its kind's default is a right of its own.
    fn audience(&self, stamp: &Stamp<'_>, entry: &Entry<'_>) -> Result<(), Illegal> {
        if entry.register.field != AUDIENCE || owner_of(self.tree, self.kind.widen, self.home, None, stamp.base) {
            return Ok(());
        }
        let mut default = default_audience(self.kind, self.tree, self.home);
        default.extend(named_bases(self.kind, self.after));
        if audience_bases(entry.value).all(|base| default.contains(&base)) {
            return Ok(());
        }
        let owner = self.who(self.kind.widen, None);
        Err(Illegal::NotOwner { field: self.label(AUDIENCE), owner, base: self.tree.name(stamp.base) })
    }

    /// Whether this is the creation, by a base that may create.
    fn creates(&self, base: BaseId) -> bool {
        self.before.groups.is_empty() && owner_of(self.tree, self.kind.creator, self.home, None, base)
    }

    fn in_chain(&self, base: BaseId) -> bool {
        self.tree.is_within(self.home, base)
    }

    fn named(&self, field: &Field) -> Option<BaseId> {
        field.owner_field.and_then(|number| named_base(self.after, number))
    }

    fn owns(&self, field: &Field, base: BaseId) -> bool {
        owner_of(self.tree, field.owner, self.home, self.named(field), base)
    }

    fn owner(&self, field: &Field, stamp: &Stamp<'_>) -> Result<(), Illegal> {
        if self.owns(field, stamp.base) {
            return Ok(());
        }
        Err(Illegal::NotOwner {
            field: field.label.clone(),
            owner: self.who(field.owner, self.named(field)),
            base: self.tree.name(stamp.base),
        })
    }

    fn chain(&self, field: &Field, stamp: &Stamp<'_>) -> Result<(), Illegal> {
        if self.in_chain(stamp.base) || self.owns(field, stamp.base) || self.creates(stamp.base) {
            return Ok(());
        }
        Err(Illegal::NotInChain { field: field.label.clone(), base: self.tree.name(stamp.base) })
    }

    /// The base that another field names decides; it must not have named itself.
    fn naming(&self, stamp: &Stamp<'_>, entry: &Entry<'_>) -> Result<(), Illegal> {
        let number = entry.register.field;
        let decides = self.kind.fields.iter().any(|f| f.owner_field == Some(number));
        if decides && audience_bases(entry.value).any(|named| named == stamp.base) {
            return Err(Illegal::NamesItself { field: self.label(number), base: self.tree.name(stamp.base) });
        }
        Ok(())
    }

    fn strict(&self, field: &Field, stamp: &Stamp<'_>, entry: &Entry<'_>) -> Result<(), Illegal> {
        if self.owns(field, stamp.base) {
            return Ok(());
        }
        self.chain(field, stamp)?;
        let new = order(field, entry.value);
        if self.before.entries(entry.register).any(|(_, old)| order(field, old.value) > new) {
            return Err(Illegal::Loosened { field: field.label.clone(), owner: self.who(field.owner, self.named(field)) });
        }
        Ok(())
    }

    fn step(&self, field: &Field, stamp: &Stamp<'_>, entry: &Entry<'_>) -> Result<(), Illegal> {
        let Some(states) = &field.workflow else { return Ok(()) };
        let mut steps = schema::raw::fields(entry.value).map_while(Result::ok).filter_map(|f| match f.value {
            schema::raw::Value::Bytes(step) => Some(step_numbers(step)),
            _ => None,
        });
        let (from, to) = steps.next().unwrap_or_default();
        let known: Vec<i32> = self.before.entries(entry.register).map(|(_, e)| order(field, e.value) as i32).collect();
        let no_step = || Illegal::NoSuchStep {
            field: field.label.clone(),
            from: from.map_or_else(|| "(新建)".into(), |n| state_label(states, n)),
            to: to.map_or_else(|| "(空)".into(), |n| state_label(states, n)),
        };
        let to = to.ok_or_else(no_step)?;
        let Some(from) = from else {
            return if states.initial == Some(to) && known.is_empty() { self.chain(field, stamp) } else { Err(no_step()) };
        };
        let starts: Vec<i32> = if known.is_empty() { states.initial.into_iter().collect() } else { known };
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

    /// Whether `base` alone could have gone from the state known here to the one it says it saw: steps taken
    /// offline one after another arrive as the last of them.
    fn reaches(&self, states: &EnumDef, base: BaseId, start: i32, goal: i32) -> bool {
        let mut reached = vec![start];
        let mut at = 0;
        while let Some(state) = reached.get(at).copied() {
            if state == goal {
                return true;
            }
            at += 1;
            if self.turn(states, state, base) {
                let next = states.values.iter().filter(|v| v.number == state).flat_map(|v| &v.leads_to);
                let new: Vec<i32> = next.map(|t| t.to).filter(|to| !reached.contains(to)).collect();
                reached.extend(new);
            }
        }
        false
    }

    fn turn(&self, states: &EnumDef, state: i32, base: BaseId) -> bool {
        let turn = states.values.iter().find(|v| v.number == state).and_then(|v| v.turn.as_ref());
        turn.is_some_and(|t| {
            let named = t.field.and_then(|number| named_base(self.after, number));
            owner_of(self.tree, t.who, self.home, named, base)
        })
    }

    fn turn_words(&self, states: &EnumDef, state: i32) -> String {
        let turn = states.values.iter().find(|v| v.number == state).and_then(|v| v.turn.as_ref());
        turn.map_or_else(
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

/// The audience with which records of a kind are created.
pub fn default_audience(kind: &Kind, tree: &Tree, home: BaseId) -> Vec<BaseId> {
    match kind.audience_default {
        AudienceDefault::None => Vec::new(),
        AudienceDefault::HomeSubtree => vec![home],
        AudienceDefault::Everybody => vec![tree.root_of(home)],
    }
}

fn leads(states: &EnumDef, from: i32, to: i32) -> bool {
    states.values.iter().any(|v| v.number == from && v.leads_to.iter().any(|t| t.to == to))
}

fn state_label(states: &EnumDef, number: i32) -> String {
    states.values.iter().find(|v| v.number == number).map_or_else(|| number.to_string(), |v| v.label.clone())
}
