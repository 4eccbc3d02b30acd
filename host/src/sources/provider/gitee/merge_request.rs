//! Pull requests, which Gitee calls merge requests in the names of its hooks.

use super::common::{
    actor, described, first_time, labels, people, person, repository, triggered_at,
};
use crate::domain::event::{Change, MergeRequest, Repository, Subject};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::missing;

/// A pull request, and what happened to it.
pub(super) fn read(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("merge_request_hooks", key);
    let pull = body.get("pull_request");
    let action = body.text("action");
    let (head, base) = (pull.get("head"), pull.get("base"));
    let title = pull.text("title").ok_or_else(|| of_kind("title"))?;
    let state = pull.text("state").unwrap_or_default();
    let source_branch = head.text("ref").or_else(|| body.text("source_branch"));
    let target_branch = base.text("ref").or_else(|| body.text("target_branch"));
    let absent = [("head", &source_branch), ("base", &target_branch)]
        .into_iter()
        .find(|(_, branch)| branch.is_none())
        .map(|(key, _)| of_kind(key));
    let merge_request = MergeRequest {
        number: pull.number("number").ok_or_else(|| of_kind("number"))?,
        draft: pull.flag("draft").unwrap_or_else(|| is_draft(&title)),
        title,
        description: pull.text("body").unwrap_or_default(),
        change: change(action.as_deref(), body, pull),
        source_branch: source_branch.unwrap_or_default(),
        target_branch: target_branch.unwrap_or_default(),
        source_repository: fork(head, base),
        head: head.text("sha").unwrap_or_default(),
        // It is not sent.
        previous_head: None,
        // Before, it is that of a merge that was only tried.
        merge_commit: pull.text("merge_commit_sha").filter(|_| state == "merged"),
        state,
        author: person(pull.get("user")),
        labels: labels(pull),
        assignees: Vec::new(),
        // Those who are asked to review it:
        // <https://gitee.com/api/v5/swagger#/postV5ReposOwnerRepoPullsNumberAssignees>.
        reviewers: people(pull, "assignees"),
        milestone: pull.get("milestone").text("title"),
        changes: Vec::new(),
    };
    let described = body.text("action_desc");
    Ok(Draft {
        note: absent,
        // Of a closed or merged one, `action_desc` is that of its opening.
        provider_action: match action.as_deref() {
            Some("update") => described.or(action),
            _ => action,
        },
        happened_at: first_time(pull, &["updated_at", "created_at"]).or_else(|| triggered_at(body)),
        actor: actor(body),
        repository: repository(body),
        url: pull.link("html_url").or_else(|| body.link("url")),
        ..Draft::about(Subject::MergeRequest(Box::new(merge_request)))
    })
}

fn change(action: Option<&str>, body: Node<'_>, pull: Node<'_>) -> Change {
    match action {
        Some("open") => Change::Opened,
        Some("close") => Change::Closed,
        Some("reopen") => Change::Reopened,
        Some("merge") => Change::Merged,
        Some("approved") => Change::Approved,
        Some("assign") => Change::ReviewRequested,
        Some("unassign") => Change::Updated,
        Some("update") => match body.raw("action_desc") {
            Some("source_branch_changed") => Change::CommitsPushed,
            // Which labels came or went is not sent: that all are gone is certain, and otherwise one most
            // likely came.
            Some("update_label") if pull.items("labels").next().is_none() => Change::Unlabeled,
            Some("update_label") => Change::Labeled,
            _ => Change::Updated,
        },
        _ => Change::Other,
    }
}

/// The repository the branch comes from, where that is another one.
fn fork(head: Node<'_>, base: Node<'_>) -> Option<Repository> {
    let source = described(head.get("repo"))?;
    let target = base.get("repo").id("id");
    (target.as_deref() != Some(source.id.as_str())).then_some(source)
}

/// What the title says about being a draft, where there is no field for it.
fn is_draft(title: &str) -> bool {
    let title = title.trim_start().to_ascii_lowercase();
    ["wip:", "[wip]"].iter().any(|mark| title.starts_with(mark))
}
