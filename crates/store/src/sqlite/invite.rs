//! The table `invite`: permissions to join, each good once.

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::values::{Bound, base_id, fetch, number, run};
use crate::error::StoreError;
use crate::model::{Invite, InviteState};

pub(super) async fn all(conn: &mut SqliteConnection) -> Result<Vec<Invite>, StoreError> {
    const SQL: &str = "SELECT code_hash, base, issued_by, issued_at_ms, expires_at_ms, used_at_ms FROM invite \
                       ORDER BY issued_at_ms DESC, code_hash";
    fetch(conn, "reading invites", SQL, Bound::default(), read).await
}

fn read(row: &SqliteRow) -> Result<Invite, sqlx::Error> {
    let code_hash = row.try_get::<&[u8], _>(0)?.try_into();
    Ok(Invite {
        code_hash: code_hash.map_err(|_| sqlx::Error::Decode("malformed digest of an invite".into()))?,
        base: base_id(row, 1)?,
        issued_by: row.try_get(2)?,
        issued_at_ms: number(row, 3)?,
        expires_at_ms: number(row, 4)?,
        used_at_ms: row.try_get::<Option<i64>, _>(5)?.map(|at| at as u64),
    })
}

pub(super) async fn put(conn: &mut SqliteConnection, invite: &Invite) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO invite (code_hash, base, issued_by, issued_at_ms, expires_at_ms, used_at_ms) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (code_hash) DO UPDATE SET base = excluded.base, \
         issued_by = excluded.issued_by, issued_at_ms = excluded.issued_at_ms, \
         expires_at_ms = excluded.expires_at_ms, used_at_ms = excluded.used_at_ms";
    let mut bound = Bound::default();
    bound.bytes(&invite.code_hash).bytes(&invite.base.0).add(invite.issued_by.as_str());
    bound.number(invite.issued_at_ms).number(invite.expires_at_ms);
    bound.add(invite.used_at_ms.map(|at| at as i64));
    run(conn, "writing an invite", SQL, bound).await.map(drop)
}

/// Uses an invite up; the update itself asks whether it is still good, so two attempts cannot both succeed.
pub(super) async fn take(
    conn: &mut SqliteConnection,
    code_hash: &[u8; 32],
    now_ms: u64,
) -> Result<InviteState, StoreError> {
    const SQL: &str = "UPDATE invite SET used_at_ms = $2 \
                       WHERE code_hash = $1 AND used_at_ms IS NULL AND expires_at_ms > $2 \
                       RETURNING code_hash, base, issued_by, issued_at_ms, expires_at_ms, used_at_ms";
    let mut bound = Bound::default();
    bound.bytes(code_hash).number(now_ms);
    if let Some(taken) = fetch(conn, "using an invite", SQL, bound, read).await?.pop() {
        return Ok(InviteState::Taken(taken));
    }
    let known = all(conn).await?.into_iter().find(|invite| invite.code_hash == *code_hash);
    Ok(match known {
        None => InviteState::Unknown,
        Some(invite) if invite.used_at_ms.is_some() => InviteState::Used(invite),
        Some(invite) => InviteState::Expired(invite),
    })
}
