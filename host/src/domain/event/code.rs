//! What happens to code: commits, pushes, tags, merge requests, and releases.

use serde::{Deserialize, Serialize};

use super::{Person, Repository};
use crate::domain::clock::Timestamp;

/// A commit, where only what it is and whose it is matters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CommitSummary {
    /// Its hash.
    pub id: String,
    /// The first line of its message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Person>,
    /// Its page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A commit as it was pushed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Commit {
    /// Its hash.
    pub id: String,
    /// The first line of its message.
    pub title: String,
    /// The whole message.
    pub message: String,
    /// Its page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Person>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The files that it adds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// The files that it changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modified: Vec<String>,
    /// The files that it removes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

/// A branch moved. `created` and `deleted` say that it began or ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Push {
    /// The branch.
    pub branch: String,
    /// The commit that the branch was on; all zeros where it began.
    pub before: String,
    /// The commit that the branch is on; all zeros where it ended.
    pub after: String,
    /// It began with this event.
    pub created: bool,
    /// It ended with this event.
    pub deleted: bool,
    /// History was rewritten.
    pub forced: bool,
    /// The commits the provider sent; it may send fewer than it counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commits: Vec<Commit>,
    /// How many commits the provider counts.
    pub commit_count: u32,
}

/// A tag was made, moved or removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// The commit it is on, or was on before it was removed.
    pub target: String,
    /// Its message, where it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// It began with this event.
    pub created: bool,
    /// It ended with this event.
    pub deleted: bool,
}

/// A merge request, or pull request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MergeRequest {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text, in the provider's markup.
    pub description: String,
    /// What happened to it.
    pub change: Change,
    /// `open`, `closed`, `merged` or `locked`.
    pub state: String,
    /// It is not ready for review yet.
    pub draft: bool,
    /// The branch it comes from.
    pub source_branch: String,
    /// The branch it goes to.
    pub target_branch: String,
    /// The repository the branch comes from, where that is another one: a fork.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_repository: Option<Repository>,
    /// The newest commit of the source branch.
    pub head: String,
    /// The one before, when `change` is `commits-pushed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_head: Option<String>,
    /// The commit on the target branch, once merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge_commit: Option<String>,
    /// Who opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Person>,
    /// Its labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Whom it is assigned to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignees: Vec<Person>,
    /// Who is asked to review it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reviewers: Vec<Person>,
    /// The milestone it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milestone: Option<String>,
    /// The fields that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
}

/// A field and its value before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FieldChange {
    /// The name of the field.
    pub field: String,
    /// The value before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The value after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Release {
    /// Its tag.
    pub tag: String,
    /// Its name.
    pub name: String,
    /// Its text, in the provider's markup.
    pub description: String,
    /// What happened to it.
    pub change: Change,
    /// It is announced as not final.
    pub prerelease: bool,
}

/// `updated` is a change of the text or the attributes; `commits-pushed` new commits on the source branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the field's own words")]
pub enum Change {
    Opened,
    Updated,
    Closed,
    Reopened,
    Merged,
    Deleted,
    CommitsPushed,
    Approved,
    Unapproved,
    ChangesRequested,
    ReviewRequested,
    ReviewDismissed,
    Reviewed,
    Ready,
    Drafted,
    Labeled,
    Unlabeled,
    Assigned,
    Unassigned,
    Locked,
    Unlocked,
    Resolved,
    Unresolved,
    Other,
}
