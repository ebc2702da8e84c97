//! Importing files as people bring them: what is taken, what is handed back, and in which words.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that fails panics, and one tells what it counted"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use causal::BaseId;
use domain::sample::{Dirt, Expectation, dirty_register};
use domain::uscc::make;
use office::{
    Filtering, ImportOptions, ImportReport, LargeAmounts, Me, NewBase, Office, OfficeError, Outside, Put,
    Secret, Settings,
};
use record::derived_id;
use schema::Schema;
use serde_json::{Map, Value, json};
use sheet::{Cell, Encoding, Format, Limits, Row, Table, WriteOptions};
use tempfile::TempDir;

/// A root's office on an empty folder, which lives as long as it.
struct Bench {
    office: Office,
    _folder: TempDir,
}

impl Bench {
    async fn open() -> Bench {
        let folder = TempDir::new().unwrap();
        let schema = Arc::new(Schema::embedded().clone());
        let base = base_id(&schema, "city");
        let me = Me { base, federation: "测试".into() };
        let secret = Secret::new(&[7; 32]);
        let settings = Settings::default();
        let office =
            Office::open(folder.path(), schema, me, settings, secret, Outside::system()).await.unwrap();
        assert_eq!(office.register_base(&new_base("city", "测试市", "市级", None)).await.unwrap(), base);
        Bench { office, _folder: folder }
    }

    async fn import_as(&self, table: &Table, options: ImportOptions) -> Result<ImportReport, OfficeError> {
        let mut last = (0, 0);
        let report = self.office.import(table, &options, |done, total| last = (done, total)).await?;
        let total = table.rows.len() as u64;
        assert_eq!(last, (total, total));
        let sum = report.created + report.changed + report.unchanged + report.refused.len() as u64;
        assert_eq!(sum, total, "every row is counted once");
        assert!(report.refused.iter().all(|r| !r.reason.is_empty() && !r.why.is_empty() && r.line > 0));
        assert!(report.refused.iter().all(|r| r.cells.len() == report.headings.len()));
        Ok(report)
    }

    async fn import(&self, kind: &str, table: &Table) -> ImportReport {
        self.import_as(table, options(kind)).await.unwrap()
    }

    async fn count(&self, kind: &str) -> u64 {
        let filtering = Filtering { kind: kind.into(), limit: 1, ..Filtering::default() };
        self.office.list(&filtering).await.unwrap().total
    }

    async fn fields(&self, kind: &str, words: &str) -> Map<String, Value> {
        self.office.get(kind, words).await.unwrap().view.fields
    }
}

fn base_id(schema: &Schema, code: &str) -> BaseId {
    BaseId(derived_id(&schema.registry().unwrap().name, &[code.to_owned()]).0)
}

fn new_base(code: &str, name: &str, rung: &str, parent: Option<BaseId>) -> NewBase {
    let jurisdiction = vec!["441900000000".to_owned()];
    NewBase { code: code.into(), name: name.into(), rung: rung.into(), parent, jurisdiction, hosted: false }
}

fn options(kind: &str) -> ImportOptions {
    ImportOptions { kind: kind.into(), user: "李测试".into(), ..ImportOptions::default() }
}

fn csv(text: &str) -> Table {
    sheet::read_bytes("测试.csv", text.as_bytes(), Limits::PEOPLE).unwrap()
}

fn table(headings: &[&str], rows: Vec<Vec<Cell>>) -> Table {
    let row = |(at, cells)| Row { line: at as u64 + 2, cells };
    Table {
        headings: headings.iter().map(|h| (*h).to_owned()).collect(),
        rows: rows.into_iter().enumerate().map(row).collect(),
        notes: Vec::new(),
        format: Format::Xlsx,
        encoding: Encoding::Binary,
    }
}

fn outcome(report: &ImportReport) -> (u64, u64, u64, usize) {
    (report.created, report.changed, report.unchanged, report.refused.len())
}

fn reasons(report: &ImportReport) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    report.refused.iter().for_each(|row| *counts.entry(row.why.as_str()).or_default() += 1);
    counts
}

fn text(text: &str) -> Cell {
    if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) }
}

/// The code of a made-up social group.
fn code(seed: u64) -> String {
    make("51", "441900", seed)
}

/// What one cell of dirt must become.
enum Becomes {
    /// The row is taken, and the field holds this; `null`: nothing.
    Value(Value),
    /// As `Value`, and this is noted.
    Noted(Value, &'static str),
    /// The row is refused: its sort of reason, and a part of its words.
    Refused(&'static str, &'static str),
}
use Becomes::{Noted, Refused, Value as Is};

/// Imports a faultless row with one more cell, under its heading.
async fn check(bench: &Bench, seed: u64, heading: &str, field: &str, cell: Cell, becomes: &Becomes) {
    let (code, shown) = (code(seed), format!("{heading}: {cell:?}"));
    let mut headings = vec!["统一社会信用代码", "名称", "类别", "状态"];
    let mut cells = vec![text(&code), text("东城测试协会"), text("社会团体"), text("正常")];
    match headings.iter().position(|h| *h == heading) {
        Some(at) => cells[at] = cell,
        None => {
            headings.push(heading);
            cells.push(cell);
        }
    }
    let report = bench.import("organization", &table(&headings, vec![cells])).await;
    match becomes {
        Refused(why, words) => {
            let row = report.refused.first().unwrap_or_else(|| panic!("{shown} was taken"));
            assert_eq!(row.why, *why, "{shown}");
            assert!(row.reason.contains(words), "{shown}: {}", row.reason);
        }
        Is(value) | Noted(value, _) => {
            assert_eq!(outcome(&report), (1, 0, 0, 0), "{shown}: {:?}", report.refused);
            let fields = bench.fields("organization", &code).await;
            assert_eq!(fields.get(field).unwrap_or(&Value::Null), value, "{shown}");
            let notes: Vec<&String> = report.notes.keys().collect();
            match becomes {
                Noted(_, note) => assert_eq!(notes, [note], "{shown}"),
                _ => assert!(notes.is_empty(), "{shown}: {notes:?}"),
            }
        }
    }
}

#[tokio::test]
async fn every_sort_of_dirt() {
    let bench = Bench::open().await;
    let t = text;
    let period = |from: &str, to: &str| {
        let ends = [("from", from), ("to", to)].into_iter().filter(|(_, end)| !end.is_empty());
        Value::Object(ends.map(|(name, end)| (name.to_owned(), json!(end))).collect())
    };
    let cases: Vec<(&str, &str, Cell, Becomes)> = vec![
        (
            "统一社会信用代码",
            "uscc",
            Cell::Number(531_000_005_000_185_302.0),
            Refused("统一社会信用代码：被表格软件改成了数字", "5.31000005000185E+17"),
        ),
        (
            "统一社会信用代码",
            "uscc",
            t("5.31E+17"),
            Refused("统一社会信用代码：被表格软件改成了数字", "文本"),
        ),
        (
            "统一社会信用代码",
            "uscc",
            t("534100006716555970"),
            Refused("统一社会信用代码：校验码不对", "代码校验不符的说明"),
        ),
        ("统一社会信用代码", "uscc", t("5344"), Refused("统一社会信用代码：不是 18 位", "4 位")),
        (
            "统一社会信用代码",
            "uscc",
            t("51440300502S7905XD"),
            Refused("统一社会信用代码：有代码里不会出现的字符", "可能是数字 5"),
        ),
        ("统一社会信用代码", "uscc", t("暂无"), Refused("没有填写“统一社会信用代码”", "请填写")),
        ("名称", "name", Cell::Empty, Refused("没有填写“名称”", "请填写“名称”")),
        ("名称", "name", t("无"), Refused("没有填写“名称”", "请填写“名称”")),
        ("名称", "name", t("宁波市"), Refused("名称：只是地名", "只是地名")),
        ("名称", "name", t("南城街道"), Refused("名称：只是地名", "只是地名")),
        ("名称", "name", t("注销"), Refused("名称：这一行错了列", "错了列")),
        ("名称", "name", t(" 东城＆ｎｂｓｐ；第１４７号协会 "), Is(json!("东城 第147号协会"))),
        ("名称", "name", t("爱心超市"), Is(json!("爱心超市"))),
        ("类别", "class", t("民办非企业单位（社会服务机构）"), Is(json!("CLASS_SS"))),
        ("类别", "class", t("公司"), Refused("类别：不在可选项中", "可选：社会团体")),
        ("类别", "class", t("暂无"), Refused("没有填写“类别”", "请填写“类别”")),
        ("状态", "status", t("已注销"), Is(json!("STATUS_CANCELLED"))),
        ("状态", "status", Cell::Empty, Is(Value::Null)),
        ("成立日期", "established_on", t("2014年1月6日"), Is(json!("2014-01-06"))),
        ("成立日期", "established_on", Cell::Date("2014-01-06T00:00:00".into()), Is(json!("2014-01-06"))),
        (
            "成立日期",
            "established_on",
            t("1899-12-30"),
            Noted(Value::Null, "成立登记日期：日期 1899-12-30 视为空"),
        ),
        (
            "成立日期",
            "established_on",
            t("1900-01-01"),
            Noted(Value::Null, "成立登记日期：日期 1900-01-01 视为空"),
        ),
        (
            "成立日期",
            "established_on",
            t("1970-01-01"),
            Noted(Value::Null, "成立登记日期：日期 1970-01-01 视为空"),
        ),
        (
            "成立日期",
            "established_on",
            Cell::Number(42_735.0),
            Refused("成立登记日期：是表格软件的内部数字", "42735"),
        ),
        (
            "成立日期",
            "established_on",
            t("2026-02-30"),
            Refused("成立登记日期：日历上没有这一天", "2026-02-30"),
        ),
        ("成立日期", "established_on", t("正常"), Refused("成立登记日期：不是日期", "正常")),
        (
            "证书有效期",
            "certificate_validity",
            t("2017-04-25 至 2020-04-25"),
            Is(period("2017-04-25", "2020-04-25")),
        ),
        ("证书有效期", "certificate_validity", t("至 2021-05-02"), Is(period("", "2021-05-02"))),
        ("证书有效期", "certificate_validity", t("2012-12-11 至"), Is(period("2012-12-11", ""))),
        ("证书有效期", "certificate_validity", t("至"), Is(Value::Null)),
        (
            "证书有效期",
            "certificate_validity",
            t("1900-01-01 至 1900-01-01"),
            Noted(Value::Null, "证书有效期：日期 1900-01-01 视为空"),
        ),
        (
            "证书有效期",
            "certificate_validity",
            t("2020-04-25 至 2017-04-25"),
            Refused("证书有效期：止期早于起期", "早于"),
        ),
        ("注册资金（万元）", "capital_fen", t("200.00"), Is(json!(200_000_000))),
        ("注册资金（万元）", "capital_fen", Cell::Number(1142.75), Is(json!(1_142_750_000))),
        (
            "注册资金（万元）",
            "capital_fen",
            t("2000000.00"),
            Refused("注册资金(元)：单位不明，是元还是万元", "--large-amounts yuan"),
        ),
        (
            "注册资金(元/万元混用)",
            "capital_fen",
            t("100000"),
            Refused("注册资金(元)：单位不明，是元还是万元", "元还是万元"),
        ),
        ("注册资金(元/万元混用)", "capital_fen", t("99999"), Is(json!(99_999_000_000_i64))),
        ("注册资金（万元）", "capital_fen", t("2000000元"), Is(json!(200_000_000))),
        ("注册资金(元)", "capital_fen", t("2,000,000.00"), Is(json!(200_000_000))),
        ("开办资金", "capital_fen", t("3万元"), Is(json!(3_000_000))),
        ("注册资金", "capital_fen", t("无"), Noted(Value::Null, "注册资金(元)：“无”视为空")),
        ("注册资金", "capital_fen", t("约二百"), Refused("注册资金(元)：不是金额", "约二百")),
        ("登记机关", "registration_authority", t("暂无"), Noted(Value::Null, "登记管理机关：“暂无”视为空")),
        ("业务主管单位", "supervising_unit", t("无"), Is(json!("无"))),
        ("业务主管单位", "supervising_unit", t("直接登记"), Is(json!("直接登记"))),
        ("住所", "address", t("正常"), Refused("住所：这一行错了列", "错了列")),
        ("住所", "address", t("２０１４－０１－０６"), Refused("住所：这一行错了列", "错了列")),
        (
            "证书号",
            "certificate_no",
            Cell::Number(531_000_005_000_185_302.0),
            Refused("登记证号：是表格软件改成的数字", "文本"),
        ),
        ("评估等级", "rating", t("AAA"), Is(json!({"grade": "GRADE_3A"}))),
        ("评估等级", "rating", t("九级"), Refused("评估等级：等级：不在可选项中", "可选")),
        ("慈善组织", "charity", Cell::Bool(true), Is(json!(true))),
        ("慈善组织", "charity", t("无"), Is(json!(false))),
        ("慈善组织", "charity", t("也许"), Refused("慈善组织：应填“是”或“否”", "应填")),
        ("行政区划", "place", Cell::Number(440_307_009_000.0), Is(json!("440307009000"))),
        ("行政区划", "place", t("东城街道"), Refused("所在区划：不是行政区划代码", "只能是数字")),
        ("法人代表", "legal_representative", t(&"长".repeat(51)), Refused("法定代表人：太长", "最多 50")),
    ];
    for (at, (heading, field, cell, becomes)) in cases.into_iter().enumerate() {
        check(&bench, at as u64, heading, field, cell, &becomes).await;
    }
}

#[tokio::test]
async fn all_faults_of_a_row_are_told_at_once_and_an_explained_code_is_taken() {
    let bench = Bench::open().await;
    let report =
        bench.import("organization", &csv("代码校验不符的说明,信用代码,名称,类别\n,5344,,公司\n")).await;
    let row = &report.refused[0];
    for part in ["4 位", "不在可选项中", "请填写“名称”"] {
        assert!(row.reason.contains(part), "{part}: {}", row.reason);
    }
    let explained =
        "代码校验不符的说明,信用代码,名称,类别\n登记册原件如此,534100006716555970,河南测试基金会,基金会\n";
    let report = bench.import("organization", &csv(explained)).await;
    assert_eq!(outcome(&report), (1, 0, 0, 0), "{:?}", report.refused);
    assert_eq!(report.notes.get("统一社会信用代码：校验码不对，已按说明保留"), Some(&1));
}

#[tokio::test]
async fn headings() {
    let bench = Bench::open().await;
    let row = format!("{},东城测试协会,社团,备注,好", code(1));
    let report = bench
        .import(
            "organization",
            &csv(&format!("＊统一 社会信用代码（必填）,name,类型,心得,(校验结论)\n{row}\n")),
        )
        .await;
    assert_eq!(outcome(&report), (1, 0, 0, 0));
    assert_eq!(report.ignored_columns, ["心得", "(校验结论)"]);

    let refused = |table: Table| {
        let office = &bench.office;
        async move {
            let options = options("organization");
            match office.import(&table, &options, |_, _| ()).await {
                Err(OfficeError::File { words }) => words,
                other => panic!("{other:?}"),
            }
        }
    };
    let words = refused(csv("信用代码,名称,社会组织名称,类别\na,b,c,d\n")).await;
    assert!(words.contains("第 2 列“名称”和第 3 列“社会组织名称”说的都是“名称”"), "{words}");
    let words = refused(csv("信用代码,名称,住所\na,b,c\n")).await;
    assert!(words.contains("缺少必填的列：“类别”（也可写作“类型”"), "{words}");
    let foreign =
        "registered_charity_number,charity_name,charity_type\n210843,DUKINFIELD BAPTIST CHURCH,Other\n";
    let words = refused(csv(foreign)).await;
    assert!(words.contains("这不是“社会组织”的表格") && words.contains("“charity_name”"), "{words}");
    let words = refused(csv("负责人,活动社区,组织名称,人数\n张测试,441900003001,测试舞蹈队,9\n")).await;
    assert!(words.contains("这不是“社会组织”的表格") && !words.contains("像是"), "{words}");
    let words = refused(csv("负责人,活动社区,组织名称,类别\n张测试,441900003001,测试舞蹈队,文体\n")).await;
    assert!(words.contains("它像是“备案组织”的表格"), "{words}");
    assert_eq!(bench.count("organization").await, 1);
}

fn sample_table(seed: u64, rows: usize) -> (Table, Vec<Expectation>) {
    let register = dirty_register(seed, rows);
    let headings: Vec<&str> = register.headings.iter().map(String::as_str).collect();
    let cells = register.rows.iter().map(|row| row.iter().map(|cell| text(cell)).collect()).collect();
    (table(&headings, cells), register.expected)
}

/// The sort of reason by which a row of the sample is refused: the cells speak before what only shows beside other
/// rows.
fn expected_why(expected: &Expectation) -> Option<&'static str> {
    let of_cell = expected.dirt.iter().find_map(|dirt| match dirt {
        Dirt::CheckDigit => Some("统一社会信用代码：校验码不对"),
        Dirt::SpreadsheetCode => Some("统一社会信用代码：被表格软件改成了数字"),
        Dirt::PlaceName => Some("名称：只是地名"),
        Dirt::AskUnit => Some("注册资金(元)：单位不明，是元还是万元"),
        _ => None,
    });
    let twice = expected.dirt.iter().any(|dirt| matches!(dirt, Dirt::DuplicateOf(_)));
    of_cell.or(twice.then_some("与前面的行重复，内容不同"))
}

#[tokio::test]
async fn a_generated_register_comes_out_as_its_maker_says() {
    let bench = Bench::open().await;
    let (table, expected) = sample_table(7, 500);
    let report = bench.import("organization", &table).await;

    let accepted = expected.iter().filter(|e| e.accepted()).count() as u64;
    assert_eq!((report.created, report.changed, report.unchanged), (accepted, 0, 0));
    let whys: Vec<(u64, &str)> = report.refused.iter().map(|row| (row.line, row.why.as_str())).collect();
    let lines = expected.iter().zip(2..);
    let refusals: Vec<_> = lines.filter_map(|(e, line)| Some((line, expected_why(e)?))).collect();
    assert_eq!(whys, refusals);

    let taken = || expected.iter().filter(|e| e.accepted());
    let noted =
        |part: &str| report.notes.iter().filter(|(note, _)| note.contains(part)).map(|(_, n)| n).sum::<u64>();
    let has = |wanted: Dirt| taken().filter(|e| e.dirt.contains(&wanted)).count() as u64;
    assert_eq!(noted("成立登记日期"), has(Dirt::UnknownDate));
    assert_eq!(noted("证书有效期"), has(Dirt::UnknownValidity));
    assert_eq!(noted("登记管理机关"), has(Dirt::NoAuthority));
    assert_eq!(noted("第 17 位"), has(Dirt::InnerDigit));
    assert_eq!(noted("结尾"), has(Dirt::OddName));
    assert_eq!(report.ignored_columns, ["(校验结论)"]);

    for (row, expected) in table.rows.iter().zip(&expected).filter(|(_, e)| e.accepted()) {
        let written = domain::text::normalise(&row.cells[0].text());
        let fields = bench.fields("organization", &written).await;
        let of = |name: &str| fields.get(name).cloned().unwrap_or_default();
        assert_eq!(of("established_on"), json!(expected.established_on.map(|d| d.to_string())), "{row:?}");
        assert_eq!(of("capital_fen"), json!(expected.capital_fen), "{row:?}");
        assert_eq!(of("registration_authority"), json!(expected.authority), "{row:?}");
        assert_eq!(of("supervising_unit"), json!(expected.supervising_unit), "{row:?}");
        let end = |name: &str| of("certificate_validity").get(name).cloned().unwrap_or_default();
        let validity = expected.validity.unwrap_or_default();
        assert_eq!(end("from"), json!(validity.from.map(|d| d.to_string())), "{row:?}");
        assert_eq!(end("to"), json!(validity.to.map(|d| d.to_string())), "{row:?}");
    }
}

#[tokio::test]
async fn a_second_import_changes_nothing_and_a_rehearsal_keeps_nothing() {
    let bench = Bench::open().await;
    // More rows than one transaction takes.
    let (table, _) = sample_table(11, 1_200);
    let rehearsed =
        bench.import_as(&table, ImportOptions { dry_run: true, ..options("organization") }).await.unwrap();
    assert_eq!(bench.count("organization").await, 0);
    let first = bench.import("organization", &table).await;
    assert_eq!(ImportReport { dry_run: false, ..rehearsed }, first);
    assert_eq!(bench.count("organization").await, first.created);
    let before = *bench.office.changes().borrow();
    let second = bench.import("organization", &table).await;
    assert_eq!((second.created, second.changed, second.unchanged), (0, 0, first.created));
    assert_eq!((&second.refused, &second.notes), (&first.refused, &first.notes));
    assert_eq!(*bench.office.changes().borrow(), before);
}

#[tokio::test]
async fn large_amounts_are_what_the_officer_says() {
    for (large_amounts, fen) in
        [(LargeAmounts::Yuan, 350_000_000_i64), (LargeAmounts::Wan, 3_500_000_000_000)]
    {
        let bench = Bench::open().await;
        let file =
            csv(&format!("信用代码,名称,类别,注册资金(万元)\n{},东城测试协会,社团,3500000\n", code(1)));
        let report =
            bench.import_as(&file, ImportOptions { large_amounts, ..options("organization") }).await.unwrap();
        assert_eq!(outcome(&report), (1, 0, 0, 0), "{:?}", report.refused);
        assert_eq!(bench.fields("organization", &code(1)).await["capital_fen"], json!(fen));
    }
}

#[tokio::test]
async fn an_existing_record_is_changed_where_the_row_differs() {
    let bench = Bench::open().await;
    let head = "信用代码,名称,类别,状态,住所,评估等级\n";
    let first = format!("{head}{},东城测试协会,社团,正常,东城路1号,3A\n", code(1));
    bench.import("organization", &csv(&first)).await;
    let look = bench.office.get("organization", &code(1)).await.unwrap();
    let fields = json!({"legal_representative": "李测试", "rating": {"grade": "3A", "plaque_no": "一号"}});
    let put = Put {
        kind: "organization".into(),
        id: Some(look.view.id),
        seen: Some(look.view.version),
        fields: fields.as_object().unwrap().clone(),
        ..Put::default()
    };
    bench.office.put(put).await.unwrap();

    // Empty cells and words for nothing leave what is there; a group keeps its other parts.
    let second = format!("{head}{},东城测试协会,社团,已注销,暂无,4A\n", code(1));
    let report = bench.import("organization", &csv(&second)).await;
    assert_eq!(outcome(&report), (0, 1, 0, 0), "{:?}", report.refused);
    let fields = bench.fields("organization", &code(1)).await;
    assert_eq!(fields["status"], "STATUS_CANCELLED");
    assert_eq!(
        (&fields["address"], &fields["legal_representative"]),
        (&json!("东城路1号"), &json!("李测试"))
    );
    assert_eq!(fields["rating"], json!({"grade": "GRADE_4A", "plaque_no": "一号"}));
    assert_eq!(outcome(&bench.import("organization", &csv(&second)).await), (0, 0, 1, 0));
}

#[tokio::test]
async fn rows_about_one_record() {
    let bench = Bench::open().await;
    let (one, two) = (code(1), code(2));
    let file = format!(
        "信用代码,名称,类别\n{one},东城测试协会,社团\n{one},东城 测试协会,社团\n {one} ,东城测试协会,社会团体\n{two},宁波市,社团\n{two},西城测试协会,社团\n"
    );
    let report = bench.import("organization", &csv(&file)).await;
    assert_eq!(outcome(&report), (2, 0, 1, 2));
    assert!(report.refused[0].reason.contains("与第 2 行重复"), "{:?}", report.refused);
    assert_eq!(report.refused[1].line, 5, "only a row that was taken can be repeated");

    let look = bench.office.get("organization", &one).await.unwrap();
    let (id, seen) = (Some(look.view.id), Some(look.view.version));
    let delete = Put { kind: "organization".into(), id, seen, delete: true, ..Put::default() };
    bench.office.put(delete).await.unwrap();
    let report =
        bench.import("organization", &csv(&format!("信用代码,名称,类别\n{one},东城测试协会,社团\n"))).await;
    assert_eq!(reasons(&report), BTreeMap::from([("记录已被删除", 1)]));
}

#[tokio::test]
async fn rows_that_only_themselves_can_name() {
    let bench = Bench::open().await;
    let file = "日期,类型,主题,单位,时长\n2026-11-20,培训,票据讲座,东城测试协会,2\n2026-11-20,培训,票据讲座,东城测试协会,2\n2026-11-21,场地,会议室,散客,1.5\n";
    let report = bench.import("service_record", &csv(file)).await;
    assert_eq!(outcome(&report), (3, 0, 0, 0), "{:?}", report.refused);
    assert_eq!(outcome(&bench.import("service_record", &csv(file)).await), (0, 0, 3, 0));
    assert_eq!(bench.count("service_record").await, 3);
    let more = format!("{file}2026-11-22,信息,电话咨询,散客,0.5\n");
    assert_eq!(outcome(&bench.import("service_record", &csv(&more)).await), (1, 0, 3, 0));
}

#[tokio::test]
async fn other_records_bases_and_lists_in_cells() {
    let bench = Bench::open().await;
    bench.import("organization", &csv(&format!("信用代码,名称,类别\n{},东城测试协会,社团\n", code(1)))).await;
    let file = format!(
        "社会组织,基地,常用名称,领域,联系电话\n{},测试市,东城协会,养老、助残；养老,０７６９ 12345678\n",
        code(1)
    );
    let report = bench.import("organization_profile", &csv(&file)).await;
    assert_eq!(outcome(&report), (1, 0, 0, 0), "{:?}", report.refused);
    let filtering = Filtering { kind: "organization_profile".into(), ..Filtering::default() };
    let fields = bench.office.list(&filtering).await.unwrap().views.remove(0).fields;
    let organization = bench.office.get("organization", &code(1)).await.unwrap().view.id.to_string();
    assert_eq!(fields["organization"], organization);
    assert_eq!(fields["base"], bench.office.me().base.to_string());
    assert_eq!(fields["fields"], json!(["FIELD_ELDERLY", "FIELD_DISABILITY"]));
    assert_eq!(fields["contact_phone"], "0769 12345678");
    assert_eq!(outcome(&bench.import("organization_profile", &csv(&file)).await), (0, 0, 1, 0));
    let report = bench.import("organization_profile", &csv("社会组织,基地\n5344,某某基地\n")).await;
    assert_eq!(reasons(&report).into_keys().collect::<Vec<_>>(), ["统一社会信用代码：不是 18 位"]);
    assert!(report.refused[0].reason.contains("没有找到基地“某某基地”"), "{:?}", report.refused);
}

#[tokio::test]
async fn the_code_table_names_places_and_is_checked_against() {
    let bench = Bench::open().await;
    let divisions = "code,name,parent,level,note\n441900000000,东莞市,,city,\n441900003000,东城街道,441900000000,street,\n330305100000,大门镇,,town,\n";
    assert_eq!(
        outcome(&bench.import("division", &csv(divisions)).await),
        (3, 0, 0, 0),
        "titles that are places"
    );
    let file = format!(
        "信用代码,名称,类别,区划代码\n{},大门镇,社团,441900003\n{},大门镇测试协会,社团,441900003\n{},东城测试协会,社团,441900009\n",
        code(1),
        code(2),
        code(3)
    );
    let report = bench.import("organization", &csv(&file)).await;
    assert_eq!(outcome(&report), (1, 0, 0, 2));
    assert_eq!(
        reasons(&report),
        BTreeMap::from([("名称：只是地名", 1), ("所在区划：行政区划表里没有代码", 1)])
    );
}

#[tokio::test]
async fn workflows_begin_by_themselves() {
    let bench = Bench::open().await;
    let head = "组织名称,类别,社区代码,负责人,备案状态\n";
    let file = format!(
        "{head}测试舞蹈队,文体,441900003001,张测试,\n测试合唱团,文体,441900003001,王测试,已申请\n测试棋社,文体,441900003001,赵测试,已备案\n"
    );
    let report = bench.import("recorded_group", &csv(&file)).await;
    // A ledger that was kept on paper arrives further along, if all the steps there were the street's own.
    assert_eq!(outcome(&report), (3, 0, 0, 0), "{:?}", report.refused);
    let again = bench
        .import("recorded_group", &csv(&format!("{head}测试剧社,文体,441900003001,李测试,已年度确认\n")))
        .await;
    assert_eq!(outcome(&again), (1, 0, 0, 0), "{:?}", again.refused);
}

#[tokio::test]
async fn who_may_not_write_is_told() {
    let bench = Bench::open().await;
    let street = new_base("street", "测试街道", "街道", Some(bench.office.me().base));
    let street = bench.office.register_base(&street).await.unwrap();
    let file = csv(&format!("信用代码,名称,类别\n{},东城测试协会,社团\n", code(1)));
    let as_street = ImportOptions { as_base: Some(street), ..options("organization") };
    let error = bench.office.import(&file, &as_street, |_, _| ()).await.unwrap_err();
    assert!(matches!(error, OfficeError::NotServed { .. }), "{error}");
    let for_street = ImportOptions { home: Some(street), ..options("organization") };
    let report = bench.import_as(&file, for_street).await.unwrap();
    assert_eq!(reasons(&report), BTreeMap::from([("不归本基地填写", 1)]));
}

#[tokio::test]
async fn files_in_gbk_and_as_workbooks() {
    let (made, expected) = sample_table(3, 60);
    let folder = TempDir::new().unwrap();
    let rows =
        || made.rows.iter().map(|row| (0..made.headings.len()).map(|at| row.cell(at).text()).collect());
    let utf8 = folder.path().join("名册.csv");
    sheet::write_table(&utf8, &made.headings, rows(), &WriteOptions::default()).unwrap();
    let words = std::fs::read_to_string(&utf8).unwrap();
    let gbk = folder.path().join("名册-gbk.csv");
    std::fs::write(&gbk, encoding_rs::GBK.encode(words.trim_start_matches('\u{feff}')).0).unwrap();
    let book = folder.path().join("名册.xlsx");
    sheet::write_table(&book, &made.headings, rows(), &WriteOptions::default()).unwrap();
    let accepted = expected.iter().filter(|e| e.accepted()).count() as u64;
    for path in [&gbk, &book] {
        let bench = Bench::open().await;
        let table = sheet::read(path, Limits::PEOPLE).unwrap();
        let report = bench.import("organization", &table).await;
        assert_eq!((report.created, report.refused.len() as u64), (accepted, 60 - accepted), "{path:?}");
    }
}

#[tokio::test]
async fn tables_without_sense_are_taken_calmly() {
    let bench = Bench::open().await;
    let long = "长".repeat(9_000);
    let odd = [f64::NAN, f64::INFINITY, -0.0, 1e300].map(Cell::Number);
    let odd = odd.into_iter().chain([text(&long), text("\u{202e}\u{0}"), text("至至至"), Cell::Bool(false)]);
    let odd: Vec<Cell> = odd.chain(["“”“", "1/0", "5.31E+", "()"].map(text)).collect();
    for kind in &Schema::embedded().kinds {
        let headings: Vec<&str> = kind.fields.iter().map(|f| f.label.as_str()).collect();
        let row = |at: usize| (0..headings.len() + 3).map(|c| odd[(at + c) % odd.len()].clone()).collect();
        let same = |cell: &Cell| vec![cell.clone(); headings.len()];
        let mut rows: Vec<Vec<Cell>> = (0..odd.len()).map(row).chain(odd.iter().map(same)).collect();
        rows.push(Vec::new());
        let report = bench.office.import(&table(&headings, rows), &options(&kind.name), |_, _| ()).await;
        let report = report.unwrap_or_else(|error| panic!("{}: {error}", kind.name));
        assert!(report.refused.iter().all(|row| row.reason.chars().count() < 700), "{}", kind.name);
    }
    for headings in [&[][..], &[""][..], &["名称"; 3][..], &["()", "（", "）)"][..]] {
        let rows = vec![vec![text("甲"); 5]];
        let refused = bench.office.import(&table(headings, rows), &options("organization"), |_, _| ()).await;
        assert!(matches!(refused, Err(OfficeError::File { .. })), "{headings:?}");
    }
}

/// Reads what `SHUNIU_REAL_DATA` names, if it is set: real files are not in the repository.
#[tokio::test]
async fn real_files() {
    let Some(folder) = std::env::var_os("SHUNIU_REAL_DATA") else { return };
    let read = |name: &str| sheet::read(&Path::new(&folder).join(name), Limits::PEOPLE).unwrap();
    for (name, accepted) in [("orgs_real_cn.csv", 60), ("orgs_dirty_import_sample.csv", 71)] {
        let bench = Bench::open().await;
        let table = read(name);
        let report = bench.import("organization", &table).await;
        println!("{name}: 接受 {}, 未接受 {}", report.created, report.refused.len());
        println!(
            "  原因 {:#?}\n  说明 {:#?}\n  未用 {:?}",
            reasons(&report),
            report.notes,
            report.ignored_columns
        );
        report.refused.iter().for_each(|row| println!("  {} {} {}", row.line, row.cells[1], row.reason));
        assert_eq!(report.created, accepted);
        let second = bench.import("organization", &table).await;
        assert_eq!((second.created, second.changed, second.unchanged), (0, 0, accepted));
    }
    let bench = Bench::open().await;
    let in_yuan = ImportOptions { large_amounts: LargeAmounts::Yuan, ..options("organization") };
    let report = bench.import_as(&read("orgs_dirty_import_sample.csv"), in_yuan).await.unwrap();
    println!("--large-amounts yuan: 接受 {}, 未接受 {:?}", report.created, reasons(&report));
    assert_eq!(report.created, 86);
    let bench = Bench::open().await;
    let charities = read("uk_charities_trafford_736.csv");
    let error = bench.office.import(&charities, &options("organization"), |_, _| ()).await.unwrap_err();
    println!("uk_charities_trafford_736.csv: {error}");
    assert!(error.to_string().contains("这不是“社会组织”的表格"), "{error}");
    assert_eq!(bench.count("organization").await, 0);
}
