//! Verifying, as the administrator asks for it.

use std::sync::Arc;

use office::{Found, Verified};
use tokio::sync::mpsc;
use tonic::Status;
use wire::admin::verify_event::Event;
use wire::admin::{UnequalRecord, VerifyEvent, VerifyProgress, VerifyReport};

use crate::compare;
use crate::error::node_status;
use crate::node::Node;

/// Compares, and tells how far it is; at the end what was found.
pub(crate) async fn run(node: Arc<Node>, events: mpsc::Sender<Result<VerifyEvent, Status>>) {
    let mut tell = |compared| {
        // A reader that is slow, or gone, misses some progress.
        drop(events.try_send(Ok(of(Event::Progress(VerifyProgress { compared })))));
    };
    let verified = match compare::verify(&node, &mut tell).await {
        Ok(verified) => verified,
        Err(error) => return events.send(Err(node_status(error))).await.unwrap_or_default(),
    };
    let done = report(&node, &verified);
    let records = verified.found.into_iter().map(|found| Event::Record(record(found)));
    for event in records.chain([Event::Done(done)]) {
        if events.send(Ok(of(event))).await.is_err() {
            return;
        }
    }
}

fn of(event: Event) -> VerifyEvent {
    VerifyEvent { event: Some(event) }
}

fn report(node: &Node, verified: &Verified) -> VerifyReport {
    VerifyReport {
        parent: verified.parent.to_string(),
        parent_name: node.office.tree().name(verified.parent),
        equal: verified.equal,
        in_flight: verified.in_flight(),
        amiss: verified.amiss(),
        named: verified.found.len() as u64,
        resync: verified.resync,
    }
}

fn record(found: Found) -> UnequalRecord {
    UnequalRecord {
        kind: found.kind,
        id: found.id.to_string(),
        title: found.title,
        place: found.place.code().into(),
        place_words: found.place.words().into(),
        why: found.why.code().into(),
        why_words: found.why.words().into(),
        detail: found.detail,
        in_flight: found.why.is_in_flight(),
    }
}
