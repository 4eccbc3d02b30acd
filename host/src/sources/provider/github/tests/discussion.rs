//! Issues, comments, members, and alerts.

use serde_json::{Value, json};

use super::{event, repository, sample, subject};
use crate::domain::clock::Timestamp;
use crate::domain::event::{Change, CommentTarget, Subject};

#[test]
fn each_action_of_an_issue_is_said_in_neutral_words() {
    let mut body = sample("issue-opened");
    for (action, expected) in [
        ("opened", Change::Opened),
        ("closed", Change::Closed),
        ("reopened", Change::Reopened),
        ("deleted", Change::Deleted),
        ("edited", Change::Updated),
        ("labeled", Change::Labeled),
        ("unlabeled", Change::Unlabeled),
        ("assigned", Change::Assigned),
        ("unassigned", Change::Unassigned),
        ("locked", Change::Locked),
        ("unlocked", Change::Unlocked),
        ("milestoned", Change::Updated),
        ("demilestoned", Change::Updated),
        ("typed", Change::Updated),
        ("untyped", Change::Updated),
        ("pinned", Change::Other),
        ("unpinned", Change::Other),
        ("transferred", Change::Other),
    ] {
        body["action"] = json!(action);
        let found = event("issues", &body);
        assert_eq!(found.happened_at.is_none(), action == "deleted");
        let found = subject!(Issue, "issues", &body);
        assert_eq!(found.change, expected, "{action}");
    }
    assert_eq!(subject!(Issue, "issues", &body).kind, "issue");
    body["issue"]["type"] = json!({"name": "Security Bug"});
    assert_eq!(subject!(Issue, "issues", &body).kind, "security-bug");
}

fn comment_on(key: &str, target: &Value) -> Value {
    json!({
        "action": "created",
        "comment": {
            "id": 5, "body": "x", "path": "a.rb", "line": 7, "commit_id": "c0ffee",
            "created_at": "2026-01-01T00:00:00Z", "html_url": "https://github.com/x",
        },
        key: target,
        "repository": repository(),
    })
}

#[test]
fn a_comment_says_what_it_is_on() {
    let target = json!({"number": 9, "title": "A title", "user": {"login": "ada-martin"}});
    let mut pull = target.clone();
    pull["pull_request"] = json!({"url": "x"});
    for (kind, key, target, expected) in [
        ("issue_comment", "issue", &target, CommentTarget::Issue),
        ("issue_comment", "issue", &pull, CommentTarget::MergeRequest),
        (
            "pull_request_review_comment",
            "pull_request",
            &target,
            CommentTarget::MergeRequest,
        ),
        (
            "discussion_comment",
            "discussion",
            &target,
            CommentTarget::Other,
        ),
    ] {
        let found = subject!(Comment, kind, &comment_on(key, target));
        assert_eq!((found.target, found.change), (expected, Change::Opened));
        assert_eq!(found.target_key.as_deref(), Some("9"), "{kind}");
        assert_eq!(found.target_title.as_deref(), Some("A title"), "{kind}");
        assert!(found.target_author.is_some(), "{kind}");
    }
    let found = subject!(Comment, "commit_comment", &comment_on("x", &json!({})));
    assert_eq!(found.target, CommentTarget::Commit);
    assert_eq!(found.target_key.as_deref(), Some("c0ffee"));
    assert_eq!((found.path.as_deref(), found.line), (Some("a.rb"), Some(7)));
}

#[test]
fn a_comment_on_lines_that_were_changed_since_stands_where_it_was_made() {
    let mut body = sample("note-on-merge-request");
    body["comment"]["line"] = Value::Null;
    body["comment"]["original_line"] = json!(11);
    let kind = "pull_request_review_comment";
    assert_eq!(subject!(Comment, kind, &body).line, Some(11));
    body["comment"]["original_line"] = json!(5_000_000_000_u64);
    assert_eq!(subject!(Comment, kind, &body).line, None);
}

#[test]
fn a_comment_is_edited_and_deleted() {
    let mut body = sample("note-on-merge-request");
    let kind = "pull_request_review_comment";
    for (action, expected, is_timed) in [
        ("edited", Change::Updated, true),
        ("deleted", Change::Deleted, false),
        ("pinned", Change::Other, true),
    ] {
        body["action"] = json!(action);
        assert_eq!(event(kind, &body).happened_at.is_some(), is_timed);
        assert_eq!(subject!(Comment, kind, &body).change, expected, "{action}");
    }
}

#[test]
fn members_join_change_and_leave() {
    let user =
        json!({"login": "sam-rivera", "id": 57, "html_url": "https://github.com/sam-rivera"});
    for (kind, body, change, role) in [
        (
            "member",
            json!({"action": "added", "member": user, "changes": {"role_name": {"to": "maintain"}, "permission": {"to": "write"}}}),
            Change::Opened,
            Some("maintain"),
        ),
        (
            "member",
            json!({"action": "edited", "member": user, "changes": {"permission": {"from": "read", "to": "write"}}}),
            Change::Updated,
            Some("write"),
        ),
        (
            "membership",
            json!({"action": "removed", "scope": "team", "member": user}),
            Change::Deleted,
            None,
        ),
        (
            "organization",
            json!({"action": "member_added", "membership": {"role": "admin", "user": user}}),
            Change::Opened,
            Some("admin"),
        ),
        (
            "organization",
            json!({"action": "member_removed", "membership": {"role": "member", "user": user}}),
            Change::Deleted,
            Some("member"),
        ),
        (
            "organization",
            json!({"action": "member_invited", "user": user, "invitation": {"role": "direct_member"}}),
            Change::Other,
            Some("direct_member"),
        ),
    ] {
        let found = subject!(Member, kind, &body);
        assert_eq!(found.person.name, "sam-rivera");
        assert_eq!(
            (found.change, found.role.as_deref()),
            (change, role),
            "{body}"
        );
    }
}

#[test]
fn an_alert_is_raised_and_cleared_under_the_same_fingerprint() {
    let mut body = sample("alert-firing");
    let raised = subject!(Alert, "dependabot_alert", &body);
    assert!(raised.firing && raised.ended_at.is_none());
    for (state, key) in [
        ("fixed", "fixed_at"),
        ("dismissed", "dismissed_at"),
        ("auto_dismissed", "auto_dismissed_at"),
    ] {
        let mut body = body.clone();
        body["alert"]["state"] = json!(state);
        body["alert"][key] = json!("2026-01-01T00:00:00Z");
        let cleared = subject!(Alert, "dependabot_alert", &body);
        assert!(!cleared.firing, "{state}");
        assert_eq!(cleared.ended_at, Some(Timestamp(1_767_225_600_000)));
        assert_eq!(cleared.fingerprint, raised.fingerprint);
    }
    body["alert"]["number"] = json!(18);
    let other = subject!(Alert, "dependabot_alert", &body);
    assert_ne!(other.fingerprint, raised.fingerprint);
}

#[test]
fn a_fault_in_the_code_says_where_it_is() {
    let body = json!({
        "action": "created", "ref": "refs/heads/main",
        "alert": {
            "number": 3, "state": "open", "created_at": "2026-01-01T00:00:00Z",
            "rule": {"id": "rb/sql", "severity": "error", "security_severity_level": "high", "description": "A query is built from input"},
            "tool": {"name": "CodeQL"},
            "most_recent_instance": {"message": {"text": "This query is."}, "location": {"path": "src/a.rb", "start_line": 7}},
        },
        "repository": repository(),
    });
    let found = subject!(Alert, "code_scanning_alert", &body);
    assert!(found.firing);
    assert_eq!(found.severity.as_deref(), Some("high"));
    assert_eq!(found.description.as_deref(), Some("This query is."));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(found.labels, [pair("tool", "CodeQL"), pair("ref", "main")]);
    assert_eq!(found.annotations, [pair("location", "src/a.rb:7")]);
}

#[test]
fn a_found_secret_is_told_without_the_secret() {
    let mut body = json!({
        "action": "created",
        "alert": {
            "number": 3, "secret_type": "adafruit_io_key", "secret_type_display_name": "Adafruit IO Key",
            "secret": "aio_XXXX", "validity": "active", "resolution": null, "created_at": "2026-01-01T00:00:00Z",
        },
        "repository": repository(),
    });
    let found = event("secret_scanning_alert", &body);
    assert!(!format!("{found:?}").contains("aio_XXXX"));
    assert!(
        matches!(&found.subject, Subject::Alert(alert) if alert.firing && alert.summary == "Adafruit IO Key")
    );
    body["alert"]["resolved_at"] = json!("2026-01-01T00:00:00Z");
    body["alert"]["resolution"] = json!("revoked");
    assert!(!subject!(Alert, "secret_scanning_alert", &body).firing);
}
