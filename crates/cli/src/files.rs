//! Files that the user names.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sheet::{Cell, Row, WriteOptions};
use wire::admin::RefusedRow;

use crate::failure::{refusal, usage};

/// Stands for standard input.
const STDIN: &str = "-";

/// Bytes of an invite or of the fields of one record: a record holds at most 256 KiB, and JSON text may be some
/// times longer than what it says.
const TEXT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How many names are tried for a file that must not replace another.
const NAMES_MAX: u32 = 1_000;

/// The endings of tables that can be written.
const ENDINGS: [&str; 3] = ["xlsx", "csv", "jsonl"];

/// A whole text, from a file or, for `-`, from standard input.
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    let bytes = if path == Path::new(STDIN) {
        read_from(std::io::stdin(), TEXT_BYTES_MAX)
    } else {
        open(path, TEXT_BYTES_MAX)
    };
    let bytes = bytes.with_context(|| cannot_read(path))?;
    String::from_utf8(bytes)
        .map_err(|_| refusal("invalid", format!("{} 不是 UTF-8 文字 / not text", path.display())))
}

/// A whole table file, whose content the node reads and checks.
pub fn read_table(path: &Path) -> anyhow::Result<Vec<u8>> {
    open(path, sheet::FILE_BYTES_MAX).with_context(|| cannot_read(path))
}

/// A whole file of at most `max` bytes.
pub fn read_bytes(path: &Path, max: u64) -> anyhow::Result<Vec<u8>> {
    open(path, max).with_context(|| cannot_read(path))
}

fn open(path: &Path, max: u64) -> anyhow::Result<Vec<u8>> {
    read_from(std::fs::File::open(path)?, max)
}

fn read_from(from: impl Read, max: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(refusal(
            "invalid",
            format!("文件超过 {} MiB，请分成几份 / the file is too large", max >> 20),
        ));
    }
    Ok(bytes)
}

fn cannot_read(path: &Path) -> String {
    format!("读不了文件 {} / the file cannot be read", path.display())
}

/// The path itself, or with a number behind its name when something is there already: a file that someone may be
/// correcting is not overwritten.
pub fn free_path(path: &Path) -> PathBuf {
    let numbered = (2..NAMES_MAX).map(|number| with_suffix(path, &format!("-{number}")));
    std::iter::once(path.to_owned())
        .chain(numbered)
        .find(|path| !path.exists())
        .unwrap_or_else(|| path.to_owned())
}

/// The path with something behind its name and before its ending.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}{suffix}{ending}"))
}

/// A name from records as a file's name: nothing that a file system or a shell would take for more.
pub fn safe_name(name: &str) -> String {
    let safe = |letter: &char| letter.is_alphanumeric() || "-_（）()".contains(*letter);
    let name: String = name.chars().filter(safe).take(60).collect();
    if name.is_empty() { "shuniu".into() } else { name }
}

/// Writes a secret to a new file that only its owner can read; nothing is overwritten.
pub fn write_secret(path: &Path, content: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(path)?;
        file.write_all(content.as_ref())?;
        file.sync_all()
    };
    write().with_context(|| format!("写不了文件 {} / the file cannot be written", path.display()))
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Whether a table can be written under this name, known before any work is done for it.
pub fn check_ending(path: &Path) -> anyhow::Result<()> {
    match ending(path) {
        Some(_) => Ok(()),
        None => Err(usage(format!(
            "{} 的文件名请以 .xlsx、.csv 或 .jsonl 结尾 / the name must end in .xlsx, .csv or .jsonl",
            path.display()
        ))),
    }
}

/// Where refused rows of a file go: beside it, in its own format where that can be written.
pub fn refused_path(path: &Path) -> PathBuf {
    let beside = with_suffix(path, "-未导入");
    free_path(&ending(path).map_or_else(|| beside.with_extension("csv"), |_| beside.clone()))
}

fn ending(path: &Path) -> Option<&'static str> {
    let given = path.extension()?.to_str()?.to_ascii_lowercase();
    ENDINGS.into_iter().find(|ending| *ending == given)
}

/// Writes a table whose last line says how complete it is.
pub fn write_table(
    path: &Path,
    headings: &[String],
    rows: Vec<Vec<String>>,
    footer: &str,
) -> anyhow::Result<()> {
    let options = WriteOptions { footer: vec![footer.to_owned()], ..WriteOptions::default() };
    sheet::write_table(path, headings, rows.into_iter(), &options).with_context(|| cannot_write(path))?;
    Ok(())
}

/// Writes refused rows as they were, each with its reason.
pub fn write_refused(path: &Path, headings: &[String], refused: Vec<RefusedRow>) -> anyhow::Result<()> {
    let rows: Vec<(Row, String)> = refused.into_iter().map(row).collect();
    let rows = rows.iter().map(|(row, reason)| (row, reason.clone()));
    sheet::write_refused(path, headings, rows).with_context(|| cannot_write(path))?;
    Ok(())
}

fn row(refused: RefusedRow) -> (Row, String) {
    let cell = |text: String| if text.is_empty() { Cell::Empty } else { Cell::Text(text) };
    let cells = refused.cells.into_iter().map(cell).collect();
    (Row { line: refused.line, cells }, refused.reason)
}

fn cannot_write(path: &Path) -> String {
    format!("写不了文件 {} / the file cannot be written", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beside_others() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert_eq!(refused_path(&at("名册.xlsx")), at("名册-未导入.xlsx"));
        std::fs::write(at("名册-未导入.xlsx"), "").unwrap();
        assert_eq!(refused_path(&at("名册.xlsx")), at("名册-未导入-2.xlsx"));
        assert_eq!(refused_path(&at("名册.txt")), at("名册-未导入.csv"));
        assert_eq!(refused_path(&at("名册.v1")), at("名册-未导入.csv"));
    }

    #[test]
    fn names_from_records() {
        for (name, safe) in [
            ("东城街道", "东城街道"),
            ("../../etc/passwd", "etcpasswd"),
            ("a b\n;rm", "abrm"),
            ("…", "shuniu"),
        ] {
            assert_eq!(safe_name(name), safe);
        }
    }

    #[test]
    fn a_secret_is_the_owners_and_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.invite");
        write_secret(&path, "secret").unwrap();
        assert!(write_secret(&path, "other").is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "secret");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn files_that_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let missing = read_text(&folder.path().join("none")).unwrap_err();
        assert_eq!(crate::failure::code(&missing), "not_found");
        assert!(read_from(std::io::repeat(b' '), 10).is_err());
        assert_eq!(read_from(&b"abc"[..], 3).unwrap(), b"abc");
    }

    #[test]
    fn refused_rows_come_back_with_their_reasons() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let cells = vec!["甲".into(), String::new(), "5".into()];
        let refused = RefusedRow { line: 7, cells, reason: "代码缺一位".into() };
        let headings = ["名称", "住所", "代码"].map(ToOwned::to_owned);
        write_refused(&path, &headings, vec![refused]).unwrap();
        let table = sheet::read(&path, sheet::Limits::PEOPLE).unwrap();
        assert_eq!(table.rows[0].cells[3].text(), "代码缺一位");
        assert_eq!(table.headings[3], sheet::REASON_HEADING);
    }
}
