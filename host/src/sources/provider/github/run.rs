//! What runs: workflows and their jobs, checks of apps, and statuses of commits.
//!
//! Workflow runs and check suites become pipelines; jobs of workflows, check runs and statuses become jobs.

use super::common::{
    branch_of_run, commit_summary, duration, first_time, page, person, repository,
};
use crate::domain::event::{CommitSummary, Job, Pipeline, RunStatus, Subject};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::{first_line, missing, short_ref};

/// A run of a workflow.
pub(super) fn workflow_run(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("workflow_run", key);
    let run = body.get("workflow_run");
    let repository = repository(body);
    let (status, word) = stand(body, run).ok_or_else(|| of_kind("status"))?;
    let trigger = run.text("event");
    let commit = run.text("head_sha").ok_or_else(|| of_kind("head_sha"))?;
    let pipeline = Pipeline {
        id: run.id("id").ok_or_else(|| of_kind("id"))?,
        name: run
            .text("name")
            .or_else(|| body.get("workflow").text("name")),
        git_ref: branch_of_run(run, body).unwrap_or_default(),
        // GitHub puts a tag in the place of the branch without saying so; a release is always of one.
        is_tag: trigger.as_deref() == Some("release"),
        commit: commit_summary(run.get("head_commit"), commit, repository.as_ref()),
        status,
        duration_ms: is_over(body)
            .then(|| duration(run, "run_started_at", "updated_at"))
            .flatten(),
        merge_request: pull_request(run, body),
        trigger,
        // The jobs come in events of their own.
        failed_jobs: Vec::new(),
    };
    Ok(Draft {
        provider_action: Some(word),
        happened_at: first_time(run, &["updated_at", "created_at"]),
        url: run.link("html_url"),
        ..Draft::about(Subject::Pipeline(pipeline))
    })
}

/// What an app checks of a commit, as a whole.
pub(super) fn check_suite(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("check_suite", key);
    let suite = body.get("check_suite");
    let repository = repository(body);
    let (status, word) = stand(body, suite).ok_or_else(|| of_kind("status"))?;
    let commit = suite.text("head_sha").ok_or_else(|| of_kind("head_sha"))?;
    let url = page(repository.as_ref(), "commit", &commit).map(|page| format!("{page}/checks"));
    let pipeline = Pipeline {
        id: suite.id("id").ok_or_else(|| of_kind("id"))?,
        name: suite.get("app").text("name"),
        // None for a fork's branch: <https://docs.github.com/en/rest/checks/suites>.
        git_ref: suite.text("head_branch").unwrap_or_default(),
        is_tag: false,
        commit: commit_summary(suite.get("head_commit"), commit, repository.as_ref()),
        status,
        duration_ms: None,
        merge_request: pull_request(suite, body),
        trigger: None,
        failed_jobs: Vec::new(),
    };
    Ok(Draft {
        provider_action: Some(word),
        happened_at: first_time(suite, &["updated_at", "created_at"]),
        url,
        ..Draft::about(Subject::Pipeline(pipeline))
    })
}

/// A job of a workflow. Whether its branch is a fork's is not told; the event of the run tells it.
pub(super) fn workflow_job(body: Node<'_>) -> Result<Draft, String> {
    let node = body.get("workflow_job");
    let job = job(body, "workflow_job")?;
    let failed_step = || {
        let mut steps = node.items("steps");
        steps
            .find(|step| step.raw("conclusion") == Some("failure"))?
            .text("name")
    };
    let job = Job {
        pipeline: node.id("run_id"),
        git_ref: node.text("head_branch").unwrap_or_default(),
        failure_reason: (job.status == RunStatus::Failed)
            .then(failed_step)
            .flatten(),
        ..job
    };
    draft(body, node, job)
}

/// What an app checks of a commit, one thing of it.
pub(super) fn check_run(body: Node<'_>) -> Result<Draft, String> {
    let node = body.get("check_run");
    let suite = node.get("check_suite");
    let job = job(body, "check_run")?;
    let has_failed = job.status == RunStatus::Failed;
    let job = Job {
        pipeline: suite.id("id"),
        git_ref: suite.text("head_branch").unwrap_or_default(),
        failure_reason: has_failed
            .then(|| node.get("output").text("title"))
            .flatten(),
        ..job
    };
    draft(body, node, job)
}

/// What jobs and check runs have in common.
fn job(body: Node<'_>, kind: &str) -> Result<Job, String> {
    let of_kind = |key| missing(kind, key);
    let node = body.get(kind);
    let commit = node.text("head_sha").ok_or_else(|| of_kind("head_sha"))?;
    Ok(Job {
        id: node.id("id").ok_or_else(|| of_kind("id"))?,
        name: node.text("name").ok_or_else(|| of_kind("name"))?,
        // GitHub has no stages.
        stage: None,
        git_ref: String::new(),
        commit: CommitSummary {
            url: page(repository(body).as_ref(), "commit", &commit),
            id: commit,
            title: None,
            author: None,
        },
        status: stand(body, node).ok_or_else(|| of_kind("status"))?.0,
        // A workflow may go on after a failed step; the job's conclusion is a success then.
        allowed_to_fail: false,
        failure_reason: None,
        duration_ms: is_over(body)
            .then(|| duration(node, "started_at", "completed_at"))
            .flatten(),
        pipeline: None,
    })
}

fn draft(body: Node<'_>, node: Node<'_>, job: Job) -> Result<Draft, String> {
    let times: &[&str] = if is_over(body) {
        &["completed_at", "started_at"]
    } else {
        &["started_at", "created_at"]
    };
    Ok(Draft {
        provider_action: stand(body, node).map(|(_, word)| word),
        happened_at: first_time(node, times),
        url: node.link("html_url").or_else(|| node.link("details_url")),
        ..Draft::about(Subject::Job(job))
    })
}

/// The status that something outside gave a commit, by which many other systems tell what they found.
pub(super) fn commit_status(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("status", key);
    let word = body.text("state").ok_or_else(|| of_kind("state"))?;
    let status = match word.as_str() {
        "pending" => RunStatus::Waiting,
        "success" => RunStatus::Succeeded,
        "failure" | "error" => RunStatus::Failed,
        _ => RunStatus::Other,
    };
    let commit = body.get("commit");
    let id = body.text("sha").ok_or_else(|| of_kind("sha"))?;
    // The user is known where GitHub knows whose address the commit has.
    let author = person(commit.get("author"));
    let written = commit.get("commit");
    let title = written.raw("message").map(first_line);
    let job = Job {
        id: body.id("id").ok_or_else(|| of_kind("id"))?,
        name: body.text("context").ok_or_else(|| of_kind("context"))?,
        stage: None,
        git_ref: branch_of_status(body, &id).unwrap_or_default(),
        commit: CommitSummary {
            title: title.filter(|title| !title.is_empty()),
            author: author.or_else(|| person(written.get("author"))),
            url: commit.link("html_url"),
            id,
        },
        status,
        allowed_to_fail: false,
        failure_reason: (status == RunStatus::Failed)
            .then(|| body.text("description"))
            .flatten(),
        duration_ms: None,
        pipeline: None,
    };
    Ok(Draft {
        provider_action: Some(word),
        happened_at: first_time(body, &["updated_at", "created_at"]),
        url: body.link("target_url").or_else(|| commit.link("html_url")),
        ..Draft::about(Subject::Job(job))
    })
}

/// The branch of a commit with a status: GitHub sends up to ten that hold it. One that ends with it comes before
/// one that went on, and the repository's first branch before others.
fn branch_of_status(body: Node<'_>, commit: &str) -> Option<String> {
    let first = body.get("repository").raw("default_branch");
    let rank = |branch: &Node<'_>| {
        let is_head = branch.get("commit").raw("sha") == Some(commit);
        let is_first = first.is_some() && branch.raw("name") == first;
        (!is_head, !is_first)
    };
    let branch = body.items("branches").min_by_key(rank)?;
    branch.text("name")
}

/// Whether the event says that something is over.
fn is_over(body: Node<'_>) -> bool {
    body.raw("action") == Some("completed")
}

/// How a run stands, and the provider's word for that.
///
/// The action says what happened, and the object how it stands when the event is sent, which may be later. So a
/// success is told by the action `completed` alone, once.
fn stand(body: Node<'_>, run: Node<'_>) -> Option<(RunStatus, String)> {
    let status = run.raw("status");
    let conclusion = run.raw("conclusion");
    let action = body.raw("action");
    let (stand, word) = match action {
        Some("completed") => (concluded(conclusion), conclusion.or(status)),
        Some("in_progress") => (RunStatus::Running, action),
        // Somebody who never contributed before has to be let in first.
        Some("requested") if conclusion == Some("action_required") => {
            (RunStatus::Blocked, conclusion)
        }
        Some("requested" | "rerequested" | "created") => (RunStatus::Created, action),
        // A button of the app was pressed: the check stands as it stood.
        Some("requested_action") => (RunStatus::Other, action),
        _ => (waits(status), status),
    };
    Some((stand, body.cut().text(word?)))
}

fn waits(status: Option<&str>) -> RunStatus {
    match status {
        Some("requested") => RunStatus::Created,
        Some("queued" | "pending") => RunStatus::Waiting,
        Some("in_progress") => RunStatus::Running,
        // For a person, or for another rule that protects the environment.
        Some("waiting") => RunStatus::Blocked,
        _ => RunStatus::Other,
    }
}

fn concluded(conclusion: Option<&str>) -> RunStatus {
    match conclusion {
        Some("success") => RunStatus::Succeeded,
        Some("failure" | "startup_failure") => RunStatus::Failed,
        Some("timed_out") => RunStatus::TimedOut,
        Some("cancelled") => RunStatus::Canceled,
        Some("skipped") => RunStatus::Skipped,
        Some("action_required") => RunStatus::Blocked,
        // `neutral` is neither, and what is `stale` was given up by GitHub.
        _ => RunStatus::Other,
    }
}

/// The number of the pull request of a run: one that goes into this repository, not into a fork of it.
fn pull_request(run: Node<'_>, body: Node<'_>) -> Option<u64> {
    let own = body.get("repository").id("id");
    let goes_here = |pull: &Node<'_>| {
        let into = pull.get("base").get("repo").id("id");
        into.is_none() || into == own
    };
    run.items("pull_requests")
        .find(goes_here)
        .and_then(|pull| pull.number("number"))
}

/// The branch of a deployment; none where it is of a commit alone.
pub(super) fn branch_of_deployment(node: Node<'_>) -> Option<String> {
    let git_ref = node.raw("ref")?;
    let is_commit = git_ref.len() >= 40 && git_ref.bytes().all(|byte| byte.is_ascii_hexdigit());
    (!is_commit).then(|| node.cut().text(short_ref(git_ref)))
}
