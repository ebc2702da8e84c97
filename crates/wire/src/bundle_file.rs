//! The outside of a file that is carried by hand: what it is, which version, whole or damaged.

use prost::Message as _;
use sha2::{Digest, Sha256};

use crate::bundle::Envelope;

/// What every such file begins with.
const MAGIC: &[u8; 8] = b"SHUNIUB\n";
/// The version that this program writes, and the newest that it reads.
pub const BUNDLE_VERSION: u32 = 1;
/// Largest file: 64 MiB of states before compression, their history, certificates. It must fit in memory twice.
pub const BUNDLE_BYTES_MAX: usize = 128 * 1024 * 1024;

const VERSION_AT: usize = MAGIC.len();
const LENGTH_AT: usize = VERSION_AT + 4;
const CHECKSUM_AT: usize = LENGTH_AT + 8;
const BODY_AT: usize = CHECKSUM_AT + 32;

/// Why a file is not one that can be opened. Forgery is not found here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It is some other file.
    #[error("这不是数据包或回执文件 / not a bundle")]
    Other,
    /// Its end is missing.
    #[error("文件不完整:应有 {expected} 字节,只有 {found} 字节 / the file is cut off")]
    CutOff {
        /// Bytes that it should have.
        expected: u64,
        /// Bytes that it has.
        found: u64,
    },
    /// Its content has changed.
    #[error("文件已损坏:校验不符 / the file is damaged")]
    Damaged,
    /// A newer program wrote it.
    #[error("文件的格式是第 {version} 版,本程序只认到第 {BUNDLE_VERSION} 版 / written by a newer program")]
    Newer {
        /// The version of its format.
        version: u32,
    },
    /// It is larger than such a file may be.
    #[error("文件超过 {} MiB / the file is too large", BUNDLE_BYTES_MAX >> 20)]
    TooLarge,
}

/// Writes an envelope as a file.
///
/// # Errors
/// [`FileError::TooLarge`].
pub fn bundle_to_file(envelope: &Envelope) -> Result<Vec<u8>, FileError> {
    let length = envelope.encoded_len();
    if length > BUNDLE_BYTES_MAX - BODY_AT {
        return Err(FileError::TooLarge);
    }
    let mut file = Vec::with_capacity(BODY_AT + length);
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&BUNDLE_VERSION.to_be_bytes());
    file.extend_from_slice(&(length as u64).to_be_bytes());
    file.extend_from_slice(&[0; BODY_AT - CHECKSUM_AT]);
    // A vector grows: there is always room.
    envelope.encode(&mut file).map_err(|_| FileError::TooLarge)?;
    let checksum = checksum(&file);
    file[CHECKSUM_AT..BODY_AT].copy_from_slice(&checksum);
    Ok(file)
}

/// Reads the envelope of a file.
///
/// # Errors
/// [`FileError`] for anything that [`bundle_to_file`] did not write, or that has changed since.
pub fn bundle_from_file(file: &[u8]) -> Result<Envelope, FileError> {
    if file.len() > BUNDLE_BYTES_MAX {
        return Err(FileError::TooLarge);
    }
    if !file.starts_with(MAGIC) {
        return Err(if !file.is_empty() && MAGIC.starts_with(file) {
            cut_off(BODY_AT, file)
        } else {
            FileError::Other
        });
    }
    let (Some(version), Some(length), Some(told)) = (
        file.get(VERSION_AT..LENGTH_AT).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes),
        file.get(LENGTH_AT..CHECKSUM_AT).and_then(|b| b.try_into().ok()).map(u64::from_be_bytes),
        file.get(CHECKSUM_AT..BODY_AT),
    ) else {
        return Err(cut_off(BODY_AT, file));
    };
    let body = &file[BODY_AT..];
    if (body.len() as u64) < length {
        let expected = length.saturating_add(BODY_AT as u64);
        return Err(FileError::CutOff { expected, found: file.len() as u64 });
    }
    if body.len() as u64 > length || checksum(file) != told {
        return Err(FileError::Damaged);
    }
    if version > BUNDLE_VERSION {
        return Err(FileError::Newer { version });
    }
    Envelope::decode(body).map_err(|_| FileError::Damaged)
}

/// Over all but itself and what the file begins with; of a file that is long enough.
fn checksum(file: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(&file[VERSION_AT..CHECKSUM_AT])
        .chain_update(&file[BODY_AT..])
        .finalize()
        .into()
}

fn cut_off(expected: usize, file: &[u8]) -> FileError {
    FileError::CutOff { expected: expected as u64, found: file.len() as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> Envelope {
        Envelope { header: vec![1; 300], content: vec![2; 500], signature: vec![3; 70] }
    }

    #[test]
    fn a_file_reads_back() {
        let file = bundle_to_file(&envelope()).unwrap();
        assert_eq!(bundle_from_file(&file), Ok(envelope()));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_apart() {
        let file = bundle_to_file(&envelope()).unwrap();
        let check = |file: &[u8], expected: FileError| assert_eq!(bundle_from_file(file), Err(expected));
        check(b"", FileError::Other);
        check(b"PK\x03\x04 a table", FileError::Other);
        for length in [1, 8, 20, 51, 52, file.len() - 1] {
            assert!(matches!(bundle_from_file(&file[..length]), Err(FileError::CutOff { .. })), "{length}");
        }
        check(&[&file, &b"x"[..]].concat(), FileError::Damaged);
        let changed = |at: usize| {
            let mut changed = file.clone();
            changed[at] ^= 0x40;
            changed
        };
        for at in [CHECKSUM_AT, BODY_AT, BODY_AT + 310, file.len() - 1] {
            check(&changed(at), FileError::Damaged);
        }
        let mut newer = file.clone();
        newer[LENGTH_AT - 1] = 7;
        let sum = checksum(&newer);
        newer[CHECKSUM_AT..BODY_AT].copy_from_slice(&sum);
        check(&newer, FileError::Newer { version: 7 });
        newer[BODY_AT] ^= 1;
        check(&newer, FileError::Damaged);
        let much = Envelope { content: vec![0; BUNDLE_BYTES_MAX], ..Envelope::default() };
        assert_eq!(bundle_to_file(&much), Err(FileError::TooLarge));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let file = bundle_to_file(&envelope()).unwrap();
        for at in 0..file.len() * 8 {
            let mut changed = file.clone();
            changed[at / 8] ^= 1 << (at % 8);
            assert!(bundle_from_file(&changed).is_err(), "bit {at}");
        }
    }
}
