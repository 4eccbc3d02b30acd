//! A channel that fails, for an hour or for one message, and what becomes of what waits for it.

use std::time::Duration;

use axum::http::StatusCode;

use super::{Bench, START, live};
use crate::store::ActionState;

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn an_hour_of_outage_delays_messages_and_loses_none_nor_their_order() {
    let mut bench = Bench::new("quota = '20/1m'\nover_quota = 'wait'").await;
    let end = START.after(HOUR);
    bench.service.behaves(move |_, now| match now < end {
        true => (StatusCode::SERVICE_UNAVAILABLE, None),
        false => (StatusCode::OK, None),
    });

    let texts: Vec<String> = (0..120)
        .map(|number| format!("message {number:03}"))
        .collect();
    for text in &texts {
        bench.message(text).await;
        bench.pass(HOUR / 120).await;
    }
    assert!(bench.service.taken().is_empty());
    bench.pass(HOUR).await;

    assert_eq!(bench.service.texts(), texts, "all, in their order");
    for action in bench.actions().await {
        assert_eq!(action.state, ActionState::Done);
        let own = action
            .attempts
            .iter()
            .filter(|attempt| attempt.result.as_deref() != Some("held"));
        assert_eq!(own.count(), 1, "no attempt was spent: {action:?}");
    }
    let probes = bench.actions().await[0].attempts.len();
    assert!(
        (10..=40).contains(&probes),
        "one message at a time tried, and not too often: {probes}"
    );
    let untried = bench
        .actions()
        .await
        .iter()
        .filter(|action| action.attempts.len() == 1)
        .count();
    assert_eq!(untried, 119, "the others waited");
    keeps_quota(&bench, 20, Duration::from_secs(60));
}

/// No window holds more requests than the quota, failed ones among them.
fn keeps_quota(bench: &Bench, messages: usize, per: Duration) {
    let asked = bench.service.asked_at();
    for first in &asked {
        let end = first.after(per);
        let count = asked.iter().filter(|at| *at >= first && **at < end).count();
        assert!(count <= messages, "{count} from {first}");
    }
}

#[tokio::test]
async fn after_an_outage_a_burst_over_the_quota_is_one_message_that_says_how_many() {
    let mut bench = Bench::new("quota = '20/1m'").await;
    bench
        .service
        .behaves(|_, _| (StatusCode::BAD_GATEWAY, None));
    for number in 0..100 {
        bench.message(&format!("message {number:03}")).await;
    }
    bench.pass(HOUR).await;
    bench.service.behaves(|_, _| (StatusCode::OK, None));
    bench.pass(HOUR).await;

    let texts = bench.service.texts();
    let merged = texts.last().expect("something was sent");
    assert!(merged.ends_with("messages in one"), "{merged}");
    let single = texts.len() - 1;
    assert_eq!(*merged, format!("{} messages in one", 100 - single));
    let states = bench.states().await;
    assert_eq!(
        (states["done"], states["merged"]),
        (single + 1, 99 - single)
    );
    keeps_quota(&bench, 20, Duration::from_secs(60));
}

#[tokio::test]
async fn a_channel_is_left_alone_for_as_long_as_it_asks() {
    let mut bench = Bench::new("").await;
    bench
        .service
        .behaves(|_, now| match now < START.after(Duration::from_secs(600)) {
            true => (StatusCode::TOO_MANY_REQUESTS, Some(600)),
            false => (StatusCode::OK, None),
        });
    bench.message("a").await;
    bench.message("b").await;
    bench.pass(HOUR).await;

    let at = START.after(Duration::from_secs(600));
    assert_eq!(bench.service.asked_at(), [START, at, at]);
}

#[tokio::test]
async fn a_message_that_alone_meets_errors_holds_up_the_others_for_a_few_attempts_only() {
    let mut bench = Bench::new("").await;
    bench.service.behaves(|text, _| match text {
        "poison" => (StatusCode::INTERNAL_SERVER_ERROR, None),
        _ => (StatusCode::OK, None),
    });
    for text in ["before", "poison", "after", "later"] {
        bench.message(text).await;
    }
    bench.pass(Duration::from_secs(60)).await;
    assert_eq!(bench.service.texts(), ["before", "after", "later"]);

    bench.pass(HOUR * 3).await;
    let states = bench.states().await;
    assert_eq!((states["done"], states["dead"]), (3, 1), "it is given up");
}

#[tokio::test]
async fn a_message_waits_for_a_channel_no_longer_than_it_may() {
    let mut bench = Bench::new("give_up_after = '30m'").await;
    bench
        .service
        .behaves(|_, _| (StatusCode::SERVICE_UNAVAILABLE, None));
    bench.message("old").await;
    bench.message("old too").await;
    bench.pass(Duration::from_secs(25 * 60)).await;
    bench.message("new").await;
    bench.pass(Duration::from_secs(15 * 60)).await;

    let states = bench.states().await;
    assert_eq!((states["dead"], states["waiting"]), (2, 1));
    for action in bench
        .actions()
        .await
        .iter()
        .filter(|one| one.state == ActionState::Dead)
    {
        let detail = action.detail.as_deref().unwrap_or_default();
        assert!(
            detail.contains("`give_up_after`") && detail.contains("503"),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn a_permanent_error_is_the_messages_own_and_the_next_is_sent() {
    let mut bench = Bench::new("").await;
    bench.service.behaves(|text, _| match text {
        "bad" => (StatusCode::BAD_REQUEST, None),
        _ => (StatusCode::OK, None),
    });
    bench.message("bad").await;
    bench.message("good").await;
    bench.pass(Duration::from_secs(1)).await;

    assert_eq!(bench.service.texts(), ["good"]);
    assert_eq!(bench.service.asked_at(), [START, START]);
    assert_eq!(bench.states().await["dead"], 1);
}

#[tokio::test]
async fn a_channel_that_fails_is_not_hurried_by_a_restart_and_is_by_a_new_configuration() {
    let mut bench = Bench::new("").await;
    bench
        .service
        .behaves(|_, _| (StatusCode::TOO_MANY_REQUESTS, Some(3_600)));
    bench.message("a").await;
    bench.pass(Duration::from_secs(1)).await;
    bench.crash().await;
    bench.pass(Duration::from_secs(60)).await;
    assert_eq!(bench.service.asked_at(), [START], "it asked for an hour");

    bench.service.behaves(|_, _| (StatusCode::OK, None));
    *bench.live.write().expect("no test panicked") = live(bench.address, "quota = '1/1s'");
    bench.pass(Duration::from_secs(1)).await;
    assert_eq!(bench.service.texts(), ["a"]);
}

#[tokio::test]
async fn a_worker_that_ends_takes_no_further_message() {
    let mut bench = Bench::new("").await;
    bench.message("a").await;
    bench.ending.send_replace(true);
    let started = bench.lanes.start_what_may_send().await;
    started.expect("the store works");
    bench.lanes.all_ended().await;

    assert!(bench.service.asked_at().is_empty());
    assert_eq!(bench.states().await["waiting"], 1);
    assert!(bench.folder.path().exists());
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_is_no_outage() {
    let mut bench = Bench::new("").await;
    bench
        .service
        .behaves(|_, _| (StatusCode::SERVICE_UNAVAILABLE, None));
    bench.message("a").await;
    bench.pass(Duration::from_secs(3)).await;
    bench.clock.advance(HOUR * 48);
    bench.pass(Duration::from_secs(1)).await;
    assert_eq!(bench.states().await["waiting"], 1);

    bench.service.behaves(|_, _| (StatusCode::OK, None));
    bench.pass(HOUR).await;
    assert_eq!(bench.service.texts(), ["a"]);
}
