//! Build statuses: what Pipelines or another build server says of a commit.

use super::common::{author, first_time, page, person, repository};
use crate::domain::event::{CommitSummary, Pipeline, RunStatus, Subject};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::{first_line, missing};

/// A build status that was set or changed.
pub(super) fn status(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("repo:commit_status", key);
    let status = body.get("commit_status");
    let commit = status.get("commit");
    // Some payloads name the commit only by its address, which ends with it.
    let of_address = || {
        let address = status.get("links").get("commit").link("href")?;
        address.rsplit('/').next().map(str::to_owned)
    };
    let id = commit
        .text("hash")
        .or_else(of_address)
        .filter(|id| !id.is_empty());
    let word = status.text("state").ok_or_else(|| of_kind("state"))?;
    let pipeline = Pipeline {
        id: status.text("key").ok_or_else(|| of_kind("key"))?,
        name: status.text("name"),
        // A build server need not say which branch it built; one that does says it without `refs/heads/`.
        git_ref: status.text("refname").unwrap_or_default(),
        is_tag: false,
        commit: CommitSummary {
            id: id.ok_or_else(|| of_kind("commit"))?,
            title: commit
                .raw("message")
                .map(|message| body.cut().text(&first_line(message)))
                .filter(|title| !title.is_empty()),
            author: author(commit.get("author")),
            url: page(commit),
        },
        status: match word.as_str() {
            "INPROGRESS" => RunStatus::Running,
            "SUCCESSFUL" => RunStatus::Succeeded,
            "FAILED" => RunStatus::Failed,
            "STOPPED" => RunStatus::Canceled,
            _ => RunStatus::Other,
        },
        duration_ms: None,
        merge_request: None,
        trigger: None,
        failed_jobs: Vec::new(),
    };
    Ok(Draft {
        provider_action: Some(word),
        happened_at: first_time(status, &["updated_on", "created_on"]),
        actor: person(body.get("actor")),
        url: status.link("url").or_else(|| page(commit)),
        repository: repository(body.get("repository")),
        ..Draft::about(Subject::Pipeline(pipeline))
    })
}
