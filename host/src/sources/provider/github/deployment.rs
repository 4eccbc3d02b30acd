//! Deployments, how they go, and who lets them go on.

use super::common::{branch_of_run, first_time, moment, page, repository};
use super::run::branch_of_deployment;
use crate::domain::event::{Deployment, RunStatus, Subject};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::missing;

/// A deployment that begins.
pub(super) fn deployment(body: Node<'_>) -> Result<Draft, String> {
    let deployment = read(body, "deployment", RunStatus::Created)?;
    Ok(Draft {
        happened_at: moment(body.get("deployment"), "created_at"),
        url: page_of(body),
        ..Draft::about(Subject::Deployment(deployment))
    })
}

/// A deployment whose status changed.
pub(super) fn status(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("deployment_status", key);
    let node = body.get("deployment_status");
    let word = node.text("state").ok_or_else(|| of_kind("state"))?;
    let status = match word.as_str() {
        "pending" | "queued" => RunStatus::Waiting,
        "waiting" => RunStatus::Blocked,
        "in_progress" => RunStatus::Running,
        "success" => RunStatus::Succeeded,
        "failure" | "error" => RunStatus::Failed,
        // A newer one took its place.
        _ => RunStatus::Other,
    };
    let read = read(body, "deployment_status", status)?;
    let deployment = Deployment {
        environment: node.text("environment").unwrap_or(read.environment),
        url: node.link("environment_url"),
        ..read
    };
    let log = node.link("log_url").or_else(|| node.link("target_url"));
    Ok(Draft {
        provider_action: Some(word),
        happened_at: first_time(node, &["created_at", "updated_at"]),
        url: log.or_else(|| page_of(body)),
        ..Draft::about(Subject::Deployment(deployment))
    })
}

fn read(body: Node<'_>, kind: &str, status: RunStatus) -> Result<Deployment, String> {
    let of_kind = |key| missing(kind, key);
    let node = body.get("deployment");
    Ok(Deployment {
        id: node.id("id").ok_or_else(|| of_kind("deployment.id"))?,
        environment: node
            .text("environment")
            .ok_or_else(|| of_kind("deployment.environment"))?,
        status,
        git_ref: branch_of_deployment(node).unwrap_or_default(),
        commit: node.text("sha").unwrap_or_default(),
        url: None,
    })
}

/// The run that deploys, or the list of deployments.
fn page_of(body: Node<'_>) -> Option<String> {
    let run = body.get("workflow_run").link("html_url");
    run.or_else(|| {
        let list = page(repository(body).as_ref(), "deployments", "")?;
        Some(list.trim_end_matches('/').to_owned())
    })
}

/// The jobs that deploy to the environments which were decided on together.
fn jobs(body: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let of_body = body.raw("environment").is_some();
    let jobs = body.items("workflow_job_runs");
    jobs.filter(move |job| job.id("id").is_some() && (of_body || job.raw("environment").is_some()))
}

/// How many environments were decided on together.
pub(super) fn count_jobs(body: Node<'_>) -> usize {
    jobs(body).count()
}

/// What the body says of every environment that was decided on.
pub(super) fn reviewed(body: Node<'_>) -> Draft {
    let run = body.get("workflow_run");
    let status = match body.raw("action") {
        Some("requested") => RunStatus::Blocked,
        Some("approved") => RunStatus::Approved,
        Some("rejected") => RunStatus::Rejected,
        _ => RunStatus::Other,
    };
    Draft {
        // Since when it waits is not when somebody decided.
        happened_at: moment(body, "since").filter(|_| status == RunStatus::Blocked),
        url: run.link("html_url"),
        ..Draft::about(Subject::Deployment(Deployment {
            id: String::new(),
            environment: body.text("environment").unwrap_or_default(),
            status,
            git_ref: branch_of_run(run, body).unwrap_or_default(),
            commit: run.text("head_sha").unwrap_or_default(),
            url: None,
        }))
    }
}

/// A deployment that waits for somebody's approval, has it, or was turned down: one event for each of the first so
/// many environments that were decided on together. The payload does not name the deployments, so each has the
/// identifier of the job that makes it.
pub(super) fn review(body: Node<'_>, made: usize) -> Result<Vec<Draft>, String> {
    let one = |job: Node<'_>| {
        let mut draft = reviewed(body);
        if let Subject::Deployment(deployment) = &mut draft.subject {
            deployment.id = job.id("id")?;
            if let Some(environment) = job.text("environment") {
                deployment.environment = environment;
            }
            if deployment.environment.is_empty() {
                return None;
            }
        }
        draft.url = draft.url.or_else(|| job.link("html_url"));
        Some(draft)
    };
    let mut drafts: Vec<Draft> = jobs(body).take(made).filter_map(one).collect();
    if drafts.is_empty() {
        drafts.extend(one(body.get("workflow_job_run")));
    }
    if drafts.is_empty() {
        return Err(missing("deployment_review", "workflow_job_run"));
    }
    Ok(drafts)
}
