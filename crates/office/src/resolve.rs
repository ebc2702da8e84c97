//! Settling what waits for a person: one register is written over, everything else is left as it is.

use causal::{BaseId, Context, Entry, RecordId, State};
use record::{AUDIENCE, Conflict, DELETED, Draft, HOME, Side, conflicts};
use schema::{Kind, Rule};
use serde_json::json;
use store::{Act, Decision, Engine, Write};

use crate::conflicts::{element_words, field_name, mark, said_of_element};
use crate::look::{decode, label, words};
use crate::save::{Case, Desk, Gathered, Put, Writing};
use crate::{Office, OfficeError, filter};

/// What is to stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// The value with this number, from 1, in the list that was looked at.
    Number(u32),
    /// The value that this base wrote.
    Base(BaseId),
    /// Another value, as people write it.
    Value(String),
}

/// A person's decision.
#[derive(Debug, Clone)]
pub struct Resolve {
    /// Short name of the kind.
    pub kind: String,
    /// Which record, named as in [`Office::get`].
    pub id: String,
    /// Which field, by name or label; `home`, `audience`, `deleted`; of a set `field=element`.
    pub field: String,
    /// The mark of the list of values that was looked at.
    pub mark: String,
    /// What is to stand.
    pub keep: Keep,
    /// The base in whose name; `None`: the node's own.
    pub as_base: Option<BaseId>,
    /// Who decides.
    pub user: String,
    /// Why, for what needs a reason.
    pub reason: String,
}

/// What a decision did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Which record.
    pub id: RecordId,
    /// Its version now.
    pub version: Context,
    /// Label of the field.
    pub label: String,
    /// What stands now, as people read it.
    pub text: String,
    /// How many values stood beside each other; all of them stay in history.
    pub settled: u32,
    /// What a person should look at again.
    pub warnings: Vec<String>,
}

/// What people write for the two answers to "is it deleted?".
const DELETE_WORDS: [&str; 2] = ["删除", "已删除"];
const RESTORE_WORDS: [&str; 2] = ["恢复", "未删除"];

impl<E: Engine> Office<E> {
    /// Settles one register, if its values are still exactly those that were looked at.
    ///
    /// # Errors
    /// [`OfficeError::NotDisputed`] when there is nothing to settle, [`OfficeError::NewAlternative`] when something came
    /// since it was looked at, [`OfficeError::NotAllowed`] when somebody else decides it. Nothing is written then.
    pub async fn resolve(&self, asked: &Resolve) -> Result<Resolved, OfficeError> {
        let kind = self.kind(&asked.kind)?;
        let mut tx = self.store.begin().await?;
        let tree = self.tree_in(&mut tx).await?;
        let row = self.find(&mut tx, kind, &asked.id).await?;
        let before = decode(&row)?;
        let all = conflicts(Some(kind), &tree, &before);
        let conflict = wanted(kind, &tree, &all, &asked.field)?;
        if mark(conflict) != asked.mark {
            return Err(OfficeError::NewAlternative { label: label(kind, conflict.register.field) });
        }
        let put = as_put(kind, row.id, conflict, asked);
        let desk = self.desk(&mut tx, &tree, std::slice::from_ref(&put)).await?;
        let case = Case { kind, put: &put, id: row.id, before: &before, base: self.writer(&tree, &put)? };
        let mut warnings = Vec::new();
        let choice = match &asked.keep {
            Keep::Value(text) => self.said(&desk, &case, conflict, text, &mut warnings)?,
            Keep::Number(_) | Keep::Base(_) => kept(&case, &tree, conflict, &asked.keep)?,
        };
        let writing = Writing {
            kind,
            id: row.id,
            base: case.base,
            user: &put.user,
            before: &before,
            seen: &choice.seen,
        };
        let mut gathered = Gathered::default();
        let version = self.write_over(
            &desk,
            &mut gathered,
            Some(row.clone()),
            &writing,
            &choice.entries(conflict, &before),
        )?;
        let applied = self.perform(&mut tx, &tree, &gathered.changes).await?;
        tx.put_decision(&Decision {
            at_ms: desk.saved_at_ms,
            act: Act::Resolve,
            record: row.id,
            kind: kind.name.clone(),
            detail: label(kind, conflict.register.field),
            user: asked.user.clone(),
            reason: asked.reason.clone(),
            dropped: None,
        })
        .await?;
        tx.commit().await?;
        self.committed(&gathered.changes).await?;
        self.tell(&gathered.changes, &applied, None);
        Ok(Resolved {
            id: row.id,
            version,
            label: label(kind, conflict.register.field),
            text: choice.words(kind, &tree, conflict),
            settled: conflict.sides.len() as u32,
            warnings,
        })
    }

    /// Another value than those that stand, as a person writes it.
    fn said(
        &self,
        desk: &Desk<'_>,
        case: &Case<'_, '_>,
        conflict: &Conflict<'_>,
        text: &str,
        warnings: &mut Vec<String>,
    ) -> Result<Choice, OfficeError> {
        let text = text.trim();
        let bases = || text.split(['、', ',', ',']).map(str::trim).filter(|w| !w.is_empty());
        let mut choice = Choice { seen: case.before.context.clone(), ..Choice::default() };
        match conflict.register.field {
            DELETED if DELETE_WORDS.contains(&text) => choice.draft.delete(&case.before.context),
            DELETED if RESTORE_WORDS.contains(&text) => choice.draft.restore(),
            DELETED => return Err(invalid("请写“删除”或“恢复”".into())),
            HOME if text.is_empty() => return Err(invalid("请写明属地是哪个基地".into())),
            HOME => choice.draft.home(self.resolve_base(text)?),
            AUDIENCE => {
                let named = bases().map(|words| self.resolve_base(words)).collect::<Result<Vec<_>, _>>()?;
                choice.draft.audience(&named);
            }
            _ if conflict.register.is_element() => choice.element = Some(said_of_element(text)?),
            _ => choice.draft = self.draft(desk, case, warnings)?,
        }
        Ok(choice)
    }
}

/// What is to be written.
#[derive(Default)]
struct Choice {
    draft: Draft,
    /// Of an element of a set: whether it stays.
    element: Option<bool>,
    /// Which of the values it replaces.
    seen: Context,
}

impl Choice {
    fn entries<'a>(&'a self, conflict: &Conflict<'a>, before: &State<'a>) -> Vec<Entry<'a>> {
        let register = conflict.register;
        match self.element {
            Some(stays) => vec![Entry { register, value: if stays { register.element } else { &[] } }],
            None => self.draft.entries(before, &before.context),
        }
    }

    fn words(&self, kind: &Kind, tree: &record::Tree, conflict: &Conflict<'_>) -> String {
        let number = conflict.register.field;
        match self.element {
            Some(stays) => element_words(stays).into(),
            None => words(kind, tree, number, self.draft.get(number).unwrap_or_default()),
        }
    }
}

/// One of the values that stand.
fn kept(
    case: &Case<'_, '_>,
    tree: &record::Tree,
    conflict: &Conflict<'_>,
    keep: &Keep,
) -> Result<Choice, OfficeError> {
    let side = chosen(tree, conflict, keep)?;
    let number = conflict.register.field;
    let mut choice = Choice { seen: case.before.context.clone(), ..Choice::default() };
    match side {
        Side::EditedSince(_) => choice.draft.restore(),
        Side::Value(_, raw) if number == DELETED && raw.is_empty() => choice.draft.restore(),
        Side::Value(..) if number == DELETED => choice.draft.delete(&case.before.context),
        Side::Value(_, raw) if conflict.register.is_element() => choice.element = Some(!raw.is_empty()),
        Side::Value(_, raw) => choice.draft.set(case.kind, number, raw.to_vec()),
    }
    // A step can be taken once, from the state that its writer saw: the one that is kept is confirmed by the same step
    // beside it, by whose turn it was, and the others are written over.
    if conflict.rule == Rule::Workflow {
        let others = conflict.dots().filter(|dot| *dot != side.stamp().dot);
        choice.seen = others.collect();
    }
    Ok(choice)
}

fn chosen<'c, 'a>(
    tree: &record::Tree,
    conflict: &'c Conflict<'a>,
    keep: &Keep,
) -> Result<&'c Side<'a>, OfficeError> {
    let sides = &conflict.sides;
    let count = sides.len();
    match keep {
        Keep::Number(number) => {
            let at = (*number as usize).checked_sub(1);
            at.and_then(|at| sides.get(at)).ok_or_else(|| invalid(format!("序号应为 1 到 {count}")))
        }
        Keep::Base(base) => {
            let mut of_base = sides.iter().filter(|side| side.stamp().base == *base);
            let name = tree.name(*base);
            match (of_base.next(), of_base.next()) {
                (Some(side), None) => Ok(side),
                (None, _) => Err(invalid(format!("{name}没有填写过其中的值,请写值的序号"))),
                (Some(_), Some(_)) => Err(invalid(format!("{name}填写了其中几个值,请写值的序号"))),
            }
        }
        Keep::Value(_) => Err(invalid("请写值的序号".into())),
    }
}

fn wanted<'c, 'a>(
    kind: &Kind,
    tree: &record::Tree,
    all: &'c [Conflict<'a>],
    asked: &str,
) -> Result<&'c Conflict<'a>, OfficeError> {
    let (name, element) =
        asked.split_once('=').map_or((asked.trim(), None), |(n, e)| (n.trim(), Some(e.trim())));
    let is_meant = |c: &&Conflict<'_>| {
        let number = c.register.field;
        let named = field_name(kind, number) == name || label(kind, number) == name;
        named && element.is_none_or(|e| words(kind, tree, number, c.register.element) == e)
    };
    let mut meant = all.iter().filter(is_meant);
    match (meant.next(), meant.next()) {
        (Some(one), None) => Ok(one),
        (Some(one), Some(_)) => {
            let label = label(kind, one.register.field);
            Err(invalid(format!("“{label}”有几个元素等人裁定,请写成 {name}=元素")))
        }
        (None, _) => {
            let engine = [HOME, AUDIENCE, DELETED].iter().map(|n| (field_name(kind, *n), label(kind, *n)));
            let is_engine = engine.into_iter().any(|(n, l)| n == name || l == name);
            let label = if is_engine { name.into() } else { filter::field(kind, name)?.label.clone() };
            Err(OfficeError::NotDisputed { label })
        }
    }
}

/// The decision as an edit of the field: so that a new value is checked as in every other edit.
fn as_put(kind: &Kind, id: RecordId, conflict: &Conflict<'_>, asked: &Resolve) -> Put {
    let mut put = Put {
        kind: kind.name.clone(),
        id: Some(id),
        as_base: asked.as_base,
        user: asked.user.clone(),
        reason: asked.reason.clone(),
        ..Put::default()
    };
    if let (Keep::Value(text), Some(field)) = (&asked.keep, kind.field(conflict.register.field)) {
        put.fields.insert(field.name.clone(), json!(text));
    }
    put
}

fn invalid(fault: String) -> OfficeError {
    OfficeError::Invalid { faults: vec![fault] }
}
