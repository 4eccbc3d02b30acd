//! What happened, in the same words for every provider.
//!
//! Providers make these from deliveries, the store keeps them as JSON, and the engine converts them
//! to what a version of the rules' interface knows. The fields mean what `wit/event.wit` says.
//!
//! Invariant: what a provider does not send is `None`, never an empty string or a made-up value.

mod code;
mod run;
mod signal;
mod tracker;

pub use code::{Change, Commit, CommitSummary, FieldChange, MergeRequest, Push, Release, Tag};
pub use run::{Deployment, Job, Pipeline, RunStatus};
use serde::{Deserialize, Serialize};
pub use signal::{Alert, File, FileChange, Schedule};
pub use tracker::{Comment, CommentTarget, FeatureFlag, Issue, Member, Page};

use super::clock::Timestamp;
use super::names::{EventId, SourceName};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// Hookbox's own identifier, the same over retries and replays.
    pub id: EventId,
    /// The source that received it.
    pub source: SourceName,
    /// The provider's name, such as `gitlab`.
    pub provider: String,
    /// The provider's own name for the event, such as `Merge Request Hook`.
    pub provider_event: String,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// The same instant as RFC 3339 text in the operator's time zone.
    pub received_local: String,
    /// When it happened, as the provider says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub happened_at: Option<Timestamp>,
    /// The provider's own word for the action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_action: Option<String>,
    /// Somebody asked for this event to be evaluated again.
    #[serde(default)]
    pub replay: bool,
    /// Some text or list was cut; the whole is in the payload.
    #[serde(default)]
    pub truncated: bool,
    /// Who caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Person>,
    /// Where it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
    /// The page a person would open to see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What a parser has to say about how it read the payload, for people; rules do not see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The provider marks it as confidential, also where its subject has no word for that; rules do not
    /// see it, since only teams with the grant are asked at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confidential: bool,
    /// What it is about.
    pub subject: Subject,
}

impl Event {
    /// Whether the provider marks it as confidential.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.confidential
            || match &self.subject {
                Subject::Issue(issue) => issue.confidential,
                Subject::Comment(comment) => comment.confidential,
                _ => false,
            }
    }

    /// The full name of the project it belongs to, such as `group/name`.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        self.repository
            .as_ref()
            .map(|repository| repository.full_name.as_str())
    }

    /// The branch it is about: the branch pushed to, a merge request's target, a pipeline's or a job's.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        match &self.subject {
            Subject::Push(push) => Some(&push.branch),
            Subject::MergeRequest(merge_request) => Some(&merge_request.target_branch),
            Subject::Pipeline(pipeline) if !pipeline.is_tag => Some(&pipeline.git_ref),
            Subject::Job(job) => Some(&job.git_ref),
            Subject::Deployment(deployment) => Some(&deployment.git_ref),
            _ => None,
        }
    }
}

/// What an event is about. `Other` is an event there are no words for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "each case is described by the type of the same name"
)]
pub enum Subject {
    Push(Push),
    Tag(Tag),
    MergeRequest(Box<MergeRequest>),
    Issue(Issue),
    Comment(Comment),
    Pipeline(Pipeline),
    Job(Job),
    Release(Release),
    Deployment(Deployment),
    Page(Page),
    FeatureFlag(FeatureFlag),
    Member(Member),
    Alert(Alert),
    File(File),
    Schedule(Schedule),
    Ping,
    Other,
}

impl Subject {
    /// Every subject's name.
    pub const NAMES: [&'static str; 17] = [
        "push",
        "tag",
        "merge-request",
        "issue",
        "comment",
        "pipeline",
        "job",
        "release",
        "deployment",
        "page",
        "feature-flag",
        "member",
        "alert",
        "file",
        "schedule",
        "ping",
        "other",
    ];

    /// The name of the subject, such as `merge-request`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Push(_) => "push",
            Self::Tag(_) => "tag",
            Self::MergeRequest(_) => "merge-request",
            Self::Issue(_) => "issue",
            Self::Comment(_) => "comment",
            Self::Pipeline(_) => "pipeline",
            Self::Job(_) => "job",
            Self::Release(_) => "release",
            Self::Deployment(_) => "deployment",
            Self::Page(_) => "page",
            Self::FeatureFlag(_) => "feature-flag",
            Self::Member(_) => "member",
            Self::Alert(_) => "alert",
            Self::File(_) => "file",
            Self::Schedule(_) => "schedule",
            Self::Ping => "ping",
            Self::Other => "other",
        }
    }
}

/// Somebody, as the provider names them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Person {
    /// The provider's identifier, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// The name they log in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Their e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The provider says that it is a program; false where it does not say.
    pub bot: bool,
}

/// Who may see a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the field's own words")]
pub enum Visibility {
    Public,
    Internal,
    Private,
    Unknown,
}

/// A repository; for a tracker its project, for a page its space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Repository {
    /// The provider's identifier, as text.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `group/subgroup/name`.
    pub full_name: String,
    /// Its page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where to clone it from over SSH.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_url: Option<String>,
    /// Where to clone it from over HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_url: Option<String>,
    /// The branch it shows first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<String>,
    /// Who may see it.
    pub visibility: Visibility,
}
