//! What becomes of pull requests, comments, issues, build statuses, and of what there are no words for.

use serde_json::{Value, json};

use super::{event, sample};
use crate::domain::clock::Timestamp;
use crate::domain::event::{Change, Comment, CommentTarget, MergeRequest, RunStatus, Subject};

fn merge_request(key: &str, body: &Value) -> MergeRequest {
    match event(key, body).subject {
        Subject::MergeRequest(merge_request) => *merge_request,
        subject => panic!("{key} is not a merge request but {}", subject.name()),
    }
}

fn comment(key: &str, body: &Value) -> Comment {
    match event(key, body).subject {
        Subject::Comment(comment) => comment,
        subject => panic!("{key} is not a comment but {}", subject.name()),
    }
}

#[test]
fn a_pull_requests_change_is_said_in_neutral_words() {
    let mut body = sample("merge-request-approved");
    body["changes_request"] = body["approval"].clone();
    for (action, expected) in [
        ("created", Change::Opened),
        ("updated", Change::Updated),
        ("push", Change::CommitsPushed),
        ("approved", Change::Approved),
        ("unapproved", Change::Unapproved),
        ("changes_request_created", Change::ChangesRequested),
        ("changes_request_removed", Change::ReviewDismissed),
    ] {
        let key = format!("pullrequest:{action}");
        assert_eq!(merge_request(&key, &body).change, expected, "{action}");
        assert_eq!(event(&key, &body).provider_action.as_deref(), Some(action));
    }
    for (action, state, change, neutral) in [
        ("fulfilled", "MERGED", Change::Merged, "merged"),
        ("rejected", "DECLINED", Change::Closed, "closed"),
        ("rejected", "SUPERSEDED", Change::Closed, "closed"),
    ] {
        body["pullrequest"]["state"] = json!(state);
        let found = merge_request(&format!("pullrequest:{action}"), &body);
        assert_eq!((found.change, found.state.as_str()), (change, neutral));
    }
}

#[test]
fn a_header_that_the_body_does_not_bear_out_is_other_with_a_note() {
    let body = sample("merge-request-opened");
    for key in [
        "pullrequest:fulfilled",
        "pullrequest:rejected",
        "pullrequest:approved",
        "pullrequest:unapproved",
        "pullrequest:changes_request_created",
        "pullrequest:changes_request_removed",
        "pullrequest:comment_created",
        "issue:created",
        "issue:comment_created",
        "repo:push",
        "repo:commit_comment_created",
        "repo:commit_status_created",
    ] {
        let event = event(key, &body);
        assert_eq!(event.subject, Subject::Other, "{key}");
        assert!(event.note.is_some(), "{key}");
        assert_eq!(event.provider_event, key);
    }
    assert_eq!(event("pullrequest:created", &body).note, None);
}

#[test]
fn an_approval_happened_when_it_was_given() {
    let mut body = sample("merge-request-approved");
    body["approval"]["date"] = json!("2026-01-01T00:00:00+00:00");
    let found = event("pullrequest:approved", &body).happened_at;
    assert_eq!(found, Some(Timestamp(1_767_225_600_000)));
}

#[test]
fn a_draft_and_a_fork_are_told() {
    let mut body = sample("merge-request-opened");
    let plain = merge_request("pullrequest:created", &body);
    assert!(!plain.draft && plain.source_repository.is_none());
    body["pullrequest"]["draft"] = json!(true);
    body["pullrequest"]["source"]["repository"]["full_name"] = json!("ada/storefront");
    let fork = merge_request("pullrequest:created", &body);
    assert!(fork.draft);
    let source = fork.source_repository.expect("a fork");
    assert_eq!(source.full_name, "ada/storefront");
    assert_eq!(
        event("pullrequest:created", &body).project(),
        Some("payments/storefront")
    );
}

#[test]
fn a_pull_request_whose_fork_is_gone_is_read_with_a_note() {
    let mut body = sample("merge-request-opened");
    body["pullrequest"]["source"] = json!({"branch": null, "commit": null, "repository": null});
    let event = event("pullrequest:updated", &body);
    assert_eq!(event.subject.name(), "merge-request");
    assert!(
        event
            .note
            .is_some_and(|note| note.contains("`source.branch.name`"))
    );
}

#[test]
fn a_nickname_is_no_login_name_and_an_app_is_a_bot() {
    let mut body = sample("merge-request-opened");
    let actor = |body: &Value| event("pullrequest:created", body).actor.expect("an actor");
    let ada = actor(&body);
    assert_eq!((ada.username, ada.bot), (None, false));
    assert!(ada.id.is_some_and(|id| id.starts_with("557058:")));
    body["actor"] = json!({"type": "app_user", "display_name": "CI", "uuid": "{1}"});
    let app = actor(&body);
    assert_eq!((app.id.as_deref(), app.bot), (Some("{1}"), true));
    body["actor"] = json!({"type": "team", "username": "payments"});
    let team = actor(&body);
    assert_eq!(
        (team.name.as_str(), team.username.as_deref()),
        ("payments", Some("payments"))
    );
}

#[test]
fn a_comment_says_what_it_is_on_and_what_happened_to_it() {
    let mut body = sample("note-on-merge-request");
    for (action, expected) in [
        ("comment_created", Change::Opened),
        ("comment_updated", Change::Updated),
        ("comment_deleted", Change::Deleted),
        ("comment_resolved", Change::Resolved),
        ("comment_reopened", Change::Unresolved),
    ] {
        let found = comment(&format!("pullrequest:{action}"), &body);
        assert_eq!((found.change, found.line), (expected, Some(18)), "{action}");
    }
    body["comment"]["inline"] = json!({"path": "a.rs", "from": 4, "to": null});
    body["issue"] = json!({"id": 87, "title": "Cents", "reporter": {"display_name": "Ada"}});
    body["commit"] =
        json!({"hash": "abc", "message": "First\n\nText", "author": {"raw": "Ada <a@b>"}});
    let on_issue = comment("issue:comment_created", &body);
    assert_eq!(
        (
            on_issue.target,
            on_issue.target_key.as_deref(),
            on_issue.target_title.as_deref()
        ),
        (CommentTarget::Issue, Some("87"), Some("Cents"))
    );
    let on_commit = comment("repo:commit_comment_created", &body);
    assert_eq!(
        (
            on_commit.target,
            on_commit.target_key.as_deref(),
            on_commit.target_title.as_deref()
        ),
        (CommentTarget::Commit, Some("abc"), Some("First"))
    );
    assert_eq!(
        (on_commit.path.as_deref(), on_commit.line),
        (Some("a.rs"), Some(4))
    );
    assert_eq!(
        on_commit.target_author.map(|author| author.name),
        Some("Ada".to_owned())
    );
}

#[test]
fn an_update_of_an_issue_is_named_by_what_changed() {
    let mut body = sample("issue-opened");
    let ada = body["actor"].clone();
    for (changes, expected) in [
        (json!({}), Change::Updated),
        (
            json!({"status": {"old": "new", "new": "open"}}),
            Change::Updated,
        ),
        (
            json!({"status": {"old": "open", "new": "resolved"}}),
            Change::Closed,
        ),
        (
            json!({"state": {"old": "on hold", "new": "wontfix"}}),
            Change::Closed,
        ),
        (
            json!({"status": {"old": "closed", "new": "open"}}),
            Change::Reopened,
        ),
        (
            json!({"assignee": {"old": null, "new": ada}}),
            Change::Assigned,
        ),
        (
            json!({"assignee": {"old": ada, "new": null}}),
            Change::Unassigned,
        ),
        (json!({"title": {"old": "a", "new": "b"}}), Change::Updated),
    ] {
        body["changes"] = changes.clone();
        let Subject::Issue(issue) = event("issue:updated", &body).subject else {
            panic!("an issue")
        };
        assert_eq!(issue.change, expected, "{changes}");
    }
    body["changes"] =
        json!({"assignee": {"old": null, "new": ada}, "content": {"new": {"raw": "x"}}});
    let Subject::Issue(issue) = event("issue:updated", &body).subject else {
        panic!("an issue")
    };
    let told: Vec<(&str, Option<&str>)> = issue
        .changes
        .iter()
        .map(|change| (change.field.as_str(), change.after.as_deref()))
        .collect();
    assert_eq!(
        told,
        [("assignee", Some("Ada Martin")), ("content", Some("x"))]
    );
}

#[test]
fn a_build_status_is_a_pipeline() {
    let mut body = sample("pipeline-failed");
    for (state, expected) in [
        ("INPROGRESS", RunStatus::Running),
        ("SUCCESSFUL", RunStatus::Succeeded),
        ("FAILED", RunStatus::Failed),
        ("STOPPED", RunStatus::Canceled),
        ("ROCKET", RunStatus::Other),
    ] {
        body["commit_status"]["state"] = json!(state);
        let event = event("repo:commit_status_created", &body);
        let Subject::Pipeline(pipeline) = &event.subject else {
            panic!("a pipeline")
        };
        assert_eq!(pipeline.status, expected, "{state}");
        assert_eq!(event.provider_action.as_deref(), Some(state));
    }
}

#[test]
fn a_build_status_without_a_branch_is_read_and_its_commit_may_be_an_address() {
    let mut body = sample("pipeline-failed");
    body["commit_status"]["refname"] = Value::Null;
    body["commit_status"]["commit"] = Value::Null;
    let Subject::Pipeline(pipeline) = event("repo:commit_status_updated", &body).subject else {
        panic!("a pipeline")
    };
    assert_eq!(pipeline.git_ref, "");
    assert_eq!(
        pipeline.commit.id,
        "a625406f6977d45c1391b078f4d3656e0b75bfcb"
    );
    body["commit_status"]["links"] = Value::Null;
    assert_eq!(
        event("repo:commit_status_updated", &body).subject,
        Subject::Other
    );
}

#[test]
fn what_there_are_no_words_for_keeps_who_and_where() {
    let body = sample("merge-request-opened");
    for key in [
        "repo:fork",
        "repo:updated",
        "repo:transfer",
        "repo:imported",
        "repo:created",
        "repo:deleted",
        "project:updated",
        "pipeline:span_created",
        "pullrequest:rocket",
        "issue:rocket",
        "rocket",
    ] {
        let event = event(key, &body);
        assert_eq!(event.subject, Subject::Other, "{key}");
        assert!(
            event.note.as_ref().is_some_and(|note| note.contains(key)),
            "{key}"
        );
        assert_eq!(event.project(), Some("payments/storefront"), "{key}");
        assert!(event.actor.is_some() && event.url.is_some(), "{key}");
    }
    let unnamed = event("", &body);
    assert!(
        unnamed
            .note
            .is_some_and(|note| note.contains("`X-Event-Key`"))
    );
}

#[test]
fn odd_bodies_are_other_with_a_note() {
    for body in [
        json!(null),
        json!([]),
        json!("x"),
        json!({"pullrequest": 7, "issue": []}),
    ] {
        for key in [
            "repo:push",
            "pullrequest:created",
            "issue:created",
            "repo:commit_status_created",
        ] {
            let event = event(key, &body);
            assert_eq!(event.subject, Subject::Other, "{key} {body}");
            assert!(event.note.is_some(), "{key} {body}");
        }
    }
}

#[test]
fn a_long_text_is_cut_and_the_event_says_so() {
    let mut body = sample("merge-request-opened");
    assert!(!event("pullrequest:created", &body).truncated);
    body["pullrequest"]["description"] = json!("x".repeat(70_000));
    assert!(event("pullrequest:created", &body).truncated);
}
