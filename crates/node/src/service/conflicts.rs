//! What waits for a person, and deciding it: a part of the record service.

use office::{Conflicts, Keep, Office, Resolve};
use record::Tree;
use tonic::Status;
use wire::record as pb;
use wire::record::resolve_request::Keep as Wanted;

use crate::error::{office_status, status};

pub(crate) async fn list(
    office: &Office,
    asked: pb::ConflictsRequest,
) -> Result<pb::ConflictsAnswer, Status> {
    let found = if asked.id.is_empty() {
        office.conflicts(&asked.kind, asked.limit, asked.offset).await
    } else {
        let one = office.conflicts_of(&asked.kind, &asked.id).await;
        one.map(|one| Conflicts { total: u64::from(!one.conflicts.is_empty()), records: vec![one] })
    };
    let found = found.map_err(office_status)?;
    let tree = office.tree();
    let records = found.records.into_iter().map(|record| conflicted(&tree, record)).collect();
    Ok(pb::ConflictsAnswer { records, total: found.total })
}

pub(crate) async fn resolve(office: &Office, asked: pb::ResolveRequest) -> Result<pb::ResolveAnswer, Status> {
    let base = |words: &str| office.resolve_base(words).map_err(office_status);
    let as_base = (!asked.as_base.is_empty()).then(|| base(&asked.as_base)).transpose()?;
    let keep = match asked.keep {
        Some(Wanted::Number(number)) => Keep::Number(number),
        Some(Wanted::Base(words)) => Keep::Base(base(&words)?),
        Some(Wanted::Value(text)) => Keep::Value(text),
        None => return Err(status("invalid", "没有写明采用哪个值 / which value is to stay?")),
    };
    let decision = Resolve {
        kind: asked.kind,
        id: asked.id,
        field: asked.field,
        mark: asked.mark,
        keep,
        as_base,
        user: asked.user,
        reason: asked.reason,
    };
    let done = office.resolve(&decision).await.map_err(office_status)?;
    Ok(pb::ResolveAnswer {
        id: done.id.to_string(),
        version: done.version.to_bytes(),
        label: done.label,
        text: done.text,
        settled: done.settled,
        warnings: done.warnings,
    })
}

fn conflicted(tree: &Tree, record: office::Conflicted) -> pb::ConflictedRecord {
    pb::ConflictedRecord {
        kind: record.kind,
        id: record.id.to_string(),
        title: record.title,
        home: record.home.to_string(),
        home_name: tree.name(record.home),
        deleted: record.deleted,
        version: record.version.to_bytes(),
        conflicts: record.conflicts.into_iter().map(|c| conflict(tree, c)).collect(),
    }
}

fn conflict(tree: &Tree, conflict: office::Conflict) -> pb::Conflict {
    pb::Conflict {
        field: conflict.field,
        label: conflict.label,
        element: conflict.element,
        rule: conflict.rule,
        because: conflict.because,
        mark: conflict.mark,
        claims: conflict.claims.into_iter().map(|c| claim(tree, c)).collect(),
    }
}

fn claim(tree: &Tree, claim: office::Claim) -> pb::Claim {
    pb::Claim {
        number: claim.number,
        text: claim.text,
        before: claim.before,
        base: claim.base.to_string(),
        base_name: tree.name(claim.base),
        user: claim.user,
        saved_at_ms: claim.saved_at_ms,
        shown: claim.shown,
        edited_since: claim.edited_since,
    }
}
