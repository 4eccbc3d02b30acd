//! Which kind of event a request is, and which kinds tell what another one tells as well.

use crate::sources::json::Node;

/// The app under whose name GitHub Actions keeps check suites and check runs.
const ACTIONS: &str = "github-actions";

/// The kind of a request: what the header says. Where something between GitHub and here drops the header, a
/// push and a ping are known by what no other kind has.
pub(super) fn of<'a>(header: Option<&'a str>, body: Option<Node<'_>>) -> Option<&'a str> {
    if header.is_some() {
        return header;
    }
    let body = body?;
    let is_push = ["ref", "before", "after"]
        .into_iter()
        .all(|key| body.raw(key).is_some());
    if is_push && body.get("pusher").exists() {
        return Some("push");
    }
    (body.raw("zen").is_some() && body.get("hook").exists()).then_some("ping")
}

/// Why an event has no subject although there are words for it: GitHub tells the same under another kind, and a
/// rule would act twice.
///
/// - A branch or tag that begins or ends is told by `create` or `delete` and by `push`. Only the push has the
///   commit: a deployment of a tag that follows a `create` would not know what to deploy. What silences one
///   silences the other: of more than three tags that are pushed at once, neither is sent. See
///   <https://docs.github.com/en/webhooks/webhook-events-and-payloads#create> and `#push` there; Drone leaves
///   `create` out for the same reason: <https://github.com/harness/harness/pull/1895>.
/// - Every run of GitHub Actions is a `workflow_run` and a `check_suite`, and each of its jobs is a `workflow_job`
///   and a `check_run`: <https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/collaborating-on-repositories-with-code-quality-features/about-status-checks>.
///   Those of other apps have no workflow.
/// - `dependabot_alert` takes the place of `repository_vulnerability_alert`, which GitHub gives up:
///   <https://docs.github.com/en/webhooks/webhook-events-and-payloads#repository_vulnerability_alert>.
pub(super) fn told_otherwise(kind: &str, body: Node<'_>) -> Option<String> {
    let by_actions = || body.get(kind).get("app").raw("slug") == Some(ACTIONS);
    let by = match kind {
        "create" | "delete" => "push",
        "check_suite" if by_actions() => "workflow_run",
        "check_run" if by_actions() => "workflow_job",
        "repository_vulnerability_alert" => "dependabot_alert",
        _ => return None,
    };
    Some(format!(
        "GitHub tells the same by `{by}`, which becomes the event: send that, too, in the webhook's settings"
    ))
}

/// The note of a kind that there are no words for.
pub(super) fn without_subject(body: Node<'_>, kind: &str) -> String {
    let kind = body.cut().text(kind);
    format!("there is no subject for the kind `{kind}`: a rule reads it from the payload")
}

/// The page of what an event without a subject is about.
pub(super) fn url(kind: &str, body: Node<'_>) -> Option<String> {
    [kind, "comment", "alert", "milestone", "forkee"]
        .into_iter()
        .find_map(|key| body.get(key).link("html_url"))
}
