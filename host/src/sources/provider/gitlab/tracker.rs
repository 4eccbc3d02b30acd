//! Issues, comments, wiki pages, feature flags, and members.

use super::changes;
use super::common::{actor, first_time, flat_person, person, repository};
use super::merge_request::{assignees, author, labels, milestone};
use crate::domain::event::{
    Change, Comment, CommentTarget, FeatureFlag, Issue, Member, Page, Person, Subject,
};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::missing;

/// What `create`, `update` and `delete` are in neutral words.
fn life(action: Option<&str>) -> Change {
    match action {
        Some("create") => Change::Opened,
        Some("update") => Change::Updated,
        Some("delete") => Change::Deleted,
        _ => Change::Other,
    }
}

/// An issue or another work item, and what happened to it.
pub(super) fn issue(body: Node<'_>, event: &str) -> Result<Draft, String> {
    let of_kind = |key| missing("issue", key);
    let attributes = body.get("object_attributes");
    let action = attributes.text("action");
    let change = match action.as_deref() {
        Some("open") => Change::Opened,
        Some("close") => Change::Closed,
        Some("reopen") => Change::Reopened,
        Some("update") => updated(body.get("changes")),
        _ => Change::Other,
    };
    let state = match attributes.raw("state") {
        Some("opened" | "reopened") => Some("open".to_owned()),
        _ => attributes.text("state"),
    };
    let actor = actor(body);
    let assignees = assignees(body);
    let known = actor.iter().chain(&assignees);
    let issue = Issue {
        key: attributes.id("iid").ok_or_else(|| of_kind("iid"))?,
        title: attributes.text("title").ok_or_else(|| of_kind("title"))?,
        description: attributes.text("description").unwrap_or_default(),
        change,
        state: state.unwrap_or_default(),
        kind: attributes.text("type").map_or_else(
            || "issue".to_owned(),
            |kind| kind.to_lowercase().replace(' ', "-"),
        ),
        confidential: attributes.flag("confidential") == Some(true) || is_confidential(body, event),
        author: author(
            attributes,
            known,
            actor.as_ref().filter(|_| change == Change::Opened),
        ),
        labels: labels(body),
        milestone: milestone(body),
        priority: None,
        changes: changes::all(body.get("changes")),
        assignees,
    };
    Ok(Draft {
        provider_action: action,
        happened_at: first_time(attributes, &["updated_at", "created_at"]),
        actor,
        repository: repository(body),
        url: attributes.link("url"),
        ..Draft::about(Subject::Issue(issue))
    })
}

fn updated(changed: Node<'_>) -> Change {
    changes::list(changed, "labels", Change::Labeled, Change::Unlabeled)
        .or_else(|| changes::list(changed, "assignees", Change::Assigned, Change::Unassigned))
        .or_else(|| {
            changes::flag(
                changed,
                "discussion_locked",
                Change::Locked,
                Change::Unlocked,
            )
        })
        .unwrap_or(Change::Updated)
}

/// Whether the payload, whatever its kind, is about something confidential: an emoji on a confidential
/// issue has no subject of its own, and must not be shown to everybody for that.
pub(super) fn is_about_something_confidential(body: Node<'_>, event: &str) -> bool {
    let marked = |node: Node<'_>| {
        node.flag("confidential") == Some(true) || node.flag("internal") == Some(true)
    };
    ["object_attributes", "issue", "note", "work_item"]
        .into_iter()
        .any(|key| marked(body.get(key)))
        || is_confidential(body, event)
}

/// Whether the event header or the type of the event says so. It can only add confidentiality: the header
/// is not signed, so what it does not say proves nothing.
fn is_confidential(body: Node<'_>, event: &str) -> bool {
    event.starts_with("Confidential ")
        || body
            .raw("event_type")
            .is_some_and(|kind| kind.starts_with("confidential_"))
}

/// A comment on something.
pub(super) fn note(body: Node<'_>, event: &str) -> Result<Draft, String> {
    let attributes = body.get("object_attributes");
    let text = attributes
        .text("note")
        .or_else(|| attributes.text("description"));
    let action = attributes.text("action");
    let change = match action.as_deref() {
        // Before GitLab 16, only new comments were sent, and without an action.
        None => Change::Opened,
        action => life(action),
    };
    let actor = actor(body);
    let target = Target::of(body, attributes, actor.as_ref());
    let position = attributes.get("position");
    let path = ["new_path", "old_path"].into_iter().find_map(|key| {
        position
            .text(key)
            .or_else(|| attributes.get("st_diff").text(key))
    });
    let line = position
        .number("new_line")
        .or_else(|| position.number("old_line"));
    let of_internal =
        attributes.flag("internal") == Some(true) || attributes.flag("confidential") == Some(true);
    let of_issue = body.get("issue").flag("confidential") == Some(true);
    let comment = Comment {
        id: attributes.id("id").ok_or_else(|| missing("note", "id"))?,
        text: text.ok_or_else(|| missing("note", "note"))?,
        target: target.kind,
        target_key: target.key,
        target_title: target.title,
        target_author: target.author,
        path,
        line: line.and_then(|line| u32::try_from(line).ok()),
        confidential: of_internal || of_issue || is_confidential(body, event),
        change,
    };
    Ok(Draft {
        provider_action: action,
        happened_at: first_time(attributes, &["updated_at", "created_at"]),
        actor,
        repository: repository(body),
        url: attributes.link("url"),
        ..Draft::about(Subject::Comment(comment))
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
    fn of(body: Node<'_>, attributes: Node<'_>, actor: Option<&Person>) -> Self {
        let numbered = |kind, target: Node<'_>, key| {
            let assignee = person(target.get("assignee"));
            Self {
                kind,
                key: target.id(key),
                title: target.text("title"),
                author: author(target, actor.into_iter().chain(&assignee), None),
            }
        };
        match attributes.raw("noteable_type") {
            Some("MergeRequest") => numbered(
                CommentTarget::MergeRequest,
                body.get("merge_request"),
                "iid",
            ),
            Some("Issue" | "WorkItem") => numbered(CommentTarget::Issue, body.get("issue"), "iid"),
            Some("Snippet" | "ProjectSnippet") => {
                numbered(CommentTarget::Snippet, body.get("snippet"), "id")
            }
            Some("Commit") => {
                let commit = body.get("commit");
                let id = commit.text("id").or_else(|| attributes.text("commit_id"));
                let summary = super::common::commit_summary(commit, id.clone().unwrap_or_default());
                Self {
                    kind: CommentTarget::Commit,
                    key: id,
                    title: summary.title,
                    author: summary.author,
                }
            }
            Some(kind) if kind.starts_with("WikiPage") => {
                numbered(CommentTarget::Page, body.get("wiki_page"), "slug")
            }
            _ => Self {
                kind: CommentTarget::Other,
                key: None,
                title: None,
                author: None,
            },
        }
    }
}

/// A page of a wiki.
pub(super) fn page(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("wiki_page", key);
    let attributes = body.get("object_attributes");
    let action = attributes.text("action");
    let page = Page {
        id: attributes.text("slug").ok_or_else(|| of_kind("slug"))?,
        title: attributes.text("title").ok_or_else(|| of_kind("title"))?,
        space: None,
        change: life(action.as_deref()),
        version: None,
    };
    Ok(Draft {
        provider_action: action,
        actor: actor(body),
        repository: repository(body),
        url: attributes.link("url"),
        ..Draft::about(Subject::Page(page))
    })
}

/// A feature flag that was switched.
pub(super) fn feature_flag(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("feature_flag", key);
    let attributes = body.get("object_attributes");
    let flag = FeatureFlag {
        name: attributes.text("name").ok_or_else(|| of_kind("name"))?,
        active: attributes.flag("active").ok_or_else(|| of_kind("active"))?,
        description: attributes.text("description").unwrap_or_default(),
    };
    let repository = repository(body);
    Ok(Draft {
        actor: actor(body),
        url: repository
            .as_ref()
            .and_then(|repository| repository.url.clone()),
        repository,
        ..Draft::about(Subject::FeatureFlag(flag))
    })
}

/// Whether an `event_name` is about a member of a group or of a project (which it calls a team).
pub(super) fn is_member(name: &str) -> bool {
    name.starts_with("user_") && (name.ends_with("_group") || name.ends_with("_team"))
}

/// A member of a group or project: the `user_…` fields are the member's, and who did it is not sent.
pub(super) fn member(body: Node<'_>, name: &str) -> Result<Draft, String> {
    let change = if name.starts_with("user_add_to_") {
        Change::Opened
    } else if name.starts_with("user_remove_from_") {
        Change::Deleted
    } else if name.starts_with("user_update_for_") {
        Change::Updated
    } else {
        // Somebody asked for access, or was denied it.
        Change::Other
    };
    let role = ["group_access", "project_access", "access_level"]
        .into_iter()
        .find_map(|key| body.text(key));
    let member = Member {
        person: flat_person(body).ok_or_else(|| missing(name, "user_name"))?,
        change,
        role,
    };
    Ok(Draft {
        provider_action: Some(name.to_owned()),
        happened_at: first_time(body, &["updated_at", "created_at"]),
        repository: repository(body),
        ..Draft::about(Subject::Member(member))
    })
}
