//! Syncing by itself: on the schedule, sooner after a failure; and renewing the certificate in time.

use std::sync::Arc;
use std::time::Duration;

use sync::schedule::retry_delays;
use time::OffsetDateTime;
use wire::enrolment::enrolment_client::EnrolmentClient;
use wire::enrolment::{RenewAnswer, RenewRequest};

use crate::error::NodeError;
use crate::node::{Node, lock};
use crate::round;
use crate::upstream::name_in;

/// A certificate is renewed when less than this is left of its 90 days: a street may be without network for weeks.
const RENEW_BEFORE: time::Duration = time::Duration::days(60);
/// The schedule is looked at again at least this often, in case the clock was set.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Runs until it is dropped.
pub(crate) async fn run(node: Arc<Node>) {
    if node.upstream().is_none() {
        return keep_root(node).await;
    }
    let mut last_ms = 0;
    let mut retries = retry_delays(rand::random());
    loop {
        let now_ms = node.office.now_ms();
        let spread_ms = *lock(&node.spread_ms);
        let next_ms = node.schedule.next(now_ms, last_ms, spread_ms);
        *lock(&node.next_sync_ms) = next_ms.unwrap_or(0);
        let wait = next_ms.map_or(LOOK_AGAIN, |next| Duration::from_millis(next.saturating_sub(now_ms)));
        tokio::select! {
            () = tokio::time::sleep(wait.min(LOOK_AGAIN)) => {}
            () = node.wake.notified() => {
                // Somebody synced by hand: the interval begins anew.
                last_ms = node.office.now_ms();
                continue;
            }
        }
        if next_ms.is_none_or(|next| node.office.now_ms() < next) {
            continue;
        }
        match once(&node).await {
            Ok(()) => {
                retries = retry_delays(rand::random());
                last_ms = node.office.now_ms();
            }
            Err(error) => {
                let delay = retries.next().unwrap_or(LOOK_AGAIN);
                tracing::warn!(error = %error, ?delay, "sync failed, will try again");
                *lock(&node.next_sync_ms) = node.office.now_ms() + delay.as_millis() as u64;
                tokio::select! {
                    () = tokio::time::sleep(delay) => {}
                    () = node.wake.notified() => {}
                }
            }
        }
    }
}

async fn once(node: &Arc<Node>) -> Result<(), NodeError> {
    let report = round::run(node, &mut |_| {}).await?;
    tracing::info!(pushed = report.pushed, pulled = report.pulled, took_ms = report.took_ms, "synced");
    Ok(())
}

/// The root has nobody to sync with and nobody to ask for a certificate: it issues its own.
async fn keep_root(node: Arc<Node>) {
    loop {
        if let Err(error) = renew(&node).await {
            tracing::error!(%error, "cannot renew this node's certificate");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Renews this node's certificate when it is due; called after every round, by schedule or by hand.
pub(crate) async fn renew(node: &Arc<Node>) -> Result<(), NodeError> {
    let now = OffsetDateTime::now_utc();
    let Some(request) = due_request(node, now)? else { return Ok(()) };
    if node.upstream().is_some() {
        let mut client = EnrolmentClient::new(node.parent()?);
        return adopt(node, &client.renew(request).await?.into_inner());
    }
    let me = node.office.me().base.0;
    let leaf = node.folder.authority()?.issue_leaf(&request.leaf_csr, me, now, pki::LEAF_DAYS)?;
    adopt(node, &RenewAnswer { leaf_chain_pem: leaf.chain_pem, authority_chain_pem: String::new() })
}

/// The request for new certificates, when they are due.
pub(crate) fn due_request(node: &Node, now: OffsetDateTime) -> Result<Option<RenewRequest>, NodeError> {
    let current = node.identity.current();
    // A node that was moved, or a base above it, carries a new name. One whose base another node serves by now keeps its
    // own for what it still has to deliver.
    let name = name_in(&node.office.tree(), node.office.me().base);
    let name = name.filter(|name| name.base() == node.office.me().base.0);
    let renamed = name.is_some_and(|name| name != *current.name());
    if current.not_after() - now > RENEW_BEFORE && !renamed {
        return Ok(None);
    }
    let (leaf, authority) = (node.folder.leaf_key()?, node.folder.authority_key()?);
    Ok(Some(RenewRequest { leaf_csr: leaf.csr_der()?, authority_csr: authority.csr_der()? }))
}

/// Uses new certificates of this node from now on.
pub(crate) fn adopt(node: &Node, issued: &RenewAnswer) -> Result<(), NodeError> {
    if !issued.authority_chain_pem.is_empty() {
        node.folder.write_authority_chain(&issued.authority_chain_pem)?;
    }
    node.folder.write_leaf(&issued.leaf_chain_pem)?;
    node.identity.replace(node.folder.identity()?)?;
    node.hang_up();
    tracing::info!("certificate renewed");
    Ok(())
}
