//! What Gitee's real payloads become.

use serde_json::Value;

use crate::sources::corpus::Corpus;

pub(in crate::sources) const CORPUS: Corpus = Corpus {
    folder: "gitee",
    provider: "gitee",
    kind: |_, body: &Value| super::kind::of_body(body).unwrap_or("none").to_owned(),
    subjects: &[
        ("push_hooks", &["push"]),
        ("tag_push_hooks", &["tag"]),
        ("merge_request_hooks", &["merge-request"]),
        ("issue_hooks", &["issue"]),
        ("note_hooks", &["comment"]),
    ],
    others: &[],
    differences: &[
        (
            "scm.IssueHook",
            "number",
            "people know the key, such as `I4CYEO`, which the other project turns into a number",
        ),
        (
            "scm.IssueCommentHook",
            "number",
            "people know the key, such as `I4CF12`, which the other project turns into a number",
        ),
        (
            "issue_hook_assign.json",
            "action",
            "there is a word of its own for it: assigned",
        ),
        (
            "issue_hook_delete.json",
            "action",
            "the issue is gone, not closed",
        ),
        (
            "issue_hook_state_change.json",
            "action",
            "the issue was taken up, not opened again: its state is `progressing`",
        ),
    ],
    at_least: (17, 150),
};
