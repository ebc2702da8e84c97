//! What is kept aside, in both directions, and what an administrator does with it.

use std::collections::VecDeque;

use causal::{RecordId, State};
use record::Shown;
use schema::json;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use store::{Act, Decision, Engine, Read, Write};
use sync::parent::{Claims, Incoming, Verdict};
use sync::{Changes, NewRow, Quarantined, Reason, Row, Unsent, limits};

use crate::down::QUARANTINE_ALL;
use crate::taking::PushedBatch;
use crate::{Office, OfficeError};

/// Records of one page unless more are asked for.
const LIMIT_DEFAULT: u32 = 50;

/// A record that was not taken, here or by the base above.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptAside {
    /// Which, why, from whom, since when.
    pub refused: Quarantined,
    /// Its title as it was sent; empty where that cannot be read.
    pub title: String,
    /// What was sent, fields by name; empty where it cannot be read.
    pub fields: Map<String, Value>,
    /// The same as a protobuf message.
    pub message: Vec<u8>,
    /// What can be done.
    pub advice: &'static str,
}

/// A page of what is kept aside, the latest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Aside {
    /// The page.
    pub records: Vec<KeptAside>,
    /// How many there are in all.
    pub total: u64,
}

/// What an administrator wants done with a record that is kept aside.
#[derive(Debug, Clone)]
pub struct Settle {
    /// Which record.
    pub record: RecordId,
    /// Refused here, or by the base above; `None`: whichever it is.
    pub inbound: Option<bool>,
    /// What is to be done: anything but [`Act::Resolve`].
    pub act: Act,
    /// Who decides.
    pub user: String,
    /// Why; needed for everything but judging again.
    pub reason: String,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The record's title.
    pub title: String,
    /// It is among the records now.
    pub taken: bool,
    /// What happened, in Chinese.
    pub words: String,
}

impl<E: Engine> Office<E> {
    /// A page of what is kept aside; `limit` 0 stands for 50.
    ///
    /// # Errors
    /// [`OfficeError`] when the store cannot be read.
    pub async fn quarantine(&self, limit: u32, offset: u64) -> Result<Aside, OfficeError> {
        let limit = if limit == 0 { LIMIT_DEFAULT } else { limit.min(store::LIMIT_MAX) };
        let all = self.store.snapshot().await?.quarantined(QUARANTINE_ALL).await?;
        let total = all.len() as u64;
        let page = all.into_iter().skip(usize::try_from(offset).unwrap_or(usize::MAX)).take(limit as usize);
        Ok(Aside { records: page.map(|q| self.kept(q)).collect(), total })
    }

    /// What is kept aside of one record: once for each child that brought it, and once if the base above refused it.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] when it is not kept aside.
    pub async fn quarantine_of(&self, record: RecordId) -> Result<Aside, OfficeError> {
        let all = self.aside(&mut self.store.snapshot().await?, record).await?;
        Ok(Aside { total: all.len() as u64, records: all.into_iter().map(|q| self.kept(q)).collect() })
    }

    async fn aside<R: Read>(
        &self,
        reader: &mut R,
        record: RecordId,
    ) -> Result<Vec<Quarantined>, OfficeError> {
        let all = reader.quarantined(QUARANTINE_ALL).await?;
        let mine: Vec<_> = all.into_iter().filter(|q| q.record == record).collect();
        if mine.is_empty() {
            Err(OfficeError::NotFound { what: format!("隔离区里没有 {record}") })
        } else {
            Ok(mine)
        }
    }

    fn kept(&self, refused: Quarantined) -> KeptAside {
        let schema = self.schema();
        let kind = schema.kind(&refused.kind);
        let shown = State::decode(&refused.state).map(|state| Shown::of(kind, &self.tree(), &state));
        let shown = shown.unwrap_or_default();
        KeptAside {
            title: shown.title,
            fields: kind.map(|kind| json::to_json(kind, &shown.body)).unwrap_or_default(),
            message: shown.body,
            advice: advice(&refused),
            refused,
        }
    }

    /// The decisions made on this node, the latest first; `limit` 0 stands for 50.
    ///
    /// # Errors
    /// [`OfficeError`] when the store cannot be read.
    pub async fn decisions(&self, limit: u32) -> Result<Vec<Decision>, OfficeError> {
        let limit = if limit == 0 { LIMIT_DEFAULT } else { limit.min(store::LIMIT_MAX) };
        Ok(self.store.snapshot().await?.decisions(limit as usize).await?)
    }

    /// Does what an administrator decided, and keeps note of it.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] when it is not kept aside, [`OfficeError::Invalid`] for what cannot be decided so.
    pub async fn settle_aside(&self, asked: &Settle) -> Result<Settled, OfficeError> {
        let mine = self.aside(&mut self.store.snapshot().await?, asked.record).await?;
        let meant = of_direction(mine, asked.inbound)?;
        meant.iter().try_for_each(|refused| check(asked, refused))?;
        let mut settled = Settled { title: String::new(), taken: false, words: String::new() };
        for refused in &meant {
            let (taken, words) = self.settle_one(asked, refused).await?;
            settled.title = self.kept(refused.clone()).title;
            settled.taken |= taken;
            if !settled.words.contains(&words) {
                let comma = if settled.words.is_empty() { "" } else { ";" };
                settled.words += &format!("{comma}{words}");
            }
        }
        Ok(settled)
    }

    async fn settle_one(&self, asked: &Settle, refused: &Quarantined) -> Result<(bool, String), OfficeError> {
        let done = match (asked.act, refused.inbound) {
            (Act::Drop, _) => self.put_aside(asked, refused).await?,
            (act, true) => self.judge_again(act, refused).await?,
            (_, false) => self.send_again(refused).await?,
        };
        if asked.act != Act::Drop {
            let mut tx = self.store.begin().await?;
            tx.put_decision(&self.decision(asked, refused, None)).await?;
            tx.commit().await?;
        }
        Ok(done)
    }

    fn decision(&self, asked: &Settle, refused: &Quarantined, dropped: Option<[u8; 32]>) -> Decision {
        Decision {
            at_ms: self.now_ms(),
            act: asked.act,
            record: refused.record,
            kind: refused.kind.clone(),
            detail: format!("{}({})", refused.reason.words(), refused.detail),
            user: asked.user.clone(),
            reason: asked.reason.clone(),
            dropped,
        }
    }

    /// Out of sight for good; the same state is not kept aside again when it is sent again.
    async fn put_aside(&self, asked: &Settle, refused: &Quarantined) -> Result<(bool, String), OfficeError> {
        let mut tx = self.store.begin().await?;
        let release = vec![refused.key()];
        tx.apply(&Changes { release, ..Changes::default() }).await?;
        let dropped = refused.inbound.then(|| digest(&refused.state));
        tx.put_decision(&self.decision(asked, refused, dropped)).await?;
        tx.commit().await?;
        let words = if refused.inbound {
            "已放弃:同样的内容再报来也不会再列出;对方改动后再报,会重新审核"
        } else {
            "已放弃上报:本机仍保留这条记录;改动并保存后,会重新上报"
        };
        Ok((false, words.into()))
    }

    async fn judge_again(&self, act: Act, refused: &Quarantined) -> Result<(bool, String), OfficeError> {
        let incoming =
            Incoming { id: refused.record, kind: refused.kind.clone(), state: refused.state.clone() };
        let batch = PushedBatch { records: vec![incoming], ..PushedBatch::default() };
        let claims = if act == Act::Vouch { Claims::Vouched } else { Claims::Checked };
        let acked =
            self.take_in(refused.from, NO_SESSION, &mut VecDeque::from([vec![batch]]), claims).await?;
        let verdict = acked.into_iter().flat_map(|(_, verdicts)| verdicts).next();
        Ok(match verdict {
            Some((_, Verdict::Quarantined(reason, detail))) => {
                (false, format!("重新审核后仍不能接收:{}({detail})", reason.words()))
            }
            _ => (true, "已接收,从隔离区移出;对方下次同步时得知".into()),
        })
    }

    /// The base above judges it again when it comes with the next round.
    async fn send_again(&self, refused: &Quarantined) -> Result<(bool, String), OfficeError> {
        let mut tx = self.store.begin().await?;
        let mut changes = Changes { release: vec![(refused.record, None)], ..Changes::default() };
        for row in tx.rows(&[refused.record]).await? {
            let state = crate::look::decode(&row)?;
            let shown = Shown::of(self.schema().kind(&row.kind), &self.tree(), &state);
            let row = Row { refused: false, unsent: Unsent::Unpushed, ..row.clone() };
            changes.rows.push(NewRow { row, shown });
        }
        tx.apply(&changes).await?;
        tx.commit().await?;
        self.committed(&changes).await?;
        Ok((false, "已重新排入上报,下次同步时由上级再审".into()))
    }
}

/// No session has this number but by chance: seals and acknowledgements of what an administrator takes in do not count.
const NO_SESSION: u64 = 0;

/// What is meant of a record: several children may have brought it.
fn of_direction(mut mine: Vec<Quarantined>, inbound: Option<bool>) -> Result<Vec<Quarantined>, OfficeError> {
    mine.retain(|q| inbound.is_none_or(|wanted| q.inbound == wanted));
    match mine.first() {
        None => Err(OfficeError::NotFound { what: "隔离区里这个方向的记录".into() }),
        Some(first) if mine.iter().any(|q| q.inbound != first.inbound) => {
            Err(invalid("这条记录既有下级报来未收的,也有上级未收的:请写明 --direction in 或 out"))
        }
        Some(_) => Ok(mine),
    }
}

fn check(asked: &Settle, refused: &Quarantined) -> Result<(), OfficeError> {
    if [&asked.user, &asked.reason].iter().any(|words| words.len() > limits::TEXT_BYTES) {
        return Err(invalid("经办人或理由太长"));
    }
    if asked.act != Act::Release && asked.reason.trim().is_empty() {
        return Err(invalid("请写明理由(--reason),以后查得到"));
    }
    match asked.act {
        Act::Resolve => Err(invalid("隔离区的记录不是这样处理的")),
        Act::Vouch if !(refused.inbound && refused.reason == Reason::Unverified) => {
            Err(invalid("只有报来后“尚未核实”的记录,才能凭管理员确认接收"))
        }
        Act::Release | Act::Vouch | Act::Drop => Ok(()),
    }
}

fn invalid(words: &str) -> OfficeError {
    OfficeError::Invalid { faults: vec![words.into()] }
}

/// Stands for exactly this content.
pub(crate) fn digest(state: &[u8]) -> [u8; 32] {
    Sha256::digest(state).into()
}

/// What can be done about it, at this end.
fn advice(refused: &Quarantined) -> &'static str {
    match (refused.inbound, refused.reason) {
        (true, Reason::Malformed) => "请对方检查程序版本,重新保存后再报;确无用处可以放弃",
        (true, Reason::Illegal) => "请对方改回,或由有权的单位修改;规则或名录变更后可以再审",
        (true, Reason::Scope) => "请核对这条记录的属地;名录更新后可以再审",
        (true, Reason::Unverified) => "与上级同步后会再核对;确知属实的,可凭管理员确认接收",
        (true, Reason::Untrue) => "内容不实,不能确认接收:请对方查明程序是否被改动,重新保存后再报",
        (true, Reason::TooOften) => "请与对方核对该由谁填写、程序是否为新版;说定以后可以再审",
        (true, Reason::Clash) => "对方的数据库可能被复制后两处同时使用:请对方查明并重新保存;不能凭确认接收",
        (true, Reason::Kind) => "请对方删除后重新登记",
        (false, Reason::Malformed | Reason::Kind) => "请升级本机程序,重新保存这条记录",
        (false, Reason::Illegal) => {
            "请改回不归本单位负责的内容并保存,会自动重新上报;需要更正的请联系负责单位"
        }
        (false, Reason::Scope) => "请核对这条记录的属地;改正并保存后会自动重新上报",
        (false, Reason::Unverified) => "上级核对清楚后会自动接收,不必处理;也可请上级管理员确认",
        (_, Reason::Dropped) => "不会再自动上报:确需上报的,请改动并保存,或与上级联系;也可放弃",
        (false, Reason::Untrue) => "上级认定内容不实:请检查本机程序是否完好,重新保存这条记录",
        (false, Reason::TooOften) => "这一项不归本单位填写,请改回并保存;有误请联系负责单位",
        (false, Reason::Clash) => "本机的数据库可能被复制后两处同时使用:请停掉另一处,重新保存这条记录",
    }
}

/// Of what was just judged, what an administrator has put aside for good is not kept again; which that was.
pub(crate) async fn leave_out_dropped<R: Read>(
    reader: &mut R,
    kept: &mut Vec<Quarantined>,
) -> Result<Vec<RecordId>, OfficeError> {
    if kept.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<RecordId> = kept.iter().map(|q| q.record).collect();
    let dropped = reader.dropped(&ids).await?;
    if dropped.is_empty() {
        return Ok(Vec::new());
    }
    let left_out = kept.extract_if(.., |q| dropped.contains(&(q.record, digest(&q.state))));
    Ok(left_out.map(|q| q.record).collect())
}

/// What is said of a record, when exactly this was put aside for good: so its sender does not offer it each time.
pub(crate) fn told_dropped(verdict: Verdict, is_dropped: bool) -> Verdict {
    match verdict {
        Verdict::Quarantined(_, detail) if is_dropped => Verdict::Quarantined(Reason::Dropped, detail),
        other => other,
    }
}
