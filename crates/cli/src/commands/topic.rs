//! `shuniu help`.

use crate::args;
use crate::commands::Context;
use crate::exit::{self, Exit};
use crate::failure::usage;

/// The topics that are no commands.
const EXIT_CODES: &str = "exit-codes";
const JSON: &str = "json";

/// What programs may rely on.
const JSON_HELP: &str = "\
加 --json 后，标准输出只有一个 JSON 值，供程序读取：
With --json, standard output is one JSON value, for programs:

  字段名与 proto/shuniu/record/v1、proto/shuniu/admin/v1 中的相同：get 为 Record，list 为 ListAnswer，put 为 PutAnswer，
  history 为 HistoryAnswer，figure 为 FigureAnswer，status 为 StatusAnswer，sync 为 SyncReport，revoke 为 RevokeAnswer，
  conflicts 为 ConflictsAnswer，resolve 为 ResolveAnswer；quarantine 为 QuarantineAnswer，其 release、drop 为
  SettleQuarantinedAnswer，log 为 DecisionsAnswer。
  Names are those of proto/shuniu/record/v1 and admin/v1; the messages are as named above.
  import 为 ImportReport，另有 refused_file（没有则为 null）；invite 为 InviteAnswer，其中 file 是邀请文件的位置。
  import is ImportReport and refused_file; in the InviteAnswer of invite, file is where the invite was written.
  init：base, root_pin；join：base, base_name, federation, parent_name；export：path, records, watermark；
  backup 为 BackupAnswer；restore：base_name, federation, records, taken_at_ms, moved；
  backup is BackupAnswer; restore as named above.
  doctor：well，findings 每项有 level（good、warning、bad）, subject, words, advice / level is one of these three;
  serve：ready, children, admin, base_name，每次启动一行 / one line when ready；schema：kinds。
  编号和字节为十六进制；64 位整数为数字；时刻为 UTC 毫秒；记录的 json 展开为对象 fields。
  Ids and bytes are hexadecimal, 64-bit integers are numbers, instants are UTC milliseconds; a record's json is the
  object fields.
  失败时为 {\"error\":{\"code\",\"message\"}}，code 见 shuniu help exit-codes；说明文字在标准错误输出。
  A failure is {\"error\":{\"code\",\"message\"}}; the words for people are on standard error.
";

#[derive(Debug, clap::Args)]
pub struct Help {
    /// 命令名，或 exit-codes（退出码）、json（程序读的输出） / The name of a command, or exit-codes, or json
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
        Some(JSON) => Ok(JSON_HELP.to_owned()),
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
