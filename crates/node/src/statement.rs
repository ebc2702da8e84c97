//! The root's signed statement of who sits where: making it, checking it, exchanging it.

use std::sync::Arc;

use office::KeptStatement;
use prost::Message as _;
use sync::parent::Incoming;
use tonic::transport::Channel;
use wire::enrolment::enrolment_client::EnrolmentClient;
use wire::sync::{RegistryStatement, SignedRegistry};

use crate::error::NodeError;
use crate::node::{Node, lock};
use crate::setup::unreachable;

/// What sort of statement the root's signature stands under.
const CONTEXT: &str = "shuniu registry 1";

/// What a statement says, once its signature has been checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    pub kept: KeptStatement,
    pub bases: Vec<Incoming>,
}

/// The latest statement that this node can give, with its time.
pub(crate) async fn latest(node: &Node) -> Result<(u64, SignedRegistry), NodeError> {
    let tree = node.office.tree();
    if let Some((of, at_ms, signed)) = &*lock(&node.statement)
        && Arc::ptr_eq(of, &tree)
    {
        return Ok((*at_ms, signed.clone()));
    }
    let (at_ms, signed) = find(node).await?;
    *lock(&node.statement) = Some((tree, at_ms, signed.clone()));
    Ok((at_ms, signed))
}

/// At the root: signed anew if the bases have changed; elsewhere what is kept.
async fn find(node: &Node) -> Result<(u64, SignedRegistry), NodeError> {
    let news = if node.upstream().is_none() { node.office.to_be_signed().await? } else { None };
    let Some((at_ms, rows)) = news else {
        let kept = node.office.statement().await?;
        let damaged =
            |_| NodeError::Protocol { words: "保存的名录声明已损坏 / damaged statement".into() };
        return Ok((kept.at_ms, SignedRegistry::decode(kept.bytes.as_slice()).map_err(damaged)?));
    };
    let statement = RegistryStatement { at_ms, records: wire::pack_all(&rows)? }.encode_to_vec();
    let signature = node.folder.authority()?.sign_statement(CONTEXT, &statement)?;
    let signed = SignedRegistry { statement, signature };
    let kept = KeptStatement { at_ms, bytes: signed.encode_to_vec() };
    node.office.keep_signed(&kept, &rows).await?;
    Ok((at_ms, signed))
}

/// Checks a statement; an empty one says nothing.
pub(crate) fn check(node: &Node, signed: &SignedRegistry) -> Result<Option<Said>, NodeError> {
    if signed.statement.is_empty() {
        return Ok(None);
    }
    node.identity.current().check_statement(CONTEXT, &signed.statement, &signed.signature)?;
    let malformed =
        |_| NodeError::Protocol { words: "名录声明无法读取 / unreadable statement".into() };
    let said = RegistryStatement::decode(signed.statement.as_slice()).map_err(malformed)?;
    let mut bases = Vec::new();
    for packed in &said.records {
        bases.extend(wire::unpack(packed)?.records);
    }
    let kept = KeptStatement { at_ms: said.at_ms, bytes: signed.encode_to_vec() };
    Ok(Some(Said { kept, bases }))
}

/// Takes a statement if it is later than what is held; answers whether it was.
pub(crate) async fn hear(node: &Node, signed: &SignedRegistry) -> Result<bool, NodeError> {
    let Some(said) = check(node, signed)? else { return Ok(false) };
    let heard = node.office.hear_root(&said.kept, &said.bases).await?;
    if heard {
        *lock(&node.statement) = None;
    }
    Ok(heard)
}

/// Exchanges statements with the parent, whether or not it lets this node in (H2). Answers whether either side learnt
/// anything.
pub(crate) async fn exchange(node: &Arc<Node>, channel: Channel, address: &str) -> Result<bool, NodeError> {
    let (at_ms, own) = latest(node).await?;
    let mut client = EnrolmentClient::new(channel).max_decoding_message_size(wire::MESSAGE_BYTES);
    let answer = client.exchange_registry(own).await.map_err(|s| unreachable(address, s))?.into_inner();
    let theirs = check(node, &answer)?.map_or(0, |said| said.kept.at_ms);
    let heard = hear(node, &answer).await?;
    // A parent that took this node's statement answers with it.
    Ok(heard || (at_ms > 0 && theirs == at_ms))
}
