//! `shuniu move`.

use wire::admin::{MoveAnswer, MoveRequest};

use crate::commands::Context;
use crate::exit::Exit;
use crate::json;
use crate::session::with_node;
use crate::times::number;

#[derive(Debug, clap::Args)]
pub struct Move {
    /// 要调整的基地：编码、名称或编号 / The base that gets another place: its code, name or id
    base: String,

    /// 新的上级基地 / The base that is to be above it
    #[arg(long, value_name = "BASE", required_unless_present = "into")]
    to: Option<String>,

    /// 撤并：并入哪个基地，辖区和记录都归它 / Merge it into this base, which takes over its jurisdiction and records
    #[arg(long, value_name = "BASE", conflicts_with = "to")]
    into: Option<String>,
}

impl Move {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        let merge = self.into.is_some();
        let request = MoveRequest {
            base: self.base,
            to: self.to.unwrap_or_default(),
            into: self.into.unwrap_or_default(),
        };
        let answer =
            with_node(&at.folder, async |node| Ok(node.admin().r#move(request).await?.into_inner())).await?;
        let value = json::of("shuniu.admin.v1.MoveAnswer", &answer)?;
        at.out.answer(|| value, || if merge { merged(&answer) } else { moved(&answer) })?;
        Ok(Exit::Done)
    }
}

fn moved(answer: &MoveAnswer) -> String {
    format!(
        "“{}”的上级已由“{}”调整为“{}”。各节点下次同步时得知；它尚未上报的内容不会丢，会报给新的上级。\n\
         如果原上级的节点已不能用，请在市级节点运行 shuniu registry export，把文件带到“{}”的节点上运行 shuniu registry import。",
        answer.base_name, answer.from_name, answer.to_name, answer.base_name
    )
}

fn merged(answer: &MoveAnswer) -> String {
    let MoveAnswer { base_name, to_name, .. } = answer;
    let (codes, moved, kept) = (number(answer.codes), number(answer.moved), number(answer.kept));
    let mut words = format!(
        "“{base_name}”已并入“{to_name}”：{codes} 个区划代码、{moved} 条记录归“{to_name}”；{kept} 条保存后不再改动的记录\
         仍记在“{base_name}”名下，由“{to_name}”的节点代管。\n\
         “{base_name}”的节点不能再录入，但还可以上报没有上报的内容，同一项两边都改过的会并存，不会丢。\n\
         报完以后请运行 shuniu revoke 停用它的节点；各节点的情况见 shuniu status。"
    );
    for left in &answer.left {
        words.push_str(&format!("\n没有改动：{left}"));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merger_in_words() {
        let answer = MoveAnswer {
            base_name: "东城街道".into(),
            to_name: "西城街道".into(),
            codes: 1,
            moved: 1_200,
            kept: 30,
            left: vec!["通知 台风停工：太大".into()],
            ..Default::default()
        };
        let words = merged(&answer);
        for part in ["“东城街道”已并入“西城街道”", "1,200 条记录归", "30 条保存后", "没有改动：通知"]
        {
            assert!(words.contains(part), "{part}: {words}");
        }
    }
}
