//! Runs and jobs of the Actions, and statuses of commits.

use serde_json::{Value, json};

use super::{event, note, with};
use crate::domain::clock::Timestamp;
use crate::domain::event::{Job, Pipeline, RunStatus, Subject};

fn pipeline(subject: Subject) -> Pipeline {
    match subject {
        Subject::Pipeline(pipeline) => pipeline,
        subject => panic!("not a pipeline but {}", subject.name()),
    }
}

fn job(subject: Subject) -> Job {
    match subject {
        Subject::Job(job) => job,
        subject => panic!("not a job but {}", subject.name()),
    }
}

fn workflow_run(path: &str, more: &Value) -> Value {
    let mut body = with(&json!({
        "action": "completed",
        "workflow": {"name": "Tests"},
        "workflow_run": {
            "id": 5,
            "path": path,
            "head_sha": "head",
            "event": "push",
            "display_title": "Add refunds\nand more",
            "status": "completed",
            "conclusion": "failure",
            "started_at": "2026-01-01T00:00:00Z",
            "completed_at": "2026-01-01T00:01:30Z",
        },
    }));
    for (key, value) in more.as_object().expect("an object") {
        body["workflow_run"][key] = value.clone();
    }
    body
}

#[test]
fn a_run_of_gitea_is_for_a_branch_a_tag_or_a_pull_request() {
    let read = |body: &Value| pipeline(event("gitea", "workflow_run", body).subject);
    let branch = read(&workflow_run("ci.yml@refs/heads/fix/x", &json!({})));
    assert_eq!((branch.git_ref.as_str(), branch.is_tag), ("fix/x", false));
    assert_eq!(branch.name.as_deref(), Some("Tests"));
    assert_eq!(branch.commit.title.as_deref(), Some("Add refunds"));
    assert_eq!(branch.duration_ms, Some(90_000));
    let tag = read(&workflow_run("ci.yml@refs/tags/v1", &json!({})));
    assert_eq!((tag.git_ref.as_str(), tag.is_tag), ("v1", true));
    let mut body = workflow_run(
        "ci.yml@refs/pull/12/head",
        &json!({"event": "pull_request"}),
    );
    body["pull_request"] = json!({"number": 12, "head": {"ref": "fix/x"}});
    let pull = read(&body);
    assert_eq!(
        (pull.git_ref.as_str(), pull.merge_request),
        ("fix/x", Some(12))
    );
    assert_eq!(pull.commit.title, None);
    let bare = workflow_run("ci.yml", &json!({"head_branch": "main"}));
    assert_eq!(read(&bare).git_ref, "main");
}

#[test]
fn a_run_of_gitea_stands_as_its_status_and_conclusion_say() {
    for (status, conclusion, expected) in [
        ("queued", "", RunStatus::Waiting),
        ("waiting", "", RunStatus::Blocked),
        ("in_progress", "", RunStatus::Running),
        ("completed", "success", RunStatus::Succeeded),
        ("completed", "failure", RunStatus::Failed),
        ("completed", "cancelled", RunStatus::Canceled),
        ("completed", "skipped", RunStatus::Skipped),
        ("completed", "rocket", RunStatus::Other),
        ("completed", "", RunStatus::Other),
    ] {
        let more = json!({"status": status, "conclusion": conclusion});
        let body = workflow_run("ci.yml@refs/heads/main", &more);
        let found = pipeline(event("gitea", "workflow_run", &body).subject);
        assert_eq!(found.status, expected, "{status} {conclusion}");
    }
}

#[test]
fn what_has_not_ended_yet_ended_at_no_time() {
    let more = json!({"status": "in_progress", "completed_at": "1970-01-01T00:00:00Z"});
    let found = event(
        "gitea",
        "workflow_run",
        &workflow_run("ci.yml@refs/heads/main", &more),
    );
    assert_eq!(found.happened_at, Some(Timestamp(1_767_225_600_000)));
    assert_eq!(pipeline(found.subject).duration_ms, None);
}

#[test]
fn a_job_of_gitea_belongs_to_its_run() {
    let body = with(&json!({
        "action": "completed",
        "workflow_job": {
            "id": 9, "run_id": 5, "name": "unit", "head_sha": "head", "head_branch": "main",
            "status": "completed", "conclusion": "failure",
        },
    }));
    let found = job(event("gitea", "workflow_job", &body).subject);
    assert_eq!(
        (
            found.name.as_str(),
            found.git_ref.as_str(),
            found.pipeline.as_deref()
        ),
        ("unit", "main", Some("5"))
    );
    assert_eq!(found.status, RunStatus::Failed);
}

#[test]
fn a_status_is_a_job_unless_it_repeats_one() {
    let mut body = with(&json!({
        "id": 3, "sha": "head", "context": "ci/woodpecker", "state": "failure",
        "target_url": "https://ci.example.org/3", "commit": {"message": "Add refunds\n"},
    }));
    let found = event("gitea", "status", &body);
    assert_eq!(found.url.as_deref(), Some("https://ci.example.org/3"));
    let read = job(found.subject);
    assert_eq!(
        (read.name.as_str(), read.status, read.git_ref.as_str()),
        ("ci/woodpecker", RunStatus::Failed, "")
    );
    for (state, expected) in [
        ("pending", RunStatus::Running),
        ("success", RunStatus::Succeeded),
        ("error", RunStatus::Failed),
        ("warning", RunStatus::Other),
    ] {
        body["state"] = json!(state);
        assert_eq!(
            job(event("gitea", "status", &body).subject).status,
            expected
        );
    }
    body["sender"] = json!({"id": -2, "login": "gitea-actions"});
    assert!(note(&event("gitea", "status", &body)).contains("`workflow_job`"));
}

fn action_run(action: &str, status: &str) -> Value {
    json!({
        "action": action,
        "run": {
            "id": 5,
            "title": "Add refunds",
            "repository": {
                "id": 15,
                "full_name": "payments/storefront",
                "html_url": "https://git.example.org/payments/storefront",
            },
            "workflow_id": "ci.yml",
            "trigger_user": {"id": 41, "login": "ada.martin"},
            "prettyref": "v1",
            "commit_sha": "head",
            "event": "push",
            "event_payload": r#"{"ref":"refs/tags/v1"}"#,
            "trigger_event": "push",
            "status": status,
            "started": "2026-01-01T00:00:00Z",
            "stopped": "2026-01-01T00:01:30Z",
        },
    })
}

#[test]
fn the_end_of_a_run_of_forgejo_is_told_once() {
    let found = event(
        "forgejo",
        "action_run_failure",
        &action_run("failure", "cancelled"),
    );
    assert_eq!(
        found.actor.map(|actor| actor.name),
        Some("ada.martin".to_owned())
    );
    assert_eq!(
        found.repository.map(|repository| repository.full_name),
        Some("payments/storefront".to_owned())
    );
    assert_eq!(pipeline(found.subject).status, RunStatus::Canceled);
    let found = event(
        "forgejo",
        "action_run_success",
        &action_run("success", "success"),
    );
    assert_eq!(pipeline(found.subject).status, RunStatus::Succeeded);
    for (name, action, status) in [
        ("action_run_recover", "recover", "success"),
        ("workflow_run_success", "run_completed", "success"),
        ("workflow_run_failure", "run_completed", "failure"),
        ("workflow_run_cancelled", "run_completed", "cancelled"),
        ("workflow_run_skipped", "new_run_attempt", "skipped"),
    ] {
        let found = event("forgejo", name, &action_run(action, status));
        assert!(note(&found).contains("`action_run_success`"), "{name}");
    }
    for (name, action, status, expected) in [
        (
            "workflow_run_waiting",
            "new_run_attempt",
            "waiting",
            RunStatus::Waiting,
        ),
        (
            "workflow_run_blocked",
            "run_status_changed",
            "blocked",
            RunStatus::Blocked,
        ),
        (
            "workflow_run_running",
            "run_status_changed",
            "running",
            RunStatus::Running,
        ),
        (
            "workflow_run_rocket",
            "run_status_changed",
            "rocket",
            RunStatus::Other,
        ),
    ] {
        let found = event("forgejo", name, &action_run(action, status));
        assert_eq!(pipeline(found.subject).status, expected, "{name}");
    }
}

#[test]
fn what_a_run_of_forgejo_is_for_stands_in_the_event_that_began_it() {
    let read = |body: &Value| pipeline(event("forgejo", "action_run_failure", body).subject);
    let mut body = action_run("failure", "failure");
    let tag = read(&body);
    assert_eq!((tag.git_ref.as_str(), tag.is_tag), ("v1", true));
    assert_eq!(tag.duration_ms, Some(90_000));
    body["run"]["event_payload"] = json!(r#"{"ref":"refs/heads/v1"}"#);
    assert!(!read(&body).is_tag);
    for odd in [
        json!("{"),
        json!("5"),
        json!(null),
        json!(r#"{"ref":"refs/tags/v2"}"#),
    ] {
        body["run"]["event_payload"] = odd;
        assert!(!read(&body).is_tag);
    }
    body["run"]["prettyref"] = json!("#12");
    let pull = read(&body);
    assert_eq!(
        (pull.git_ref.as_str(), pull.merge_request),
        ("#12", Some(12))
    );
}

#[test]
fn a_job_of_forgejo_has_the_commit_and_the_branch_of_its_run() {
    let mut body = action_run("job_completed", "running");
    body["job"] = json!({
        "id": 9, "name": "unit", "status": "failure", "html_url": "https://git.example.org/job",
        "started": "2026-01-01T00:00:30Z", "stopped": "2026-01-01T00:01:00Z",
    });
    let found = event("forgejo", "workflow_job_failure", &body);
    assert_eq!(found.url.as_deref(), Some("https://git.example.org/job"));
    assert_eq!(found.project(), Some("payments/storefront"));
    let found = job(found.subject);
    assert_eq!(
        (
            found.git_ref.as_str(),
            found.commit.id.as_str(),
            found.pipeline.as_deref()
        ),
        ("v1", "head", Some("5"))
    );
    assert_eq!(
        (found.status, found.duration_ms),
        (RunStatus::Failed, Some(30_000))
    );
}
