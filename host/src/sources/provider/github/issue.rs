//! Issues.

use super::changes;
use super::common::{first_time, people, person};
use super::pull_request::labels;
use crate::domain::event::{Change, Issue, Subject};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::missing;

/// An issue, and what happened to it.
pub(super) fn read(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("issues", key);
    let node = body.get("issue");
    let change = match body.raw("action") {
        Some("opened") => Change::Opened,
        Some("closed") => Change::Closed,
        Some("reopened") => Change::Reopened,
        Some("deleted") => Change::Deleted,
        Some("labeled") => Change::Labeled,
        Some("unlabeled") => Change::Unlabeled,
        Some("assigned") => Change::Assigned,
        Some("unassigned") => Change::Unassigned,
        Some("locked") => Change::Locked,
        Some("unlocked") => Change::Unlocked,
        Some("edited" | "milestoned" | "demilestoned" | "typed" | "untyped") => Change::Updated,
        // It was pinned, or moved to another repository.
        _ => Change::Other,
    };
    let kind = node.get("type").text("name");
    let issue = Issue {
        key: node.id("number").ok_or_else(|| of_kind("number"))?,
        title: node.text("title").ok_or_else(|| of_kind("title"))?,
        description: node.text("body").unwrap_or_default(),
        change,
        state: node.text("state").unwrap_or_default(),
        kind: kind.map_or_else(
            || "issue".to_owned(),
            |kind| kind.to_lowercase().replace(' ', "-"),
        ),
        // GitHub has no confidential issues.
        confidential: false,
        author: person(node.get("user")),
        labels: labels(node),
        assignees: people(node, "assignees"),
        milestone: node.get("milestone").text("title"),
        priority: None,
        changes: changes::all(body, node),
    };
    let happened_at = match change {
        // No time of the issue is that of its end.
        Change::Deleted => None,
        _ => first_time(node, &["updated_at", "created_at"]),
    };
    Ok(Draft {
        happened_at,
        url: node.link("html_url"),
        ..Draft::about(Subject::Issue(issue))
    })
}
