//! Backups of a node's database, and a look at its health.

use std::path::Path;

use store::{Copied, KeptFile, Store};

use crate::{Office, OfficeError};

impl Office<Store> {
    /// Writes everything as of one moment into a new file, beside all that goes on; `files` are carried along.
    ///
    /// # Errors
    /// [`OfficeError::Store`] when the file exists, or cannot be written whole; then there is none.
    pub async fn backup(&self, file: &Path, files: &[KeptFile]) -> Result<Copied, OfficeError> {
        Ok(self.store.copy_to(file, files).await?)
    }

    /// Looks through the database for damage; what it found, nothing when it is sound.
    ///
    /// # Errors
    /// [`OfficeError::Store`] when it cannot be looked through.
    pub async fn check_database(&self) -> Result<Vec<String>, OfficeError> {
        Ok(self.store.check().await?)
    }
}
