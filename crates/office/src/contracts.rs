//! The contract in use. A newer one can be taken while the node runs.

use std::sync::{Arc, OnceLock};

use schema::Schema;
use store::Engine;

use crate::{Office, OfficeError};

/// The contracts that this process has used, the one in use last. They only grow in number (each has a higher version,
/// and the root signs few), so that whoever reads with one keeps a plain borrow of it, without a lock or a count.
pub(crate) struct Contracts {
    schema: Arc<Schema>,
    newer: OnceLock<Box<Contracts>>,
}

impl Contracts {
    pub fn new(schema: Arc<Schema>) -> Contracts {
        Contracts { schema, newer: OnceLock::new() }
    }

    /// The one in use.
    pub fn current(&self) -> &Arc<Schema> {
        &self.last().schema
    }

    fn last(&self) -> &Contracts {
        let mut last = self;
        while let Some(newer) = last.newer.get() {
            last = newer;
        }
        last
    }

    /// Uses another one from now on.
    fn push(&self, schema: Arc<Schema>) {
        let mut newest = Box::new(Contracts::new(schema));
        // Somebody else may have taken one at the same time; this one then comes after it.
        while let Err(again) = self.last().newer.set(newest) {
            newest = again;
        }
    }
}

impl<E: Engine> Office<E> {
    /// The contract.
    pub fn schema(&self) -> &Arc<Schema> {
        self.contracts.current()
    }

    /// Takes a newer contract while the node runs: views, lists and searches show its fields and kinds from now on, also
    /// of what was relayed before they were known. An older one or the same changes nothing.
    ///
    /// # Errors
    /// [`OfficeError::Contract`] when it changes what is known, rather than adding to it; or the store fails.
    pub async fn adopt(&self, newer: Arc<Schema>) -> Result<(), OfficeError> {
        let present = self.schema();
        if newer.version <= present.version {
            return Ok(());
        }
        present.check_successor(&newer)?;
        // The store first: whoever begins to write after the rows were shown anew has both.
        self.store.adopt(newer.clone()).await?;
        self.contracts.push(newer);
        self.reshow_if_changed().await?;
        self.reload_tree().await?;
        self.changed.send_modify(|count| *count += 1);
        Ok(())
    }
}
