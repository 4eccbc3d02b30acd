//! What GitLab's real payloads become.

use serde_json::Value;

use crate::sources::corpus::Corpus;

pub(in crate::sources) const CORPUS: Corpus = Corpus {
    folder: "gitlab",
    provider: "gitlab",
    kind: |_, body: &Value| super::kind::of_body(body).unwrap_or("none").to_owned(),
    subjects: &[
        ("push", &["push"]),
        ("tag_push", &["tag"]),
        ("merge_request", &["merge-request"]),
        ("issue", &["issue"]),
        ("work_item", &["issue"]),
        ("note", &["comment"]),
        ("pipeline", &["pipeline"]),
        ("build", &["job"]),
        ("release", &["release"]),
        ("deployment", &["deployment"]),
        ("wiki_page", &["page"]),
        ("feature_flag", &["feature-flag"]),
        ("user_*", &["member"]),
    ],
    others: &[
        (
            "access_token",
            "a token expires: there is no subject for it",
        ),
        ("emoji", "a reaction is not a comment"),
        (
            "milestone",
            "a milestone is a field of issues, not a subject",
        ),
        (
            "vulnerability",
            "a finding is neither an alert nor an issue",
        ),
        ("project_*", "a project is a place, not a subject"),
        ("subgroup_*", "a group is a place, not a subject"),
        (
            "/group_merge_request.json",
            "most of its keys end with a space, so that it has no `iid`",
        ),
        (
            "/deployment__",
            "shortened for a test: neither an id nor an environment",
        ),
    ],
    differences: &[
        (
            "pull_request_review_ready.json",
            "action",
            "the merge request became a draft: `draft` was false and is true",
        ),
        (
            "scm.PipelineHook",
            "pull request",
            "the payload's `id` counts merge requests of all projects; people know the `iid`",
        ),
        (
            "scm.PullRequestHook",
            "author",
            "without an id of the user, only who opens a merge request is known to be its author",
        ),
    ],
    at_least: (100, 200),
};
