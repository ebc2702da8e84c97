//! When the contract has changed since the database was last open, the same states read differently: what lists show
//! of them is worked out anew. The states themselves never change.

use causal::State;
use record::{Shown, Tree};
use store::{Engine, Read, Write};

use crate::{Office, OfficeError};

const META_SHOWN: &str = "shown_digest";
/// Rows rewritten at once: bounds memory and the length of one statement's work.
const CHUNK: usize = 2_000;

impl<E: Engine> Office<E> {
    /// Brings every row's shown part up to the present contract, in one transaction; nothing to do while it is the same.
    pub(crate) async fn reshow_if_changed(&self) -> Result<(), OfficeError> {
        let mut tx = self.store.begin().await?;
        let before = tx.meta(META_SHOWN).await?;
        if before.as_deref() == Some(&self.schema().digest) {
            return Ok(());
        }
        // A new database holds nothing yet.
        if before.is_some() {
            let tree = self.tree();
            for kind in &self.schema().kinds {
                let rows = tx.of_kind(&kind.name).await?;
                for chunk in rows.chunks(CHUNK) {
                    let shown = chunk.iter().map(|row| Ok((row.id, shown(kind, &tree, &row.state)?)));
                    tx.reshow(&shown.collect::<Result<Vec<_>, OfficeError>>()?).await?;
                }
            }
        }
        tx.put_meta(META_SHOWN, &self.schema().digest).await?;
        // What the older contract could not judge, this one may.
        let regained = self.recheck(&mut tx).await?;
        tx.commit().await?;
        self.committed(&regained).await
    }
}

fn shown(kind: &schema::Kind, tree: &Tree, state: &[u8]) -> Result<Shown, OfficeError> {
    let damaged = |c: causal::Corrupt| store::StoreError::Corrupt { what: c.to_string() };
    Ok(Shown::of(Some(kind), tree, &State::decode(state).map_err(damaged)?))
}
