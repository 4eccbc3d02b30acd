//! What runs: pipelines, jobs, and deployments.

use serde::{Deserialize, Serialize};

use super::CommitSummary;

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the field's own words")]
pub enum RunStatus {
    Created,
    Waiting,
    Running,
    Succeeded,
    Failed,
    TimedOut,
    Canceled,
    Skipped,
    Blocked,
    Approved,
    Rejected,
    Other,
}

/// A pipeline, or workflow run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pipeline {
    /// The provider's identifier, as text.
    pub id: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The branch or tag it ran for.
    pub git_ref: String,
    /// Whether `git_ref` is a tag.
    pub is_tag: bool,
    /// The commit it ran for.
    pub commit: CommitSummary,
    /// How it stands.
    pub status: RunStatus,
    /// How long it ran, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The number of the merge request it ran for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge_request: Option<u64>,
    /// What started it: `push`, `schedule`, `merge_request_event` ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// The names of the jobs that failed and were not allowed to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_jobs: Vec<String>,
}

/// A job of a pipeline, or a check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Job {
    /// The provider's identifier, as text.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The stage of the pipeline it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The branch or tag it ran for.
    pub git_ref: String,
    /// The commit it ran for.
    pub commit: CommitSummary,
    /// How it stands.
    pub status: RunStatus,
    /// It may fail without failing its pipeline.
    pub allowed_to_fail: bool,
    /// Why it failed, in the provider's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// How long it ran, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The identifier of its pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
}

/// A deployment to an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deployment {
    /// The provider's identifier, as text.
    pub id: String,
    /// The name of the environment, such as `production`.
    pub environment: String,
    /// How it stands.
    pub status: RunStatus,
    /// The branch or tag that is deployed; empty where the provider does not say.
    pub git_ref: String,
    /// The commit that is deployed; empty where the provider does not say.
    pub commit: String,
    /// Where what was deployed is to be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}
