//! The planted bugs, one by one: how many seeds it takes until each is caught.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use planted::Bug;

use crate::{Args, one, waiting_max};

/// Switches on the bug of this name, or all one by one. Each must be caught.
pub fn run_all(name: &str, args: &Args) -> ExitCode {
    let chosen = |bug: &&Bug| name == "all" || name == bug.words() || name == format!("{bug:?}");
    let mut missed = 0;
    for bug in Bug::ALL.iter().filter(chosen) {
        let began = Instant::now();
        planted::select(Some(*bug));
        let caught = first_caught(args);
        planted::select(None);
        let seconds = began.elapsed().as_secs_f64();
        match caught {
            Some((seed, words)) => {
                println!("PLANTED {bug:?} seeds {} s {seconds:.1} ({}): {words}", seed + 1, bug.words());
            }
            None => {
                missed += 1;
                println!("PLANTED {bug:?} seeds - s {seconds:.1} ({}): not caught", bug.words());
            }
        }
    }
    println!("{missed} not caught");
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The first seed that catches what is switched on, and how.
fn first_caught(args: &Args) -> Option<(u64, String)> {
    let next = AtomicU64::new(0);
    let first: Mutex<Option<(u64, String)>> = Mutex::new(None);
    let waiting = AtomicU64::new(0);
    let lock = || first.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..args.threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= args.seeds || lock().is_some() {
                        return;
                    }
                    let words = match one(args.engine, seed) {
                        Err((_, failure)) => failure.words,
                        Ok(more) if waiting.fetch_add(more, Ordering::Relaxed) + more > waiting_max(seed) => {
                            "too many records wait for a person".to_owned()
                        }
                        Ok(_) => continue,
                    };
                    let mut first = lock();
                    if first.as_ref().is_none_or(|(other, _)| seed < *other) {
                        *first = Some((seed, words));
                    }
                }
            });
        }
    });
    lock().clone()
}
