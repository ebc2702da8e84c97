//! How many new records a second the store takes: `cargo run --release -p store --example apply`.
//!
//! As at a parent to which a street sends everything for the first time: transactions of 8,000 records of some
//! 650 bytes with ids at random places, durable at each commit.

#![allow(clippy::print_stdout, reason = "it is a measurement")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use schema::Schema;
use store::contract::{Sample, base};
use store::{Engine, FigureQuery, GroupBy, Opening, OrderBy, Query, Read, Store, Write};
use sync::{Changes, NewRow, TimelineId, limits::TRANSACTION_RECORDS};

const RECORDS: u64 = 100_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = match std::env::args().nth(1) {
        Some(folder) => folder.into(),
        None => std::env::current_dir()?.join("target/apply-example"),
    };
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let schema = Arc::new(Schema::embedded().clone());
    let rows: Vec<NewRow> = (0..RECORDS).map(|n| resource(&schema, n)).collect();
    let bytes: usize = rows.iter().map(|new| new.row.state.len()).sum();
    println!("{} bytes a record", bytes as u64 / RECORDS);

    let store = Store::open(&folder, schema, Opening { now_ms: 1, timeline: TimelineId(1) }).await?;
    apply(&store, "new", rows.clone()).await?;
    let changed = (1..).zip(rows).map(|(seq, mut new)| {
        new.row.seq = seq;
        new
    });
    apply(&store, "overwritten", changed.collect()).await?;
    ask(&store).await?;
    let begun = Instant::now();
    store.index_words().await?;
    println!("indexed: {:.0}/s", RECORDS as f64 / begun.elapsed().as_secs_f64());
    ask(&store).await?;
    save_singly(&store).await?;
    let log = std::fs::metadata(folder.join("shuniu.db-wal"))?.len();
    store.checkpoint().await?;
    let file = std::fs::metadata(folder.join("shuniu.db"))?.len();
    println!("file {} MiB, log {} MiB", file >> 20, log >> 20);
    store.close().await;
    Ok(())
}

fn resource(schema: &Schema, n: u64) -> NewRow {
    let rules = "使用前请与值班人员联系，使用后恢复原状；贵重设备不得带出，损坏照价赔偿。".repeat(4);
    let sample = Sample::new(schema, "shared_resource", n).home(base((n % 30) as u8));
    let sample = sample.with("name", &format!("东城街道第{n}号会议室")).with("sort", "场地");
    let sample = sample.with("place", &format!("4419000{:02}000", n % 30)).with("capacity", "50");
    sample
        .with("address", &format!("莞太路{n}号A座三楼"))
        .with("equipment", "投影仪、音响、白板、空调")
        .with("rules", &rules)
        .build()
}

async fn apply(store: &Store, what: &str, rows: Vec<NewRow>) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    for chunk in rows.chunks(TRANSACTION_RECORDS) {
        let changes = Changes { rows: chunk.to_vec(), ..Changes::default() };
        let mut tx = store.begin().await?;
        tx.apply(&changes).await?;
        tx.commit().await?;
    }
    println!("{what}: {:.0} records/s", rows.len() as f64 / begun.elapsed().as_secs_f64());
    Ok(())
}

async fn ask(store: &Store) -> Result<(), Box<dyn Error>> {
    let list = Query { kind: "shared_resource".into(), limit: 50, ..Query::default() };
    let place = Query {
        place_prefix: Some("441900007".into()),
        order: vec![(OrderBy::Title, false)],
        ..list.clone()
    };
    let words = Query { text: Some("12345号会议".into()), ..list.clone() };
    for (what, query) in [("latest", list), ("a place by title", place), ("two words", words)] {
        let mut snapshot = store.snapshot().await?;
        let begun = Instant::now();
        let page = snapshot.list(&query).await?;
        println!("list, {what}: {:.1} ms, {} in all", begun.elapsed().as_secs_f64() * 1e3, page.total);
    }
    let by_class =
        FigureQuery { kind: "shared_resource".into(), group_by: vec![GroupBy::Class], ..Default::default() };
    let mut snapshot = store.snapshot().await?;
    let begun = Instant::now();
    let rows = snapshot.figure(&by_class).await?;
    println!("figure by home and class: {:.1} ms, {} rows", begun.elapsed().as_secs_f64() * 1e3, rows.len());
    Ok(())
}

async fn save_singly(store: &Store) -> Result<(), Box<dyn Error>> {
    let schema = store.schema();
    let mut taken = Vec::new();
    for n in 0..500 {
        let rows = vec![resource(&schema, RECORDS + n)];
        let begun = Instant::now();
        let mut tx = store.begin().await?;
        tx.saved_at(n).await?;
        tx.apply(&Changes { rows, ..Changes::default() }).await?;
        tx.commit().await?;
        taken.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    taken.sort_by(f64::total_cmp);
    println!("one save: p50 {:.2} ms, p99 {:.2} ms", taken[250], taken[495]);
    Ok(())
}
