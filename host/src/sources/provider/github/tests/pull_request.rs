//! Pull requests, and their reviews.

use serde_json::{Value, json};

use super::{event, sample, subject};
use crate::domain::event::{Change, FieldChange, Subject};

fn change_of(kind: &str, body: &Value) -> Change {
    subject!(MergeRequest, kind, body).change
}

fn changed(field: &str, before: Option<&str>, after: Option<&str>) -> FieldChange {
    FieldChange {
        field: field.to_owned(),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    }
}

#[test]
fn each_action_is_said_in_neutral_words() {
    let mut body = sample("merge-request-updated");
    for (action, expected) in [
        ("opened", Change::Opened),
        ("edited", Change::Updated),
        ("closed", Change::Closed),
        ("reopened", Change::Reopened),
        ("synchronize", Change::CommitsPushed),
        ("ready_for_review", Change::Ready),
        ("converted_to_draft", Change::Drafted),
        ("labeled", Change::Labeled),
        ("unlabeled", Change::Unlabeled),
        ("assigned", Change::Assigned),
        ("unassigned", Change::Unassigned),
        ("review_requested", Change::ReviewRequested),
        ("review_request_removed", Change::Updated),
        ("locked", Change::Locked),
        ("unlocked", Change::Unlocked),
        ("milestoned", Change::Updated),
        ("demilestoned", Change::Updated),
        ("auto_merge_enabled", Change::Updated),
        ("auto_merge_disabled", Change::Updated),
        ("enqueued", Change::Other),
        ("dequeued", Change::Other),
        ("rocket", Change::Other),
    ] {
        body["action"] = json!(action);
        let found = event("pull_request", &body);
        assert_eq!(found.provider_action.as_deref(), Some(action));
        assert_eq!(change_of("pull_request", &body), expected, "{action}");
    }
}

#[test]
fn only_new_commits_have_a_previous_head() {
    let mut body = sample("merge-request-updated");
    let pushed = subject!(MergeRequest, "pull_request", &body);
    assert_eq!(
        pushed.previous_head.as_deref(),
        Some("5f5201dcbdbcfd856b26c17ffed8520a21eb0b29")
    );
    body["action"] = json!("edited");
    let edited = subject!(MergeRequest, "pull_request", &body);
    assert_eq!(edited.previous_head, None);
}

#[test]
fn a_merged_pull_request_is_not_a_closed_one_and_has_its_commit() {
    let merged = subject!(
        MergeRequest,
        "pull_request",
        &sample("merge-request-merged")
    );
    assert_eq!(
        (merged.change, merged.state.as_str()),
        (Change::Merged, "merged")
    );
    assert_eq!(
        merged.merge_commit.as_deref(),
        Some("a625406f6977d45c1391b078f4d3656e0b75bfcb")
    );
    let closed = subject!(
        MergeRequest,
        "pull_request",
        &sample("merge-request-closed")
    );
    assert_eq!(
        (closed.change, closed.state.as_str()),
        (Change::Closed, "closed")
    );
    assert_eq!(
        closed.merge_commit, None,
        "what was tried is not what was merged"
    );
}

#[test]
fn an_edit_says_what_was_and_what_is() {
    let mut body = sample("merge-request-updated");
    body["action"] = json!("edited");
    body["changes"] = json!({
        "title": {"from": "Refunds"},
        "body": {"from": "x"},
        "base": {"ref": {"from": "develop"}, "sha": {"from": "0"}},
    });
    body["pull_request"]["body"] = Value::Null;
    let edited = subject!(MergeRequest, "pull_request", &body);
    let expected = [
        changed("target_branch", Some("develop"), Some("main")),
        changed("description", Some("x"), None),
        changed("title", Some("Refunds"), Some("Compute refunds in cents")),
    ];
    assert_eq!(edited.changes.len(), 3);
    assert!(
        expected
            .iter()
            .all(|change| edited.changes.contains(change))
    );
}

#[test]
fn what_was_added_to_a_list_or_taken_from_it_is_seen_in_the_list() {
    let mut body = sample("merge-request-updated");
    body["label"] = json!({"name": "money"});
    body["assignee"] = json!({"login": "sam-rivera"});
    body["requested_reviewer"] = json!({"login": "robin-reviewer"});
    body["milestone"] = json!({"title": "2.4"});
    for (action, expected) in [
        (
            "labeled",
            changed("labels", Some("bug"), Some("bug, money")),
        ),
        (
            "unlabeled",
            changed("labels", Some("bug, money"), Some("bug")),
        ),
        (
            "unassigned",
            changed(
                "assignees",
                Some("ada-martin, sam-rivera"),
                Some("ada-martin"),
            ),
        ),
        (
            "review_requested",
            changed("reviewers", None, Some("robin-reviewer")),
        ),
        ("milestoned", changed("milestone", None, Some("2.4"))),
        ("demilestoned", changed("milestone", Some("2.4"), None)),
    ] {
        body["action"] = json!(action);
        let found = subject!(MergeRequest, "pull_request", &body);
        assert_eq!(found.changes, [expected], "{action}");
    }
}

#[test]
fn a_team_that_is_asked_for_a_review_is_a_reviewer_without_a_user_name() {
    let mut body = sample("merge-request-opened");
    body["action"] = json!("review_requested");
    body["pull_request"]["requested_reviewers"] = json!([]);
    body["pull_request"]["requested_teams"] = json!([{"id": 3, "name": "Money", "slug": "money"}]);
    body["requested_team"] = json!({"id": 3, "name": "Money"});
    let found = subject!(MergeRequest, "pull_request", &body);
    assert_eq!(found.reviewers.len(), 1);
    assert_eq!(
        (
            found.reviewers[0].name.as_str(),
            &found.reviewers[0].username
        ),
        ("Money", &None)
    );
    assert_eq!(found.changes, [changed("reviewers", None, Some("Money"))]);
}

#[test]
fn a_fork_is_the_source_repository_and_the_own_repository_is_none() {
    let mut body = sample("merge-request-opened");
    assert_eq!(
        subject!(MergeRequest, "pull_request", &body).source_repository,
        None
    );
    body["pull_request"]["head"]["repo"]["id"] = json!(99);
    body["pull_request"]["head"]["repo"]["full_name"] = json!("sam/storefront");
    let fork = subject!(MergeRequest, "pull_request", &body).source_repository;
    assert_eq!(
        fork.map(|fork| (fork.id, fork.full_name)),
        Some(("99".to_owned(), "sam/storefront".to_owned()))
    );
    body["pull_request"]["head"]["repo"] = Value::Null;
    let gone = subject!(MergeRequest, "pull_request", &body);
    assert_eq!(
        gone.source_repository.map(|fork| fork.full_name).as_deref(),
        Some("unknown repository"),
        "a fork that was removed is not the repository itself"
    );
    assert_eq!(gone.source_branch, "fix/refund-rounding");
}

#[test]
fn a_review_is_told_by_what_it_says() {
    let mut body = sample("merge-request-approved");
    for (action, state, expected) in [
        ("submitted", "approved", Change::Approved),
        ("submitted", "APPROVED", Change::Approved),
        ("submitted", "changes_requested", Change::ChangesRequested),
        ("submitted", "commented", Change::Reviewed),
        ("dismissed", "dismissed", Change::ReviewDismissed),
        ("edited", "approved", Change::Other),
        ("submitted", "rocket", Change::Other),
    ] {
        body["action"] = json!(action);
        body["review"]["state"] = json!(state);
        assert_eq!(
            change_of("pull_request_review", &body),
            expected,
            "{action} {state}"
        );
    }
}

#[test]
fn a_review_of_a_merged_pull_request_knows_it_by_the_time() {
    let mut body = sample("merge-request-approved");
    body["pull_request"]["state"] = json!("closed");
    body["pull_request"]["merged_at"] = json!("2026-01-01T00:00:00Z");
    let found = subject!(MergeRequest, "pull_request_review", &body);
    assert_eq!(found.state, "merged");
}

#[test]
fn a_thread_is_resolved_and_opened_again() {
    let mut body = sample("merge-request-approved");
    body["thread"] = json!({"comments": []});
    for (action, expected) in [
        ("resolved", Change::Resolved),
        ("unresolved", Change::Unresolved),
        ("rocket", Change::Other),
    ] {
        body["action"] = json!(action);
        assert_eq!(change_of("pull_request_review_thread", &body), expected);
    }
}

#[test]
fn a_pull_request_without_a_branch_is_read_with_a_note() {
    let mut body = sample("merge-request-opened");
    body["pull_request"]["base"] = json!({});
    let found = event("pull_request", &body);
    assert!(
        matches!(&found.subject, Subject::MergeRequest(found) if found.target_branch.is_empty())
    );
    assert!(found.note.is_some_and(|note| note.contains("base.ref")));
}
