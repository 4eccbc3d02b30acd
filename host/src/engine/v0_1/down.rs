//! From the domain's words to those of version 0.1: events.
//!
//! What this version has no words for becomes `other`. Texts are borrowed from the event; lists of them
//! lie in an arena that is thrown away with the evaluation.

use bumpalo::Bump;

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

fn texts<'a>(texts: &'a [String], arena: &'a Bump) -> &'a [&'a str] {
    arena.alloc_slice_fill_iter(texts.iter().map(String::as_str))
}

fn pairs<'a>(pairs: &'a [(String, String)], arena: &'a Bump) -> &'a [(&'a str, &'a str)] {
    arena.alloc_slice_fill_iter(
        pairs
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str())),
    )
}

pub(in crate::engine) fn event<'a>(event: &'a Event, arena: &'a Bump) -> v0_1::Event<'a> {
    v0_1::Event {
        id: &event.id.0,
        source: event.source.as_str(),
        provider: &event.provider,
        provider_event: &event.provider_event,
        received_at: time(event.received_at),
        received_local: &event.received_local,
        happened_at: event.happened_at.map(time),
        provider_action: event.provider_action.as_deref(),
        replay: event.replay,
        truncated: event.truncated,
        actor: event.actor.as_ref().map(person),
        repository: event.repository.as_ref().map(repository),
        url: event.url.as_deref(),
        subject: subject(&event.subject, arena),
    }
}

fn subject<'a>(subject: &'a Subject, arena: &'a Bump) -> v0_1::Subject<'a> {
    match subject {
        Subject::Push(it) => v0_1::Subject::Push(push(it, arena)),
        Subject::Tag(it) => v0_1::Subject::Tag(tag(it)),
        Subject::MergeRequest(it) => v0_1::Subject::MergeRequest(merge_request(it, arena)),
        Subject::Issue(it) => v0_1::Subject::Issue(issue(it, arena)),
        Subject::Comment(it) => v0_1::Subject::Comment(comment(it)),
        Subject::Pipeline(it) => v0_1::Subject::Pipeline(pipeline(it, arena)),
        Subject::Job(it) => v0_1::Subject::Job(job(it)),
        Subject::Release(it) => v0_1::Subject::Release(release(it)),
        Subject::Deployment(it) => v0_1::Subject::Deployment(deployment(it)),
        Subject::Page(it) => v0_1::Subject::Page(page(it)),
        Subject::FeatureFlag(it) => v0_1::Subject::FeatureFlag(feature_flag(it)),
        Subject::Member(it) => v0_1::Subject::Member(member(it)),
        Subject::Alert(it) => v0_1::Subject::Alert(alert(it, arena)),
        Subject::File(it) => v0_1::Subject::File(file(it)),
        Subject::Schedule(it) => v0_1::Subject::Schedule(schedule(it)),
        Subject::Ping => v0_1::Subject::Ping,
        Subject::Other => v0_1::Subject::Other,
    }
}

fn person(person: &Person) -> v0_1::Person<'_> {
    v0_1::Person {
        id: person.id.as_deref(),
        name: &person.name,
        username: person.username.as_deref(),
        email: person.email.as_deref(),
        bot: person.bot,
    }
}

fn repository(repository: &Repository) -> v0_1::Repository<'_> {
    v0_1::Repository {
        id: &repository.id,
        name: &repository.name,
        full_name: &repository.full_name,
        url: repository.url.as_deref(),
        ssh_url: repository.ssh_url.as_deref(),
        http_url: repository.http_url.as_deref(),
        default_branch: repository.default_branch.as_deref(),
        visibility: visibility(repository.visibility),
    }
}

fn commit_summary(commit_summary: &CommitSummary) -> v0_1::CommitSummary<'_> {
    v0_1::CommitSummary {
        id: &commit_summary.id,
        title: commit_summary.title.as_deref(),
        author: commit_summary.author.as_ref().map(person),
        url: commit_summary.url.as_deref(),
    }
}

fn commit<'a>(commit: &'a Commit, arena: &'a Bump) -> v0_1::Commit<'a> {
    v0_1::Commit {
        id: &commit.id,
        title: &commit.title,
        message: &commit.message,
        url: commit.url.as_deref(),
        author: commit.author.as_ref().map(person),
        time: commit.time.map(time),
        added: texts(&commit.added, arena),
        modified: texts(&commit.modified, arena),
        removed: texts(&commit.removed, arena),
    }
}

fn push<'a>(push: &'a Push, arena: &'a Bump) -> v0_1::Push<'a> {
    v0_1::Push {
        branch: &push.branch,
        before: &push.before,
        after: &push.after,
        created: push.created,
        deleted: push.deleted,
        forced: push.forced,
        commits: arena.alloc_slice_fill_iter(push.commits.iter().map(|it| commit(it, arena))),
        commit_count: push.commit_count,
    }
}

fn tag(tag: &Tag) -> v0_1::Tag<'_> {
    v0_1::Tag {
        name: &tag.name,
        target: &tag.target,
        message: tag.message.as_deref(),
        created: tag.created,
        deleted: tag.deleted,
    }
}

fn merge_request<'a>(merge_request: &'a MergeRequest, arena: &'a Bump) -> v0_1::MergeRequest<'a> {
    v0_1::MergeRequest {
        number: merge_request.number,
        title: &merge_request.title,
        description: &merge_request.description,
        change: change(merge_request.change),
        state: &merge_request.state,
        draft: merge_request.draft,
        source_branch: &merge_request.source_branch,
        target_branch: &merge_request.target_branch,
        source_repository: merge_request.source_repository.as_ref().map(repository),
        head: &merge_request.head,
        previous_head: merge_request.previous_head.as_deref(),
        merge_commit: merge_request.merge_commit.as_deref(),
        author: merge_request.author.as_ref().map(person),
        labels: texts(&merge_request.labels, arena),
        assignees: arena.alloc_slice_fill_iter(merge_request.assignees.iter().map(person)),
        reviewers: arena.alloc_slice_fill_iter(merge_request.reviewers.iter().map(person)),
        milestone: merge_request.milestone.as_deref(),
        changes: arena.alloc_slice_fill_iter(merge_request.changes.iter().map(field_change)),
    }
}

fn field_change(field_change: &FieldChange) -> v0_1::FieldChange<'_> {
    v0_1::FieldChange {
        field: &field_change.field,
        before: field_change.before.as_deref(),
        after: field_change.after.as_deref(),
    }
}

fn release(release: &Release) -> v0_1::Release<'_> {
    v0_1::Release {
        tag: &release.tag,
        name: &release.name,
        description: &release.description,
        change: change(release.change),
        prerelease: release.prerelease,
    }
}

fn pipeline<'a>(pipeline: &'a Pipeline, arena: &'a Bump) -> v0_1::Pipeline<'a> {
    v0_1::Pipeline {
        id: &pipeline.id,
        name: pipeline.name.as_deref(),
        git_ref: &pipeline.git_ref,
        is_tag: pipeline.is_tag,
        commit: commit_summary(&pipeline.commit),
        status: run_status(pipeline.status),
        duration_ms: pipeline.duration_ms,
        merge_request: pipeline.merge_request,
        trigger: pipeline.trigger.as_deref(),
        failed_jobs: texts(&pipeline.failed_jobs, arena),
    }
}

fn job(job: &Job) -> v0_1::Job<'_> {
    v0_1::Job {
        id: &job.id,
        name: &job.name,
        stage: job.stage.as_deref(),
        git_ref: &job.git_ref,
        commit: commit_summary(&job.commit),
        status: run_status(job.status),
        allowed_to_fail: job.allowed_to_fail,
        failure_reason: job.failure_reason.as_deref(),
        duration_ms: job.duration_ms,
        pipeline: job.pipeline.as_deref(),
    }
}

fn deployment(deployment: &Deployment) -> v0_1::Deployment<'_> {
    v0_1::Deployment {
        id: &deployment.id,
        environment: &deployment.environment,
        status: run_status(deployment.status),
        git_ref: &deployment.git_ref,
        commit: &deployment.commit,
        url: deployment.url.as_deref(),
    }
}

fn alert<'a>(alert: &'a Alert, arena: &'a Bump) -> v0_1::Alert<'a> {
    v0_1::Alert {
        name: &alert.name,
        firing: alert.firing,
        severity: alert.severity.as_deref(),
        summary: &alert.summary,
        description: alert.description.as_deref(),
        fingerprint: alert.fingerprint.as_deref(),
        started_at: alert.started_at.map(time),
        ended_at: alert.ended_at.map(time),
        labels: pairs(&alert.labels, arena),
        annotations: pairs(&alert.annotations, arena),
    }
}

fn schedule(schedule: &Schedule) -> v0_1::Schedule<'_> {
    v0_1::Schedule {
        name: &schedule.name,
        due_at: time(schedule.due_at),
    }
}

fn file(file: &File) -> v0_1::File<'_> {
    v0_1::File {
        name: &file.name,
        path: &file.path,
        previous_path: file.previous_path.as_deref(),
        change: file_change(file.change),
        size: file.size,
        media_type: file.media_type.as_deref(),
        modified_at: file.modified_at.map(time),
    }
}

fn issue<'a>(issue: &'a Issue, arena: &'a Bump) -> v0_1::Issue<'a> {
    v0_1::Issue {
        key: &issue.key,
        title: &issue.title,
        description: &issue.description,
        change: change(issue.change),
        state: &issue.state,
        kind: &issue.kind,
        confidential: issue.confidential,
        author: issue.author.as_ref().map(person),
        labels: texts(&issue.labels, arena),
        assignees: arena.alloc_slice_fill_iter(issue.assignees.iter().map(person)),
        milestone: issue.milestone.as_deref(),
        priority: issue.priority.as_deref(),
        changes: arena.alloc_slice_fill_iter(issue.changes.iter().map(field_change)),
    }
}

fn comment(comment: &Comment) -> v0_1::Comment<'_> {
    v0_1::Comment {
        id: &comment.id,
        text: &comment.text,
        target: comment_target(comment.target),
        target_key: comment.target_key.as_deref(),
        target_title: comment.target_title.as_deref(),
        target_author: comment.target_author.as_ref().map(person),
        path: comment.path.as_deref(),
        line: comment.line,
        confidential: comment.confidential,
        change: change(comment.change),
    }
}

fn page(page: &Page) -> v0_1::Page<'_> {
    v0_1::Page {
        id: &page.id,
        title: &page.title,
        space: page.space.as_deref(),
        change: change(page.change),
        version: page.version,
    }
}

fn member(member: &Member) -> v0_1::Member<'_> {
    v0_1::Member {
        person: person(&member.person),
        change: change(member.change),
        role: member.role.as_deref(),
    }
}

fn feature_flag(feature_flag: &FeatureFlag) -> v0_1::FeatureFlag<'_> {
    v0_1::FeatureFlag {
        name: &feature_flag.name,
        active: feature_flag.active,
        description: &feature_flag.description,
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
