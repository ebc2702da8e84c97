//! E: records over two hops, street to district to city.

use anyhow::ensure;

use super::Bench;
use crate::bare::{self, Bare};
use crate::federation::{Plan, root};
use crate::measure::figure;
use crate::records::KIND;

/// Records that travel.
const COUNT: u64 = 10_000;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let count = bench.scaled(COUNT);
    let folder = bench.new_folder("two-hops");
    let mut city = root(&folder.join("city")).await?;
    let (district_plan, street_plan) = (Plan::district("440303"), Plan::street("440303001"));
    city.register(&district_plan, "440300").await?;
    city.register(&street_plan, "440303").await?;
    let mut district = city.adopt(&district_plan, &folder.join("district")).await?;
    let mut street = district.adopt(&street_plan, &folder.join("street")).await?;
    street.fill(0, count).await?;
    street.restart().await?;
    // The street's joining, too, is told further up; it is no part of the case.
    district.sync().await?;

    let first = street.push(count).await?;
    let second = district.push(count).await?;
    let held = city.count(KIND, false).await?;
    ensure!(held == count, "{held} of {count} records arrived");

    let database = city.database();
    let rows = bare::rows(&database, "record", "true")?;
    let floor = Bare::like(&database, &folder.join("bare.db"))?.write("record", &rows)? * 2;
    figure('E', "seconds", (first.took + second.took).as_secs_f64(), "s", Some(floor.as_secs_f64()));
    street.stop().await?;
    district.stop().await?;
    city.stop().await
}
