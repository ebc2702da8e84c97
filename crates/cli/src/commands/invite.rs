//! `shuniu invite`.

use std::path::PathBuf;

use wire::admin::{InviteAnswer, InviteRequest};

use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::usage;
use crate::session::with_node;
use crate::{files, json, times};

/// How long an invite can be used at most: a month; one that lies about longer is more likely lost than used.
const HOURS_MAX: u64 = 31 * 24;

#[derive(Debug, clap::Args)]
pub struct Invite {
    /// 要邀请的基地：名录里的编码、名称或编号 / The base to invite: its code, name or id in the registry
    base: String,

    /// 下级用哪个地址连接本节点；不写则用建立节点时的地址 / Address under which the child reaches this node
    #[arg(long, value_name = "HOST:PORT", default_value = "", hide_default_value = true)]
    address: String,

    /// 邀请在多少小时内有效 / For how many hours the invite can be used
    #[arg(long, default_value_t = 72, value_parser = clap::value_parser!(u64).range(1..=HOURS_MAX))]
    hours: u64,

    /// 邀请文件写到哪里；不写则为“基地名称.invite” / Where to write the invite file; <name>.invite when left out
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// 基地还不在名录里时：它的名称 / Name of a base that is not in the registry yet
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,

    /// 基地还不在名录里时：它的层级 / Rung of a base that is not in the registry yet
    #[arg(long, default_value = "", hide_default_value = true)]
    rung: String,

    /// 基地还不在名录里时：它负责的行政区划代码，可写多次 / Division codes of a base not in the registry yet
    #[arg(long, value_name = "CODE")]
    jurisdiction: Vec<String>,

    /// 基地还不在名录里时：它的上级；不写则为本节点的基地 / Base above one that is not in the registry yet
    #[arg(long, value_name = "BASE", default_value = "", hide_default_value = true)]
    parent: String,
}

impl Invite {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        // Asked before the node makes the invite: a secret that cannot be written down is lost.
        if let Some(out) = self.out.as_deref().filter(|out| out.exists()) {
            return Err(usage(format!("文件 {} 已存在，请换一个名字 / the file exists", out.display())));
        }
        let out = self.out.clone();
        let request = self.request();
        let answer =
            with_node(&at.folder, async |node| Ok(node.admin().invite(request).await?.into_inner())).await?;
        let file = out.unwrap_or_else(|| files::free_path(&PathBuf::from(default_name(&answer))));
        files::write_secret(&file, &answer.file)?;
        let mut value = json::of("shuniu.admin.v1.InviteAnswer", &answer)?;
        // The secret is in the file; a log that keeps this answer must not hold it too.
        value["file"] = file.display().to_string().into();
        at.out.answer(|| value, || words(&answer, &file.display().to_string()))?;
        Ok(Exit::Done)
    }

    fn request(self) -> InviteRequest {
        InviteRequest {
            base: self.base,
            address: self.address,
            valid_hours: self.hours,
            name: self.name,
            rung: self.rung,
            jurisdiction: self.jurisdiction,
            parent: self.parent,
        }
    }
}

fn default_name(answer: &InviteAnswer) -> String {
    format!("{}.invite", files::safe_name(&answer.base_name))
}

fn words(answer: &InviteAnswer, file: &str) -> String {
    format!(
        "给“{}”的邀请写在 {file}，{} 前可用一次。\n\
         它等于一把钥匙：请当面或用可靠的方式交给对方，不要发到群里。\n对方运行：shuniu join {file}",
        answer.base_name,
        times::instant_or(answer.expires_at_ms, "—")
    )
}
