//! What rules keep between events: in the sandbox, over its limits, and (in [`served`]) with the real server.

use hookbox::domain::decision::Decision;
use hookbox::domain::event::Event;
use hookbox::domain::limits::Limits;
use hookbox::domain::quantity::Bytes;
use hookbox::domain::state::{Granted, State};
use hookbox::engine::{Answer, Module};
use hookbox::sources::samples::samples;

use crate::support::sandbox::{Sandbox, input, push};

mod served;

/// What a module with so much room answers to an event, and what it keeps then.
fn evaluate(module: &Module, event: Event, state: &State) -> (Answer<Decision>, State) {
    let granted = Granted {
        state: state.clone(),
        quota: Bytes::kib(64),
    };
    let (input, limits) = (input(event), Limits::DEFAULT);
    let answer = module.evaluate_with(&input, "{}".into(), &limits, Some(granted));
    let state = state.with(&answer.changes);
    (answer, state)
}

fn reason(answer: &Answer<Decision>) -> String {
    let decision = answer.result.as_ref().expect("it decides");
    decision.reason.clone().expect("it has a reason")
}

fn keys(state: &State) -> Vec<&str> {
    state.entries().map(|(key, _)| key).collect()
}

#[tokio::test]
async fn a_rule_reads_in_one_event_what_it_wrote_in_the_one_before() {
    let module = Sandbox::new().load("counter", &Limits::DEFAULT).await;

    let (first, state) = evaluate(&module, push(), &State::default());
    let (second, state) = evaluate(&module, push(), &state);

    assert_eq!(reason(&first), "1 after nothing");
    assert_eq!(reason(&second), format!("2 after {}", push().id));
    assert_eq!(state.revision(), 2);
}

#[tokio::test]
async fn a_rule_without_the_grant_is_told_so_and_keeps_nothing() {
    let sandbox = Sandbox::new();

    let flood = sandbox.evaluate("state-flood", &Limits::DEFAULT).await;
    let counter = sandbox.evaluate("counter", &Limits::DEFAULT).await;

    assert_eq!(reason(&flood), "not granted");
    assert!(flood.changes.is_empty());
    assert_eq!(
        counter.result.expect_err("it fails").to_string(),
        "it says: the operator has not granted this rule `state`"
    );
}

#[tokio::test]
async fn what_an_evaluation_that_faults_wrote_is_not_kept() {
    let module = Sandbox::new().load("counter", &Limits::DEFAULT).await;
    let (_, state) = evaluate(&module, push(), &State::default());
    let comment = samples()
        .find(|sample| sample.provider == "gitlab" && sample.name == "note-on-merge-request");
    let comment = comment.expect("there is such a sample");
    let comment = serde_json::from_str(comment.event).expect("the sample is an event");

    let (faulted, after) = evaluate(&module, comment, &state);

    let fault = faulted.result.expect_err("it panics");
    assert_eq!(fault.code(), "rule/trapped");
    assert!(faulted.changes.is_empty());
    assert_eq!(after, state);
}

#[tokio::test]
async fn what_expires_is_gone_by_the_moment_at_which_the_event_was_received() {
    let module = Sandbox::new().load("counter", &Limits::DEFAULT).await;
    let later = |millis| {
        let mut event = push();
        event.received_at.0 += millis;
        event.id.0 = format!("after-{millis}");
        event
    };

    let (_, state) = evaluate(&module, later(0), &State::default());
    let (_, within) = evaluate(&module, later(999), &state);
    let (_, beyond) = evaluate(&module, later(1_000), &state);

    assert_eq!(
        keys(&within),
        ["last", "recent/after-0", "recent/after-999", "seen"]
    );
    assert_eq!(keys(&beyond), ["last", "recent/after-1000", "seen"]);
}

#[tokio::test]
async fn a_flood_is_stopped_at_the_quota_within_one_evaluation() {
    let module = Sandbox::new().load("state-flood", &Limits::DEFAULT).await;

    let (first, state) = evaluate(&module, push(), &State::default());
    let (second, after) = evaluate(&module, push(), &state);

    // 64 KiB hold so many entries of 10, 1,000 and 32 bytes.
    assert_eq!(reason(&first), "full after 62");
    assert_eq!(reason(&second), "full after 62");
    assert_eq!(state.size(), Bytes(62 * 1_042));
    assert_eq!(after.size(), state.size());
    assert!(first.fuel > 62 * 1_000 / 8, "what passes is paid for");
}

#[tokio::test]
async fn huge_keys_and_values_are_refused_and_paid_for() {
    let module = Sandbox::new().load("huge-keys", &Limits::DEFAULT).await;

    let (answer, state) = evaluate(&module, push(), &State::default());

    assert_eq!(reason(&answer), "all was refused");
    assert_eq!(state, State::default());
    let passed = 10 * 6 * (512 << 10);
    assert!(answer.fuel > passed / 8, "{}", answer.fuel);
}
