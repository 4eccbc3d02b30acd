//! What happened, in the same words for every provider.
//!
//! The types are the interface's own; this module gives them the questions that rules ask most.
//!
//! Invariant: a method about one subject answers `None` for every other.

mod code;
mod subject_name;

pub use subject_name::SubjectName;

pub use crate::bindings::hookbox::rule::event::{
    Alert, Change, Comment, CommentTarget, Commit, CommitSummary, Deployment, Event, FeatureFlag,
    FieldChange, File, FileChange, Issue, Job, Member, MergeRequest, Page, Person, Pipeline, Push,
    Release, Repository, RunStatus, Schedule, Subject, Tag, Visibility,
};

macro_rules! subject_methods {
    ($($(#[$doc:meta])* $method:ident: $subject:ident),* $(,)?) => {
        /// What the event is about, if it is about that.
        impl Event {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $method(&self) -> Option<&$subject> {
                    match &self.subject {
                        Subject::$subject(subject) => Some(subject),
                        _ => None,
                    }
                }
            )*
        }
    };
}

subject_methods! {
    /// The push, if a branch moved.
    push: Push,
    /// The tag, if one was made, moved, or removed.
    tag: Tag,
    /// The merge request, or pull request.
    merge_request: MergeRequest,
    /// The issue of a tracker.
    issue: Issue,
    /// The comment.
    comment: Comment,
    /// The pipeline, or workflow run.
    pipeline: Pipeline,
    /// The job of a pipeline, or check.
    job: Job,
    /// The release.
    release: Release,
    /// The deployment.
    deployment: Deployment,
    /// The wiki or Confluence page.
    page: Page,
    /// The feature flag.
    feature_flag: FeatureFlag,
    /// Who joined, changed role, or left.
    member: Member,
    /// What a monitor raised or cleared.
    alert: Alert,
    /// The file that settled in a watched folder.
    file: File,
    /// The time of the operator's that came.
    schedule: Schedule,
}

impl Event {
    /// What it is about, as a name.
    #[must_use]
    pub fn subject_name(&self) -> SubjectName {
        match &self.subject {
            Subject::Push(_) => SubjectName::Push,
            Subject::Tag(_) => SubjectName::Tag,
            Subject::MergeRequest(_) => SubjectName::MergeRequest,
            Subject::Issue(_) => SubjectName::Issue,
            Subject::Comment(_) => SubjectName::Comment,
            Subject::Pipeline(_) => SubjectName::Pipeline,
            Subject::Job(_) => SubjectName::Job,
            Subject::Release(_) => SubjectName::Release,
            Subject::Deployment(_) => SubjectName::Deployment,
            Subject::Page(_) => SubjectName::Page,
            Subject::FeatureFlag(_) => SubjectName::FeatureFlag,
            Subject::Member(_) => SubjectName::Member,
            Subject::Alert(_) => SubjectName::Alert,
            Subject::File(_) => SubjectName::File,
            Subject::Schedule(_) => SubjectName::Schedule,
            Subject::Ping => SubjectName::Ping,
            Subject::Other => SubjectName::Other,
        }
    }

    /// Whether the provider says that a program caused it; false where nobody is named.
    #[must_use]
    pub fn is_bot(&self) -> bool {
        self.actor.as_ref().is_some_and(|actor| actor.bot)
    }

    /// The name of who caused it.
    #[must_use]
    pub fn actor_name(&self) -> Option<&str> {
        self.actor.as_ref().map(|actor| actor.name.as_str())
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

impl Person {
    /// The name they log in with, or else their name.
    #[must_use]
    pub fn handle(&self) -> &str {
        self.username.as_deref().unwrap_or(&self.name)
    }
}

impl RunStatus {
    /// Whether it ended badly: failed, or out of time.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut)
    }

    /// Whether it has ended, however it did.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Succeeded
                | Self::Failed
                | Self::TimedOut
                | Self::Canceled
                | Self::Skipped
                | Self::Rejected
        )
    }
}
