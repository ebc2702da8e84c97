//! The table `issued_certificate`: what this node issued.

use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use super::values::{Bound, base_id, fetch, number, run};
use crate::error::StoreError;
use crate::model::Certificate;

pub(super) async fn all(conn: &mut SqliteConnection) -> Result<Vec<Certificate>, StoreError> {
    const SQL: &str = "SELECT serial, base, not_after_ms, issued_at_ms FROM issued_certificate \
                       ORDER BY issued_at_ms DESC, serial";
    fetch(conn, "reading certificates", SQL, Bound::default(), |row| {
        let serial = row.try_get(0)?;
        let (not_after_ms, issued_at_ms) = (number(row, 2)?, number(row, 3)?);
        Ok(Certificate { serial, base: base_id(row, 1)?, not_after_ms, issued_at_ms })
    })
    .await
}

pub(super) async fn put(conn: &mut SqliteConnection, certificate: &Certificate) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO issued_certificate (serial, base, not_after_ms, issued_at_ms) \
                       VALUES ($1, $2, $3, $4) ON CONFLICT (serial) DO UPDATE SET base = excluded.base, \
                       not_after_ms = excluded.not_after_ms, issued_at_ms = excluded.issued_at_ms";
    let mut bound = Bound::default();
    bound.bytes(&certificate.serial).bytes(&certificate.base.0);
    bound.number(certificate.not_after_ms).number(certificate.issued_at_ms);
    run(conn, "writing a certificate", SQL, bound).await.map(drop)
}
