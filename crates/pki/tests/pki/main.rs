//! A small federation of certificates, and all who should not get in.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail by panicking, as tests do")]

mod federation;
mod handshake;
mod invite_file;
mod issuing;
mod letter;
mod peers;
mod refused;
mod signed;
