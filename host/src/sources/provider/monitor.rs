//! What the payloads of monitors have in common: a list of alerts, each with labels and annotations.
//!
//! Alertmanager made the format, Grafana has taken it over, and both describe it:
//! <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config> and
//! <https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/>.
//! A delivery holds the alerts of one group; each becomes an event of its own, named by its own status, because
//! the group's is `firing` as long as one of them is.
//!
//! Invariants:
//! - No more alerts are read than [`Many`] allows; the rest is counted.
//! - The labels and the annotations of an event are sorted by name, so that the same alert reads the same.

use serde_json::Value;

use super::Draft;
use super::git::{first_line, time};
use super::many::Many;
use crate::domain::event::{Alert, Subject};
use crate::sources::json::{Cut, Node};

/// Names and what stands under them.
pub(super) type Pairs = Vec<(String, String)>;

/// The alerts of a group, one draft for each of the first; one draft that says why where there are none.
/// `more` gives what the monitor says of an alert for people beside its annotations.
pub(super) fn alerts(body: &Value, more: fn(Node<'_>) -> Pairs) -> Vec<Draft> {
    let whole = Cut::default();
    let group = Node::root(body, &whole);
    let nothing = |note: &str| {
        let status = group.text("status");
        vec![Draft {
            provider_action: status.clone(),
            url: group.link("externalURL"),
            truncated: whole.happened(),
            ..Draft::other(status.unwrap_or_default(), note)
        }]
    };
    let Some(list) = list(body) else {
        return nothing("the body has no list `alerts`");
    };
    if list.is_empty() {
        return nothing("the list `alerts` is empty");
    }
    let note = note(group);
    let drafts = list.iter().take(many(body).made).map(|alert| {
        // What is cut from one alert is not cut from the others.
        let cut = Cut::default();
        let draft = draft(Node::root(body, &cut), Node::root(alert, &cut), more);
        Draft {
            truncated: cut.happened(),
            note: draft.note.or_else(|| note.clone()),
            ..draft
        }
    });
    drafts.collect()
}

fn list(body: &Value) -> Option<&Vec<Value>> {
    body.get("alerts").and_then(Value::as_array)
}

/// What is to be said with each alert of a group that the sender has shortened.
fn note(group: Node<'_>) -> Option<String> {
    let left_out = group.number("truncatedAlerts").filter(|count| *count > 0);
    left_out.map(|count| {
        format!(
            "the sender left out {count} more alerts of this group: it has a limit for one request"
        )
    })
}

/// Of how many alerts events are made. What a group says of all its alerts stays in the payload, except for its
/// address and the note.
fn many(body: &Value) -> Many {
    let cut = Cut::default();
    let group = Node::root(body, &cut);
    let repeated = Draft {
        url: group.link("externalURL"),
        ..Draft::other("", note(group).unwrap_or_default())
    };
    Many::of(list(body).map_or(0, Vec::len), &[&repeated])
}

/// How many alerts a group has beyond those of which [`alerts`] makes events.
pub(super) fn left_out(body: &Value) -> u64 {
    many(body).left_out
}

fn draft(group: Node<'_>, alert: Node<'_>, more: fn(Node<'_>) -> Pairs) -> Draft {
    let status = alert.text("status");
    let (read, happened_at) = match status.as_deref() {
        Some("firing") => (read(alert, true, more), "startsAt"),
        Some("resolved") => (read(alert, false, more), "endsAt"),
        Some(word) => (
            Err(format!("the status `{word}` of an alert is not known")),
            "startsAt",
        ),
        None => (Err("an alert has no `status`".to_owned()), "startsAt"),
    };
    let draft = read.map_or_else(
        |note| Draft::other("", note),
        |alert| Draft::about(Subject::Alert(alert)),
    );
    // Where it came from leads to its graph or its rule; the monitor's own address only to its front page.
    let url = ["generatorURL", "panelURL", "dashboardURL"]
        .into_iter()
        .find_map(|key| alert.link(key));
    Draft {
        provider_event: status.clone().unwrap_or_default(),
        provider_action: status,
        happened_at: alert.raw(happened_at).and_then(time),
        url: url.or_else(|| group.link("externalURL")),
        ..draft
    }
}

fn read(alert: Node<'_>, firing: bool, more: fn(Node<'_>) -> Pairs) -> Result<Alert, String> {
    let labels = pairs(alert.get("labels"));
    if labels.is_empty() {
        return Err("an alert has no `labels`, which name it".to_owned());
    }
    let mut annotations = pairs(alert.get("annotations"));
    let name = found(&labels, "alertname").unwrap_or_else(|| listed(alert, &labels));
    let text = found(&annotations, "summary");
    let description = ["description", "message"]
        .into_iter()
        .find_map(|name| found(&annotations, name))
        .or_else(|| text.clone().filter(|text| text.trim().contains('\n')));
    let summary = text.as_ref().or(description.as_ref()).unwrap_or(&name);
    let alert = Alert {
        firing,
        severity: found(&labels, "severity").or_else(|| found(&annotations, "severity")),
        summary: first_line(summary.trim_start()),
        description,
        fingerprint: alert.text("fingerprint"),
        started_at: alert.raw("startsAt").and_then(time),
        ended_at: alert.raw("endsAt").and_then(time),
        annotations: {
            annotations.extend(more(alert));
            sorted(alert, annotations)
        },
        name,
        labels,
    };
    Ok(alert)
}

/// The texts of an object, by name.
pub(super) fn pairs(object: Node<'_>) -> Pairs {
    let entries = object.entries().filter_map(|(name, value)| {
        let value = value.shown()?;
        Some((object.cut().text(name), value))
    });
    sorted(object, entries.collect())
}

/// Pairs in the order of their names, as many as an event may hold. Of two with the same name the first counts.
pub(super) fn sorted(node: Node<'_>, mut pairs: Pairs) -> Pairs {
    pairs.sort_by(|one, other| one.0.cmp(&other.0));
    pairs.dedup_by(|later, earlier| later.0 == earlier.0);
    node.cut().list(pairs)
}

/// What stands under a name.
pub(super) fn found(pairs: &[(String, String)], name: &str) -> Option<String> {
    let pair = pairs.iter().find(|(known, _)| known == name);
    pair.map(|(_, value)| value.clone())
}

/// Labels as Prometheus writes them; an alert that was not made by a rule may have no other name.
fn listed(node: Node<'_>, labels: &[(String, String)]) -> String {
    let labels = labels
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"));
    let list: Vec<String> = labels.collect();
    node.cut().text(&format!("{{{}}}", list.join(", ")))
}
