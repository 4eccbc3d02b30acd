//! The examples in other languages: built as their READMEs say, and at work in a team.
//!
//! What each is built with comes from the registry of its language. An example that cannot be installed is
//! left out, and says so; one that is installed and does not build is a failure.

use std::net::SocketAddr;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::events::{evaluations, sample, verdict};
use crate::support::receiver::Receiver;
use crate::support::server::{Server, Site};
use crate::support::{eventually, hookbox, stdout};

mod example;

use example::Example;

/// The name of the rule at work.
const RULE: &str = "payments/announce";

/// A server that takes modules with the runtime of a language, and a team with a channel at this address.
fn config(address: SocketAddr) -> String {
    format!(
        r#"
        [sources.gitlab]
        provider = "gitlab"
        secret = {{ file = "secret" }}

        [channels.payments-dev]
        kind = "http"
        url = "http://{address}/dev"

        [teams.payments]
        sources = ["gitlab"]
        channels = ["payments-*"]

        [limits]
        module = "32MiB"
        "#
    )
}

/// A folder with the example in the team's, and these settings; what was compiled of it is there.
fn site(example: Example, address: SocketAddr, settings: &str) -> Site {
    let site = Site::new(&config(address));
    example.give_compiled(&site.path().join("data"));
    site.put("rules/payments/announce.toml", settings.as_bytes());
    site.put("rules/payments/announce.wasm", example.module());
    site
}

/// Sends the merge request of the samples, with its text changed, and returns the event's identifier.
async fn send(server: &Server, change: impl Fn(&str) -> String) -> String {
    let sample = sample("merge-request-opened");
    let request = server.hook(sample.event_header, change(sample.body));
    let answer = request.send().await.expect("the server answers");
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let body: Value = answer.json().await.expect("the answer is JSON");
    body["id"].as_str().expect("it has an id").to_owned()
}

/// What the rule decided of an event, as the record shows it.
async fn decided(server: &Server, event: &str) -> Value {
    let record = server.settled(event).await;
    verdict(&record, RULE).expect("every rule is named")
}

#[tokio::test]
async fn an_example_tells_its_channel_of_a_merge_request_and_leaves_a_draft() {
    for example in Example::all("an_example_tells_its_channel").await {
        let receiver = Receiver::start().await;
        let settings = "[settings]\nchannel = 'payments-dev'\nignore = '^(WIP|Bump) '\n";
        let site = site(example, receiver.address, settings);
        let server = site.serve().await;
        server.rule_in_state(RULE, "active").await;

        let draft = send(&server, |body| {
            let draft = body.replace("\"draft\": false", "\"draft\": true");
            assert_ne!(draft, body);
            draft
        })
        .await;
        let ignored = send(&server, |body| {
            let ignored = body.replace("Compute refunds", "Bump refunds");
            assert_ne!(ignored, body);
            ignored
        })
        .await;
        let opened = send(&server, str::to_owned).await;

        for (event, reason) in [
            (draft, "it is a draft"),
            (ignored, "its title is to be ignored"),
        ] {
            let verdict = decided(&server, &event).await;
            assert_eq!(verdict["kind"], "nothing", "{verdict}");
            assert_eq!(verdict["reason"], reason, "{verdict}");
        }
        let verdict = decided(&server, &opened).await;
        assert_eq!(verdict["kind"], "acted", "{verdict}");
        let [message] = &receiver.received()[..] else {
            panic!("not one message: {:?}", receiver.received());
        };
        let message = message.json();
        assert_eq!(message["title"], "!128 Compute refunds in cents");
        assert_eq!(message["text"], "by Ada Martin");
        assert!(message["url"].is_string(), "{message}");
    }
}

#[tokio::test]
async fn an_example_refuses_settings_that_it_cannot_work_with_and_names_them() {
    for example in Example::all("an_example_refuses_settings").await {
        let receiver = Receiver::start().await;
        let site = site(example, receiver.address, "");
        let server = site.serve().await;

        let rejected = server.rule_in_state(RULE, "rejected").await;
        assert_eq!(rejected["code"], "rule/settings", "{rejected}");
        let reason = rejected["reason"].as_str().expect("a reason");
        assert!(reason.contains("`channel`"), "{reason}");

        let settings = "[settings]\nchannel = 'payments-dev'\nignore = '('\n";
        site.put("rules/payments/announce.toml", settings.as_bytes());
        let begin = "it does not take its settings: `ignore` is no regular expression: ";
        eventually("the pattern is refused", || async {
            let rejected = server.rule_in_state(RULE, "rejected").await;
            let reason = rejected["reason"].as_str().unwrap_or_default();
            reason
                .starts_with(begin)
                .then_some(())
                .ok_or_else(|| rejected.to_string())
        })
        .await;

        let settings = "[settings]\nchannel = 'payments-dev'\n";
        site.put("rules/payments/announce.toml", settings.as_bytes());
        server.rule_in_state(RULE, "active").await;
    }
}

/// What each run of an event came to, without when it was and how long it took.
async fn runs(server: &Server, event: &str, number: usize) -> Vec<Value> {
    let record = eventually("the event has run", || async {
        let record = server.settled(event).await;
        match evaluations(&record).len() {
            found if found == number => Ok(record),
            found => Err(format!("{found} evaluations")),
        }
    })
    .await;
    evaluations(&record)
        .into_iter()
        .map(|evaluation| {
            json!({
                "module": evaluation["module"],
                "outcome": evaluation["outcome"],
                "log": evaluation["log"],
                "fuel": evaluation["fuel"],
            })
        })
        .collect()
}

#[tokio::test]
async fn an_example_gives_the_same_answer_and_fuel_again_also_after_a_restart() {
    for example in Example::all("an_example_gives_the_same_answer").await {
        let receiver = Receiver::start().await;
        let settings = "[settings]\nchannel = 'payments-dev'\n";
        let site = site(example, receiver.address, settings);
        let server = site.serve().await;
        server.rule_in_state(RULE, "active").await;
        let event = send(&server, str::to_owned).await;
        server.settled(&event).await;

        let again = format!("/api/v1/events/replay?id={event}");
        server.post(&again).await;
        runs(&server, &event, 2).await;
        server.terminate().await;
        let server = site.serve().await;
        server.rule_in_state(RULE, "active").await;
        server.post(&again).await;
        let runs = runs(&server, &event, 3).await;

        assert!(runs[0]["fuel"].as_u64().expect("fuel") > 0, "{}", runs[0]);
        assert!(runs[0]["outcome"]["decided"].is_object(), "{}", runs[0]);
        for run in &runs {
            assert_eq!(*run, runs[0], "{example:?}");
        }
    }
}

#[tokio::test]
async fn inspect_lists_what_an_example_imports_without_running_it() {
    for example in Example::all("inspect_lists_what_an_example_imports").await {
        let site = Site::new(Site::CONFIG);
        site.put("announce.wasm", example.module());

        let shown = stdout(&hookbox(site.path(), &["inspect", "announce.wasm"]));
        let json = stdout(&hookbox(
            site.path(),
            &["--json", "inspect", "announce.wasm"],
        ));

        assert!(shown.contains("hookbox:rule/settings@0.1.0"), "{shown}");
        assert!(shown.contains("wasi:clocks/wall-clock@0.2."), "{shown}");
        assert!(!shown.contains("wasi:http"), "{shown}");
        assert!(shown.contains("\nwasi       an empty one: "), "{shown}");
        // It knows its name when it is asked, and a part that nobody asked says nothing.
        assert!(shown.contains("\nmanifest   none\n"), "{shown}");
        let json: Value = serde_json::from_str(&json).expect("it is JSON");
        assert_eq!(json["wasi"], "empty");
        assert_eq!(json["size"], example.module().len(), "{json}");
    }
}
