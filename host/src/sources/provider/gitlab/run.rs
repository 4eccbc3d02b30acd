//! Pipelines, jobs, and deployments.

use super::common::{actor, commit_summary, email, first_time, page, repository, status};
use crate::domain::event::{CommitSummary, Deployment, Job, Person, Pipeline, RunStatus, Subject};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::{first_line, missing, short_ref};

/// A pipeline whose status changed.
pub(super) fn pipeline(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("pipeline", key);
    let attributes = body.get("object_attributes");
    let commit = attributes
        .text("sha")
        .or_else(|| body.get("commit").text("id"));
    let word = attributes.text("status").ok_or_else(|| of_kind("status"))?;
    let failed = body
        .items("builds")
        .filter(|job| {
            job.raw("status") == Some("failed") && job.flag("allow_failure") != Some(true)
        })
        .filter_map(|job| job.text("name"));
    let pipeline = Pipeline {
        id: attributes.id("id").ok_or_else(|| of_kind("id"))?,
        name: attributes.text("name"),
        git_ref: git_ref(attributes).ok_or_else(|| of_kind("ref"))?,
        is_tag: attributes.flag("tag").unwrap_or(false),
        commit: commit_summary(body.get("commit"), commit.ok_or_else(|| of_kind("sha"))?),
        status: status(&word),
        duration_ms: attributes.seconds_as_millis("duration"),
        merge_request: body.get("merge_request").number("iid"),
        trigger: attributes.text("source"),
        failed_jobs: body.cut().list(failed),
    };
    let repository = repository(body);
    Ok(Draft {
        provider_action: Some(word),
        happened_at: first_time(attributes, &["finished_at", "created_at"]),
        actor: actor(body),
        url: attributes
            .link("url")
            .or_else(|| page(repository.as_ref(), "pipelines", &pipeline.id)),
        repository,
        ..Draft::about(Subject::Pipeline(pipeline))
    })
}

fn git_ref(node: Node<'_>) -> Option<String> {
    node.raw("ref").map(|name| node.cut().text(short_ref(name)))
}

/// A job whose status changed.
pub(super) fn job(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("build", key);
    let commit = body.get("commit");
    let id = body.text("sha").or_else(|| commit.text("sha"));
    let word = body
        .text("build_status")
        .ok_or_else(|| of_kind("build_status"))?;
    let status = status(&word);
    let author = commit.text("author_name").map(|name| Person {
        id: None,
        name,
        username: None,
        email: email(commit, "author_email"),
        bot: false,
    });
    let job = Job {
        id: body.id("build_id").ok_or_else(|| of_kind("build_id"))?,
        name: body
            .text("build_name")
            .ok_or_else(|| of_kind("build_name"))?,
        stage: body.text("build_stage"),
        git_ref: git_ref(body).ok_or_else(|| of_kind("ref"))?,
        commit: CommitSummary {
            id: id.ok_or_else(|| of_kind("sha"))?,
            // The commit's `name` is the pipeline's.
            title: commit
                .raw("message")
                .map(first_line)
                .filter(|title| !title.is_empty()),
            author,
            url: None,
        },
        status,
        allowed_to_fail: body.flag("build_allow_failure").unwrap_or(false),
        // GitLab sends `unknown_failure` for jobs that did not fail.
        failure_reason: (status == RunStatus::Failed)
            .then(|| body.text("build_failure_reason"))
            .flatten(),
        duration_ms: body.seconds_as_millis("build_duration"),
        pipeline: body.id("pipeline_id"),
    };
    let repository = repository(body);
    Ok(Draft {
        provider_action: Some(word),
        happened_at: first_time(
            body,
            &["build_finished_at", "build_started_at", "build_created_at"],
        ),
        actor: actor(body),
        url: page(repository.as_ref(), "jobs", &job.id),
        repository,
        ..Draft::about(Subject::Job(job))
    })
}

/// A deployment whose status changed.
pub(super) fn deployment(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("deployment", key);
    let word = body.text("status").ok_or_else(|| of_kind("status"))?;
    // Only the commit's page has its whole hash.
    let of_page = body
        .raw("commit_url")
        .and_then(|url| url.rsplit('/').next());
    let commit = of_page
        .filter(|id| !id.is_empty())
        .map(|id| body.cut().text(id));
    let deployment = Deployment {
        id: body
            .id("deployment_id")
            .ok_or_else(|| of_kind("deployment_id"))?,
        environment: body
            .text("environment")
            .ok_or_else(|| of_kind("environment"))?,
        status: status(&word),
        git_ref: git_ref(body).unwrap_or_default(),
        commit: commit
            .or_else(|| body.text("short_sha"))
            .unwrap_or_default(),
        url: body.link("environment_external_url"),
    };
    Ok(Draft {
        provider_action: Some(word),
        happened_at: first_time(body, &["status_changed_at"]),
        actor: actor(body),
        repository: repository(body),
        url: body.link("deployable_url"),
        ..Draft::about(Subject::Deployment(deployment))
    })
}
