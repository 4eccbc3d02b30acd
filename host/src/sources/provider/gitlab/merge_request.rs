//! Merge requests.
//!
//! One is known by its number and title; whatever else is missing is left empty, and the event's note
//! says so.

use super::changes;
use super::common::{actor, described, first_time, people, person, repository};
use crate::domain::event::{Change, MergeRequest, Person, Subject};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::missing;

/// A merge request, and what happened to it.
pub(super) fn read(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("merge_request", key);
    let attributes = body.get("object_attributes");
    let action = attributes.text("action");
    let change = change(action.as_deref(), attributes, body.get("changes"));
    let state = state(attributes).unwrap_or_default();
    let actor = actor(body);
    let assignees = assignees(body);
    let reviewers = people(body, "reviewers");
    let known = actor.iter().chain(&assignees).chain(&reviewers);
    let merge_request = MergeRequest {
        number: attributes.number("iid").ok_or_else(|| of_kind("iid"))?,
        title: attributes.text("title").ok_or_else(|| of_kind("title"))?,
        description: attributes.text("description").unwrap_or_default(),
        change,
        draft: attributes
            .flag("draft")
            .or_else(|| attributes.flag("work_in_progress"))
            .unwrap_or(false),
        source_branch: attributes.text("source_branch").unwrap_or_default(),
        target_branch: attributes.text("target_branch").unwrap_or_default(),
        source_repository: is_fork(attributes)
            .then(|| {
                described(
                    attributes.get("source"),
                    attributes.id("source_project_id"),
                    None,
                )
            })
            .flatten(),
        head: attributes.get("last_commit").text("id").unwrap_or_default(),
        previous_head: (change == Change::CommitsPushed)
            .then(|| attributes.text("oldrev"))
            .flatten(),
        merge_commit: (state == "merged")
            .then(|| attributes.text("merge_commit_sha"))
            .flatten(),
        author: author(
            attributes,
            known,
            actor.as_ref().filter(|_| change == Change::Opened),
        ),
        labels: labels(body),
        milestone: milestone(body),
        changes: changes::all(body.get("changes")),
        state,
        assignees,
        reviewers,
    };
    let absent = ["source_branch", "target_branch"]
        .into_iter()
        .find(|key| attributes.raw(key).is_none());
    Ok(Draft {
        note: absent.map(of_kind),
        provider_action: action,
        happened_at: first_time(attributes, &["updated_at", "created_at"]),
        actor,
        repository: repository(body),
        url: attributes.link("url"),
        ..Draft::about(Subject::MergeRequest(Box::new(merge_request)))
    })
}

fn change(action: Option<&str>, attributes: Node<'_>, changed: Node<'_>) -> Change {
    match action {
        Some("open") => Change::Opened,
        Some("close") => Change::Closed,
        Some("reopen") => Change::Reopened,
        Some("merge") => Change::Merged,
        // `approval` is one of several that are needed, `approved` the last.
        Some("approved" | "approval") => Change::Approved,
        Some("unapproved" | "unapproval") => Change::Unapproved,
        Some("update") if attributes.raw("oldrev").is_some() => Change::CommitsPushed,
        Some("update") => updated(changed),
        _ => Change::Other,
    }
}

/// What an update changed: of several things, the one that most concerns others.
fn updated(changed: Node<'_>) -> Change {
    let draft = || changes::flag(changed, "draft", Change::Drafted, Change::Ready);
    let title = || changes::draft_in_title(changed);
    let labels = || changes::list(changed, "labels", Change::Labeled, Change::Unlabeled);
    let assignees = || changes::list(changed, "assignees", Change::Assigned, Change::Unassigned);
    let reviewers = || changes::reviewers(changed);
    let locked = || {
        changes::flag(
            changed,
            "discussion_locked",
            Change::Locked,
            Change::Unlocked,
        )
    };
    let resolved = || {
        changes::flag(
            changed,
            "blocking_discussions_resolved",
            Change::Resolved,
            Change::Unresolved,
        )
    };
    draft()
        .or_else(title)
        .or_else(labels)
        .or_else(assignees)
        .or_else(reviewers)
        .or_else(locked)
        .or_else(resolved)
        .unwrap_or(Change::Updated)
}

fn state(attributes: Node<'_>) -> Option<String> {
    // Notes and old versions have the number alone.
    let of_number = || match attributes.number("state_id") {
        Some(1) => Some("open".to_owned()),
        Some(2) => Some("closed".to_owned()),
        Some(3) => Some("merged".to_owned()),
        Some(4) => Some("locked".to_owned()),
        _ => None,
    };
    match attributes.raw("state") {
        Some("opened" | "reopened") => Some("open".to_owned()),
        Some(_) => attributes.text("state"),
        None => of_number(),
    }
}

/// Whether the branch comes from another project.
fn is_fork(attributes: Node<'_>) -> bool {
    let project =
        |key: &str, end: &str| attributes.id(key).or_else(|| attributes.get(end).id("id"));
    let source = project("source_project_id", "source");
    source.is_some() && source != project("target_project_id", "target")
}

/// Who opened something: one of the known people by `author_id`, or the one who is known to have done it.
pub(super) fn author<'p>(
    attributes: Node<'_>,
    mut known: impl Iterator<Item = &'p Person>,
    opener: Option<&'p Person>,
) -> Option<Person> {
    let id = attributes.id("author_id");
    let by_id = known.find(|person| person.id.is_some() && person.id == id);
    by_id
        .or_else(|| opener.filter(|opener| opener.id.is_none() || id.is_none()))
        .cloned()
}

/// Whom something is assigned to: a list, or one person in old versions.
pub(super) fn assignees(body: Node<'_>) -> Vec<Person> {
    let list = people(body, "assignees");
    if !list.is_empty() {
        return list;
    }
    let attributes = body.get("object_attributes");
    let one = person(body.get("assignee")).or_else(|| person(attributes.get("assignee")));
    one.into_iter().collect()
}

/// The labels of something.
pub(super) fn labels(body: Node<'_>) -> Vec<String> {
    let attributes = body.get("object_attributes");
    let holder = if body.get("labels").exists() {
        body
    } else {
        attributes
    };
    body.cut().list(
        holder
            .items("labels")
            .filter_map(|label| label.text("title")),
    )
}

/// The title of the milestone, where it is sent: most payloads have its number alone.
pub(super) fn milestone(body: Node<'_>) -> Option<String> {
    let of = |node: Node<'_>| node.get("milestone").text("title");
    of(body).or_else(|| of(body.get("object_attributes")))
}
