//! A file that appears whole or not at all.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::WriteError;

/// Lets `fill` write a file of another name in the same folder, makes it durable, and gives it its name. Should
/// anything fail, the other file is gone, and what had the name before still has it.
pub(super) fn whole<T>(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&mut File>, &Path) -> Result<T, WriteError>,
) -> Result<T, WriteError> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut beside = NamedTempFile::new_in(folder)?;
    let mut out = BufWriter::new(beside.as_file_mut());
    let result = fill(&mut out, folder)?;
    out.flush()?;
    drop(out);
    beside.as_file().sync_all()?;
    beside.persist(path).map_err(|error| WriteError::from(error.error))?;
    sync_folder(folder)?;
    Ok(result)
}

/// The new name is durable only when its folder is.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), WriteError> {
    Ok(File::open(folder)?.sync_all()?)
}

/// Windows opens no folders, and makes a renaming durable by itself.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<(), WriteError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn a_full_disk_leaves_no_half_file_and_the_old_one_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("导出.csv");
        std::fs::write(&path, "old").unwrap();
        let full = whole(&path, |out, _| {
            out.write_all(b"half")?;
            Err::<(), _>(io::Error::from(io::ErrorKind::StorageFull).into())
        });
        assert!(matches!(full, Err(WriteError::DiskFull)), "{full:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn no_folder() {
        let missing = whole(Path::new("/nonexistent/导出.csv"), |_, _| Ok(()));
        assert!(missing.unwrap_err().to_string().contains("找不到"));
    }
}
