//! `shuniu registry`: the root's signed word on who sits where, carried by hand.

use std::path::PathBuf;

use wire::admin::{ExportRegistryRequest, ImportRegistryRequest};

use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::usage;
use crate::session::with_node;
use crate::{files, json, times};

/// A city has some hundred bases of some KiB each.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

#[derive(Debug, clap::Args)]
pub struct Registry {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// 把市级签发的基地名录写成文件 / Write the registry of bases, as the root signed it, to a file
    Export {
        /// 文件写到哪里 / Where to write it
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// 读取市级签发的名录文件；上级调整了，本节点就改连新的上级 / Take such a file; a node that was moved then dials its new
    /// parent
    Import {
        /// 名录文件 / The file
        file: PathBuf,
    },
}

impl Registry {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        match self.what {
            What::Export { out } => export(at, out).await,
            What::Import { file } => import(at, file).await,
        }
    }
}

async fn export(at: &Context, out: PathBuf) -> anyhow::Result<Exit> {
    if out.exists() {
        return Err(usage(format!("文件 {} 已存在，请换一个名字 / the file exists", out.display())));
    }
    let request = ExportRegistryRequest {};
    let answer =
        with_node(&at.folder, async |node| Ok(node.admin().export_registry(request).await?.into_inner()))
            .await?;
    files::write_secret(&out, &answer.file)?;
    let mut value = json::of("shuniu.admin.v1.ExportRegistryAnswer", &answer)?;
    value["file"] = out.display().to_string().into();
    at.out.answer(
        || value,
        || {
            format!(
                "名录（{} 个基地，市级 {} 签发）写在 {}。带到要调整的节点上运行：shuniu registry import {}",
                answer.bases,
                times::instant_or(answer.at_ms, "—"),
                out.display(),
                out.display()
            )
        },
    )?;
    Ok(Exit::Done)
}

async fn import(at: &Context, file: PathBuf) -> anyhow::Result<Exit> {
    let bytes = files::read_bytes(&file, FILE_BYTES_MAX)?;
    let request = ImportRegistryRequest { file: bytes };
    let answer =
        with_node(&at.folder, async |node| Ok(node.admin().import_registry(request).await?.into_inner()))
            .await?;
    let value = json::of("shuniu.admin.v1.ImportRegistryAnswer", &answer)?;
    at.out.answer(
        || value,
        || {
            let when = times::instant_or(answer.at_ms, "—");
            match (answer.news, answer.moved) {
                (false, _) => format!("本节点的名录已是这一份（{when} 签发）或更新的，没有改动。"),
                (true, true) => format!(
                    "名录已更新（{when} 签发）。本节点的上级现在是“{}”，会自动改连。",
                    answer.parent_name
                ),
                (true, false) => format!("名录已更新（{when} 签发，{} 个基地），上级没有变。", answer.bases),
            }
        },
    )?;
    Ok(Exit::Done)
}
