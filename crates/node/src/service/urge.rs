//! 催报 as the administrator follows it: every called node, stage by stage.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use causal::BaseId;
use office::Office;
use record::Tree;
use sync::watch::{CallId, OpenCall, Progress, Stage};
use tokio::sync::mpsc;
use tonic::Status;
use wire::admin::{StandingCall, UrgeEvent, UrgeReport, UrgeRequest, UrgeStage, urge_event::Event};

use crate::error::office_status;

/// How long a call stands unless the administrator says otherwise: who is off today is called tomorrow morning.
const STANDS_MINUTES: u64 = 24 * 60;
/// The call is looked at again at least this often: its time may be over.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

pub(crate) type Events = mpsc::Sender<Result<UrgeEvent, Status>>;

/// Calls, and follows the call until all have reported, it ends, or nobody reads any more.
pub(crate) async fn urge(office: &Arc<Office>, asked: &UrgeRequest, events: Events) -> Result<(), Status> {
    let bases = asked.bases.iter().map(|words| office.resolve_base(words)).collect::<Result<Vec<_>, _>>();
    let minutes = if asked.stands_minutes == 0 { STANDS_MINUTES } else { asked.stands_minutes };
    let lasts_ms = minutes.saturating_mul(60_000);
    let bases = bases.map_err(office_status)?;
    let call = office.urge(&bases, &asked.reason, lasts_ms).await.map_err(office_status)?;
    tokio::spawn(follow(office.clone(), call, events));
    Ok(())
}

async fn follow(office: Arc<Office>, call: CallId, events: Events) {
    let mut news = office.urge_news();
    let mut shown: BTreeMap<BaseId, u64> = BTreeMap::new();
    let mut report = UrgeReport::default();
    loop {
        news.mark_unchanged();
        let Some(nodes) = office.urged(call) else { break };
        let is_done = |told: &&Progress| matches!(told.stage, Stage::Done { .. });
        report.called = nodes.len() as u64;
        report.done = nodes.iter().filter(is_done).count() as u64;
        let tree = office.tree();
        for told in nodes {
            if shown.insert(told.node, told.n) != Some(told.n)
                && !say(&events, Event::Stage(stage(&tree, told))).await
            {
                return;
            }
        }
        if report.called == report.done {
            // It only costs one more call after a restart.
            if let Err(error) = office.urge_answered().await {
                tracing::warn!(%error, "a call that was answered is still kept");
            }
            break;
        }
        tokio::select! {
            // The office outlives its sender.
            _ = tokio::time::timeout(LOOK_AGAIN, news.changed()) => {}
            () = events.closed() => return,
        }
    }
    say(&events, Event::Done(report)).await;
}

/// Whether somebody still reads.
async fn say(events: &Events, event: Event) -> bool {
    events.send(Ok(UrgeEvent { event: Some(event) })).await.is_ok()
}

/// The calls that stand, as the administrator is told them.
pub(crate) fn standing(office: &Office) -> Vec<StandingCall> {
    let tree = office.tree();
    office.calls().into_iter().map(|call| standing_call(office, &tree, call)).collect()
}

fn standing_call(office: &Office, tree: &Tree, standing: OpenCall) -> StandingCall {
    let OpenCall { call, until_ms, relayed, nodes } = standing;
    let me = office.me().base;
    let (here, below): (Vec<Progress>, Vec<Progress>) = nodes.into_iter().partition(|told| told.node == me);
    let is_done = |told: &Progress| matches!(told.stage, Stage::Done { .. });
    let (called, done) = (below.len(), below.iter().filter(|told| is_done(told)).count());
    let outstanding = below.into_iter().filter(|told| !is_done(told));
    StandingCall {
        asker: call.asker.to_string(),
        asker_name: tree.name(call.asker),
        own: !relayed,
        asked_at_ms: call.asked_at_ms,
        until_ms,
        reason: call.reason,
        called: called as u64,
        done: done as u64,
        outstanding: outstanding.map(|told| stage(tree, told)).collect(),
        here: here.into_iter().next().map(|told| stage(tree, told)),
    }
}

fn stage(tree: &Tree, told: Progress) -> UrgeStage {
    let name = match told.stage {
        Stage::Away => "away",
        Stage::Called => "called",
        Stage::Heard => "heard",
        Stage::Syncing { .. } => "syncing",
        Stage::Failed { .. } => "failed",
        Stage::Passing { .. } => "passing",
        Stage::Done { .. } => "done",
    };
    let (pushed, to_push, words) = match told.stage {
        Stage::Syncing { pushed, to_push } => (pushed, to_push, String::new()),
        Stage::Done { pushed } => (pushed, pushed, String::new()),
        Stage::Failed { words } => (0, 0, words),
        Stage::Passing { at } => (0, 0, tree.name(at)),
        Stage::Away | Stage::Called | Stage::Heard => (0, 0, String::new()),
    };
    UrgeStage {
        base: told.node.to_string(),
        base_name: tree.name(told.node),
        n: told.n,
        stage: name.into(),
        pushed,
        to_push,
        words,
    }
}
