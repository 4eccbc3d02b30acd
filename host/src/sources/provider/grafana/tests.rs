//! Grafana's verification and parser, on bodies written for them.

use serde_json::{Value, json};

use crate::domain::clock::Timestamp;
use crate::domain::event::{Alert, Event, Subject};
use crate::sources::samples::samples;
use crate::sources::testing::{self, NOW, accepted, build, headers};
use crate::sources::{Rejection, Source};

const BODY: &[u8] = br#"{"alerts":[]}"#;
/// By `secret`, of the body.
const OF_BODY: &str = "1745765da3451aa4b37c66c165cd80b9a4765574a56eedd22aebc2737ac612c3";
/// By `secret`, of `1767225600:` and the body.
const OF_TIME: &str = "06d2506c6eb5af10ffac9feeaead371c11f1232460d6d3408d4bd96541dc17fc";
const SIGNATURE: &str = "X-Grafana-Alerting-Signature";
const TIME: &str = "X-Grafana-Alerting-Signature-Timestamp";

fn source(more: &str) -> Source {
    let table = format!("provider = 'grafana'\nsecret = {{ env = 'secret' }}\n{more}");
    build(&table).expect("a source")
}

fn verify(list: &[(&str, &str)], now: Timestamp) -> Result<Vec<String>, Rejection> {
    let verdict = source("").verify(&headers(list), BODY, now);
    verdict.map(|verdict| {
        let verified = accepted(Ok(verdict));
        assert_eq!(verified.secret.as_deref(), Some("secret"));
        assert!(
            !verified
                .headers
                .iter()
                .any(|(_, value)| value == OF_BODY || value == OF_TIME)
        );
        verified.keys.into_iter().map(|(key, _)| key).collect()
    })
}

fn code(list: &[(&str, &str)]) -> &'static str {
    let refused = verify(list, NOW).expect_err("refused");
    assert_eq!(refused.status, 401);
    assert!(!refused.message.contains(OF_BODY) && !refused.message.contains(OF_TIME));
    refused.code
}

fn parse(body: &Value) -> Vec<Event> {
    testing::parse(&source(""), &[], body.to_string().as_bytes()).events
}

fn sample(name: &str) -> Value {
    let sample = samples()
        .find(|sample| sample.provider == "grafana" && sample.name == name)
        .expect("a sample");
    serde_json::from_str(sample.body).expect("a sample is JSON")
}

fn alert(event: &Event) -> &Alert {
    match &event.subject {
        Subject::Alert(alert) => alert,
        subject => panic!("not an alert but {}: {:?}", subject.name(), event.note),
    }
}

#[test]
fn a_signature_of_the_body_is_accepted_under_either_name() {
    for name in [SIGNATURE, "x-grafana-alert-signature"] {
        let keys = verify(&[(name, OF_BODY)], NOW).expect("verified");
        assert!(keys.len() == 1 && keys[0].starts_with("body:"));
        assert_eq!(code(&[(name, "")]), "hook/empty-signature");
        assert_eq!(
            code(&[(name, OF_BODY), (name, OF_BODY)]),
            "hook/repeated-signature"
        );
        for wrong in [
            OF_TIME,
            "sha256=1745765da3451aa4b37c66c165cd80b9a4765574a56eedd22aebc2737ac612c3",
            "zz",
            &OF_BODY[..62],
        ] {
            assert_eq!(code(&[(name, wrong)]), "hook/bad-signature", "{wrong}");
        }
    }
    assert_eq!(code(&[]), "hook/missing-signature");
    let both = [(SIGNATURE, OF_BODY), ("x-grafana-alert-signature", OF_BODY)];
    assert_eq!(code(&both), "hook/repeated-signature");
}

#[test]
fn a_time_that_is_sent_is_part_of_what_is_signed() {
    for name in [TIME, "x-grafana-alerting-timestamp"] {
        let keys = verify(&[(SIGNATURE, OF_TIME), (name, "1767225600")], NOW).expect("verified");
        assert!(
            keys.len() == 2 && keys[0].starts_with("id:1767225600/"),
            "{keys:?}"
        );
        assert!(keys[1].starts_with("body:"));
        for (signature, time) in [(OF_BODY, "1767225600"), (OF_TIME, "1767225601")] {
            assert_eq!(
                code(&[(SIGNATURE, signature), (name, time)]),
                "hook/bad-signature"
            );
        }
        assert_eq!(
            code(&[(SIGNATURE, OF_BODY), (name, "")]),
            "hook/empty-signature"
        );
        let twice = [
            (SIGNATURE, OF_TIME),
            (name, "1767225600"),
            (name, "1767225600"),
        ];
        assert_eq!(code(&twice), "hook/repeated-signature");
    }
    let both = [
        (SIGNATURE, OF_TIME),
        (TIME, "1767225600"),
        ("x-grafana-alerting-timestamp", "1767225600"),
    ];
    assert_eq!(code(&both), "hook/repeated-signature");
}

#[test]
fn a_signed_time_counts_within_the_tolerance_on_both_sides() {
    let list = [(SIGNATURE, OF_TIME), (TIME, "1767225600")];
    for (offset, expected) in [
        (-300_000, None),
        (300_000, None),
        (-301_000, Some("hook/stale-timestamp")),
        (301_000, Some("hook/stale-timestamp")),
    ] {
        let refused = verify(&list, Timestamp(NOW.0 + offset)).err();
        assert_eq!(
            refused.map(|rejection| rejection.code),
            expected,
            "{offset}"
        );
    }
}

#[test]
fn a_time_under_a_name_of_ones_own_is_refused_with_the_name_to_use() {
    let refused =
        verify(&[(SIGNATURE, OF_TIME), ("x-time", "1767225600")], NOW).expect_err("refused");
    assert_eq!(refused.code, "hook/bad-signature");
    assert!(
        refused
            .message
            .contains("x-grafana-alerting-signature-timestamp"),
        "{refused}"
    );
}

#[test]
fn with_auth_the_authorization_counts_and_a_signature_alone_does_not() {
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
        let list = [(name, value), (SIGNATURE, "not looked at"), (TIME, "1")];
        let verified = accepted(source.verify(&headers(&list), BODY, NOW));
        assert_eq!(
            verified.headers,
            [(TIME.to_lowercase(), "1".to_owned())],
            "{auth}"
        );
        assert!(verified.keys.len() == 1 && verified.keys[0].1.as_secs() == 10);
        let refused = source.verify(&headers(&[(SIGNATURE, OF_BODY)]), BODY, NOW);
        assert_eq!(refused.expect_err("refused").code, "hook/missing-signature");
        let wrong = source.verify(&headers(&[(name, "Bearer other")]), BODY, NOW);
        assert_eq!(wrong.expect_err("refused").code, "hook/bad-signature");
    }
    let own = build(
        "provider = 'grafana'\nsecret = { env = 'Key abc' }\nauth = { header = 'Authorization' }",
    );
    let list = [("authorization", "Key abc")];
    accepted(own.expect("a source").verify(&headers(&list), BODY, NOW));
}

#[test]
fn where_to_see_and_to_silence_an_alert_is_among_its_annotations() {
    let mut body = sample("alert-firing");
    body["alerts"][0]["annotations"]["panelURL"] = json!("what the rule says");
    body["alerts"][0]["imageURL"] = json!("javascript:alert(1)");
    body["alerts"][0]["dashboardURL"] = json!("");
    let events = parse(&body);
    let annotations = &alert(&events[0]).annotations;
    let names: Vec<_> = annotations.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "description",
            "panelURL",
            "runbook_url",
            "silenceURL",
            "summary",
            "values"
        ]
    );
    assert_eq!(annotations[1].1, "what the rule says");
    assert_eq!(annotations[5].1, "A=731, C=1");
}

#[test]
fn one_firing_and_one_resolved_alert_are_two_events_and_those_not_sent_are_spoken_of() {
    let mut body = sample("alert-firing");
    let resolved = sample("alert-resolved")["alerts"][0].clone();
    body["alerts"]
        .as_array_mut()
        .expect("a list")
        .push(resolved);
    body["truncatedAlerts"] = json!(12);
    let events = parse(&body);
    let firing: Vec<_> = events.iter().map(|event| alert(event).firing).collect();
    assert_eq!(firing, [true, false]);
    for event in &events {
        assert!(
            event
                .note
                .as_deref()
                .is_some_and(|note| note.contains("12 more alerts"))
        );
    }
}

#[test]
fn an_alert_of_a_dashboard_is_raised_or_cleared_by_its_state() {
    let mut body = json!({
        "ruleId": 7, "ruleName": "Load", "ruleUrl": "https://grafana.example.org/d/x", "state": "alerting",
        "title": "[Alerting] Load", "message": "Too much\nof it", "tags": {"severity": "high", "b": "2"},
        "evalMatches": [{"metric": "requests", "value": 122, "tags": null}, {"metric": "errors", "value": 0.5}],
    });
    let events = parse(&body);
    let found = alert(&events[0]);
    assert_eq!(
        (found.name.as_str(), found.summary.as_str()),
        ("Load", "Too much")
    );
    assert_eq!(found.fingerprint.as_deref(), Some("7"));
    assert_eq!(found.severity.as_deref(), Some("high"));
    assert_eq!(found.annotations[0].1, "requests=122, errors=0.5");
    assert_eq!(events[0].provider_event, "alerting");
    assert_eq!(
        events[0].url.as_deref(),
        Some("https://grafana.example.org/d/x")
    );
    for (state, firing) in [("alerting", true), ("no_data", true), ("ok", false)] {
        body["state"] = json!(state);
        assert_eq!(alert(&parse(&body)[0]).firing, firing, "{state}");
    }
    for (state, word) in [(json!("paused"), "`paused`"), (Value::Null, "`state`")] {
        body["state"] = state;
        let event = parse(&body).remove(0);
        assert_eq!(event.subject, Subject::Other);
        assert!(event.note.is_some_and(|note| note.contains(word)));
        assert!(event.url.is_some());
    }
}

#[test]
fn a_body_of_ones_own_template_is_other_with_a_note() {
    for body in [
        json!({"text": "it burns"}),
        json!([1]),
        json!({"ruleName": 5, "state": "ok"}),
    ] {
        let events = parse(&body);
        assert_eq!((events.len(), &events[0].subject), (1, &Subject::Other));
        assert!(events[0].note.is_some(), "{body}");
    }
}

#[test]
fn its_requests_are_told_by_the_name_of_the_program_or_the_signature() {
    let auto =
        build("provider = 'auto'\nsecrets = { grafana = { env = 'secret' } }").expect("a source");
    for list in [
        vec![("user-agent", "Go-http-client/1.1"), (SIGNATURE, OF_BODY)],
        vec![
            ("user-agent", "Grafana"),
            ("x-grafana-alert-signature", OF_BODY),
        ],
    ] {
        assert_eq!(
            accepted(auto.verify(&headers(&list), BODY, NOW)).provider,
            "grafana"
        );
    }
    let code = |agent| {
        let refused = auto.verify(&headers(&[("user-agent", agent)]), BODY, NOW);
        refused.expect_err("refused").code
    };
    assert_eq!(code("Grafana"), "hook/missing-signature");
    assert_eq!(code("Grafana-Agent/v0.40"), "hook/unknown-provider");
}
