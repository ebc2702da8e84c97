//! What people bring.

use sheet::{Cell, Encoding, Format, Limits, SheetError, Table, read_bytes};

use crate::workbook::{ROWS, pack, parts};

fn table(name: &str, text: &str) -> Table {
    read_bytes(name, text.as_bytes(), Limits::PEOPLE).unwrap()
}

fn texts(table: &Table) -> Vec<(u64, Vec<String>)> {
    table.rows.iter().map(|row| (row.line, row.cells.iter().map(Cell::text).collect())).collect()
}

fn refused(name: &str, bytes: &[u8]) -> String {
    read_bytes(name, bytes, Limits::PEOPLE).unwrap_err().to_string()
}

#[test]
fn csv_from_an_office_program_in_gbk() {
    let gbk = encoding_rs::GBK.encode("统一社会信用代码,名称\r\n5144030050267905XD,深圳市审计学会\r\n").0;
    let table = read_bytes("名册.csv", &gbk, Limits::PEOPLE).unwrap();
    assert_eq!((table.encoding, table.format), (Encoding::Gb18030, Format::Csv { separator: ',' }));
    assert_eq!(table.headings, ["统一社会信用代码", "名称"]);
    assert_eq!(texts(&table), [(2, vec!["5144030050267905XD".to_owned(), "深圳市审计学会".to_owned()])]);
}

#[test]
fn a_title_above_and_a_footer_below_are_notes() {
    let table = table(
        "a.csv",
        "某市社会组织名册,,\n制表人：测试\n代码, 名\n称 ,类型\n,,\n".replace("名\n称", "名 称").as_str(),
    );
    assert_eq!(table.headings, ["代码", "名 称", "类型"]);
    assert_eq!(table.notes, ["某市社会组织名册", "制表人：测试"]);

    let table = self::table("a.csv", "代码,名称\n1,甲\n2\n\n统计截至 2026-11-22\n完\n");
    assert_eq!(table.notes, ["统计截至 2026-11-22", "完"]);
    assert_eq!(texts(&table).len(), 2, "a row that lacks cells is a row");
    let table = self::table("a.csv", "代码,名称\n1,甲\n\n2,乙\n3\n");
    assert_eq!((table.notes.len(), table.rows.len()), (0, 3));
    let table = self::table("a.csv", "名称\n甲\n\n乙\n");
    assert_eq!((table.headings.as_slice(), table.rows.len()), (["名称".to_owned()].as_slice(), 2));
}

#[test]
fn rows_wider_than_the_heading_keep_their_cells() {
    let table = table("a.csv", "代码,名称\n1,甲,乙\n2\n");
    assert_eq!(table.headings, ["代码", "名称", ""]);
    assert_eq!(table.rows[0].cell(2).text(), "乙");
    assert!(table.rows[1].cell(2).is_empty() && table.rows[1].cell(99).is_empty());
}

#[test]
fn json_lines() {
    let text =
        "{\"代码\":\"1\",\"数\":3.5}\n\n{\"名称\":\"甲\",\"代码\":null,\"是\":true,\"附\":{\"a\":[1,2]}}\n";
    let table = table("a.jsonl", text);
    assert_eq!(table.headings, ["代码", "数", "名称", "是", "附"]);
    assert_eq!(table.rows[1].line, 3);
    let cells = [Cell::Empty, Cell::Empty, Cell::Text("甲".to_owned()), Cell::Bool(true)];
    assert_eq!(table.rows[1].cells[..4], cells);
    assert_eq!(table.rows[1].cell(4).text(), "{\"a\":[1,2]}");
    assert_eq!(table.rows[0].cell(1), &Cell::Number(3.5));
    let error = read_bytes("a.jsonl", "{\"a\":1}\n[1]\n".as_bytes(), Limits::PEOPLE).unwrap_err();
    assert!(matches!(error, SheetError::JsonLine { line: 2, .. }), "{error:?}");
}

#[test]
fn numbers_and_dates_of_a_workbook() {
    let table = read_bytes("a.xlsx", &pack(&parts(ROWS)), Limits::PEOPLE).unwrap();
    assert_eq!((table.format, table.encoding), (Format::Xlsx, Encoding::Binary));
    assert_eq!(table.headings, ["代码", "日期", ""]);
    assert_eq!(table.rows[0].line, 3);
    assert!(table.rows[0].cell(0).is_number());
    let expected = ["5.31000005000185E+17", "2026-11-22", "是"].map(str::to_owned);
    assert_eq!(texts(&table), [(3, expected.to_vec())]);
}

#[test]
fn what_is_not_a_sheet_is_told_by_its_content() {
    let docx = pack(&[("word/document.xml".to_owned(), "<w/>".to_owned())]);
    let zip = pack(&[("a.txt".to_owned(), "a".to_owned())]);
    let cases: [(&[u8], &str); 12] = [
        (b"", "空的"),
        (b"\xEF\xBB\xBF\r\n", "空的"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x89PNG\r\n\x1a\n\0\0", "图片"),
        (b"\xFF\xD8\xFF\xE0\0\x10JFIF", "图片"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0\0", "旧版 .xls"),
        (b"<html><body><table>", "网页"),
        (b"\x7FELF\x02\0\0", "二进制"),
        (&docx, "Word"),
        (&zip, "压缩包"),
        (b"PK\x03\x04 nothing more", "损坏"),
        (b"1,2\n3,4\n", "表头"),
    ];
    for (bytes, words) in cases {
        let error = refused("名册.xlsx", bytes);
        assert!(error.contains(words), "{bytes:?}: {error}");
    }
    assert_eq!(table("a.csv", "BMI,名称\n1,甲\n").headings, ["BMI", "名称"]);
}

#[test]
fn limits() {
    let lines = |n: usize| "代码,名称\n".to_owned() + &"1,甲\n".repeat(n);
    assert_eq!(table("a.csv", &lines(5_000)).rows.len(), 5_000);
    assert!(refused("a.csv", lines(5_001).as_bytes()).contains("5000 行"));
    assert!(refused("a.csv", lines(9_000).as_bytes()).contains("5000 行"));
    let admins = read_bytes("a.csv", lines(9_000).as_bytes(), Limits::ADMINS).unwrap();
    assert_eq!(admins.rows.len(), 9_000);
    assert_eq!(Limits::PEOPLE.with_rows(usize::MAX).rows, sheet::ROWS_MAX_FOR_ADMINS);

    let wide = "列,".repeat(200) + "列\n";
    assert!(refused("a.csv", wide.as_bytes()).contains("200 列"));
    let open = "代码,名称\n1,\"".to_owned() + &"甲".repeat(20_000);
    assert!(refused("a.csv", open.as_bytes()).contains("第 2 行有一个单元格太长"));
    let large = vec![b'a'; sheet::FILE_BYTES_MAX as usize + 1];
    assert!(refused("a.csv", &large).contains("32 MB"));
    let json = format!("{{{}}}", (0..201).map(|n| format!("\"k{n}\":1")).collect::<Vec<_>>().join(","));
    assert!(refused("a.jsonl", json.as_bytes()).contains("200 列"));
}

#[test]
fn a_missing_file() {
    let error = sheet::read(std::path::Path::new("/nonexistent/名册.xlsx"), Limits::PEOPLE).unwrap_err();
    assert!(error.to_string().contains("找不到"));
}
