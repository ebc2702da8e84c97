//! The life of a record: every edit, what it replaced, what still stands.

use std::collections::BTreeMap;

use causal::{BaseId, Dot, Register, State};
use schema::Kind;
use store::{Engine, Read};

use crate::look::{decode, label, words};
use crate::{Office, OfficeError};

/// One edit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edit {
    /// When it was saved, by the writer's clock.
    pub saved_at_ms: u64,
    /// The base in whose name.
    pub base: BaseId,
    /// The user.
    pub user: String,
    /// What it wrote.
    pub fields: Vec<EditedField>,
}

/// One field of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditedField {
    /// The field's name; of the engine's own, and of fields unknown here, the number.
    pub field: String,
    /// The field's label.
    pub label: String,
    /// What it replaced; several when alternatives were settled.
    pub before: Vec<String>,
    /// What it wrote.
    pub after: String,
    /// Still stands.
    pub current: bool,
}

/// A register's key that owns its bytes.
pub(crate) type Key = (u32, Vec<u8>);

#[derive(Default)]
struct Gathered {
    edit: Edit,
    written: BTreeMap<Key, (Vec<u8>, bool)>,
    replaced: BTreeMap<Key, Vec<Vec<u8>>>,
}

impl<E: Engine> Office<E> {
    /// All edits of a record that are known here, oldest first.
    ///
    /// # Errors
    /// [`OfficeError`] when there is no such record.
    pub async fn history(&self, kind: &str, id: &str) -> Result<Vec<Edit>, OfficeError> {
        let kind = self.kind(kind)?;
        let mut snapshot = self.store.snapshot().await?;
        let row = self.find(&mut snapshot, kind, id).await?;
        let mut edits: BTreeMap<Dot, Gathered> = BTreeMap::new();
        gather(&mut edits, &decode(&row)?, true);
        for revision in snapshot.history(row.id).await? {
            let Ok(fragment) = State::decode(&revision.fragment) else { continue };
            gather(&mut edits, &fragment, false);
            let replaced = &mut edits.entry(revision.by).or_default().replaced;
            for entry in fragment.groups.iter().flat_map(|g| &g.entries) {
                replaced.entry(key(entry.register)).or_default().push(entry.value.to_vec());
            }
        }
        let tree = self.tree();
        let mut all: Vec<Edit> = edits.into_values().map(|g| finish(kind, &tree, g)).collect();
        // A replaced value whose writer is not known here has no edit of its own to show.
        all.retain(|edit| edit.saved_at_ms > 0);
        all.sort_by_key(|edit| edit.saved_at_ms);
        Ok(all)
    }
}

pub(crate) fn key(register: Register<'_>) -> Key {
    (register.field, register.element.to_vec())
}

fn gather(edits: &mut BTreeMap<Dot, Gathered>, state: &State<'_>, current: bool) {
    for group in &state.groups {
        let gathered = edits.entry(group.stamp.dot).or_default();
        gathered.edit.saved_at_ms = group.stamp.saved_at_ms;
        gathered.edit.base = group.stamp.base;
        gathered.edit.user = group.stamp.user.to_owned();
        for entry in &group.entries {
            gathered.written.entry(key(entry.register)).or_insert((entry.value.to_vec(), current));
        }
    }
}

fn finish(kind: &Kind, tree: &record::Tree, mut gathered: Gathered) -> Edit {
    let fields = gathered.written.iter().map(|((number, element), (value, current))| {
        let before = gathered.replaced.get(&(*number, element.clone()));
        let removed = value.is_empty() && !element.is_empty();
        let after = if removed {
            format!("移除 {}", words(kind, tree, *number, element))
        } else {
            words(kind, tree, *number, value)
        };
        EditedField {
            field: kind.field(*number).map_or_else(|| number.to_string(), |f| f.name.clone()),
            label: label(kind, *number),
            before: before.into_iter().flatten().map(|raw| words(kind, tree, *number, raw)).collect(),
            after,
            current: *current,
        }
    });
    gathered.edit.fields = fields.collect();
    gathered.edit
}
