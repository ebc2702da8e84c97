//! From bytes to text. Valid UTF-8 wins; else GB18030, strictly; a mark at the beginning decides.

use encoding_rs::{GB18030, UTF_16BE, UTF_16LE};

use crate::error::SheetError;
use crate::table::Encoding;

const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

pub(super) fn decode(bytes: &[u8]) -> Result<(String, Encoding), SheetError> {
    if let Some(rest) = bytes.strip_prefix(b"\xFF\xFE") {
        return utf16(rest, UTF_16LE);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xFE\xFF") {
        return utf16(rest, UTF_16BE);
    }
    let marked = bytes.starts_with(UTF8_MARK);
    let bytes = bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok((text.to_owned(), Encoding::Utf8)),
        Err(error) if marked || is_mostly_utf8(bytes) => {
            Err(SheetError::Encoding { line: line_at(bytes, error.valid_up_to()) })
        }
        Err(_) => gb18030(bytes),
    }
}

fn utf16(bytes: &[u8], encoding: &'static encoding_rs::Encoding) -> Result<(String, Encoding), SheetError> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    if let Some(text) = text {
        return Ok((text.into_owned(), Encoding::Utf16));
    }
    let (damaged, _) = encoding.decode_without_bom_handling(bytes);
    let before = damaged.find('\u{FFFD}').unwrap_or_default();
    Err(SheetError::Encoding { line: line_at(damaged.as_bytes(), before) })
}

/// A line break is never part of a character of GB18030, so the lines can be tried one by one.
fn gb18030(bytes: &[u8]) -> Result<(String, Encoding), SheetError> {
    let whole = |bytes| GB18030.decode_without_bom_handling_and_without_replacement(bytes);
    if let Some(text) = whole(bytes) {
        return Ok((text.into_owned(), Encoding::Gb18030));
    }
    let bad = bytes.split(|b| *b == b'\n').position(|line| whole(line).is_none());
    Err(SheetError::Encoding { line: bad.unwrap_or_default() as u64 + 1 })
}

/// Whether most lines that are not plain ASCII are UTF-8: a damaged file of UTF-8 must not be read as GBK, which
/// gives Chinese characters too, but senseless ones.
fn is_mostly_utf8(bytes: &[u8]) -> bool {
    let telling = bytes.split(|b| *b == b'\n').filter(|line| !line.is_ascii());
    let (valid, all) = telling.fold((0usize, 0usize), |(valid, all), line| {
        (valid + usize::from(std::str::from_utf8(line).is_ok()), all + 1)
    });
    valid * 2 > all
}

fn line_at(bytes: &[u8], at: usize) -> u64 {
    bytes.iter().take(at).filter(|b| **b == b'\n').count() as u64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        let gbk = GB18030.encode("名称,东城街道\r\n").0.into_owned();
        let mut utf16 = b"\xFF\xFE".to_vec();
        utf16.extend("名称\t东城".encode_utf16().flat_map(u16::to_le_bytes));
        let mut utf16be = b"\xFE\xFF".to_vec();
        utf16be.extend("名称".encode_utf16().flat_map(u16::to_be_bytes));
        let cases: [(&[u8], &str, Encoding); 5] = [
            ("名称".as_bytes(), "名称", Encoding::Utf8),
            ("\u{feff}名称".as_bytes(), "名称", Encoding::Utf8),
            (&gbk, "名称,东城街道\r\n", Encoding::Gb18030),
            (&utf16, "名称\t东城", Encoding::Utf16),
            (&utf16be, "名称", Encoding::Utf16),
        ];
        for (bytes, text, encoding) in cases {
            assert_eq!(decode(bytes).unwrap(), (text.to_owned(), encoding));
        }
    }

    #[test]
    fn what_is_no_text_names_its_line() {
        let mut gbk = GB18030.encode("名称\n东城\n南城\n").0.into_owned();
        gbk.extend(b"\xFF\xFF\n");
        let mut utf8 = "名称\n东城街道\n南城街道\n".as_bytes().to_vec();
        utf8.truncate(utf8.len() - 2);
        let cases: [(&[u8], u64); 4] =
            [(&gbk, 4), (&utf8, 3), (b"\xEF\xBB\xBFa\n\xB6\xAB\n", 2), (b"\xFF\xFEa\0\n\0\x00\xD8a\0", 2)];
        for (bytes, expected) in cases {
            let error = decode(bytes).unwrap_err();
            assert!(matches!(error, SheetError::Encoding { line } if line == expected), "{error:?}");
        }
    }
}
