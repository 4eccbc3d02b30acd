//! What changed, from what was to what is.
//!
//! GitHub says what was in `changes`, what is in the object itself, and the one label or person that came or went
//! beside it. The fields have the names that other providers give them: `description`, `target_branch`, `labels`,
//! `assignees`, `reviewers`, `milestone`.

use crate::domain::event::FieldChange;
use crate::sources::json::Node;

/// Every field that an event changed, given the object that it is about.
pub(super) fn all(body: Node<'_>, object: Node<'_>) -> Vec<FieldChange> {
    let listed = listed(body, object);
    let edited = body
        .get("changes")
        .entries()
        .filter_map(|(key, change)| edited(object, key, change));
    body.cut().list(edited.chain(listed))
}

/// A field of `changes`: its former value is under `from`.
fn edited(object: Node<'_>, key: &str, change: Node<'_>) -> Option<FieldChange> {
    let (field, before, after) = match key {
        "base" => {
            let before = change.get("ref").get("from");
            ("target_branch", before, object.get("base").get("ref"))
        }
        "body" => ("description", change.get("from"), object.get("body")),
        key => (key, change.get("from"), object.get(key)),
    };
    let (before, after) = (before.shown(), after.shown());
    let field = object.cut().text(field);
    (before.is_some() || after.is_some()).then_some(FieldChange {
        field,
        before,
        after,
    })
}

/// The list to which one entry was added, or from which one was taken.
fn listed(body: Node<'_>, object: Node<'_>) -> Option<FieldChange> {
    let names = |key: &str| object.items(key).filter_map(name).collect::<Vec<_>>();
    let reviewers = || [names("requested_reviewers"), names("requested_teams")].concat();
    let reviewer =
        || name(body.get("requested_reviewer")).or_else(|| name(body.get("requested_team")));
    let (field, entry, now, came) = match body.raw("action")? {
        "labeled" => ("labels", name(body.get("label"))?, names("labels"), true),
        "unlabeled" => ("labels", name(body.get("label"))?, names("labels"), false),
        "assigned" => (
            "assignees",
            name(body.get("assignee"))?,
            names("assignees"),
            true,
        ),
        "unassigned" => (
            "assignees",
            name(body.get("assignee"))?,
            names("assignees"),
            false,
        ),
        "review_requested" => ("reviewers", reviewer()?, reviewers(), true),
        "review_request_removed" => ("reviewers", reviewer()?, reviewers(), false),
        "milestoned" => ("milestone", name(body.get("milestone"))?, Vec::new(), true),
        "demilestoned" => ("milestone", name(body.get("milestone"))?, Vec::new(), false),
        _ => return None,
    };
    // The list as it is may already hold, or lack, what changed at the same time.
    let mut with: Vec<&str> = now
        .iter()
        .map(String::as_str)
        .filter(|name| *name != entry)
        .collect();
    let without = joined(body, &with);
    with.push(&entry);
    let with = joined(body, &with);
    let (before, after) = if came {
        (without, with)
    } else {
        (with, without)
    };
    Some(FieldChange {
        field: field.to_owned(),
        before,
        after,
    })
}

/// What a label, a person, a team, or a milestone is called.
fn name(node: Node<'_>) -> Option<String> {
    ["login", "title", "name"]
        .into_iter()
        .find_map(|key| node.text(key))
}

fn joined(body: Node<'_>, names: &[&str]) -> Option<String> {
    (!names.is_empty()).then(|| body.cut().text(&names.join(", ")))
}
