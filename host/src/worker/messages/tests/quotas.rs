//! Messages that come faster than a channel takes them.

use std::time::Duration;

use axum::http::StatusCode;

use super::{Bench, START};
use crate::store::ActionState;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_a_burst_has_over_the_quota_is_one_message_and_each_of_it_names_that() {
    let mut bench = Bench::new("quota = '5/1m'").await;
    for number in 0..12 {
        bench.message(&format!("{number:02}")).await;
    }
    bench.pass(MINUTE * 2).await;

    let texts = bench.service.texts();
    assert_eq!(texts, ["00", "01", "02", "03", "8 messages in one"]);
    let actions = bench.actions().await;
    let carrier = &actions[4];
    assert_eq!(carrier.state, ActionState::Done);
    let detail = carrier.detail.as_deref().unwrap_or_default();
    assert!(detail.ends_with("with 7 others in one message"), "{detail}");
    for merged in &actions[5..] {
        assert_eq!(merged.state, ActionState::Merged);
        assert_eq!(merged.caused_by.as_ref(), Some(&carrier.key));
        assert!(merged.attempts.is_empty());
    }
}

#[tokio::test]
async fn where_none_are_to_be_merged_each_waits_for_its_turn() {
    let mut bench = Bench::new("quota = '5/1m'\nover_quota = 'wait'").await;
    for number in 0..12 {
        bench.message(&format!("{number:02}")).await;
    }
    bench.pass(MINUTE * 3).await;

    let moments: Vec<u64> = bench
        .service
        .asked_at()
        .iter()
        .map(|at| at.since(START).as_secs())
        .collect();
    assert_eq!(moments, [0, 0, 0, 0, 0, 60, 60, 60, 60, 60, 120, 120]);
}

#[tokio::test]
async fn a_restart_gives_no_new_tokens() {
    let mut bench = Bench::new("quota = '5/1m'\nover_quota = 'wait'").await;
    for number in 0..5 {
        bench.message(&format!("{number:02}")).await;
    }
    bench.pass(Duration::from_secs(1)).await;
    bench.crash().await;
    bench.message("after").await;
    bench.pass(Duration::from_secs(50)).await;
    assert_eq!(bench.service.texts().len(), 5);

    bench.pass(Duration::from_secs(10)).await;
    assert_eq!(bench.service.texts().len(), 6);
}

#[tokio::test]
async fn without_a_quota_messages_go_at_once() {
    let mut bench = Bench::new("").await;
    for number in 0..100 {
        bench.message(&format!("{number:02}")).await;
    }
    bench.pass(Duration::from_secs(1)).await;
    assert_eq!(bench.service.asked_at(), [START; 100]);
}

#[tokio::test]
async fn a_message_that_was_tried_before_takes_no_others_with_it() {
    let mut bench = Bench::new("quota = '1/1m'").await;
    bench.service.behaves(|_, now| match now == START {
        true => (StatusCode::GATEWAY_TIMEOUT, None),
        false => (StatusCode::OK, None),
    });
    for text in ["a", "b", "c"] {
        bench.message(text).await;
        bench.pass(Duration::from_millis(1)).await;
    }
    bench.pass(MINUTE * 3).await;

    assert_eq!(
        bench.service.texts(),
        ["a", "2 messages in one"],
        "a receiver that took `a` knows its key, and may drop what comes under it"
    );
}
