//! The configuration file `shuniu.toml` in the data folder.

use serde::Deserialize;
use sync::schedule::Schedule;

/// Settings of a node. Every one has a default; an unknown one is an error, so that a misspelt one is noticed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address for children, host:port; empty: this node takes none.
    pub listen: String,
    /// Address that invites name; empty: as `listen`.
    pub advertise: String,
    /// Where the parent is, host:port; empty at the root.
    pub parent: String,
    /// When to sync.
    pub sync: SyncConfig,
    /// How figures judge.
    pub figures: FigureConfig,
    /// Only for tests and the demonstration, and not in the file that a new node gets: a descriptor set that stands in
    /// for the contract of the program, so that a node can be one whose program is older. Empty: the program's own.
    pub contract: String,
    /// Only for tests and the demonstration, as above: how far this node's clock is off, in milliseconds; ahead when
    /// positive. Certificates are still checked by the machine's clock, or the node would not reach its parent at all.
    pub clock_offset_ms: i64,
}

/// When to sync.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SyncConfig {
    /// Every so many minutes; 0: only at the times below.
    pub every_minutes: u32,
    /// Times of day, Beijing time, as "08:00".
    pub at: Vec<String>,
    /// Quiet hours, as "22:00-06:00"; empty: none.
    pub quiet: String,
    /// Whether changes go up and come down at once, beside the schedule.
    pub live: bool,
}

/// How figures judge.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FigureConfig {
    /// A base that has not reported for so many hours is late.
    pub late_after_hours: u32,
}

impl Default for SyncConfig {
    fn default() -> Self {
        SyncConfig { every_minutes: 15, at: Vec::new(), quiet: String::new(), live: true }
    }
}

impl Default for FigureConfig {
    fn default() -> Self {
        FigureConfig { late_after_hours: 24 }
    }
}

impl Config {
    /// Reads the file's text.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(text: &str) -> Result<Config, String> {
        let config: Config = toml::from_str(text).map_err(|e| e.message().to_owned())?;
        config.schedule()?;
        Ok(config)
    }

    /// The schedule that the file tells.
    ///
    /// # Errors
    /// A time that is none, in words.
    pub fn schedule(&self) -> Result<Schedule, String> {
        let every = self.sync.every_minutes;
        let quiet = match self.sync.quiet.trim() {
            "" => None,
            span => {
                let (from, until) = span.split_once('-').ok_or_else(|| bad_time(span))?;
                Some((minute(from)?, minute(until)?))
            }
        };
        Ok(Schedule {
            every_ms: (every > 0).then(|| u64::from(every) * 60_000),
            at_minutes: self.sync.at.iter().map(|t| minute(t)).collect::<Result<_, _>>()?,
            quiet,
        })
    }

    /// The address that invites name.
    pub fn advertised(&self) -> &str {
        if self.advertise.is_empty() { &self.listen } else { &self.advertise }
    }

    /// The address at which other machines reach this node; empty when the settings do not tell one.
    pub(crate) fn reachable(&self) -> &str {
        let address = self.advertised();
        let nowhere = |at: std::net::SocketAddr| at.ip().is_unspecified() || at.port() == 0;
        if address.parse().is_ok_and(nowhere) { "" } else { address }
    }

    /// The file for a new node, every setting explained.
    pub(crate) fn template(listen: &str, advertise: &str, parent: &str) -> String {
        format!(
            r#"# 枢纽节点设置。改后重启服务生效。/ Settings of this node; restart the service after a change.

# 供下级连接的地址(主机:端口);留空表示没有下级。/ Address for nodes below; empty: none.
listen = {listen:?}
# 邀请文件里写给下级的地址;留空同上。/ Address written into invites; empty: as above.
advertise = {advertise:?}
# 上级的地址;市级(最上级)留空。/ Address of the node above; empty at the root.
parent = {parent:?}

[sync]
# 每隔几分钟与上级同步一次;0 表示只按下面的钟点。/ Minutes between syncs; 0: only at the times below.
every_minutes = 15
# 每天固定的同步钟点(北京时间),如 ["08:00", "17:30"]。/ Times of day.
at = []
# 安静时段,不主动同步,如 "22:00-06:00"。/ Quiet hours.
quiet = ""
# 实时:与上级保持连线,有改动随时上报和接收(安静时段除外);false 表示只按上面的时间。/ Live: changes at once.
live = true

[figures]
# 超过几小时没有上报,统计中列为“迟报”。/ After so many hours without a report a base is late.
late_after_hours = 24
"#
        )
    }
}

fn minute(text: &str) -> Result<u16, String> {
    let parse = || {
        let (hour, minute) = text.trim().split_once(':')?;
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    };
    parse().ok_or_else(|| bad_time(text))
}

fn bad_time(text: &str) -> String {
    format!("“{text}”不是时间,应写成 08:00 或 22:00-06:00 / not a time of day")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_reads_back_as_the_defaults() {
        let config = Config::read(&Config::template("0.0.0.0:7443", "", "city:7443")).unwrap();
        assert_eq!((config.listen.as_str(), config.parent.as_str()), ("0.0.0.0:7443", "city:7443"));
        assert_eq!(config.advertised(), "0.0.0.0:7443");
        assert_eq!(config.schedule(), Config::default().schedule());
    }

    #[test]
    fn mistakes_are_told() {
        for bad in [
            "lisen = \"\"",
            "[sync]\nat = [\"25:00\"]",
            "[sync]\nquiet = \"night\"",
            "[sync]\nevery_minutes = -1",
        ] {
            assert!(Config::read(bad).is_err(), "{bad}");
        }
        let night =
            Config::read("[sync]\nevery_minutes = 0\nat = [\"08:00\"]\nquiet = \"22:00-06:30\"").unwrap();
        let schedule = night.schedule().unwrap();
        assert_eq!((schedule.every_ms, schedule.quiet), (None, Some((1320, 390))));
    }
}
