//! D: a round with nothing new; it must not depend on how much is held.

use std::time::Duration;

use super::Bench;
use crate::bare::{self, Bare};
use crate::federation::Pair;
use crate::measure::{figure, ms, percentile};

/// Records of the small pair.
const SMALL: u64 = 1_000;
/// Rounds of which the median is told.
const ROUNDS: u64 = 50;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let folder = bench.new_folder("idle-round");
    let small = Pair::synced(&folder, bench.scaled(SMALL)).await?;
    let floor = floor(&small, &folder)?;
    measure(&small, "small", floor).await?;
    small.stop().await?;
    measure(bench.large().await?, "large", floor).await
}

async fn measure(pair: &Pair, size: &str, floor: Duration) -> anyhow::Result<()> {
    pair.street.push(0).await?;
    let (before, cpu) = (pair.street.wire_bytes(), pair.cpu()?);
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        took.push(pair.street.push(0).await?.took);
    }
    let cpu = pair.cpu_since(cpu)?;
    let bytes = (pair.street.wire_bytes() - before) as f64 / ROUNDS as f64;
    figure('D', &format!("{size}_p50"), ms(percentile(&mut took, 0.5)), "ms", Some(ms(floor)));
    figure('D', &format!("{size}_child_cpu"), ms(cpu.street) / ROUNDS as f64, "ms", None);
    figure('D', &format!("{size}_parent_cpu"), ms(cpu.city) / ROUNDS as f64, "ms", None);
    figure('D', &format!("{size}_wire"), bytes, "B", None);
    Ok(())
}

/// A round leaves a seal at both ends: two durable commits.
fn floor(pair: &Pair, folder: &std::path::Path) -> anyhow::Result<Duration> {
    let database = pair.city.database();
    let rows = bare::rows(&database, "record", "true")?;
    let mut took = Bare::like(&database, &folder.join("bare.db"))?.write_each("record", &rows)?;
    Ok(percentile(&mut took, 0.5) * 2)
}
