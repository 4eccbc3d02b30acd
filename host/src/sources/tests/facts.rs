//! What is expected of requests: what is learned from a delivery is what is seen before it is stored.

use serde_json::{Value, json};

use super::*;
use crate::sources::headers::Headers;
use crate::sources::json;
use crate::sources::provider::{CORPORA, Facts};
use crate::sources::samples::samples;

/// Whose facts stand in lists, which are not read before a delivery is stored, and where.
const IN_LISTS: [(&str, &str); 2] = [
    // Which projects a metric is measured in.
    ("sentry", "/data/metric_alert/projects"),
    // Where a secret was found in the code.
    ("bitbucket-data-center", "/secretLocations"),
];

fn open(provider: &str) -> Source {
    build(&format!("provider = '{provider}'\nverify = 'none'")).expect("a source")
}

/// What a stored delivery says, and what it would say if its whole body were read.
fn both(source: &Source, sent: &[(String, String)], body: &[u8]) -> Option<(Facts, Facts, Value)> {
    let sent = headers(sent);
    let Ok(Verdict::Accept(verified)) = source.verify(&sent, body, NOW) else {
        return None;
    };
    let seen = source.facts(verified.provider, &verified.headers, &verified.body);
    let whole = json::read(&verified.body).ok()??;
    let taker = source.takers.named(verified.provider)?;
    let all = taker.facts(Headers::Stored(&verified.headers), Some(&whole));
    Some((seen, all, whole))
}

/// Sees that nothing is left out of what a body says, except for what stands in a list.
fn assert_same(what: &str, provider: &str, (seen, all, whole): (Facts, Facts, Value)) {
    let mut lists = IN_LISTS.iter().filter(|(name, _)| *name == provider);
    if lists.any(|(_, list)| whole.pointer(list).is_some()) {
        assert_eq!(seen.project, None, "{what}");
        assert_eq!(seen.project_id, None, "{what}");
    } else {
        assert_eq!(seen, all, "{what}");
    }
}

#[test]
fn the_facts_of_every_payload_are_seen_before_it_is_stored() {
    for sample in samples() {
        let source = open(sample.provider);
        let sent = testing::sign(&source, sample.event_header, sample.body.as_bytes());
        let what = format!("{}/{}", sample.provider, sample.name);
        let facts = both(&source, &sent, sample.body.as_bytes()).expect("the sample is accepted");
        assert_same(&what, sample.provider, facts);
    }
    let Some(folder) = testing::corpus("facts of real payloads") else {
        return;
    };
    let mut compared = 0;
    for corpus in CORPORA {
        let source = open(corpus.provider);
        for (path, (sent, body)) in testing::payloads(&folder, corpus.folder) {
            if let Some(facts) = both(&source, &sent, &body) {
                compared += 1;
                assert_same(&path, corpus.provider, facts);
            }
        }
    }
    assert!(compared > 100, "{compared} payloads");
}

#[test]
fn what_a_sample_says_can_be_expected_of_it() {
    for sample in samples() {
        let source = open(sample.provider);
        let body = sample.body.as_bytes();
        let sent = testing::sign(&source, sample.event_header, body);
        let sent = headers(&sent);
        let stored = accepted(source.verify(&sent, body, NOW));
        let facts = source.facts(sample.provider, &stored.headers, &stored.body);
        let number = facts
            .project_id
            .filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
        let expected = [
            ("projects", number),
            ("projects", facts.project),
            ("events", facts.event),
            ("events", facts.kind),
            ("instances", facts.instance),
        ];
        for (key, text) in expected {
            let Some(text) = text else { continue };
            let text = Value::from(text);
            let provider = sample.provider;
            let table = format!(
                "provider = '{provider}'\nverify = 'none'\nexpect = {{ {key} = [{text}] }}"
            );
            let source = build(&table).expect("a source");
            let verdict = source.verify(&sent, body, NOW);
            assert!(
                matches!(verdict, Ok(Verdict::Accept(_))),
                "{provider}/{}: {table}",
                sample.name
            );
        }
    }
}

/// Whether a source with these settings takes a body, in each of the ways in which a number may be written.
fn takes(settings: &str, number: u64, body: &Value) -> [bool; 2] {
    [number.to_string(), format!("'{number}'")].map(|number| {
        let table = format!("verify = 'none'\nexpect = {{ projects = [{number}] }}\n{settings}");
        let source = build(&table).expect("a source");
        let body = body.to_string();
        let verdict = source.verify(&HeaderMap::new(), body.as_bytes(), NOW);
        matches!(verdict, Ok(Verdict::Accept(_)))
    })
}

#[test]
fn a_project_may_be_expected_by_number_wherever_the_number_stands() {
    let jira = json!({"webhookEvent": "jira:issue_created",
        "issue": {"key": "PAY-1", "fields": {"project": {"id": "10042", "key": "PAY"}}}});
    let generic = json!({"project": {"id": 10_042}});
    let nextcloud = json!({"event": {"class": r"OCP\Files\Events\Node\NodeCreatedEvent",
        "node": {"path": "/10042/files/May.pdf"}}});
    for (settings, body) in [
        ("provider = 'jira'", jira),
        (
            "provider = 'generic'\nproject_pointer = '/project/id'",
            generic,
        ),
        ("provider = 'nextcloud'", nextcloud),
    ] {
        assert_eq!(takes(settings, 10_042, &body), [true; 2], "{settings}");
        assert_eq!(takes(settings, 1_004, &body), [false; 2], "{settings}");
    }
}

#[test]
fn what_lies_deep_in_a_body_is_seen_before_it_is_stored() {
    let owner =
        json!({"repository": {"id": 1, "name": "storefront", "owner": {"login": "payments"}}});
    let reaction = json!({"type": "event_callback", "team_id": "T1",
        "event": {"type": "reaction_added", "item": {"type": "message", "channel": "C1"}}});
    let channel = json!({"type": "event_callback", "team_id": "T1",
        "event": {"type": "reaction_added", "item": {"channel": {"id": "C1"}}}});
    let run = json!({"run": {"repository": {"id": 1, "full_name": "payments/storefront"}}});
    let request = json!({"pullRequest": {"toRef": {"repository":
        {"id": 1, "slug": "storefront", "project": {"key": "payments"}}}}});
    for (provider, body, project) in [
        ("github", owner, "payments/storefront"),
        ("slack", reaction, "T1/C1"),
        ("slack", channel, "T1/C1"),
        ("gitea", run, "payments/storefront"),
        ("bitbucket-data-center", request, "payments/storefront"),
    ] {
        let facts = both(&open(provider), &[], body.to_string().as_bytes());
        let (seen, all, _) = facts.expect("it is accepted");
        assert_eq!(seen.project.as_deref(), Some(project), "{provider}");
        assert_eq!(seen, all, "{provider}");
    }
}

#[test]
fn what_stands_in_a_list_is_not_learned() {
    let body = br#"{"data":{"metric_alert":{"projects":["storefront"]}}}"#;
    let (seen, all, _) = both(&open("sentry"), &[], body).expect("it is accepted");
    assert_eq!(
        (seen.project, all.project),
        (None, Some("storefront".to_owned()))
    );
}
