//! What becomes of which payload.

use serde_json::{Value, json};

use super::{event, hook};
use crate::domain::clock::Timestamp;
use crate::domain::event::{Change, CommentTarget, MergeRequest, Subject};

const ZEROS: &str = "0000000000000000000000000000000000000000";

fn merge_request(more: &Value, body: &Value) -> MergeRequest {
    let mut pull = json!({
        "number": 7,
        "title": "Add refunds",
        "state": "open",
        "labels": [{"name": "bug"}],
        "assignees": [{"login": "robin", "name": "Robin"}],
        "merge_commit_sha": "tried",
        "head": {"ref": "fix", "sha": "head", "repo": {"id": 15, "path_with_namespace": "payments/storefront"}},
        "base": {"ref": "main", "sha": "base", "repo": {"id": 15, "path_with_namespace": "payments/storefront"}},
    });
    for (key, value) in more.as_object().expect("an object") {
        pull[key] = value.clone();
    }
    let mut whole = hook("merge_request_hooks", body);
    whole["pull_request"] = pull;
    match event("Merge Request Hook", &whole).subject {
        Subject::MergeRequest(merge_request) => *merge_request,
        subject => panic!("not a merge request but {}", subject.name()),
    }
}

#[test]
fn a_merge_requests_change_is_said_in_neutral_words() {
    for (action, described, expected) in [
        ("open", "open", Change::Opened),
        ("close", "open", Change::Closed),
        ("reopen", "open", Change::Reopened),
        ("merge", "open", Change::Merged),
        ("approved", "open", Change::Approved),
        ("assign", "open", Change::ReviewRequested),
        ("unassign", "open", Change::Updated),
        ("update", "source_branch_changed", Change::CommitsPushed),
        ("update", "target_branch_changed", Change::Updated),
        ("update", "update_label", Change::Labeled),
        ("update", "rocket", Change::Updated),
        ("rocket", "open", Change::Other),
    ] {
        let body = json!({"action": action, "action_desc": described});
        assert_eq!(
            merge_request(&json!({}), &body).change,
            expected,
            "{action} {described}"
        );
    }
    let body = json!({"action": "update", "action_desc": "update_label"});
    let bare = merge_request(&json!({"labels": []}), &body);
    assert_eq!(bare.change, Change::Unlabeled);
}

#[test]
fn a_merge_request_has_its_reviewers_and_only_once_merged_its_commit() {
    let open = merge_request(&json!({}), &json!({"action": "open"}));
    assert_eq!(open.reviewers[0].username.as_deref(), Some("robin"));
    assert!(open.assignees.is_empty());
    assert_eq!((open.merge_commit, open.source_repository), (None, None));
    let merged = json!({"state": "merged", "merge_commit_sha": "merge"});
    let merged = merge_request(&merged, &json!({"action": "merge"}));
    assert_eq!(merged.merge_commit.as_deref(), Some("merge"));
    assert_eq!(merged.state, "merged");
}

#[test]
fn a_branch_of_a_fork_has_its_repository() {
    let head =
        json!({"ref": "fix", "sha": "head", "repo": {"id": 99, "full_name": "ada/storefront"}});
    let found = merge_request(&json!({"head": head}), &json!({}));
    let source = found.source_repository.map(|source| source.full_name);
    assert_eq!(source.as_deref(), Some("ada/storefront"));
}

#[test]
fn a_draft_is_one_by_its_field_or_by_its_title() {
    let read = |more: Value| merge_request(&more, &json!({})).draft;
    assert!(read(json!({"draft": true})) && read(json!({"title": "[WIP] x"})));
    assert!(!read(json!({"draft": false, "title": "[WIP] x"})) && !read(json!({})));
}

#[test]
fn a_push_makes_moves_or_ends_a_branch_or_a_tag() {
    let read = |git_ref: &str, before: &str, after: &str| {
        let body = json!({
            "ref": git_ref, "before": before, "after": after, "head_commit": {"id": "commit"},
            "compare": "https://gitee.example.com/compare",
            "commits": [{"id": "commit", "message": "Add refunds\n\nAll."}], "total_commits_count": 12,
        });
        event("Push Hook", &hook("push_hooks", &body))
    };
    let moved = read("refs/heads/main", "a", "b");
    assert_eq!(
        moved.url.as_deref(),
        Some("https://gitee.example.com/compare")
    );
    assert_eq!(moved.happened_at, Some(Timestamp(1_767_225_600_000)));
    let Subject::Push(push) = moved.subject else {
        panic!("a push")
    };
    assert_eq!(
        (push.commit_count, push.commits[0].title.as_str()),
        (12, "Add refunds")
    );
    assert!(!push.created && !push.deleted);
    let Subject::Push(push) = read("refs/heads/main", "a", ZEROS).subject else {
        panic!("a push")
    };
    assert!(push.deleted);
    let made = read("refs/tags/v 1", ZEROS, "tag object");
    assert_eq!(
        made.url.as_deref(),
        Some("https://gitee.example.com/payments/storefront/tree/v%201")
    );
    let Subject::Tag(tag) = made.subject else {
        panic!("a tag")
    };
    assert!(tag.created && tag.target == "commit");
    let Subject::Tag(tag) = read("refs/tags/v1", "a", ZEROS).subject else {
        panic!("a tag")
    };
    assert!(tag.deleted && tag.target == "a");
}

#[test]
fn an_issues_change_is_said_in_neutral_words() {
    for (action, state, expected) in [
        ("open", "open", Change::Opened),
        ("assign", "progressing", Change::Assigned),
        ("delete", "open", Change::Deleted),
        ("state_change", "progressing", Change::Updated),
        ("state_change", "closed", Change::Closed),
        ("state_change", "rejected", Change::Closed),
        ("state_change", "open", Change::Reopened),
        ("rocket", "open", Change::Other),
    ] {
        let issue = json!({
            "number": "I4CYEO", "title": "x", "state": state, "type_name": "Bug Report",
            "assignee": {"login": "robin"}, "milestone": {"title": "2.4"},
        });
        let body = hook("issue_hooks", &json!({"action": action, "issue": issue}));
        let Subject::Issue(issue) = event("Issue Hook", &body).subject else {
            panic!("an issue")
        };
        assert_eq!(issue.change, expected, "{action} {state}");
        assert_eq!(
            (issue.key.as_str(), issue.kind.as_str()),
            ("I4CYEO", "bug-report")
        );
        assert_eq!(issue.milestone.as_deref(), Some("2.4"));
        assert_eq!(issue.assignees.len(), 1);
    }
}

#[test]
fn an_issue_about_a_hole_in_security_is_confidential_and_so_are_its_comments() {
    let mut body = hook(
        "issue_hooks",
        &json!({"issue": {"number": "I1", "title": "x"}}),
    );
    assert!(!event("Issue Hook", &body).is_confidential());
    body["issue"]["security_hole"] = json!(true);
    assert!(event("Issue Hook", &body).is_confidential());
    body["hook_name"] = json!("note_hooks");
    body["comment"] = json!({"id": 1, "body": "x"});
    assert!(event("Note Hook", &body).is_confidential());
}

#[test]
fn a_comment_is_on_what_the_body_names() {
    let read = |more: &Value| {
        let mut body = hook(
            "note_hooks",
            &json!({
                "action": "comment",
                "comment": {"id": 5, "body": "Good.", "commit_id": "commit"},
                "issue": {"number": "I4CYEO", "title": "An issue"},
                "pull_request": {"number": 7, "title": "A pull request"},
            }),
        );
        for (key, value) in more.as_object().expect("an object") {
            body[key] = value.clone();
        }
        match event("Note Hook", &body).subject {
            Subject::Comment(comment) => comment,
            subject => panic!("not a comment but {}", subject.name()),
        }
    };
    for (kind, target, key) in [
        ("Issue", CommentTarget::Issue, Some("I4CYEO")),
        ("PullRequest", CommentTarget::MergeRequest, Some("7")),
        ("Commit", CommentTarget::Commit, Some("commit")),
        ("Rocket", CommentTarget::Other, None),
    ] {
        let comment = read(&json!({"noteable_type": kind}));
        assert_eq!(
            (comment.target, comment.target_key.as_deref()),
            (target, key)
        );
        assert_eq!(comment.change, Change::Opened);
    }
    assert_eq!(read(&json!({"action": "edited"})).change, Change::Updated);
}

#[test]
fn a_body_without_what_its_kind_always_has_is_other_with_a_note() {
    for (header, body, expected) in [
        ("Push Hook", hook("push_hooks", &json!({})), "no `ref`"),
        (
            "Issue Hook",
            hook("issue_hooks", &json!({"issue": {"title": "x"}})),
            "no `number`",
        ),
        ("Note Hook", hook("note_hooks", &json!({})), "no `id`"),
        (
            "Merge Request Hook",
            hook("merge_request_hooks", &json!({})),
            "no `title`",
        ),
        (
            "Rocket Hook",
            hook("rocket_hooks", &json!({})),
            "`rocket_hooks` is not known",
        ),
        (
            "Rocket Hook",
            json!({"msgtype": "markdown"}),
            "names no hook",
        ),
        ("Push Hook", json!(["x"]), "no `ref`"),
    ] {
        let found = event(header, &body);
        assert_eq!(found.subject.name(), "other");
        assert_eq!(found.provider_event, header);
        let note = found.note.expect("a note");
        assert!(note.contains(expected), "{note}");
    }
    let found = event("Push Hook", &hook("push_hooks", &json!({})));
    assert_eq!(found.project(), Some("payments/storefront"));
    assert_eq!(
        found.actor.map(|actor| actor.name),
        Some("Ada Martin".to_owned())
    );
}
