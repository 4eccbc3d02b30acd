//! Confluence's verification and parser, on bodies written for them.

use serde_json::{Value, json};

use super::KIND;
use crate::domain::clock::Timestamp;
use crate::domain::event::{Change, CommentTarget, Event, Page, Subject};
use crate::sources::headers::Headers;
use crate::sources::testing::{self, NOW, accepted, build, headers};
use crate::sources::{Source, Verdict};

const BODY: &[u8] =
    br#"{"timestamp":1767225600000,"event":"page_created","userKey":"k","page":{"id":7}}"#;

fn source() -> Source {
    build("provider = 'confluence'\nsecret = { env = 'secret' }").expect("a source")
}

fn event(body: &Value) -> Event {
    let mut events = testing::parse(&source(), &[], body.to_string().as_bytes()).events;
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn page(body: &Value) -> Page {
    match event(body).subject {
        Subject::Page(page) => page,
        subject => panic!("not a page but {}", subject.name()),
    }
}

#[test]
fn a_right_signature_is_accepted_and_any_other_is_not() {
    let source = source();
    let sent = testing::sign(&source, "page_created", BODY);
    let verified = accepted(source.verify(&headers(&sent), BODY, NOW));
    assert_eq!(verified.secret.as_deref(), Some("secret"));
    assert_eq!(verified.keys[0].0, "id:id-1");
    assert!(verified.keys[1].0.starts_with("body:"));

    let (_, signature) = sent
        .iter()
        .find(|(name, _)| name == "x-hub-signature")
        .expect("it is signed");
    for wrong in [
        signature.replace("sha256=", ""),
        signature.replace("sha256=", "sha1="),
        signature.replace("sha256=", "sha256=00"),
        "sha256=".to_owned(),
    ] {
        let rejection = source
            .verify(&headers(&[("x-hub-signature", &wrong)]), BODY, NOW)
            .expect_err("refused");
        assert_eq!(
            (rejection.status, rejection.code),
            (401, "hook/bad-signature"),
            "{wrong}"
        );
        assert!(!rejection.message.contains(&signature[10..]));
    }
    assert!(source.verify(&headers(&sent), b"{}", NOW).is_err());
}

#[test]
fn a_missing_empty_or_doubled_signature_is_refused_before_the_body_is_read() {
    for (list, code) in [
        (
            vec![("x-event-key", "page_created")],
            "hook/missing-signature",
        ),
        (vec![("x-hub-signature", " ")], "hook/empty-signature"),
        (
            vec![
                ("x-hub-signature", "sha256=00"),
                ("x-hub-signature", "sha256=00"),
            ],
            "hook/repeated-signature",
        ),
    ] {
        let rejection = source()
            .check_headers(&headers(&list))
            .expect_err("refused");
        assert_eq!((rejection.status, rejection.code), (401, code));
    }
}

#[test]
fn an_event_is_confluences_when_its_name_has_no_colon() {
    for (value, expected) in [
        ("page_created", true),
        ("comment_removed", true),
        ("repo:refs_changed", false),
        ("pr:opened", false),
        ("diagnostics:ping", false),
    ] {
        let list = headers(&[("X-Event-Key", value)]);
        assert_eq!((KIND.detect)(Headers::Request(&list)), expected, "{value}");
    }
    let none = headers::<&str, &str>(&[]);
    assert!(!(KIND.detect)(Headers::Request(&none)));
}

#[test]
fn a_page_or_blog_post_is_a_page_and_its_event_says_what_happened() {
    for (name, expected) in [
        ("created", Change::Opened),
        ("updated", Change::Updated),
        ("moved", Change::Updated),
        ("children_reordered", Change::Updated),
        ("trashed", Change::Deleted),
        ("removed", Change::Deleted),
        ("restored", Change::Reopened),
        ("viewed", Change::Other),
    ] {
        for kind in ["page", "blog"] {
            let body = json!({"event": format!("{kind}_{name}"), kind: {"id": 7}});
            let page = page(&body);
            assert_eq!((page.id.as_str(), page.change), ("7", expected), "{body}");
            assert_eq!(event(&body).provider_action.as_deref(), Some(name));
        }
    }
}

#[test]
fn what_a_body_does_not_say_is_not_made_up() {
    let body: Value = serde_json::from_slice(BODY).expect("the body is JSON");
    let found = event(&body);
    assert_eq!(found.happened_at, Some(Timestamp(1_767_225_600_000)));
    assert_eq!(found.actor.and_then(|actor| actor.id).as_deref(), Some("k"));
    assert_eq!(
        (found.repository, found.url, found.note),
        (None, None, None)
    );
    let page = page(&body);
    assert_eq!(
        (page.title.as_str(), page.space, page.version),
        ("", None, None)
    );
}

#[test]
fn what_a_body_says_of_a_page_is_read() {
    let body = json!({"event": "page_updated", "page": {
        "id": 7, "title": "Refunds", "spaceKey": "PAY", "version": 3,
    }});
    assert_eq!(event(&body).project(), Some("PAY"));
    let page = page(&body);
    assert_eq!((page.title.as_str(), page.version), ("Refunds", Some(3)));
    assert_eq!(page.space.as_deref(), Some("PAY"));

    let table = "provider = 'confluence'\nverify = 'none'\nexpect = { projects = ['PAY'] }";
    let source = build(table).expect("a source");
    for (body, expected) in [
        (body.to_string().into_bytes(), true),
        (BODY.to_vec(), false),
    ] {
        let verdict = source.verify(&headers::<&str, &str>(&[]), &body, NOW);
        assert_eq!(matches!(verdict, Ok(Verdict::Accept(_))), expected);
    }
}

#[test]
fn a_comment_is_on_a_page() {
    let body = json!({"event": "comment_removed", "comment": {"id": 9}});
    let Subject::Comment(comment) = event(&body).subject else {
        panic!("a comment")
    };
    assert_eq!(
        (comment.id.as_str(), comment.change),
        ("9", Change::Deleted)
    );
    assert_eq!(comment.target, CommentTarget::Page);
    assert_eq!((comment.target_key, comment.text.as_str()), (None, ""));
}

#[test]
fn the_test_of_a_connection_is_a_ping() {
    let list = [("x-event-key".to_owned(), "diagnostics:ping".to_owned())];
    let parsed = testing::parse(&source(), &list, br#"{"test": true}"#);
    assert_eq!(parsed.events[0].subject, Subject::Ping);
    assert_eq!(parsed.events[0].provider_event, "diagnostics:ping");
    assert_eq!(event(&json!({"test": false})).subject, Subject::Other);
}

#[test]
fn anything_else_is_other_with_a_note() {
    for (body, note) in [
        (
            json!({"event": "space_removed", "space": {"id": 1}}),
            "a space is a place",
        ),
        (
            json!({"event": "group_created", "userKey": "k"}),
            "a group is not a member",
        ),
        (json!({"event": "rocket_launched"}), "is not known"),
        (json!({"event": "page_created", "page": {}}), "has no `id`"),
        (
            json!({"event": "page_created", "blog": {"id": 7}}),
            "has no `id`",
        ),
        (json!({"event": "comment_created"}), "has no `id`"),
        (json!({"accountId": "1"}), "names no event"),
        (json!({"event": 5}), "names no event"),
        (json!([]), "names no event"),
    ] {
        let found = event(&body);
        assert_eq!(found.subject, Subject::Other, "{body}");
        assert!(
            found
                .note
                .as_deref()
                .is_some_and(|text| text.contains(note)),
            "{body}: {:?}",
            found.note
        );
    }
    let body = json!({"event": "group_created", "userKey": "k"});
    assert!(event(&body).actor.is_some());
}

#[test]
fn the_event_is_the_bodys_whatever_the_header_says() {
    let list = [("x-event-key".to_owned(), "page_removed".to_owned())];
    let parsed = testing::parse(&source(), &list, BODY);
    assert_eq!(parsed.events[0].provider_event, "page_created");
}
