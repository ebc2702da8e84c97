//! What a finding means: from facts to words, without looking at anything.

use std::io;

use domain::date::span;
use pki::Identity;
use time::{OffsetDateTime, UtcOffset};
use tonic::Status;
use wire::admin::{Agreement, LinkStatus};
use wire::record::BaseReport;

use super::Finding;
use crate::error::NodeError;

/// Less than this is left on the disk: nothing can be saved soon.
const FREE_BYTES_BAD: u64 = 64 * 1024 * 1024;
/// Beside room for a copy of the database, which upgrades and backups need, this much should be left.
const FREE_BYTES_SPARE: u64 = 1024 * 1024 * 1024;
/// Clocks that are farther apart confuse people who read times.
const CLOCK_MS_WARN: u64 = 2 * 60 * 1_000;
/// Clocks that are farther apart make certificates look expired, and times worthless.
const CLOCK_MS_BAD: u64 = 24 * 3_600 * 1_000;
/// A certificate is renewed 60 days before its end: with less than this left that has failed for weeks.
const CERTIFICATE_DAYS_WARN: i64 = 30;
/// Records that wait are only worth a word when no round has succeeded for so long.
const BACKLOG_MS: u64 = 24 * 3_600 * 1_000;

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    if bytes >= 1024 * MIB {
        format!("{:.1} GB", bytes as f64 / (1024 * MIB) as f64)
    } else {
        format!("{} MB", bytes / MIB)
    }
}

fn day(at: OffsetDateTime) -> String {
    at.to_offset(UtcOffset::from_hms(8, 0, 0).unwrap_or(UtcOffset::UTC)).date().to_string()
}

pub(super) fn space(free: u64, database: u64) -> Finding {
    let words = format!("磁盘还有 {} 可用（数据库 {}）", size(free), size(database));
    if free < FREE_BYTES_BAD {
        return Finding::bad("disk", words, "磁盘快满了，很快就不能保存：请马上清理或换更大的磁盘");
    }
    if free < database.saturating_add(FREE_BYTES_SPARE) {
        return Finding::warning("disk", words, "备份和升级需要更多空间，请清理磁盘");
    }
    Finding::good("disk", words)
}

pub(super) fn writable(tried: io::Result<()>) -> Finding {
    match tried {
        Ok(()) => Finding::good("folder", "数据文件夹可以读写"),
        Err(error) => Finding::bad(
            "folder",
            format!("数据文件夹不能写：{error}"),
            "请检查文件夹的所有者和权限，以及磁盘是否只读",
        ),
    }
}

pub(super) fn keys(open: &[&str]) -> Finding {
    if open.is_empty() {
        return Finding::good("keys", "密钥文件只有本节点的用户能读");
    }
    Finding::bad(
        "keys",
        format!("本机其他用户也能读取密钥文件：{}", open.join("、")),
        format!("请收回权限，例如 chmod 600 {}；若已外泄，请联系上级停用并重新加入", open.join(" ")),
    )
}

pub(super) fn certificate(identity: &Result<Identity, NodeError>, now: OffsetDateTime) -> Finding {
    const SUBJECT: &str = "certificate";
    let identity = match identity {
        Ok(identity) => identity,
        Err(error) => {
            return Finding::bad(
                SUBJECT,
                format!("证书不能使用：{error}"),
                "请从备份恢复，或向上级要新的邀请重新加入",
            );
        }
    };
    let days = (identity.not_after() - now).whole_days();
    let until = day(identity.not_after());
    if identity.not_after() <= now {
        return Finding::bad(
            SUBJECT,
            format!("证书已于 {until} 过期"),
            "先核对本机时间；时间无误时，请向上级要新的邀请重新加入（已录入的内容都在）",
        );
    }
    if let Err(error) = identity.verify(now) {
        let advice = "先核对本机时间；时间无误时，请联系上级管理员";
        return Finding::bad(SUBJECT, format!("证书通不过检查：{error}"), advice);
    }
    let words = format!("证书有效至 {until}，还有 {days} 天");
    if days < CERTIFICATE_DAYS_WARN {
        return Finding::warning(
            SUBJECT,
            words,
            "证书本应自动更新：请保证能与上级同步，并运行一次 shuniu sync",
        );
    }
    Finding::good(SUBJECT, words)
}

/// The database could not be opened, nor a server reached.
pub(super) fn closed(error: &NodeError) -> Finding {
    let advice = match error.code().as_str() {
        "in_use" => "另一个程序占用着数据文件夹却不回答：请查看服务是否卡住，必要时重启服务",
        "disk_full" => "请清理磁盘",
        _ => "请不要删除任何文件；如有备份，可用 shuniu restore 恢复，再把这些文字交给技术人员",
    };
    let mut words = format!("数据库打不开：{error}");
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        words.push_str(&format!("（{next}）"));
        cause = next.source();
    }
    Finding::bad("database", words, advice)
}

pub(super) fn database(faults: &[String]) -> Finding {
    match faults.first() {
        None => Finding::good("database", "数据库完好"),
        Some(first) => Finding::bad(
            "database",
            format!("数据库有 {} 处损坏，如：{first}", faults.len()),
            "请停止服务，用最近的备份恢复（shuniu restore）；缺少的内容会与上下级同步补回",
        ),
    }
}

pub(super) fn unread(subject: &'static str, status: &Status) -> Finding {
    Finding::bad(subject, format!("节点没有回答：{}", status.message()), "请查看服务的日志，必要时重启服务")
}

pub(super) fn server(listen: &str, published: bool, served: bool, answers: Option<bool>) -> Finding {
    const SUBJECT: &str = "server";
    match (served, published, answers) {
        (true, _, Some(true)) => Finding::good(SUBJECT, format!("服务在运行，接受下级连接（{listen}）")),
        (true, _, Some(false)) => Finding::warning(
            SUBJECT,
            format!("服务在运行，但 {listen} 上没有回答"),
            "设置可能改过而没有重启：请重启服务，并检查防火墙",
        ),
        (true, _, None) if listen.is_empty() => Finding::good(SUBJECT, "服务在运行，不接受下级连接"),
        (true, _, None) => Finding::good(SUBJECT, "服务在运行"),
        (false, true, _) => Finding::warning(
            SUBJECT,
            "服务没有正常停止（上次可能断电或被强行结束），现在没有运行",
            "请启动服务；已保存的内容都在",
        ),
        (false, false, _) => {
            Finding::warning(SUBJECT, "服务没有运行：不会自动同步", "请启动服务（shuniu serve）")
        }
    }
}

/// The offset is the parent's clock minus this one's.
pub(super) fn clock(link: &LinkStatus) -> Finding {
    const SUBJECT: &str = "clock";
    const ADVICE: &str = "请打开系统的自动对时；已保存的内容不受影响，只是显示的时间不准";
    if link.last_success_ms == 0 {
        return Finding::warning(SUBJECT, "还没有与上级核对过时间", "同步一次即可核对");
    }
    let apart = link.clock_offset_ms.unsigned_abs();
    let words = match link.clock_offset_ms {
        _ if apart < 1_000 => "时钟与上级一致".into(),
        1.. => format!("本机时钟比上级慢 {}", span(apart)),
        _ => format!("本机时钟比上级快 {}", span(apart)),
    };
    match apart {
        _ if apart > CLOCK_MS_BAD => Finding::bad(SUBJECT, words, ADVICE),
        _ if apart > CLOCK_MS_WARN => Finding::warning(SUBJECT, words, ADVICE),
        _ => Finding::good(SUBJECT, words),
    }
}

/// The numbers of a version, for comparing.
fn numbers(version: &str) -> Vec<u32> {
    version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect()
}

pub(super) fn version(own: &str, parent: &str) -> Finding {
    const SUBJECT: &str = "version";
    let words = format!("本机程序 {own}（协议 {}），上级程序 {parent}", wire::PROTOCOL);
    match numbers(own).cmp(&numbers(parent)) {
        _ if parent.is_empty() => {
            Finding::good(SUBJECT, format!("本机程序 {own}（协议 {}），上级的还不知道", wire::PROTOCOL))
        }
        std::cmp::Ordering::Less => {
            Finding::warning(SUBJECT, words, "请升级本机程序；升级之前不认识的新字段会原样保存和转交")
        }
        std::cmp::Ordering::Greater => Finding::warning(SUBJECT, words, "请提醒上级升级程序"),
        std::cmp::Ordering::Equal => Finding::good(SUBJECT, words),
    }
}

/// Whether this node and the one above go by the same contract and protocol.
pub(super) fn agreement(agreed: &Agreement) -> Finding {
    const SUBJECT: &str = "contract";
    const RELAYED: &str = "在此之前，不认识的新字段和新类别会原样保存和转交";
    let Agreement { contract: own, contract_above: above, .. } = *agreed;
    let protocol = match agreed.protocol {
        0 => String::new(),
        version => format!("，双方使用协议 {version}"),
    };
    if !agreed.contract_refused.is_empty() {
        let words = format!("上级送来的数据约定没有采用：{}", agreed.contract_refused);
        return Finding::warning(SUBJECT, words, format!("请升级本机程序；{RELAYED}"));
    }
    let words = format!("数据约定：本机版本 {own}，上级版本 {above}{protocol}");
    match own.cmp(&above) {
        _ if above == 0 => Finding::good(SUBJECT, format!("数据约定版本 {own}，上级的还不知道{protocol}")),
        std::cmp::Ordering::Less => Finding::warning(
            SUBJECT,
            words,
            format!("上级有市级签发的新约定时会随同步送来；没有送来的，请升级本机程序。{RELAYED}"),
        ),
        std::cmp::Ordering::Greater => Finding::warning(SUBJECT, words, "请提醒上级升级程序"),
        std::cmp::Ordering::Equal => {
            Finding::good(SUBJECT, format!("数据约定版本 {own}，与上级相同{protocol}"))
        }
    }
}

/// Files that were carried up by hand and of which nothing has come back.
pub(super) fn exports(made_ms: &[u64], now_ms: u64) -> Option<Finding> {
    let first = made_ms.first()?;
    let words = format!(
        "有 {} 份导出文件还没有收到回执，最早的一份在 {}前导出",
        made_ms.len(),
        span(now_ms.saturating_sub(*first))
    );
    let advice = "请把回执文件带回并运行 shuniu bundle import；文件丢失的，再导出一次即可，内容都在本机";
    Some(Finding::warning("bundles", words, advice))
}

pub(super) fn rounds(link: &LinkStatus) -> Finding {
    const SUBJECT: &str = "sync";
    let at = |ms: u64| {
        let at = i64::try_from(ms / 1_000).ok().and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok());
        let zone = UtcOffset::from_hms(8, 0, 0).unwrap_or(UtcOffset::UTC);
        at.map_or_else(String::new, |at| {
            let at = at.to_offset(zone);
            format!("{} {:02}:{:02}", at.date(), at.hour(), at.minute())
        })
    };
    let success = if link.last_success_ms == 0 {
        "从未成功".into()
    } else {
        format!("最近成功 {}", at(link.last_success_ms))
    };
    if link.last_failure_ms > link.last_success_ms {
        let words = format!(
            "与“{}”同步失败（{}，{success}）：{}",
            link.base_name,
            at(link.last_failure_ms),
            link.last_failure
        );
        return Finding::warning(SUBJECT, words, "会自动再试；原因见下面与上级的连接");
    }
    if link.last_success_ms == 0 {
        return Finding::warning(SUBJECT, "还没有与上级同步过", "请运行 shuniu sync");
    }
    Finding::good(SUBJECT, format!("与“{}”同步正常，{success}", link.base_name))
}

pub(super) fn backlog(unsent: u64, last_success_ms: u64, now_ms: u64) -> Finding {
    const SUBJECT: &str = "backlog";
    let waits = now_ms.saturating_sub(last_success_ms) > BACKLOG_MS;
    match unsent {
        0 => Finding::good(SUBJECT, "没有等待上报的记录"),
        _ if waits => Finding::warning(
            SUBJECT,
            format!("有 {unsent} 条记录等待上报，已超过一天没有同步成功"),
            "内容都在本机；请先解决与上级的连接，并做一次备份",
        ),
        _ => Finding::good(SUBJECT, format!("有 {unsent} 条记录等待下次上报")),
    }
}

pub(super) fn beneath(bases: &[BaseReport]) -> Option<Finding> {
    let late: Vec<&str> = bases.iter().filter(|b| b.late || b.never).map(|b| b.name.as_str()).collect();
    (!late.is_empty()).then(|| {
        let words = format!("下级有 {} 个迟报或从未上报：{}", late.len(), late.join("、"));
        Finding::warning("beneath", words, "请联系这些基地；详情见 shuniu status")
    })
}

/// Children that send what cannot be taken, or ask too much.
pub(super) fn slowed(links: &[LinkStatus]) -> Option<Finding> {
    let slowed = links.iter().filter(|link| !link.slowed.is_empty());
    let words: Vec<_> = slowed.map(|link| format!("{}：{}", link.base_name, link.slowed)).collect();
    let advice = "请联系它检查程序是否损坏或被改动；没有接收的见 shuniu quarantine，其他下级不受影响";
    (!words.is_empty()).then(|| Finding::warning("conduct", words.join("；"), advice))
}

pub(super) fn quarantine(count: u64) -> Finding {
    match count {
        0 => Finding::good("quarantine", "隔离区是空的"),
        _ => Finding::warning(
            "quarantine",
            format!("隔离区有 {count} 条记录"),
            "请用 shuniu quarantine 查看原因和处理办法",
        ),
    }
}

pub(super) fn conflicts(count: u64) -> Finding {
    match count {
        0 => Finding::good("conflicts", "没有等人裁定的内容"),
        _ => Finding::warning(
            "conflicts",
            format!("有 {count} 条记录等人裁定，各方的值都已保留"),
            "请用 shuniu conflicts 查看",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level::{Bad, Good, Warning};

    const GIB: u64 = 1024 * 1024 * 1024;

    #[test]
    fn space_is_measured_against_the_database() {
        for (free, database, level) in
            [(1024, 0, Bad), (GIB, GIB, Warning), (3 * GIB, GIB, Good), (u64::MAX, u64::MAX, Good)]
        {
            assert_eq!(space(free, database).level, level, "{free} {database}");
        }
    }

    #[test]
    fn a_clock_is_judged_by_how_far_it_is_off() {
        let link =
            |offset| LinkStatus { clock_offset_ms: offset, last_success_ms: 1, ..LinkStatus::default() };
        for (offset, level, words) in [
            (500, Good, "一致"),
            (-90_000, Good, "快 90 秒"),
            (300_000, Warning, "慢 5 分钟"),
            (-2 * 86_400_000, Bad, "快 2 天"),
            (i64::MIN, Bad, "快"),
        ] {
            let found = clock(&link(offset));
            assert_eq!(found.level, level, "{offset}");
            assert!(found.words.contains(words), "{}", found.words);
        }
        assert_eq!(clock(&LinkStatus::default()).level, Warning, "never compared");
    }

    #[test]
    fn versions_are_compared_by_number() {
        for (own, parent, level, words) in [
            ("0.9.0", "0.10.0", Warning, "升级本机"),
            ("0.10.0", "0.9.0", Warning, "上级升级"),
            ("1.2.3", "1.2.3", Good, ""),
            ("1.2.3", "", Good, ""),
        ] {
            let found = version(own, parent);
            assert_eq!(found.level, level, "{own} {parent}");
            assert!(found.advice.contains(words), "{}", found.advice);
        }
    }

    #[test]
    fn contracts_are_compared_by_version() {
        let same = Agreement { protocol: 2, contract: 2, contract_above: 2, ..Default::default() };
        let refused = Agreement { contract_refused: "改了类型".into(), ..same.clone() };
        for (agreed, level, words) in [
            (same.clone(), Good, "与上级相同，双方使用协议 2"),
            (Agreement { contract_above: 3, ..same.clone() }, Warning, "本机版本 2，上级版本 3"),
            (Agreement { contract_above: 1, ..same }, Warning, "本机版本 2，上级版本 1"),
            (Agreement::default(), Good, "还不知道"),
            (refused, Warning, "没有采用：改了类型"),
        ] {
            let found = agreement(&agreed);
            assert_eq!(found.level, level, "{found:?}");
            assert!(found.words.contains(words), "{found:?}");
        }
    }

    #[test]
    fn exports_without_a_receipt_are_named() {
        assert_eq!(exports(&[], 9), None);
        let found = exports(&[1_000, 2_000], 3_601_000).unwrap();
        assert!(found.words.contains("2 份") && found.words.contains("60 分钟前"), "{found:?}");
    }

    #[test]
    fn a_backlog_is_worth_a_word_when_rounds_fail() {
        for (unsent, success, now, level) in [
            (0, 0, 9 * BACKLOG_MS, Good),
            (5, BACKLOG_MS, 2 * BACKLOG_MS, Good),
            (5, BACKLOG_MS, 3 * BACKLOG_MS, Warning),
        ] {
            assert_eq!(backlog(unsent, success, now).level, level, "{unsent} {success} {now}");
        }
    }

    #[test]
    fn rounds_that_fail_tell_the_reason() {
        let link = LinkStatus {
            last_success_ms: 5,
            last_failure_ms: 9,
            last_failure: "连接超时".into(),
            ..LinkStatus::default()
        };
        assert!(rounds(&link).words.contains("连接超时"));
        assert_eq!(rounds(&LinkStatus { last_success_ms: 10, ..link }).level, Good);
    }

    #[test]
    fn a_server_that_was_killed_is_told_from_one_that_was_stopped() {
        let found = |published, served, answers| server("0.0.0.0:7443", published, served, answers);
        assert_eq!(found(true, true, Some(true)).level, Good);
        assert_eq!(found(true, true, Some(false)).level, Warning);
        assert!(found(true, false, None).words.contains("断电"));
        assert!(found(false, false, None).words.contains("没有运行"));
    }

    #[test]
    fn what_is_not_good_says_what_to_do() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let all = [
            writable(Err(denied)),
            keys(&["secret.key"]),
            database(&["row 5 missing".into()]),
            quarantine(1),
            conflicts(1),
            closed(&NodeError::NoParent),
        ];
        for found in all {
            assert!(found.level > Good && !found.advice.is_empty(), "{found:?}");
        }
    }
}
