//! Runs and jobs of Gitea's and of Forgejo's Actions, and what others say of a commit.
//!
//! Gitea also announces each job as a commit's status; Forgejo announces the end of a run as
//! `action_run_success` or `action_run_failure` and, in new versions, as `workflow_run_…` once more. Each is told
//! to rules once. See `WorkflowRunCompleted` in
//! <https://codeberg.org/forgejo/forgejo/src/branch/forgejo/services/webhook/notifier.go> and
//! `CreateCommitStatus` in <https://github.com/go-gitea/gitea/blob/main/services/actions/commit_status.go>.

use serde_json::Value;

use super::common::{actor, duration, first_time, is_by_actions, person, repository};
use crate::domain::event::{CommitSummary, Job, Pipeline, RunStatus, Subject};
use crate::sources::json::{Cut, Node};
use crate::sources::provider::Draft;
use crate::sources::provider::git::{first_line, missing, short_ref};

/// How a run or a job of Gitea stands: `status` until it is `completed`, and `conclusion` from then on.
fn gitea_status(node: Node<'_>) -> RunStatus {
    let word = match node.raw("status") {
        Some("completed") => node.raw("conclusion"),
        word => word,
    };
    match word {
        Some("queued" | "pending" | "requested") => RunStatus::Waiting,
        // For another job, or for somebody's approval: Gitea calls it `blocked` itself.
        Some("waiting") => RunStatus::Blocked,
        Some("in_progress") => RunStatus::Running,
        Some("success") => RunStatus::Succeeded,
        Some("failure") => RunStatus::Failed,
        Some("cancelled") => RunStatus::Canceled,
        Some("skipped") => RunStatus::Skipped,
        Some("timed_out") => RunStatus::TimedOut,
        _ => RunStatus::Other,
    }
}

/// How a run or a job of Forgejo stands.
fn forgejo_status(word: &str) -> RunStatus {
    match word {
        "waiting" => RunStatus::Waiting,
        "blocked" => RunStatus::Blocked,
        "running" => RunStatus::Running,
        "success" => RunStatus::Succeeded,
        "failure" => RunStatus::Failed,
        "cancelled" => RunStatus::Canceled,
        "skipped" => RunStatus::Skipped,
        _ => RunStatus::Other,
    }
}

fn bare(commit: String) -> CommitSummary {
    CommitSummary {
        id: commit,
        title: None,
        author: None,
        url: None,
    }
}

/// What a run is for, by its ref.
struct Target {
    git_ref: String,
    is_tag: bool,
    merge_request: Option<u64>,
}

impl Target {
    /// The target of a ref such as `refs/tags/v1`, or of `refs/pull/12/head`.
    fn of_ref(node: Node<'_>, git_ref: &str) -> Self {
        let number = git_ref
            .strip_prefix("refs/pull/")
            .and_then(|rest| rest.split('/').next());
        Self {
            git_ref: node.cut().text(short_ref(git_ref)),
            is_tag: git_ref.starts_with("refs/tags/"),
            merge_request: number.and_then(|number| number.parse().ok()),
        }
    }
}

/// A run of Gitea's Actions: `path` is the workflow's file and the ref, as in `ci.yml@refs/heads/main`.
pub(super) fn workflow_run(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("workflow_run", key);
    let run = body.get("workflow_run");
    let path = run.raw("path").and_then(|path| path.split_once('@'));
    let mut target = match (path, run.raw("head_branch")) {
        (Some((_, git_ref)), _) if !git_ref.is_empty() => Target::of_ref(run, git_ref),
        (_, branch) => Target::of_ref(run, branch.unwrap_or_default()),
    };
    let pull = body.get("pull_request");
    let of_pull = pull.number("number");
    if target.merge_request.is_some() {
        let branch = run.text("head_branch");
        target.git_ref = branch
            .or_else(|| pull.get("head").text("ref"))
            .unwrap_or(target.git_ref);
    }
    let listed = || {
        run.items("pull_requests")
            .find_map(|pull| pull.number("number"))
    };
    let trigger = run.text("event");
    let mut commit = bare(run.text("head_sha").ok_or_else(|| of_kind("head_sha"))?);
    // A run is called like the commit that was pushed, or like the pull request.
    if trigger.as_deref() == Some("push") {
        commit.title = run.raw("display_title").map(first_line);
    }
    let pipeline = Pipeline {
        id: run.id("id").ok_or_else(|| of_kind("id"))?,
        name: body
            .get("workflow")
            .text("name")
            .or_else(|| path.map(|(file, _)| run.cut().text(file))),
        git_ref: target.git_ref,
        is_tag: target.is_tag,
        commit,
        status: gitea_status(run),
        duration_ms: duration(
            first_time(run, &["started_at"]),
            first_time(run, &["completed_at"]),
        ),
        merge_request: target.merge_request.or(of_pull).or_else(listed),
        trigger,
        failed_jobs: Vec::new(),
    };
    Ok(Draft {
        provider_action: body.text("action"),
        happened_at: first_time(run, &["completed_at", "started_at"]),
        actor: actor(body),
        repository: repository(body),
        url: run.link("html_url"),
        ..Draft::about(Subject::Pipeline(pipeline))
    })
}

/// A job of Gitea's Actions.
pub(super) fn workflow_job(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("workflow_job", key);
    let job = body.get("workflow_job");
    let subject = Job {
        id: job.id("id").ok_or_else(|| of_kind("id"))?,
        name: job.text("name").ok_or_else(|| of_kind("name"))?,
        stage: None,
        git_ref: job.text("head_branch").unwrap_or_default(),
        commit: bare(job.text("head_sha").ok_or_else(|| of_kind("head_sha"))?),
        status: gitea_status(job),
        allowed_to_fail: false,
        failure_reason: None,
        duration_ms: duration(
            first_time(job, &["started_at"]),
            first_time(job, &["completed_at"]),
        ),
        pipeline: job.id("run_id"),
    };
    Ok(Draft {
        provider_action: body.text("action"),
        happened_at: first_time(job, &["completed_at", "started_at", "created_at"]),
        actor: actor(body),
        repository: repository(body),
        url: job.link("html_url"),
        ..Draft::about(Subject::Job(subject))
    })
}

/// What somebody else's build says of a commit; of which branch, it does not say.
pub(super) fn status(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("status", key);
    if is_by_actions(body) {
        return Err(
            "a job of Gitea's Actions is also announced as `workflow_job`, which tells more"
                .to_owned(),
        );
    }
    let state = body.text("state").ok_or_else(|| of_kind("state"))?;
    let commit = body.get("commit");
    let job = Job {
        id: body.id("id").ok_or_else(|| of_kind("id"))?,
        name: body.text("context").ok_or_else(|| of_kind("context"))?,
        stage: None,
        git_ref: String::new(),
        commit: CommitSummary {
            id: body.text("sha").ok_or_else(|| of_kind("sha"))?,
            title: commit.raw("message").map(first_line),
            author: person(commit.get("author")),
            url: commit.link("url"),
        },
        status: match state.as_str() {
            "pending" => RunStatus::Running,
            "success" => RunStatus::Succeeded,
            "failure" | "error" => RunStatus::Failed,
            "skipped" => RunStatus::Skipped,
            _ => RunStatus::Other,
        },
        allowed_to_fail: false,
        failure_reason: None,
        duration_ms: None,
        pipeline: None,
    };
    Ok(Draft {
        provider_action: Some(state),
        happened_at: first_time(body, &["updated_at", "created_at"]),
        actor: actor(body),
        repository: repository(body),
        url: body.link("target_url").or_else(|| commit.link("url")),
        ..Draft::about(Subject::Job(job))
    })
}

/// A run of Forgejo's Actions.
pub(super) fn action_run(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("run", key);
    let run = body.get("run");
    let action = body.text("action");
    let word = run.text("status").ok_or_else(|| of_kind("status"))?;
    let status = forgejo_status(&word);
    let is_ended = matches!(
        status,
        RunStatus::Succeeded | RunStatus::Failed | RunStatus::Canceled | RunStatus::Skipped
    );
    match action.as_deref() {
        Some("recover") => {
            return Err("`action_run_success` tells of the same run".to_owned());
        }
        // The end of a run, which `action_run_…` tells in every version that has this one.
        Some("run_completed" | "run_status_changed" | "new_run_attempt") if is_ended => {
            return Err(
                "`action_run_success` or `action_run_failure` tells of the same end".to_owned(),
            );
        }
        _ => {}
    }
    let target = run_target(run);
    let pipeline = Pipeline {
        id: run.id("id").ok_or_else(|| of_kind("id"))?,
        name: run.text("workflow_id"),
        git_ref: target.git_ref,
        is_tag: target.is_tag,
        commit: run_commit(run).ok_or_else(|| of_kind("commit_sha"))?,
        status,
        duration_ms: duration(first_time(run, &["started"]), first_time(run, &["stopped"])),
        merge_request: target.merge_request,
        trigger: run.text("trigger_event").or_else(|| run.text("event")),
        failed_jobs: Vec::new(),
    };
    Ok(Draft {
        provider_action: action,
        happened_at: first_time(run, &["stopped", "updated", "started"]),
        actor: actor(body),
        repository: repository(body),
        url: run.link("html_url"),
        ..Draft::about(Subject::Pipeline(pipeline))
    })
}

/// A run's ref is the name of a branch or of a tag, or `#12` for a pull request; which of the first two it is
/// stands in the event that began the run, which is kept as text.
fn run_target(run: Node<'_>) -> Target {
    let name = run.raw("prettyref").unwrap_or_default();
    if let Some(number) = name
        .strip_prefix('#')
        .and_then(|number| number.parse().ok())
    {
        return Target {
            git_ref: run.cut().text(name),
            is_tag: false,
            merge_request: Some(number),
        };
    }
    let cause = run
        .raw("event_payload")
        .and_then(|payload| serde_json::from_str::<Value>(payload).ok())
        .unwrap_or_default();
    let cut = Cut::default();
    let full = Node::root(&cause, &cut).raw("ref");
    match full.filter(|full| short_ref(full) == name) {
        Some(full) => Target::of_ref(run, full),
        None => Target::of_ref(run, name),
    }
}

fn run_commit(run: Node<'_>) -> Option<CommitSummary> {
    let mut commit = bare(run.text("commit_sha")?);
    if run.raw("event") == Some("push") {
        commit.title = run.raw("title").map(first_line);
    }
    Some(commit)
}

/// A job of Forgejo's Actions.
pub(super) fn action_job(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("job", key);
    let (job, run) = (body.get("job"), body.get("run"));
    let word = job.text("status").ok_or_else(|| of_kind("status"))?;
    let subject = Job {
        id: job.id("id").ok_or_else(|| of_kind("id"))?,
        name: job.text("name").ok_or_else(|| of_kind("name"))?,
        stage: None,
        git_ref: run_target(run).git_ref,
        commit: run_commit(run).ok_or_else(|| of_kind("run.commit_sha"))?,
        status: forgejo_status(&word),
        allowed_to_fail: false,
        failure_reason: None,
        duration_ms: duration(first_time(job, &["started"]), first_time(job, &["stopped"])),
        pipeline: run.id("id").or_else(|| job.id("run_id")),
    };
    Ok(Draft {
        provider_action: body.text("action"),
        happened_at: first_time(job, &["stopped", "updated", "started", "created"]),
        actor: actor(body),
        repository: repository(body),
        url: job.link("html_url").or_else(|| run.link("html_url")),
        ..Draft::about(Subject::Job(subject))
    })
}
