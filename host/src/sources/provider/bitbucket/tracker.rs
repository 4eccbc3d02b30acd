//! Issues, and comments on pull requests, issues and commits.

use super::common::{author, first_time, no_words, page, person, repository};
use crate::domain::event::{Change, Comment, CommentTarget, FieldChange, Issue, Person, Subject};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::{first_line, missing};

/// The states of an issue that is done with.
const CLOSED: [&str; 5] = ["resolved", "invalid", "duplicate", "wontfix", "closed"];

/// An issue, and what happened to it; the action is what stands after `issue:`.
pub(super) fn issue(body: Node<'_>, action: &str) -> Result<Draft, String> {
    let kind = format!("issue:{action}");
    let of_kind = |key| missing(&kind, key);
    let node = body.get("issue");
    let changed = body.get("changes");
    let change = match action {
        "created" => Change::Opened,
        "updated" => updated(changed),
        _ => return Err(no_words(body, &kind)),
    };
    let issue = Issue {
        key: node.id("id").ok_or_else(|| of_kind("id"))?,
        title: node.text("title").ok_or_else(|| of_kind("title"))?,
        description: node.get("content").text("raw").unwrap_or_default(),
        change,
        state: node
            .text("state")
            .or_else(|| node.text("status"))
            .unwrap_or_default(),
        kind: node
            .text("kind")
            .or_else(|| node.text("type"))
            .unwrap_or_else(|| "issue".to_owned()),
        confidential: false,
        author: person(node.get("reporter")),
        labels: Vec::new(),
        assignees: person(node.get("assignee")).into_iter().collect(),
        milestone: node.get("milestone").text("name"),
        priority: node.text("priority"),
        changes: all(changed),
    };
    Ok(Draft {
        provider_action: Some(body.cut().text(action)),
        happened_at: first_time(node, &["updated_on", "created_on"]),
        actor: person(body.get("actor")),
        repository: repository(body.get("repository")),
        url: page(node),
        ..Draft::about(Subject::Issue(issue))
    })
}

/// What an update changed: of several things, the one that most concerns others.
fn updated(changed: Node<'_>) -> Change {
    let status = ["status", "state"]
        .into_iter()
        .map(|key| changed.get(key))
        .find(|change| change.exists());
    let is_closed = |key| Some(CLOSED.contains(&status?.raw(key)?));
    let assignee = changed.get("assignee");
    match (is_closed("old"), is_closed("new")) {
        (Some(false), Some(true)) => return Change::Closed,
        (Some(true), Some(false)) => return Change::Reopened,
        _ => {}
    }
    if !assignee.exists() {
        Change::Updated
    } else if assignee.get("new").exists() {
        Change::Assigned
    } else {
        Change::Unassigned
    }
}

/// Every field that changed, with its values as texts.
fn all(changed: Node<'_>) -> Vec<FieldChange> {
    let shown = |node: Node<'_>| match person(node) {
        Some(person) => Some(person.name),
        None => node.get("raw").shown().or_else(|| node.shown()),
    };
    let fields = changed.entries().map(|(field, change)| FieldChange {
        field: changed.cut().text(field),
        before: shown(change.get("old")),
        after: shown(change.get("new")),
    });
    changed.cut().list(fields)
}

/// What a comment is on.
#[derive(Debug, Clone, Copy)]
pub(super) enum On {
    PullRequest,
    Issue,
    Commit,
}

/// A comment on something; the key is the whole event key.
pub(super) fn comment(body: Node<'_>, key: &str, on: On) -> Result<Draft, String> {
    let of_kind = |field| missing(key, field);
    let action = key.split_once(':').map_or(key, |(_, action)| action);
    let change = match action.rsplit('_').next() {
        Some("created") => Change::Opened,
        Some("updated") => Change::Updated,
        Some("deleted") => Change::Deleted,
        Some("resolved") => Change::Resolved,
        Some("reopened") => Change::Unresolved,
        _ => Change::Other,
    };
    let node = body.get("comment");
    let (content, inline) = (node.get("content"), node.get("inline"));
    if !content.exists() {
        return Err(of_kind("content"));
    }
    let target = Target::of(body, on);
    let line = inline.number("to").or_else(|| inline.number("from"));
    let comment = Comment {
        id: node.id("id").ok_or_else(|| of_kind("id"))?,
        // Of a comment that was deleted, the text is empty.
        text: content.text("raw").unwrap_or_default(),
        target: target.kind,
        target_key: Some(target.key.ok_or_else(|| of_kind(target.field))?),
        target_title: target.title,
        target_author: target.author,
        path: inline.text("path"),
        line: line.and_then(|line| u32::try_from(line).ok()),
        confidential: false,
        change,
    };
    Ok(Draft {
        provider_action: Some(body.cut().text(action)),
        happened_at: first_time(node, &["updated_on", "created_on"]),
        actor: person(body.get("actor")),
        repository: repository(body.get("repository")),
        url: page(node),
        ..Draft::about(Subject::Comment(comment))
    })
}

/// The pull request, the issue or the commit that a comment is on.
struct Target {
    field: &'static str,
    kind: CommentTarget,
    key: Option<String>,
    title: Option<String>,
    author: Option<Person>,
}

impl Target {
    fn of(body: Node<'_>, on: On) -> Self {
        let numbered = |field, kind, opener| {
            let node = body.get(field);
            Self {
                field,
                kind,
                key: node.id("id"),
                title: node.text("title"),
                author: person(node.get(opener)),
            }
        };
        match on {
            On::PullRequest => numbered("pullrequest", CommentTarget::MergeRequest, "author"),
            On::Issue => numbered("issue", CommentTarget::Issue, "reporter"),
            On::Commit => {
                let commit = body.get("commit");
                let title = commit
                    .raw("message")
                    .map(|message| body.cut().text(&first_line(message)));
                Self {
                    field: "commit",
                    kind: CommentTarget::Commit,
                    key: commit.text("hash"),
                    title: title.filter(|title| !title.is_empty()),
                    author: author(commit.get("author")),
                }
            }
        }
    }
}
