//! What Bitbucket Data Center's real payloads become.

use crate::sources::corpus::{Corpus, header};

/// Why no default branch is told.
const NO_BRANCH: &str = "the main branch is not sent; the other parser takes it to be `master`";

pub(in crate::sources) const CORPUS: Corpus = Corpus {
    folder: "bitbucket-server",
    provider: "bitbucket-data-center",
    kind: |headers, _| header(headers, super::EVENT).unwrap_or_default(),
    subjects: &[
        ("repo:refs_changed", &["push", "tag"]),
        ("pr:comment:*", &["comment"]),
        ("pr:*", &["merge-request"]),
    ],
    others: &[],
    differences: &[
        ("scm.PushHook", "default branch", NO_BRANCH),
        ("scm.BranchHook", "default branch", NO_BRANCH),
        ("scm.TagHook", "default branch", NO_BRANCH),
        ("scm.PullRequestHook", "default branch", NO_BRANCH),
        (
            "scm.PushHook",
            "commits",
            "these versions send no commits; the other parser makes one of the new head",
        ),
        (
            "pr_modified_toref.json",
            "action",
            "another target branch is no new commit on the source branch",
        ),
        (
            "pr_deleted.json",
            "action",
            "it was closed before: now it is gone",
        ),
    ],
    at_least: (16, 180),
};
