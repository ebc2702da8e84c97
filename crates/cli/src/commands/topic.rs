//! `shuniu help`.

use crate::args;
use crate::commands::Context;
use crate::exit::{self, Exit};
use crate::failure::usage;

/// The topic that is no command.
const EXIT_CODES: &str = "exit-codes";

#[derive(Debug, clap::Args)]
pub struct Help {
    /// 命令名，或 exit-codes / The name of a command, or exit-codes
    topic: Option<String>,
}

impl Help {
    pub fn run(self, at: &Context) -> anyhow::Result<Exit> {
        at.out.document(&text(self.topic.as_deref())?)?;
        Ok(Exit::Done)
    }
}

fn text(topic: Option<&str>) -> anyhow::Result<String> {
    let mut command = args::command();
    command.build();
    match topic {
        None => Ok(command.render_help().to_string()),
        Some(EXIT_CODES) => Ok(exit::help()),
        Some(name) => {
            let found = command.find_subcommand_mut(name);
            let found = found.ok_or_else(|| usage(format!("没有“{name}”这个命令 / no such command")))?;
            Ok(found.render_help().to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_help() {
        for sub in args::command().get_subcommands() {
            let help = text(Some(sub.get_name())).unwrap();
            assert!(help.contains("用法 Usage: shuniu"), "{help}");
            assert!(help.contains("--folder"), "{help}");
        }
        assert!(text(Some(EXIT_CODES)).unwrap().contains("12"));
        assert!(text(Some("nothing")).is_err());
    }
}
