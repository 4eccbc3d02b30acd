//! Issues and comments.

use super::common::{actor, first_time, labels, person, repository, triggered_at};
use crate::domain::event::{Change, Comment, CommentTarget, Issue, Person, Subject};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::missing;

/// An issue, and what happened to it.
pub(super) fn issue(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("issue_hooks", key);
    let issue = body.get("issue");
    let action = body.text("action");
    let state = issue.text("state").unwrap_or_default();
    let change = match action.as_deref() {
        Some("open") => Change::Opened,
        Some("assign") => Change::Assigned,
        Some("unassign") => Change::Unassigned,
        Some("delete") => Change::Deleted,
        Some("update") => Change::Updated,
        Some("state_change") => match state.as_str() {
            "closed" | "rejected" => Change::Closed,
            "open" => Change::Reopened,
            _ => Change::Updated,
        },
        _ => Change::Other,
    };
    Ok(Draft {
        provider_action: action,
        happened_at: first_time(issue, &["updated_at", "created_at"])
            .or_else(|| triggered_at(body)),
        actor: actor(body),
        repository: repository(body),
        url: issue.link("html_url").or_else(|| body.link("url")),
        ..Draft::about(Subject::Issue(Issue {
            key: issue.id("number").ok_or_else(|| of_kind("number"))?,
            title: issue.text("title").ok_or_else(|| of_kind("title"))?,
            description: issue.text("body").unwrap_or_default(),
            change,
            state,
            kind: issue.text("type_name").map_or_else(
                || "issue".to_owned(),
                |kind| kind.to_lowercase().replace(' ', "-"),
            ),
            confidential: is_confidential(issue),
            author: person(issue.get("user")),
            labels: labels(issue),
            assignees: person(issue.get("assignee")).into_iter().collect(),
            milestone: issue.get("milestone").text("title"),
            priority: None,
            changes: Vec::new(),
        }))
    })
}

/// What is reported as a hole in security, only members see:
/// <https://gitee.com/api/v5/swagger#/getV5ReposOwnerRepoIssuesNumber>.
fn is_confidential(issue: Node<'_>) -> bool {
    issue.flag("security_hole") == Some(true)
}

/// A comment on something.
pub(super) fn note(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("note_hooks", key);
    let comment = body.get("comment");
    let action = body.text("action");
    let change = match action.as_deref() {
        Some("comment") => Change::Opened,
        Some("edited" | "update") => Change::Updated,
        Some("deleted" | "delete") => Change::Deleted,
        _ => Change::Other,
    };
    let target = Target::of(body, comment);
    Ok(Draft {
        provider_action: action,
        happened_at: first_time(comment, &["updated_at", "created_at"])
            .or_else(|| triggered_at(body)),
        actor: actor(body),
        repository: repository(body),
        url: comment.link("html_url").or_else(|| body.link("url")),
        ..Draft::about(Subject::Comment(Comment {
            id: comment.id("id").ok_or_else(|| of_kind("id"))?,
            text: comment.text("body").unwrap_or_default(),
            target: target.kind,
            target_key: target.key,
            target_title: target.title,
            target_author: target.author,
            path: None,
            line: None,
            confidential: is_confidential(body.get("issue")),
            change,
        }))
    })
}

/// What a comment is on.
struct Target {
    kind: CommentTarget,
    key: Option<String>,
    title: Option<String>,
    author: Option<Person>,
}

impl Target {
    fn of(body: Node<'_>, comment: Node<'_>) -> Self {
        let numbered = |kind, node: Node<'_>| Self {
            kind,
            key: node.id("number"),
            title: node.text("title"),
            author: person(node.get("user")),
        };
        match body.raw("noteable_type") {
            Some("PullRequest") => numbered(CommentTarget::MergeRequest, body.get("pull_request")),
            Some("Issue") => numbered(CommentTarget::Issue, body.get("issue")),
            Some("Commit") => Self {
                kind: CommentTarget::Commit,
                key: comment
                    .text("commit_id")
                    .or_else(|| body.text("short_commit_id")),
                title: body.text("title"),
                author: None,
            },
            _ => Self {
                kind: CommentTarget::Other,
                key: None,
                title: None,
                author: None,
            },
        }
    }
}
