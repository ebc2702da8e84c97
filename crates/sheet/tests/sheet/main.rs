//! Reading what was written, reading what people bring, and reading what no one should.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail by panicking, as tests do")]

mod hostile;
mod read;
mod round_trip;
mod workbook;
