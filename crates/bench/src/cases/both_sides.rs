//! G: records edited at both ends, then synced; every loser is kept.

use anyhow::ensure;

use super::Bench;
use crate::bare::{self, Bare};
use crate::federation::Pair;
use crate::measure::figure;
use crate::records::KIND;

/// Records edited.
const COUNT: u64 = 10_000;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let count = bench.scaled(COUNT);
    let folder = bench.new_folder("both-sides");
    let pair = Pair::synced(&folder, count).await?;
    pair.city.edit(&pair.ids, "市里所填").await?;
    pair.street.edit(&pair.ids, "街道所填").await?;
    let database = pair.city.database();
    let before = bare::rows(&database, "record", "true")?;
    let history = bare::count(&database, "revision")?;
    let cpu = pair.cpu()?;
    let round = pair.street.push(count).await?;
    let cpu = pair.cpu_since(cpu)?;

    for node in [&pair.city, &pair.street] {
        let disputed = node.count(KIND, true).await?;
        ensure!(disputed == count, "{disputed} of {count} records keep both values");
    }
    let (city, street) = (states(&database)?, states(&pair.street.database())?);
    ensure!(city == street, "both ends hold the same states");

    let mut floor = Bare::like(&database, &folder.join("bare.db"))?;
    floor.write("record", &before)?;
    let after = bare::rows(&database, "record", "true")?;
    let revisions = bare::rows(&database, "revision", &format!("rowid > {history}"))?;
    let floor = (floor.write("record", &after)? + floor.write("revision", &revisions)?) * 2;
    figure('G', "seconds", round.took.as_secs_f64(), "s", Some(floor.as_secs_f64()));
    figure('G', "child_cpu", cpu.street.as_secs_f64() * 1e6 / count as f64, "us/record", None);
    figure('G', "parent_cpu", cpu.city.as_secs_f64() * 1e6 / count as f64, "us/record", None);
    figure('G', "losers_kept", count as f64, "records", None);
    pair.stop().await
}

/// The states of all records of the case, in order of id.
fn states(database: &std::path::Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let connection = bare::look(database)?;
    let sql = format!("SELECT state FROM record WHERE kind = '{KIND}' ORDER BY id");
    let mut statement = connection.prepare(&sql)?;
    let states = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(states)
}
