//! I: what a person at the desk waits for: a save, a page of a list, an import.

use std::time::Instant;

use anyhow::ensure;
use sheet::WriteOptions;
use wire::record::{Comparison, Filter, ListRequest};

use super::Bench;
use crate::bare::{self, Bare};
use crate::federation::{Pair, Put};
use crate::measure::{figure, ms, percentile};
use crate::records::{self, KIND, PLACES, REGISTER_HEADINGS, REGISTER_KIND};

/// Saves measured.
const SAVES: u64 = 300;
/// Pages measured, over all places.
const PAGES: usize = 60;
/// Records of a page.
const PAGE: u32 = 50;
/// Rows of the imported file.
const ROWS: u64 = 20_000;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let (saves, rows) = (bench.scaled(SAVES).max(10), bench.scaled(ROWS));
    let folder = bench.new_folder("desk");
    std::fs::create_dir_all(&folder)?;
    let pair = bench.large().await?;
    save(pair, &folder, saves).await?;
    page(pair, &folder).await?;
    import(pair, &folder, rows).await
}

async fn save(pair: &Pair, folder: &std::path::Path, saves: u64) -> anyhow::Result<()> {
    let street = &pair.street;
    let first = pair.ids.len() as u64 * 2;
    let mut took = Vec::new();
    for n in first..first + saves {
        let new = Put { id: String::new(), fields: records::profile(n, &street.base) };
        let began = Instant::now();
        street.put(KIND, vec![new]).await?;
        took.push(began.elapsed());
    }
    street.push(saves).await?;
    let database = street.database();
    let mut bare = Bare::like(&database, &folder.join("save.db"))?;
    let condition = format!("seq > (SELECT max(seq) FROM record) - {saves}");
    let mut floor = bare.write_each("record", &bare::rows(&database, "record", &condition)?)?;
    for (name, part) in [("save_p50", 0.5), ("save_p99", 0.99)] {
        figure('I', name, ms(percentile(&mut took, part)), "ms", Some(ms(percentile(&mut floor, part))));
    }
    Ok(())
}

async fn page(pair: &Pair, folder: &std::path::Path) -> anyhow::Result<()> {
    let street = &pair.street;
    let database = street.database();
    let mut bare = Bare::like(&database, &folder.join("page.db"))?;
    bare.write("record", &bare::rows(&database, "record", "true")?)?;
    let (mut took, mut floor) = (Vec::new(), Vec::new());
    for at in 0..PAGES {
        let place = PLACES[at % PLACES.len()];
        let filter =
            Filter { field: "place".into(), comparison: Comparison::Equals.into(), value: place.into() };
        let request =
            ListRequest { kind: KIND.into(), filters: vec![filter], limit: PAGE, ..ListRequest::default() };
        let began = Instant::now();
        let answer = street.list(request).await?;
        took.push(began.elapsed());
        ensure!(answer.total > 0 || pair.ids.len() < PLACES.len() * 10, "a place without records");
        let of_place =
            format!("FROM record WHERE kind = '{KIND}' AND hidden = 0 AND place = '{place}' AND deleted = 0");
        let page = bare.ask(&format!("SELECT state {of_place} ORDER BY title LIMIT {PAGE}"))?;
        floor.push(page + bare.ask(&format!("SELECT count(*) {of_place}"))?);
    }
    figure('I', "page_p50", ms(percentile(&mut took, 0.5)), "ms", Some(ms(percentile(&mut floor, 0.5))));
    Ok(())
}

async fn import(pair: &Pair, folder: &std::path::Path, rows: u64) -> anyhow::Result<()> {
    let file = register(folder, rows)?;
    let street = &pair.street;
    let began = Instant::now();
    let report = street.import(REGISTER_KIND, "register.xlsx", &file, rows as u32).await?;
    let took = began.elapsed();
    ensure!(report.created == rows, "{} of {rows} rows became records", report.created);
    let database = street.database();
    let written = bare::rows(&database, "record", &format!("kind = '{REGISTER_KIND}'"))?;
    let floor = Bare::like(&database, &folder.join("import.db"))?.write("record", &written)?;
    figure('I', "import_seconds", took.as_secs_f64(), "s", Some(floor.as_secs_f64()));
    Ok(())
}

/// The register as a spreadsheet.
fn register(folder: &std::path::Path, rows: u64) -> anyhow::Result<Vec<u8>> {
    let path = folder.join("register.xlsx");
    let headings = REGISTER_HEADINGS.map(str::to_owned);
    let rows = (0..rows).map(|n| records::register_row(n).to_vec());
    sheet::write_table(&path, &headings, rows, &WriteOptions::default())?;
    Ok(std::fs::read(path)?)
}
