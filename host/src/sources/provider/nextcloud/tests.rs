//! Nextcloud's verification and parser, on bodies written for them.

use serde_json::{Value, json};

use crate::domain::clock::Timestamp;
use crate::domain::event::{Event, File, FileChange, Subject};
use crate::sources::testing::{self, NOW, accepted, build, headers};
use crate::sources::{Source, Verdict};

fn source(more: &str) -> Source {
    let table = format!("provider = 'nextcloud'\nsecret = {{ env = 'secret' }}\n{more}");
    build(&table).expect("a source")
}

/// A body about files.
fn body(class: &str, mut event: Value) -> Value {
    event["class"] = json!(format!(r"OCP\Files\Events\Node\{class}"));
    json!({"event": event, "user": {"uid": "ada", "displayName": "Ada Martin"}, "time": 1_767_204_845})
}

fn parse(body: &Value) -> Event {
    let mut events = testing::parse(&source(""), &[], body.to_string().as_bytes()).events;
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn file(body: &Value) -> File {
    let event = parse(body);
    match event.subject {
        Subject::File(file) => file,
        subject => panic!("not a file but {}: {:?}", subject.name(), event.note),
    }
}

fn note(body: &Value) -> String {
    let event = parse(body);
    assert_eq!(event.subject, Subject::Other, "{body}");
    event.note.unwrap_or_default()
}

#[test]
fn the_secret_comes_as_auth_says_and_its_header_is_not_stored() {
    for (auth, name, value) in [
        ("", "authorization", "Bearer secret"),
        ("auth = { header = 'X-Token' }", "x-token", "secret"),
        (
            "auth = { basic = 'nextcloud' }",
            "authorization",
            "Basic bmV4dGNsb3VkOnNlY3JldA==",
        ),
    ] {
        let source = source(auth);
        let code = |list: &[(&str, &str)]| {
            let refused = source
                .verify(&headers(list), b"{}", NOW)
                .expect_err("refused");
            assert_eq!(refused.status, 401);
            refused.code
        };
        let verified = accepted(source.verify(&headers(&[(name, value)]), b"{}", NOW));
        assert_eq!(
            (verified.secret.as_deref(), verified.headers.len()),
            (Some("secret"), 0)
        );
        assert_eq!(code(&[]), "hook/missing-signature");
        assert_eq!(code(&[(name, "")]), "hook/empty-signature");
        assert_eq!(
            code(&[(name, value), (name, value)]),
            "hook/repeated-signature"
        );
        assert_eq!(code(&[(name, "Bearer other")]), "hook/bad-signature");
    }
}

#[test]
fn a_path_is_relative_to_the_users_files_and_the_user_is_the_project() {
    let node = json!({"node": {"id": 437, "path": "/ada/files/Invoices/2025/May.pdf"}});
    let event = parse(&body("NodeCreatedEvent", node));
    assert_eq!(event.project(), Some("ada"));
    assert_eq!(event.happened_at, Some(Timestamp(1_767_204_845_000)));
    assert_eq!(
        event.actor.map(|actor| actor.name),
        Some("Ada Martin".to_owned())
    );
    let expected = File {
        name: "May.pdf".to_owned(),
        path: "Invoices/2025/May.pdf".to_owned(),
        previous_path: None,
        change: FileChange::Created,
        size: None,
        media_type: None,
        modified_at: None,
    };
    assert_eq!(event.subject, Subject::File(expected));
}

#[test]
fn each_event_of_one_node_is_a_change() {
    for (class, change) in [
        ("NodeCreatedEvent", FileChange::Created),
        ("NodeWrittenEvent", FileChange::Modified),
        ("NodeTouchedEvent", FileChange::Modified),
        ("NodeDeletedEvent", FileChange::Removed),
    ] {
        let found = file(&body(
            class,
            json!({"node": {"path": "/ada/files/a.txt", "size": 12}}),
        ));
        assert_eq!(
            (found.change, found.path.as_str(), found.size),
            (change, "a.txt", Some(12)),
            "{class}"
        );
    }
}

#[test]
fn a_copy_and_what_was_restored_are_new_files() {
    for (class, source) in [
        ("NodeCopiedEvent", "/ada/files/a.txt"),
        ("NodeRestoredEvent", "/ada/files_trashbin/files/b.txt.d1"),
    ] {
        let nodes =
            json!({"source": {"path": source}, "target": {"id": 2, "path": "/ada/files/b.txt"}});
        let found = file(&body(class, nodes));
        assert_eq!(
            (found.change, found.path.as_str()),
            (FileChange::Created, "b.txt")
        );
        assert_eq!(found.previous_path, None);
    }
}

#[test]
fn a_rename_into_or_out_of_a_users_files_is_a_beginning_or_an_end() {
    for (from, to, change, path, previous) in [
        (
            "/ada/files/a",
            "/ada/files/b/c",
            FileChange::Renamed,
            "b/c",
            Some("a"),
        ),
        (
            "/ada/uploads/1/.file",
            "/ada/files/b",
            FileChange::Created,
            "b",
            None,
        ),
        (
            "/bo/files/a",
            "/ada/files/b",
            FileChange::Created,
            "b",
            None,
        ),
        (
            "/ada/files/a",
            "/ada/files_trashbin/files/a.d1",
            FileChange::Removed,
            "a",
            None,
        ),
    ] {
        let nodes = json!({"source": {"path": from}, "target": {"path": to}});
        let found = file(&body("NodeRenamedEvent", nodes));
        assert_eq!(
            (found.change, found.path.as_str()),
            (change, path),
            "{from} {to}"
        );
        assert_eq!(found.previous_path.as_deref(), previous, "{from} {to}");
    }
    let nodes = json!({"source": {"path": "/appdata_oc1/a"}, "target": {"path": "/appdata_oc1/b"}});
    assert!(note(&body("NodeRenamedEvent", nodes)).contains("a user's files"));
}

#[test]
fn what_nextcloud_keeps_for_itself_is_no_file() {
    for path in [
        "/appdata_oc1a2b/preview/4/437/64-64.png",
        "/ada/files_versions/a.txt.v1",
        "/ada/files_trashbin/files/a.txt.d1",
        "/ada/files",
        "/ada/files/",
        "//files/a.txt",
        "ada/files/a.txt",
    ] {
        let found = note(&body("NodeCreatedEvent", json!({"node": {"path": path}})));
        assert!(found.contains("a user's files"), "{path}: {found}");
    }
}

#[test]
fn what_has_not_happened_or_is_not_about_files_is_other_with_its_reason() {
    let node = json!({"node": {"path": "/ada/files/a.txt"}});
    assert!(note(&body("BeforeNodeDeletedEvent", node.clone())).contains("`NodeDeletedEvent`"));
    assert!(note(&body("NodeShruggedEvent", node)).contains("is not known"));
    assert!(note(&body("NodeCreatedEvent", json!({"node": {"id": 1}}))).contains("`path`"));
    assert!(
        note(&body(
            "NodeRenamedEvent",
            json!({"source": {"path": "/a/files/b"}})
        ))
        .contains("`target`")
    );
    let form = json!({"event": {"class": r"OCA\Forms\Events\FormSubmittedEvent"}, "user": null, "time": 1});
    let event = parse(&form);
    assert_eq!(
        (event.actor, event.happened_at),
        (None, Some(Timestamp(1_000)))
    );
    assert!(
        event
            .note
            .is_some_and(|note| note.contains("not about files"))
    );
    assert!(note(&json!({"event": "x"})).contains("`event.class`"));
    assert!(note(&json!([])).contains("`event.class`"));
}

#[test]
fn tokens_to_act_with_are_replaced_before_they_are_stored() {
    for key in ["tokens", "authentication"] {
        let mut sent = body(
            "NodeCreatedEvent",
            json!({"node": {"path": "/ada/files/tokens"}}),
        );
        sent[key] =
            json!({"user_ids": {"ada": "s3cr3t"}, "user_roles": {"owner": {"bo": "s3cr3t"}}});
        let sent = sent.to_string();
        let list = headers(&[("authorization", "Bearer secret")]);
        let source = source("");
        let verified = accepted(source.verify(&list, sent.as_bytes(), NOW));
        let stored = String::from_utf8_lossy(&verified.body);
        assert!(
            !stored.contains("s3cr3t") && stored.contains("/ada/files/tokens"),
            "{stored}"
        );
    }
}

#[test]
fn a_source_may_expect_classes_by_either_name_and_users() {
    let sent = body(
        "NodeWrittenEvent",
        json!({"node": {"path": "/ada/files/a.txt"}}),
    )
    .to_string();
    let moved = body(
        "NodeRenamedEvent",
        json!({"source": {"path": "/bo/files/a"}, "target": {"path": "/ada/files/a"}}),
    );
    let moved = moved.to_string();
    let list = headers(&[("authorization", "Bearer secret")]);
    for (expect, sent, is_expected) in [
        ("events = ['NodeWrittenEvent']", &sent, true),
        (
            r"events = ['OCP\Files\Events\Node\NodeWrittenEvent']",
            &sent,
            true,
        ),
        ("events = ['NodeCreatedEvent']", &sent, false),
        ("projects = ['ada']", &sent, true),
        ("projects = ['bo']", &sent, false),
        ("projects = ['ada']", &moved, true),
    ] {
        let source = source(&format!("expect = {{ {expect} }}"));
        let verdict = source
            .verify(&list, sent.as_bytes(), NOW)
            .expect("verified");
        assert_eq!(
            matches!(verdict, Verdict::Accept(_)),
            is_expected,
            "{expect}"
        );
    }
}

#[test]
fn the_same_body_is_the_same_event_for_more_than_a_week() {
    let list = headers(&[("authorization", "Bearer secret")]);
    let keys = accepted(source("").verify(&list, b"{}", NOW)).keys;
    assert!(keys.len() == 1 && keys[0].0.starts_with("body:"));
    assert!(keys[0].1 > std::time::Duration::from_hours(7 * 24));
}

#[test]
fn its_requests_are_told_by_the_name_of_the_program_and_those_of_talk_are_not_its() {
    let auto =
        build("provider = 'auto'\nsecrets = { nextcloud = { env = 'secret' } }").expect("a source");
    let secret = ("authorization", "Bearer secret");
    for agent in [
        "Nextcloud-Server-Crawler/33.0.1",
        "Nextcloud Server Crawler",
    ] {
        let list = headers(&[("user-agent", agent), secret]);
        assert_eq!(
            accepted(auto.verify(&list, b"{}", NOW)).provider,
            "nextcloud"
        );
        let list = headers(&[
            ("user-agent", agent),
            secret,
            ("x-nextcloud-talk-signature", "00"),
        ]);
        let refused = auto.verify(&list, b"{}", NOW).expect_err("refused");
        assert_eq!(refused.code, "hook/unknown-provider");
    }
}
