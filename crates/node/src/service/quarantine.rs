//! What is kept aside, and what an administrator decides about it: a part of the admin service.

use causal::RecordId;
use office::{Act, Aside, KeptAside, Office, Settle};
use serde_json::Value;
use tonic::Status;
use wire::admin as pb;

use crate::error::{office_status, status};

pub(crate) async fn list(
    office: &Office,
    asked: pb::QuarantineRequest,
) -> Result<pb::QuarantineAnswer, Status> {
    let one = !asked.id.is_empty();
    let found = if one {
        office.quarantine_of(id(&asked.id)?).await
    } else {
        office.quarantine(asked.limit, asked.offset).await
    };
    let Aside { records, total } = found.map_err(office_status)?;
    let records = records.into_iter().map(|kept| record(office, kept, one)).collect();
    Ok(pb::QuarantineAnswer { records, total })
}

pub(crate) async fn settle(
    office: &Office,
    asked: pb::SettleQuarantinedRequest,
) -> Result<pb::SettleQuarantinedAnswer, Status> {
    let act = match (asked.drop, asked.on_my_word) {
        (true, true) => return Err(status("invalid", "放弃和接收只能选一样 / either drop or take")),
        (true, false) => Act::Drop,
        (false, true) => Act::Vouch,
        (false, false) => Act::Release,
    };
    let inbound = match asked.direction.as_str() {
        "" => None,
        "in" => Some(true),
        "out" => Some(false),
        _ => return Err(status("invalid", "方向应为 in(下级报来的)或 out(上级未收的)")),
    };
    let wanted = Settle { record: id(&asked.id)?, inbound, act, user: asked.user, reason: asked.reason };
    let done = office.settle_aside(&wanted).await.map_err(office_status)?;
    tracing::warn!(record = %wanted.record, act = act.code(), "quarantine: an administrator decided");
    Ok(pb::SettleQuarantinedAnswer { title: done.title, taken: done.taken, words: done.words })
}

pub(crate) async fn decisions(
    office: &Office,
    asked: pb::DecisionsRequest,
) -> Result<pb::DecisionsAnswer, Status> {
    let decision = |d: office::Decision| pb::Decision {
        at_ms: d.at_ms,
        act: d.act.code().into(),
        record: d.record.to_string(),
        kind: d.kind,
        detail: d.detail,
        user: d.user,
        reason: d.reason,
    };
    let all = office.decisions(asked.limit).await.map_err(office_status)?;
    Ok(pb::DecisionsAnswer { decisions: all.into_iter().map(decision).collect() })
}

fn id(words: &str) -> Result<RecordId, Status> {
    words.parse().map_err(|_| status("invalid", "记录编号应为32位十六进制 / an id has 32 hexadecimal digits"))
}

/// What was sent is only told of one record: a page of them would be large.
fn record(office: &Office, kept: KeptAside, whole: bool) -> pb::QuarantinedRecord {
    let tree = office.tree();
    let refused = kept.refused;
    pb::QuarantinedRecord {
        id: refused.record.to_string(),
        kind: refused.kind,
        title: kept.title,
        inbound: refused.inbound,
        from: refused.from.to_string(),
        from_name: tree.name(refused.from),
        home: refused.home.to_string(),
        home_name: tree.name(refused.home),
        reason: refused.reason.code().into(),
        reason_words: refused.reason.words().into(),
        detail: refused.detail,
        since_ms: refused.at_ms,
        advice: kept.advice.into(),
        json: if whole { Value::Object(kept.fields).to_string() } else { String::new() },
        message: if whole { kept.message } else { Vec::new() },
        bytes: refused.state.len() as u64,
    }
}
