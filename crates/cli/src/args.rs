//! The command line: what can be written, and how help shows it.

use std::path::PathBuf;

use clap::{ArgAction, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{
    backup, bundle, conflicts, doctor, export, figure, get, history, import, init, invite, join, list,
    move_base, put, quarantine, registry, resolve, restore, revoke, schema, serve, status, sync, topic, urge,
    verify,
};
use crate::condition::{self, Condition};

/// 枢纽：社会组织孵化基地的数据，在各级之间自动上报和下发 / Shuniu: records of incubation bases, kept in step between
/// the tiers
#[derive(Debug, Parser)]
#[command(
    name = "shuniu",
    version,
    disable_help_flag = true,
    disable_help_subcommand = true,
    disable_version_flag = true,
    subcommand_required = true,
    after_help = "退出码的含义：shuniu help exit-codes，程序读的输出：shuniu help json\n\
                  What exit codes and JSON mean: shuniu help exit-codes, shuniu help json"
)]
pub struct Cli {
    /// 数据文件夹：本节点的全部数据都在里面，请定期备份 / The folder that holds all data of this node; back it up
    #[arg(long, value_name = "DIR", env = "SHUNIU_FOLDER", default_value = "./shuniu-data", global = true)]
    pub folder: PathBuf,

    /// 输出给程序读的 JSON，而不是文字 / Answer in JSON for programs instead of words
    #[arg(long, global = true)]
    pub json: bool,

    /// 显示用法 / Show how to use it
    #[arg(short, long, action = ArgAction::Help, global = true)]
    help: Option<bool>,

    /// 显示程序版本 / Show the program's version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,

    #[command(subcommand)]
    pub command: What,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum What {
    /// 新建一个联邦，本机作为市级节点 / Start a federation with this machine as its root node
    Init(init::Init),
    /// 给下级基地开一份邀请文件，凭它加入 / Write an invite file with which a base beneath joins
    Invite(invite::Invite),
    /// 凭上级给的邀请文件加入联邦 / Join a federation with the invite file from the base above
    Join(join::Join),
    /// 停用一个下级节点，立即生效 / Bar the node of a base beneath, at once
    Revoke(revoke::Revoke),
    /// 给一个基地换上级，只在市级节点上办 / Give a base another base above it; on the root's node only
    Move(move_base::Move),
    /// 用文件传递市级签发的基地名录，给连不上的节点用 / Carry the signed registry of bases to a node that no line reaches
    Registry(registry::Registry),
    /// 运行节点：按时同步，接受下级连接；按 Ctrl-C 停止 / Run the node: sync on schedule, take children; Ctrl-C stops it
    Serve(serve::Serve),
    /// 立即与上级同步一次 / Sync with the base above now
    Sync(sync::Sync),
    /// 与上级核对双方的记录是否相同，不改动任何内容 / Compare all records with the base above; changes nothing
    Verify(verify::Verify),
    /// 催报：叫下级各节点马上上报，看着他们一个个报上来 / Call the nodes beneath to sync now, and watch them do it
    Urge(urge::Urge),
    /// 看同步是否正常、谁没有上报 / See whether syncing works and who has not reported
    Status(status::Status),
    /// 检查本节点是否正常，不正常时说明怎么办 / Check whether this node is well, and what to do if not
    Doctor(doctor::Doctor),
    /// 把本节点备份到一个文件，不必停止服务 / Back this node up into one file, beside a running server
    Backup(backup::Backup),
    /// 从备份恢复本节点 / Restore this node from a backup
    Restore(restore::Restore),
    /// 看一条记录 / Show one record
    Get(get::Get),
    /// 查找记录 / Find records
    List(list::List),
    /// 新建、修改或删除一条记录 / Create, change or delete a record
    Put(put::Put),
    /// 看一条记录是谁在什么时候改的 / Show who changed a record, when and how
    History(history::History),
    /// 看哪些内容等人裁定：各方的值、现采用哪个、依据什么规则 / See what waits for a decision: the values, and which is shown
    Conflicts(conflicts::Conflicts),
    /// 裁定一项：采用其中一个值，或改用另一个值 / Settle one field: keep one of its values, or give another
    Resolve(resolve::Resolve),
    /// 看哪些记录被隔离、为什么、怎么办；再审或放弃 / See what is kept aside and why; have it judged again, or drop it
    Quarantine(quarantine::Quarantine),
    /// 从 Excel 或 CSV 表格导入 / Import from an Excel or CSV file
    Import(import::Import),
    /// 导出到 Excel、CSV 或 JSON 行 / Export to Excel, CSV or JSON lines
    Export(export::Export),
    /// 用U盘代替网络：导出给上级的文件，导入下级的文件和上级的回执 / Carry by hand: files instead of a network
    Bundle(bundle::Bundle),
    /// 统计数量，并说明数据完整到什么时候 / Count records and say how complete the figure is
    Figure(figure::Figure),
    /// 在本机演示一个完整的联邦：市、区、街道各自运行、断网、冲突、恢复 / Show a whole federation on this machine
    Demo(crate::commands::demo::Demo),
    /// 看有哪些类别、字段和冲突规则 / Show the kinds, their fields and their rules
    Schema(schema::Schema),
    /// 显示用法，可写命令名、exit-codes 或 json / Show how to use a command, or what exit codes and JSON mean
    Help(topic::Help),
}

/// Which records; shared by the commands that read many.
#[derive(Debug, Args)]
pub struct Selection {
    /// 条件，可写多次，须同时满足。如：状态=正常、状态!=注销、名称~协会（含有）、住所=（未填）、注册资金>=100000；也可用 <= > < /
    /// A condition, may be repeated, all must hold: = != >= <= > <, ~ for contains, FIELD= for not filled in
    #[arg(long = "where", value_name = "FIELD=VALUE", value_parser = condition::parse)]
    pub conditions: Vec<Condition>,

    /// 只看这个基地的记录，写名称或编号 / Only records of this base, by name or id
    #[arg(long, value_name = "BASE")]
    pub home: Option<String>,

    /// 连同该基地以下各级的记录 / Also those of the bases beneath it
    #[arg(long, requires = "home")]
    pub below: bool,

    /// 连同已删除的记录 / Also deleted records
    #[arg(long)]
    pub deleted: bool,

    /// 只看有并存值、等人裁定的记录 / Only records with concurrent values, waiting for a decision
    #[arg(long)]
    pub disputed: bool,

    /// 按哪个字段排序，前面加 - 为倒序；也可写 标题、地点、状态、更改时间 / The field to sort by, with a leading - in
    /// descending order; also title, place, state, changed
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    pub order: Option<String>,
}

/// What begins help of a command, before its arguments.
const TEMPLATE: &str = "{before-help}{about-with-newline}\n用法 Usage: {usage}\n\n{all-args}{after-help}";

impl Cli {
    /// Reads the command line.
    ///
    /// # Errors
    /// What is wrong with it, or the help or version that was asked for.
    pub fn read(words: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Cli, clap::Error> {
        let matches = command().try_get_matches_from(words)?;
        Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command()))
    }
}

/// The whole command with headings in both languages.
pub fn command() -> Command {
    localised(Cli::command())
}

fn localised(command: Command) -> Command {
    command
        .help_template(TEMPLATE)
        .subcommand_help_heading("命令 Commands")
        .mut_args(|arg| {
            let heading = match (arg.is_positional(), arg.is_global_set()) {
                (true, _) => "内容 Arguments",
                (false, false) => "选项 Options",
                (false, true) => "通用选项 Global options",
            };
            arg.help_heading(heading)
        })
        .mut_subcommands(localised)
}

/// What is wrong with a command line, in Chinese; the details follow in clap's words.
pub fn wrong(error: &clap::Error) -> &'static str {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidSubcommand => "没有这个命令",
        ErrorKind::MissingSubcommand => "没有写要做什么",
        ErrorKind::UnknownArgument => "有不认识的选项，或多写了内容",
        ErrorKind::MissingRequiredArgument => "少写了必须的内容",
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => "有一个值写得不对",
        ErrorKind::NoEquals | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => "选项后面少写了值",
        ErrorKind::TooManyValues => "多写了值",
        ErrorKind::ArgumentConflict => "这些选项不能同时使用",
        ErrorKind::InvalidUtf8 => "内容不是 UTF-8 文字",
        _ => "命令写法不对",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_both_languages(text: &str) -> bool {
        let chinese = text.chars().filter(|letter| ('一'..='鿿').contains(letter)).count();
        let english =
            text.split_whitespace().filter(|word| word.chars().all(|c| c.is_ascii_alphabetic())).count();
        chinese >= 2 && english >= 1 && text.contains(" / ")
    }

    fn check(command: &Command, path: &str) {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(has_both_languages(&about), "{path}: {about:?}");
        for arg in command.get_arguments() {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(has_both_languages(&help), "{path} {}: {help:?}", arg.get_id());
        }
        for sub in command.get_subcommands() {
            check(sub, &format!("{path} {}", sub.get_name()));
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_command_and_option_is_explained_in_both_languages() {
        check(&command(), "shuniu");
    }

    #[test]
    fn the_help_lists_every_command() {
        let mut command = command();
        let help = command.render_help().to_string();
        for sub in command.get_subcommands() {
            assert!(help.contains(&format!("  {}", sub.get_name())), "{}", sub.get_name());
        }
        assert!(help.contains("命令 Commands") && help.contains("通用选项 Global options"), "{help}");
        assert!(!help.contains("Usage: Usage"), "{help}");
    }

    #[test]
    fn command_lines() {
        let read = |line: &str| Cli::read(line.split(' ').map(Into::into));
        for line in [
            "shuniu init --federation 示例 --name 市基地 --code 440300 --jurisdiction 440300000000",
            "shuniu invite 东城街道 --hours 24 --out a.invite",
            "shuniu join a.invite --folder x",
            "shuniu revoke 东城街道 --reason 设备遗失",
            "shuniu --json serve",
            "shuniu urge",
            "shuniu urge 罗湖区 440303001 --reason 月底报表 --wait 120",
            "shuniu get organization 53100000500021676K",
            "shuniu list organization 协会 --where 状态=正常 --where 住所= --order -changed --limit 10",
            "shuniu put organization name=甲 uscc=5",
            "shuniu put organization 00ff 名称=甲 --seen 00ff",
            "shuniu import organization a.xlsx --large-amounts wan --dry-run",
            "shuniu export organization a.xlsx --home 东城街道 --below",
            "shuniu figure organization --by base,class",
            "shuniu doctor",
            "shuniu backup a.backup",
            "shuniu restore a.backup --folder x --replace",
            "shuniu quarantine --limit 5",
            "shuniu quarantine show 00ff",
            "shuniu quarantine release 00ff --on-my-word --reason 已电话核实 --user 张主任",
            "shuniu quarantine drop 00ff --reason 重复 --direction in",
            "shuniu quarantine log",
            "shuniu conflicts",
            "shuniu conflicts organization 53100000500021676K --limit 5",
            "shuniu resolve organization 53100000500021676K 名称 --keep 2 --seen 00ff",
            "shuniu resolve organization_profile 53100 桂园街道 联系电话 --value 1",
            "shuniu verify --json",
            "shuniu bundle export --out up.bundle",
            "shuniu bundle import up.bundle --receipt down.bundle",
            "shuniu help exit-codes",
        ] {
            assert!(read(line).is_ok(), "{line}: {}", read(line).unwrap_err());
        }
        for line in [
            "shuniu",
            "shuniu lst",
            "shuniu bundle",
            "shuniu list",
            "shuniu revoke 东城街道",
            "shuniu backup",
            "shuniu quarantine release 00ff --on-my-word",
            "shuniu quarantine drop 00ff",
            "shuniu resolve organization 53100 名称",
            "shuniu resolve organization 名称 --keep 1",
            "shuniu resolve organization 53100 名称 --keep 1 --value 甲",
            "shuniu list organization --where 状态",
            "shuniu list organization --below",
            "shuniu list organization --limit 0",
            "shuniu urge --hours 0",
            "shuniu import organization a.xlsx --large-amounts many",
        ] {
            let error = read(line).unwrap_err();
            assert!(has_chinese(wrong(&error)), "{line}");
        }
    }

    fn has_chinese(text: &str) -> bool {
        text.chars().any(|letter| ('一'..='鿿').contains(&letter))
    }
}
