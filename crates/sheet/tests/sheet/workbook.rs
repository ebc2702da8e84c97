//! Workbooks made by hand, part by part, so that a test can make any part a lie.

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The parts of a workbook of one sheet; `rows` is the XML within `<sheetData>`.
pub fn parts(rows: &str) -> Vec<(String, String)> {
    let part = |name: &str, body: &str| {
        (name.to_owned(), format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}"))
    };
    let relation = |id: &str, kind: &str, target: &str| {
        let kind = format!("http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}");
        format!("<Relationship Id=\"{id}\" Type=\"{kind}\" Target=\"{target}\"/>")
    };
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let relations = |inner: String| format!("<Relationships xmlns=\"{package}\">{inner}</Relationships>");
    let book = relation("rId1", "worksheet", "worksheets/sheet1.xml")
        + &relation("rId2", "sharedStrings", "sharedStrings.xml")
        + &relation("rId3", "styles", "styles.xml");
    vec![
        part("_rels/.rels", &relations(relation("rId1", "officeDocument", "xl/workbook.xml"))),
        part("xl/_rels/workbook.xml.rels", &relations(book)),
        part(
            "xl/workbook.xml",
            &format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets><sheet name=\"数据\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        part(
            "xl/sharedStrings.xml",
            &format!(
                "<sst xmlns=\"{main}\" uniqueCount=\"2\"><si><t>代码</t></si><si><t>日期</t></si></sst>"
            ),
        ),
        part(
            "xl/styles.xml",
            &format!(
                "<styleSheet xmlns=\"{main}\"><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
            ),
        ),
        part(
            "xl/worksheets/sheet1.xml",
            &format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>"),
        ),
    ]
}

/// Packs parts as a zip.
pub fn pack(parts: &[(String, String)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, body) in parts {
        zip.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
        zip.write_all(body.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The headings 代码 and 日期, and one row of a number and a date.
pub const ROWS: &str = "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>1</v></c></row>\
    <row r=\"3\"><c r=\"A3\"><v>531000005000185302</v></c><c r=\"B3\" s=\"1\"><v>46348</v></c><c r=\"C3\" t=\"b\"><v>1</v></c></row>";
