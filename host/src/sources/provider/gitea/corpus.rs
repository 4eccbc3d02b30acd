//! What the real payloads of Gitea and Gogs become.

use serde_json::Value;

use crate::sources::corpus::{Corpus, header};

/// The event, and for a branch or a tag which of them.
fn kind(headers: &[(String, String)], body: &Value) -> String {
    let event = ["x-gitea-event", "x-gogs-event"]
        .into_iter()
        .find_map(|name| header(headers, name))
        .unwrap_or_default();
    match body.get("ref_type").and_then(Value::as_str) {
        Some(what) => format!("{event} {what}"),
        None => event,
    }
}

pub(in crate::sources) const GITEA: Corpus = Corpus {
    folder: "gitea",
    provider: "gitea",
    kind,
    subjects: &[
        ("push", &["push"]),
        ("delete branch", &["push"]),
        ("pull_request", &["merge-request"]),
        ("issues", &["issue"]),
        ("issue_comment", &["comment"]),
    ],
    others: &[
        (
            "create *",
            "a new branch or tag is also announced as a push, which tells more",
        ),
        (
            "delete tag",
            "a removed tag is also announced as a push, which tells more",
        ),
    ],
    differences: &[
        (
            "branch_create.json",
            "subject",
            "a new branch is also announced as a push, which tells more",
        ),
        (
            "scm.TagHook",
            "subject",
            "a tag is also announced as a push, which tells more",
        ),
        (
            "pull_request_merged.json",
            "action",
            "the action is `closed`, and `merged` is true",
        ),
    ],
    at_least: (19, 100),
};

pub(in crate::sources) const GOGS: Corpus = Corpus {
    folder: "gogs",
    provider: "gogs",
    kind,
    subjects: &[
        ("push", &["push"]),
        ("delete branch", &["push"]),
        ("create tag", &["tag"]),
        ("delete tag", &["tag"]),
        ("pull_request", &["merge-request"]),
        ("issues", &["issue"]),
        ("issue_comment", &["comment"]),
    ],
    others: &[(
        "create branch",
        "a new branch is also announced as a push, which tells more",
    )],
    differences: &[(
        "branch_create.json",
        "subject",
        "a new branch is also announced as a push, which tells more",
    )],
    at_least: (17, 100),
};
