//! `shuniu join`.

use std::path::PathBuf;

use node::JoinOptions;
use serde_json::json;

use crate::commands::Context;
use crate::exit::Exit;
use crate::files;

#[derive(Debug, clap::Args)]
pub struct Join {
    /// 上级节点给的邀请文件 / The invite file from the node above
    invite_file: PathBuf,

    /// 在哪个地址和端口接受本节点的下级；没有下级可不写 / Address and port on which own children are taken; none if left out
    #[arg(long, value_name = "HOST:PORT", default_value = "", hide_default_value = true)]
    listen: String,

    /// 写进本节点邀请文件的对外地址；不写则同 --listen / Address that own invites name; as --listen when left out
    #[arg(long, value_name = "HOST:PORT", default_value = "", hide_default_value = true)]
    advertise: String,
}

impl Join {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        let invite = files::read_text(&self.invite_file)?;
        let options = JoinOptions { listen: self.listen, advertise: self.advertise };
        let report = node::join(&at.folder, &invite, &options).await?;
        at.out.answer(
            || {
                json!({
                    "base": report.base,
                    "base_name": report.base_name,
                    "federation": report.federation,
                    "parent_name": report.parent_name,
                })
            },
            || {
                format!(
                    "“{}”已加入“{}”，上级是“{}”。数据在文件夹 {} 里。\n\
                     邀请文件已用过，可以删除。\n下一步：shuniu serve 运行节点。",
                    report.base_name,
                    report.federation,
                    report.parent_name,
                    at.folder.display()
                )
            },
        )?;
        Ok(Exit::Done)
    }
}
