//! Reviews of pull requests, and the threads in them.

use super::common::moment;
use super::pull_request::about;
use crate::domain::event::Change;
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::missing;

/// A review that was handed in, edited, or dismissed. Its text is in the payload: the subject is the pull
/// request.
pub(super) fn review(body: Node<'_>) -> Result<Draft, String> {
    let review = body.get("review");
    if !review.exists() {
        return Err(missing("pull_request_review", "review"));
    }
    // Webhooks write the state in lower case, and the interfaces behind them in upper case.
    let state = review.raw("state").map(str::to_ascii_lowercase);
    let change = match (body.raw("action"), state.as_deref()) {
        (Some("submitted"), Some("approved")) => Change::Approved,
        (Some("submitted"), Some("changes_requested")) => Change::ChangesRequested,
        (Some("submitted"), Some("commented")) => Change::Reviewed,
        (Some("dismissed"), _) => Change::ReviewDismissed,
        // An edited review is not a new one: whoever was told of the approval need not be told again.
        _ => Change::Other,
    };
    let draft = about(body, "pull_request_review", change)?;
    let submitted = match change {
        Change::Approved | Change::ChangesRequested | Change::Reviewed => {
            moment(review, "submitted_at")
        }
        _ => None,
    };
    Ok(Draft {
        happened_at: submitted.or(draft.happened_at),
        ..draft
    })
}

/// A thread that was resolved, or opened again.
pub(super) fn thread(body: Node<'_>) -> Result<Draft, String> {
    let kind = "pull_request_review_thread";
    if !body.get("thread").exists() {
        return Err(missing(kind, "thread"));
    }
    let change = match body.raw("action") {
        Some("resolved") => Change::Resolved,
        Some("unresolved") => Change::Unresolved,
        _ => Change::Other,
    };
    about(body, kind, change)
}
