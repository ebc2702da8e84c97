//! B: some records changed of many.

use super::Bench;
use crate::bare::{self, Bare};
use crate::measure::figure;

/// Records that change, of the 100,000.
const CHANGED: u64 = 1_000;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let changed = bench.scaled(CHANGED) as usize;
    let folder = bench.new_folder("changed");
    let pair = bench.large().await?;
    let every = (pair.ids.len() / changed).max(1);
    let ids: Vec<String> = pair.ids.iter().step_by(every).take(changed).cloned().collect();
    pair.street.edit(&ids, "三楼").await?;
    let database = pair.city.database();
    let before = bare::rows(&database, "record", "true")?;
    let round = pair.street.push(ids.len() as u64).await?;

    std::fs::create_dir_all(&folder)?;
    let mut floor = Bare::like(&database, &folder.join("bare.db"))?;
    floor.write("record", &before)?;
    let after =
        bare::rows(&database, "record", &format!("seq > (SELECT max(seq) FROM record) - {}", ids.len()))?;
    anyhow::ensure!(after.len() == ids.len(), "the changed records arrived");
    let floor = floor.write("record", &after)?;
    figure('B', "seconds", round.took.as_secs_f64(), "s", Some(floor.as_secs_f64()));
    Ok(())
}
