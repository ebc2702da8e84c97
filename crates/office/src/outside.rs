//! Time and chance as arguments of the use cases: who passes the same ones in gets the same federation again.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// UTC milliseconds since 1970.
    fn now_ms(&self) -> u64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        // A clock before 1970 is wrong anyway; the handshake tells by how much.
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
    }
}

/// Draws the names that must never be drawn twice: replicas, timelines, sessions, records.
pub trait Chance: Send + Sync {
    /// The next number, any of all with the same likelihood.
    fn u64(&self) -> u64;
}

/// The operating system's random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemChance;

impl Chance for SystemChance {
    fn u64(&self) -> u64 {
        rand::random()
    }
}

/// What an office takes from the world around it.
#[derive(Clone)]
pub struct Outside {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub chance: Arc<dyn Chance>,
}

impl Outside {
    /// The machine's own.
    pub fn system() -> Outside {
        Outside::at(SystemClock)
    }

    /// Another clock, and the machine's chance.
    pub fn at(clock: impl Clock + 'static) -> Outside {
        Outside { clock: Arc::new(clock), chance: Arc::new(SystemChance) }
    }
}
