//! The tree of bases, read from the records of the registry kind, and how people name a base.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use causal::{BaseId, State};
use record::{Base, Shown, Standing, Tree, audience_bases, derived_id};
use schema::raw::{self, Value};
use schema::{Kind, RegistryRole, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use store::{Engine, Read, Write};
use sync::Row;

use crate::save::Put;
use crate::{Office, OfficeError};

/// Reads the tree from a store.
pub(crate) async fn read_tree<R: Read>(schema: &Schema, reader: &mut R) -> Result<Tree, OfficeError> {
    let Some(kind) = schema.registry() else { return Ok(Tree::default()) };
    let rows = reader.of_kind(&kind.name).await?;
    Ok(describe_registry(kind, &rows))
}

/// The tree that these records tell. Their own merge needs no tree: registry fields are the root's alone, so the
/// empty tree picks among them as any would.
pub fn describe_registry(kind: &Kind, rows: &[Row]) -> Tree {
    let base = |row: &Row| {
        let state = State::decode(&row.state).ok()?;
        let shown = Shown::of(Some(kind), &Tree::default(), &state);
        (!shown.deleted).then(|| base_of(kind, BaseId(row.id.0), &shown))
    };
    rows.iter().filter_map(base).collect()
}

fn base_of(kind: &Kind, id: BaseId, shown: &Shown) -> Base {
    let mut base = Base { id, name: shown.title.clone(), ..Base::default() };
    for field in raw::fields(&shown.body).map_while(Result::ok) {
        let role = kind.field(field.number).and_then(|f| f.registry);
        match (role, field.value) {
            (Some(RegistryRole::Parent), _) => {
                base.parent = audience_bases(field.raw).next().filter(|p| *p != id)
            }
            (Some(RegistryRole::FormerParents), _) => base.former_parents.extend(audience_bases(field.raw)),
            (Some(RegistryRole::Name), Value::Bytes(text)) => {
                base.name = String::from_utf8_lossy(text).into_owned()
            }
            (Some(RegistryRole::Jurisdiction), Value::Bytes(text)) => {
                base.jurisdiction.push(String::from_utf8_lossy(text).into_owned());
            }
            (Some(RegistryRole::Address), Value::Bytes(text)) => {
                base.address = String::from_utf8_lossy(text).into_owned();
            }
            (Some(RegistryRole::Hosted), Value::Varint(hosted)) => base.hosted = hosted != 0,
            (Some(RegistryRole::Standing), Value::Varint(1)) => base.standing = Standing::Active,
            (Some(RegistryRole::Standing), Value::Varint(4)) => base.standing = Standing::Retired,
            (Some(RegistryRole::Standing), _) => base.standing = Standing::Barred,
            _ => {}
        }
    }
    base
}

/// A base to be registered.
#[derive(Debug, Clone, Default)]
pub struct NewBase {
    /// Its code, unique in the federation.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its rung: name or label of the enum value.
    pub rung: String,
    /// The base above; `None` for the root itself.
    pub parent: Option<BaseId>,
    /// Division codes it is responsible for.
    pub jurisdiction: Vec<String>,
    /// Served by the node of the base above.
    pub hosted: bool,
}

impl<E: Engine> Office<E> {
    pub(crate) async fn reload_tree(&self) -> Result<(), OfficeError> {
        let mut snapshot = self.store.snapshot().await?;
        let tree = read_tree(self.schema(), &mut snapshot).await?;
        *self.tree.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(tree);
        self.tree_stale.store(false, Ordering::Release);
        self.live.ring_all();
        Ok(())
    }

    /// The id that a base with this code has, registered or not.
    pub fn base_id(&self, code: &str) -> Option<BaseId> {
        let kind = self.schema().registry()?;
        Some(BaseId(derived_id(&kind.name, &[code.to_owned()]).0))
    }

    /// The base that people mean: by id, by code, or by a name that only one carries. Empty: this node's own.
    ///
    /// # Errors
    /// [`OfficeError`] when there is none, or more than one.
    pub fn resolve_base(&self, words: &str) -> Result<BaseId, OfficeError> {
        let words = words.trim();
        if words.is_empty() {
            return Ok(self.me.base);
        }
        let tree = self.tree();
        let by_id = words.parse().ok();
        let by_code = self.base_id(words);
        if let Some(id) = [by_id, by_code].into_iter().flatten().find(|id| tree.get(*id).is_some()) {
            return Ok(id);
        }
        let named: Vec<_> = tree.iter().filter(|b| b.name == words).map(|b| b.id).collect();
        match named.as_slice() {
            [one] => Ok(*one),
            [] => Err(OfficeError::UnknownBase { base: words.into() }),
            many => Err(OfficeError::AmbiguousBase { base: words.into(), count: many.len() }),
        }
    }

    /// Registers a base; only at the root. Its id follows from its code.
    ///
    /// # Errors
    /// [`OfficeError`] when this is not the root, or a value is refused.
    pub async fn register_base(&self, new: &NewBase) -> Result<BaseId, OfficeError> {
        let tree = self.tree();
        if tree.root_of(self.me.base) != self.me.base {
            let root = tree.name(tree.root_of(self.me.base));
            return Err(OfficeError::RootOnly { root, base: new.name.clone() });
        }
        let kind = self.schema().registry().ok_or(OfficeError::UnknownKind { kind: "registry".into() })?;
        let id = self.base_id(&new.code).unwrap_or_default();
        let mut fields = Map::new();
        let mut set = |role, value| {
            if let Some(field) = kind.registry_field(role) {
                fields.insert(field.name.clone(), value);
            }
        };
        set(RegistryRole::Name, json!(new.name));
        set(RegistryRole::Rung, json!(new.rung));
        set(RegistryRole::Standing, json!(1));
        set(RegistryRole::Hosted, json!(new.hosted));
        if !new.jurisdiction.is_empty() {
            set(RegistryRole::Jurisdiction, json!(new.jurisdiction));
        }
        if let Some(parent) = new.parent {
            set(RegistryRole::Parent, json!(parent.to_string()));
        }
        if let Some(key) = kind.natural_key.first().and_then(|n| kind.field(*n)) {
            fields.insert(key.name.clone(), json!(new.code));
        }
        let put =
            Put { kind: kind.name.clone(), fields, home: Some(id), user: "admin".into(), ..Put::default() };
        self.put(put).await?;
        Ok(id)
    }

    /// Bars a base's node: at once and for all its calls at this node when this is its parent, and everywhere when
    /// this is the root, whose word in the registry reaches every node.
    ///
    /// # Errors
    /// [`OfficeError`] when this node is neither.
    pub async fn revoke_base(&self, base: BaseId, user: &str) -> Result<String, OfficeError> {
        let tree = self.tree();
        let name = tree.name(base);
        let root = tree.root_of(self.me.base) == self.me.base;
        let child = tree.link_parent(base) == Some(self.me.base);
        if base == self.me.base || !(root || child) {
            return Err(OfficeError::NotMine { base: name });
        }
        if child {
            self.bar(base).await?;
        }
        if root {
            self.set_standing(base, STANDING_REVOKED, user).await?;
        }
        Ok(name)
    }

    async fn bar(&self, base: BaseId) -> Result<(), OfficeError> {
        let mut tx = self.store.begin().await?;
        let mut barred = self.barred().clone();
        barred.bases.insert(base);
        // Certificates issued so far stay worthless even when the base is invited again: the machine may be stolen.
        let issued = tx.certificates().await?.into_iter().filter(|c| c.base == base);
        barred.serials.extend(issued.map(|c| String::from_utf8_lossy(&c.serial).into_owned()));
        barred.keep(&mut tx).await?;
        tx.commit().await?;
        *self.barred() = barred;
        self.live.ring_all();
        Ok(())
    }

    /// Lets a revoked base join again, with a new invite and a new certificate; the old ones stay worthless.
    ///
    /// # Errors
    /// [`OfficeError`] when the registry bars it and this is not the root.
    pub async fn reinstate_base(&self, base: BaseId, user: &str) -> Result<(), OfficeError> {
        let tree = self.tree();
        if tree.get(base).is_some_and(|b| b.standing != Standing::Active) {
            self.set_standing(base, STANDING_ACTIVE, user).await?;
        }
        if self.barred().bases.contains(&base) {
            let mut tx = self.store.begin().await?;
            let mut barred = self.barred().clone();
            barred.bases.remove(&base);
            barred.keep(&mut tx).await?;
            tx.commit().await?;
            *self.barred() = barred;
        }
        Ok(())
    }

    /// Whether a certificate was revoked with its base.
    pub fn is_revoked(&self, serial_hex: &str) -> bool {
        self.barred().serials.contains(serial_hex)
    }

    async fn set_standing(&self, base: BaseId, standing: i32, user: &str) -> Result<(), OfficeError> {
        self.set_registry(base, &[(RegistryRole::Standing, json!(standing))], user).await
    }

    pub(crate) fn barred(&self) -> std::sync::MutexGuard<'_, Barred> {
        self.barred.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

const META_BARRED: &str = "barred";
/// The numbers of "in service", "revoked" and "retired" in the enum of standings, as the contract's options fix them.
const STANDING_ACTIVE: i32 = 1;
const STANDING_REVOKED: i32 = 3;
pub(crate) const STANDING_RETIRED: i32 = 4;

/// Whom this node refuses whatever the registry says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Barred {
    #[serde(with = "as_text")]
    pub bases: BTreeSet<BaseId>,
    pub serials: BTreeSet<String>,
}

impl Barred {
    pub(crate) async fn read<R: Read>(reader: &mut R) -> Result<Barred, OfficeError> {
        let Some(stored) = reader.meta(META_BARRED).await? else { return Ok(Barred::default()) };
        let damaged = |_| store::StoreError::Corrupt { what: META_BARRED.into() };
        Ok(serde_json::from_slice(&stored).map_err(damaged)?)
    }

    async fn keep<W: Write>(&self, tx: &mut W) -> Result<(), OfficeError> {
        Ok(tx.put_meta(META_BARRED, json!(self).to_string().as_bytes()).await?)
    }
}

/// Ids as people and logs write them.
mod as_text {
    use std::collections::BTreeSet;

    use causal::BaseId;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(bases: &BTreeSet<BaseId>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(bases.iter().map(ToString::to_string))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<BaseId>, D::Error> {
        let words = Vec::<String>::deserialize(from)?;
        words.iter().map(|w| w.parse().map_err(de::Error::custom)).collect()
    }
}
