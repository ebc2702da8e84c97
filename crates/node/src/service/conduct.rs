//! What a child is told that is slowed down, and its parent's administrator. Who is slowed down is decided in
//! `sync::conduct`.

use std::time::Instant;

use causal::BaseId;
use domain::date::{shanghai_minute, span};
use sync::conduct::{Deed, SLOW_MS, Seen, Slowed};
use sync::parent::Verdict;
use tonic::Status;

use crate::error::{invalid_status, status};
use crate::node::{Node, lock};

/// Lets a child begin a round.
pub(crate) fn begin(node: &Node, child: BaseId) -> Result<(), Status> {
    lock(&node.conduct).begin(child, node.office.now_ms()).map_err(slowed_status)
}

/// Lets a child open a stream of its round.
pub(crate) fn stream(node: &Node, child: BaseId) -> Result<(), Status> {
    lock(&node.conduct).stream(child, node.office.now_ms()).map_err(slowed_status)
}

/// Lets a child go on with what only costs this node work.
pub(crate) fn go_on(node: &Node, child: BaseId) -> Result<(), Status> {
    lock(&node.conduct)
        .slowed(child, node.office.now_ms())
        .map_or(Ok(()), |slowed| Err(slowed_status(slowed)))
}

/// Answers what a child asked, and notes how long that took.
pub(crate) async fn timed<T>(node: &Node, child: BaseId, answer: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let answer = answer.await;
    node.note(child, Deed::Busy(began.elapsed().as_millis() as u64));
    answer
}

/// A child has sent what makes no sense.
pub(crate) fn broken(node: &Node, child: BaseId, invalid: wire::Invalid) -> Status {
    node.note(child, Deed::Broken);
    invalid_status(invalid)
}

/// How a stream ended; because of what came over it, and not because of the line, is noted.
pub(crate) fn ended(node: &Node, child: BaseId, failure: Status) -> Status {
    use tonic::Code::{Internal, InvalidArgument, OutOfRange, ResourceExhausted};
    if matches!(failure.code(), Internal | InvalidArgument | OutOfRange | ResourceExhausted) {
        node.note(child, Deed::Broken);
    }
    failure
}

/// Notes what of a push was refused, and how many of its records were corrected meanwhile.
pub(crate) fn judged<'v>(
    node: &Node,
    child: BaseId,
    verdicts: impl Iterator<Item = &'v Verdict>,
    corrected: u64,
) {
    let refused = verdicts.filter(|verdict| matches!(verdict, Verdict::Quarantined(..))).count() as u64;
    if refused + corrected > 0 {
        node.note(child, Deed::Refused(refused + corrected));
    }
}

/// Why a child of this node is slowed down, in words for the administrator; empty when it is not.
pub(crate) fn words_for_parent(node: &Node, child: BaseId) -> String {
    let slowed = lock(&node.conduct).slowed(child, node.office.now_ms());
    slowed.map_or_else(String::new, |slowed| {
        format!("一小时内有{},已放慢:每 {} 只能同步一次", seen(&slowed.seen), span(SLOW_MS))
    })
}

fn seen(seen: &Seen) -> String {
    let parts = [
        (seen.refused, "条记录被退回或更正"),
        (seen.broken, "条消息不能读取或太大"),
        (seen.calls, "次呼叫"),
        (seen.busy_ms / 1_000, "秒用于回答它的询问"),
    ];
    let told = parts.iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!(" {count} {words}"));
    told.collect::<Vec<_>>().join("、")
}

fn slowed_status(slowed: Slowed) -> Status {
    let until = shanghai_minute(i64::try_from(slowed.until_ms).unwrap_or(i64::MAX));
    let words = format!(
        "本节点一小时内有{},上级已放慢与本节点的同步,{until} 以后再接收。已录入的内容都在本机;请检查程序是否损坏或被改动 / \
         slowed down by the parent",
        seen(&slowed.seen)
    );
    status("slowed", words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_slowed_down_is_told_why_and_until_when() {
        let seen = Seen { calls: 30, refused: 612, ..Seen::default() };
        let told = slowed_status(Slowed { seen, until_ms: 1_795_309_920_000 });
        assert_eq!(told.code(), tonic::Code::ResourceExhausted);
        for part in ["612 条记录被退回或更正、 30 次呼叫", "2026-11-22 09:12 以后", "都在本机"]
        {
            assert!(told.message().contains(part), "{part}: {}", told.message());
        }
        assert!(!told.message().contains("条消息"), "{}", told.message());
    }
}
