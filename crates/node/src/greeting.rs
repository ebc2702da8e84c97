//! The first words of a session: what this node says of itself, and what the parent answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use causal::BaseId;
use office::Office;
use sync::parent::{Hello, Welcome};
use wire::sync as pb;
use wire::{Outdated, Versions};

use crate::error::NodeError;
use crate::line::Line;
use crate::node::{Node, VERSION, lock};
use crate::round::{Client, in_time};
use crate::statement;

/// What the parent answered to a handshake.
pub(crate) struct Greeted {
    pub answer: pb::Welcome,
    pub welcome: Welcome,
    pub clock_offset_ms: i64,
}

/// What the parent last told of itself, and which base it is.
pub(crate) type Facts = Option<(BaseId, pb::Welcome)>;

/// Opens a session.
pub(crate) async fn greet(node: &Arc<Node>, client: &mut Client) -> Result<Greeted, NodeError> {
    let said = hello(node).await?;
    let sent_at_ms = said.sent_at_ms;
    let answer = in_time(&node.parent_address(), client.handshake(said)).await?;
    greeted(node, sent_at_ms, answer)
}

/// Opens a session, and the line on which its push may follow.
pub(crate) async fn open(node: &Arc<Node>, client: &mut Client) -> Result<(Greeted, Line), NodeError> {
    let said = hello(node).await?;
    let sent_at_ms = said.sent_at_ms;
    let (answer, line) = Line::of_round(client, &node.parent_address(), said).await?;
    Ok((greeted(node, sent_at_ms, answer)?, line))
}

async fn hello(node: &Arc<Node>) -> Result<pb::Hello, NodeError> {
    let office = &node.office;
    let (hello, registry_digest) = office.hello(VERSION).await?;
    let beat = hello.heartbeat;
    Ok(pb::Hello {
        statement_at_ms: statement::latest(node).await?.0,
        // Only a live call is a heartbeat: a letter that arrives late would look like a second machine.
        stands: beat.map(|beat| beat.position.into()),
        head: beat.map(|beat| pb::Dot { replica: beat.head.replica.0, tick: beat.head.tick }),
        facts: known_facts(node).map_or(0, |facts| facts.facts),
        ..hello_message(office, hello, registry_digest, office.now_ms())
    })
}

fn greeted(node: &Arc<Node>, sent_at_ms: u64, answer: pb::Welcome) -> Result<Greeted, NodeError> {
    let answer = answer.with_known(known_facts(node).as_ref());
    let clock_offset_ms =
        clock_offset(sent_at_ms, answer.received_at_ms, answer.answered_at_ms, node.office.now_ms());
    let welcome = Welcome::try_from(&answer)?;
    settled(answer.protocol)?;
    node.spoken.store(answer.protocol, Ordering::Relaxed);
    *lock(&node.facts) = node.upstream().map(|parent| (parent.base, answer.facts_alone()));
    Ok(Greeted { answer, welcome, clock_offset_ms })
}

/// Whether the parent that this node has now has answered, and nothing has failed since.
pub(crate) fn has_met(node: &Node) -> bool {
    known_facts(node).is_some()
}

/// What is remembered of the parent that this node has now.
fn known_facts(node: &Node) -> Option<pb::Welcome> {
    let parent = node.upstream()?.base;
    lock(&node.facts).as_ref().filter(|(base, _)| *base == parent).map(|(_, facts)| facts.clone())
}

/// The parent says which version of the protocol is used; it can only be one that this program speaks.
pub(crate) fn settled(protocol: u32) -> Result<(), NodeError> {
    let words = match wire::OURS.settle(Versions::told(protocol, protocol)) {
        Ok(_) => return Ok(()),
        Err(Outdated::Theirs) => "上级的程序太旧,请上级升级",
        Err(Outdated::Ours) => "上级使用的协议比本节点的程序新,请升级本节点的程序",
    };
    Err(NodeError::Protocol { words: words.into() })
}

/// What this node says of itself, but for what only a live call tells.
pub(crate) fn hello_message(
    office: &Office,
    hello: Hello,
    registry_digest: Vec<u8>,
    sent_at_ms: u64,
) -> pb::Hello {
    pb::Hello {
        protocol: wire::OURS.newest,
        protocol_oldest: wire::OURS.oldest,
        base: office.me().base.0.to_vec(),
        cursor: hello.cursor.map(Into::into),
        ack: hello.ack.map(Into::into),
        epoch: hello.epoch,
        unsent: hello.unsent,
        version: hello.version,
        contract_version: office.schema().version,
        sent_at_ms,
        registry_digest,
        statement_at_ms: 0,
        stands: None,
        head: None,
        facts: 0,
    }
}

/// The parent's clock minus this one's, as four timestamps tell it (RFC 5905, section 8).
fn clock_offset(sent: u64, received: u64, answered: u64, back: u64) -> i64 {
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    let there = signed(received).saturating_sub(signed(sent));
    let back = signed(answered).saturating_sub(signed(back));
    there.saturating_add(back) / 2
}

#[cfg(test)]
mod tests {
    use super::{clock_offset, settled};

    // Wrong: a node that goes on with a version that it does not speak, because the other side said so.
    #[test]
    fn a_parent_settles_on_a_version_that_is_spoken_here() {
        for version in wire::PROTOCOL_OLDEST..=wire::PROTOCOL {
            settled(version).unwrap();
        }
        for (version, words) in
            [(wire::PROTOCOL_OLDEST - 1, "请上级升级"), (wire::PROTOCOL + 1, "请升级本节点的程序")]
        {
            let error = settled(version).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn offset_of_clocks() {
        // The parent is 5,000 ms ahead; 40 ms there, 10 ms of work, 60 ms back.
        assert_eq!(clock_offset(1_000, 6_040, 6_050, 1_110), 4_990);
        assert_eq!(clock_offset(0, 0, 0, 0), 0);
        assert_eq!(clock_offset(u64::MAX, 0, 0, u64::MAX), i64::MIN / 2, "nonsense is bounded");
    }
}
