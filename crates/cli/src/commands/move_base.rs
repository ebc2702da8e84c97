//! `shuniu move`.

use wire::admin::MoveRequest;

use crate::commands::Context;
use crate::exit::Exit;
use crate::json;
use crate::session::with_node;

#[derive(Debug, clap::Args)]
pub struct Move {
    /// 要调整的基地：编码、名称或编号 / The base that gets another place: its code, name or id
    base: String,

    /// 新的上级基地 / The base that is to be above it
    #[arg(long, value_name = "BASE")]
    to: String,
}

impl Move {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        let request = MoveRequest { base: self.base, to: self.to };
        let answer =
            with_node(&at.folder, async |node| Ok(node.admin().r#move(request).await?.into_inner())).await?;
        let value = json::of("shuniu.admin.v1.MoveAnswer", &answer)?;
        at.out.answer(
            || value,
            || {
                format!(
                    "“{}”的上级已由“{}”调整为“{}”。各节点下次同步时得知；它尚未上报的内容不会丢，会报给新的上级。\n\
                     如果原上级的节点已不能用，请在市级节点运行 shuniu registry export，把文件带到“{}”的节点上运行 shuniu registry import。",
                    answer.base_name, answer.from_name, answer.to_name, answer.base_name
                )
            },
        )?;
        Ok(Exit::Done)
    }
}
