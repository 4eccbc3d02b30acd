//! Alertmanager's verification and parser, on bodies written for them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::domain::clock::Timestamp;
use crate::domain::event::{Alert, Event, Subject};
use crate::sources::samples::samples;
use crate::sources::testing::{self, NOW, accepted, build, headers};
use crate::sources::{Parsed, Source, Verdict};

const BODY: &[u8] = br#"{"status":"firing","alerts":[]}"#;

fn source(auth: &str) -> Source {
    let table = format!("provider = 'alertmanager'\nsecret = {{ env = 'secret' }}\n{auth}");
    build(&table).expect("a source")
}

fn parse(body: &Value) -> Parsed {
    testing::parse(&source(""), &[], body.to_string().as_bytes())
}

fn sample(name: &str) -> Value {
    let sample = samples()
        .find(|sample| sample.provider == "alertmanager" && sample.name == name)
        .expect("a sample");
    serde_json::from_str(sample.body).expect("a sample is JSON")
}

fn alert(event: &Event) -> &Alert {
    match &event.subject {
        Subject::Alert(alert) => alert,
        subject => panic!("not an alert but {}: {:?}", subject.name(), event.note),
    }
}

/// The only alert of a body with one.
fn only(alert: &Value) -> Event {
    let body = json!({"status": "firing", "alerts": [alert]});
    parse(&body).events.remove(0)
}

fn code(source: &Source, list: &[(&str, &str)]) -> &'static str {
    let refused = source
        .verify(&headers(list), BODY, NOW)
        .expect_err("refused");
    assert_eq!(refused.status, 401);
    assert!(!refused.message.contains("secret!"));
    refused.code
}

#[test]
fn without_auth_the_secret_is_a_bearer_token() {
    let source = source("");
    let sent = [("Authorization", "Bearer secret")];
    let verified = accepted(source.verify(&headers(&sent), BODY, NOW));
    assert_eq!(verified.secret.as_deref(), Some("secret"));

    assert_eq!(code(&source, &[]), "hook/missing-signature");
    assert_eq!(
        code(&source, &[("authorization", "")]),
        "hook/empty-signature"
    );
    assert_eq!(
        code(&source, &[sent[0], sent[0]]),
        "hook/repeated-signature"
    );
    for wrong in [
        "Bearer secret!",
        "Bearer",
        "secret",
        "Basic secret",
        "Bearer  ",
    ] {
        assert_eq!(
            code(&source, &[("authorization", wrong)]),
            "hook/bad-signature",
            "{wrong}"
        );
    }
}

#[test]
fn auth_says_how_the_secret_comes_and_its_header_is_not_stored() {
    for (auth, name, value) in [
        ("auth = 'bearer'", "authorization", "Bearer secret"),
        (
            "auth = { basic = 'alerts' }",
            "authorization",
            "Basic YWxlcnRzOnNlY3JldA==",
        ),
        ("auth = { header = 'X-Token' }", "x-token", "secret"),
    ] {
        let source = source(auth);
        let list = [(name, value), ("user-agent", "Alertmanager/0.28.1")];
        let verified = accepted(source.verify(&headers(&list), BODY, NOW));
        let names: Vec<_> = verified
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["user-agent"], "{auth}");
        let other = [("x-other", "secret")];
        assert_eq!(code(&source, &other), "hook/missing-signature");
    }
    let signed =
        build("provider = 'alertmanager'\nsecret = { env = 's' }\nevent_header = 'X-Event'");
    assert!(
        signed
            .expect_err("refused")
            .to_string()
            .contains("event_header")
    );
}

#[test]
fn one_firing_and_one_resolved_alert_are_two_events_each_by_its_own_status() {
    let mut body = sample("alert-firing");
    let resolved = sample("alert-resolved")["alerts"][0].clone();
    body["alerts"]
        .as_array_mut()
        .expect("a list")
        .push(resolved);

    let events = parse(&body).events;

    assert_eq!(events.len(), 2);
    let said: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event.provider_event.as_str(),
                alert(event).firing,
                alert(event).ended_at,
            )
        })
        .collect();
    let ended = Some(Timestamp(1_767_220_895_123));
    assert_eq!(said, [("firing", true, None), ("resolved", false, ended)]);
    assert_eq!(alert(&events[0]).fingerprint, alert(&events[1]).fingerprint);
    assert_eq!(events[0].happened_at, alert(&events[0]).started_at);
    assert_eq!(events[1].happened_at, ended);
}

#[test]
fn labels_and_annotations_are_sorted_and_empty_ones_are_left_out() {
    let event = only(&json!({
        "status": "firing",
        "labels": {"z": "1", "alertname": "Disk full", "a": ""},
        "annotations": {"summary": "Full", "runbook": "r", "b": "\u{e9}"},
    }));
    let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    assert_eq!(
        alert(&event).labels,
        pairs(&[("alertname", "Disk full"), ("z", "1")])
    );
    assert_eq!(
        alert(&event).annotations,
        pairs(&[("b", "\u{e9}"), ("runbook", "r"), ("summary", "Full")])
    );
    assert_eq!(
        (alert(&event).started_at, alert(&event).severity.as_ref()),
        (None, None)
    );
}

#[test]
fn the_summary_is_one_line_from_the_best_text_there_is() {
    for (annotations, summary, description) in [
        (
            json!({"summary": "One", "description": "Two"}),
            "One",
            Some("Two"),
        ),
        (
            json!({"message": "First\nsecond"}),
            "First",
            Some("First\nsecond"),
        ),
        (
            json!({"summary": "First\nsecond"}),
            "First",
            Some("First\nsecond"),
        ),
        (json!({"summary": "\n One\n"}), "One", None),
        (json!({}), "Disk full", None),
    ] {
        let event = only(&json!({
            "status": "firing", "labels": {"alertname": "Disk full"}, "annotations": annotations,
        }));
        let alert = alert(&event);
        assert_eq!(alert.summary, summary, "{annotations}");
        assert_eq!(alert.description.as_deref(), description, "{annotations}");
    }
}

#[test]
fn an_alert_without_a_name_is_called_by_its_labels() {
    let event = only(&json!({"status": "firing", "labels": {"job": "a\"b", "env": "x"}}));
    assert_eq!(alert(&event).name, r#"{env="x", job="a\"b"}"#);
}

#[test]
fn the_page_is_the_alerts_own_else_the_monitors() {
    let mut body = sample("alert-firing");
    let url = |body: &Value| parse(body).events.remove(0).url.expect("a page");
    assert!(url(&body).starts_with("https://prometheus.example.org/graph?"));
    body["alerts"][0]["generatorURL"] = json!("");
    assert_eq!(url(&body), "https://alertmanager.example.org");
}

#[test]
fn what_cannot_be_read_is_other_and_spoils_no_other_alert() {
    let good = sample("alert-firing")["alerts"][0].clone();
    for (bad, word) in [
        (json!({}), "`status`"),
        (json!({"status": "firing"}), "`labels`"),
        (json!({"status": "firing", "labels": ["a"]}), "`labels`"),
        (
            json!({"status": "suppressed", "labels": {"a": "b"}}),
            "`suppressed`",
        ),
        (json!(7), "`status`"),
    ] {
        let events = parse(&json!({"status": "firing", "alerts": [bad, good]})).events;
        let note = events[0].note.as_deref().unwrap_or_default();
        assert!(
            events[0].subject == Subject::Other && note.contains(word),
            "{bad}: {note}"
        );
        assert!(alert(&events[1]).firing && events[1].note.is_none());
    }
    for (body, word) in [
        (json!({"status": "firing"}), "has no list"),
        (json!({"alerts": {}}), "has no list"),
        (json!({"alerts": []}), "is empty"),
        (json!([]), "has no list"),
    ] {
        let event = parse(&body).events.remove(0);
        assert!(event.note.is_some_and(|note| note.contains(word)), "{body}");
    }
}

#[test]
fn alerts_that_were_not_sent_are_spoken_of() {
    let mut body = sample("alert-firing");
    body["truncatedAlerts"] = json!(3);
    let event = parse(&body).events.remove(0);
    assert!(alert(&event).firing && !event.truncated);
    assert!(
        event
            .note
            .is_some_and(|note| note.contains("3 more alerts"))
    );
}

#[test]
fn of_ten_thousand_alerts_the_first_thousand_are_right_and_the_rest_is_counted() {
    let body = |count: usize| {
        let one = |index: usize| {
            json!({
                "status": if index.is_multiple_of(2) { "firing" } else { "resolved" },
                "labels": {"alertname": "Disk full", "instance": format!("host-{index}")},
                "fingerprint": format!("{index:016x}"),
            })
        };
        json!({"status": "firing", "alerts": (0..count).map(one).collect::<Vec<_>>()})
    };
    let parsed = parse(&body(10_000));
    assert_eq!((parsed.events.len(), parsed.left_out), (1_000, 9_000));
    for (index, event) in parsed.events.iter().enumerate() {
        let alert = alert(event);
        assert_eq!(alert.fingerprint, Some(format!("{index:016x}")));
        assert_eq!(alert.firing, index.is_multiple_of(2));
        assert_eq!(alert.labels[1].1, format!("host-{index}"));
    }
    assert_eq!(parse(&body(1_000)).left_out, 0);
}

#[test]
fn a_group_counts_as_the_same_delivery_for_ten_seconds_only() {
    let list = [("authorization", "Bearer secret"), ("request-id", "1")];
    let keys = accepted(source("").verify(&headers(&list), BODY, NOW)).keys;
    assert_eq!(keys.len(), 1);
    assert!(keys[0].0.starts_with("body:") && keys[0].1 == Duration::from_secs(10));
}

#[test]
fn a_source_may_expect_a_status_and_an_instance() {
    let body = sample("alert-firing").to_string();
    let list = headers(&[("authorization", "Bearer secret")]);
    for (expect, is_expected) in [
        ("events = ['firing']", true),
        ("events = ['resolved']", false),
        ("instances = ['https://alertmanager.example.org/']", true),
        ("instances = ['https://alertmanager.example.com']", false),
    ] {
        let source = source(&format!("expect = {{ {expect} }}"));
        let verdict = source
            .verify(&list, body.as_bytes(), NOW)
            .expect("verified");
        assert_eq!(
            matches!(verdict, Verdict::Accept(_)),
            is_expected,
            "{expect}"
        );
    }
}

#[test]
fn its_requests_are_told_by_the_name_of_the_program() {
    let auto = build("provider = 'auto'\nsecrets = { alertmanager = { env = 'secret' } }")
        .expect("a source");
    let list = |agent| [("user-agent", agent), ("authorization", "Bearer secret")];
    let verified = accepted(auto.verify(&headers(&list("Alertmanager/0.28.1")), BODY, NOW));
    assert_eq!(verified.provider, "alertmanager");
    let refused = auto.verify(&headers(&list("curl/8.5.0")), BODY, NOW);
    assert_eq!(refused.expect_err("unknown").code, "hook/unknown-provider");
}
