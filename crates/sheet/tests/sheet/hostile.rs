//! Bytes that mean harm, or were damaged on the way: an error in words, never a panic, never much memory.

use proptest::prelude::*;
use sheet::{Limits, SheetError, read_bytes};

use crate::workbook::{ROWS, pack, parts};

fn with_part(name: &str, body: &str) -> Vec<u8> {
    let mut parts = parts(ROWS);
    parts.iter_mut().find(|(n, _)| n == name).unwrap().1 = body.to_owned();
    pack(&parts)
}

fn refused(bytes: &[u8]) -> SheetError {
    read_bytes("a.xlsx", bytes, Limits::PEOPLE).unwrap_err()
}

#[test]
fn a_package_that_unpacks_to_too_much() {
    let bomb = with_part("xl/worksheets/sheet1.xml", &" ".repeat(65 << 20));
    assert!(bomb.len() < 1 << 20);
    assert!(matches!(refused(&bomb), SheetError::TooLarge { max: 64, .. }));
    let styles = with_part("xl/styles.xml", &" ".repeat(5 << 20));
    assert!(matches!(refused(&styles), SheetError::TooLarge { .. }));
}

#[test]
fn a_count_of_strings_that_would_take_all_memory() {
    for count in ["99999999999", "18446744073709551615", "99999999999999999999999"] {
        let bytes = with_part(
            "xl/sharedStrings.xml",
            &format!("<sst uniqueCount=\"{count}\"><si><t>a</t></si></sst>"),
        );
        assert!(matches!(refused(&bytes), SheetError::Broken { .. }), "{count}");
    }
}

#[test]
fn a_cell_at_the_far_corner_costs_nothing() {
    let bytes = pack(&parts(&format!("{ROWS}<row r=\"1048576\"><c r=\"A1048576\"><v>1</v></c></row>")));
    let table = read_bytes("a.xlsx", &bytes, Limits::PEOPLE).unwrap();
    assert_eq!(table.rows.last().map(|row| row.line), Some(1_048_576), "a number alone is no footer");
    let bytes = pack(&parts("<row r=\"1\"><c r=\"XFD1\"><v>1</v></c></row>"));
    assert!(matches!(refused(&bytes), SheetError::TooManyColumns { line: 1, max: 200 }));
}

#[test]
fn more_cells_than_are_taken() {
    let rows: String =
        (1..7_000).map(|n| format!("<row r=\"{n}\"><c r=\"GR{n}\"><v>1</v></c></row>")).collect();
    assert!(matches!(refused(&pack(&parts(&rows))), SheetError::TooManyRows { .. }));
}

#[test]
fn json_nested_without_end() {
    let bytes = format!("{{\"a\":{}", "[".repeat(100_000));
    assert!(matches!(
        read_bytes("a.jsonl", bytes.as_bytes(), Limits::PEOPLE),
        Err(SheetError::JsonLine { .. })
    ));
}

/// Bytes changed, cut out and doubled at random.
fn damage(mut bytes: Vec<u8>, hits: &[(usize, u8, u8)]) -> Vec<u8> {
    for (at, sort, value) in hits {
        let at = at % bytes.len().max(1);
        match sort % 4 {
            0 if at < bytes.len() => bytes[at] = *value,
            1 if at < bytes.len() => bytes[at] ^= 1 << (value % 8),
            2 => bytes.truncate(at.max(8)),
            _ => {
                let end = (at + usize::from(*value)).min(bytes.len());
                let again = bytes[at.min(end)..end].to_vec();
                bytes.splice(at.min(bytes.len())..at.min(bytes.len()), again);
            }
        }
    }
    bytes
}

fn hits() -> impl Strategy<Value = Vec<(usize, u8, u8)>> {
    proptest::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes(bytes: Vec<u8>, name in "[a-z]{0,3}\\.(csv|xlsx|jsonl)") {
        let _ = read_bytes(&name, &bytes, Limits::PEOPLE);
    }

    #[test]
    fn any_text(text in "(\\PC|[,;\t\"\r\n']){0,200}", name in "a\\.(csv|jsonl)") {
        let _ = read_bytes(&name, text.as_bytes(), Limits::PEOPLE);
    }

    #[test]
    fn a_damaged_package(hits in hits()) {
        let _ = read_bytes("a.xlsx", &damage(pack(&parts(ROWS)), &hits), Limits::PEOPLE);
    }

    #[test]
    fn damaged_parts_in_a_sound_package(part in 0usize..6, hits in hits()) {
        let mut parts = parts(ROWS);
        let damaged = damage(parts[part].1.clone().into_bytes(), &hits);
        parts[part].1 = String::from_utf8_lossy(&damaged).into_owned();
        let _ = read_bytes("a.xlsx", &pack(&parts), Limits::PEOPLE);
    }
}
