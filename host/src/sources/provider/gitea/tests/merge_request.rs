//! Pull requests and reviews.

use serde_json::{Value, json};

use super::{event, with};
use crate::domain::clock::Timestamp;
use crate::domain::event::{Change, Event, FieldChange, MergeRequest, Subject};

fn pull(more: &Value) -> Value {
    let mut pull = json!({
        "number": 7,
        "title": "Add refunds",
        "body": "All of them.",
        "state": "open",
        "user": {"id": 41, "login": "ada.martin"},
        "labels": [{"name": "bug"}],
        "head": {"label": "fix", "ref": "fix", "sha": "head", "repo": {"id": 15, "full_name": "payments/storefront"}},
        "base": {"label": "main", "ref": "main", "sha": "base", "repo": {"id": 15, "full_name": "payments/storefront"}},
    });
    for (key, value) in more.as_object().expect("an object") {
        pull[key] = value.clone();
    }
    pull
}

fn read(more: &Value, body: &Value) -> (Event, MergeRequest) {
    let mut whole = with(body);
    whole["pull_request"] = pull(more);
    let found = event("gitea", "pull_request", &whole);
    let Subject::MergeRequest(merge_request) = found.subject.clone() else {
        panic!("not a merge request but {:?}", found.note)
    };
    (found, *merge_request)
}

#[test]
fn a_merge_requests_change_is_said_in_neutral_words() {
    for (action, expected) in [
        ("opened", Change::Opened),
        ("closed", Change::Closed),
        ("reopened", Change::Reopened),
        ("synchronized", Change::CommitsPushed),
        ("edited", Change::Updated),
        ("milestoned", Change::Updated),
        ("demilestoned", Change::Updated),
        ("assigned", Change::Assigned),
        ("unassigned", Change::Unassigned),
        ("label_updated", Change::Labeled),
        ("label_cleared", Change::Unlabeled),
        ("review_requested", Change::ReviewRequested),
        ("review_request_removed", Change::Updated),
        ("rocket", Change::Other),
    ] {
        let (found, merge_request) = read(&json!({}), &json!({"action": action}));
        assert_eq!(merge_request.change, expected, "{action}");
        assert_eq!(found.provider_action.as_deref(), Some(action));
        assert_eq!(found.note, None);
    }
    let (_, bare) = read(&json!({"labels": []}), &json!({"action": "label_updated"}));
    assert_eq!(bare.change, Change::Unlabeled);
}

#[test]
fn one_that_is_closed_and_merged_is_merged() {
    let merged = json!({
        "state": "closed",
        "merged": true,
        "merged_at": "2026-01-01T00:00:01Z",
        "updated_at": "2026-01-01T00:00:09Z",
        "merge_commit_sha": "merge",
    });
    let (found, merge_request) = read(&merged, &json!({"action": "closed"}));
    assert_eq!(
        (merge_request.change, merge_request.state.as_str()),
        (Change::Merged, "merged")
    );
    assert_eq!(merge_request.merge_commit.as_deref(), Some("merge"));
    assert_eq!(found.happened_at, Some(Timestamp(1_767_225_601_000)));
    let closed = json!({"state": "closed", "merged": false, "merge_commit_sha": "tried"});
    let (_, merge_request) = read(&closed, &json!({"action": "closed"}));
    assert_eq!(
        (merge_request.state.as_str(), merge_request.merge_commit),
        ("closed", None)
    );
}

#[test]
fn a_review_says_whether_it_approves() {
    for (name, kind, expected) in [
        (
            "pull_request_approved",
            "pull_request_review_approved",
            Change::Approved,
        ),
        (
            "pull_request_rejected",
            "pull_request_review_rejected",
            Change::ChangesRequested,
        ),
        (
            "pull_request_comment",
            "pull_request_review_comment",
            Change::Reviewed,
        ),
        // Old versions.
        (
            "pull_request_approved",
            "pull_request_approved",
            Change::Approved,
        ),
        // The event header is not signed: it approves nothing.
        (
            "pull_request_approved",
            "pull_request_review_comment",
            Change::Reviewed,
        ),
    ] {
        let mut body =
            with(&json!({"action": "reviewed", "review": {"type": kind, "content": "Good."}}));
        body["pull_request"] = pull(&json!({}));
        let Subject::MergeRequest(merge_request) = event("forgejo", name, &body).subject else {
            panic!("a merge request")
        };
        assert_eq!(merge_request.change, expected, "{name} {kind}");
    }
}

#[test]
fn what_was_edited_is_told_with_its_value_before_and_after() {
    let edited = |from: &str, title: &str| {
        let body = json!({"action": "edited", "changes": {"title": {"from": from}}});
        read(&json!({"title": title}), &body).1
    };
    assert_eq!(
        edited("WIP: Add refunds", "Add refunds").change,
        Change::Ready
    );
    assert_eq!(
        edited("Add refunds", "[wip] Add refunds").change,
        Change::Drafted
    );
    assert!(edited("Add refunds", "[wip] Add refunds").draft);
    let renamed = edited("Add refund", "Add refunds");
    assert_eq!(renamed.change, Change::Updated);
    let change = |field: &str, before: &str, after: &str| FieldChange {
        field: field.to_owned(),
        before: Some(before.to_owned()),
        after: Some(after.to_owned()),
    };
    assert_eq!(
        renamed.changes,
        [change("title", "Add refund", "Add refunds")]
    );
    let body = json!({"action": "edited", "changes": {"body": {"from": "Some."}, "ref": {"from": "stable"}}});
    let (_, edited) = read(&json!({}), &body);
    assert_eq!(
        edited.changes,
        [
            change("description", "Some.", "All of them."),
            change("target_branch", "stable", "main"),
        ]
    );
}

#[test]
fn the_draft_field_counts_more_than_the_title() {
    let (_, ready) = read(&json!({"title": "WIP: x", "draft": false}), &json!({}));
    let (_, draft) = read(&json!({"draft": true}), &json!({}));
    assert!(!ready.draft && draft.draft);
}

#[test]
fn a_branch_of_a_fork_has_its_repository_and_another_has_none() {
    let head =
        json!({"ref": "fix", "sha": "head", "repo": {"id": 99, "full_name": "ada/storefront"}});
    let (_, merge_request) = read(&json!({"head": head}), &json!({}));
    let source = merge_request
        .source_repository
        .map(|source| source.full_name);
    assert_eq!(source.as_deref(), Some("ada/storefront"));
    assert_eq!(read(&json!({}), &json!({})).1.source_repository, None);
}

#[test]
fn a_removed_branch_still_has_its_name() {
    let head = json!({"label": "fix", "ref": "refs/pull/7/head", "sha": "head"});
    let (_, merge_request) = read(&json!({"head": head}), &json!({}));
    assert_eq!(merge_request.source_branch, "fix");
}

#[test]
fn gogs_has_its_branches_in_fields_of_their_own() {
    let body = with(&json!({
        "action": "opened",
        "pull_request": {
            "number": 7,
            "title": "x",
            "state": "open",
            "assignee": {"login": "robin"},
            "head_branch": "fix",
            "head_repo": {"id": 99, "full_name": "ada/storefront"},
            "base_branch": "main",
            "base_repo": {"id": 15, "full_name": "payments/storefront"},
        },
    }));
    let found = event("gogs", "pull_request", &body);
    assert_eq!(found.note, None);
    let Subject::MergeRequest(merge_request) = found.subject else {
        panic!("a merge request")
    };
    assert_eq!(
        (
            merge_request.source_branch.as_str(),
            merge_request.target_branch.as_str()
        ),
        ("fix", "main")
    );
    assert!(merge_request.source_repository.is_some() && merge_request.head.is_empty());
    assert_eq!(merge_request.assignees[0].name, "robin");
}

#[test]
fn one_without_a_branch_is_read_with_a_note() {
    let (found, merge_request) = read(&json!({"base": null}), &json!({"action": "opened"}));
    assert_eq!(merge_request.target_branch, "");
    assert!(found.note.is_some_and(|note| note.contains("no `base`")));
}

#[test]
fn who_is_asked_for_a_review_is_a_reviewer() {
    let robin = json!({"id": 42, "login": "robin"});
    let names = |merge_request: MergeRequest| {
        let people = merge_request.reviewers.into_iter();
        people.map(|person| person.name).collect::<Vec<_>>()
    };
    let (_, listed) = read(
        &json!({"requested_reviewers": [robin]}),
        &json!({"action": "opened"}),
    );
    assert_eq!(names(listed), ["robin"]);
    let body = json!({"action": "review_requested", "requested_reviewer": robin});
    assert_eq!(names(read(&json!({}), &body).1), ["robin"]);
    let body = json!({"action": "reviewed", "requested_reviewer": robin});
    assert!(names(read(&json!({}), &body).1).is_empty());
}
