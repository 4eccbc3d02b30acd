//! Issues, and the comments on them.

use std::collections::BTreeSet;

use super::common::{action, actor, browse, page, person};
use super::document;
use crate::domain::event::{Change, Comment, CommentTarget, FieldChange, Issue, Person, Subject};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::missing;

/// What an event of an issue tells: Data Center also sends a comment as a change of its issue, alone, or together
/// with what was changed in the same step.
pub(super) fn issue_or_comment(body: Node<'_>, event: &str) -> Vec<Result<Draft, String>> {
    let has_comment = body.get("comment").exists();
    let has_changes = body.get("changelog").items("items").next().is_some();
    let mut drafts = Vec::new();
    if !has_comment || has_changes || event != "jira:issue_updated" {
        drafts.push(issue(body, event));
    }
    if has_comment {
        drafts.push(comment(body, event));
    }
    drafts
}

/// An issue, and what happened to it.
fn issue(body: Node<'_>, event: &str) -> Result<Draft, String> {
    let of_kind = |key| missing(event, key);
    let node = body.get("issue");
    let fields = node.get("fields");
    let change = match event {
        "jira:issue_created" => Change::Opened,
        "jira:issue_deleted" => Change::Deleted,
        _ => updated(body, fields),
    };
    let versions = fields
        .items("fixVersions")
        .filter_map(|version| version.text("name"));
    let versions = body.cut().list(versions).join(", ");
    let kind = fields.get("issuetype").text("name");
    let issue = Issue {
        key: node.text("key").ok_or_else(|| of_kind("issue.key"))?,
        title: fields
            .text("summary")
            .ok_or_else(|| of_kind("issue.fields.summary"))?,
        description: document::text(fields, "description").unwrap_or_default(),
        change,
        state: fields.get("status").text("name").unwrap_or_default(),
        kind: kind.map_or_else(
            || "issue".to_owned(),
            |kind| kind.to_lowercase().replace(' ', "-"),
        ),
        confidential: is_secured(body),
        author: author(fields),
        labels: fields.texts("labels"),
        assignees: person(fields.get("assignee")).into_iter().collect(),
        milestone: (!versions.is_empty()).then(|| body.cut().text(&versions)),
        priority: fields
            .get("priority")
            .text("name")
            .or_else(|| fields.text("priority")),
        changes: changes(body),
    };
    Ok(Draft {
        provider_action: action(body, event),
        actor: actor(body, event),
        url: page(body),
        ..Draft::about(Subject::Issue(issue))
    })
}

/// A comment on an issue, which Data Center does not send with every comment.
pub(super) fn comment(body: Node<'_>, event: &str) -> Result<Draft, String> {
    let of_kind = |key| missing(event, key);
    let node = body.get("comment");
    let issue = body.get("issue");
    let fields = issue.get("fields");
    let id = node.id("id").ok_or_else(|| of_kind("comment.id"))?;
    // It may be a picture alone.
    if !node.get("body").exists() {
        return Err(of_kind("comment.body"));
    }
    let page = browse(body, issue.raw("key").unwrap_or_default());
    let change = comment_change(body, node, event);
    // What was removed can no longer be shown.
    let can_be_shown = change != Change::Deleted && id.bytes().all(|byte| byte.is_ascii_digit());
    let comment = Comment {
        text: document::text(node, "body").unwrap_or_default(),
        target: CommentTarget::Issue,
        target_key: issue.text("key"),
        target_title: fields.text("summary"),
        target_author: author(fields),
        path: None,
        line: None,
        confidential: is_restricted(body),
        change,
        id,
    };
    Ok(Draft {
        provider_action: action(body, event),
        actor: actor(body, event),
        url: match page {
            Some(page) if can_be_shown => Some(format!("{page}?focusedCommentId={}", comment.id)),
            page => page,
        },
        ..Draft::about(Subject::Comment(comment))
    })
}

fn comment_change(body: Node<'_>, comment: Node<'_>, event: &str) -> Change {
    match event {
        "comment_created" => return Change::Opened,
        "comment_updated" => return Change::Updated,
        "comment_deleted" => return Change::Deleted,
        _ => {}
    }
    match body.raw("issue_event_type_name") {
        Some("issue_comment_edited") => Change::Updated,
        // Old versions name no type; a new comment has not been changed since.
        None if comment.raw("created") != comment.raw("updated") => Change::Updated,
        _ => Change::Opened,
    }
}

/// Who opened an issue. Where somebody opened it for another, that one is the reporter, whom Jira shows as such.
fn author(fields: Node<'_>) -> Option<Person> {
    person(fields.get("reporter")).or_else(|| person(fields.get("creator")))
}

/// Whether the issue has a security level, so that only some may see it.
fn is_secured(body: Node<'_>) -> bool {
    let fields = body.get("issue").get("fields");
    fields.get("security").exists()
}

/// Whether something in a body is only for some: a rule that sees the event can read the whole body. A comment or
/// logged work may be limited to a group or a role, and in a service desk a comment may be hidden from its
/// customers; Data Center sends them with every change of their issue. The Cloud leaves out the issue's security
/// level where it sends a comment.
pub(super) fn is_restricted(body: Node<'_>) -> bool {
    let is_limited =
        |node: Node<'_>| node.get("visibility").exists() || node.flag("jsdPublic") == Some(false);
    let fields = body.get("issue").get("fields");
    let comments = fields.get("comment").items("comments");
    let worklogs = fields.get("worklog").items("worklogs");
    is_secured(body)
        || is_limited(body.get("comment"))
        || is_limited(body.get("worklog"))
        || comments.chain(worklogs).any(is_limited)
}

/// Every field that changed, with its values as texts.
fn changes(body: Node<'_>) -> Vec<FieldChange> {
    let items = body.get("changelog").items("items");
    let fields = items.filter_map(|item| {
        Some(FieldChange {
            field: item.text("field")?,
            before: item.text("fromString"),
            after: item.text("toString"),
        })
    });
    body.cut().list(fields)
}

/// What an update changed: of several things, the one that most concerns others.
fn updated(body: Node<'_>, fields: Node<'_>) -> Change {
    let item = |name: &str| {
        let mut items = body.get("changelog").items("items");
        items.find(|item| {
            let field = item.raw("field");
            field.is_some_and(|field| field.eq_ignore_ascii_case(name))
        })
    };
    let action = body.raw("issue_event_type_name");
    moved(item("status"), item("resolution"), fields, action)
        .or_else(|| item("labels").and_then(labeled))
        .or_else(|| assigned(item("assignee"), fields, action))
        .unwrap_or(Change::Updated)
}

/// Whether the issue was closed or opened again. Every workflow has statuses of its own: what they mean is the
/// category that Jira gives each of them, of which there are three. An issue that is opened again loses its
/// resolution.
fn moved(
    status: Option<Node<'_>>,
    resolution: Option<Node<'_>>,
    fields: Node<'_>,
    action: Option<&str>,
) -> Option<Change> {
    let is_done = fields.get("status").get("statusCategory").raw("key") == Some("done");
    let is_set = resolution.is_some_and(|item| item.raw("fromString").is_none());
    let is_cleared = resolution.is_some_and(|item| item.raw("toString").is_none());
    if is_done && !is_cleared && (status.is_some() || is_set) {
        Some(Change::Closed)
    } else if !is_done && (is_cleared || action == Some("issue_reopened")) {
        Some(Change::Reopened)
    } else {
        None
    }
}

/// Whether the issue was given to somebody, or taken from them.
fn assigned(item: Option<Node<'_>>, fields: Node<'_>, action: Option<&str>) -> Option<Change> {
    let is_assigned = match item {
        Some(item) => item.raw("toString").is_some(),
        // Jira has been seen to leave the change itself out.
        None if action == Some("issue_assigned") => fields.get("assignee").exists(),
        None => return None,
    };
    Some(if is_assigned {
        Change::Assigned
    } else {
        Change::Unassigned
    })
}

/// What happened to the labels, which are texts with spaces between them.
fn labeled(item: Node<'_>) -> Option<Change> {
    let set = |key: &str| -> BTreeSet<&str> {
        item.raw(key)
            .unwrap_or_default()
            .split_whitespace()
            .collect()
    };
    let (before, after) = (set("fromString"), set("toString"));
    if after.difference(&before).next().is_some() {
        Some(Change::Labeled)
    } else if before.difference(&after).next().is_some() {
        Some(Change::Unlabeled)
    } else {
        None
    }
}
