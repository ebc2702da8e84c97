//! What a zip package is and what it unpacks to, measured before anyone parses it.
//!
//! Declared sizes are claims, so every part is unpacked once into nothing and counted. The parser that comes after
//! keeps strings and styles in memory and believes the count of strings that the file declares: a package of a few
//! hundred bytes could ask it for terabytes. Both are checked here.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use crate::error::SheetError;
use crate::limits::Limits;

/// Parts of a package. A workbook has three and one for each sheet and picture.
const PARTS_MAX: usize = 10_000;
/// Bytes of a part that the parser keeps as many small objects: styles, the list of sheets. Real ones have some
/// hundred kilobytes.
const SMALL_PART_BYTES: u64 = 4 << 20;
/// The shortest string of the table of strings, `<si/>`.
const STRING_BYTES_MIN: u64 = 5;
/// Where the table of strings declares its count.
const HEAD_BYTES: usize = 8 << 10;

/// Says why a package is not a workbook that may be parsed.
pub(super) fn check(bytes: &[u8], limits: &Limits) -> Result<(), SheetError> {
    let mut package = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(error.to_string()))?;
    if let Some(found) = other(&package) {
        return Err(SheetError::NotASheet { found });
    }
    if package.len() > PARTS_MAX {
        return Err(broken("too many parts".to_owned()));
    }
    let mut left = limits.unpacked_bytes;
    for at in 0..package.len() {
        let part = package.by_index(at).map_err(|error| broken(error.to_string()))?;
        let name = plain(&part.name().map_err(|error| broken(error.to_string()))?);
        let most = if is_small(&name) { left.min(SMALL_PART_BYTES) } else { left };
        let (head, size) = unpack(part, most)?;
        if size > most {
            return Err(SheetError::TooLarge { what: "文件解压后", max: limits.unpacked_bytes >> 20 });
        }
        left -= size;
        if name.ends_with("sharedstrings.xml") && !strings_are_honest(&head, size) {
            return Err(broken("shared strings".to_owned()));
        }
    }
    Ok(())
}

/// What else it is, when it is no workbook.
fn other(package: &ZipArchive<Cursor<&[u8]>>) -> Option<&'static str> {
    let names: Vec<String> = package.file_names().flatten().map(|name| plain(&name)).collect();
    let has = |part: &str| names.iter().any(|name| name == part);
    let under = |folder: &str| names.iter().any(|name| name.starts_with(folder));
    match () {
        () if has("xl/workbook.xml") => None,
        () if has("xl/workbook.bin") => Some(" .xlsb 文件"),
        () if under("word/") => Some(" Word 文档"),
        () if under("ppt/") => Some("演示文稿"),
        () if has("content.xml") => Some(" .ods（OpenDocument）文件"),
        () => Some("压缩包"),
    }
}

/// A part's name as the parser compares it.
fn plain(name: &str) -> String {
    name.replace('\\', "/").to_ascii_lowercase()
}

fn is_small(name: &str) -> bool {
    ["styles.xml", "workbook.xml", ".rels", "theme1.xml"].iter().any(|end| name.ends_with(end))
}

/// Unpacks a part into nothing, up to one byte beyond `most`: its beginning and its size.
fn unpack(part: impl Read, most: u64) -> Result<(Vec<u8>, u64), SheetError> {
    let mut part = part.take(most.saturating_add(1));
    let (mut head, mut size, mut buffer) = (Vec::new(), 0, vec![0; 64 << 10]);
    loop {
        let n = part.read(&mut buffer).map_err(|error| broken(error.to_string()))?;
        if n == 0 {
            return Ok((head, size));
        }
        size += n as u64;
        let room = HEAD_BYTES.saturating_sub(head.len());
        head.extend_from_slice(&buffer[..n.min(room)]);
    }
}

/// Whether the table of strings begins plainly (declarations, then its own element, in an encoding of single
/// bytes) and declares no more strings than its size can hold.
fn strings_are_honest(head: &[u8], size: u64) -> bool {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let head = String::from_utf8_lossy(head);
    let mut rest = head.trim_start();
    while let Some(declaration) = rest.strip_prefix("<?") {
        let Some(end) = declaration.find("?>") else { return false };
        rest = declaration[end + 2..].trim_start();
    }
    let Some((tag, _)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) else { return false };
    let name = tag.split([' ', '\t', '\r', '\n', '/']).next().unwrap_or_default();
    let is_table = name.rsplit(':').next() == Some("sst");
    is_table && declared(tag).all(|count| count.is_some_and(|count| count <= size / STRING_BYTES_MIN))
}

/// The numbers behind every `uniqueCount=` of a tag; `None` for what is no number.
fn declared(tag: &str) -> impl Iterator<Item = Option<u64>> {
    tag.split("uniqueCount").skip(1).map(|rest| {
        let value = rest.trim_start().strip_prefix('=')?.trim_start();
        let value = value.strip_prefix(['"', '\''])?;
        value.split(['"', '\'']).next()?.trim().parse().ok()
    })
}

fn broken(detail: String) -> SheetError {
    SheetError::Broken { detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_strings() {
        let cases = [
            ("<?xml version=\"1.0\"?>\n<sst count=\"9\" uniqueCount=\"2\"><si/><si/></sst>", true),
            ("<sst><si/></sst>", true),
            ("<x:sst xmlns:x='u' uniqueCount = '1'><x:si/></x:sst>", true),
            ("<sst uniqueCount=\"99999999999\"><si/></sst>", false),
            ("<sst uniqueCount=\"many\"/>", false),
            ("<!-- <sst> --><sst uniqueCount=\"99999999999\"/>", false),
            ("<a/><sst uniqueCount=\"99999999999\"/>", false),
            ("<s\0s\0t\0", false),
            ("", false),
        ];
        for (text, honest) in cases {
            assert_eq!(strings_are_honest(text.as_bytes(), text.len() as u64), honest, "{text}");
        }
    }
}
