//! C: one edit seen one and two levels up while all nodes watch, durable at each.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rusqlite::Connection;

use super::Bench;
use crate::bare::{self, Bare};
use crate::federation::{Plan, Put, root};
use crate::measure::{figure, ms, percentile};
use crate::records::{self, KIND};

/// Edits measured.
const EDITS: u64 = 300;
/// An edit that is not there by then is lost.
const SEEN_TIMEOUT: Duration = Duration::from_secs(30);
/// Between two looks: short beside what is measured, long enough to leave the processor to the nodes.
const LOOK_EVERY: Duration = Duration::from_micros(100);

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let edits = bench.scaled(EDITS).max(5);
    let folder = bench.new_folder("live");
    let mut city = root(&folder.join("city")).await?;
    let district_plan = Plan { live: true, ..Plan::district("440303") };
    let street_plan = Plan { live: true, ..Plan::street("440303001") };
    city.register(&district_plan, "440300").await?;
    city.register(&street_plan, "440303").await?;
    let mut district = city.adopt(&district_plan, &folder.join("district")).await?;
    let mut street = district.adopt(&street_plan, &folder.join("street")).await?;

    let (mut one, mut two) = (Vec::new(), Vec::new());
    // Opened once: reading the layout takes longer than what is measured.
    let mut eyes = (bare::look(&district.database())?, bare::look(&city.database())?);
    for n in 0..edits {
        let new = Put { id: String::new(), fields: records::profile(n, &street.base) };
        let near = tokio::task::spawn_blocking(move || seen_at(eyes.0, n + 1));
        let far = tokio::task::spawn_blocking(move || seen_at(eyes.1, n + 1));
        let began = Instant::now();
        street.put(KIND, vec![new]).await?;
        let (near, far) = (near.await??, far.await??);
        one.push(near.1.duration_since(began));
        two.push(far.1.duration_since(began));
        eyes = (near.0, far.0);
    }

    let floor = floor(&city.database(), folder.join("bare.db"))?;
    for (hops, mut took) in [(2, one), (3, two)] {
        for (name, part) in [("p50", 0.5), ("p99", 0.99)] {
            let floor = ms(percentile(&mut floor.clone(), part)) * f64::from(hops);
            let name = if hops == 2 { format!("one_hop_{name}") } else { format!("two_hops_{name}") };
            figure('C', &name, ms(percentile(&mut took, part)), "ms", Some(floor));
        }
    }
    street.stop().await?;
    district.stop().await?;
    city.stop().await
}

/// When the database holds so many records of the case. What another connection sees is committed, so durable.
fn seen_at(connection: Connection, count: u64) -> anyhow::Result<(Connection, Instant)> {
    wait_until_held(&connection, count)?;
    Ok((connection, Instant::now()))
}

fn wait_until_held(connection: &Connection, count: u64) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut statement = connection.prepare("SELECT count(*) FROM record WHERE kind = ?")?;
    // It tells whether another connection has committed, for much less than counting costs.
    let mut version = connection.prepare("PRAGMA data_version")?;
    let mut counted_at = None;
    loop {
        let at: i64 = version.query_row([], |row| row.get(0))?;
        if counted_at.replace(at) != Some(at) {
            let held: i64 = statement.query_row([KIND], |row| row.get(0))?;
            if held >= count as i64 {
                return Ok(());
            }
        }
        ensure!(began.elapsed() < SEEN_TIMEOUT, "an edit did not arrive");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// One durable commit; each node that an edit passes makes at least one.
fn floor(database: &Path, at: PathBuf) -> anyhow::Result<Vec<Duration>> {
    let rows = bare::rows(database, "record", &format!("kind = '{KIND}'"))?;
    let took = Bare::like(database, &at)?.write_each("record", &rows)?;
    took.first().context("no record arrived")?;
    Ok(took)
}
