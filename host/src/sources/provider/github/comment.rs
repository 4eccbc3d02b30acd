//! Comments: on issues and pull requests, on their code, on commits, and on discussions.

use super::common::{first_time, person};
use crate::domain::event::{Change, Comment, CommentTarget, Subject};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::missing;

/// A comment on an issue, or on a pull request, which GitHub sends as an issue.
pub(super) fn on_issue(body: Node<'_>) -> Result<Draft, String> {
    let issue = body.get("issue");
    let target = if issue.get("pull_request").exists() {
        CommentTarget::MergeRequest
    } else {
        CommentTarget::Issue
    };
    numbered(body, "issue_comment", issue, target)
}

/// A comment on the code of a pull request.
pub(super) fn on_code(body: Node<'_>) -> Result<Draft, String> {
    let kind = "pull_request_review_comment";
    numbered(
        body,
        kind,
        body.get("pull_request"),
        CommentTarget::MergeRequest,
    )
}

/// A comment on a discussion.
pub(super) fn on_discussion(body: Node<'_>) -> Result<Draft, String> {
    let discussion = body.get("discussion");
    numbered(body, "discussion_comment", discussion, CommentTarget::Other)
}

/// A comment on a commit, of which GitHub sends the hash alone.
pub(super) fn on_commit(body: Node<'_>) -> Result<Draft, String> {
    let comment = comment(body, "commit_comment", CommentTarget::Commit)?;
    let key = body.get("comment").text("commit_id");
    Ok(draft(
        body,
        Comment {
            target_key: Some(key.ok_or_else(|| missing("commit_comment", "commit_id"))?),
            ..comment
        },
    ))
}

/// A comment on something with a number, a title, and an author.
fn numbered(
    body: Node<'_>,
    kind: &str,
    on: Node<'_>,
    target: CommentTarget,
) -> Result<Draft, String> {
    let comment = comment(body, kind, target)?;
    Ok(draft(
        body,
        Comment {
            target_key: Some(on.id("number").ok_or_else(|| missing(kind, "number"))?),
            target_title: on.text("title"),
            target_author: person(on.get("user")),
            ..comment
        },
    ))
}

fn comment(body: Node<'_>, kind: &str, target: CommentTarget) -> Result<Comment, String> {
    let comment = body.get("comment");
    // Of a comment on lines that were changed since, only the line is left at which it was made.
    let line = comment
        .number("line")
        .or_else(|| comment.number("original_line"));
    if !comment.get("body").exists() {
        return Err(missing(kind, "comment.body"));
    }
    Ok(Comment {
        id: comment
            .id("id")
            .ok_or_else(|| missing(kind, "comment.id"))?,
        text: comment.text("body").unwrap_or_default(),
        target,
        target_key: None,
        target_title: None,
        target_author: None,
        path: comment.text("path"),
        line: line.and_then(|line| u32::try_from(line).ok()),
        // GitHub has no confidential comments.
        confidential: false,
        change: match body.raw("action") {
            Some("created") => Change::Opened,
            Some("edited") => Change::Updated,
            Some("deleted") => Change::Deleted,
            _ => Change::Other,
        },
    })
}

fn draft(body: Node<'_>, comment: Comment) -> Draft {
    let node = body.get("comment");
    let happened_at = match comment.change {
        // No time of the comment is that of its end.
        Change::Deleted => None,
        _ => first_time(node, &["updated_at", "created_at"]),
    };
    Draft {
        happened_at,
        url: node.link("html_url"),
        ..Draft::about(Subject::Comment(comment))
    }
}
