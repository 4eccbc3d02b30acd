//! What becomes of which payload.

use serde_json::{Value, json};

use super::{event, sample};
use crate::domain::clock::Timestamp;
use crate::domain::event::{Change, CommentTarget, Subject};
use crate::sources::provider::git::time;

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
}

#[test]
fn an_update_of_a_merge_request_is_named_by_what_changed() {
    let mut body = sample("merge-request-updated");
    body["object_attributes"]["oldrev"] = Value::Null;
    let (one, two) = (
        json!({"id": 1, "title": "a", "username": "a"}),
        json!({"id": 2, "title": "b", "username": "b"}),
    );
    for (changes, expected) in [
        (json!({}), Change::Updated),
        (json!([]), Change::Updated),
        (
            json!({"draft": {"previous": true, "current": false}}),
            Change::Ready,
        ),
        (
            json!({"draft": {"previous": false, "current": true}}),
            Change::Drafted,
        ),
        (
            json!({"title": {"previous": "Draft: x", "current": "x"}}),
            Change::Ready,
        ),
        (
            json!({"title": {"previous": "x", "current": "WIP: x"}}),
            Change::Drafted,
        ),
        (
            json!({"title": {"previous": "x", "current": "y"}}),
            Change::Updated,
        ),
        (
            json!({"labels": {"previous": [one], "current": [one, two]}}),
            Change::Labeled,
        ),
        (
            json!({"labels": {"previous": [one, two], "current": [one]}}),
            Change::Unlabeled,
        ),
        (
            json!({"assignees": {"previous": [], "current": [one]}}),
            Change::Assigned,
        ),
        (
            json!({"assignees": {"previous": [one], "current": []}}),
            Change::Unassigned,
        ),
        (
            json!({"reviewers": {"previous": [], "current": [one]}}),
            Change::ReviewRequested,
        ),
        (
            json!({"reviewers": {"previous": [one], "current": []}}),
            Change::Updated,
        ),
        (
            json!({"reviewers": {"previous": [{"id": 1, "state": "unreviewed"}], "current": [{"id": 1, "state": "requested_changes"}]}}),
            Change::ChangesRequested,
        ),
        (
            json!({"discussion_locked": {"previous": null, "current": true}}),
            Change::Locked,
        ),
    ] {
        body["changes"] = changes.clone();
        assert_eq!(change_of(&body), expected, "{changes}");
    }
}

#[test]
fn a_merge_request_without_a_branch_is_read_with_a_note() {
    let mut body = sample("merge-request-opened");
    body["object_attributes"]["target_branch"] = Value::Null;
    let event = event("Merge Request Hook", &body);
    assert_eq!(event.subject.name(), "merge-request");
    assert!(
        event
            .note
            .is_some_and(|note| note.contains("`target_branch`"))
    );
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
    let Subject::Push(push) = event("Push Hook", &body).subject else {
        panic!("a push")
    };
    assert!(push.deleted && !push.created && push.branch == "feature/a b");
    assert!(
        made.url
            .is_some_and(|url| url.ends_with("/-/commits/feature/a%20b"))
    );
    let Subject::Push(push) = made.subject else {
        panic!("a push")
    };
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
        let Subject::Comment(comment) = event("Note Hook", &body).subject else {
            panic!("a comment")
        };
        assert_eq!((comment.target, comment.change), (expected, Change::Opened));
        let is_known = expected != CommentTarget::Other;
        assert_eq!(
            comment.target_key.as_deref(),
            is_known.then_some("9"),
            "{kind}"
        );
        assert_eq!(
            comment.target_title.as_deref(),
            is_known.then_some("A title"),
            "{kind}"
        );
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
    for text in [
        "",
        "yesterday",
        "2013-12-03",
        "2013-13-03T17:23:34Z",
        "9999999999",
    ] {
        assert_eq!(time(text), None, "{text}");
    }
}

#[test]
fn a_kind_without_what_it_always_has_is_other_with_a_note() {
    for kind in [
        "push",
        "tag_push",
        "merge_request",
        "issue",
        "note",
        "pipeline",
        "build",
        "release",
        "deployment",
        "wiki_page",
        "feature_flag",
        "user_add_to_group",
        "rocket",
    ] {
        let event = event(
            "System Hook",
            &json!({"object_kind": kind, "object_attributes": []}),
        );
        assert_eq!(event.subject, Subject::Other, "{kind}");
        assert!(
            event
                .note
                .is_some_and(|note| note.contains(kind) || kind == "tag_push"),
            "{kind}"
        );
    }
    assert!(
        event("Push Hook", &json!([]))
            .note
            .is_some_and(|note| note.contains("object_kind"))
    );
}

#[test]
fn long_texts_and_lists_are_cut_and_the_event_says_so() {
    let mut body = sample("push");
    assert!(!event("Push Hook", &body).truncated);
    let commit = body["commits"][0].clone();
    body["commits"] = Value::Array(vec![commit; 1_001]);
    let cut = event("Push Hook", &body);
    let Subject::Push(push) = &cut.subject else {
        panic!("a push")
    };
    assert!(cut.truncated && push.commits.len() == 1_000);
    let mut body = sample("issue-opened");
    body["object_attributes"]["description"] = json!("x".repeat(70_000));
    assert!(event("Issue Hook", &body).truncated);
}

#[test]
fn what_has_no_subject_of_its_own_is_confidential_with_what_it_is_on() {
    let mut body = json!({
        "object_kind": "emoji", "event_type": "award",
        "object_attributes": {"name": "thumbsup"},
        "issue": {"iid": 7, "title": "x", "confidential": false},
    });
    assert!(!event("Emoji Hook", &body).is_confidential());
    body["issue"]["confidential"] = json!(true);
    assert!(event("Emoji Hook", &body).is_confidential());
}
