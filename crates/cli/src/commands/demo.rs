//! `shuniu demo`.

use std::path::PathBuf;

use crate::commands::Context;
use crate::commands::serve::stop_signal;
use crate::exit::Exit;

#[derive(Debug, clap::Args)]
pub struct Demo {
    /// 演示哪一套基地：small 最小，dongguan 市直管镇街，shenzhen 市、区、街道三级 / Which bases to show: the smallest set,
    /// a city above its towns, or three tiers
    #[arg(long, value_enum, default_value_t = Profile::Small)]
    profile: Profile,

    /// 演完即停，检查没有通过时退出码为 12 / Stop when the story has ended; exit code 12 when a check failed
    #[arg(long)]
    once: bool,

    /// 演示数据放在哪个文件夹；不写则放在临时文件夹 / Where the nodes' folders go; a temporary folder when left out
    #[arg(long, value_name = "DIR")]
    at: Option<PathBuf>,
}

/// A set of bases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    Small,
    Dongguan,
    Shenzhen,
}

impl Demo {
    pub async fn run(self, _: &Context) -> anyhow::Result<Exit> {
        let profile = match self.profile {
            Profile::Small => demo::Profile::Small,
            Profile::Dongguan => demo::Profile::Dongguan,
            Profile::Shenzhen => demo::Profile::Shenzhen,
        };
        let program = std::env::current_exe()?;
        let options = demo::DemoOptions { profile, once: self.once, folder: self.at, program };
        match demo::run(options, stop_signal()).await {
            Ok(report) if report.held() => Ok(Exit::Done),
            Ok(_) => Ok(Exit::Demo),
            // Who interrupts the story has seen enough of it.
            Err(demo::DemoError::Stopped) => Ok(Exit::Done),
            Err(error) => Err(error.into()),
        }
    }
}
