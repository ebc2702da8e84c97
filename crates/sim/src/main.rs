//! `sim`: runs simulated federations, seed by seed.

#![allow(clippy::result_large_err, reason = "a failure is told once and ends the run")]
#![allow(clippy::print_stdout, reason = "a program that tells what it found")]

#[cfg(feature = "planted")]
mod bugs;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
use sim::options::Options;
use sim::run::{Failure, On, all_steps, run};
use sim::shrink::shrink;

/// Simulated federations under faults.
#[derive(Parser)]
struct Args {
    /// How many seeds, from the first one on.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed, or the only one without `--seeds`.
    #[arg(long)]
    seed: Option<u64>,
    /// On which engine; `both` compares what the disks hold in the end.
    #[arg(long, value_enum, default_value_t = Engines::Memory)]
    engine: Engines,
    /// Seeds that run at the same time.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Tells the whole course of the seed.
    #[arg(long)]
    tell: bool,
    /// Goes on after a failure, and leaves it as it is.
    #[arg(long)]
    survey: bool,
    /// Switches a bug on, or `all` of them one by one, and counts the seeds until it is caught.
    #[cfg(feature = "planted")]
    #[arg(long)]
    planted: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Engines {
    Memory,
    Sqlite,
    Both,
}

fn main() -> ExitCode {
    let args = Args::parse();
    // A panic is a finding like any other; it is told with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    #[cfg(feature = "planted")]
    if let Some(name) = &args.planted {
        return bugs::run_all(name, &args);
    }
    if let (true, Some(seed)) = (args.tell, args.seed) {
        return tell(if args.engine == Engines::Sqlite { On::Sqlite } else { On::Memory }, seed);
    }
    let (first, count) =
        (args.seed.unwrap_or(0), if args.seed.is_some() && args.seeds == 100 { 1 } else { args.seeds });
    let began = Instant::now();
    let (failures, waiting) = seeds(&args, first, first + count);
    let seconds = began.elapsed().as_secs_f64();
    println!("{count} seeds, {} failed, {waiting} records wait for a person, {seconds:.1} s", failures.len());
    if failures.is_empty() && waiting <= waiting_max(count) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs all seeds; the failures are told as they are found.
fn seeds(args: &Args, first: u64, end: u64) -> (Vec<Failure>, u64) {
    let next = AtomicU64::new(first);
    let failures = Mutex::new(Vec::new());
    let waiting = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..args.threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let failed =
                        failures.lock().is_ok_and(|f: std::sync::MutexGuard<'_, Vec<Failure>>| !f.is_empty());
                    if seed >= end || (failed && !args.survey) {
                        return;
                    }
                    let result = one(args.engine, seed);
                    waiting.fetch_add(*result.as_ref().unwrap_or(&0), Ordering::Relaxed);
                    if let Err((on, failure)) = result {
                        let failure = if args.survey { failure } else { shrink(on, failure) };
                        report(on, &failure, args.survey);
                        failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(failure);
                    }
                }
            });
        }
    });
    (failures.into_inner().unwrap_or_default(), waiting.into_inner())
}

/// Records that may wait for a person after so many seeds: restores at every tier within one storm are far more than any
/// office sees, and even so they must be few.
fn waiting_max(seeds: u64) -> u64 {
    5 + seeds / 6
}

/// Runs one seed; how many records wait for a person.
fn one(engine: Engines, seed: u64) -> Result<u64, (On, Failure)> {
    let options = Options::draw(seed);
    let steps = all_steps(&options);
    let go = |on| run(on, seed, &options, &steps, None).map_err(|failure| (on, failure));
    match engine {
        Engines::Memory => go(On::Memory).map(|well| well.waiting),
        Engines::Sqlite => go(On::Sqlite).map(|well| well.waiting),
        Engines::Both => {
            let (memory, sqlite) = (go(On::Memory)?, go(On::Sqlite)?);
            if memory == sqlite {
                return Ok(memory.waiting);
            }
            let words = format!("the engines differ: {memory:?} in memory, {sqlite:?} on SQLite");
            Err((On::Sqlite, Failure { seed, options: options.clone(), steps: steps.clone(), words }))
        }
    }
}

fn report(on: On, failure: &Failure, short: bool) {
    println!("seed {} failed on {on:?}: {}", failure.seed, failure.words);
    if short {
        return;
    }
    println!("{:?}\nsteps {:?}", failure.options, failure.steps);
    let mut told = Vec::new();
    let again = run(on, failure.seed, &failure.options, &failure.steps, Some(&mut told));
    told.iter().for_each(|line| println!("  {line}"));
    println!("{}", again.err().map_or("and passes when it is run again".into(), |f| f.words));
}

fn tell(on: On, seed: u64) -> ExitCode {
    let options = Options::draw(seed);
    println!("{options:?}");
    let mut told = Vec::new();
    let result = run(on, seed, &options, &all_steps(&options), Some(&mut told));
    told.iter().for_each(|line| println!("  {line}"));
    match result {
        Ok(well) => println!("well: {well:?}"),
        Err(failure) => println!("failed: {}", failure.words),
    }
    ExitCode::SUCCESS
}
