//! What a technician may want to know, on standard error.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

/// The variable that says what to log, such as `debug` or `node=debug,info`.
const VARIABLE: &str = "SHUNIU_LOG";

/// Starts logging, with `usual` where the variable says nothing that can be understood.
pub fn start(usual: &str) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(usual));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .try_init();
    debug_assert!(started.is_ok(), "logging is started once");
}
