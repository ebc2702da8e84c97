//! What is written is read again, cell by cell.

use std::path::Path;

use domain::sample::dirty_register;
use proptest::prelude::*;
use sheet::{
    Cell, Limits, REASON_HEADING, Table, WriteError, WriteOptions, read, write_refused, write_table,
};

const ENDINGS: [&str; 3] = ["csv", "xlsx", "jsonl"];

fn strings(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|c| (*c).to_owned()).collect()
}

fn texts(table: &Table) -> Vec<Vec<String>> {
    let row = |row: &sheet::Row| (0..table.headings.len()).map(|at| row.cell(at).text()).collect();
    table.rows.iter().map(row).collect()
}

fn there_and_back(path: &Path, headings: &[String], rows: &[Vec<String>], options: &WriteOptions) -> Table {
    let written = write_table(path, headings, rows.iter().cloned(), options).unwrap();
    assert_eq!(written, rows.len() as u64);
    read(path, Limits::PEOPLE).unwrap()
}

#[test]
fn a_dirty_register_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let register = dirty_register(7, 300);
    let options = WriteOptions {
        notes_header: strings(&["单位：某市民政局", "统计截至：2026-11-22"]),
        footer: strings(&["应报 36 个节点，已到 35 个。"]),
    };
    for ending in ENDINGS {
        let path = folder.path().join(format!("名册.{ending}"));
        let table = there_and_back(&path, &register.headings, &register.rows, &options);
        assert_eq!(table.headings, register.headings, "{ending}");
        assert_eq!(texts(&table), register.rows, "{ending}");
        let notes: Vec<_> = options.notes_header.iter().chain(&options.footer).cloned().collect();
        assert_eq!(table.notes, notes, "{ending}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), ENDINGS.len(), "nothing is left beside");
}

#[test]
fn csv_opens_with_a_double_click_and_runs_no_formula() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.CSV");
    let rows = [strings(&["=cmd|' /C calc'!A0", "a,\"b\"\n东"]), strings(&["-3.50", "@x"])];
    let table = there_and_back(&path, &strings(&["代码", "名称"]), &rows, &WriteOptions::default());
    assert_eq!(texts(&table), rows);
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, "\u{feff}代码,名称\r\n'=cmd|' /C calc'!A0,\"a,\"\"b\"\"\n东\"\r\n-3.50,'@x\r\n");
}

#[test]
fn refused_rows_go_out_with_their_reasons_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("来.csv");
    std::fs::write(&source, "代码,名称,错误原因\n1,甲,旧\n2\n3,丙\n").unwrap();
    let table = read(&source, Limits::PEOPLE).unwrap();
    for ending in ["csv", "xlsx"] {
        let path = folder.path().join(format!("退回.{ending}"));
        let rows = table.rows.iter().skip(1).map(|row| (row, format!("第 {} 行不对", row.line)));
        assert_eq!(write_refused(&path, &table.headings, rows).unwrap(), 2);
        let again = read(&path, Limits::PEOPLE).unwrap();
        assert_eq!(again.headings, ["代码", "名称", REASON_HEADING]);
        assert_eq!(texts(&again), [strings(&["2", "", "第 3 行不对"]), strings(&["3", "丙", "第 4 行不对"])]);
    }
}

#[test]
fn long_codes_stay_text_in_a_workbook() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.xlsx");
    let table = there_and_back(
        &path,
        &strings(&["代码"]),
        &[strings(&["531000005000185302"])],
        &WriteOptions::default(),
    );
    assert_eq!(table.rows[0].cell(0), &Cell::Text("531000005000185302".to_owned()));
}

#[test]
fn what_cannot_be_written_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let headings = strings(&["名称"]);
    let write = |name: &str, cell: String| {
        write_table(&folder.path().join(name), &headings, [vec![cell]].into_iter(), &WriteOptions::default())
    };
    assert!(matches!(write("a.xls", "甲".to_owned()), Err(WriteError::UnknownFormat)));
    assert!(matches!(write("a.xlsx", "甲".repeat(40_000)), Err(WriteError::CellTooLong { line: 2 })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// White space alone is an empty cell, and XML knows no control characters and one sort of line end.
    #[test]
    fn any_cells(rows in proptest::collection::vec(proptest::collection::vec("[!-~一-龥＝＋'=@ ,;\"\n-]{0,12}[a-z东]", 3), 1..8)) {
        let folder = tempfile::tempdir().unwrap();
        for ending in ENDINGS {
            let path = folder.path().join(format!("a.{ending}"));
            let table = there_and_back(&path, &strings(&["甲", "乙", "丙"]), &rows, &WriteOptions::default());
            prop_assert_eq!(&texts(&table), &rows, "{}", ending);
        }
    }
}
