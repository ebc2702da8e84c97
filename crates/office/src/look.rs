//! Looking at records: one with everything known of it, or a page of a list.

use causal::{BaseId, Context, RecordId, State};
use record::{Shown, Tree, derived_id, values};
use schema::{Field, Kind, RegistryRole, json, text};
use serde_json::{Map, Value};
use store::{Engine, Read};
use sync::{Row, Tick, Unsent};

use crate::up::{Covers, covered_by, read_covers};
use crate::{Filtering, Office, OfficeError};

/// A record as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Which record.
    pub id: RecordId,
    /// Short name of its kind.
    pub kind: String,
    /// Its title.
    pub title: String,
    /// The shown values by field name.
    pub fields: Map<String, Value>,
    /// The same as a protobuf message of the kind.
    pub message: Vec<u8>,
    /// Hand it back with an edit: "this is what I saw".
    pub version: Context,
    /// The base that it belongs to.
    pub home: BaseId,
    /// Whether it is deleted.
    pub deleted: bool,
    /// Not shown in lists: withdrawn, or waiting for a check.
    pub hidden: bool,
}

/// A record with everything that is known of it here.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// The record.
    pub view: View,
    /// Its fields with more than one concurrent value.
    pub disputed: Vec<Disputed>,
    /// Where it has arrived.
    pub deliveries: Vec<Delivery>,
    /// Why the parent did not take it; empty when it did.
    pub refused: String,
}

/// A page of views, and how many there are in all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Viewed {
    /// The page.
    pub views: Vec<View>,
    /// In all.
    pub total: u64,
}

/// A field with more than one concurrent value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disputed {
    /// Its name.
    pub field: String,
    /// Its label.
    pub label: String,
    /// The rule that picks, in Chinese.
    pub rule: String,
    /// All values.
    pub values: Vec<Alternative>,
}

/// One of several concurrent values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// As people read it.
    pub text: String,
    /// Who wrote it.
    pub base: BaseId,
    /// The user.
    pub user: String,
    /// When, by the writer's clock.
    pub saved_at_ms: u64,
    /// It is the one shown.
    pub shown: bool,
}

/// Whether a base above has the record as it is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// Which base.
    pub base: BaseId,
    /// Whether it has it.
    pub arrived: bool,
}

impl<E: Engine> Office<E> {
    /// The record with this id, or whose natural key these words are (its parts joined by a space).
    ///
    /// # Errors
    /// [`OfficeError`] when there is none.
    pub async fn get(&self, kind: &str, words: &str) -> Result<Look, OfficeError> {
        let kind = self.kind(kind)?;
        let mut snapshot = self.store.snapshot().await?;
        let row = self.find(&mut snapshot, kind, words).await?;
        let tree = self.tree();
        let state = decode(&row)?;
        let view = view(Some(kind), &tree, &row, &state);
        let disputed = disputed(kind, &tree, &state);
        let covers = read_covers(&mut snapshot).await?;
        let refused = self.refusal(&mut snapshot, &row).await?;
        // What the parent keeps aside has not arrived, even where nothing is left to be sent.
        let clean = row.unsent == Unsent::Clean && refused.is_empty();
        let deliveries = self.deliveries(&tree, &row, clean, &covers, &snapshot.ticks().await?);
        Ok(Look { view, disputed, deliveries, refused })
    }

    pub(crate) async fn find<R: Read>(
        &self,
        reader: &mut R,
        kind: &Kind,
        words: &str,
    ) -> Result<Row, OfficeError> {
        let by_key = |key: &[String]| derived_id(&kind.name, key);
        let words = words.trim();
        let parts: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let mut ids: Vec<RecordId> = words.parse().into_iter().collect();
        ids.extend([by_key(&[words.to_owned()]), by_key(&parts)]);
        let rows = reader.rows(&ids).await?;
        let found = rows.into_iter().find(|row| row.kind == kind.name);
        found.ok_or_else(|| OfficeError::NotFound { what: words.chars().take(80).collect() })
    }

    /// What the parent said when it did not take a record; nothing when it was never refused.
    async fn refusal<R: Read>(&self, reader: &mut R, row: &Row) -> Result<String, OfficeError> {
        let kept = reader.quarantined(QUARANTINE_LOOK).await?;
        let mine = kept.into_iter().find(|q| q.record == row.id && !q.inbound);
        let unknown = if row.refused { "上级未接收" } else { "" };
        Ok(mine.map_or_else(|| unknown.into(), |q| format!("上级未接收:{}({})", q.detail, q.reason.words())))
    }

    /// Where a record has arrived, nearest first: here, then each base above (S1, delivery ticks).
    fn deliveries(
        &self,
        tree: &Tree,
        row: &Row,
        clean: bool,
        covers: &Covers,
        ticks: &[Tick],
    ) -> Vec<Delivery> {
        let me = self.me.base;
        let above = tree.chain(me).skip(1).map(|base| {
            let parent = tree.link_parent(me) == Some(base);
            let sealed = covered_by(covers, ticks, me, base, row.seq);
            Delivery { base, arrived: clean && (parent || sealed) }
        });
        std::iter::once(Delivery { base: me, arrived: true }).chain(above).collect()
    }

    /// A page of a list.
    ///
    /// # Errors
    /// [`OfficeError`] for a question that cannot be asked.
    pub async fn list(&self, filtering: &Filtering) -> Result<Viewed, OfficeError> {
        let kind = self.kind(&filtering.kind)?;
        let page = self.store.snapshot().await?.list(&self.query(filtering)?).await?;
        let tree = self.tree();
        let one = |item: &store::Item| Ok(view(Some(kind), &tree, &item.row, &decode(&item.row)?));
        let views = page.items.iter().map(one).collect::<Result<_, OfficeError>>()?;
        Ok(Viewed { views, total: page.total })
    }
}

/// How many refusals are looked through for one record's reason; more wait for an administrator anyway.
const QUARANTINE_LOOK: usize = 10_000;

pub(crate) fn decode(row: &Row) -> Result<State<'_>, OfficeError> {
    let damaged = |c: causal::Corrupt| store::StoreError::Corrupt { what: format!("{}: {c}", row.id) };
    Ok(State::decode(&row.state).map_err(damaged)?)
}

fn view(kind: Option<&Kind>, tree: &Tree, row: &Row, state: &State<'_>) -> View {
    let shown = Shown::of(kind, tree, state);
    View {
        id: row.id,
        kind: row.kind.clone(),
        title: shown.title,
        fields: kind.map(|k| json::to_json(k, &shown.body)).unwrap_or_default(),
        message: shown.body,
        version: state.context.clone(),
        home: shown.home,
        deleted: shown.deleted,
        hidden: row.hidden,
    }
}

fn disputed(kind: &Kind, tree: &Tree, state: &State<'_>) -> Vec<Disputed> {
    let all = values(Some(kind), tree, state);
    let of_value = |value: &record::Value<'_>| {
        let field = kind.field(value.register.field);
        let alternative = |(at, (stamp, raw)): (usize, &(causal::Stamp<'_>, &[u8]))| Alternative {
            text: words(kind, tree, value.register.field, raw),
            base: stamp.base,
            user: stamp.user.to_owned(),
            saved_at_ms: stamp.saved_at_ms,
            shown: at == value.shown,
        };
        Disputed {
            field: field.map_or_else(|| value.register.field.to_string(), |f| f.name.clone()),
            label: label(kind, value.register.field),
            rule: field.map_or("人工裁定", |f| f.rule.label()).to_owned(),
            values: value.entries.iter().enumerate().map(alternative).collect(),
        }
    };
    all.iter().filter(|v| v.disputed()).map(of_value).collect()
}

/// The label of a field, the engine's own included.
pub(crate) fn label(kind: &Kind, number: u32) -> String {
    match number {
        record::HOME => "属地".into(),
        record::AUDIENCE => "公开范围".into(),
        record::DELETED => "删除".into(),
        _ => kind.field(number).map_or_else(|| format!("第{number}项"), |f| f.label.clone()),
    }
}

/// A raw value as people read it.
pub(crate) fn words(kind: &Kind, tree: &Tree, number: u32, raw: &[u8]) -> String {
    let bases = || record::audience_bases(raw).map(|b| tree.name(b)).collect::<Vec<_>>().join("、");
    match number {
        record::HOME | record::AUDIENCE => bases(),
        record::DELETED if raw.is_empty() => "未删除".into(),
        record::DELETED => "已删除".into(),
        _ => match kind.field(number) {
            Some(field) if is_base(field) => bases(),
            Some(field) => text::show_text(field, raw),
            None => format!("({} 字节,本版本不认识)", raw.len()),
        },
    }
}

fn is_base(field: &Field) -> bool {
    field.format == schema::Format::Base
        || matches!(field.registry, Some(RegistryRole::Parent | RegistryRole::FormerParents))
}
