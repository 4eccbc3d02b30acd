//! Every limit of the sandbox, broken by a guest that was built to break it.
//!
//! Each fault has its stable code and names the value of the limit, so that a rule's author sees what to
//! keep to. The last test shows, with the server, that a fault is the one rule's alone.

use std::time::{Duration, Instant};

use hookbox::domain::decision::Decision;
use hookbox::domain::evaluation::LogLevel;
use hookbox::domain::limits::Limits;
use hookbox::domain::names::EventId;
use hookbox::domain::quantity::{Bytes, Span};
use hookbox::engine::Answer;

use crate::support::guest;
use crate::support::sandbox::{Sandbox, input, push};
use crate::support::server::Site;

/// The code of a fault and what it says.
fn fault(answer: &Answer<Decision>) -> (&'static str, String) {
    let fault = answer.result.as_ref().expect_err("the guest misbehaves");
    (fault.code(), fault.to_string())
}

/// So much fuel that another limit is reached first.
fn plenty_of_fuel() -> Limits {
    Limits {
        fuel: u64::MAX,
        ..Limits::DEFAULT
    }
}

#[tokio::test]
async fn a_loop_without_end_runs_out_of_fuel() {
    let sandbox = Sandbox::new();

    let answer = sandbox.evaluate("endless-loop", &Limits::DEFAULT).await;

    let (code, message) = fault(&answer);
    assert_eq!(code, "rule/out-of-fuel");
    assert_eq!(message, "it used all of its 10000000 units of fuel");
    assert_eq!(answer.fuel, Limits::DEFAULT.fuel);
}

#[tokio::test]
async fn a_loop_without_end_and_with_plenty_of_fuel_runs_out_of_cpu_time() {
    let sandbox = Sandbox::new();
    let limits = plenty_of_fuel();
    let module = sandbox.load("endless-loop", &limits).await;

    let began = Instant::now();
    let answer = module.evaluate(&input(push()), "{}".into(), &limits);

    let (code, message) = fault(&answer);
    assert_eq!(code, "rule/out-of-time");
    assert_eq!(message, "it used more than its 250ms of CPU time");
    assert!(began.elapsed() >= limits.cpu_time.0, "it ended too early");
    assert!(began.elapsed() < Duration::from_secs(10), "it ran on");
}

#[tokio::test]
async fn a_rule_that_takes_too_long_on_the_wall_times_out_and_is_not_to_blame() {
    let sandbox = Sandbox::new();
    let limits = Limits {
        cpu_time: Span::seconds(60),
        wall_time: Span(Duration::from_millis(100)),
        ..plenty_of_fuel()
    };

    let answer = sandbox.evaluate("endless-loop", &limits).await;

    let (code, message) = fault(&answer);
    assert_eq!(code, "rule/timed-out");
    assert_eq!(message, "it took longer than 100ms");
    assert!(!answer.result.expect_err("it is a fault").counts());
}

#[tokio::test]
async fn host_calls_without_end_run_out_of_fuel() {
    let sandbox = Sandbox::new();

    let answer = sandbox
        .evaluate("endless-host-calls", &Limits::DEFAULT)
        .await;

    let (code, message) = fault(&answer);
    assert_eq!(code, "rule/out-of-fuel");
    assert_eq!(message, "it used all of its 10000000 units of fuel");
}

#[tokio::test]
async fn host_calls_without_end_and_with_plenty_of_fuel_run_out_of_cpu_time() {
    let sandbox = Sandbox::new();

    let answer = sandbox
        .evaluate("endless-host-calls", &plenty_of_fuel())
        .await;

    assert_eq!(fault(&answer).0, "rule/out-of-time");
}

#[tokio::test]
async fn memory_without_end_runs_out_of_memory() {
    let sandbox = Sandbox::new();

    let answer = sandbox.evaluate("memory-growth", &Limits::DEFAULT).await;

    let (code, message) = fault(&answer);
    assert_eq!(code, "rule/out-of-memory");
    assert_eq!(message, "it asked for more than its 32MiB of memory");
}

#[tokio::test]
async fn a_rule_may_have_more_memory_than_the_pool_gives() {
    let sandbox = Sandbox::new();
    let limits = Limits {
        memory: Bytes::mib(48),
        ..Limits::DEFAULT
    };

    let pooled = sandbox.evaluate("memory-growth", &Limits::DEFAULT).await;
    let on_demand = sandbox.evaluate("memory-growth", &limits).await;
    let behaved = sandbox.evaluate("fails", &limits).await;

    let (code, message) = fault(&on_demand);
    assert_eq!(code, "rule/out-of-memory");
    assert_eq!(message, "it asked for more than its 48MiB of memory");
    assert!(on_demand.fuel > pooled.fuel, "it came no further");
    assert_eq!(fault(&behaved).0, "rule/failed");
}

#[tokio::test]
async fn calls_without_end_overflow_the_stack_and_nothing_else() {
    let sandbox = Sandbox::new();

    let answer = sandbox.evaluate("deep-recursion", &Limits::DEFAULT).await;

    let (code, message) = fault(&answer);
    assert_eq!(code, "rule/stack-overflow");
    assert_eq!(
        message,
        "its calls went deeper than the stack of 512KiB holds"
    );
}

#[tokio::test]
async fn an_answer_of_several_mebibytes_is_not_copied() {
    let sandbox = Sandbox::new();

    let answer = sandbox.evaluate("huge-result", &Limits::DEFAULT).await;

    let (code, message) = fault(&answer);
    assert_eq!(code, "rule/copied-too-much");
    assert_eq!(message, "it handed over more than 1MiB in one call");
}

#[tokio::test]
async fn a_hundred_actions_are_too_many() {
    let sandbox = Sandbox::new();

    let answer = sandbox.evaluate("too-many-actions", &Limits::DEFAULT).await;

    let (code, message) = fault(&answer);
    assert_eq!(code, "rule/bad-output");
    assert_eq!(
        message,
        "its answer is not acceptable: it holds 100 actions, and may hold 16"
    );
}

#[tokio::test]
async fn a_decision_may_not_be_larger_than_its_limit() {
    let sandbox = Sandbox::new();
    let module = sandbox.load("echo", &Limits::DEFAULT).await;
    let settings = |bytes: usize| {
        serde_json::json!({ "channel": "dev", "tag": "A".repeat(bytes) })
            .to_string()
            .into()
    };

    let small = module.evaluate(&input(push()), settings(60 << 10), &Limits::DEFAULT);
    let large = module.evaluate(&input(push()), settings(64 << 10), &Limits::DEFAULT);

    assert!(small.result.is_ok(), "{:?}", small.result);
    let (code, message) = fault(&large);
    assert_eq!(code, "rule/bad-output");
    assert!(message.ends_with(", and may have 64KiB"), "{message}");
}

#[tokio::test]
async fn a_flood_of_log_lines_is_counted_and_paid_for() {
    let sandbox = Sandbox::new();

    let answer = sandbox.evaluate("log-flood", &Limits::DEFAULT).await;

    let decision = answer.result.expect("a flood is no fault");
    assert_eq!(decision.reason.as_deref(), Some("all is written"));
    assert_eq!(answer.log.lines.len(), 64);
    assert_eq!(answer.log.left_out, 100_000 - 64);
    assert_eq!(answer.log.lines[63].message, "the same line again");
    // One unit for each call, and one for every eight of its 19 bytes.
    assert!(answer.fuel > 300_000, "{} units of fuel", answer.fuel);
}

#[tokio::test]
async fn a_panic_is_a_trap_with_its_message_in_the_log() {
    let sandbox = Sandbox::new();
    let event = push().id;

    let answer = sandbox.evaluate("trap", &Limits::DEFAULT).await;

    let (code, message) = fault(&answer);
    assert_eq!(code, "rule/trapped");
    let said = format!("there is nothing in event {event}");
    assert!(message.contains(&said), "{message}");
    let line = answer.log.lines.last().expect("the panic is logged");
    assert_eq!(line.level, LogLevel::Error);
    assert!(line.message.contains(&said), "{}", line.message);
}

#[tokio::test]
async fn a_long_line_of_log_is_cut_between_two_characters() {
    let sandbox = Sandbox::new();
    let module = sandbox.load("trap", &Limits::DEFAULT).await;
    let cut = |ahead: &str| {
        let mut event = push();
        event.id = EventId(format!("{ahead}{}", "é".repeat(4096)));
        let answer = module.evaluate(&input(event), "{}".into(), &Limits::DEFAULT);
        let line = answer.log.lines.last().expect("the panic is logged");
        line.message.clone()
    };

    let (even, odd) = (cut(""), cut("x"));

    assert!(even.ends_with('é') && odd.ends_with('é'));
    let mut lengths = [even.len(), odd.len()];
    lengths.sort_unstable();
    assert_eq!(lengths, [4095, 4096]);
}

#[tokio::test]
async fn what_is_not_kept_of_a_line_of_log_takes_no_memory() {
    let sandbox = Sandbox::new();

    let answer = sandbox.evaluate("fat-log", &Limits::DEFAULT).await;

    let decision = answer.result.expect("long lines are no fault");
    assert_eq!(decision.reason.as_deref(), Some("all is written"));
    assert_eq!(answer.log.lines.len(), 60);
    for line in &answer.log.lines {
        assert_eq!((line.message.len(), line.message.capacity()), (4096, 4096));
    }
}

#[tokio::test]
async fn a_failure_is_the_rules_own_word_and_is_cut_like_a_line_of_log() {
    let sandbox = Sandbox::new();
    let module = sandbox.load("fails", &Limits::DEFAULT).await;
    let fail = |event, kind: &str| {
        let settings = serde_json::json!({ "kind": kind }).to_string().into();
        module.evaluate(&input(event), settings, &Limits::DEFAULT)
    };
    let mut long = push();
    long.id = EventId("A".repeat(60 << 10));

    let plain = fail(push(), "event");
    let cut = fail(long, "other");

    let (code, message) = fault(&plain);
    assert_eq!(code, "rule/failed");
    assert_eq!(message, format!("it says: no decision about {}", push().id));
    assert!(!plain.result.expect_err("it is a fault").counts());
    assert_eq!(fault(&cut).1.len(), "it says: ".len() + 4096);
}

#[tokio::test]
async fn the_same_event_gives_the_same_answer_log_and_fuel() {
    let sandbox = Sandbox::new();

    for name in [
        "deep-recursion",
        "fails",
        "log-flood",
        "memory-growth",
        "trap",
    ] {
        let module = sandbox.load(name, &Limits::DEFAULT).await;
        let mut answers = (0..3).map(|_| {
            let answer = module.evaluate(&input(push()), "{}".into(), &Limits::DEFAULT);
            (answer.result, answer.log, answer.fuel)
        });

        let first = answers.next().expect("there are three");
        assert!(first.2 > 0, "`{name}` used no fuel");
        for other in answers {
            assert_eq!(first, other, "`{name}` changed its mind");
        }
    }
}

#[tokio::test]
async fn a_rule_that_never_answers_stops_no_rule_after_it() {
    let site = Site::new(Site::CONFIG);
    site.put("rules/10-endless.wasm", &guest("endless-loop"));
    site.put("rules/20-echo.toml", b"[settings]\nchannel = 'console'");
    site.put("rules/20-echo.wasm", &guest("echo"));
    let server = site.serve().await;

    let event = server.send_sample("push").await;
    let record = server.settled(&event).await;

    let evaluations = record["record"]["evaluations"]
        .as_array()
        .expect("there are evaluations");
    let outcomes: Vec<_> = evaluations
        .iter()
        .map(|evaluation| &evaluation["evaluation"])
        .map(|evaluation| (&evaluation["rule"], &evaluation["outcome"]))
        .collect();
    let [(first, faulted), (second, decided)] = outcomes[..] else {
        panic!("not two evaluations: {record}");
    };
    assert_eq!(
        (first.as_str(), second.as_str()),
        (Some("10-endless"), Some("20-echo"))
    );
    assert_eq!(faulted["faulted"]["kind"], "out-of-fuel", "{faulted}");
    assert!(!decided["decided"].is_null(), "{decided}");
    assert_eq!(record["rules"][0]["kind"], "faulted");
    let why = record["rules"][0]["reason"].as_str().expect("it says why");
    assert!(why.contains("rule/out-of-fuel"), "{why}");
    assert_eq!(record["rules"][1]["kind"], "acted");
    assert!(server.console().contains(&event), "{}", server.console());
}

#[tokio::test]
async fn a_rule_over_its_rate_waits_with_its_actions_and_loses_none() {
    let slow = Site::CONFIG
        .replace("rate = 1_000_000", "rate = 60")
        .replace("burst = 1_000_000", "burst = 2");
    let site = Site::new(&slow);
    site.put("rules/echo.toml", b"[settings]\nchannel = 'console'");
    site.put("rules/echo.wasm", &guest("echo"));
    let server = site.serve().await;

    let mut events = Vec::new();
    for sample in ["push", "tag", "release", "issue-opened"] {
        events.push(server.send_sample(sample).await);
    }
    let mut delayed = 0;
    for event in &events {
        let record = server.settled(event).await;
        let action = &record["record"]["actions"][0];
        assert_eq!(action["state"], "done", "{record}");
        let moment = |key: &str| action[key].as_i64().expect("a moment");
        delayed += usize::from(moment("due-at") > moment("created-at"));
    }

    assert_eq!(delayed, 2, "a burst of two, and the others later");
}
