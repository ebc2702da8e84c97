//! The suite that every engine has to pass: each method, and the laws that the protocol rests on.
//!
//! A failed case panics with its name. Each case begins with an empty database of its own.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a failed case panics")]

mod beside;
mod fixture;
mod numbers;
mod questions;
mod queue;

use std::future::Future;
use std::sync::Arc;

use schema::Schema;
use sync::{Changes, NewRow, TimelineId};

use crate::{Applied, Engine, Write};

pub use fixture::{Sample, base, record};

/// Makes databases of one engine.
pub trait Bench: Sync {
    /// The engine.
    type Engine: Engine;

    /// An empty database, opened once as timeline 1.
    fn open(&self) -> impl Future<Output = Self::Engine> + Send;

    /// The same database after the program was stopped and started.
    fn reopen(&self, engine: Self::Engine, timeline: TimelineId)
    -> impl Future<Output = Self::Engine> + Send;

    /// Lets what an engine does in the background, such as indexing, come to rest.
    fn settle(&self, engine: &Self::Engine) -> impl Future<Output = ()> + Send;

    /// The contract that the databases are opened with.
    fn schema(&self) -> Arc<Schema>;
}

macro_rules! cases {
    ($bench:expr; $($module:ident :: $case:ident),* $(,)?) => {
        $({
            tracing::info!(case = stringify!($module::$case));
            $module::$case($bench).await;
        })*
    };
}

/// Runs all cases.
pub async fn check_all(bench: &impl Bench) {
    cases! { bench;
        numbers::are_in_commit_order_without_gaps,
        numbers::a_dropped_transaction_leaves_nothing,
        numbers::a_snapshot_does_not_see_a_later_commit,
        numbers::writers_wait_for_each_other,
        numbers::a_transaction_has_the_moment_before_it_whoever_reads,
        numbers::a_restart_adds_a_timeline_and_keeps_everything,
        numbers::times_of_saving_only_grow,
        numbers::times_of_saving_begin_again_after_a_clock_was_wrong,
        numbers::one_transaction_writes_a_record_once,
        queue::an_edit_takes_a_new_number_and_leaves_the_queue_once,
        queue::an_acknowledgement_leaves_what_changed_since,
        queue::what_waits_is_counted_within_a_transaction_too,
        queue::single_numbers_can_be_marked_as_sent,
        queue::a_refused_row_waits_until_it_changes,
        queue::pages_are_bounded_by_rows_and_bytes,
        queue::everything_is_sent_again,
        queue::changes_pass_over_hidden_rows_and_tell_scope,
        queue::rows_by_id_come_in_pages_with_hidden_ones_and_scope,
        queue::changes_among_homes_are_those_that_may_concern_a_child,
        queue::a_dropped_record_is_gone_with_all_that_hangs_on_it,
        beside::withdraws_replace_each_other,
        beside::history_keeps_the_longer_fragment,
        beside::the_higher_seal_wins,
        beside::ticks_are_replaced,
        beside::quarantine_keeps_one_per_record_and_sender,
        beside::links_are_kept_whole,
        beside::replicas_only_grow,
        beside::what_was_handed_over_is_remembered,
        beside::settings_are_kept,
        beside::exported_files_are_remembered_up_to_a_limit,
        beside::an_invite_is_good_once,
        beside::certificates_are_listed,
        beside::decisions_are_kept,
        questions::columns_narrow_a_list,
        questions::fields_narrow_a_list,
        questions::sets_are_compared_by_element,
        questions::lists_are_ordered_and_paged,
        questions::words_are_found,
        questions::hidden_and_deleted_are_left_out,
        questions::figures_count_by_home_and_more,
        questions::nonsense_is_refused,
        questions::what_is_shown_can_be_written_anew,
        questions::another_contract_is_taken_while_open,
        questions::rows_that_stay_in_lists_and_rows_that_move_are_written_together,
        questions::many_records,
    }
}

/// One committed transaction.
async fn commit(engine: &impl Engine, changes: &Changes) -> Applied {
    let mut tx = engine.begin().await.unwrap();
    let applied = tx.apply(changes).await.unwrap();
    tx.commit().await.unwrap();
    applied
}

/// One committed transaction of rows.
async fn put(engine: &impl Engine, rows: Vec<NewRow>) -> Applied {
    commit(engine, &Changes { rows, ..Changes::default() }).await
}
