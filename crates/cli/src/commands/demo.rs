//! `shuniu demo`, not on the command line yet: only its arguments are here.

#[derive(Debug, clap::Args)]
pub struct Demo {
    /// 演示哪一套基地：small 最小，dongguan 市直管镇街，shenzhen 市、区、街道三级 / Which bases to show: the smallest set,
    /// a city above its towns, or three tiers
    #[arg(long, value_enum, default_value_t = Profile::Small)]
    profile: Profile,

    /// 演完即停，检查没有通过时退出码为 12 / Stop when the story has ended; exit code 12 when a check failed
    #[arg(long)]
    once: bool,
}

/// A set of bases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    Small,
    Dongguan,
    Shenzhen,
}
