//! Doing many things at once, but not too many.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::error::DemoError;

/// Processes at once: each does little but wait for the other; more gain nothing on two processors.
const AT_ONCE: usize = 6;

/// Does `work` for every item, several at a time; the answers are in the order of the items.
pub(crate) async fn each<T, R, F>(
    items: impl IntoIterator<Item = T>,
    work: impl Fn(T) -> F,
) -> Result<Vec<R>, DemoError>
where
    R: Send + 'static,
    F: Future<Output = Result<R, DemoError>> + Send + 'static,
{
    let turnstile = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (at, item) in items.into_iter().enumerate() {
        let (turnstile, job) = (turnstile.clone(), work(item));
        running.spawn(async move {
            // The semaphore is never closed.
            let _turn = turnstile.acquire_owned().await.ok();
            (at, job.await)
        });
    }
    let mut done = Vec::with_capacity(running.len());
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok((at, answer)) => done.push((at, answer?)),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
    done.sort_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, answer)| answer).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_keep_their_order() {
        let done = each(0..50u64, |n| async move {
            tokio::time::sleep(std::time::Duration::from_micros(50 - n)).await;
            Ok(n)
        });
        assert_eq!(done.await.unwrap(), (0..50).collect::<Vec<_>>());
    }
}
