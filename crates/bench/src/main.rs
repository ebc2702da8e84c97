//! End-to-end benchmarks: real nodes as processes of their own, mutual TLS over loopback, SQLite with
//! synchronous=FULL at both ends; beside each figure the floor, measured in the same run: the same rows with the
//! same indexes written straight into bare SQLite.
//!
//! What this crate must never know: the engine. It drives nodes through their services, as the command line does, and
//! looks into databases from outside.
//!
//! Begin reading at [`cases`]: one file per case, in the order in which they run.

mod bare;
mod cases;
mod federation;
mod measure;
mod process;
mod records;
mod relay;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;

use crate::cases::Bench;

/// End-to-end benchmarks. Prints one line per figure: CASE name value unit floor value ratio value.
#[derive(Debug, Parser)]
struct Args {
    /// Which cases to run: letters from A to J, or `all`.
    #[arg(required_unless_present = "serve", value_name = "CASE")]
    cases: Vec<String>,

    /// How large: 1 is the size that the targets speak of; 0.01 only shows that everything works.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,

    /// Where the nodes' folders are made; it should lie on the disk that is to be measured.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,

    /// Be a node, or several: serve the folders until the standard input ends.
    #[arg(long, hide = true, value_name = "FOLDER")]
    serve: Vec<PathBuf>,
}

fn main() -> ExitCode {
    // Fails only where a provider is installed already, which then serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            measure::remark(&format!("failed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("starting")?;
    if !args.serve.is_empty() {
        return runtime.block_on(process::be_nodes(&args.serve));
    }
    runtime.block_on(async {
        let mut bench = Bench::new(args.scale, args.folder.as_deref())?;
        cases::run(&mut bench, &args.cases).await
    })
}
