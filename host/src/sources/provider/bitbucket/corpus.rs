//! What Bitbucket Cloud's real payloads become.

use crate::sources::corpus::{Corpus, header};

/// Why no address to clone from is told.
const NO_CLONE: &str =
    "Bitbucket Cloud sends no address to clone from; the other parser makes one of the name";

pub(in crate::sources) const CORPUS: Corpus = Corpus {
    folder: "bitbucket",
    provider: "bitbucket",
    kind: |headers, _| header(headers, super::EVENT).unwrap_or_default(),
    subjects: &[
        ("repo:push", &["push", "tag"]),
        ("repo:commit_status_*", &["pipeline"]),
        ("pullrequest:comment_*", &["comment"]),
        ("pullrequest:*", &["merge-request"]),
    ],
    others: &[],
    differences: &[
        ("scm.PushHook", "clone", NO_CLONE),
        ("scm.PushHook", "ssh", NO_CLONE),
        ("scm.BranchHook", "clone", NO_CLONE),
        ("scm.BranchHook", "ssh", NO_CLONE),
        ("scm.TagHook", "clone", NO_CLONE),
        ("scm.TagHook", "ssh", NO_CLONE),
        ("scm.PullRequestHook", "clone", NO_CLONE),
        ("scm.PullRequestHook", "ssh", NO_CLONE),
        ("scm.IssueCommentHook", "clone", NO_CLONE),
        ("scm.IssueCommentHook", "ssh", NO_CLONE),
        ("scm.PipelineHook", "clone", NO_CLONE),
        (
            "scm.PipelineHook",
            "default branch",
            "the other parser takes the branch that was built for the main one",
        ),
        (
            "scm.PipelineHook",
            "pipeline",
            "a status is known by its `key`; the other parser finds a number in its page's address",
        ),
        (
            "pr_updated.json",
            "action",
            "an update may be one of the title: whether there are new commits is not sent",
        ),
    ],
    at_least: (13, 130),
};
