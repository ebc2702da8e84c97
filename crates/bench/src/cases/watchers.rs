//! H: many idle children that watch one hub. They are real nodes with identities of their own, but one process serves
//! them all: only the hub is measured.

use std::time::Duration;

use anyhow::ensure;

use super::Bench;
use crate::federation::{Plan, root};
use crate::measure::figure;
use crate::process::Process;

/// Children.
const CHILDREN: u64 = 256;
/// How long they are left alone.
const IDLE: Duration = Duration::from_secs(30);
/// After starting, until the first rounds have ended.
const SETTLE: Duration = Duration::from_secs(10);

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let count = bench.scaled(CHILDREN).max(3);
    // A smoke test need not wait for long; nothing of it is a figure.
    let (settle, idle) = (bench.scaled_time(SETTLE), bench.scaled_time(IDLE));
    let folder = bench.new_folder("watchers");
    let mut city = root(&folder.join("city")).await?;
    let mut folders = Vec::new();
    for number in 0..count {
        let plan = Plan { live: true, ..Plan::street(&format!("4403{:05}", 4_001 + number)) };
        city.register(&plan, "440300").await?;
        folders.push(city.invite(&plan, &folder.join(&plan.code)).await?.folder);
    }
    city.restart().await?;
    let alone = city.process()?.resident_mib()?;
    let children = Process::start_all(&folders).await?;
    tokio::time::sleep(settle).await;
    let before = city.process()?.cpu()?;
    tokio::time::sleep(idle).await;
    let used = city.process()?.cpu()? - before;
    let (resident, peak) = (city.process()?.resident_mib()?, city.process()?.peak_mib()?);
    let watching = city.children_that_came().await?;
    ensure!(watching == count, "{watching} of {count} children came");
    figure('H', "hub_memory", resident, "MiB", Some(alone));
    figure('H', "hub_peak", peak, "MiB", None);
    figure('H', "hub_cpu", used.as_secs_f64() / idle.as_secs_f64() * 100.0, "%", None);
    children.stop().await?;
    city.stop().await
}
