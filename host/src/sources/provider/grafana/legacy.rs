//! The alerts of dashboards, which Grafana sent before it had contact points: one in each request.
//!
//! <https://grafana.com/docs/grafana/v8.5/alerting/old-alerting/notifications/#webhook>

use serde_json::Value;

use crate::domain::event::{Alert, Subject};
use crate::sources::json::{Cut, Node};
use crate::sources::provider::Draft;
use crate::sources::provider::git::first_line;
use crate::sources::provider::monitor::{Pairs, found, pairs, sorted};

/// Whether a body is of this kind: it names a rule, and has no list of alerts.
pub(super) fn is_legacy(body: &Value) -> bool {
    body.get("ruleName").is_some() && body.get("alerts").is_none()
}

/// The alert of a body.
pub(super) fn read(body: &Value) -> Draft {
    let cut = Cut::default();
    let node = Node::root(body, &cut);
    let state = node.text("state");
    let read = match state.as_deref() {
        // Without data nobody knows how it stands, which is worth as much attention.
        Some("alerting" | "no_data") => alert(node, true),
        Some("ok") => alert(node, false),
        Some(word) => Err(format!(
            "the state `{word}` neither raises nor clears the alert"
        )),
        None => Err("the body has no `state`".to_owned()),
    };
    let draft = read.map_or_else(
        |note| Draft::other("", note),
        |alert| Draft::about(Subject::Alert(alert)),
    );
    Draft {
        provider_event: state.clone().unwrap_or_default(),
        provider_action: state,
        url: node.link("ruleUrl"),
        truncated: cut.happened(),
        ..draft
    }
}

fn alert(body: Node<'_>, firing: bool) -> Result<Alert, String> {
    let name = body.text("ruleName").ok_or("the body has no `ruleName`")?;
    let labels = pairs(body.get("tags"));
    let description = body.text("message");
    let title = body.text("title");
    let summary = description.as_ref().or(title.as_ref()).unwrap_or(&name);
    Ok(Alert {
        firing,
        severity: found(&labels, "severity"),
        summary: first_line(summary.trim_start()),
        fingerprint: body.id("ruleId"),
        started_at: None,
        ended_at: None,
        annotations: sorted(body, annotations(body)),
        description,
        labels,
        name,
    })
}

/// The picture, and the values that raised it.
fn annotations(body: Node<'_>) -> Pairs {
    let image = body
        .link("imageUrl")
        .map(|url| ("imageURL".to_owned(), url));
    let values = body.items("evalMatches").filter_map(|found| {
        let value = found.get("value").shown()?;
        Some(format!("{}={value}", found.text("metric")?))
    });
    let values = body.cut().list(values).join(", ");
    let values = (!values.is_empty()).then(|| ("values".to_owned(), body.cut().text(&values)));
    image.into_iter().chain(values).collect()
}
