//! The shuniu program: what a person at the keyboard, a script or a service manager runs.
//!
//! A command reads its arguments, calls one or two services of the node in the folder and tells the answer in words
//! or JSON. What this crate must never know: storage, merging, rules; it sees records only through the services.
//!
//! Begin reading at [`args`], then one file of [`commands`]; [`exit`] is the table of exit codes.

mod args;
mod catalog;
mod clean;
mod commands;
mod condition;
mod exit;
mod failure;
mod files;
mod grid;
mod hex;
mod json;
mod logging;
mod output;
mod progress;
mod session;
mod times;
mod values;

use std::ffi::OsString;
use std::process::ExitCode;

use args::{Cli, What};
use clap::error::ErrorKind;
use commands::Context;
use exit::Exit;
use output::Output;

fn main() -> ExitCode {
    // Fails only where a provider is installed already, which then serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let words: Vec<OsString> = std::env::args_os().collect();
    let wants_json = words.iter().any(|word| word == "--json");
    let exit = match Cli::read(words) {
        Ok(cli) => start(cli),
        Err(error) => misread(&error, Output::new(wants_json)),
    };
    ExitCode::from(exit.number())
}

/// Shows the help or version that was asked for, or says what is wrong with the command line.
fn misread(error: &clap::Error, out: Output) -> Exit {
    let is_bare = error.kind() == ErrorKind::MissingSubcommand;
    let text = if is_bare { args::command().render_help() } else { error.render() }.to_string();
    if error.use_stderr() {
        return out.report("usage", &format!("{}\n{}", args::wrong(error), text.trim_end()));
    }
    out.document(&text).map_or_else(|error| out.failed(&error.into()), |()| Exit::Done)
}

fn start(cli: Cli) -> Exit {
    let out = Output::new(cli.json);
    logging::start(if matches!(cli.command, What::Serve(_)) { "info" } else { "error" });
    let context = Context { folder: cli.folder, out };
    let runtime = tokio::runtime::Runtime::new();
    let done = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run(cli.command, &context)));
    done.unwrap_or_else(|error| out.failed(&error))
}

async fn run(what: What, at: &Context) -> anyhow::Result<Exit> {
    match what {
        What::Init(command) => command.run(at).await,
        What::Invite(command) => command.run(at).await,
        What::Join(command) => command.run(at).await,
        What::Revoke(command) => command.run(at).await,
        What::Move(command) => command.run(at).await,
        What::Registry(command) => command.run(at).await,
        What::Serve(command) => command.run(at).await,
        What::Sync(command) => command.run(at).await,
        What::Verify(command) => command.run(at).await,
        What::Urge(command) => command.run(at).await,
        What::Status(command) => command.run(at).await,
        What::Doctor(command) => command.run(at).await,
        What::Backup(command) => command.run(at).await,
        What::Restore(command) => command.run(at).await,
        What::Get(command) => command.run(at).await,
        What::List(command) => command.run(at).await,
        What::Put(command) => command.run(at).await,
        What::History(command) => command.run(at).await,
        What::Conflicts(command) => command.run(at).await,
        What::Resolve(command) => command.run(at).await,
        What::Quarantine(command) => command.run(at).await,
        What::Import(command) => command.run(at).await,
        What::Export(command) => command.run(at).await,
        What::Bundle(command) => command.run(at).await,
        What::Figure(command) => command.run(at).await,
        What::Demo(command) => command.run(at).await,
        What::Schema(command) => command.run(at).await,
        What::Help(command) => command.run(at),
    }
}
