//! What GitHub tells twice, what there are no words for, and bodies that are not as GitHub sends them.

use serde_json::json;

use super::{event, events, repository, sample};
use crate::domain::event::Subject;

#[test]
fn what_another_kind_tells_as_well_is_other_and_the_note_names_that_kind() {
    let by_actions = json!({
        "id": 9, "name": "x", "head_sha": "a1", "status": "completed", "app": {"slug": "github-actions"},
    });
    let body = json!({
        "action": "completed", "ref": "v2.4.0", "ref_type": "tag", "alert": {"number": 1, "ghsa_id": "x"},
        "check_suite": by_actions, "check_run": by_actions, "repository": repository(),
        "sender": {"login": "ada-martin"},
    });
    for (kind, other) in [
        ("create", "`push`"),
        ("delete", "`push`"),
        ("check_suite", "`workflow_run`"),
        ("check_run", "`workflow_job`"),
        ("repository_vulnerability_alert", "`dependabot_alert`"),
    ] {
        let found = event(kind, &body);
        assert_eq!(found.subject, Subject::Other, "{kind}");
        assert!(
            found.note.is_some_and(|note| note.contains(other)),
            "{kind}"
        );
    }
}

#[test]
fn what_there_are_no_words_for_keeps_who_where_and_what() {
    let body = json!({
        "action": "created",
        "discussion": {"html_url": "https://github.com/payments/storefront/discussions/4"},
        "repository": repository(),
        "sender": {"login": "ada-martin"},
    });
    let found = event("discussion", &body);
    assert_eq!(found.subject, Subject::Other);
    assert_eq!(found.provider_event, "discussion");
    assert_eq!(found.provider_action.as_deref(), Some("created"));
    assert_eq!(found.project(), Some("payments/storefront"));
    assert!(found.actor.is_some());
    assert!(found.url.is_some_and(|url| url.ends_with("/discussions/4")));
    assert!(found.note.is_some_and(|note| note.contains("`discussion`")));
    let star = event("star", &body);
    assert_eq!(
        star.url.as_deref(),
        Some("https://github.com/payments/storefront")
    );
}

#[test]
fn a_kind_without_what_it_always_has_is_other_with_a_note() {
    for kind in [
        "push",
        "release",
        "gollum",
        "ping",
        "pull_request",
        "pull_request_review",
        "pull_request_review_thread",
        "pull_request_review_comment",
        "issues",
        "issue_comment",
        "commit_comment",
        "discussion_comment",
        "workflow_run",
        "check_suite",
        "workflow_job",
        "check_run",
        "status",
        "deployment",
        "deployment_status",
        "deployment_review",
        "member",
        "membership",
        "dependabot_alert",
        "code_scanning_alert",
        "secret_scanning_alert",
        "rocket",
    ] {
        for body in [
            json!({"action": "created"}),
            json!([]),
            json!("x"),
            json!(null),
        ] {
            let found = events(kind, &body);
            assert_eq!(found.len(), 1, "{kind}");
            assert_eq!(found[0].subject, Subject::Other, "{kind}");
            let note = found[0].note.as_deref().unwrap_or_default();
            assert!(note.contains(&format!("`{kind}`")), "{kind}: {note}");
        }
    }
}

#[test]
fn a_header_that_names_another_kind_does_not_make_the_body_one() {
    for (kind, name) in [
        ("pull_request", "issue-opened"),
        ("pull_request_review", "merge-request-opened"),
        ("pull_request_review_comment", "merge-request-approved"),
        ("issue_comment", "issue-opened"),
        ("deployment_status", "pipeline-failed"),
        ("workflow_job", "pipeline-failed"),
        ("release", "tag"),
        ("ping", "push"),
    ] {
        let found = event(kind, &sample(name));
        assert_eq!(found.subject, Subject::Other, "{kind}");
        assert!(found.note.is_some(), "{kind}");
    }
}
