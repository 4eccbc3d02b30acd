//! What GitHub's real payloads become.

use serde_json::Value;

use crate::sources::corpus::{Corpus, header};
use crate::sources::json::{Cut, Node};

/// The kind of a payload, as words that are part of no path: `push event`, `check_run event of Actions`.
fn kind(headers: &[(String, String)], body: &Value) -> String {
    let cut = Cut::default();
    let header = header(headers, super::EVENT);
    let kind = super::kind::of(header.as_deref(), Some(Node::root(body, &cut))).unwrap_or("no");
    let is_of_actions = body[kind]["app"]["slug"] == "github-actions";
    match body["action"].as_str() {
        _ if is_of_actions => format!("{kind} event of Actions"),
        Some(action) if kind == "organization" => format!("organization event, {action}"),
        _ => format!("{kind} event"),
    }
}

pub(in crate::sources) const CORPUS: Corpus = Corpus {
    folder: "github",
    provider: "github",
    kind,
    subjects: &[
        ("push event", &["push", "tag"]),
        ("pull_request event", &["merge-request"]),
        ("pull_request_review event", &["merge-request"]),
        ("pull_request_review_thread event", &["merge-request"]),
        ("issues event", &["issue"]),
        ("issue_comment event", &["comment"]),
        ("pull_request_review_comment event", &["comment"]),
        ("commit_comment event", &["comment"]),
        ("discussion_comment event", &["comment"]),
        ("workflow_run event", &["pipeline"]),
        ("check_suite event", &["pipeline"]),
        ("workflow_job event", &["job"]),
        ("check_run event", &["job"]),
        ("status event", &["job"]),
        ("release event", &["release"]),
        ("deployment event", &["deployment"]),
        ("deployment_status event", &["deployment"]),
        ("deployment_review event", &["deployment"]),
        ("gollum event", &["page"]),
        ("member event", &["member"]),
        ("membership event", &["member"]),
        ("organization event, member_*", &["member"]),
        ("dependabot_alert event", &["alert"]),
        ("code_scanning_alert event", &["alert"]),
        ("ping event", &["ping"]),
    ],
    others: &[
        (
            "create event",
            "the push of the same branch or tag has its commit",
        ),
        ("delete event", "the push of the same branch or tag says so"),
        (
            "check_suite event of Actions",
            "the same as a run of a workflow",
        ),
        (
            "check_run event of Actions",
            "the same as a job of a workflow",
        ),
        (
            "repository_vulnerability_alert event",
            "the same as a `dependabot_alert`",
        ),
        (
            "organization event, renamed",
            "an organization is a place, not a subject",
        ),
        ("branch_protection_rule event", "a setting of a branch"),
        ("deploy_key event", "a key is no member"),
        (
            "discussion event",
            "a discussion is neither an issue nor a comment",
        ),
        ("fork event", "a repository is a place, not a subject"),
        ("github_app_authorization event", "it is about an app"),
        ("installation event", "it is about an app"),
        ("installation_repositories event", "it is about an app"),
        ("label event", "a label is a field of issues, not a subject"),
        ("marketplace_purchase event", "it is about an app"),
        (
            "merge_group event",
            "a place in the merge queue, with several pull requests",
        ),
        ("meta event", "the webhook was removed"),
        (
            "milestone event",
            "a milestone is a field of issues, not a subject",
        ),
        ("org_block event", "who is blocked need not be a member"),
        ("package event", "a package is not a release"),
        ("page_build event", "the pages of a site were built"),
        ("project event", "a board is not a subject"),
        ("project_card event", "a board is not a subject"),
        ("project_column event", "a board is not a subject"),
        ("projects_v2_item event", "a board is not a subject"),
        ("public event", "a repository is a place, not a subject"),
        ("repository event", "a repository is a place, not a subject"),
        (
            "repository_dispatch event",
            "its content is whatever the sender likes",
        ),
        (
            "repository_import event",
            "a repository is a place, not a subject",
        ),
        (
            "security_advisory event",
            "it is about no repository of the sender's",
        ),
        ("sponsorship event", "it is about money"),
        ("star event", "somebody likes a repository"),
        ("team event", "a team is a place, not a subject"),
        ("team_add event", "a team is a place, not a subject"),
        ("watch event", "somebody likes a repository"),
        (
            "workflow_dispatch event",
            "the run that it starts is an event of its own",
        ),
    ],
    differences: &[
        (
            "scm.BranchHook",
            "subject",
            "`create` and `delete` tell what a push tells with the commit",
        ),
        (
            "scm.TagHook",
            "subject",
            "`create` and `delete` tell what a push tells with the commit",
        ),
        (
            "scm.PipelineHook",
            "pipeline",
            "the identifier is that of the address; `run_number` counts the runs of one workflow",
        ),
        (
            "pr_review_edited.json",
            "action",
            "an edited review changes nothing of the pull request",
        ),
        (
            "pr_review_submitted.json",
            "action",
            "a review that was handed in is told by what it says",
        ),
        (
            "push_tag_delete.json",
            "after",
            "the target of a tag that is gone is the commit on which it was",
        ),
    ],
    at_least: (360, 400),
};
