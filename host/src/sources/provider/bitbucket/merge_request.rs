//! Pull requests.
//!
//! One is known by its number and title. What an update changed is not sent: new commits, another title and
//! another reviewer all come as `pullrequest:updated`. Of the commits, only the first twelve digits are sent.

use super::common::{first_time, no_words, page, person, repository};
use crate::domain::event::{Change, MergeRequest, Subject};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::missing;

/// A pull request, and what happened to it; the action is what stands after `pullrequest:`.
pub(super) fn read(body: Node<'_>, action: &str) -> Result<Draft, String> {
    let kind = format!("pullrequest:{action}");
    let change = change(action).ok_or_else(|| no_words(body, &kind))?;
    let pull_request = body.get("pullrequest");
    if !pull_request.exists() {
        return Err(missing(&kind, "pullrequest"));
    }
    let of_kind = |key: &str| missing(&kind, key);
    let state = state(pull_request);
    // The event key is not signed: somebody may have put another beside a body that is.
    let borne_out = match change {
        Change::Merged => state == "merged",
        Change::Closed => state == "closed",
        _ => true,
    };
    if !borne_out {
        return Err(format!(
            "the header says `{kind}`, and the pull request is {state}"
        ));
    }
    let event = match change {
        Change::Approved | Change::Unapproved => Some("approval"),
        Change::ChangesRequested | Change::ReviewDismissed => Some("changes_request"),
        _ => None,
    };
    if let Some(event) = event.filter(|event| !body.get(event).exists()) {
        return Err(of_kind(event));
    }
    let (source, target) = (pull_request.get("source"), pull_request.get("destination"));
    let branch = |end: Node<'_>| end.get("branch").text("name");
    let repository = repository(body.get("repository"));
    let merge_request = MergeRequest {
        number: pull_request.number("id").ok_or_else(|| of_kind("id"))?,
        title: pull_request.text("title").ok_or_else(|| of_kind("title"))?,
        description: description(pull_request),
        change,
        draft: pull_request.flag("draft").unwrap_or(false),
        // It is gone where the fork is.
        source_branch: branch(source).unwrap_or_default(),
        target_branch: branch(target).unwrap_or_default(),
        source_repository: is_fork(source, target)
            .then(|| super::common::repository(source.get("repository")))
            .flatten(),
        head: source.get("commit").text("hash").unwrap_or_default(),
        previous_head: None,
        merge_commit: (state == "merged")
            .then(|| pull_request.get("merge_commit").text("hash"))
            .flatten(),
        author: person(pull_request.get("author")),
        labels: Vec::new(),
        assignees: Vec::new(),
        reviewers: body
            .cut()
            .list(pull_request.items("reviewers").filter_map(person)),
        milestone: None,
        changes: Vec::new(),
        state,
    };
    let absent = [("source", source), ("destination", target)]
        .into_iter()
        .find(|(_, end)| branch(*end).is_none());
    let of_event = event.and_then(|event| first_time(body.get(event), &["date"]));
    Ok(Draft {
        note: absent.map(|(key, _)| of_kind(&format!("{key}.branch.name"))),
        provider_action: Some(body.cut().text(action)),
        happened_at: of_event.or_else(|| first_time(pull_request, &["updated_on", "created_on"])),
        actor: person(body.get("actor")),
        url: page(pull_request),
        repository,
        ..Draft::about(Subject::MergeRequest(Box::new(merge_request)))
    })
}

fn change(action: &str) -> Option<Change> {
    Some(match action {
        "created" => Change::Opened,
        "updated" => Change::Updated,
        // In the list of event keys, and not described: the head before is not known.
        "push" => Change::CommitsPushed,
        "approved" => Change::Approved,
        "unapproved" => Change::Unapproved,
        "changes_request_created" => Change::ChangesRequested,
        "changes_request_removed" => Change::ReviewDismissed,
        "fulfilled" => Change::Merged,
        "rejected" => Change::Closed,
        _ => return None,
    })
}

fn state(pull_request: Node<'_>) -> String {
    match pull_request.raw("state") {
        Some("MERGED") => "merged".to_owned(),
        Some("DECLINED" | "SUPERSEDED") => "closed".to_owned(),
        Some("OPEN" | "DRAFT" | "QUEUED") => "open".to_owned(),
        Some(state) => pull_request.cut().text(state).to_lowercase(),
        None => String::new(),
    }
}

/// The text, which old payloads have under `summary` alone.
fn description(pull_request: Node<'_>) -> String {
    pull_request
        .text("description")
        .or_else(|| pull_request.get("summary").text("raw"))
        .unwrap_or_default()
}

/// Whether the branch comes from another repository; of one that is gone nothing is sent.
fn is_fork(source: Node<'_>, target: Node<'_>) -> bool {
    let repository = |end: Node<'_>| end.get("repository").text("full_name");
    repository(source).is_some() && repository(source) != repository(target)
}
