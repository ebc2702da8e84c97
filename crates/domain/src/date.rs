//! Civil dates in Asia/Shanghai, and the instants they begin and end at.

mod civil;
mod instant;
mod reading;

pub use civil::{Date, Weekday};
pub use instant::{SHANGHAI_OFFSET_MS, end_of_day_ms, shanghai_date, shanghai_minute, start_of_day_ms};
pub use reading::{DateError, Period, clean_date, clean_range};
