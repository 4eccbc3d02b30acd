//! Issues, comments, and pages of the wiki.

use super::common::{actor, assignees, changes, first_time, labels, person, repository};
use super::merge_request::relabeled;
use crate::domain::event::{Change, Comment, CommentTarget, Issue, Page, Subject};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::{missing, page as page_of};

/// The fields of an issue that can be edited, and what they are called in events.
const FIELDS: [(&str, &str); 3] = [("title", "title"), ("body", "description"), ("ref", "ref")];

/// What `created`, `edited` and `deleted` are in neutral words.
fn life(action: Option<&str>) -> Change {
    match action {
        Some("created") => Change::Opened,
        Some("edited") => Change::Updated,
        Some("deleted") => Change::Deleted,
        _ => Change::Other,
    }
}

/// An issue, and what happened to it.
pub(super) fn issue(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("issues", key);
    let issue = body.get("issue");
    let action = body.text("action");
    let change = match action.as_deref() {
        Some("opened") => Change::Opened,
        Some("closed") => Change::Closed,
        Some("reopened") => Change::Reopened,
        Some("edited" | "milestoned" | "demilestoned") => Change::Updated,
        Some("deleted") => Change::Deleted,
        Some("assigned") => Change::Assigned,
        Some("unassigned") => Change::Unassigned,
        Some("label_updated" | "label_cleared") => relabeled(action.as_deref(), issue),
        _ => Change::Other,
    };
    let key = issue.id("number").ok_or_else(|| of_kind("number"))?;
    let repository = repository(body);
    let moment: &[&str] = match change {
        Change::Opened => &["created_at", "updated_at"],
        Change::Closed => &["closed_at", "updated_at"],
        _ => &["updated_at"],
    };
    Ok(Draft {
        provider_action: action,
        happened_at: first_time(issue, moment),
        actor: actor(body),
        url: issue
            .link("html_url")
            .or_else(|| page_of(repository.as_ref(), &format!("issues/{key}"))),
        repository,
        ..Draft::about(Subject::Issue(Issue {
            key,
            title: issue.text("title").ok_or_else(|| of_kind("title"))?,
            description: issue.text("body").unwrap_or_default(),
            change,
            state: issue.text("state").unwrap_or_default(),
            kind: "issue".to_owned(),
            confidential: false,
            author: person(issue.get("user")),
            labels: labels(issue),
            assignees: assignees(issue),
            milestone: issue.get("milestone").text("title"),
            priority: None,
            changes: changes(body, &FIELDS, |field| issue.text(field)),
        }))
    })
}

/// A comment on an issue, or on a pull request, which is an issue as well.
pub(super) fn comment(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("issue_comment", key);
    let (issue, comment) = (body.get("issue"), body.get("comment"));
    let action = body.text("action");
    let change = life(action.as_deref());
    let is_pull = body.flag("is_pull") == Some(true) || issue.get("pull_request").exists();
    let moment: &[&str] = match change {
        Change::Opened => &["created_at", "updated_at"],
        _ => &["updated_at"],
    };
    Ok(Draft {
        provider_action: action,
        happened_at: first_time(comment, moment),
        actor: actor(body),
        repository: repository(body),
        url: comment.link("html_url"),
        ..Draft::about(Subject::Comment(Comment {
            id: comment.id("id").ok_or_else(|| of_kind("id"))?,
            text: comment.text("body").unwrap_or_default(),
            target: if is_pull {
                CommentTarget::MergeRequest
            } else {
                CommentTarget::Issue
            },
            target_key: issue.id("number"),
            target_title: issue.text("title"),
            target_author: person(issue.get("user")),
            path: None,
            line: None,
            confidential: false,
            change,
        }))
    })
}

/// A page of the wiki.
pub(super) fn page(body: Node<'_>) -> Result<Draft, String> {
    let title = body.text("page").ok_or_else(|| missing("wiki", "page"))?;
    let action = body.text("action");
    let change = life(action.as_deref());
    let repository = repository(body);
    let path = match change {
        Change::Deleted => "wiki".to_owned(),
        _ => format!("wiki/{title}"),
    };
    Ok(Draft {
        provider_action: action,
        actor: actor(body),
        url: page_of(repository.as_ref(), &path),
        repository,
        ..Draft::about(Subject::Page(Page {
            id: title.clone(),
            title,
            space: None,
            change,
            version: None,
        }))
    })
}
