//! The root's signed word on who sits where (H2): it counts whoever brings it, also from below, and before anybody is
//! let in.

use causal::BaseId;
use store::{Engine, Read, Write};
use sync::Row;
use sync::parent::Incoming;

use crate::down::registry_digest;
use crate::{Office, OfficeError};

const META_STATEMENT: &str = "registry_statement";
const META_SIGNED: &str = "registry_signed";

/// A statement as it is kept and passed on. What it says and by whom it is signed is the edge's to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeptStatement {
    /// When the root made it, UTC milliseconds; a later one replaces an earlier one. 0: there is none.
    pub at_ms: u64,
    /// Statement and signature as they travel.
    pub bytes: Vec<u8>,
}

impl<E: Engine> Office<E> {
    /// Whether this node is the root of its tree.
    pub fn is_root(&self) -> bool {
        let tree = self.tree();
        tree.root_of(self.me.base) == self.me.base
    }

    /// The latest statement held.
    ///
    /// # Errors
    /// [`OfficeError`] when the store cannot be read.
    pub async fn statement(&self) -> Result<KeptStatement, OfficeError> {
        let mut snapshot = self.store.snapshot().await?;
        read_statement(&mut snapshot).await
    }

    /// At the root: the bases' records as they are to be signed, with the time to give the statement, if they have
    /// changed since the last one.
    ///
    /// # Errors
    /// [`OfficeError`] when the store cannot be read.
    pub async fn to_be_signed(&self) -> Result<Option<(u64, Vec<Row>)>, OfficeError> {
        let mut snapshot = self.store.snapshot().await?;
        let rows = self.registry_rows(&mut snapshot).await?;
        let signed = snapshot.meta(META_SIGNED).await?.unwrap_or_default();
        if signed == registry_digest(&rows) {
            return Ok(None);
        }
        let last = read_statement(&mut snapshot).await?.at_ms;
        Ok(Some((self.now_ms().max(last + 1), rows)))
    }

    /// At the root: keeps a statement that was made of `rows`.
    ///
    /// # Errors
    /// [`OfficeError`] when the store fails.
    pub async fn keep_signed(&self, statement: &KeptStatement, rows: &[Row]) -> Result<(), OfficeError> {
        let mut tx = self.store.begin().await?;
        tx.put_meta(META_SIGNED, &registry_digest(rows)).await?;
        write_statement(&mut tx, statement).await?;
        Ok(tx.commit().await?)
    }

    /// Takes the root's word on the bases, if it is later than what is held; the signature has been checked. Answers
    /// whether it was.
    ///
    /// # Errors
    /// [`OfficeError`] when the store fails.
    pub async fn hear_root(
        &self,
        statement: &KeptStatement,
        bases: &[Incoming],
    ) -> Result<bool, OfficeError> {
        if statement.at_ms <= self.statement().await?.at_ms {
            return Ok(false);
        }
        let root = BaseId::default();
        self.learn_registry(self.parent().unwrap_or(root), bases).await?;
        let mut tx = self.store.begin().await?;
        write_statement(&mut tx, statement).await?;
        tx.commit().await?;
        Ok(true)
    }
}

async fn read_statement<R: Read>(reader: &mut R) -> Result<KeptStatement, OfficeError> {
    let stored = reader.meta(META_STATEMENT).await?.unwrap_or_default();
    let Some((at_ms, bytes)) = stored.split_first_chunk::<8>() else { return Ok(KeptStatement::default()) };
    Ok(KeptStatement { at_ms: u64::from_be_bytes(*at_ms), bytes: bytes.to_vec() })
}

async fn write_statement<W: Write>(tx: &mut W, statement: &KeptStatement) -> Result<(), OfficeError> {
    let mut stored = statement.at_ms.to_be_bytes().to_vec();
    stored.extend_from_slice(&statement.bytes);
    Ok(tx.put_meta(META_STATEMENT, &stored).await?)
}
