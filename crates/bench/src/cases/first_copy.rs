//! A: the first copy of a street's records to its parent.

use anyhow::ensure;

use super::{Bench, LARGE};
use crate::bare::{self, Bare};
use crate::federation::Pair;
use crate::measure::figure;
use crate::records::KIND;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let count = bench.scaled(LARGE);
    let folder = bench.new_folder("first-copy");
    let pair = Pair::filled(&folder, count).await?;
    let before = pair.street.wire_bytes();
    let cpu = pair.cpu()?;
    let round = pair.street.push(count).await?;
    let cpu = pair.cpu_since(cpu)?;
    let bytes = pair.street.wire_bytes() - before;
    let (child, parent) = (pair.street.process()?.peak_mib()?, pair.city.process()?.peak_mib()?);
    let held = pair.city.count(KIND, false).await?;
    ensure!(held == count, "{held} of {count} records arrived");

    let database = pair.city.database();
    let rows = bare::rows(&database, "record", "true")?;
    let mut floor = Bare::like(&database, &folder.join("bare.db"))?;
    let floor = rows.len() as f64 / floor.write("record", &rows)?.as_secs_f64();
    figure('A', "records_per_s", count as f64 / round.took.as_secs_f64(), "1/s", Some(floor));
    figure('A', "wire_per_record", bytes as f64 / count as f64, "B", None);
    figure('A', "child_cpu", cpu.street.as_secs_f64() * 1e6 / count as f64, "us/record", None);
    figure('A', "parent_cpu", cpu.city.as_secs_f64() * 1e6 / count as f64, "us/record", None);
    figure('A', "child_peak", child, "MiB", None);
    figure('A', "parent_peak", parent, "MiB", None);
    pair.street.sync().await?;
    if bench.large.is_none() {
        bench.large = Some(pair);
        return Ok(());
    }
    pair.stop().await
}
