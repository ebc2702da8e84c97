//! The cases, one file each.

mod both_sides;
mod changed;
mod cold_start;
mod desk;
mod fan_in;
mod first_copy;
mod idle_round;
mod live;
mod two_hops;
mod watchers;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::federation::Pair;
use crate::measure::remark;

/// All cases, in the order in which they run.
const CASES: [char; 10] = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J'];

/// Records of the large cases at full size.
const LARGE: u64 = 100_000;

/// What the cases share: where, how large, and a large synced pair that several of them look at.
pub struct Bench {
    folder: TempDir,
    scale: f64,
    large: Option<Pair>,
    folders: u32,
}

impl Bench {
    /// A benchmark in a new folder within `folder`, or where the system keeps temporary files.
    pub fn new(scale: f64, folder: Option<&Path>) -> anyhow::Result<Bench> {
        ensure!(scale > 0.0 && scale <= 1.0, "--scale lies above 0 and up to 1");
        let folder = match folder {
            Some(folder) => TempDir::with_prefix_in("bench-", folder),
            None => TempDir::with_prefix("bench-"),
        };
        Ok(Bench { folder: folder.context("making a folder")?, scale, large: None, folders: 0 })
    }

    /// A number of the full size, at this scale.
    fn scaled(&self, full: u64) -> u64 {
        ((full as f64 * self.scale).round() as u64).max(1)
    }

    /// A time of the full size, at this scale, but never less than half a second.
    fn scaled_time(&self, full: Duration) -> Duration {
        full.mul_f64(self.scale).max(Duration::from_millis(500))
    }

    /// A new folder for a case.
    fn new_folder(&mut self, name: &str) -> PathBuf {
        self.folders += 1;
        self.folder.path().join(format!("{}-{name}", self.folders))
    }

    /// The large synced pair; made when no case has made it yet.
    async fn large(&mut self) -> anyhow::Result<&mut Pair> {
        let pair = match self.large.take() {
            Some(pair) => pair,
            None => {
                let folder = self.new_folder("large");
                Pair::synced(&folder, self.scaled(LARGE)).await?
            }
        };
        Ok(self.large.insert(pair))
    }
}

/// Runs cases by name.
pub async fn run(bench: &mut Bench, names: &[String]) -> anyhow::Result<()> {
    let all = names.iter().any(|name| name == "all");
    let wanted: Vec<String> = names.iter().map(|name| name.to_uppercase()).collect();
    let known = |name: &str| name == "ALL" || CASES.iter().any(|case| case.to_string() == name);
    if let Some(unknown) = wanted.iter().find(|name| !known(name)) {
        anyhow::bail!("there is no case {unknown}");
    }
    for case in CASES.into_iter().filter(|case| all || wanted.contains(&case.to_string())) {
        remark(&format!("case {case} …"));
        run_one(bench, case).await.with_context(|| format!("case {case}"))?;
    }
    match bench.large.take() {
        Some(pair) => pair.stop().await,
        None => Ok(()),
    }
}

async fn run_one(bench: &mut Bench, case: char) -> anyhow::Result<()> {
    match case {
        'A' => first_copy::run(bench).await,
        'B' => changed::run(bench).await,
        'C' => live::run(bench).await,
        'D' => idle_round::run(bench).await,
        'E' => two_hops::run(bench).await,
        'F' => fan_in::run(bench).await,
        'G' => both_sides::run(bench).await,
        'H' => watchers::run(bench).await,
        'I' => desk::run(bench).await,
        _ => cold_start::run(bench).await,
    }
}
