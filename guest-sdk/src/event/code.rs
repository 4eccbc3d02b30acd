//! Methods of what happens to code: commits, pushes, tags, and merge requests.

use super::{Change, Commit, CommitSummary, MergeRequest, Push, Tag};

/// How many characters of a commit's identifier people read: what the providers show.
const SHORT: usize = 8;

fn short(id: &str) -> &str {
    id.get(..SHORT).unwrap_or(id)
}

impl Commit {
    /// The first eight characters of its identifier.
    #[must_use]
    pub fn short_id(&self) -> &str {
        short(&self.id)
    }
}

impl CommitSummary {
    /// The first eight characters of its identifier.
    #[must_use]
    pub fn short_id(&self) -> &str {
        short(&self.id)
    }
}

impl Push {
    /// The first eight characters of the commit the branch was at.
    #[must_use]
    pub fn short_before(&self) -> &str {
        short(&self.before)
    }

    /// The first eight characters of the commit the branch is at.
    #[must_use]
    pub fn short_after(&self) -> &str {
        short(&self.after)
    }

    /// How many commits the provider counts beyond those it sent.
    #[must_use]
    pub fn commits_not_sent(&self) -> u32 {
        let sent = u32::try_from(self.commits.len()).unwrap_or(u32::MAX);
        self.commit_count.saturating_sub(sent)
    }
}

impl Tag {
    /// The first eight characters of the commit it is on.
    #[must_use]
    pub fn short_target(&self) -> &str {
        short(&self.target)
    }
}

impl MergeRequest {
    /// The first eight characters of the newest commit of the source branch.
    #[must_use]
    pub fn short_head(&self) -> &str {
        short(&self.head)
    }

    /// Whether the source branch is another repository's.
    #[must_use]
    pub fn is_from_fork(&self) -> bool {
        self.source_repository.is_some()
    }

    /// Whether it has a label, by its exact name.
    #[must_use]
    pub fn has_label(&self, label: &str) -> bool {
        self.labels.iter().any(|own| own == label)
    }
}

impl Change {
    /// The change in words, such as `commits pushed`.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Updated => "updated",
            Self::Closed => "closed",
            Self::Reopened => "reopened",
            Self::Merged => "merged",
            Self::Deleted => "deleted",
            Self::CommitsPushed => "commits pushed",
            Self::Approved => "approved",
            Self::Unapproved => "approval withdrawn",
            Self::ChangesRequested => "changes requested",
            Self::ReviewRequested => "review requested",
            Self::ReviewDismissed => "review dismissed",
            Self::Reviewed => "reviewed",
            Self::Ready => "ready for review",
            Self::Drafted => "back to draft",
            Self::Labeled => "labeled",
            Self::Unlabeled => "label removed",
            Self::Assigned => "assigned",
            Self::Unassigned => "assignment removed",
            Self::Locked => "locked",
            Self::Unlocked => "unlocked",
            Self::Resolved => "resolved",
            Self::Unresolved => "unresolved",
            Self::Other => "changed",
        }
    }
}
