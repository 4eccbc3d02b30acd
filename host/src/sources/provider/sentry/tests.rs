//! Sentry's verification and parser, on bodies written for them.

use serde_json::{Value, json};

use crate::domain::clock::Timestamp;
use crate::domain::event::{Alert, Change, CommentTarget, Event, Subject};
use crate::sources::samples::samples;
use crate::sources::testing::{self, NOW, accepted, build, headers};
use crate::sources::{Rejection, Source, Verdict};

const BODY: &[u8] = br#"{"action":"created"}"#;
/// By `client-secret`, of the body.
const MAC: &str = "1c20166a5a6576f55b72d626aefc22c6e73a252e1f4cc8e87dc0ede1cdf4b5bc";
const SIGNATURE: &str = "Sentry-Hook-Signature";

fn source() -> Source {
    build("provider = 'sentry'\nsecret = { env = 'client-secret' }").expect("a source")
}

fn verify<'a>(list: &[(&str, &str)], body: &'a [u8]) -> Result<Verdict<'a>, Rejection> {
    source().verify(&headers(list), body, NOW)
}

fn event(body: &Value) -> Event {
    let list = [("sentry-hook-timestamp".to_owned(), "1767225000".to_owned())];
    let mut events = testing::parse(&source(), &list, body.to_string().as_bytes()).events;
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn sample(name: &str) -> Value {
    let sample = samples()
        .find(|sample| sample.provider == "sentry" && sample.name == name)
        .expect("a sample");
    serde_json::from_str(sample.body).expect("a sample is JSON")
}

fn alert(event: &Event) -> &Alert {
    match &event.subject {
        Subject::Alert(alert) => alert,
        subject => panic!("not an alert but {}: {:?}", subject.name(), event.note),
    }
}

/// An error, as it stands under `data.event` or `data.error`.
fn error() -> Value {
    json!({
        "event_id": "e4874d664c35", "project": 15, "level": "fatal", "title": "Timeout: no answer", "message": "",
        "metadata": {"value": "no answer"}, "culprit": "pay", "issue_id": "5102",
        "datetime": "2025-12-31T21:06:17.677000Z", "tags": [["os", "Linux"], ["browser", "Firefox"], ["odd"], 5],
        "url": "https://sentry.example.org/api/0/projects/shop/storefront/events/e4874d664c35/",
        "web_url": "https://sentry.example.org/organizations/shop/issues/5102/events/e4874d664c35/",
        "request": {"url": "https://shop.example.org", "cookies": [["session", "s3cr3t"]]},
    })
}

#[test]
fn a_right_signature_is_accepted_and_a_wrong_missing_empty_or_doubled_one_is_not() {
    let list = [(SIGNATURE, MAC), ("request-id", "r1")];
    let verified = accepted(verify(&list, BODY));
    assert_eq!(verified.secret.as_deref(), Some("secret"));
    assert_eq!(
        verified.headers,
        [("request-id".to_owned(), "r1".to_owned())]
    );

    for (list, code) in [
        (vec![], "hook/missing-signature"),
        (vec![(SIGNATURE, " ")], "hook/empty-signature"),
        (
            vec![(SIGNATURE, MAC), (SIGNATURE, MAC)],
            "hook/repeated-signature",
        ),
        (vec![(SIGNATURE, "00")], "hook/bad-signature"),
        (vec![(SIGNATURE, &MAC[1..])], "hook/bad-signature"),
    ] {
        let refused = verify(&list, BODY).expect_err("refused");
        assert_eq!((refused.status, refused.code), (401, code), "{list:?}");
    }
    let prefixed = format!("sha256={MAC}");
    assert!(verify(&[(SIGNATURE, &prefixed)], BODY).is_err());
    assert!(verify(&[(SIGNATURE, MAC)], br#"{"action": "created"}"#).is_err());
    let auth = build("provider = 'sentry'\nsecret = { env = 's' }\nauth = 'bearer'");
    assert!(auth.expect_err("refused").to_string().contains("auth"));
}

#[test]
fn an_id_that_is_not_signed_does_not_make_a_known_body_new() {
    let keys = |id: &'static str| {
        let list = [(SIGNATURE, MAC), ("request-id", id)];
        accepted(verify(&list, BODY)).keys
    };
    let (one, two) = (keys("r1"), keys("r2"));
    assert_eq!((one.len(), one[0].0.as_str()), (2, "id:r1"));
    assert_ne!(one[0], two[0]);
    assert_eq!(one[1], two[1]);
    assert!(one[1].1 > std::time::Duration::from_hours(7 * 24));
}

#[test]
fn a_header_that_contradicts_the_body_is_a_bad_request() {
    let source = build("provider = 'sentry'\nverify = 'none'").expect("a source");
    let issue = sample("alert-firing").to_string();
    for (header, is_right) in [
        ("issue", true),
        ("rocket", true),
        ("comment", false),
        ("error", false),
    ] {
        let verdict = source.verify(
            &headers(&[("sentry-hook-resource", header)]),
            issue.as_bytes(),
            NOW,
        );
        assert_eq!(verdict.is_ok(), is_right, "{header}");
        if let Err(refused) = verdict {
            assert_eq!((refused.status, refused.code), (400, "hook/contradiction"));
        }
    }
    assert!(
        source
            .verify(&headers(&[("sentry-hook-resource", "issue")]), BODY, NOW)
            .is_ok()
    );
}

#[test]
fn an_issue_fires_while_it_is_unresolved() {
    let mut body = sample("alert-firing");
    for (action, status, firing) in [
        ("created", json!("unresolved"), true),
        ("unresolved", json!("unresolved"), true),
        ("assigned", json!("unresolved"), true),
        ("assigned", json!("resolved"), false),
        ("resolved", json!("resolved"), false),
        ("archived", json!("ignored"), false),
        ("created", Value::Null, true),
        ("unresolved", Value::Null, true),
        ("resolved", Value::Null, false),
        ("ignored", Value::Null, false),
    ] {
        body["action"] = json!(action);
        body["data"]["issue"]["status"] = status;
        let event = event(&body);
        assert_eq!(alert(&event).firing, firing, "{action}");
        assert_eq!(alert(&event).fingerprint.as_deref(), Some("issue/5102"));
        assert_eq!(event.provider_action.as_deref(), Some(action));
        let is_first = event.happened_at == alert(&event).started_at;
        assert_eq!(is_first, action == "created", "{action}");
    }
}

#[test]
fn an_alert_about_an_issue_has_the_rules_name_and_the_issues_fingerprint() {
    let body = json!({"action": "triggered", "data": {"event": error(), "triggered_rule": "Checkout breaks"}});
    let event = event(&body);
    let found = alert(&event);
    assert_eq!(
        (found.name.as_str(), found.summary.as_str()),
        ("Checkout breaks", "Timeout: no answer")
    );
    assert_eq!(found.description.as_deref(), Some("no answer"));
    assert_eq!(found.fingerprint.as_deref(), Some("issue/5102"));
    let labels: Vec<_> = found
        .labels
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(labels, ["browser=Firefox", "os=Linux"]);
    assert!(found.firing && found.severity.as_deref() == Some("fatal"));
    assert_eq!(event.happened_at, Some(Timestamp(1_767_215_177_677)));
    assert!(
        event
            .url
            .is_some_and(|url| url.ends_with("/issues/5102/events/e4874d664c35/"))
    );
    let project = event.repository.expect("a project");
    assert_eq!(
        (project.id.as_str(), project.full_name.as_str()),
        ("15", "storefront")
    );
}

#[test]
fn a_single_error_is_an_alert_under_its_own_title() {
    let event = event(&json!({"action": "created", "data": {"error": error()}}));
    assert_eq!(alert(&event).name, "Timeout: no answer");
    assert_eq!((event.provider_event.as_str(), event.note), ("error", None));
}

#[test]
fn a_metrics_alert_is_raised_and_cleared_by_its_action() {
    let mut body = sample("metric-alert-firing");
    body["data"]["metric_alert"]["date_closed"] = json!("2025-12-31T22:30:00Z");
    for (action, firing, severity) in [
        ("critical", true, Some("critical")),
        ("warning", true, Some("warning")),
        ("open", true, None),
        ("resolved", false, None),
    ] {
        body["action"] = json!(action);
        let event = event(&body);
        let found = alert(&event);
        assert_eq!(
            (found.firing, found.severity.as_deref()),
            (firing, severity),
            "{action}"
        );
        assert_eq!(found.fingerprint.as_deref(), Some("alert-rule/12"));
        assert_eq!(found.ended_at.is_some(), !firing, "{action}");
    }
    body["action"] = json!("muted");
    assert!(
        event(&body)
            .note
            .is_some_and(|note| note.contains("`muted`"))
    );
    body["action"] = json!("critical");
    body["data"]["metric_alert"]["projects"] = json!(["a", "b"]);
    assert_eq!(event(&body).repository, None);
}

#[test]
fn a_comment_is_on_an_issue_and_a_deleted_one_may_have_no_text() {
    let mut body = sample("note-on-issue");
    for (action, text, expected) in [
        ("created", json!("x"), Change::Opened),
        ("updated", json!("x"), Change::Updated),
        ("deleted", Value::Null, Change::Deleted),
    ] {
        body["action"] = json!(action);
        body["data"]["comment"] = text;
        let event = event(&body);
        let Subject::Comment(comment) = &event.subject else {
            panic!("not a comment: {:?}", event.note)
        };
        assert_eq!(
            (comment.change, comment.target),
            (expected, CommentTarget::Issue)
        );
        assert_eq!(comment.target_key.as_deref(), Some("5102"));
    }
    body["action"] = json!("created");
    body["data"]["comment"] = Value::Null;
    assert_eq!(event(&body).subject, Subject::Other);
}

#[test]
fn what_there_are_no_words_for_is_other_and_still_says_who_did_it() {
    for (data, word) in [
        (
            json!({"installation": {"uuid": "u", "code": "c"}}),
            "`installation`",
        ),
        (json!({"run_id": 1, "group_id": 5102}), "`seer`"),
        (json!({"buildId": "72"}), "`preprod_artifact`"),
        (json!({"rocket": {}}), "no known kind"),
        (json!({"issue": {}}), "`issue`"),
        (
            json!({"issue": {"status": "unresolved", "title": "x"}}),
            "`id`",
        ),
        (json!({"event": {}}), "`event_alert`"),
        (json!({"error": 5}), "`error`"),
        (
            json!({"metric_alert": {"alert_rule": {}}}),
            "`metric_alert`",
        ),
        (json!({"comment_id": null}), "`comment`"),
        (json!([]), "no known kind"),
    ] {
        let body = json!({"action": "critical", "actor": {"type": "user", "id": 1, "name": "Ada"}, "data": data});
        let event = event(&body);
        assert_eq!(event.subject, Subject::Other, "{body}");
        let note = event.note.unwrap_or_default();
        assert!(note.contains(word), "{body}: {note}");
        assert_eq!(
            event.actor.map(|actor| (actor.name, actor.bot)),
            Some(("Ada".to_owned(), false))
        );
        assert_eq!(event.happened_at, Some(Timestamp(1_767_225_000_000)));
    }
}

#[test]
fn codes_and_cookies_are_replaced_before_they_are_stored() {
    let source = build("provider = 'sentry'\nverify = 'none'").expect("a source");
    for (data, kept) in [
        (
            json!({"installation": {"code": "s3cr3t", "uuid": "u"}}),
            "\"uuid\"",
        ),
        (json!({"event": error()}), "shop.example.org"),
        (json!({"error": error()}), "shop.example.org"),
    ] {
        let body = json!({"action": "created", "data": data}).to_string();
        let verified = accepted(source.verify(&headers::<&str, &str>(&[]), body.as_bytes(), NOW));
        let stored = String::from_utf8_lossy(&verified.body);
        assert!(
            !stored.contains("s3cr3t") && stored.contains(kept),
            "{stored}"
        );
    }
}

#[test]
fn a_source_may_expect_projects_and_events() {
    let issue = sample("alert-firing").to_string();
    let occurrence = json!({"action": "created", "data": {"error": error()}}).to_string();
    let comment = sample("note-on-issue").to_string();
    for (expect, body, is_expected) in [
        ("projects = ['storefront']", &issue, true),
        ("projects = [15]", &issue, true),
        ("projects = ['other', 16]", &issue, false),
        ("projects = ['storefront']", &occurrence, true),
        ("projects = [15]", &occurrence, true),
        ("projects = ['storefront']", &comment, true),
        ("events = ['issue.created']", &issue, true),
        ("events = ['issue']", &issue, true),
        ("events = ['issue.resolved']", &issue, false),
    ] {
        let table = format!("provider = 'sentry'\nverify = 'none'\nexpect = {{ {expect} }}");
        let source = build(&table).expect("a source");
        let list = if body == &issue {
            vec![("sentry-hook-resource", "issue")]
        } else {
            Vec::new()
        };
        let verdict = source
            .verify(&headers(&list), body.as_bytes(), NOW)
            .expect("verified");
        assert_eq!(
            matches!(verdict, Verdict::Accept(_)),
            is_expected,
            "{expect}"
        );
    }
}
