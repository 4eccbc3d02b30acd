//! What happens around code: issues, comments, pages, members, and feature flags.

use serde::{Deserialize, Serialize};

use super::{Change, FieldChange, Person};

/// An issue of a tracker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Issue {
    /// `42`, or `PAY-42` where the tracker has keys.
    pub key: String,
    /// Its title.
    pub title: String,
    /// Its text, in the provider's markup.
    pub description: String,
    /// What happened to it.
    pub change: Change,
    /// `open` or `closed`, or the tracker's own word, such as `In Progress`.
    pub state: String,
    /// `issue`, `incident`, `bug`, `story` ...
    pub kind: String,
    /// The provider marks it as confidential.
    pub confidential: bool,
    /// Who opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Person>,
    /// Its labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Whom it is assigned to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignees: Vec<Person>,
    /// The milestone it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milestone: Option<String>,
    /// Its priority, in the tracker's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// The fields that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
}

/// What a comment is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the field's own words")]
pub enum CommentTarget {
    MergeRequest,
    Issue,
    Commit,
    Snippet,
    Page,
    Other,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comment {
    /// The provider's identifier, as text.
    pub id: String,
    /// Its text, in the provider's markup.
    pub text: String,
    /// What it is on.
    pub target: CommentTarget,
    /// The number or key of what it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_key: Option<String>,
    /// The title of what it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_title: Option<String>,
    /// Who opened what it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_author: Option<Person>,
    /// The file in which a review comment stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line it stands at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The provider marks it as confidential.
    pub confidential: bool,
    /// What happened to it.
    pub change: Change,
}

/// A wiki or Confluence page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Page {
    /// The provider's identifier, as text.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The key of the space it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// What happened to it.
    pub change: Change,
    /// The number of its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Somebody joined, changed role in, or left a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Member {
    /// Who it is.
    pub person: Person,
    /// `opened` when they joined, `updated` when their role changed, `deleted` when they left.
    pub change: Change,
    /// Their role, in the provider's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// A feature flag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FeatureFlag {
    /// Its name.
    pub name: String,
    /// It is switched on.
    pub active: bool,
    /// Its text, in the provider's markup.
    pub description: String,
}
