//! The table `changes` of merge requests and issues: what was, and what is.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::event::{Change, FieldChange};
use crate::sources::json::Node;

/// Every field that changed, with its values as texts.
pub(super) fn all(changes: Node<'_>) -> Vec<FieldChange> {
    let fields = changes.entries().map(|(field, change)| FieldChange {
        field: changes.cut().text(field),
        before: change.get("previous").shown(),
        after: change.get("current").shown(),
    });
    changes.cut().list(fields)
}

/// What happened to a list of labels or people: `grown` when something was added, `shrunk` when something
/// was only taken away.
pub(super) fn list(
    changes: Node<'_>,
    field: &str,
    grown: Change,
    shrunk: Change,
) -> Option<Change> {
    let change = changes.get(field);
    if !change.exists() {
        return None;
    }
    let before = names(change, "previous");
    let after = names(change, "current");
    if after.difference(&before).next().is_some() {
        Some(grown)
    } else if before.difference(&after).next().is_some() {
        Some(shrunk)
    } else {
        None
    }
}

fn names(change: Node<'_>, key: &str) -> BTreeSet<String> {
    let name = |item: Node<'_>| {
        ["id", "title", "username", "name"]
            .into_iter()
            .find_map(|key| item.id(key))
    };
    change.items(key).filter_map(name).collect()
}

/// What happened to a yes or no: `set` when it became yes, `cleared` when it became no.
pub(super) fn flag(changes: Node<'_>, field: &str, set: Change, cleared: Change) -> Option<Change> {
    let change = changes.get(field);
    match (change.flag("previous"), change.flag("current")?) {
        (Some(false) | None, true) => Some(set),
        (Some(true), false) => Some(cleared),
        (Some(true), true) | (Some(false) | None, false) => None,
    }
}

/// What the title says about being a draft, where there is no field for it.
pub(super) fn draft_in_title(changes: Node<'_>) -> Option<Change> {
    let title = changes.get("title");
    match (
        is_draft(title.raw("previous")?),
        is_draft(title.raw("current")?),
    ) {
        (true, false) => Some(Change::Ready),
        (false, true) => Some(Change::Drafted),
        (true, true) | (false, false) => None,
    }
}

/// What reviewers did or were asked for: each has a state, which a review changes.
pub(super) fn reviewers(changes: Node<'_>) -> Option<Change> {
    let change = changes.get("reviewers");
    let asked = list(
        changes,
        "reviewers",
        Change::ReviewRequested,
        Change::Updated,
    );
    if asked == Some(Change::ReviewRequested) {
        return asked;
    }
    let mut states = BTreeMap::new();
    for reviewer in change.items("previous") {
        let state = reviewer.raw("state");
        states.entry(reviewer.id("id")).or_insert(state);
    }
    let was = |id: &Option<String>| states.get(id).copied().flatten();
    let news = change.items("current").find_map(|reviewer| {
        let state = reviewer.raw("state");
        if reviewer.flag("re_requested") == Some(true) {
            return Some(Change::ReviewRequested);
        }
        match state {
            _ if state == was(&reviewer.id("id")) => None,
            Some("requested_changes") => Some(Change::ChangesRequested),
            Some("reviewed") => Some(Change::Reviewed),
            _ => None,
        }
    });
    news.or(asked)
}

/// Whether a title marks its merge request as a draft.
fn is_draft(title: &str) -> bool {
    let title = title.trim_start().to_ascii_lowercase();
    ["draft:", "[draft]", "(draft)", "wip:", "[wip]"]
        .iter()
        .any(|mark| title.starts_with(mark))
}
