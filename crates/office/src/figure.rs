//! Figures: counts with the statement of how complete they are, both of one snapshot.

use std::collections::BTreeMap;

use causal::BaseId;
use domain::date::shanghai_minute;
use record::{Standing, Tree};
use schema::{Column, Kind};
use store::{Engine, FigureQuery, GroupBy, Read};
use sync::Seal;

use crate::filter::group;
use crate::registry::read_tree;
use crate::{Filtering, Office, OfficeError};

/// A figure.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figure {
    /// Counts, each with one key for every breakdown, as people read it.
    pub rows: Vec<(Vec<String>, u64)>,
    /// Their sum.
    pub total: u64,
    /// How complete they are.
    pub watermark: Watermark,
}

/// How complete a figure is (完整性水印).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watermark {
    /// When it was computed, by this node's clock.
    pub computed_at_ms: u64,
    /// Everything that any base saved up to then is in; 0 while a base never reported.
    pub complete_up_to_ms: u64,
    /// One for each base in service beneath this one, itself and those served here included.
    pub bases: Vec<BaseReport>,
    /// Records kept aside, not counted.
    pub quarantined: u64,
}

/// What one base has reported.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BaseReport {
    /// Which base.
    pub base: BaseId,
    /// Its name.
    pub name: String,
    /// Everything it saved up to then is here; 0 when it never reported.
    pub sealed_up_to_ms: u64,
    /// Its records that are kept aside here or on the way.
    pub quarantined: u64,
    /// Its records that waited when it sealed.
    pub unsent: u64,
    /// Handed-over records of it that nobody has confirmed.
    pub exceptions: u64,
    /// The seal is older than it may be.
    pub late: bool,
    /// It never reported.
    pub never: bool,
    /// It was restored from a backup, and has not attested what came after.
    pub restored: bool,
    /// It has a node of its own.
    pub own_node: bool,
    /// Edits that its node is known to have made and that have never arrived.
    pub missing: u64,
}

impl Watermark {
    /// The same in one sentence.
    pub fn sentence(&self) -> String {
        let list = |wanted: fn(&BaseReport) -> bool, time: bool| {
            let words = self.bases.iter().filter(|b| wanted(b)).map(|b| match time {
                true => format!("{}(最后上报 {})", b.name, minute(b.sealed_up_to_ms)),
                false => b.name.clone(),
            });
            words.collect::<Vec<_>>().join("、")
        };
        let arrived = self.bases.iter().filter(|b| !b.late && !b.never).count();
        let mut sentence = match self.complete_up_to_ms {
            0 => format!("统计时间 {},尚不完整", minute(self.computed_at_ms)),
            until => format!("统计截至 {}", minute(until)),
        };
        sentence += &format!(";应报 {} 个基地,已到 {arrived} 个", self.bases.len());
        for (words, names) in [("迟报", list(|b| b.late, true)), ("从未上报", list(|b| b.never, false))]
        {
            if !names.is_empty() {
                sentence += &format!(";{words}:{names}");
            }
        }
        let restored = list(|b| b.restored, false);
        if !restored.is_empty() {
            sentence += &format!(";从备份恢复、其后修改未经证实:{restored}");
        }
        let missing = self.bases.iter().filter(|b| b.missing > 0);
        let missing: Vec<_> =
            missing.map(|b| format!("{}(最后所知有 {} 条未上报)", b.name, b.missing)).collect();
        if !missing.is_empty() {
            sentence += &format!(";未到:{}", missing.join("、"));
        }
        if self.quarantined > 0 {
            sentence += &format!(";另有 {} 条在隔离区,未计入", self.quarantined);
        }
        sentence + "。"
    }
}

fn minute(at_ms: u64) -> String {
    shanghai_minute(i64::try_from(at_ms).unwrap_or(i64::MAX))
}

impl<E: Engine> Office<E> {
    /// Counts records of a kind, broken down by fields or `base`.
    ///
    /// # Errors
    /// [`OfficeError`] for a question that cannot be asked.
    pub async fn figure(&self, filtering: &Filtering, by: &[String]) -> Result<Figure, OfficeError> {
        let kind = self.kind(&filtering.kind)?;
        let groups = by.iter().map(|words| group(kind, words)).collect::<Result<Vec<_>, _>>()?;
        let distinct = kind.figure_distinct.and_then(|number| kind.field(number)).map(|f| f.name.clone());
        let query = FigureQuery {
            kind: kind.name.clone(),
            group_by: groups.iter().flatten().cloned().collect(),
            over_homes: distinct.is_some() && !groups.contains(&None),
            distinct,
            homes: self.homes(filtering)?,
            fields: self.conditions(filtering)?,
            text: (!filtering.text.trim().is_empty()).then(|| filtering.text.trim().to_owned()),
            ..FigureQuery::default()
        };
        let mut snapshot = self.store.snapshot().await?;
        let tree = read_tree(self.schema(), &mut snapshot).await?;
        let counted = snapshot.figure(&query).await?;
        let watermark = self.watermark(&tree, &mut snapshot).await?;
        let mut rows: BTreeMap<Vec<String>, u64> = BTreeMap::new();
        for row in &counted {
            let mut keys = row.keys.iter();
            let words = groups.iter().map(|group| match group {
                None => tree.name(row.home),
                Some(group) => key_words(kind, group, keys.next().map_or("", String::as_str)),
            });
            *rows.entry(words.collect()).or_default() += row.count;
        }
        // What is counted once in each row may stand in several rows.
        let total = match query.distinct.is_some() {
            true => {
                let whole = FigureQuery { group_by: Vec::new(), over_homes: true, ..query };
                snapshot.figure(&whole).await?.iter().map(|row| row.count).sum()
            }
            false => rows.values().sum(),
        };
        Ok(Figure { rows: rows.into_iter().collect(), total, watermark })
    }

    /// How complete the data here is, as of the snapshot.
    pub(crate) async fn watermark<R: Read>(
        &self,
        tree: &Tree,
        snapshot: &mut R,
    ) -> Result<Watermark, OfficeError> {
        let seals = snapshot.seals().await?;
        let quarantined: BTreeMap<BaseId, u64> = snapshot.quarantine_counts().await?.into_iter().collect();
        let now_ms = self.now_ms();
        let replicas = self.replicas();
        let known = |id| replicas.get(&id).map_or(0, |replica| replica.tick);
        let links = snapshot.links().await?.into_iter().map(|link| self.as_told(link));
        let below = links.filter(|link| !link.up);
        let missing: BTreeMap<BaseId, u64> = below.map(|l| (l.peer, l.memory.missing(known))).collect();
        let in_service = |base: &BaseId| tree.get(*base).is_some_and(|b| b.standing == Standing::Active);
        let report = |base: BaseId| {
            let kept = quarantined.get(&base).copied().unwrap_or(0);
            let missing = missing.get(&base).copied().unwrap_or(0);
            BaseReport { missing, ..self.base_report(tree, base, newest(&seals, base), kept, now_ms) }
        };
        let bases: Vec<_> = tree.subtree(self.me.base).into_iter().filter(in_service).map(report).collect();
        let complete = bases.iter().map(|b| b.sealed_up_to_ms).min().unwrap_or(0);
        let quarantined = bases.iter().map(|b| b.quarantined).sum();
        Ok(Watermark { computed_at_ms: now_ms, complete_up_to_ms: complete, bases, quarantined })
    }

    fn base_report(
        &self,
        tree: &Tree,
        base: BaseId,
        seal: Option<&Seal>,
        kept: u64,
        now_ms: u64,
    ) -> BaseReport {
        let served = tree.node_of(base) == self.me.base;
        let sealed_up_to_ms = if served { now_ms } else { seal.map_or(0, |s| s.at_ms) };
        let seal = seal.filter(|_| !served);
        BaseReport {
            base,
            name: tree.name(base),
            sealed_up_to_ms,
            quarantined: kept + seal.map_or(0, |s| s.quarantined),
            unsent: seal.map_or(0, |s| s.unsent),
            exceptions: seal.map_or(0, |s| s.exceptions.len() as u64),
            late: sealed_up_to_ms > 0 && sealed_up_to_ms + self.settings.late_after_ms < now_ms,
            never: sealed_up_to_ms == 0,
            restored: seal.is_some_and(|s| s.restored),
            own_node: tree.get(base).is_some_and(|b| !b.hosted),
            missing: 0,
        }
    }
}

/// The seal of a base that reaches furthest, whatever its timeline.
fn newest(seals: &[Seal], base: BaseId) -> Option<&Seal> {
    seals.iter().filter(|s| s.base == base).max_by_key(|s| (s.at_ms, s.n))
}

/// A key of a figure as people read it: enum labels instead of names and numbers.
fn key_words(kind: &Kind, group: &GroupBy, key: &str) -> String {
    let field = match group {
        GroupBy::Place => return key.to_owned(),
        GroupBy::Class => kind.column(Column::Class),
        GroupBy::State => kind.column(Column::State),
        GroupBy::Field(name) => kind.field_named(name),
    };
    let states = field.and_then(|f| f.workflow.as_ref().or_else(|| f.enumeration()));
    let value = states.and_then(|e| match key.parse() {
        Ok(number) => e.value(number),
        Err(_) => e.values.iter().find(|v| v.name == key || v.code == key),
    });
    value.map_or_else(|| if key.is_empty() { "—".into() } else { key.to_owned() }, |v| v.label.clone())
}
