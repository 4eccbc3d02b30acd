//! Members of repositories, teams, and organizations.

use super::common::person;
use crate::domain::event::{Change, Member, Subject};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::missing;

/// Somebody who may work on a repository, or belongs to a team.
pub(super) fn member(body: Node<'_>, kind: &str) -> Result<Draft, String> {
    let node = body.get("member");
    let change = match body.raw("action") {
        Some("added") => Change::Opened,
        Some("edited") => Change::Updated,
        Some("removed") => Change::Deleted,
        _ => Change::Other,
    };
    let changes = body.get("changes");
    let role = ["role_name", "permission"]
        .into_iter()
        .find_map(|key| changes.get(key).text("to"));
    draft(kind, node, change, role)
}

/// Somebody who joined, left, or is invited to an organization.
pub(super) fn organization(body: Node<'_>) -> Result<Draft, String> {
    let membership = body.get("membership");
    let (node, change, role) = match body.raw("action") {
        Some("member_added") => (membership.get("user"), Change::Opened, membership),
        Some("member_removed") => (membership.get("user"), Change::Deleted, membership),
        // Who is invited does not belong to it yet.
        Some("member_invited") => (body.get("user"), Change::Other, body.get("invitation")),
        _ => return Err("an organization is a place, and there is no subject for it".to_owned()),
    };
    draft("organization", node, change, role.text("role"))
}

fn draft(
    kind: &str,
    node: Node<'_>,
    change: Change,
    role: Option<String>,
) -> Result<Draft, String> {
    let person = person(node).ok_or_else(|| missing(kind, "login"))?;
    Ok(Draft {
        url: node.link("html_url"),
        ..Draft::about(Subject::Member(Member {
            person,
            change,
            role,
        }))
    })
}
