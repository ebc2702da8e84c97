//! J: a cold start with many records.

use super::Bench;
use crate::bare;
use crate::measure::{figure, ms, percentile};

/// Starts of which the median is told.
const STARTS: usize = 5;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let pair = bench.large().await?;
    let (mut took, mut floor) = (Vec::new(), Vec::new());
    let mut memory: f64 = 0.0;
    for _ in 0..STARTS {
        pair.street.restart().await?;
        took.push(pair.street.process()?.start);
        memory = memory.max(pair.street.process()?.peak_mib()?);
        let began = std::time::Instant::now();
        bare::look(&pair.street.database())?.query_row("SELECT n FROM counter", [], |_| Ok(()))?;
        floor.push(began.elapsed());
    }
    figure('J', "start_p50", ms(percentile(&mut took, 0.5)), "ms", Some(ms(percentile(&mut floor, 0.5))));
    figure('J', "start_peak", memory, "MiB", None);
    Ok(())
}
