//! What is drawn for a seed: the world, and which faults may happen in it how often.

use crate::random::Random;

/// A world and its rates. Each fault is off in about half of the worlds: what always happens together hides what each
/// does alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// Districts between the city and the streets; 0: the streets dial the city.
    pub districts: u32,
    /// Streets, dealt out among the districts.
    pub streets: u32,
    /// Steps of each of the two storms.
    pub steps: u32,
    /// Records in a batch or a page.
    pub batch_records: u32,
    /// Percent of the messages that are lost, and with them their stream.
    pub loss: u32,
    /// Percent of the messages that arrive once more, later.
    pub duplication: u32,
    /// Percent of the messages that are cut off in one direction for a while.
    pub cuts: u32,
    /// Percent of the calls in which a process dies before or after a commit.
    pub crashes: u32,
    /// Percent of the calls for which the disk is full.
    pub full_disk: u32,
    /// Weights of steps, beside 1,000 for edits and messages together.
    pub restarts: u32,
    pub backups: u32,
    pub restores: u32,
    pub clones: u32,
    pub clock_jumps: u32,
    pub revocations: u32,
    pub hostile: u32,
    /// Percent of the edits that move a record, open it to others, delete it.
    pub moves: u32,
    pub audiences: u32,
    pub deletions: u32,
    /// Percent of the edits over a form that was opened earlier.
    pub stale_forms: u32,
    /// Percent of the offices with the older contract.
    pub older: u32,
    /// Weights of steps that came later: bases that are moved, writes that are not the writer's to make.
    pub reseats: u32,
    pub strays: u32,
    /// Whether the answer to the last batch brings along what a pull would bring, where that is one page: 1, or 0.
    pub along: u32,
    /// Whether what both ends hold alike is found by digests after RESYNC, and not sent: 1, or 0.
    pub compares: u32,
    /// Whether batches of one transaction come one after the other, each once those before it are written: 1, or 0.
    pub portions: u32,
}

impl Options {
    /// What a seed stands for.
    pub fn draw(seed: u64) -> Options {
        let mut random = Random::of_part(seed, 0);
        let districts = random.between(0, 4);
        // Large worlds are rarer: most of what goes wrong needs few offices, and many edits of the same records.
        let most = if random.percent(20) { 12 } else { 6 };
        let mut some = |low, high| {
            let drawn = random.between(low, high);
            if random.percent(50) { drawn } else { 0 }
        };
        // Drawn by themselves: the seeds of before keep their worlds.
        let mut later = Random::of_part(seed, 3);
        let mut some_later = |low, high| {
            let drawn = later.between(low, high);
            if later.percent(40) { drawn } else { 0 }
        };
        Options {
            reseats: some_later(3, 15),
            strays: some_later(5, 30),
            along: some_later(1, 1),
            compares: some_later(1, 1),
            portions: some_later(1, 1),
            districts,
            loss: some(1, 30),
            duplication: some(1, 50),
            cuts: some(1, 10),
            crashes: some(1, 10),
            full_disk: some(1, 10),
            restarts: some(5, 30),
            backups: some(20, 60),
            restores: some(5, 30),
            clones: some(3, 10),
            clock_jumps: some(5, 30),
            revocations: some(2, 10),
            hostile: some(5, 40),
            moves: some(2, 15),
            audiences: some(2, 15),
            deletions: some(1, 6),
            stale_forms: some(5, 50),
            older: some(20, 60),
            streets: random.between(4, most),
            steps: random.between(60, 200),
            batch_records: random.between(1, 6),
        }
    }

    /// The same world with one kind of fault less, for each kind: the first thing to try with a failure.
    pub fn calmer(&self) -> Vec<Options> {
        let fields: [fn(&mut Options) -> &mut u32; 21] = [
            |o| &mut o.loss,
            |o| &mut o.duplication,
            |o| &mut o.cuts,
            |o| &mut o.crashes,
            |o| &mut o.full_disk,
            |o| &mut o.restarts,
            |o| &mut o.restores,
            |o| &mut o.clones,
            |o| &mut o.clock_jumps,
            |o| &mut o.revocations,
            |o| &mut o.hostile,
            |o| &mut o.moves,
            |o| &mut o.audiences,
            |o| &mut o.deletions,
            |o| &mut o.stale_forms,
            |o| &mut o.older,
            |o| &mut o.backups,
            |o| &mut o.reseats,
            |o| &mut o.strays,
            |o| &mut o.compares,
            |o| &mut o.portions,
        ];
        let without = |field: fn(&mut Options) -> &mut u32| {
            let mut options = self.clone();
            *field(&mut options) = 0;
            options
        };
        fields.into_iter().map(without).filter(|o| o != self).collect()
    }
}
