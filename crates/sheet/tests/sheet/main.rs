//! Reading what was written, reading what people bring, and reading what no one should.

mod hostile;
mod read;
mod round_trip;
mod workbook;
