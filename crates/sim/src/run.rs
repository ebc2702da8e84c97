//! One seed from beginning to end, and what is left of its history when it fails.

use std::panic::AssertUnwindSafe;

use crate::disk::{Disk, Folder, InMemory};
use crate::ledger::{Checked, Wrong};
use crate::options::Options;
use crate::random::Random;
use crate::world::World;

/// Storms of a run, each with a rest after it.
const STORMS: usize = 2;

/// On which engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum On {
    /// In memory.
    #[default]
    Memory,
    /// SQLite in temporary folders.
    Sqlite,
}

/// How a run went that found nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Well {
    /// Of the whole course.
    pub trace: u64,
    /// Of what all disks hold.
    pub end_state: u64,
    /// Records that wait for a person, no lie having been told about them.
    pub waiting: u64,
}

/// How a run failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The world.
    pub options: Options,
    /// The steps that were taken of each storm's.
    pub steps: Vec<usize>,
    /// What was wrong.
    pub words: String,
}

impl Failure {
    /// Whether two failures are of the same kind: the same words, names and numbers aside.
    pub fn is_like(&self, other: &Failure) -> bool {
        let plain = |word: &&str| word.len() > 2 && word.chars().all(|c| c.is_ascii_lowercase());
        let kind =
            |f: &Failure| f.words.split_whitespace().filter(plain).take(6).collect::<Vec<_>>().join(" ");
        kind(self) == kind(other)
    }
}

/// The steps of all storms.
pub fn all_steps(options: &Options) -> Vec<usize> {
    (0..options.steps as usize * STORMS).collect()
}

/// Runs a seed with these of its steps. The words of the course are put into `told`, if that is wanted.
///
/// # Errors
/// What was wrong, be it found by the oracle or by the program itself.
pub fn run(
    on: On,
    seed: u64,
    options: &Options,
    steps: &[usize],
    told: Option<&mut Vec<String>>,
) -> Result<Well, Failure> {
    let attempt = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Wrong(error.to_string()))?;
        match on {
            On::Memory => runtime.block_on(course(seed, options, steps, told, || Ok(InMemory::default()))),
            On::Sqlite => runtime.block_on(course(seed, options, steps, told, Folder::new)),
        }
    };
    let result = std::panic::catch_unwind(AssertUnwindSafe(attempt));
    let result = result.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Err(Wrong(format!("panic: {}", words.unwrap_or_default())))
    });
    result.map_err(|wrong| Failure { seed, options: options.clone(), steps: steps.to_vec(), words: wrong.0 })
}

async fn course<D: Disk>(
    seed: u64,
    options: &Options,
    steps: &[usize],
    told: Option<&mut Vec<String>>,
    make_disk: fn() -> Result<D, String>,
) -> Checked<Well> {
    let mut world = World::new(seed, options.clone(), make_disk).await?;
    if told.is_some() {
        world.trace.keep();
    }
    let result = storms(&mut world, seed, steps).await;
    if let Some(told) = told {
        *told = std::mem::take(&mut world.trace.lines);
    }
    let waiting = world.waiting.difference(&world.tampered).count() as u64;
    result.map(|()| Well { trace: world.trace.hash(), end_state: world.end_state(), waiting })
}

async fn storms<D: Disk>(world: &mut World<D>, seed: u64, steps: &[usize]) -> Checked {
    let each = world.options.steps as usize;
    for storm in 0..STORMS {
        for step in steps.iter().filter(|step| **step / each == storm) {
            world.step = *step;
            world.one_step(seed, &mut Random::of_part(seed, 10_000 + *step as u64)).await?;
        }
        world.come_to_rest().await?;
    }
    Ok(())
}

impl<D: Disk> World<D> {
    /// One step of a storm.
    async fn one_step(&mut self, seed: u64, dice: &mut Random) -> Checked {
        self.pass(dice.u64() % 5_000);
        let o = &self.options;
        let weights = [
            300,
            650,
            30,
            20,
            o.restarts,
            o.backups,
            o.restores,
            o.clones,
            o.clock_jumps,
            o.revocations,
            o.hostile,
            o.reseats,
            o.strays,
        ];
        let mut drawn = dice.below(weights.iter().sum::<u32>() as usize) as u32;
        let mut chosen = 0;
        while drawn >= weights[chosen] {
            drawn -= weights[chosen];
            chosen += 1;
        }
        match chosen {
            0 => self.edit(dice).await,
            1 => self.some_messages(dice).await,
            2 => self.late(dice).await,
            3 => self.open_form(dice),
            4 => self.restart(dice).await,
            5 => self.back_up(dice),
            6 => self.restore(dice).await,
            7 => self.clone_machine(seed, dice).await,
            8 => {
                self.jump(dice);
                Ok(())
            }
            9 => self.bar(dice).await,
            10 => self.lie(dice).await,
            11 => self.reseat(dice).await,
            _ => self.stray(dice).await,
        }
    }

    /// Some messages of one machine's talk in a row: at one a step no talk would ever end.
    async fn some_messages(&mut self, dice: &mut Random) -> Checked {
        let at = 1 + dice.below(self.machines.len() - 1);
        for _ in 0..1 + dice.below(6) {
            self.advance(at, dice, true).await?;
        }
        Ok(())
    }
}
