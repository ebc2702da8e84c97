//! Whether a contract that came from elsewhere only adds to the one that is known here.
//!
//! What decides who may write, what is merged and what is shown must be read alike everywhere: two nodes that take one
//! field for different things would each be right, and never agree. Labels, help, lists and steps may change.

use thiserror::Error;

use crate::model::{EnumDef, Field, FieldType, Kind, Schema};

/// A contract that changes what is known, rather than adding to it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "收到的新数据约定改动了已有的“{place}”({what}),本节点不采用,原样继续;请先升级本节点的程序 / the contract received changes {place}: {what}"
)]
pub struct NotAdditive {
    /// The kind, or kind and field.
    pub place: String,
    /// What is different.
    pub what: &'static str,
}

impl Schema {
    /// Whether everything that is known here is in `newer` too and means the same.
    ///
    /// # Errors
    /// [`NotAdditive`] with the first difference.
    pub fn check_successor(&self, newer: &Schema) -> Result<(), NotAdditive> {
        self.kinds.iter().try_for_each(|old| match newer.kind(&old.name) {
            Some(new) => kind(old, new),
            None => Err(NotAdditive { place: old.label.clone(), what: "类别不见了" }),
        })
    }
}

fn kind(old: &Kind, new: &Kind) -> Result<(), NotAdditive> {
    let same = [
        (old.message == new.message, "消息名"),
        ((old.creator, old.widen) == (new.creator, new.widen), "谁可新建或扩大公开"),
        (old.natural_key == new.natural_key, "唯一标识"),
        (old.append_only == new.append_only, "能否修改"),
        (old.audience_default == new.audience_default, "公开范围"),
        (roles(old) == roles(new), "在系统中的作用"),
    ];
    differs(&old.label, &same)?;
    old.fields.iter().try_for_each(|field| known(&old.label, field, &new.fields))
}

fn roles(kind: &Kind) -> [bool; 3] {
    [kind.registry, kind.code_table, kind.correction]
}

fn differs(place: &str, same: &[(bool, &'static str)]) -> Result<(), NotAdditive> {
    match same.iter().find(|(same, _)| !same) {
        Some((_, what)) => Err(NotAdditive { place: place.to_owned(), what }),
        None => Ok(()),
    }
}

/// A known field among those of the newer contract.
fn known(place: &str, old: &Field, fields: &[Field]) -> Result<(), NotAdditive> {
    let place = format!("{place}·{}", old.label);
    match crate::model::find(fields, old.number) {
        Some(new) => field(&place, old, new),
        None => Err(NotAdditive { place, what: "字段不见了" }),
    }
}

fn field(place: &str, old: &Field, new: &Field) -> Result<(), NotAdditive> {
    let same = [
        (old.name == new.name, "字段名"),
        (same_shape(&old.ty, &new.ty) && old.repeated == new.repeated, "类型"),
        (old.rule == new.rule, "冲突规则"),
        ((old.owner, old.owner_field) == (new.owner, new.owner_field), "数源"),
        (old.stays_home == new.stays_home, "是否出本节点"),
        ((old.registry, old.correction) == (new.registry, new.correction), "在系统中的作用"),
        (kept(old.enumeration(), new.enumeration()), "可选的值"),
    ];
    differs(place, &same)?;
    old.parts().iter().try_for_each(|part| known(place, part, new.parts()))
}

/// Whether two types are encoded alike; the parts of groups are looked at one by one.
fn same_shape(old: &FieldType, new: &FieldType) -> bool {
    use FieldType::{Enum, Message};
    match (old, new) {
        (Enum(_), Enum(_)) | (Message(_), Message(_)) => true,
        (Enum(_) | Message(_), _) | (_, Enum(_) | Message(_)) => false,
        (old, new) => old == new,
    }
}

/// Whether every known value keeps its number and name, and a workflow its beginning.
fn kept(old: Option<&EnumDef>, new: Option<&EnumDef>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => {
            let same = |number, name: &str| new.value(number).is_some_and(|value| value.name == name);
            old.initial == new.initial && old.values.iter().all(|value| same(value.number, &value.name))
        }
        (old, new) => old.is_none() && new.is_none(),
    }
}
