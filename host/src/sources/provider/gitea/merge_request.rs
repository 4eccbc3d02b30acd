//! Pull requests, and their reviews.
//!
//! One is known by its number and title; whatever else is missing is left empty, and the event's note
//! says so. The actions are those of `HookIssueAction` in
//! <https://github.com/go-gitea/gitea/blob/main/modules/structs/hook.go>.

use super::common::{
    actor, assignees, changes, described, first_time, labels, people, person, repository,
};
use crate::domain::event::{Change, MergeRequest, Person, Repository, Subject};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::missing;

/// A pull request, and what happened to it.
pub(super) fn read(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("pull_request", key);
    let pull = body.get("pull_request");
    let action = body.text("action");
    let change = change(action.as_deref(), body, pull);
    let title = pull.text("title").ok_or_else(|| of_kind("title"))?;
    let is_merged = pull.flag("merged") == Some(true);
    let (source_branch, target_branch) = (branch(pull, "head"), branch(pull, "base"));
    let absent = [("head", &source_branch), ("base", &target_branch)]
        .into_iter()
        .find(|(_, branch)| branch.is_none())
        .map(|(key, _)| of_kind(key));
    let merge_request = MergeRequest {
        number: pull.number("number").ok_or_else(|| of_kind("number"))?,
        draft: pull.flag("draft").unwrap_or_else(|| is_draft(&title)),
        description: pull.text("body").unwrap_or_default(),
        change,
        state: match (is_merged, pull.text("state")) {
            (true, _) => "merged".to_owned(),
            (false, state) => state.unwrap_or_default(),
        },
        source_branch: source_branch.unwrap_or_default(),
        target_branch: target_branch.unwrap_or_default(),
        source_repository: fork(pull),
        head: pull.get("head").text("sha").unwrap_or_default(),
        // It is not sent.
        previous_head: None,
        merge_commit: pull.text("merge_commit_sha").filter(|_| is_merged),
        author: person(pull.get("user")),
        labels: labels(pull),
        assignees: assignees(pull),
        reviewers: reviewers(body, pull, change),
        milestone: pull.get("milestone").text("title"),
        changes: changes(body, &FIELDS, |field| match field {
            "ref" => branch(pull, "base"),
            field => pull.text(field),
        }),
        title,
    };
    let moment: &[&str] = match change {
        Change::Opened => &["created_at", "updated_at"],
        Change::Merged => &["merged_at", "closed_at", "updated_at"],
        Change::Closed => &["closed_at", "updated_at"],
        _ => &["updated_at"],
    };
    Ok(Draft {
        note: absent,
        provider_action: action,
        happened_at: first_time(pull, moment),
        actor: actor(body),
        repository: repository(body),
        url: pull.link("html_url"),
        ..Draft::about(Subject::MergeRequest(Box::new(merge_request)))
    })
}

/// The fields that can be edited, and what they are called in events.
const FIELDS: [(&str, &str); 3] = [
    ("title", "title"),
    ("body", "description"),
    ("ref", "target_branch"),
];

fn change(action: Option<&str>, body: Node<'_>, pull: Node<'_>) -> Change {
    match action {
        Some("opened") => Change::Opened,
        Some("closed") if pull.flag("merged") == Some(true) => Change::Merged,
        Some("closed") => Change::Closed,
        Some("reopened") => Change::Reopened,
        Some("synchronized") => Change::CommitsPushed,
        Some("edited") => edited(body, pull),
        Some("label_updated" | "label_cleared") => relabeled(action, pull),
        Some("assigned") => Change::Assigned,
        Some("unassigned") => Change::Unassigned,
        Some("review_requested") => Change::ReviewRequested,
        Some("reviewed") => reviewed(body.get("review").raw("type").unwrap_or_default()),
        Some("milestoned" | "demilestoned" | "review_request_removed") => Change::Updated,
        _ => Change::Other,
    }
}

/// Which labels came or went is not sent: that all are gone is certain, and otherwise one most likely came.
pub(super) fn relabeled(action: Option<&str>, labeled: Node<'_>) -> Change {
    if action == Some("label_cleared") || labeled.items("labels").next().is_none() {
        Change::Unlabeled
    } else {
        Change::Labeled
    }
}

/// A draft is one by its title alone.
fn edited(body: Node<'_>, pull: Node<'_>) -> Change {
    let before = body.get("changes").get("title").raw("from").map(is_draft);
    let after = pull.raw("title").map(is_draft);
    match before.zip(after) {
        Some((true, false)) => Change::Ready,
        Some((false, true)) => Change::Drafted,
        _ => Change::Updated,
    }
}

/// What the title of a draft begins with, by default: the instance's `WORK_IN_PROGRESS_PREFIXES`,
/// <https://docs.gitea.com/administration/config-cheat-sheet>.
fn is_draft(title: &str) -> bool {
    let title = title.trim_start().to_ascii_lowercase();
    ["wip:", "[wip]"].iter().any(|mark| title.starts_with(mark))
}

/// The kinds are `pull_request_review_approved`, and `pull_request_approved` in old versions.
fn reviewed(kind: &str) -> Change {
    match kind.rsplit('_').next() {
        Some("approved") => Change::Approved,
        Some("rejected") => Change::ChangesRequested,
        _ => Change::Reviewed,
    }
}

/// The branch at one end. Once it is removed, `ref` is `refs/pull/1/head`, and `label` still has its name; Gogs
/// has it in a field of its own.
fn branch(pull: Node<'_>, end: &str) -> Option<String> {
    let node = pull.get(end);
    let of_gogs = || pull.text(&format!("{end}_branch"));
    match node.raw("ref") {
        Some(name) if name.starts_with("refs/pull/") => node.text("label").or_else(of_gogs),
        Some(_) => node.text("ref"),
        None => node.text("label").or_else(of_gogs),
    }
}

/// The repository the branch comes from, where that is another one.
fn fork(pull: Node<'_>) -> Option<Repository> {
    let of = |end: &str| {
        described(pull.get(end).get("repo")).or_else(|| described(pull.get(&format!("{end}_repo"))))
    };
    let (source, target) = (of("head")?, of("base"));
    (target.map(|target| target.id) != Some(source.id.clone())).then_some(source)
}

/// Who is asked to review it. Old versions name only the one who has just been asked.
fn reviewers(body: Node<'_>, pull: Node<'_>, change: Change) -> Vec<Person> {
    let list = people(pull, "requested_reviewers");
    if list.is_empty() && change == Change::ReviewRequested {
        return person(body.get("requested_reviewer")).into_iter().collect();
    }
    list
}
