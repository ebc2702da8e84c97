//! What sort of file some bytes are.

/// A sort of file, by its first bytes.
pub(super) enum Sort {
    Empty,
    /// A zip package: perhaps a spreadsheet.
    Zip,
    Text,
    /// Something else, in words.
    Other(&'static str),
}

/// First bytes of files that people mistake for sheets.
const MAGIC: [(&[u8], &str); 13] = [
    (b"%PDF", " PDF 文件"),
    (b"\x89PNG", "图片"),
    (b"\xFF\xD8\xFF", "图片"),
    (b"GIF8", "图片"),
    (b"BM", "图片"),
    (b"II*\0", "图片"),
    (b"MM\0*", "图片"),
    (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "旧版 .xls（或 .et、.doc）文件，或加了密码的文件"),
    (b"Rar!", "压缩包"),
    (b"7z\xBC\xAF", "压缩包"),
    (b"\x1F\x8B", "压缩包"),
    (b"SQLite format 3", "数据库文件"),
    (b"{\\rtf", " RTF 文档"),
];
/// How far into a file a zero byte is looked for.
const LOOK_BYTES: usize = 8 << 10;

pub(super) fn sort(bytes: &[u8]) -> Sort {
    if is_blank(bytes) {
        return Sort::Empty;
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return Sort::Zip;
    }
    // "BM" may begin a heading; a picture has zero bytes soon after.
    let is_binary = has_zero(bytes);
    let found = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic) && (magic.len() > 2 || is_binary));
    match found {
        Some((_, found)) => Sort::Other(found),
        None if is_binary && !is_utf16(bytes) => Sort::Other("程序文件或未知的二进制文件"),
        None => Sort::Text,
    }
}

/// Files of text that are not a table: pages and documents that some systems name .xls or .csv.
pub(super) fn other_text(text: &str) -> Option<&'static str> {
    let head: String = text.trim_start().chars().take(512).collect::<String>().to_ascii_lowercase();
    let page =
        ["<!doctype html", "<html", "<table", "<head", "<body"].iter().any(|tag| head.starts_with(tag));
    let xml = head.starts_with("<?xml");
    if page || (xml && head.contains("<html")) {
        return Some("网页文件（有些系统把网页存成 .xls）");
    }
    xml.then_some(" XML 文件")
}

/// JSON lines by name, or because the first line is an object.
pub(super) fn is_json_lines(name: &str, text: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let named = [".jsonl", ".ndjson", ".json"].iter().any(|end| name.ends_with(end));
    let first = text.trim_start().lines().next().unwrap_or_default().trim();
    named || (first.starts_with("{\"") && first.ends_with('}'))
}

fn is_blank(bytes: &[u8]) -> bool {
    let marks: [&[u8]; 3] = [b"\xEF\xBB\xBF", b"\xFF\xFE", b"\xFE\xFF"];
    let rest = marks.iter().find_map(|mark| bytes.strip_prefix(*mark)).unwrap_or(bytes);
    rest.iter().all(u8::is_ascii_whitespace)
}

fn has_zero(bytes: &[u8]) -> bool {
    bytes.iter().take(LOOK_BYTES).any(|b| *b == 0)
}

fn is_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF")
}
