//! The body of a delivery and the event that becomes of it.

use serde_json::{Value, json};

use super::super::parse_delivery;
use super::*;
use crate::domain::event::{Event, File, Subject};
use crate::domain::names::DeliveryId;
use crate::sources::ParseInput;
use crate::sources::testing::NOW;

fn report(change: FileChange, path: &str) -> FileReport {
    FileReport {
        change,
        path: path.to_owned(),
        previous_path: None,
        size: 48_213,
        modified_at: Timestamp(NOW.0 - 30_000),
    }
}

fn parsed(body: &[u8]) -> Event {
    let parsed = parse_delivery(&ParseInput {
        delivery: &DeliveryId("0192a000-0000-7000-8000-000000000000".to_owned()),
        source: &source(),
        provider: "folder",
        received_at: NOW,
        received_local: "2026-01-01T00:00:00+00:00",
        headers: &[],
        body,
    });
    let [event] = <[Event; 1]>::try_from(parsed.events).expect("one event");
    event
}

fn file(event: Event) -> File {
    match event.subject {
        Subject::File(file) => file,
        subject => panic!("not a file but {}", subject.name()),
    }
}

#[test]
fn a_created_file_becomes_an_event_that_says_what_it_is() {
    let event = parsed(&report(FileChange::Created, "2026/Vertrag Müller.pdf").body());
    assert_eq!(event.provider, "folder");
    assert_eq!(event.provider_event, "file-created");
    assert_eq!(event.happened_at, Some(Timestamp(NOW.0 - 30_000)));
    assert_eq!(
        (&event.note, &event.repository, &event.actor),
        (&None, &None, &None)
    );
    let expected = File {
        name: "Vertrag Müller.pdf".to_owned(),
        path: "2026/Vertrag Müller.pdf".to_owned(),
        previous_path: None,
        change: FileChange::Created,
        size: Some(48_213),
        media_type: Some("application/pdf".to_owned()),
        modified_at: Some(Timestamp(NOW.0 - 30_000)),
    };
    assert_eq!(file(event), expected);
}

#[test]
fn every_change_has_its_name_and_only_contents_have_a_moment() {
    for (change, name, has_moment) in [
        (FileChange::Created, "file-created", true),
        (FileChange::Modified, "file-modified", true),
        (FileChange::Renamed, "file-renamed", false),
        (FileChange::Removed, "file-removed", false),
    ] {
        let event = parsed(&report(change, "a").body());
        assert_eq!(event.provider_event, name);
        assert_eq!(event.happened_at.is_some(), has_moment, "{name}");
        assert_eq!(file(event).change, change);
    }
}

#[test]
fn a_renamed_file_says_where_it_was() {
    let renamed = FileReport {
        previous_path: Some("inbox/a.txt".to_owned()),
        ..report(FileChange::Renamed, "done/a.txt")
    };
    let found = file(parsed(&renamed.body()));
    assert_eq!(found.previous_path.as_deref(), Some("inbox/a.txt"));
    assert_eq!(found.media_type.as_deref(), Some("text/plain"));
}

#[test]
fn a_name_without_a_known_ending_has_no_media_type() {
    for path in ["Makefile", "a.b/c", "x.unheard-of", "new\nline"] {
        let found = file(parsed(&report(FileChange::Created, path).body()));
        assert_eq!(found.media_type, None, "{path}");
        assert_eq!(found.path, path);
    }
}

#[test]
fn a_file_from_before_1970_keeps_its_time() {
    let old = FileReport {
        modified_at: Timestamp(-5),
        ..report(FileChange::Created, "a")
    };
    assert_eq!(file(parsed(&old.body())).modified_at, Some(Timestamp(-5)));
}

#[test]
fn a_body_that_names_no_file_is_other_with_a_note() {
    let good = json!({"change": "created", "path": "a", "size": 1, "modified_at": 5});
    let with = |key: &str, value: Value| {
        let mut body = good.clone();
        body[key] = value;
        body.to_string().into_bytes()
    };
    assert_eq!(parsed(good.to_string().as_bytes()).note, None);
    for body in [
        b"".to_vec(),
        b"[]".to_vec(),
        b"{}".to_vec(),
        b"{\"size\":1e999}".to_vec(),
        with("change", json!("deleted")),
        with("change", json!(1)),
        with("path", json!("")),
        with("path", json!("../x")),
        with("path", json!("/etc/passwd")),
        with("path", json!("a/../../x")),
        with("path", json!("a//b")),
    ] {
        let event = parsed(&body);
        assert_eq!(
            event.subject,
            Subject::Other,
            "{}",
            String::from_utf8_lossy(&body)
        );
        assert!(event.note.is_some());
    }
}

#[test]
fn what_a_body_has_too_little_or_too_much_of_is_left_out() {
    let event = parsed(
        br#"{"change":"created","path":"a","previous_path":"b","size":-1,"modified_at":"today"}"#,
    );
    assert_eq!(event.happened_at, None);
    let found = file(event);
    assert_eq!(
        (found.size, found.modified_at, found.previous_path),
        (None, None, None)
    );
}
