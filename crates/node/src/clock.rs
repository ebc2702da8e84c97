//! The machine's clock, or one that is as wrong as the settings say.

use office::{Clock, SystemClock};

/// The machine's clock, off by so much; see `clock_offset_ms` in the settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OffsetClock {
    pub by_ms: i64,
}

impl Clock for OffsetClock {
    fn now_ms(&self) -> u64 {
        SystemClock.now_ms().saturating_add_signed(self.by_ms)
    }
}
