//! The empty WASI: what a module that imports it sees, and what it cannot do.
//!
//! One guest calls WASI itself, so that it is built like every other; one is what the standard library
//! makes for `wasm32-wasip2`, and is left out where that target is not.

use hookbox::domain::decision::Decision;
use hookbox::domain::evaluation::LogLevel;
use hookbox::domain::event::Event;
use hookbox::domain::limits::Limits;
use hookbox::domain::names::EventId;
use hookbox::engine::{Answer, Module};

use crate::support::hostile::import_of;
use crate::support::sandbox::{Sandbox, input, push};
use crate::support::server::Site;
use crate::support::{guest, hookbox, stdout};

mod standard;

/// What a guest answers to an event, told what to try.
fn try_at(module: &Module, event: Event, setting: &str, what: &str) -> Answer<Decision> {
    let settings = serde_json::json!({ setting: what }).to_string().into();
    module.evaluate(&input(event), settings, &Limits::DEFAULT)
}

fn try_call(module: &Module, call: &str) -> Answer<Decision> {
    try_at(module, push(), "call", call)
}

/// What the guest saw.
fn seen(answer: &Answer<Decision>) -> &str {
    let decision = answer.result.as_ref();
    let decision = decision.unwrap_or_else(|fault| panic!("a fault: {fault}"));
    decision.reason.as_deref().expect("it says what it saw")
}

fn fault(answer: &Answer<Decision>) -> (&'static str, String) {
    let fault = answer.result.as_ref().expect_err("it is stopped");
    (fault.code(), fault.to_string())
}

async fn calls(sandbox: &Sandbox) -> Module {
    sandbox.load("wasi-calls", &Limits::DEFAULT).await
}

#[tokio::test]
async fn there_is_no_environment_no_file_and_no_network() {
    let sandbox = Sandbox::new();
    let module = calls(&sandbox).await;

    for (call, nothing) in [
        ("environment", "[] [] None"),
        ("files", "0 folders"),
        (
            "sockets",
            r#"[Some("access-denied"), Some("access-denied"), Some("access-denied")]"#,
        ),
    ] {
        assert_eq!(seen(&try_call(&module, call)), nothing, "{call}");
    }
    let (code, message) = fault(&try_call(&module, "http"));
    assert_eq!(code, "rule/trapped");
    assert!(
        message.contains("`wasi:http/types [constructor]fields`"),
        "{message}"
    );
}

#[tokio::test]
async fn the_clocks_stand_at_the_moment_the_event_was_received() {
    let sandbox = Sandbox::new();
    let module = calls(&sandbox).await;
    let mut event = push();
    event.received_at.0 = 1_700_000_000_007;

    let answer = try_at(&module, event, "call", "clocks");

    assert_eq!(
        seen(&answer),
        "1700000000.007000000 1000000 1700000000007000000 1000000"
    );
}

#[tokio::test]
async fn randomness_follows_from_the_events_identifier_alone() {
    let sandbox = Sandbox::new();
    let module = calls(&sandbox).await;
    let drawn = |id: &str, subject: &str| {
        let mut event = push();
        event.id = EventId(id.to_owned());
        event.url = Some(subject.to_owned());
        seen(&try_at(&module, event, "call", "random")).to_owned()
    };

    let (first, again, other) = (drawn("a", ""), drawn("a", "/elsewhere"), drawn("b", ""));

    assert_eq!(first, again);
    assert_ne!(first, other);
    let numbers: Vec<&str> = first.rsplitn(4, ' ').collect();
    let [seeds @ .., _] = &numbers[..] else {
        panic!("not four parts: {first}");
    };
    assert_eq!(first.matches(", ").count(), 39 + 2, "{first}");
    assert_eq!(seeds.len(), 3);
}

#[tokio::test]
async fn a_poll_says_what_is_ready_and_one_that_would_wait_is_the_rules_fault() {
    let sandbox = Sandbox::new();
    let module = calls(&sandbox).await;

    assert_eq!(seen(&try_call(&module, "poll")), "[0, 2, 3] true false");
    for call in ["poll-future", "block-future"] {
        let answer = try_call(&module, call);

        let (code, message) = fault(&answer);
        assert_eq!(code, "rule/would-wait", "{call}");
        assert!(message.contains("its clock stands still"), "{message}");
        assert!(answer.result.expect_err("it is a fault").counts());
    }
}

#[tokio::test]
async fn an_exit_is_a_trap_that_says_so() {
    let sandbox = Sandbox::new();
    let module = calls(&sandbox).await;

    for (call, status) in [("exit", "success"), ("exit-with-code", "code 3")] {
        let (code, message) = fault(&try_call(&module, call));

        assert_eq!(code, "rule/trapped");
        let said = format!("it trapped: it ended itself with {status} in place of an answer");
        assert_eq!(message, said);
    }
}

#[tokio::test]
async fn input_is_at_its_end_and_output_goes_to_the_log_line_by_line() {
    let sandbox = Sandbox::new();
    let module = calls(&sandbox).await;

    let answer = try_call(&module, "streams");

    assert_eq!(
        seen(&answer),
        "Ok(65536) Err(\"closed\") Err(\"closed\") false"
    );
    let about = format!("of {}", push().id);
    let cut = "é".repeat(2048);
    let lines: Vec<_> = answer
        .log
        .lines
        .iter()
        .map(|line| (line.level, line.message.as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            (LogLevel::Info, "to the output"),
            (LogLevel::Info, about.as_str()),
            (LogLevel::Info, cut.as_str()),
            (LogLevel::Warn, "an \u{fffd} error"),
            (LogLevel::Info, "\0"),
            (LogLevel::Warn, "without an end"),
        ]
    );
}

#[tokio::test]
async fn a_flood_of_output_counts_as_lines_of_the_log() {
    let sandbox = Sandbox::new();
    let module = calls(&sandbox).await;

    let answer = try_call(&module, "flood");

    assert_eq!(seen(&answer), "all is written");
    assert_eq!(answer.log.lines.len(), 64);
    assert_eq!(answer.log.left_out, 2000 - 64);
}

#[tokio::test]
async fn calls_of_wasi_without_end_run_out_of_fuel() {
    let sandbox = Sandbox::new();
    let module = calls(&sandbox).await;

    for call in [
        "clocks-without-end",
        "random-without-end",
        "output-without-end",
    ] {
        let answer = try_call(&module, call);

        assert_eq!(fault(&answer).0, "rule/out-of-fuel", "{call}");
        assert_eq!(answer.fuel, Limits::DEFAULT.fuel, "{call}");
    }
}

#[tokio::test]
async fn a_call_gives_no_more_than_the_host_will_hold() {
    let sandbox = Sandbox::new();
    let module = calls(&sandbox).await;

    let (code, message) = fault(&try_call(&module, "random-much"));
    assert_eq!(code, "rule/trapped");
    assert!(message.contains("1048576 at most"), "{message}");
    let answer = try_call(&module, "handles-without-end");
    assert!(answer.result.is_err(), "handles without end");
    assert!(
        answer.fuel < Limits::DEFAULT.fuel / 10,
        "the host held them for {} units of fuel",
        answer.fuel
    );
}

#[tokio::test]
async fn the_same_event_gives_the_same_answer_log_and_fuel_with_wasi() {
    let first = Sandbox::new();
    let second = Sandbox::new();
    let modules = [calls(&first).await, calls(&second).await];

    for call in ["clocks", "random", "poll", "poll-future", "streams", "exit"] {
        let answers = modules.iter().chain(&modules).map(|module| {
            let answer = try_call(module, call);
            (answer.result, answer.log, answer.fuel)
        });
        let answers: Vec<_> = answers.collect();

        for other in &answers {
            assert_eq!(*other, answers[0], "{call}");
        }
    }
}

#[tokio::test]
async fn wasi_of_another_version_is_refused_by_its_name() {
    let sandbox = Sandbox::new();

    for name in ["wasi:http/types@0.3.0", "wasi:keyvalue/store@0.2.0"] {
        let refusal = sandbox.refusal(&import_of(name)).await;

        assert_eq!(refusal.code(), "rule/unknown-import");
        assert!(refusal.to_string().contains(&format!("`{name}`")));
    }
}

#[tokio::test]
async fn a_module_of_the_preview_before_components_is_told_what_to_build() {
    let sandbox = Sandbox::new();

    let refusal = sandbox.refusal(&import_of("wasi_snapshot_preview1")).await;

    assert_eq!(refusal.code(), "rule/unknown-import");
    let message = refusal.to_string();
    assert!(message.contains("`wasm32-wasip2`"), "{message}");
    assert!(message.contains("`hookbox build`"), "{message}");
}

#[test]
fn inspect_says_that_the_wasi_of_a_rule_is_empty() {
    let site = Site::new(Site::CONFIG);
    site.put("calls.wasm", &guest("wasi-calls"));
    site.put("echo.wasm", &guest("echo"));
    let inspect = |arguments: &[&str]| {
        let output = hookbox(site.path(), arguments);
        assert!(output.status.success());
        stdout(&output)
    };

    let calls = inspect(&["inspect", "calls.wasm"]);
    let echo = inspect(&["inspect", "echo.wasm"]);
    let json = inspect(&["--json", "inspect", "calls.wasm"]);

    assert!(calls.contains("wasi:cli/environment@0.2.0"), "{calls}");
    assert!(calls.contains("\nwasi       an empty one: "), "{calls}");
    assert!(!echo.contains("wasi"), "{echo}");
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(json["wasi"], "empty");
}
