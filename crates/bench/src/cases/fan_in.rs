//! F: many children at once into one hub.

use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::task::JoinSet;

use super::Bench;
use crate::bare::{self, Bare};
use crate::federation::{Node, Plan, root};
use crate::measure::figure;
use crate::records::KIND;

/// Children.
const CHILDREN: u64 = 50;
/// Records of each.
const EACH: u64 = 2_000;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let (count, each) = (bench.scaled(CHILDREN).max(3), bench.scaled(EACH));
    let folder = bench.new_folder("fan-in");
    let mut city = root(&folder.join("city")).await?;
    let mut children = Vec::new();
    for number in 0..count {
        let plan = Plan::street(&format!("4403{:05}", 4_001 + number));
        city.register(&plan, "440300").await?;
        let mut child = city.adopt(&plan, &folder.join(&plan.code)).await?;
        child.fill(number * each, each).await?;
        child.restart().await?;
        children.push(child);
    }
    city.restart().await?;

    let (began, cpu) = (Instant::now(), processor(&city, &children)?);
    let (children, failed) = sync_all(children, each).await?;
    let (took, cpu_after) = (began.elapsed(), processor(&city, &children)?);
    let held = city.count(KIND, false).await?;
    ensure!(failed == 0, "{failed} children failed");
    ensure!(held == count * each, "{held} of {} records arrived", count * each);
    let peak = city.process()?.peak_mib()?;

    let database = city.database();
    let rows = bare::rows(&database, "record", "true")?;
    let floor = Bare::like(&database, &folder.join("bare.db"))?.write("record", &rows)?;
    figure('F', "seconds", took.as_secs_f64(), "s", Some(floor.as_secs_f64()));
    let a_record = |used: Duration| used.as_secs_f64() * 1e6 / (count * each) as f64;
    figure('F', "children_cpu", a_record(cpu_after.1 - cpu.1), "us/record", None);
    figure('F', "hub_cpu", a_record(cpu_after.0 - cpu.0), "us/record", None);
    figure('F', "failed", failed as f64, "children", None);
    figure('F', "hub_peak", peak, "MiB", None);
    for mut child in children {
        child.stop().await?;
    }
    city.stop().await
}

/// How much time of a processor the hub has used so far, and all children together.
fn processor(hub: &Node, children: &[Node]) -> anyhow::Result<(Duration, Duration)> {
    let all = children.iter().map(|child| child.process()?.cpu());
    Ok((hub.process()?.cpu()?, all.sum::<anyhow::Result<Duration>>()?))
}

/// All of them sync at the same time; says how many failed.
async fn sync_all(children: Vec<Node>, each: u64) -> anyhow::Result<(Vec<Node>, u64)> {
    let mut rounds = JoinSet::new();
    for child in children {
        rounds.spawn(async move {
            let round = child.push(each).await;
            (child, round)
        });
    }
    let (mut children, mut failed) = (Vec::new(), 0);
    while let Some(ended) = rounds.join_next().await {
        let (child, round) = ended?;
        if let Err(error) = round {
            crate::measure::remark(&format!("a child failed: {error:#}"));
            failed += 1;
        }
        children.push(child);
    }
    Ok((children, failed))
}
