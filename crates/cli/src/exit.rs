//! Exit codes, one table for the program, its help and its tests.

/// How a command ended, as the number a script sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Done = 0,
    Internal = 1,
    Usage = 2,
    NotFound = 3,
    Refused = 4,
    NotAllowed = 5,
    Conflict = 6,
    Unreachable = 7,
    InUse = 8,
    DiskFull = 9,
    Invite = 10,
    NoNode = 11,
    Demo = 12,
    Differs = 13,
    Unwell = 14,
    Outstanding = 15,
    Slowed = 16,
}

/// One line of the table.
pub struct Meaning {
    pub exit: Exit,
    /// The stable codes of nodes that end in it.
    pub codes: &'static [&'static str],
    pub zh: &'static str,
    pub en: &'static str,
    /// What was kept and what to do now.
    pub advice: &'static str,
}

/// Every way in which a command can end.
pub const TABLE: [Meaning; 17] = [
    Meaning { exit: Exit::Done, codes: &["ok"], zh: "完成", en: "done", advice: "" },
    Meaning {
        exit: Exit::Internal,
        codes: &["internal"],
        zh: "程序内部错误",
        en: "internal error",
        advice: "以前保存的数据没有受影响。请再试一次；仍然出错时，把这些文字交给技术人员。",
    },
    Meaning {
        exit: Exit::Usage,
        codes: &["usage"],
        zh: "命令写法不对",
        en: "wrong usage",
        advice: "什么都没有做。写法可用“shuniu help 命令名”查看。",
    },
    Meaning {
        exit: Exit::NotFound,
        codes: &["not_found"],
        zh: "没有找到",
        en: "not found",
        advice: "什么都没有改。请核对编号、名称或文件位置；记录可用“shuniu list 类别 字词”查找。",
    },
    Meaning {
        exit: Exit::Refused,
        codes: &["invalid", "refused"],
        zh: "内容被退回，或有行未导入",
        en: "input refused, or some rows refused",
        advice: "被退回的内容没有保存，原有数据不变。请按提示改正后再提交。",
    },
    Meaning {
        exit: Exit::NotAllowed,
        codes: &["not_allowed"],
        zh: "没有权限，或证书不被接受",
        en: "not allowed (authority or certificate)",
        advice: "原有数据不变。请由数源所在基地修改，或提更正申请；证书问题请联系上级节点的管理员。",
    },
    Meaning {
        exit: Exit::Conflict,
        codes: &["conflict"],
        zh: "所见已过时，或与别人的修改冲突",
        en: "stale or conflicting",
        advice: "原有数据不变。修改记录时，请先用“shuniu get”重新读取，再按新内容修改。",
    },
    Meaning {
        exit: Exit::Unreachable,
        codes: &["unreachable"],
        zh: "连不上对方节点",
        en: "the other node cannot be reached",
        advice: "本机已保存的数据都在，恢复联网后会自动上报；也可以稍后运行“shuniu sync”。",
    },
    Meaning {
        exit: Exit::InUse,
        codes: &["in_use"],
        zh: "数据文件夹或端口正被另一个程序使用",
        en: "in use by another server",
        advice: "数据没有受影响。多半已有一个“shuniu serve”在运行，不必再启动一个；否则请换一个端口。",
    },
    Meaning {
        exit: Exit::DiskFull,
        codes: &["disk_full"],
        zh: "磁盘已满",
        en: "disk full",
        advice: "这一次没有保存；以前保存的都在。请清理磁盘后重试。",
    },
    Meaning {
        exit: Exit::Invite,
        codes: &["invite"],
        zh: "邀请文件不能用",
        en: "invite unusable",
        advice: "什么都没有改。邀请只能用一次且有期限，请向上级节点索取新的邀请文件。",
    },
    Meaning {
        exit: Exit::NoNode,
        codes: &["no_node"],
        zh: "文件夹里没有节点",
        en: "no node in the folder",
        advice: "请用 --folder 指明数据文件夹；还没有节点时，先运行“shuniu init”或“shuniu join”。",
    },
    Meaning {
        exit: Exit::Demo,
        codes: &["demo_failed"],
        zh: "演示的检查没有通过",
        en: "demo checks failed",
        advice: "演示用的数据留在文件夹里，可供查看。",
    },
    Meaning {
        exit: Exit::Differs,
        codes: &["differs"],
        zh: "与上级核对，有记录不一致",
        en: "this node and the one above do not hold the same",
        advice: "双方的记录都没有改动。请先运行“shuniu sync”，再核对一次。",
    },
    Meaning {
        exit: Exit::Unwell,
        codes: &["unwell"],
        zh: "节点检查有不正常之处",
        en: "the node is not well",
        advice: "请按每一行的提示处理，再运行“shuniu doctor”。",
    },
    Meaning {
        exit: Exit::Outstanding,
        codes: &["outstanding"],
        zh: "催报以后，还有节点没有报上来",
        en: "called nodes have not all reported",
        advice: "已报的都在。其余的一上线就会收到催报；可以稍后用“shuniu urge --list”查看，或打电话问问。",
    },
    Meaning {
        exit: Exit::Slowed,
        codes: &["slowed"],
        zh: "上级放慢了与本节点的同步",
        en: "the node above has slowed this one down",
        advice: "本机已保存的数据都在，到时会自动再报。请用“shuniu quarantine”看上级为什么没有接收，检查程序是否损坏或被改动。",
    },
];

impl Exit {
    /// The way a stable code ends; one that this program does not know is an internal error.
    pub fn of(code: &str) -> Exit {
        TABLE.iter().find(|row| row.codes.contains(&code)).map_or(Exit::Internal, |row| row.exit)
    }

    /// The number that a script sees.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Its line of the table.
    pub fn meaning(self) -> &'static Meaning {
        &TABLE[usize::from(self.number())]
    }
}

/// The table as help shows it.
pub fn help() -> String {
    let mut text = String::from("退出码，供脚本判断结果：\nExit codes, for scripts:\n\n");
    for row in &TABLE {
        let codes = row.codes.join(", ");
        text.push_str(&format!("  {:>2}  {} / {} [{codes}]\n", row.exit.number(), row.zh, row.en));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stable_code_has_its_exit() {
        for (code, number) in [
            ("internal", 1),
            ("usage", 2),
            ("not_found", 3),
            ("invalid", 4),
            ("refused", 4),
            ("not_allowed", 5),
            ("conflict", 6),
            ("unreachable", 7),
            ("in_use", 8),
            ("disk_full", 9),
            ("invite", 10),
            ("no_node", 11),
            ("demo_failed", 12),
            ("differs", 13),
            ("unwell", 14),
            ("outstanding", 15),
            ("slowed", 16),
            ("from a later program", 1),
        ] {
            assert_eq!(Exit::of(code).number(), number, "{code}");
        }
    }

    #[test]
    fn the_table_is_in_order_and_in_the_help() {
        for (number, row) in TABLE.iter().enumerate() {
            assert_eq!(usize::from(row.exit.number()), number);
            assert_eq!(row.exit.meaning().zh, row.zh);
            assert!(help().contains(row.zh) && help().contains(row.en), "{}", row.en);
            assert!(row.exit == Exit::Done || !row.advice.is_empty(), "{}", row.en);
        }
    }
}
