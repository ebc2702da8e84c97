//! The root's word on the bases as a file, for a node that no connection reaches: its parent is dead, or in a network
//! of its own.

use prost::Message as _;
use wire::admin::{ExportRegistryAnswer, ImportRegistryAnswer};
use wire::sync::SignedRegistry;

use crate::error::{NodeError, status};
use crate::node::Node;
use crate::statement;

pub(crate) async fn export(node: &Node) -> Result<ExportRegistryAnswer, NodeError> {
    let (at_ms, signed) = statement::latest(node).await?;
    if at_ms == 0 {
        let words = "本节点还没有收到过市级签发的名录:请先与上级同步一次,或在市级节点上导出 / no statement is held here yet";
        return Err(status("not_found", words).into());
    }
    let bases = node.office.tree().len() as u64;
    Ok(ExportRegistryAnswer { file: signed.encode_to_vec(), at_ms, bases })
}

pub(crate) async fn import(node: &Node, file: &[u8]) -> Result<ImportRegistryAnswer, NodeError> {
    let damaged = || {
        let words = "文件不是名录文件,或已损坏;没有改动任何内容,请重新复制 / not a registry file, or damaged";
        NodeError::from(status("invalid", words))
    };
    let signed = SignedRegistry::decode(file).map_err(|_| damaged())?;
    let said = match statement::check(node, &signed) {
        Ok(said) => said.ok_or_else(damaged)?,
        Err(NodeError::Pki(pki::PkiError::Statement)) => {
            let words = "名录文件不是本联邦的市级节点签发的,或被改动过;没有改动任何内容 / not signed by this federation's root";
            return Err(status("not_allowed", words).into());
        }
        Err(other) => return Err(other),
    };
    let news = statement::hear(node, &signed).await?;
    let moved = node.follow()?;
    if moved {
        node.wake.notify_one();
    }
    let tree = node.office.tree();
    let parent_name = node.office.parent().map(|p| tree.name(p)).unwrap_or_default();
    Ok(ImportRegistryAnswer {
        news,
        at_ms: said.kept.at_ms,
        bases: said.bases.len() as u64,
        parent_name,
        moved,
    })
}
