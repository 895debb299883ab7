//! Short versions of the runs of `cargo xtask endure`, each on a server of its own.

use bench::endure::{self, Run, Size};
use xtask::{clock::Clock, skips::skip};

async fn loses_nothing(run: Run) {
    let ended = endure::run(run, Size::Short).await.expect("the run can be carried out");
    assert!(ended.found.lost.is_empty(), "{:#?}", ended.found);
}

#[tokio::test]
async fn killed_in_the_middle_of_calls_streams_and_tasks_it_loses_nothing() {
    loses_nothing(Run::Killed).await;
}

#[tokio::test]
async fn abandoned_sessions_leave_no_rows_and_no_memory() {
    loses_nothing(Run::Abandoned).await;
}

#[tokio::test]
async fn clients_that_vanish_are_let_go_of() {
    loses_nothing(Run::Vanished).await;
}

#[tokio::test]
async fn clients_that_never_read_are_closed_with_a_reason_while_others_go_on() {
    loses_nothing(Run::Deaf).await;
}

#[tokio::test]
async fn whatever_sitebay_does_every_call_is_answered_and_no_change_is_sent_twice() {
    loses_nothing(Run::Faults).await;
}

#[tokio::test]
async fn sessions_run_out_at_once_and_for_good() {
    loses_nothing(Run::Expiring).await;
}

#[tokio::test]
async fn in_mixed_traffic_every_answer_belongs_to_its_question() {
    loses_nothing(Run::Mixed).await;
}

#[tokio::test]
async fn a_clock_that_is_moved_locks_nobody_out_and_makes_nothing_good_twice() {
    match Clock::new().expect("the compiler works") {
        Some(_) => loses_nothing(Run::Moved).await,
        None => skip("the clock is moved", "no C compiler"),
    }
}

#[tokio::test]
async fn the_same_again_and_again_leaves_memory_as_it_is() {
    loses_nothing(Run::Repeated).await;
}
