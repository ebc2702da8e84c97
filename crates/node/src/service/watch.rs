//! The parent's side of Watch: one task per child that listens.

use std::sync::Arc;
use std::time::Duration;

use office::{Line, Office};
use sync::watch::{PROGRESS_MAX, Pace, Progress};
use tokio::sync::{mpsc, watch};
use tonic::{Status, Streaming};
use wire::sync::{WatchDown, WatchUp};

use crate::error::{invalid_status, office_status, status};
use crate::serve::stop_signal;

/// Words on their way to one child; hints coalesce behind them.
pub(crate) const WORDS_AHEAD: usize = 4;
/// A child that does not read for so long is cut; it comes back when it can.
const READ_WITHIN: Duration = Duration::from_secs(30);

type Told = mpsc::Sender<Result<WatchDown, Status>>;

/// Attends to one child until either side ends it.
pub(crate) async fn attend(
    office: Arc<Office>,
    line: Line,
    mut said: Streaming<WatchUp>,
    told: Told,
    stopped: watch::Receiver<bool>,
) {
    let ended = tokio::select! {
        ended = tell(&office, &line, &told) => ended,
        ended = hear(&office, &line, &mut said) => ended,
        () = stop_signal(stopped) => Err(status("unreachable", "上级正在停止 / the node above is stopping")),
    };
    office.watch_close(&line);
    if let Err(why) = ended {
        // A child that has gone needs no answer, and one that does not read gets none.
        drop(told.try_send(Err(why)));
    }
}

async fn tell(office: &Office, line: &Line, told: &Told) -> Result<(), Status> {
    loop {
        for down in office.watch_next(line).await.map_err(office_status)? {
            match tokio::time::timeout(READ_WITHIN, told.send(Ok(down.into()))).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Ok(()),
                Err(_) => return Err(status("unreachable", "下级长时间没有读取 / the child does not read")),
            }
        }
    }
}

/// Reads what the child says, until it ends.
async fn hear(office: &Office, line: &Line, said: &mut Streaming<WatchUp>) -> Result<(), Status> {
    let mut pace = Pace::new(office.now_ms());
    while let Some(said) = said.message().await? {
        if !pace.allows(office.now_ms()) || said.progress.len() > PROGRESS_MAX {
            return Err(status("invalid", "下级说得太多 / the child says too much"));
        }
        for told in said.progress {
            let told: Progress = told.try_into().map_err(invalid_status)?;
            office.watch_heard(line, told).map_err(office_status)?;
        }
    }
    Ok(())
}
