//! What a payload is, by what it holds, and which events it may come with.
//!
//! The body names no kind, and the event header is not signed: whoever has seen a request could send it again
//! under another event. So what a body is read as follows from the body alone, and the header must agree.

use crate::sources::json::Node;

/// What a payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A branch or a tag moved.
    Push,
    /// A branch or a tag began.
    Create,
    /// A branch or a tag ended.
    Delete,
    /// A pull request changed, or was reviewed.
    PullRequest,
    /// An issue changed.
    Issue,
    /// A comment on an issue or on a pull request.
    Comment,
    /// A release.
    Release,
    /// A page of the wiki.
    Page,
    /// A repository was forked.
    Fork,
    /// A repository was made or removed.
    Repository,
    /// A package was published or removed.
    Package,
    /// Somebody says how a commit stands.
    Status,
    /// A run of Gitea's Actions.
    WorkflowRun,
    /// A job of Gitea's Actions.
    WorkflowJob,
    /// A run of Forgejo's Actions.
    ActionRun,
    /// A job of Forgejo's Actions.
    ActionJob,
}

impl Shape {
    /// What a payload is that came with an event; otherwise, why it is none that is known.
    pub(super) fn of(body: Node<'_>, event: Option<&str>) -> Result<Self, String> {
        let shape = Self::of_body(body);
        let Some(event) = event else {
            return shape
                .ok_or_else(|| "neither the headers nor the body say what happened".to_owned());
        };
        let known = shapes(event);
        let name = body.cut().text(event);
        if known.is_empty() {
            return Err(format!("the event `{name}` is not known"));
        }
        shape
            .filter(|shape| known.contains(shape))
            .ok_or_else(|| format!("the event is `{name}`, and the body is not what comes with it"))
    }

    fn of_body(body: Node<'_>) -> Option<Self> {
        let has = |key| body.get(key).exists();
        // Forgejo's `mention` holds the issue, the pull request, or the comment, which is told by itself.
        if has("mentioned") {
            return None;
        }
        // What has the keys of others as well comes first.
        let by_key = [
            ("workflow_job", Self::WorkflowJob),
            ("workflow_run", Self::WorkflowRun),
            ("job", Self::ActionJob),
            ("run", Self::ActionRun),
            ("package", Self::Package),
            ("forkee", Self::Fork),
            ("release", Self::Release),
            ("page", Self::Page),
        ];
        if let Some((_, shape)) = by_key.into_iter().find(|(key, _)| has(key)) {
            return Some(shape);
        }
        // The text of a page's change has the same key as a comment, and is no object.
        if has("comment") {
            return Some(Self::Comment);
        }
        if has("pull_request") {
            return Some(Self::PullRequest);
        }
        if has("issue") {
            return Some(Self::Issue);
        }
        match (has("ref"), has("ref_type"), has("pusher_type")) {
            (true, true, true) => return Some(Self::Delete),
            (true, true, false) => return Some(Self::Create),
            (true, false, _) => return Some(Self::Push),
            (false, ..) => {}
        }
        if has("context") && has("state") {
            return Some(Self::Status);
        }
        (has("repository") && has("action")).then_some(Self::Repository)
    }
}

/// What may come with an event, given by its name or its more exact name; nothing with one that is not known.
/// The names: <https://github.com/go-gitea/gitea/blob/main/modules/webhook/type.go>, and Forgejo's beside it.
fn shapes(event: &str) -> &'static [Shape] {
    match event {
        "push" => &[Shape::Push],
        "create" => &[Shape::Create],
        "delete" => &[Shape::Delete],
        "issue_comment" => &[Shape::Comment],
        // The name of a review, and the more exact name of a comment.
        "pull_request_comment" => &[Shape::PullRequest, Shape::Comment],
        "issues" | "issue_assign" | "issue_label" | "issue_milestone" => &[Shape::Issue],
        "pull_request"
        | "pull_request_approved"
        | "pull_request_assign"
        | "pull_request_label"
        | "pull_request_milestone"
        | "pull_request_rejected"
        | "pull_request_review"
        | "pull_request_review_approved"
        | "pull_request_review_comment"
        | "pull_request_review_rejected"
        | "pull_request_review_request"
        | "pull_request_sync" => &[Shape::PullRequest],
        "release" => &[Shape::Release],
        "wiki" => &[Shape::Page],
        "fork" => &[Shape::Fork],
        "repository" => &[Shape::Repository],
        "package" => &[Shape::Package],
        "status" => &[Shape::Status],
        "workflow_run" => &[Shape::WorkflowRun],
        "workflow_job" => &[Shape::WorkflowJob],
        _ if event.starts_with("action_run_") || event.starts_with("workflow_run_") => {
            &[Shape::ActionRun]
        }
        _ if event.starts_with("workflow_job_") => &[Shape::ActionJob],
        _ => &[],
    }
}
