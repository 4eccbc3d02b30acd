//! How much a body may become: what it says once, each of its events says again.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::sources::samples::samples;

/// How much the events of one body may repeat in all.
const REPEATED: usize = 16 << 20;

/// The longest text of an event.
fn long() -> String {
    "x".repeat(64 << 10)
}

/// An address as long as that.
fn address() -> String {
    format!("https://{}", "x".repeat((64 << 10) - 8))
}

fn open(provider: &str) -> Source {
    build(&format!("provider = '{provider}'\nverify = 'none'")).expect("a source")
}

/// How many events a body becomes, how many are left out, and how large they are as JSON.
fn sizes(provider: &str, headers: &[(String, String)], body: &Value) -> (usize, u64, usize) {
    let parsed = testing::parse(&open(provider), headers, body.to_string().as_bytes());
    let size = |event| {
        serde_json::to_string(event)
            .expect("an event is JSON")
            .len()
    };
    let size = parsed.events.iter().map(size).sum();
    (parsed.events.len(), parsed.left_out, size)
}

/// Fills a list of a body with an entry until the body has a megabyte, and says how many there are.
fn fill(body: &mut Value, list: &str, entry: &Value) -> usize {
    let room = (1 << 20) - body.to_string().len();
    let count = room / (entry.to_string().len() + 1);
    *body.pointer_mut(list).expect("the body has the list") = vec![entry.clone(); count].into();
    count
}

/// Fills a list, and sees that the body becomes so many events.
fn assert_bounded(
    (provider, header): (&str, (&str, &str)),
    mut body: Value,
    (list, entry): (&str, Value),
    expected: usize,
) {
    let count = fill(&mut body, list, &entry);
    let headers = [(header.0.to_owned(), header.1.to_owned())];
    let (events, left_out, size) = sizes(provider, &headers, &body);
    assert_eq!(events, expected, "{provider}");
    assert_eq!(
        left_out,
        u64::try_from(count - events).expect("a small number"),
        "{provider}"
    );
    assert!(size <= REPEATED + (2 << 20), "{provider}: {size}");
}

#[test]
fn the_changes_of_a_push_do_not_each_repeat_long_texts() {
    let body = json!({
        "actor": {"display_name": long(), "username": long(), "account_id": long()},
        "repository": {"full_name": long(), "name": long(), "uuid": long(),
            "links": {"html": {"href": address()}}},
        "push": {"changes": []},
    });
    let push = ("bitbucket", ("x-event-key", "repo:push"));
    assert_bounded(push, body, ("/push/changes", json!({})), 31);

    let body = json!({
        "eventKey": "repo:refs_changed",
        "actor": {"name": long(), "displayName": long(), "emailAddress": long()},
        "repository": {"slug": "s", "name": long(), "project": {"key": "P"},
            "links": {"self": [{"href": address()}]}},
        "changes": [],
    });
    let push = (
        "bitbucket-data-center",
        ("x-event-key", "repo:refs_changed"),
    );
    assert_bounded(push, body, ("/changes", json!({})), 42);
}

#[test]
fn changes_that_lead_to_the_same_commit_do_not_each_repeat_all_commits() {
    let commit = json!({"id": "a", "message": "x".repeat(500)});
    let body = json!({
        "eventKey": "repo:refs_changed",
        "repository": {"slug": "s", "name": "s", "project": {"key": "P"}},
        "changes": [],
        "commits": vec![commit; 1_000],
    });
    let change =
        json!({"ref": {"id": "refs/heads/b", "type": "BRANCH"}, "fromHash": "b", "toHash": "a"});
    let push = (
        "bitbucket-data-center",
        ("x-event-key", "repo:refs_changed"),
    );
    assert_bounded(push, body, ("/changes", change), 16);
}

#[test]
fn the_pages_and_the_deployments_of_one_delivery_do_not_each_repeat_long_texts() {
    let repository = json!({"id": long(), "name": long(), "full_name": long(), "html_url": address(),
        "ssh_url": long(), "clone_url": address(), "default_branch": long()});
    let body = json!({"repository": repository, "sender": {"login": long()}, "pages": []});
    let wiki = ("github", ("x-github-event", "gollum"));
    assert_bounded(wiki, body, ("/pages", json!({"page_name": "p"})), 25);

    let body = json!({
        "action": "approved",
        "environment": long(),
        "repository": {"id": 1, "full_name": "o/n"},
        "workflow_run": {"head_sha": long(), "head_branch": long(), "html_url": address(),
            "head_repository": {"id": 1}},
        "workflow_job_runs": [],
    });
    let review = ("github", ("x-github-event", "deployment_review"));
    assert_bounded(review, body, ("/workflow_job_runs", json!({"id": 1})), 63);
}

#[test]
fn alerts_do_not_each_repeat_the_address_of_the_monitor() {
    for provider in ["alertmanager", "grafana"] {
        let body = json!({"status": "firing", "externalURL": address(), "alerts": [],
            "commonLabels": {"team": long()}, "commonAnnotations": {"summary": long()}});
        let group = (provider, ("user-agent", "x"));
        assert_bounded(group, body, ("/alerts", json!({})), 255);
    }
}

#[test]
fn what_is_long_in_one_entry_is_not_taken_for_what_all_repeat() {
    let sample = samples().find(|sample| sample.provider == "bitbucket" && sample.name == "push");
    let mut body: Value = serde_json::from_str(sample.expect("a sample").body).expect("JSON");
    let change = body["push"]["changes"][0].clone();
    let mut large = change.clone();
    large["commits"][0]["message"] = long().into();
    let mut changes = vec![change; 1_199];
    changes.insert(0, large);
    body["push"]["changes"] = changes.into();
    let headers = [("x-event-key".to_owned(), "repo:push".to_owned())];
    let (events, left_out, _) = sizes("bitbucket", &headers, &body);
    assert_eq!((events, left_out), (1_000, 200));
}

/// The places of the lists of objects in a body.
fn lists(value: &Value, place: &str, found: &mut Vec<String>) {
    let Value::Object(object) = value else { return };
    for (key, value) in object {
        let place = format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"));
        if value.get(0).is_some_and(Value::is_object) {
            found.push(place.clone());
        }
        lists(value, &place, found);
    }
}

/// Makes the texts outside lists long, except for words, which say what a body is.
fn lengthen(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > 20 || text.contains(['/', ' ', '@']) => {
            text.push_str(&"x".repeat(32 << 10));
        }
        Value::Object(object) => object.values_mut().for_each(lengthen),
        _ => {}
    }
}

#[test]
fn no_sample_becomes_large_when_its_texts_are_long_and_one_of_its_lists_is() {
    let (mut several, mut tried) = (BTreeSet::new(), BTreeSet::new());
    for sample in samples() {
        let mut body: Value = serde_json::from_str(sample.body).expect("JSON");
        let mut found = Vec::new();
        lists(&body, "", &mut found);
        lengthen(&mut body);
        for list in found {
            if !tried.insert((sample.provider, list.clone())) {
                continue;
            }
            let mut body = body.clone();
            let place = body.pointer_mut(&list).expect("the list is there");
            *place = vec![place[0].clone(); 1_000].into();
            let source = open(sample.provider);
            let sent = testing::sign(&source, sample.event_header, b"{}");
            let (events, _, size) = sizes(sample.provider, &sent, &body);
            if events > 1 {
                several.insert(sample.provider);
            }
            let bound = REPEATED + 3 * body.to_string().len();
            assert!(
                size <= bound,
                "{}/{}: {list}: {size}",
                sample.provider,
                sample.name
            );
        }
    }
    let known = [
        "alertmanager",
        "bitbucket",
        "bitbucket-data-center",
        "github",
        "grafana",
    ];
    assert_eq!(several.into_iter().collect::<Vec<_>>(), known);
}
