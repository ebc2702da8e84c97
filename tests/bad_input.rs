//! Bad input: for each command, file and call a clear message in Chinese, nothing half-applied, the rest kept.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use domain::uscc::{self, Uscc};
use federation_tests::forge::{Edit, new_id};
use federation_tests::peer::{Papers, handshake, hello, put_batch, services, sync_client};
use federation_tests::wait::{block_on, until};
use federation_tests::{Answer, Federation, Node};
use prost::Message as _;
use tonic::transport::Channel;
use tonic::{Code, Response, Status, Streaming};
use wire::sync::round_down::What as Down;
use wire::sync::round_up::What as Up;
use wire::sync::sync_client::SyncClient;
use wire::sync::{Hello, Packed, PushAck, PushBatch, Record, Records, RoundUp, Seal};

fn city() -> (Federation, Node) {
    let federation = Federation::new();
    let city = federation.root("市基地", "441900");
    (federation, city)
}

fn code(seed: u64) -> String {
    uscc::make("53", "441900", seed)
}

/// Any code that fits and is not this one.
fn other_than(letter: char) -> char {
    if letter == '0' { '1' } else { '0' }
}

/// A code whose last character does not fit.
fn wrong_check_digit(seed: u64) -> String {
    let code = code(seed);
    let last = code.chars().last().unwrap();
    format!("{}{}", &code[..17], other_than(last))
}

/// A code whose check digit fits, and the digit of the organisation code inside does not.
fn wrong_inner_digit(seed: u64) -> String {
    let code = code(seed);
    let inner = other_than(code.chars().nth(16).unwrap());
    let all = "0123456789ABCDEFGHJKLMNPQRTUWXY".chars();
    let mut fitting = all.map(|last| format!("{}{inner}{last}", &code[..16]));
    fitting.find(|code| Uscc::parse(code).is_ok_and(|checked| !checked.warnings.is_empty())).unwrap()
}

fn put_organization(city: &Node, code: &str, more: &[&str]) -> Answer {
    let code = format!("uscc={code}");
    let fields = ["put", "organization", &code, "name=晨光社工", "class=社会服务机构", "status=正常"];
    city.run(&[&fields[..], more].concat())
}

fn total(node: &Node, kind: &str) -> u64 {
    node.ok(&["list", kind])["total"].as_u64().unwrap()
}

#[track_caller]
fn refused(answer: &Answer, code: i32, words: &[&str]) {
    assert_eq!(answer.code, code, "{} {}", answer.json, answer.words);
    for word in words {
        assert!(answer.message().contains(word), "{word}: {}", answer.message());
    }
}

// Wrong: a mistyped code makes a second body, and nobody finds the first one again.
#[test]
fn codes_are_checked_and_an_officer_may_overrule() {
    let (_federation, city) = city();
    let wrong = wrong_check_digit(1);
    refused(&put_organization(&city, &wrong, &[]), 4, &["统一社会信用代码", "校验"]);
    for (bad, word) in
        [("5353000050002167", "18"), ("", "信用代码"), ("5.31E+17", "表格软件"), ("甲乙", "信用代码")]
    {
        refused(&put_organization(&city, bad, &[]), 4, &[word]);
    }
    assert_eq!(total(&city, "organization"), 0, "nothing was half saved");

    let reason = "登记证原件即如此，已电话核实";
    let answer = put_organization(&city, &wrong, &["--reason", reason]);
    assert_eq!(answer.code, 0, "{}", answer.words);
    assert!(answer.json["warnings"].to_string().contains("校验"), "{}", answer.json);
    let record = city.get("organization", &wrong);
    assert_eq!(
        record["fields"]["override_reason"], reason,
        "the reason is kept in the field that explains it"
    );

    let answer = put_organization(&city, &wrong_inner_digit(2), &[]);
    assert_eq!(answer.code, 0, "only a warning: {}", answer.words);
    assert!(answer.json["warnings"].to_string().contains("第 17 位"), "{}", answer.json);
    let answer = put_organization(&city, &code(3), &["--reason", "不需要"]);
    assert_eq!((answer.code, &answer.json["warnings"]), (0, &serde_json::json!([])));
}

// Wrong: a street that merged last year, or a typing error, becomes a place that no figure finds.
#[test]
fn divisions_are_checked() {
    let (_federation, city) = city();
    refused(&put_organization(&city, &code(1), &["place=44"]), 4, &["所在区划"]);
    refused(&put_organization(&city, &code(1), &["place=东城"]), 4, &["所在区划"]);
    city.put(&["division", "code=441900003000", "name=东城街道"]);
    refused(&put_organization(&city, &code(1), &["place=441900999000"]), 4, &["所在区划", "441900999000"]);
    assert_eq!(total(&city, "organization"), 0);
    assert_eq!(put_organization(&city, &code(1), &["place=441900003000"]).code, 0);
}

// Wrong: a command that does something else than was meant, or fails without saying what to change.
#[test]
fn commands_refuse_what_cannot_be_meant() {
    let (federation, city) = city();
    let id = put_organization(&city, &code(1), &[]).json["id"].as_str().unwrap().to_owned();
    let before = city.database().state(&id);
    let nobody = "00000000000000000000000000000000";
    for (exit, line) in [
        (2, "put 没有的类别 名称=甲"),
        (2, "put organization 没有的字段=甲"),
        (2, "put organization 名称=甲 名称=乙"),
        (2, "put organization"),
        (2, "list organization --where 状态"),
        (2, "list organization --limit 0"),
        (2, "figure organization --by 没有的字段"),
        (2, "get"),
        (2, "nonsense"),
        (3, "get organization 没有的代码"),
        (3, &format!("put organization {nobody} 名称=甲")),
        (4, &format!("put organization {id} 名称=甲 --seen 01")),
        (4, &format!("put organization {id} 状态=没有的状态")),
        (4, &format!("put organization {id} 成立登记日期=2023-02-30")),
        (4, &format!("put organization {id} 注册资金(元)=很多")),
        (4, &format!("put organization {id} 名称={}", "长".repeat(101))),
        (4, &format!("put organization {id} 名称=")),
        (3, &format!("put organization {id} 名称=乙 --home 没有的基地")),
        (6, &format!("put organization {id} uscc={}", code(2))),
        (6, &format!("put organization uscc={} 名称=乙 类别=基金会 状态=正常", code(1))),
        (3, "revoke 没有的基地 --reason x"),
        (4, "sync"),
    ] {
        let answer = city.run(&line.split(' ').collect::<Vec<_>>());
        let line: String = line.chars().take(80).collect();
        assert_eq!(answer.code, exit, "{line}: {} {}", answer.json, answer.words);
        let chinese = answer.message().chars().any(|letter| ('一'..='鿿').contains(&letter));
        assert!(chinese, "{line} says why in Chinese: {}", answer.json);
    }
    assert_eq!(city.database().state(&id), before, "nothing was changed");
    assert_eq!(total(&city, "organization"), 1);
    let nowhere = federation_tests::Folder(PathBuf::from(federation.path("nothing")));
    nowhere.fails(11, &["status"]);
    nowhere.fails(11, &["serve"]);
    assert!(!nowhere.path().exists(), "looking makes no folder");
}

// Wrong: of a batch of a hundred edits seventy are saved, and nobody knows which.
#[test]
fn a_batch_is_saved_as_a_whole_or_not_at_all() {
    let (_federation, city) = city();
    put_batch(&city, services(3));
    let mut puts = services(3);
    puts[2].json = r#"{"topic": "没有日期"}"#.into();
    let saved = std::panic::catch_unwind(|| put_batch(&city, puts));
    assert!(saved.is_err(), "the batch is refused");
    assert_eq!(total(&city, "service_record"), 3);
}

const HEADINGS: &str = "名称,统一社会信用代码,类别,状态";

fn row(seed: u64) -> String {
    format!("晨光社工{seed}号,{},社会服务机构,正常", code(seed))
}

fn file(federation: &Federation, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = federation.path(name);
    fs::write(&path, content).unwrap();
    path
}

// Wrong: one bad row keeps ninety good ones out, or a code that a spreadsheet has destroyed is taken as it stands.
#[test]
fn good_rows_are_taken_and_bad_ones_handed_back_with_reasons() {
    let (federation, city) = city();
    let (one, two, wrong) = (row(1), row(2), wrong_check_digit(3));
    let bad = format!("甲,5.31E+17,基金会,正常\n乙,{wrong},基金会,正常\n丙,{},没有的类别,正常\n", code(4));
    let csv = file(&federation, "名册.csv", format!("{HEADINGS}\n{one}\n{bad}{two}\n"));
    let rehearsal = city.run(&["import", "organization", &csv, "--dry-run"]);
    assert_eq!((rehearsal.code, &rehearsal.json["created"]), (4, &2.into()), "{}", rehearsal.words);
    assert_eq!(total(&city, "organization"), 0, "a rehearsal saves nothing");

    let answer = city.run(&["import", "organization", &csv]);
    assert_eq!((answer.code, &answer.json["created"]), (4, &2.into()), "{}", answer.words);
    assert_eq!(answer.json["refused"], 3, "{}", answer.json);
    let refused = fs::read_to_string(answer.json["refused_file"].as_str().unwrap()).unwrap();
    let reason = |start: &str| refused.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    assert!(reason("甲").contains("表格软件"), "{refused}");
    assert!(reason("乙").contains("校验"), "{refused}");
    assert!(reason("丙").contains("类别"), "{refused}");
    assert_eq!(total(&city, "organization"), 2);

    let again = city.run(&["import", "organization", &csv]);
    assert_eq!((&again.json["created"], &again.json["unchanged"]), (&0.into(), &2.into()), "{}", again.json);
}

// Wrong: a workbook in which the codes are numbers: the last digits have become zeros, unseen.
#[test]
fn a_code_in_a_numeric_cell_is_refused() {
    let (federation, city) = city();
    let path = federation.path("名册.xlsx");
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (column, heading) in (0..).zip(HEADINGS.split(',')) {
        sheet.write(0, column, heading).unwrap();
        sheet.write(1, column, row(1).split(',').nth(usize::from(column)).unwrap()).unwrap();
        sheet.write(2, column, row(2).split(',').nth(usize::from(column)).unwrap()).unwrap();
    }
    sheet.write(2, 1, 531_000_005_000_216_760_f64).unwrap();
    book.save(&path).unwrap();
    let answer = city.run(&["import", "organization", &path]);
    assert_eq!((answer.code, &answer.json["created"]), (4, &1.into()), "{}", answer.words);
    assert!(answer.json["reasons"].to_string().contains("数字"), "{}", answer.json);
}

// Wrong: a file of another sort is half understood, and fills the register with rubbish.
#[test]
fn files_of_another_shape_are_refused_in_words() {
    let (federation, city) = city();
    const CHARITIES: &str = "registered_charity_number,charity_company_registration_number,charity_name,\
        charity_type,charity_activities,date_of_registration,charity_contact_postcode,charity_contact_web\n\
        1000001,NA,EXAMPLE TRUST,Other,NA,1965-04-29,AB1 2CD,NA\n";
    let good = format!("{HEADINGS}\n{}\n", row(1));
    let broken = [b"PK\x03\x04".as_slice(), &[7; 300]].concat();
    let cases: [(&str, &[u8], &str); 10] = [
        ("charities.csv", CHARITIES.as_bytes(), "统一社会信用代码"),
        ("扫描.pdf", b"%PDF-1.7\n...", "PDF"),
        ("改名.xlsx", b"\x89PNG\r\n\x1a\n....", "图片"),
        ("旧版.xls", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1........", ".xls"),
        ("坏的.xlsx", &broken, "损坏"),
        ("空的.csv", b"", "空的"),
        ("网页.xls", b"<html><table><tr><td>1</td></tr></table></html>", "网页"),
        ("程序.csv", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0", "文件"),
        ("两列.csv", "名称,社会组织名称,统一社会信用代码,类别,状态\n甲,乙,x,y,z\n".as_bytes(), "只留一列"),
        ("行.jsonl", b"{\"name\": \"a\"}\n[1, 2]\n", "第 2 行"),
    ];
    for (name, content, word) in cases {
        let path = file(&federation, name, content);
        refused(&city.run(&["import", "organization", &path]), 4, &[word]);
    }
    refused(&city.run(&["import", "organization", &federation.path("没有.csv")]), 3, &[]);
    let many: String = (0..30).map(|seed| row(seed) + "\n").collect();
    let long = file(&federation, "长.csv", format!("{HEADINGS}\n{many}"));
    refused(&city.run(&["import", "organization", &long, "--row-limit", "20"]), 4, &["20"]);
    assert_eq!(total(&city, "organization"), 0, "of none of them anything was taken");
    assert_eq!(city.run(&["import", "organization", &file(&federation, "好.csv", good)]).code, 0);
}

/// A street's node, and a modified program that calls its district with the street's own certificate.
fn caller() -> (Federation, [Node; 3], SyncClient<Channel>, u64) {
    let (federation, nodes) = Federation::small();
    let [_, district, street] = &nodes;
    street.sync();
    let mut client = sync_client(district, Some(&Papers::of(street)));
    let session = handshake(&mut client, &street.base).unwrap().session;
    (federation, nodes, client, session)
}

/// What a stream of answers brings, and how it ends.
async fn all<T>(answers: Result<Response<Streaming<T>>, Status>) -> (Vec<T>, Option<Status>) {
    let mut heard = Vec::new();
    let mut answers = match answers {
        Ok(answers) => answers.into_inner(),
        Err(refused) => return (heard, Some(refused)),
    };
    loop {
        match answers.message().await {
            Ok(Some(answer)) => heard.push(answer),
            Ok(None) => return (heard, None),
            Err(refused) => return (heard, Some(refused)),
        }
    }
}

/// Pushes batches; what was acknowledged, and how it ended.
fn push(client: &SyncClient<Channel>, batches: Vec<PushBatch>) -> (Vec<PushAck>, Option<Status>) {
    let mut client = client.clone();
    block_on(async { all(client.push(tokio_stream::iter(batches)).await).await })
}

/// Says words of a round; what was answered, and how it ended.
fn round(client: &SyncClient<Channel>, words: Vec<Up>) -> (Vec<Down>, Option<Status>) {
    let mut client = client.clone();
    let words: Vec<RoundUp> = words.into_iter().map(|what| RoundUp { what: Some(what) }).collect();
    let (heard, ended) = block_on(async { all(client.round(tokio_stream::iter(words)).await).await });
    (heard.into_iter().filter_map(|word| word.what).collect(), ended)
}

/// A service record of a street, by hand.
fn record(street: &Node) -> Record {
    let state = Edit::by(&street.base)
        .home(&street.base, &[])
        .set("service_record", "date", "2026-11-20")
        .set("service_record", "sort", "财务指导")
        .set("service_record", "topic", "记账")
        .over(None);
    Record { kind: "service_record".into(), id: new_id().0.to_vec(), state }
}

fn packed(records: Vec<Record>) -> Packed {
    let raw = Records { records, revisions: Vec::new() }.encode_to_vec();
    Packed { zstd: zstd::bulk::compress(&raw, 1).unwrap(), raw_bytes: raw.len() as u32 }
}

fn batch(session: u64, index: u32, records: Packed) -> PushBatch {
    PushBatch { session, index, records: Some(records), ..PushBatch::default() }
}

fn held(node: &Node) -> i64 {
    node.database().number("SELECT count(*) FROM record WHERE kind = 'service_record'")
}

/// Most memory that a process ever used, in KiB.
fn memory_peak_kib(node: &Node) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

// Wrong: one street's faulty program takes the district down, for everybody.
#[test]
fn a_hub_refuses_batches_that_are_too_large_broken_or_bombs() {
    let (_federation, [_city, district, street], client, session) = caller();
    let good = packed(vec![record(&street)]);
    let too_many = packed((0..501).map(|_| record(&street)).collect());
    let cut = Packed { zstd: good.zstd[..good.zstd.len() / 2].to_vec(), ..good.clone() };
    let garbage = Packed { zstd: zstd::bulk::compress(&[0xFF; 100], 1).unwrap(), raw_bytes: 100 };
    let bomb = zstd::bulk::compress(&vec![0; 256 << 20], 19).unwrap();
    let bomb = |raw_bytes| Packed { zstd: bomb.clone(), raw_bytes };
    let huge = Packed { zstd: vec![1; 6 << 20], raw_bytes: 100 };
    let before = memory_peak_kib(&district);
    for (name, records) in [
        ("501 records", too_many),
        ("half of the bytes", cut),
        ("no protobuf", garbage),
        ("a bomb that lies", bomb(1_000)),
        ("a bomb that boasts", bomb(u32::MAX)),
        ("a bomb within the limit", bomb(3 << 20)),
        ("a message of 6 MiB", huge),
    ] {
        let (acks, end) = push(&client, vec![batch(session, 0, records)]);
        let refused = end.unwrap_or_else(|| panic!("{name} is refused"));
        assert_eq!(acks, [], "{name}");
        let codes = [Code::InvalidArgument, Code::OutOfRange, Code::ResourceExhausted];
        assert!(codes.contains(&refused.code()), "{name}: {refused:?}");
    }
    assert!(memory_peak_kib(&district) < before + 64 * 1024, "nothing was unfolded");
    assert_eq!(held(&district), 0);

    let seal = Seal { base: vec![1, 2, 3], ..Seal::default() };
    let odd = PushBatch { session, last: true, seals: vec![seal.clone()], ..PushBatch::default() };
    assert!(push(&client, vec![odd]).1.is_some(), "a seal of no base");
    let many = PushBatch { session, last: true, seals: vec![seal; 10_001], ..PushBatch::default() };
    assert!(push(&client, vec![many]).1.is_some(), "more seals than any city has bases");

    let (acks, end) = push(&client, vec![batch(session, 0, good)]);
    assert!(end.is_none() && acks.len() == 1, "the hub works on: {end:?}");
    assert_eq!(held(&district), 1);
}

// Wrong: one record that cannot be read makes its whole batch wait for ever.
#[test]
fn bad_records_in_a_good_batch_are_kept_aside_one_by_one() {
    let (_federation, [_city, district, street], client, session) = caller();
    let large = Record { state: vec![1; 300 * 1024], ..record(&street) };
    let broken = Record { state: b"not a state".to_vec(), ..record(&street) };
    let strange = Record { kind: "Robert'); DROP TABLE record;--".into(), ..record(&street) };
    let bad = [large, broken, strange];
    let batch = batch(session, 0, packed([&[record(&street)], &bad[..], &[record(&street)]].concat()));
    let (acks, end) = push(&client, vec![batch]);
    assert!(end.is_none(), "{end:?}");
    let refused: Vec<&[u8]> = acks[0].verdicts.iter().map(|verdict| verdict.record.as_slice()).collect();
    assert_eq!(refused, bad.iter().map(|record| record.id.as_slice()).collect::<Vec<_>>());
    assert!(acks[0].verdicts.iter().all(|v| v.reason == "malformed" && !v.detail.is_empty()), "{acks:?}");
    assert_eq!(held(&district), 2, "the others were taken");
    assert_eq!(district.ok(&["status"])["quarantined"], 3);
}

// Wrong: a stream that broke off counts as a whole report, and the figure claims what never came.
#[test]
fn a_stream_that_ends_early_seals_nothing() {
    let (_federation, [_city, district, street], client, session) = caller();
    let sealed = district.report_of(&street)["sealed_up_to_ms"].clone();
    let (acks, _) = push(&client, vec![batch(session, 0, packed(vec![record(&street)]))]);
    assert_eq!(acks.len(), 1, "data that came is data");
    assert_eq!(district.report_of(&street)["sealed_up_to_ms"], sealed, "but nobody said that it was all");
    let base = street.base.parse::<causal::BaseId>().unwrap().0.to_vec();
    let seal = Seal { base, timeline: 1, n: 9, at_ms: u64::MAX / 4, ..Seal::default() };
    let late = PushBatch { session: session ^ 1, last: true, seals: vec![seal], ..PushBatch::default() };
    push(&client, vec![late]);
    assert_eq!(district.report_of(&street)["sealed_up_to_ms"], sealed, "nor did a session that has ended");
}

// Wrong: what two calls refuse comes in by the call that does the work of both.
#[test]
fn a_round_in_one_call_is_as_strict_as_two() {
    let (_federation, [city, district, street], client, _) = caller();
    let greeting = || hello(&street.base);
    let unread = |words| {
        let (_, ended) = round(&client, words);
        assert_eq!(ended.unwrap().code(), Code::InvalidArgument);
    };
    let one = || Up::Batch(batch(0, 0, packed(vec![record(&street)])));
    unread(vec![one(), Up::Hello(greeting())]);
    unread(vec![Up::Hello(greeting()), Up::Hello(greeting())]);
    unread(vec![Up::Hello(greeting()), Up::Batch(batch(0, 0, Packed { zstd: vec![1, 2], raw_bytes: 9 }))]);
    let newer = Hello { protocol: wire::PROTOCOL + 1, protocol_oldest: wire::PROTOCOL + 1, ..greeting() };
    let (heard, refused) = round(&client, vec![Up::Hello(newer), one()]);
    assert!(heard.is_empty() && refused.unwrap().message().contains("请上级升级程序"));
    let (heard, refused) =
        round(&sync_client(&city, Some(&Papers::of(&street))), vec![Up::Hello(greeting()), one()]);
    assert!(heard.is_empty() && refused.unwrap().message().contains("上级节点不是本节点"));
    assert_eq!((held(&district), held(&city)), (0, 0), "nothing of it came in");

    let sealed = district.report_of(&street)["sealed_up_to_ms"].clone();
    // Whatever base and session it names: the certificate and the call say whose they are.
    let named = Hello { base: district.base.parse::<causal::BaseId>().unwrap().0.to_vec(), ..greeting() };
    let other = Up::Batch(batch(77, 0, packed(vec![record(&street)])));
    let (heard, ended) = round(&client, vec![Up::Hello(named), other]);
    assert!(ended.is_none(), "{ended:?}");
    assert!(matches!(&heard[..], [Down::Welcome(_), Down::Ack(ack)] if ack.verdicts.is_empty()), "{heard:?}");
    assert_eq!(held(&district), 1, "data that came is data");
    assert_eq!(district.report_of(&street)["sealed_up_to_ms"], sealed, "but nobody said that it was all");
    assert_eq!(street.sync()["refused"], 0, "the street itself goes on");
}

// Wrong: one report with a wrong clock, or by a lying program, and the figure says "complete" for years to come.
#[test]
fn a_seal_of_the_future_or_of_others_is_not_believed() {
    let (_federation, [_city, district, street], client, session) = caller();
    let bytes = |node: &Node| node.base.parse::<causal::BaseId>().unwrap().0.to_vec();
    let seal =
        |base, timeline| Seal { base, timeline, n: 1_000, at_ms: 4_000_000_000_000, ..Seal::default() };
    let seals = vec![seal(bytes(&district), 7), seal(bytes(&street), 7)];
    push(&client, vec![PushBatch { session, last: true, seals, ..PushBatch::default() }]);
    let of_district = format!("SELECT count(*) FROM seal WHERE base = x'{}' AND timeline = 7", district.base);
    assert_eq!(district.database().number(&of_district), 0, "a street speaks for itself alone");
    let mark = &district.figure("service_record")["watermark"];
    let claimed = mark["complete_up_to_ms"].as_u64().unwrap();
    assert!(
        claimed <= mark["computed_at_ms"].as_u64().unwrap(),
        "nothing is complete up to the future: {mark}"
    );
    street.sync();
    let told = district.report_of(&street)["sealed_up_to_ms"].as_u64().unwrap();
    assert!(
        told <= district.ok(&["status"])["now_ms"].as_u64().unwrap(),
        "and the next honest report counts"
    );
}

// Wrong: two servers write to one database, or the second one breaks the first.
#[test]
fn a_second_server_on_the_folder_is_refused() {
    let (_federation, city) = city();
    let answer = city.fails(8, &["serve"]);
    assert_eq!(answer.error(), "in_use");
    assert_eq!(put_organization(&city, &code(1), &[]).code, 0, "the first one works on");
    city.kill();
    city.serve();
    assert_eq!(total(&city, "organization"), 1, "a server that died leaves no lock behind");
}

// Wrong: a misspelt setting is passed over, and a street that meant to be quiet at night is not.
#[test]
fn settings_are_checked_at_start() {
    let (_federation, city) = city();
    city.stop();
    let good = city.folder.read("shuniu.toml");
    for (bad, word) in [
        ("lisen = \"0.0.0.0:1\"\n", "lisen"),
        ("listen = 7443\n", "shuniu.toml"),
        ("[sync]\nat = [\"25:00\"]\n", "25:00"),
        ("[[[\n", "shuniu.toml"),
    ] {
        fs::write(city.folder.path().join("shuniu.toml"), bad).unwrap();
        let answer = city.fails(4, &["serve"]);
        assert!(answer.message().contains(word), "{word}: {}", answer.message());
    }
    fs::write(city.folder.path().join("shuniu.toml"), good).unwrap();
    city.serve();
}

/// A small file system of its own; gone with it.
struct Disk(PathBuf);

impl Disk {
    fn mount(path: &Path, mib: u32) -> Disk {
        fs::create_dir_all(path).unwrap();
        let size = format!("size={mib}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).status();
        assert!(
            mounted.is_ok_and(|status| status.success()),
            "this test needs a disk that can be filled: it mounts a tmpfs, which needs root (CAP_SYS_ADMIN). Run the \
             tests as root, in a container with --cap-add SYS_ADMIN, or under `unshare --map-root-user --mount`."
        );
        Disk(path.to_owned())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: whatever still has a file open there is about to end.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

// Wrong: a full disk at a street costs what was saved before, or says "saved" of what was not.
#[test]
fn a_full_disk_loses_nothing_that_was_saved() {
    const MIB: u32 = 8;
    const ROWS: u64 = 400;
    let federation = Federation::new();
    let city = federation.root("市基地", "440300");
    federation.register(&city, &[["440303", "罗湖区", "district", "440300"]]);
    let disk = Disk::mount(Path::new(&federation.path("440303")), MIB);
    let district = federation.join(&city, "罗湖区", "440303");
    district.serve();
    let ballast = district.folder.path().join("ballast");
    fs::write(&ballast, vec![0; 3 << 20]).unwrap();

    let rows =
        |part: u64| -> String { (part * ROWS..(part + 1) * ROWS).map(|seed| row(seed) + "\n").collect() };
    let name = |part: u64| file(&federation, &format!("{part}.csv"), format!("{HEADINGS}\n{}", rows(part)));
    let mut part = 0;
    let full = until("the disk is full", || {
        let answer = district.run(&["import", "organization", &name(part)]);
        if answer.code != 0 {
            return Some(answer);
        }
        part += 1;
        None
    });
    refused(&full, 9, &["磁盘"]);
    assert_eq!(full.error(), "disk_full");
    assert!(part > 0, "the disk was large enough for something");
    let saved = total(&district, "organization");
    assert!(saved >= part * ROWS, "what was reported as saved is there: {saved} of {}", part * ROWS);
    for seed in (0..part * ROWS).step_by(97) {
        assert!(district.has("organization", &code(seed)), "row {seed} is there");
    }
    let answer = put_organization(&district, &code(999_999), &["scope=", "address=红荔路1号"]);
    assert!(
        [0, 9].contains(&answer.code),
        "saved, or refused: {} {} {}",
        answer.code,
        answer.words,
        district.log()
    );
    assert_eq!(district.has("organization", &code(999_999)), answer.code == 0, "and it is as it was said");

    fs::remove_file(&ballast).unwrap();
    let answer = district.run(&["import", "organization", &name(part)]);
    assert_eq!(answer.code, 0, "with room again it works on: {}", answer.words);
    district.sync();
    assert_eq!(total(&city, "organization"), total(&district, "organization"));
    assert!(city.database().states("organization") == district.database().states("organization"));
    district.kill();
    drop(disk);
}

// Wrong: a street with a modified program keeps its district busy with what it must refuse, and the others wait.
#[test]
fn a_child_that_sends_what_cannot_be_taken_is_slowed_down_and_others_are_not() {
    let (federation, [city, district, hostile]) = Federation::small();
    federation.register(&city, &[["440303002", "黄贝街道", "street", "440303"]]);
    district.sync();
    let other = federation.join(&district, "黄贝街道", "440303002");
    other.serve();
    hostile.sync();
    other.sync();
    let mut client = sync_client(&district, Some(&Papers::of(&hostile)));
    let session = handshake(&mut client, &hostile.base).unwrap().session;
    let bad = || Record { state: b"not a state".to_vec(), ..record(&hostile) };
    let batches: Vec<PushBatch> =
        (0..40).map(|index| batch(session, index, packed((0..100).map(|_| bad()).collect()))).collect();
    let (acks, end) = push(&client, batches);
    let end = end.expect("it does not go on for ever");
    assert_eq!(end.code(), Code::ResourceExhausted, "{end:?}");
    assert!(acks.len() >= 6 && acks.len() < 40, "what was looked at is answered: {}", acks.len());
    for part in ["条记录被退回", "放慢", "以后再接收", "都在本机"] {
        assert!(end.message().contains(part), "{part}: {}", end.message());
    }

    // It is let in less often; what is honest of it waits, and is told why.
    let kept = other.put(&["service_record", "date=2026-11-20", "sort=财务指导", "topic=甲街道"]);
    let waits = hostile.put(&["service_record", "date=2026-11-20", "sort=财务指导", "topic=乙街道"]);
    let refused = hostile.fails(16, &["sync"]);
    assert_eq!(refused.error(), "slowed");
    assert!(refused.message().contains("放慢"), "{}", refused.message());
    assert_eq!(other.sync()["pushed"], 1, "the others are let in as ever");
    assert!(district.has("service_record", &kept) && !district.has("service_record", &waits));

    let words = district.folder.words(&["status"]);
    let told = words.lines().find(|line| line.starts_with("! 桂园街道")).unwrap_or_default();
    assert!(told.contains("条记录被退回") && told.contains("已放慢"), "{words}");
    assert!(!words.contains("! 黄贝街道"), "{words}");
    let words = district.folder.words(&["doctor"]);
    assert!(words.contains("桂园街道：一小时内有"), "{words}");
    let words = hostile.folder.words(&["status"]);
    assert!(words.contains("放慢"), "at the street too: {words}");
}
