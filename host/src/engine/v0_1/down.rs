//! From the domain's words to those of version 0.1: events.
//!
//! What this version has no words for becomes `other`.

use super::bindings::hookbox::rule::event as v0_1;
use crate::domain::clock::Timestamp;
use crate::domain::event::{
    Alert, Change, Comment, CommentTarget, Commit, CommitSummary, Deployment, Event, FeatureFlag,
    FieldChange, File, FileChange, Issue, Job, Member, MergeRequest, Page, Person, Pipeline, Push,
    Release, Repository, RunStatus, Schedule, Subject, Tag, Visibility,
};

/// A moment before 1970 has no words in the interface, and none is received there.
fn time(at: Timestamp) -> u64 {
    u64::try_from(at.0).unwrap_or(0)
}

pub(super) fn event(event: &Event) -> v0_1::Event {
    v0_1::Event {
        id: event.id.0.clone(),
        source: event.source.to_string(),
        provider: event.provider.clone(),
        provider_event: event.provider_event.clone(),
        received_at: time(event.received_at),
        received_local: event.received_local.clone(),
        happened_at: event.happened_at.map(time),
        provider_action: event.provider_action.clone(),
        replay: event.replay,
        truncated: event.truncated,
        actor: event.actor.as_ref().map(person),
        repository: event.repository.as_ref().map(repository),
        url: event.url.clone(),
        subject: subject(&event.subject),
    }
}

fn subject(subject: &Subject) -> v0_1::Subject {
    match subject {
        Subject::Push(it) => v0_1::Subject::Push(push(it)),
        Subject::Tag(it) => v0_1::Subject::Tag(tag(it)),
        Subject::MergeRequest(it) => v0_1::Subject::MergeRequest(merge_request(it)),
        Subject::Issue(it) => v0_1::Subject::Issue(issue(it)),
        Subject::Comment(it) => v0_1::Subject::Comment(comment(it)),
        Subject::Pipeline(it) => v0_1::Subject::Pipeline(pipeline(it)),
        Subject::Job(it) => v0_1::Subject::Job(job(it)),
        Subject::Release(it) => v0_1::Subject::Release(release(it)),
        Subject::Deployment(it) => v0_1::Subject::Deployment(deployment(it)),
        Subject::Page(it) => v0_1::Subject::Page(page(it)),
        Subject::FeatureFlag(it) => v0_1::Subject::FeatureFlag(feature_flag(it)),
        Subject::Member(it) => v0_1::Subject::Member(member(it)),
        Subject::Alert(it) => v0_1::Subject::Alert(alert(it)),
        Subject::File(it) => v0_1::Subject::File(file(it)),
        Subject::Schedule(it) => v0_1::Subject::Schedule(schedule(it)),
        Subject::Ping => v0_1::Subject::Ping,
        Subject::Other => v0_1::Subject::Other,
    }
}

fn person(person: &Person) -> v0_1::Person {
    v0_1::Person {
        id: person.id.clone(),
        name: person.name.clone(),
        username: person.username.clone(),
        email: person.email.clone(),
        bot: person.bot,
    }
}

fn repository(repository: &Repository) -> v0_1::Repository {
    v0_1::Repository {
        id: repository.id.clone(),
        name: repository.name.clone(),
        full_name: repository.full_name.clone(),
        url: repository.url.clone(),
        ssh_url: repository.ssh_url.clone(),
        http_url: repository.http_url.clone(),
        default_branch: repository.default_branch.clone(),
        visibility: visibility(repository.visibility),
    }
}

fn commit_summary(commit_summary: &CommitSummary) -> v0_1::CommitSummary {
    v0_1::CommitSummary {
        id: commit_summary.id.clone(),
        title: commit_summary.title.clone(),
        author: commit_summary.author.as_ref().map(person),
        url: commit_summary.url.clone(),
    }
}

fn commit(commit: &Commit) -> v0_1::Commit {
    v0_1::Commit {
        id: commit.id.clone(),
        title: commit.title.clone(),
        message: commit.message.clone(),
        url: commit.url.clone(),
        author: commit.author.as_ref().map(person),
        time: commit.time.map(time),
        added: commit.added.clone(),
        modified: commit.modified.clone(),
        removed: commit.removed.clone(),
    }
}

fn push(push: &Push) -> v0_1::Push {
    v0_1::Push {
        branch: push.branch.clone(),
        before: push.before.clone(),
        after: push.after.clone(),
        created: push.created,
        deleted: push.deleted,
        forced: push.forced,
        commits: push.commits.iter().map(commit).collect(),
        commit_count: push.commit_count,
    }
}

fn tag(tag: &Tag) -> v0_1::Tag {
    v0_1::Tag {
        name: tag.name.clone(),
        target: tag.target.clone(),
        message: tag.message.clone(),
        created: tag.created,
        deleted: tag.deleted,
    }
}

fn merge_request(merge_request: &MergeRequest) -> v0_1::MergeRequest {
    v0_1::MergeRequest {
        number: merge_request.number,
        title: merge_request.title.clone(),
        description: merge_request.description.clone(),
        change: change(merge_request.change),
        state: merge_request.state.clone(),
        draft: merge_request.draft,
        source_branch: merge_request.source_branch.clone(),
        target_branch: merge_request.target_branch.clone(),
        source_repository: merge_request.source_repository.as_ref().map(repository),
        head: merge_request.head.clone(),
        previous_head: merge_request.previous_head.clone(),
        merge_commit: merge_request.merge_commit.clone(),
        author: merge_request.author.as_ref().map(person),
        labels: merge_request.labels.clone(),
        assignees: merge_request.assignees.iter().map(person).collect(),
        reviewers: merge_request.reviewers.iter().map(person).collect(),
        milestone: merge_request.milestone.clone(),
        changes: merge_request.changes.iter().map(field_change).collect(),
    }
}

fn field_change(field_change: &FieldChange) -> v0_1::FieldChange {
    v0_1::FieldChange {
        field: field_change.field.clone(),
        before: field_change.before.clone(),
        after: field_change.after.clone(),
    }
}

fn release(release: &Release) -> v0_1::Release {
    v0_1::Release {
        tag: release.tag.clone(),
        name: release.name.clone(),
        description: release.description.clone(),
        change: change(release.change),
        prerelease: release.prerelease,
    }
}

fn pipeline(pipeline: &Pipeline) -> v0_1::Pipeline {
    v0_1::Pipeline {
        id: pipeline.id.clone(),
        name: pipeline.name.clone(),
        git_ref: pipeline.git_ref.clone(),
        is_tag: pipeline.is_tag,
        commit: commit_summary(&pipeline.commit),
        status: run_status(pipeline.status),
        duration_ms: pipeline.duration_ms,
        merge_request: pipeline.merge_request,
        trigger: pipeline.trigger.clone(),
        failed_jobs: pipeline.failed_jobs.clone(),
    }
}

fn job(job: &Job) -> v0_1::Job {
    v0_1::Job {
        id: job.id.clone(),
        name: job.name.clone(),
        stage: job.stage.clone(),
        git_ref: job.git_ref.clone(),
        commit: commit_summary(&job.commit),
        status: run_status(job.status),
        allowed_to_fail: job.allowed_to_fail,
        failure_reason: job.failure_reason.clone(),
        duration_ms: job.duration_ms,
        pipeline: job.pipeline.clone(),
    }
}

fn deployment(deployment: &Deployment) -> v0_1::Deployment {
    v0_1::Deployment {
        id: deployment.id.clone(),
        environment: deployment.environment.clone(),
        status: run_status(deployment.status),
        git_ref: deployment.git_ref.clone(),
        commit: deployment.commit.clone(),
        url: deployment.url.clone(),
    }
}

fn alert(alert: &Alert) -> v0_1::Alert {
    v0_1::Alert {
        name: alert.name.clone(),
        firing: alert.firing,
        severity: alert.severity.clone(),
        summary: alert.summary.clone(),
        description: alert.description.clone(),
        fingerprint: alert.fingerprint.clone(),
        started_at: alert.started_at.map(time),
        ended_at: alert.ended_at.map(time),
        labels: alert.labels.clone(),
        annotations: alert.annotations.clone(),
    }
}

fn schedule(schedule: &Schedule) -> v0_1::Schedule {
    v0_1::Schedule {
        name: schedule.name.clone(),
        due_at: time(schedule.due_at),
    }
}

fn file(file: &File) -> v0_1::File {
    v0_1::File {
        name: file.name.clone(),
        path: file.path.clone(),
        previous_path: file.previous_path.clone(),
        change: file_change(file.change),
        size: file.size,
        media_type: file.media_type.clone(),
        modified_at: file.modified_at.map(time),
    }
}

fn issue(issue: &Issue) -> v0_1::Issue {
    v0_1::Issue {
        key: issue.key.clone(),
        title: issue.title.clone(),
        description: issue.description.clone(),
        change: change(issue.change),
        state: issue.state.clone(),
        kind: issue.kind.clone(),
        confidential: issue.confidential,
        author: issue.author.as_ref().map(person),
        labels: issue.labels.clone(),
        assignees: issue.assignees.iter().map(person).collect(),
        milestone: issue.milestone.clone(),
        priority: issue.priority.clone(),
        changes: issue.changes.iter().map(field_change).collect(),
    }
}

fn comment(comment: &Comment) -> v0_1::Comment {
    v0_1::Comment {
        id: comment.id.clone(),
        text: comment.text.clone(),
        target: comment_target(comment.target),
        target_key: comment.target_key.clone(),
        target_title: comment.target_title.clone(),
        target_author: comment.target_author.as_ref().map(person),
        path: comment.path.clone(),
        line: comment.line,
        confidential: comment.confidential,
        change: change(comment.change),
    }
}

fn page(page: &Page) -> v0_1::Page {
    v0_1::Page {
        id: page.id.clone(),
        title: page.title.clone(),
        space: page.space.clone(),
        change: change(page.change),
        version: page.version,
    }
}

fn member(member: &Member) -> v0_1::Member {
    v0_1::Member {
        person: person(&member.person),
        change: change(member.change),
        role: member.role.clone(),
    }
}

fn feature_flag(feature_flag: &FeatureFlag) -> v0_1::FeatureFlag {
    v0_1::FeatureFlag {
        name: feature_flag.name.clone(),
        active: feature_flag.active,
        description: feature_flag.description.clone(),
    }
}

fn visibility(visibility: Visibility) -> v0_1::Visibility {
    match visibility {
        Visibility::Public => v0_1::Visibility::Public,
        Visibility::Internal => v0_1::Visibility::Internal,
        Visibility::Private => v0_1::Visibility::Private,
        Visibility::Unknown => v0_1::Visibility::Unknown,
    }
}

fn change(change: Change) -> v0_1::Change {
    match change {
        Change::Opened => v0_1::Change::Opened,
        Change::Updated => v0_1::Change::Updated,
        Change::Closed => v0_1::Change::Closed,
        Change::Reopened => v0_1::Change::Reopened,
        Change::Merged => v0_1::Change::Merged,
        Change::Deleted => v0_1::Change::Deleted,
        Change::CommitsPushed => v0_1::Change::CommitsPushed,
        Change::Approved => v0_1::Change::Approved,
        Change::Unapproved => v0_1::Change::Unapproved,
        Change::ChangesRequested => v0_1::Change::ChangesRequested,
        Change::ReviewRequested => v0_1::Change::ReviewRequested,
        Change::ReviewDismissed => v0_1::Change::ReviewDismissed,
        Change::Reviewed => v0_1::Change::Reviewed,
        Change::Ready => v0_1::Change::Ready,
        Change::Drafted => v0_1::Change::Drafted,
        Change::Labeled => v0_1::Change::Labeled,
        Change::Unlabeled => v0_1::Change::Unlabeled,
        Change::Assigned => v0_1::Change::Assigned,
        Change::Unassigned => v0_1::Change::Unassigned,
        Change::Locked => v0_1::Change::Locked,
        Change::Unlocked => v0_1::Change::Unlocked,
        Change::Resolved => v0_1::Change::Resolved,
        Change::Unresolved => v0_1::Change::Unresolved,
        Change::Other => v0_1::Change::Other,
    }
}

fn run_status(run_status: RunStatus) -> v0_1::RunStatus {
    match run_status {
        RunStatus::Created => v0_1::RunStatus::Created,
        RunStatus::Waiting => v0_1::RunStatus::Waiting,
        RunStatus::Running => v0_1::RunStatus::Running,
        RunStatus::Succeeded => v0_1::RunStatus::Succeeded,
        RunStatus::Failed => v0_1::RunStatus::Failed,
        RunStatus::TimedOut => v0_1::RunStatus::TimedOut,
        RunStatus::Canceled => v0_1::RunStatus::Canceled,
        RunStatus::Skipped => v0_1::RunStatus::Skipped,
        RunStatus::Blocked => v0_1::RunStatus::Blocked,
        RunStatus::Approved => v0_1::RunStatus::Approved,
        RunStatus::Rejected => v0_1::RunStatus::Rejected,
        RunStatus::Other => v0_1::RunStatus::Other,
    }
}

fn file_change(file_change: FileChange) -> v0_1::FileChange {
    match file_change {
        FileChange::Created => v0_1::FileChange::Created,
        FileChange::Modified => v0_1::FileChange::Modified,
        FileChange::Renamed => v0_1::FileChange::Renamed,
        FileChange::Removed => v0_1::FileChange::Removed,
    }
}

fn comment_target(comment_target: CommentTarget) -> v0_1::CommentTarget {
    match comment_target {
        CommentTarget::MergeRequest => v0_1::CommentTarget::MergeRequest,
        CommentTarget::Issue => v0_1::CommentTarget::Issue,
        CommentTarget::Commit => v0_1::CommentTarget::Commit,
        CommentTarget::Snippet => v0_1::CommentTarget::Snippet,
        CommentTarget::Page => v0_1::CommentTarget::Page,
        CommentTarget::Other => v0_1::CommentTarget::Other,
    }
}
