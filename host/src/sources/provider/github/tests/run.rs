//! Workflows, checks, statuses, and deployments.

use serde_json::{Value, json};

use super::{event, events, repository, sample, subject};
use crate::domain::event::{RunStatus, Subject};

#[test]
fn a_run_stands_as_its_action_says_and_ends_once() {
    let mut body = sample("pipeline-failed");
    for (action, status, conclusion, expected) in [
        ("requested", "queued", Value::Null, RunStatus::Created),
        (
            "requested",
            "completed",
            json!("action_required"),
            RunStatus::Blocked,
        ),
        (
            "in_progress",
            "completed",
            json!("success"),
            RunStatus::Running,
        ),
        (
            "completed",
            "completed",
            json!("success"),
            RunStatus::Succeeded,
        ),
        (
            "completed",
            "completed",
            json!("failure"),
            RunStatus::Failed,
        ),
        (
            "completed",
            "completed",
            json!("startup_failure"),
            RunStatus::Failed,
        ),
        (
            "completed",
            "completed",
            json!("timed_out"),
            RunStatus::TimedOut,
        ),
        (
            "completed",
            "completed",
            json!("cancelled"),
            RunStatus::Canceled,
        ),
        (
            "completed",
            "completed",
            json!("skipped"),
            RunStatus::Skipped,
        ),
        ("completed", "completed", json!("neutral"), RunStatus::Other),
        ("completed", "completed", json!("stale"), RunStatus::Other),
    ] {
        body["action"] = json!(action);
        body["workflow_run"]["status"] = json!(status);
        body["workflow_run"]["conclusion"] = conclusion.clone();
        let found = subject!(Pipeline, "workflow_run", &body);
        assert_eq!(found.status, expected, "{action} {conclusion}");
        assert_eq!(found.duration_ms.is_some(), action == "completed");
    }
}

#[test]
fn the_main_branch_of_a_fork_is_not_the_main_branch() {
    let mut body = sample("pipeline-failed");
    assert_eq!(event("workflow_run", &body).branch(), Some("main"));
    body["workflow_run"]["head_repository"] =
        json!({"id": 99, "full_name": "mallory/storefront", "owner": {"login": "mallory"}});
    assert_eq!(event("workflow_run", &body).branch(), Some("mallory:main"));
    for untold in [Value::Null, json!({}), json!({"id": null})] {
        body["workflow_run"]["head_repository"] = untold;
        assert_eq!(event("workflow_run", &body).branch(), Some(""));
    }
}

#[test]
fn a_run_for_a_release_is_for_a_tag() {
    let mut body = sample("pipeline-failed");
    assert!(!subject!(Pipeline, "workflow_run", &body).is_tag);
    body["workflow_run"]["event"] = json!("release");
    assert!(subject!(Pipeline, "workflow_run", &body).is_tag);
}

#[test]
fn the_pull_request_of_a_run_goes_into_its_own_repository() {
    let mut body = sample("pipeline-failed");
    let pull = |number: u64, into: u64| json!({"number": number, "base": {"repo": {"id": into}}});
    body["workflow_run"]["pull_requests"] = json!([pull(7, 99), pull(128, 15)]);
    let found = subject!(Pipeline, "workflow_run", &body);
    assert_eq!(found.merge_request, Some(128));
}

#[test]
fn a_job_waits_runs_and_ends() {
    let mut body = sample("job-failed");
    for (action, status, conclusion, expected) in [
        ("queued", "queued", Value::Null, RunStatus::Waiting),
        ("queued", "waiting", Value::Null, RunStatus::Blocked),
        ("waiting", "waiting", Value::Null, RunStatus::Blocked),
        (
            "in_progress",
            "in_progress",
            Value::Null,
            RunStatus::Running,
        ),
        (
            "completed",
            "completed",
            json!("success"),
            RunStatus::Succeeded,
        ),
        (
            "completed",
            "completed",
            json!("failure"),
            RunStatus::Failed,
        ),
    ] {
        body["action"] = json!(action);
        body["workflow_job"]["status"] = json!(status);
        body["workflow_job"]["conclusion"] = conclusion;
        let found = subject!(Job, "workflow_job", &body);
        assert_eq!(found.status, expected, "{action} {status}");
        let reason = (expected == RunStatus::Failed).then_some("Run bundle exec rspec");
        assert_eq!(found.failure_reason.as_deref(), reason, "{action}");
        assert_eq!(found.duration_ms.is_some(), action == "completed");
    }
}

fn check(action: &str, status: &str, conclusion: Value) -> Value {
    json!({
        "action": action,
        "check_run": {
            "id": 4, "name": "lint", "head_sha": "a1", "status": status, "conclusion": conclusion,
            "started_at": "2026-01-01T00:00:00Z", "completed_at": "2026-01-01T00:00:05Z",
            "output": {"title": "3 faults"}, "html_url": "https://github.com/payments/storefront/runs/4",
            "check_suite": {"id": 9, "head_branch": "main"}, "app": {"slug": "linter"},
        },
        "repository": repository(),
    })
}

#[test]
fn a_check_that_is_asked_for_again_has_not_failed_again() {
    for (action, expected) in [
        ("created", RunStatus::Created),
        ("completed", RunStatus::Failed),
        ("rerequested", RunStatus::Created),
        ("requested_action", RunStatus::Other),
    ] {
        let found = subject!(
            Job,
            "check_run",
            &check(action, "completed", json!("failure"))
        );
        assert_eq!(found.status, expected, "{action}");
        let reason = (expected == RunStatus::Failed).then_some("3 faults");
        assert_eq!(found.failure_reason.as_deref(), reason);
    }
    let found = event(
        "check_run",
        &check("completed", "completed", json!("success")),
    );
    assert_eq!(found.branch(), Some("main"));
    let Subject::Job(job) = found.subject else {
        panic!("a job")
    };
    assert_eq!(
        (job.pipeline.as_deref(), job.duration_ms),
        (Some("9"), Some(5_000))
    );
}

#[test]
fn a_suite_of_another_app_is_a_pipeline_and_has_no_branch_in_a_fork() {
    let mut body = json!({
        "action": "completed",
        "check_suite": {
            "id": 9, "head_branch": "main", "head_sha": "a1", "status": "completed",
            "conclusion": "timed_out", "app": {"slug": "linter", "name": "Linter"},
        },
        "repository": repository(),
    });
    let found = event("check_suite", &body);
    assert_eq!(
        found.url.as_deref(),
        Some("https://github.com/payments/storefront/commit/a1/checks")
    );
    let suite = subject!(Pipeline, "check_suite", &body);
    assert_eq!(
        (suite.name.as_deref(), suite.status),
        (Some("Linter"), RunStatus::TimedOut)
    );
    body["check_suite"]["head_branch"] = Value::Null;
    assert_eq!(subject!(Pipeline, "check_suite", &body).git_ref, "");
}

#[test]
fn a_status_belongs_to_the_branch_that_ends_with_its_commit() {
    let branch = |name: &str, sha: &str| json!({"name": name, "commit": {"sha": sha}});
    let mut body = json!({
        "id": 6, "sha": "a1", "context": "ci/build", "state": "failure", "description": "2 tests failed",
        "target_url": "https://ci.example.org/6",
        "commit": {"sha": "a1", "author": null, "commit": {"message": "Round\n\nonce", "author": {"name": "Ada Martin"}}},
        "repository": repository(),
    });
    for (branches, expected) in [
        (json!([branch("old", "b2"), branch("fix", "a1")]), "fix"),
        (json!([branch("fix", "a1"), branch("main", "a1")]), "main"),
        (json!([branch("fix", "a1"), branch("main", "b2")]), "fix"),
        (json!([branch("old", "c3"), branch("main", "b2")]), "main"),
        (json!([]), ""),
    ] {
        body["branches"] = branches.clone();
        let found = subject!(Job, "status", &body);
        assert_eq!(found.git_ref, expected, "{branches}");
    }
    let found = subject!(Job, "status", &body);
    assert_eq!(found.commit.title.as_deref(), Some("Round"));
    assert_eq!(found.failure_reason.as_deref(), Some("2 tests failed"));
    for (state, expected) in [
        ("pending", RunStatus::Waiting),
        ("success", RunStatus::Succeeded),
        ("error", RunStatus::Failed),
        ("rocket", RunStatus::Other),
    ] {
        body["state"] = json!(state);
        let found = subject!(Job, "status", &body);
        assert_eq!(found.status, expected, "{state}");
        assert_eq!(
            found.failure_reason.is_some(),
            expected == RunStatus::Failed
        );
    }
}

#[test]
fn a_deployment_of_a_commit_has_no_branch() {
    let mut body = sample("deployment");
    assert_eq!(event("deployment", &body).branch(), Some("main"));
    body["deployment"]["ref"] = json!("refs/heads/main");
    assert_eq!(event("deployment", &body).branch(), Some("main"));
    body["deployment"]["ref"] = body["deployment"]["sha"].clone();
    let found = event("deployment", &body);
    assert_eq!(found.branch(), Some(""));
    let Subject::Deployment(deployment) = found.subject else {
        panic!("a deployment")
    };
    assert_eq!(deployment.status, RunStatus::Created);
    assert_eq!(
        deployment.commit,
        "a625406f6977d45c1391b078f4d3656e0b75bfcb"
    );
}

#[test]
fn a_deployment_stands_as_its_newest_status_says() {
    let mut body = sample("deployment");
    for (state, expected) in [
        ("pending", RunStatus::Waiting),
        ("queued", RunStatus::Waiting),
        ("waiting", RunStatus::Blocked),
        ("in_progress", RunStatus::Running),
        ("success", RunStatus::Succeeded),
        ("failure", RunStatus::Failed),
        ("error", RunStatus::Failed),
        ("inactive", RunStatus::Other),
    ] {
        body["deployment_status"]["state"] = json!(state);
        let found = event("deployment_status", &body);
        assert_eq!(found.provider_action.as_deref(), Some(state));
        let found = subject!(Deployment, "deployment_status", &body);
        assert_eq!(found.status, expected, "{state}");
    }
}

#[test]
fn environments_that_were_approved_together_are_one_event_each() {
    let run = sample("pipeline-failed")["workflow_run"].clone();
    let mut body = json!({
        "action": "approved", "workflow_run": run, "since": "2026-01-01T00:00:00Z",
        "workflow_job_runs": [{"id": 1, "environment": "staging"}, {"id": 2, "environment": "production"}],
        "workflow_job_run": {"id": 1, "environment": "staging"},
        "repository": repository(),
    });
    let found = events("deployment_review", &body);
    let seen: Vec<_> = found
        .iter()
        .map(|event| match &event.subject {
            Subject::Deployment(found) => (found.environment.as_str(), found.status),
            subject => panic!("a deployment, not {}", subject.name()),
        })
        .collect();
    let approved = RunStatus::Approved;
    assert_eq!(seen, [("staging", approved), ("production", approved)]);
    assert_eq!(found[0].happened_at, None);
    body["action"] = json!("requested");
    body["environment"] = json!("staging");
    body["workflow_job_runs"] = json!([]);
    let waits = event("deployment_review", &body);
    assert!(waits.happened_at.is_some() && waits.branch() == Some("main"));
    let waits = subject!(Deployment, "deployment_review", &body);
    assert_eq!(waits.status, RunStatus::Blocked);
    body["action"] = json!("rejected");
    let rejected = subject!(Deployment, "deployment_review", &body);
    assert_eq!(rejected.status, RunStatus::Rejected);
}
