//! What GitHub found in a repository: dependencies with known holes, faults in the code, and secrets.
//!
//! GitHub calls them alerts, and they are open until they are fixed or somebody dismisses them: they are raised
//! and cleared like those of a monitor. The text of a secret is never part of an event.

use super::common::first_time;
use crate::domain::event::{Alert, Subject};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::{missing, short_ref};

/// A dependency with a known hole.
pub(super) fn dependabot(body: Node<'_>) -> Result<Draft, String> {
    let kind = "dependabot_alert";
    let alert = body.get("alert");
    let advisory = alert.get("security_advisory");
    let hole = alert.get("security_vulnerability");
    let dependency = alert.get("dependency");
    let package = dependency.get("package");
    let name = advisory
        .text("ghsa_id")
        .ok_or_else(|| missing(kind, "ghsa_id"))?;
    let found = Alert {
        summary: advisory.text("summary").unwrap_or_else(|| name.clone()),
        severity: hole.text("severity").or_else(|| advisory.text("severity")),
        description: advisory.text("description"),
        labels: texts(&[
            ("package", package.text("name")),
            ("ecosystem", package.text("ecosystem")),
            ("manifest", dependency.text("manifest_path")),
            ("scope", dependency.text("scope")),
            ("cve", advisory.text("cve_id")),
        ]),
        annotations: texts(&[
            ("vulnerable", hole.text("vulnerable_version_range")),
            (
                "fixed-in",
                hole.get("first_patched_version").text("identifier"),
            ),
            ("dismissed", alert.text("dismissed_reason")),
        ]),
        ..common(body, kind, name)?
    };
    Ok(draft(body, found))
}

/// A fault that a scan of the code found.
pub(super) fn code_scanning(body: Node<'_>) -> Result<Draft, String> {
    let kind = "code_scanning_alert";
    let alert = body.get("alert");
    let rule = alert.get("rule");
    let name = rule.text("id").ok_or_else(|| missing(kind, "rule.id"))?;
    let instance = alert.get("most_recent_instance");
    let message = instance.get("message").text("text");
    let place = instance.get("location");
    let at = place
        .text("path")
        .map(|path| match place.number("start_line") {
            Some(line) => format!("{path}:{line}"),
            None => path,
        });
    let git_ref = body.raw("ref").map(|name| body.cut().text(short_ref(name)));
    let found = Alert {
        summary: rule.text("description").unwrap_or_else(|| name.clone()),
        severity: rule
            .text("security_severity_level")
            .or_else(|| rule.text("severity")),
        description: message.or_else(|| rule.text("full_description")),
        labels: texts(&[
            ("tool", alert.get("tool").text("name")),
            ("ref", git_ref.filter(|name| !name.is_empty())),
        ]),
        annotations: texts(&[
            ("location", at),
            ("dismissed", alert.text("dismissed_reason")),
        ]),
        ..common(body, kind, name)?
    };
    Ok(draft(body, found))
}

/// A secret that lies in the repository.
pub(super) fn secret_scanning(body: Node<'_>) -> Result<Draft, String> {
    let kind = "secret_scanning_alert";
    let alert = body.get("alert");
    let name = alert
        .text("secret_type")
        .ok_or_else(|| missing(kind, "secret_type"))?;
    let found = Alert {
        summary: alert
            .text("secret_type_display_name")
            .unwrap_or_else(|| name.clone()),
        labels: texts(&[("validity", alert.text("validity"))]),
        annotations: texts(&[("resolution", alert.text("resolution"))]),
        ..common(body, kind, name)?
    };
    Ok(draft(body, found))
}

/// What every alert has.
fn common(body: Node<'_>, kind: &str, name: String) -> Result<Alert, String> {
    let alert = body.get("alert");
    let number = alert.id("number").ok_or_else(|| missing(kind, "number"))?;
    let ended_at = first_time(
        alert,
        &[
            "fixed_at",
            "dismissed_at",
            "auto_dismissed_at",
            "resolved_at",
        ],
    );
    // Alerts of secrets have come without a state; these end with the time at which they are resolved.
    let firing = match alert.raw("state") {
        Some(state) => state == "open",
        None => ended_at.is_none(),
    };
    // A number counts within the repository and the kind.
    let place = body.get("repository").id("id");
    Ok(Alert {
        name,
        firing,
        severity: None,
        summary: String::new(),
        description: None,
        fingerprint: place.map(|place| format!("{place}/{kind}/{number}")),
        started_at: first_time(alert, &["created_at"]),
        ended_at: ended_at.filter(|_| !firing),
        labels: Vec::new(),
        annotations: Vec::new(),
    })
}

fn texts(pairs: &[(&str, Option<String>)]) -> Vec<(String, String)> {
    let present = pairs
        .iter()
        .filter_map(|(name, text)| Some(((*name).to_owned(), text.clone()?)));
    present.collect()
}

fn draft(body: Node<'_>, found: Alert) -> Draft {
    let alert = body.get("alert");
    let created = match body.raw("action") {
        Some("created") => found.started_at,
        _ => None,
    };
    Draft {
        happened_at: first_time(alert, &["updated_at"])
            .or(found.ended_at)
            .or(created),
        url: alert.link("html_url"),
        ..Draft::about(Subject::Alert(found))
    }
}
