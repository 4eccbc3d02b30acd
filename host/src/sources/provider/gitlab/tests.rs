//! GitLab's verification and parser, on bodies written for them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::common::time;
use crate::domain::clock::Timestamp;
use crate::domain::event::{Change, CommentTarget, Event, Subject};
use crate::sources::samples::samples;
use crate::sources::testing::{self, NOW, accepted, build, headers, token_source};
use crate::sources::{Rejection, Source};

const KEY: &str = "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=";
const ID: &str = "f5e5f430-f57b-4e6e-9fac-d9128cd7232f";
const SIGNED: &[u8] = br#"{"object_kind":"push"}"#;
const SIGNATURE: &str = "v1,Z+TZ/7ZajOTsy7bHM+h4i59G6v4kjL/E1dgnWOBRNfw=";

type List = Vec<(&'static str, String)>;

fn signed() -> List {
    vec![
        ("webhook-id", ID.to_owned()),
        ("webhook-timestamp", "1767225600".to_owned()),
        ("webhook-signature", SIGNATURE.to_owned()),
    ]
}

fn with(mut list: List, name: &'static str, value: &str) -> List {
    list.retain(|(key, _)| *key != name);
    list.push((name, value.to_owned()));
    list
}

fn refusal(source: &Source, list: &List) -> Rejection {
    source.verify(&headers(list), SIGNED, NOW).expect_err("refused")
}

fn early_refusal(source: &Source, list: &List) -> &'static str {
    let rejection = source.check_headers(&headers(list)).expect_err("refused before the body is read");
    assert_eq!(rejection.status, 401);
    rejection.code
}

#[test]
fn a_right_token_is_accepted_and_a_wrong_missing_empty_or_doubled_one_is_not() {
    let source = token_source("secret");
    let token = |value: &str| vec![("X-Gitlab-Token", value.to_owned())];
    assert_eq!(accepted(source.verify(&headers(&token("secret")), SIGNED, NOW)).secret.as_deref(), Some("secret"));
    for wrong in ["Secret", "secret2", "secre", "\"secret\""] {
        let rejection = refusal(&source, &token(wrong));
        assert_eq!((rejection.status, rejection.code), (401, "hook/bad-signature"));
        assert!(!rejection.message.contains("secre2") && !rejection.message.contains(" secret2"));
    }
    assert_eq!(early_refusal(&source, &Vec::new()), "hook/missing-signature");
    assert_eq!(early_refusal(&source, &token("")), "hook/empty-signature");
    assert_eq!(early_refusal(&source, &token("  ")), "hook/empty-signature");
    assert_eq!(early_refusal(&source, &[token("secret"), token("secret")].concat()), "hook/repeated-signature");
}

#[test]
fn a_right_signature_is_accepted_and_a_wrong_missing_empty_or_doubled_one_is_not() {
    let source = token_source(KEY);
    let verified = accepted(source.verify(&headers(&signed()), SIGNED, NOW));
    assert_eq!((verified.secret.as_deref(), verified.keys[0].0.as_str()), (Some("secret"), &*format!("id:{ID}")));

    let several = format!("v1a,abc v2,{SIGNATURE} v1,AAAA {SIGNATURE}");
    assert!(source.verify(&headers(&with(signed(), "webhook-signature", &several)), SIGNED, NOW).is_ok());
    for (name, value) in [
        ("webhook-signature", "v1,Z+TZ/7ZajOTsy7bHM+h4i59G6v4kjL/E1dgnWOBRNfA="),
        ("webhook-signature", "v1,"),
        ("webhook-signature", "Z+TZ/7ZajOTsy7bHM+h4i59G6v4kjL/E1dgnWOBRNfw="),
        ("webhook-signature", "v2,Z+TZ/7ZajOTsy7bHM+h4i59G6v4kjL/E1dgnWOBRNfw="),
        ("webhook-id", "another"),
        ("webhook-timestamp", "1767225601"),
    ] {
        let rejection = refusal(&source, &with(signed(), name, value));
        assert_eq!((rejection.status, rejection.code), (401, "hook/bad-signature"), "{name}: {value}");
        assert!(!rejection.message.contains("Z+TZ"));
    }
    assert!(source.verify(&headers(&signed()), br#"{"object_kind":"push" }"#, NOW).is_err());
    for name in ["webhook-signature", "webhook-id", "webhook-timestamp"] {
        let without: List = signed().into_iter().filter(|(key, _)| *key != name).collect();
        let own = signed().into_iter().filter(|(key, _)| *key == name).collect();
        assert_eq!(early_refusal(&source, &without), "hook/missing-signature");
        assert_eq!(early_refusal(&source, &with(signed(), name, "")), "hook/empty-signature");
        assert_eq!(early_refusal(&source, &[signed(), own].concat()), "hook/repeated-signature");
    }
}

#[test]
fn a_signed_time_counts_within_the_tolerance_on_both_sides() {
    let source = token_source(KEY);
    for (offset, expected) in [(-300_000, true), (300_000, true), (-301_000, false), (301_000, false)] {
        let now = Timestamp(NOW.0 + offset);
        assert_eq!(source.verify(&headers(&signed()), SIGNED, now).is_ok(), expected, "{offset}");
    }
    let rejection = refusal(&source, &with(signed(), "webhook-timestamp", "hello"));
    assert_eq!((rejection.status, rejection.code), (401, "hook/bad-timestamp"));
}

#[test]
fn a_signature_never_falls_back_to_the_token() {
    let both = build(&format!(
        "provider = 'gitlab'\nsecrets = {{ key = {{ env = '{KEY}' }}, token = {{ env = 'secret' }} }}"
    ))
    .expect("a source");
    let token = || ("x-gitlab-token", "secret".to_owned());
    let with_token = |mut list: List| {
        list.push(token());
        list
    };

    assert_eq!(accepted(both.verify(&headers(&with_token(signed())), SIGNED, NOW)).secret.as_deref(), Some("key"));
    assert_eq!(accepted(both.verify(&headers(&[token()]), SIGNED, NOW)).secret.as_deref(), Some("token"));
    for bad in ["v1,AAAA", "", "nonsense"] {
        let list = with_token(with(signed(), "webhook-signature", bad));
        assert_eq!(refusal(&both, &list).status, 401, "{bad}");
    }
    let rejection = refusal(&token_source("secret"), &with_token(signed()));
    assert_eq!((rejection.status, rejection.code), (401, "hook/no-signing-key"));
    assert!(rejection.message.contains("signing token"), "{rejection}");
}

#[test]
fn a_signing_key_never_matches_the_token() {
    let list = vec![("x-gitlab-token", KEY.to_owned())];
    let rejection = refusal(&token_source(KEY), &list);
    assert_eq!((rejection.status, rejection.code), (401, "hook/missing-signature"));
    assert!(rejection.message.contains("field for the signing token"), "{rejection}");
    assert!(!rejection.message.contains(KEY));
}

#[test]
fn while_secrets_are_rotated_the_one_that_matched_is_named() {
    let source = build("provider = 'gitlab'\nsecrets = { current = { env = 'new' }, old = { env = 'old' } }")
        .expect("a source");
    for (token, name) in [("new", "current"), ("old", "old")] {
        let list = [("x-gitlab-token", token)];
        assert_eq!(accepted(source.verify(&headers(&list), SIGNED, NOW)).secret.as_deref(), Some(name));
    }
}

#[test]
fn a_delivery_is_named_by_its_id_and_never_by_the_chain_of_hooks() {
    let source = token_source("secret");
    let keys = |more: &[(&str, &str)]| {
        let list = [&[("x-gitlab-token", "secret"), ("x-gitlab-event-uuid", "chain")], more].concat();
        accepted(source.verify(&headers(&list), SIGNED, NOW)).keys
    };
    let week = std::time::Duration::from_hours(7 * 24);
    let both = keys(&[("webhook-id", "a"), ("idempotency-key", "b")]);
    let key = keys(&[("idempotency-key", "b"), ("x-gitlab-webhook-uuid", "hook")]);
    let hook = keys(&[("x-gitlab-webhook-uuid", "hook")]);
    let body = keys(&[]);
    assert_eq!((both[0].0.as_str(), key[0].0.as_str()), ("id:a", "id:b"));
    assert!(hook[0].0.starts_with("id:hook/") && body[0].0.starts_with("body:"));
    assert!([&both, &key, &hook].into_iter().all(|keys| keys.len() == 1 && keys[0].1 >= week));
    assert_eq!(body[0].1.as_secs(), 10);
}

#[test]
fn a_header_that_contradicts_the_body_is_a_bad_request_and_an_unknown_body_is_not() {
    let source = token_source("secret");
    let verify = |event: &str, body: &str| {
        let list = [("x-gitlab-token", "secret"), ("x-gitlab-event", event)];
        source.verify(&headers(&list), body.as_bytes(), NOW).map(accepted_body)
    };
    let rejection = verify("Push Hook", r#"{"object_kind":"merge_request"}"#).expect_err("refused");
    assert_eq!((rejection.status, rejection.code), (400, "hook/contradiction"));
    assert!(verify("Member Hook", r#"{"event_name":"project_create"}"#).is_err());
    for (event, body) in [
        ("Job Hook", r#"{"object_kind":"build"}"#),
        ("Confidential Issue Hook", r#"{"object_kind":"work_item"}"#),
        ("System Hook", r#"{"event_name":"user_create"}"#),
        ("Push Hook", r#"{"text":"a custom template"}"#),
        ("Push Hook", r#"["anything"]"#),
        ("Rocket Hook", r#"{"object_kind":"rocket"}"#),
    ] {
        assert!(verify(event, body).is_ok(), "{event} {body}");
    }
}

fn accepted_body(verdict: crate::sources::Verdict) -> Vec<u8> {
    accepted(Ok(verdict)).body
}

fn event(header: &str, body: &Value) -> Event {
    let list = [("x-gitlab-event".to_owned(), header.to_owned())];
    let parsed = testing::parse(&token_source("secret"), &list, body.to_string().as_bytes());
    parsed.events.into_iter().next().expect("one event")
}

fn sample(name: &str) -> Value {
    let sample = samples().iter().find(|sample| sample.name == name).expect("a sample");
    serde_json::from_str(sample.body).expect("a sample is JSON")
}

fn change_of(body: &Value) -> Change {
    match event("Merge Request Hook", body).subject {
        Subject::MergeRequest(merge_request) => merge_request.change,
        subject => panic!("not a merge request but {}", subject.name()),
    }
}

#[test]
fn a_merge_requests_change_is_said_in_neutral_words() {
    let mut body = sample("merge-request-updated");
    assert_eq!(change_of(&body), Change::CommitsPushed);
    for (action, expected) in [
        ("open", Change::Opened),
        ("close", Change::Closed),
        ("reopen", Change::Reopened),
        ("merge", Change::Merged),
        ("approved", Change::Approved),
        ("approval", Change::Approved),
        ("unapproved", Change::Unapproved),
        ("unapproval", Change::Unapproved),
        ("rocket", Change::Other),
    ] {
        body["object_attributes"]["action"] = json!(action);
        assert_eq!(change_of(&body), expected, "{action}");
    }
    body["object_attributes"]["action"] = json!("update");
    body["object_attributes"]["oldrev"] = Value::Null;
    let (one, two) = (json!({"id": 1, "title": "a", "username": "a"}), json!({"id": 2, "title": "b", "username": "b"}));
    for (changes, expected) in [
        (json!({}), Change::Updated),
        (json!([]), Change::Updated),
        (json!({"draft": {"previous": true, "current": false}}), Change::Ready),
        (json!({"draft": {"previous": false, "current": true}}), Change::Drafted),
        (json!({"title": {"previous": "Draft: x", "current": "x"}}), Change::Ready),
        (json!({"title": {"previous": "x", "current": "WIP: x"}}), Change::Drafted),
        (json!({"title": {"previous": "x", "current": "y"}}), Change::Updated),
        (json!({"labels": {"previous": [one], "current": [one, two]}}), Change::Labeled),
        (json!({"labels": {"previous": [one, two], "current": [one]}}), Change::Unlabeled),
        (json!({"assignees": {"previous": [], "current": [one]}}), Change::Assigned),
        (json!({"assignees": {"previous": [one], "current": []}}), Change::Unassigned),
        (json!({"reviewers": {"previous": [], "current": [one]}}), Change::ReviewRequested),
        (json!({"reviewers": {"previous": [one], "current": []}}), Change::Updated),
        (
            json!({"reviewers": {"previous": [{"id": 1, "state": "unreviewed"}], "current": [{"id": 1, "state": "requested_changes"}]}}),
            Change::ChangesRequested,
        ),
        (json!({"discussion_locked": {"previous": null, "current": true}}), Change::Locked),
    ] {
        body["changes"] = changes.clone();
        assert_eq!(change_of(&body), expected, "{changes}");
    }
}

#[test]
fn zeros_before_or_after_say_that_a_branch_began_or_ended() {
    let zeros = "0".repeat(40);
    let mut body = sample("push");
    body["ref"] = json!("refs/heads/feature/a b");
    body["before"] = json!(zeros);
    let made = event("Push Hook", &body);
    body["before"] = json!("1");
    body["after"] = json!(zeros);
    let Subject::Push(push) = event("Push Hook", &body).subject else { panic!("a push") };
    assert!(push.deleted && !push.created && push.branch == "feature/a b");
    assert!(made.url.is_some_and(|url| url.ends_with("/-/commits/feature/a%20b")));
    let Subject::Push(push) = made.subject else { panic!("a push") };
    assert!(push.created && !push.deleted);
}

#[test]
fn confidential_things_are_marked_by_the_body_or_the_header() {
    let mut body = sample("issue-opened");
    assert!(!event("Issue Hook", &body).is_confidential());
    assert!(event("Confidential Issue Hook", &body).is_confidential());
    body["object_attributes"]["confidential"] = json!(true);
    assert!(event("Issue Hook", &body).is_confidential());
    let mut note = sample("note-on-merge-request");
    assert!(!event("Note Hook", &note).is_confidential());
    note["event_type"] = json!("confidential_note");
    assert!(event("Note Hook", &note).is_confidential());
}

#[test]
fn redacted_addresses_are_none_and_bots_are_those_of_access_tokens() {
    let mut body = sample("issue-opened");
    let actor = |body: &Value| event("Issue Hook", body).actor.expect("an actor");
    assert_eq!(actor(&body).email, None);
    for (username, expected) in [
        ("project_15_bot_0a1b", true),
        ("group_3_bot_0a1b", true),
        ("project_15_bot", true),
        ("project_15_bot2", true),
        ("project_x_bot_1", false),
        ("project_15_bottle", false),
        ("robot", false),
    ] {
        body["user"]["username"] = json!(username);
        assert_eq!(actor(&body).bot, expected, "{username}");
    }
}

#[test]
fn a_comment_says_what_it_is_on() {
    for (kind, key, expected) in [
        ("Issue", "issue", CommentTarget::Issue),
        ("Snippet", "snippet", CommentTarget::Snippet),
        ("Commit", "commit", CommentTarget::Commit),
        ("MergeRequest", "merge_request", CommentTarget::MergeRequest),
        ("DesignManagement::Design", "design", CommentTarget::Other),
    ] {
        let target = json!({"id": if kind == "Commit" { json!("9") } else { json!(9) }, "iid": 9, "title": "A title"});
        let body = json!({"object_kind": "note", "object_attributes": {"id": 1, "note": "x", "noteable_type": kind}, key: target});
        let Subject::Comment(comment) = event("Note Hook", &body).subject else { panic!("a comment") };
        assert_eq!((comment.target, comment.change), (expected, Change::Opened));
        let is_known = expected != CommentTarget::Other;
        assert_eq!(comment.target_key.as_deref(), is_known.then_some("9"), "{kind}");
        assert_eq!(comment.target_title.as_deref(), is_known.then_some("A title"), "{kind}");
    }
}

#[test]
fn times_are_read_in_each_of_gitlabs_forms() {
    let expected = Some(Timestamp(1_386_091_414_000));
    for text in [
        "2013-12-03T17:23:34Z",
        "2013-12-03 17:23:34 UTC",
        "2013-12-03 19:23:34 +0200",
        "2013-12-03 12:23:34 -0500",
        "2013-12-03T19:23:34+02:00",
        "2013-12-03T17:23:34.000Z",
    ] {
        assert_eq!(time(text), expected, "{text}");
    }
    for text in ["", "yesterday", "2013-12-03", "2013-13-03T17:23:34Z", "9999999999"] {
        assert_eq!(time(text), None, "{text}");
    }
}

#[test]
fn a_kind_without_what_it_always_has_is_other_with_a_note() {
    for kind in [
        "push", "tag_push", "merge_request", "issue", "note", "pipeline", "build", "release", "deployment",
        "wiki_page", "feature_flag", "user_add_to_group", "rocket",
    ] {
        let event = event("System Hook", &json!({"object_kind": kind, "object_attributes": []}));
        assert_eq!(event.subject, Subject::Other, "{kind}");
        assert!(event.note.is_some_and(|note| note.contains(kind) || kind == "tag_push"), "{kind}");
    }
    assert!(event("Push Hook", &json!([])).note.is_some_and(|note| note.contains("object_kind")));
}

#[test]
fn long_texts_and_lists_are_cut_and_the_event_says_so() {
    let mut body = sample("push");
    assert!(!event("Push Hook", &body).truncated);
    let commit = body["commits"][0].clone();
    body["commits"] = Value::Array(vec![commit; 1_001]);
    let cut = event("Push Hook", &body);
    let Subject::Push(push) = &cut.subject else { panic!("a push") };
    assert!(cut.truncated && push.commits.len() == 1_000);
    let mut body = sample("issue-opened");
    body["object_attributes"]["description"] = json!("x".repeat(70_000));
    assert!(event("Issue Hook", &body).truncated);
}

/// Any small JSON, with the values that break parsers.
fn odd() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("")),
        Just(json!("[REDACTED]")),
        Just(json!("https://x")),
        Just(json!("refs/tags/")),
        Just(json!("99999-99-99 99:99:99 UTC")),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[a-z_]{1,8}", inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// Puts something odd at, or takes away, one of the places of a body.
fn mutate(value: &mut Value, steps: &[usize], odd: &Value, remove: bool) {
    let Some((step, rest)) = steps.split_first() else {
        *value = odd.clone();
        return;
    };
    match value {
        Value::Object(object) if !object.is_empty() => {
            let key = object.keys().nth(step % object.len()).cloned().expect("the index is within");
            if remove && rest.is_empty() {
                object.remove(&key);
            } else if let Some(inner) = object.get_mut(&key) {
                mutate(inner, rest, odd, remove);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            let index = step % list.len();
            mutate(&mut list[index], rest, odd, remove);
        }
        _ => *value = odd.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_body_changed_at_any_place_is_still_one_event(
        index in 0..samples().len(),
        changes in prop::collection::vec((prop::collection::vec(0..40_usize, 1..5), odd(), any::<bool>()), 1..6),
    ) {
        let sample = &samples()[index];
        let mut body: Value = serde_json::from_str(sample.body).expect("a sample is JSON");
        for (steps, odd, remove) in &changes {
            mutate(&mut body, steps, odd, *remove);
        }
        let found = event(sample.event_header, &body);
        prop_assert!(found.subject != Subject::Other || found.note.is_some());
        let text = serde_json::to_string(&found).expect("an event is JSON");
        prop_assert_eq!(serde_json::from_str::<Event>(&text).expect("and reads back"), found);
    }

    #[test]
    fn any_bytes_are_verified_and_parsed_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let source = token_source("secret");
        let list = headers(&[("x-gitlab-token", "secret")]);
        if let Ok(verdict) = source.verify(&list, &body, NOW) {
            let _ = accepted_body(verdict);
        }
        prop_assert_eq!(testing::parse(&source, &[], &body).events.len(), 1);
    }
}
