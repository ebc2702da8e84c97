//! Civil dates in Asia/Shanghai, the instants they begin and end at, and lengths of time.

mod civil;
mod instant;
mod reading;
mod span;

pub use civil::{Date, Weekday};
pub use instant::{SHANGHAI_OFFSET_MS, end_of_day_ms, shanghai_date, shanghai_minute, start_of_day_ms};
pub use reading::{DateError, Period, clean_date, clean_range};
pub use span::span;
