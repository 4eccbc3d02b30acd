//! Pull requests, and comments on them.
//!
//! One is known by its number and title; whatever else is missing is left empty, and the event's note says so.

use super::common::{comment_change, no_words, page, person, repository};
use crate::domain::event::{
    Change, Comment, CommentTarget, FieldChange, MergeRequest, Person, Subject,
};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::{missing, short_ref};

/// A pull request, and what happened to it.
pub(super) fn read(body: Node<'_>, key: &str) -> Result<Draft, String> {
    let of_kind = |field: &str| missing(key, field);
    let change = change(body, key).ok_or_else(|| no_words(body, key))?;
    let pull_request = body.get("pullRequest");
    let (source, target) = (pull_request.get("fromRef"), pull_request.get("toRef"));
    let state = state(pull_request);
    let merge_request = MergeRequest {
        number: pull_request.number("id").ok_or_else(|| of_kind("id"))?,
        title: pull_request.text("title").ok_or_else(|| of_kind("title"))?,
        description: pull_request.text("description").unwrap_or_default(),
        change,
        // Old versions have no drafts.
        draft: pull_request.flag("draft").unwrap_or(false),
        source_branch: branch(source).unwrap_or_default(),
        target_branch: branch(target).unwrap_or_default(),
        source_repository: is_fork(source, target)
            .then(|| repository(source.get("repository")))
            .flatten(),
        head: source.text("latestCommit").unwrap_or_default(),
        previous_head: (change == Change::CommitsPushed)
            .then(|| body.text("previousFromHash"))
            .flatten(),
        merge_commit: (state == "merged")
            .then(|| pull_request.get("properties").get("mergeCommit").text("id"))
            .flatten(),
        author: person(pull_request.get("author").get("user")),
        labels: Vec::new(),
        assignees: Vec::new(),
        reviewers: users(pull_request, "reviewers"),
        milestone: None,
        changes: changes(body),
        state,
    };
    let absent = [("fromRef", source), ("toRef", target)]
        .into_iter()
        .find(|(_, end)| branch(*end).is_none());
    Ok(Draft {
        note: absent.map(|(field, _)| of_kind(&format!("{field}.id"))),
        provider_action: super::action(key).map(str::to_owned),
        url: page(pull_request),
        ..Draft::about(Subject::MergeRequest(Box::new(merge_request)))
    })
}

fn change(body: Node<'_>, key: &str) -> Option<Change> {
    Some(match key {
        "pr:opened" => Change::Opened,
        "pr:from_ref_updated" => Change::CommitsPushed,
        "pr:modified" => match drafts(body) {
            (Some(true), false) => Change::Ready,
            (Some(false), true) => Change::Drafted,
            _ => Change::Updated,
        },
        // In the documentation, and not known to any version.
        "pr:to_ref_updated" => Change::Updated,
        "pr:reviewer:updated" if body.items("addedReviewers").next().is_some() => {
            Change::ReviewRequested
        }
        "pr:reviewer:updated" => Change::Updated,
        "pr:reviewer:approved" => Change::Approved,
        // Of somebody who had asked for changes it is the same event.
        "pr:reviewer:unapproved" if body.raw("previousStatus") == Some("NEEDS_WORK") => {
            Change::ReviewDismissed
        }
        "pr:reviewer:unapproved" => Change::Unapproved,
        // The second stands in the documentation.
        "pr:reviewer:needs_work" | "pr:reviewer:changes_requested" => Change::ChangesRequested,
        "pr:merged" => Change::Merged,
        "pr:declined" => Change::Closed,
        "pr:deleted" => Change::Deleted,
        _ => return None,
    })
}

/// Whether it was a draft, where that is sent, and whether it is one.
fn drafts(body: Node<'_>) -> (Option<bool>, bool) {
    let is_draft = body.get("pullRequest").flag("draft") == Some(true);
    (body.flag("previousDraft"), is_draft)
}

fn state(pull_request: Node<'_>) -> String {
    match pull_request.raw("state") {
        Some("OPEN") => "open".to_owned(),
        Some("MERGED") => "merged".to_owned(),
        Some("DECLINED") => "closed".to_owned(),
        Some(state) => pull_request.cut().text(state).to_lowercase(),
        None => String::new(),
    }
}

fn branch(end: Node<'_>) -> Option<String> {
    let name = end.raw("id").map(short_ref);
    name.or_else(|| end.raw("displayId"))
        .map(|name| end.cut().text(name))
}

/// Whether the branch comes from another repository.
fn is_fork(source: Node<'_>, target: Node<'_>) -> bool {
    let id = |end: Node<'_>| end.get("repository").id("id");
    id(source).is_some() && id(source) != id(target)
}

/// The users of a list of participants.
fn users(pull_request: Node<'_>, key: &str) -> Vec<Person> {
    let participants = pull_request.items(key);
    pull_request
        .cut()
        .list(participants.filter_map(|participant| person(participant.get("user"))))
}

/// What `pr:modified` changed: it sends the former title, text, target and draft flag, changed or not.
fn changes(body: Node<'_>) -> Vec<FieldChange> {
    let pull_request = body.get("pullRequest");
    let field = |field: &str, before: Option<String>, after: Option<String>| {
        (before != after).then(|| FieldChange {
            field: field.to_owned(),
            before,
            after,
        })
    };
    let text = |field_name: &str, previous: &str| {
        let is_sent = body.get(previous).exists();
        is_sent
            .then(|| {
                field(
                    field_name,
                    body.text(previous),
                    pull_request.text(field_name),
                )
            })
            .flatten()
    };
    let previous_target = branch(body.get("previousTarget"));
    let target = previous_target
        .and_then(|before| field("toRef", Some(before), branch(pull_request.get("toRef"))));
    let (was_draft, is_draft) = drafts(body);
    let draft = was_draft.and_then(|before| {
        field(
            "draft",
            Some(before.to_string()),
            Some(is_draft.to_string()),
        )
    });
    let title = text("title", "previousTitle");
    let description = text("description", "previousDescription");
    [title, description, target, draft]
        .into_iter()
        .flatten()
        .collect()
}

/// A comment on a pull request.
pub(super) fn comment(body: Node<'_>, key: &str) -> Result<Draft, String> {
    let of_kind = |field: &str| missing(key, field);
    let (node, pull_request) = (body.get("comment"), body.get("pullRequest"));
    let number = pull_request
        .id("id")
        .ok_or_else(|| of_kind("pullRequest"))?;
    let anchor = node.get("anchor");
    let line = anchor.number("line");
    let comment = Comment {
        id: node.id("id").ok_or_else(|| of_kind("comment.id"))?,
        text: node.text("text").unwrap_or_default(),
        target: CommentTarget::MergeRequest,
        target_key: Some(number),
        target_title: pull_request.text("title"),
        target_author: person(pull_request.get("author").get("user")),
        // As the REST interface has it; most payloads do not say where in the code a comment stands.
        path: anchor.text("path"),
        line: line.and_then(|line| u32::try_from(line).ok()),
        confidential: false,
        change: comment_change(key),
    };
    Ok(Draft {
        provider_action: super::action(key).map(str::to_owned),
        url: page(pull_request),
        ..Draft::about(Subject::Comment(comment))
    })
}
