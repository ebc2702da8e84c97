//! H: many idle children that watch one hub. They are real nodes with identities of their own, but one process serves
//! them all: only the hub is measured.

use std::time::{Duration, Instant};

use anyhow::ensure;

use super::Bench;
use crate::federation::{Node, Plan, root};
use crate::measure::figure;
use crate::process::Process;

/// Children.
const CHILDREN: u64 = 256;
/// How long they are left alone.
const IDLE: Duration = Duration::from_secs(30);
/// Joining tells everybody of everybody's address: the case begins when the hub has been quiet for so long.
const QUIET: Duration = Duration::from_secs(3);
/// It is quiet when it used less than this share of that time.
const QUIET_SHARE: f64 = 0.02;
/// A hub that is not quiet by then is measured as it is.
const SETTLE_MAX: Duration = Duration::from_secs(180);

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let count = bench.scaled(CHILDREN).max(3);
    // A smoke test need not wait for long; nothing of it is a figure.
    let (quiet, idle) = (bench.scaled_time(QUIET), bench.scaled_time(IDLE));
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
    let settled = settle(&city, count, quiet).await?;
    let before = city.process()?.cpu()?;
    tokio::time::sleep(idle).await;
    let used = city.process()?.cpu()? - before;
    let (resident, peak) = (city.process()?.resident_mib()?, city.process()?.peak_mib()?);
    let watching = city.children_that_came().await?;
    ensure!(watching == count, "{watching} of {count} children came");
    figure('H', "hub_settled", settled.as_secs_f64(), "s", None);
    figure('H', "hub_memory", resident, "MiB", Some(alone));
    figure('H', "hub_peak", peak, "MiB", None);
    figure('H', "hub_cpu", used.as_secs_f64() / idle.as_secs_f64() * 100.0, "%", None);
    children.stop().await?;
    city.stop().await
}

/// Waits until all children came and the hub is quiet; answers with how long that took.
async fn settle(hub: &Node, children: u64, quiet: Duration) -> anyhow::Result<Duration> {
    let began = Instant::now();
    loop {
        let before = hub.process()?.cpu()?;
        tokio::time::sleep(quiet).await;
        let used = (hub.process()?.cpu()? - before).as_secs_f64() / quiet.as_secs_f64();
        let is_quiet = used < QUIET_SHARE && hub.children_that_came().await? == children;
        if is_quiet || began.elapsed() > SETTLE_MAX {
            return Ok(began.elapsed());
        }
    }
}
