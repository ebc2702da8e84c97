//! Live changes at the child's side: keeps Watch open to the parent, and runs a round whenever changes ask for one.
//! Beside the schedule, which goes on as it would without.

use std::sync::Arc;
use std::time::Duration;

use sync::schedule::retry_delays;
use sync::watch::{Down, SAY_EVERY_MS};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use wire::since;
use wire::sync::sync_client::SyncClient;
use wire::sync::{WatchDown, WatchUp};

use crate::error::NodeError;
use crate::node::Node;
use crate::round;
use crate::setup::unreachable;

/// A round that waits for its time is looked at again at least this often, in case the clock was set.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// Opening Watch takes no longer than this, or the parent is as good as away.
const OPEN_WITHIN: Duration = Duration::from_secs(30);

/// Runs until it is dropped.
pub(crate) async fn run(node: Arc<Node>) {
    if node.upstream().is_none() || !node.config.sync.live {
        return std::future::pending().await;
    }
    tokio::join!(keep_listening(&node), keep_syncing(&node));
}

/// Keeps Watch open. Waits grow until a round has succeeded over it: a parent that lets nodes in and then fails them
/// is not asked every second.
async fn keep_listening(node: &Arc<Node>) {
    let mut delays = retry_delays(rand::random());
    loop {
        if !node.may_ask(since::WATCH) {
            // The parent's program is older: changes wait for the schedule until it has been upgraded.
            tokio::time::sleep(LOOK_AGAIN).await;
            continue;
        }
        let before = node.office.live_rounds();
        let ended = listen(node).await;
        node.office.live_connected(false);
        let replaced = matches!(&ended, Err(error) if error.code() == "conflict");
        if node.office.live_rounds() > before && !replaced {
            delays = retry_delays(rand::random());
        }
        let delay = delays.next().unwrap_or(LOOK_AGAIN);
        match ended {
            Ok(()) => tracing::info!(?delay, "the live line has ended, will open it again"),
            Err(error) => tracing::info!(%error, ?delay, "no live line, will try again"),
        }
        tokio::time::sleep(delay).await;
    }
}

/// Holds Watch open once: until it ends, or the connection is given up.
async fn listen(node: &Arc<Node>) -> Result<(), NodeError> {
    let mut hung_up = node.hung_up.subscribe();
    let mut client = SyncClient::new(node.parent()?).max_decoding_message_size(WORD_BYTES);
    let address = &node.parent_address();
    let (said, up) = mpsc::channel(1);
    let opened = tokio::time::timeout(OPEN_WITHIN, client.watch(ReceiverStream::new(up))).await;
    let silent = |_| NodeError::Unreachable { address: address.clone(), words: "上级没有回应".into() };
    let mut told = opened.map_err(silent)?.map_err(|s| unreachable(address, s))?.into_inner();
    node.office.live_connected(true);
    tracing::info!("the live line is open");
    tokio::select! {
        ended = hear(node, &mut told) => ended,
        () = say(node, &said) => Ok(()),
        _ = hung_up.changed() => Ok(()),
    }
}

async fn hear(node: &Node, told: &mut Streaming<WatchDown>) -> Result<(), NodeError> {
    let address = &node.parent_address();
    while let Some(down) = told.message().await.map_err(|s| unreachable(address, s))? {
        if let Some(down) = Option::<Down>::try_from(down)? {
            node.office.live_heard(down);
        }
    }
    Ok(())
}

/// Tells the parent how far called nodes have come; what happens within a moment goes together.
async fn say(node: &Node, said: &mpsc::Sender<WatchUp>) {
    loop {
        let mut progress = node.office.live_says().await.into_iter().map(Into::into).peekable();
        while progress.peek().is_some() {
            let some = progress.by_ref().take(SAID_AT_ONCE).collect();
            if said.send(WatchUp { progress: some }).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(SAY_EVERY_MS)).await;
        }
    }
}

/// Words of progress in one message: some 100 bytes each.
const SAID_AT_ONCE: usize = 500;
/// Largest word of Watch: a position, or a call with its reason.
const WORD_BYTES: usize = 16 * 1024;

/// Runs rounds when changes ask for them.
async fn keep_syncing(node: &Arc<Node>) {
    let mut delays = retry_delays(rand::random());
    loop {
        wait_until_due(node).await;
        match round::run_if_due(node).await {
            Ok(Some(report)) => {
                delays = retry_delays(rand::random());
                node.office.live_ended(report.pushed + report.pulled + report.withdrawn + report.refused > 0);
                // The interval begins anew.
                node.wake.notify_one();
                tracing::debug!(pushed = report.pushed, pulled = report.pulled, "synced live");
            }
            Ok(None) => {}
            Err(error) => {
                let delay = delays.next().unwrap_or(LOOK_AGAIN);
                tracing::warn!(%error, ?delay, "live sync failed, will try again");
                tokio::time::sleep(delay).await;
            }
        }
    }
}

async fn wait_until_due(node: &Arc<Node>) {
    loop {
        let wait = match node.office.live_due(&node.schedule) {
            Some(due) => Duration::from_millis(due.saturating_sub(node.office.now_ms())).min(LOOK_AGAIN),
            None => LOOK_AGAIN,
        };
        if wait.is_zero() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = node.office.live_rings() => {}
        }
    }
}
