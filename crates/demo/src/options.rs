//! What is shown, where, and with which program.

use std::path::PathBuf;
use std::str::FromStr;

use domain::plan;

/// How a demo runs.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// Which bases.
    pub profile: Profile,
    /// Ends after the story; otherwise the nodes stay up until asked to stop.
    pub once: bool,
    /// Where the nodes' folders are made; none: in a temporary folder.
    pub folder: Option<PathBuf>,
    /// The `shuniu` program of which every node is a process.
    pub program: PathBuf,
}

/// A set of bases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// A city, two districts, four streets.
    #[default]
    Small,
    /// 36 towns straight under their city.
    Dongguan,
    /// Nine districts and 大鹏新区 with all 79 streets, most of them hosted by their district.
    Shenzhen,
}

/// A text that names no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("没有“{0}”这一套演示，可用的有 small、dongguan、shenzhen / no such profile")]
pub struct UnknownProfile(pub String);

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Profile, UnknownProfile> {
        match text {
            "small" => Ok(Profile::Small),
            "dongguan" => Ok(Profile::Dongguan),
            "shenzhen" => Ok(Profile::Shenzhen),
            other => Err(UnknownProfile(other.to_owned())),
        }
    }
}

impl Profile {
    pub(crate) fn plan(self) -> Vec<plan::BasePlan> {
        plan::profile(match self {
            Profile::Small => plan::Profile::Small,
            Profile::Dongguan => plan::Profile::Dongguan,
            Profile::Shenzhen => plan::Profile::Shenzhen,
        })
    }

    /// How much each street enters: enough to count, few enough that a large profile stays short.
    pub(crate) fn work(self) -> StreetWork {
        match self {
            Profile::Small => StreetWork { bodies: 6, profiles: 3, groups: 2, services: 4 },
            Profile::Dongguan => StreetWork { bodies: 4, profiles: 2, groups: 1, services: 2 },
            Profile::Shenzhen => StreetWork { bodies: 3, profiles: 1, groups: 1, services: 1 },
        }
    }
}

/// How much one street enters on its first day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreetWork {
    pub bodies: usize,
    pub profiles: usize,
    pub groups: usize,
    pub services: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_by_their_names() {
        assert_eq!("dongguan".parse(), Ok(Profile::Dongguan));
        assert_eq!("Small".parse::<Profile>(), Err(UnknownProfile("Small".into())));
    }
}
