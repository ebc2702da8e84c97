//! `shuniu revoke`.

use wire::admin::RevokeRequest;

use crate::commands::Context;
use crate::exit::Exit;
use crate::json;
use crate::session::with_node;

#[derive(Debug, clap::Args)]
pub struct Revoke {
    /// 要停用的节点的基地：编码、名称或编号 / The base whose node is barred: its code, name or id
    base: String,

    /// 停用的原因，会记入日志 / Why; kept in the log
    #[arg(long)]
    reason: String,
}

impl Revoke {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        let request = RevokeRequest { base: self.base, reason: self.reason };
        let answer =
            with_node(&at.folder, async |node| Ok(node.admin().revoke(request).await?.into_inner())).await?;
        let value = json::of("shuniu.admin.v1.RevokeAnswer", &answer)?;
        at.out.answer(
            || value,
            || {
                format!(
                    "“{}”的节点已停用，不能再连接。它已上报的数据都保留；要恢复，请重新邀请；旧证书不再有效。",
                    answer.base_name
                )
            },
        )?;
        Ok(Exit::Done)
    }
}
