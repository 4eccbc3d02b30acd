//! Pull requests.
//!
//! One is known by its number and title; whatever else is missing is left empty, and the event's note says so.
//! Reviews and their threads are events about the pull request as well, and are read with [`about`].

use super::changes;
use super::common::{described, first_time, people, person};
use crate::domain::event::{Change, MergeRequest, Person, Repository, Subject, Visibility};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::missing;

/// What GitHub calls a fork that was removed.
const GONE: &str = "unknown repository";

/// A pull request, and what happened to it.
pub(super) fn read(body: Node<'_>) -> Result<Draft, String> {
    let is_merged = is_merged(body.get("pull_request"));
    let change = match body.raw("action") {
        Some("opened") => Change::Opened,
        Some("closed") if is_merged => Change::Merged,
        Some("closed") => Change::Closed,
        Some("reopened") => Change::Reopened,
        Some("synchronize") => Change::CommitsPushed,
        Some("ready_for_review") => Change::Ready,
        Some("converted_to_draft") => Change::Drafted,
        Some("labeled") => Change::Labeled,
        Some("unlabeled") => Change::Unlabeled,
        Some("assigned") => Change::Assigned,
        Some("unassigned") => Change::Unassigned,
        Some("review_requested") => Change::ReviewRequested,
        Some("locked") => Change::Locked,
        Some("unlocked") => Change::Unlocked,
        Some(
            "edited"
            | "milestoned"
            | "demilestoned"
            | "review_request_removed"
            | "auto_merge_enabled"
            | "auto_merge_disabled",
        ) => Change::Updated,
        // It enters or leaves the merge queue, which changes nothing of its own.
        _ => Change::Other,
    };
    about(body, "pull_request", change)
}

/// An event about the pull request of a body, whatever kind that is of.
pub(super) fn about(body: Node<'_>, kind: &str, change: Change) -> Result<Draft, String> {
    let of_kind = |key| missing(kind, key);
    let node = body.get("pull_request");
    if !node.exists() {
        return Err(of_kind("pull_request"));
    }
    let (head, base) = (node.get("head"), node.get("base"));
    let is_merged = is_merged(node);
    let merge_request = MergeRequest {
        number: node
            .number("number")
            .or_else(|| body.number("number"))
            .ok_or_else(|| of_kind("number"))?,
        title: node.text("title").ok_or_else(|| of_kind("title"))?,
        description: node.text("body").unwrap_or_default(),
        change,
        state: if is_merged {
            "merged".to_owned()
        } else {
            node.text("state").unwrap_or_default()
        },
        draft: node.flag("draft").unwrap_or(false),
        source_branch: head.text("ref").unwrap_or_default(),
        target_branch: base.text("ref").unwrap_or_default(),
        source_repository: fork(head, base),
        head: head.text("sha").unwrap_or_default(),
        previous_head: (change == Change::CommitsPushed)
            .then(|| body.text("before"))
            .flatten(),
        // Before it is merged, this is a commit with which GitHub tries whether it can be.
        merge_commit: is_merged.then(|| node.text("merge_commit_sha")).flatten(),
        author: person(node.get("user")),
        labels: labels(node),
        assignees: people(node, "assignees"),
        reviewers: reviewers(node),
        milestone: node.get("milestone").text("title"),
        changes: changes::all(body, node),
    };
    let absent = [(head, "head.ref"), (base, "base.ref")]
        .into_iter()
        .find(|(end, _)| end.raw("ref").is_none());
    Ok(Draft {
        note: absent.map(|(_, key)| of_kind(key)),
        happened_at: first_time(node, &["updated_at", "created_at"]),
        url: node.link("html_url"),
        ..Draft::about(Subject::MergeRequest(Box::new(merge_request)))
    })
}

/// Whether it is merged: events about reviews have the time alone.
fn is_merged(node: Node<'_>) -> bool {
    node.flag("merged") == Some(true) || node.raw("merged_at").is_some()
}

/// The repository that the branch comes from, where it is another one. A fork that was removed is `null`; it is
/// called what GitHub's page calls it then, because none at all would mean that the branch is the repository's own.
fn fork(head: Node<'_>, base: Node<'_>) -> Option<Repository> {
    let (from, into) = (head.get("repo"), base.get("repo"));
    if from.exists() {
        return (from.id("id") != into.id("id"))
            .then(|| described(from))
            .flatten();
    }
    head.exists().then(|| Repository {
        id: String::new(),
        name: GONE.to_owned(),
        full_name: GONE.to_owned(),
        url: None,
        ssh_url: None,
        http_url: None,
        default_branch: None,
        visibility: Visibility::Unknown,
    })
}

/// The names of the labels of something.
pub(super) fn labels(node: Node<'_>) -> Vec<String> {
    let names = node.items("labels").filter_map(|label| label.text("name"));
    node.cut().list(names)
}

/// Who is asked for a review: people, and teams under their names.
fn reviewers(node: Node<'_>) -> Vec<Person> {
    let teams = node.items("requested_teams").filter_map(|team| {
        Some(Person {
            id: team.id("id"),
            name: team.text("name")?,
            username: None,
            email: None,
            bot: false,
        })
    });
    let people = node.items("requested_reviewers").filter_map(person);
    node.cut().list(people.chain(teams))
}
