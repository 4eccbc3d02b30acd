//! What Sentry's bodies say, each under `data`.

use crate::domain::event::{
    Alert, Change, Comment, CommentTarget, Person, Repository, Subject, Visibility,
};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::{missing, time};
use crate::sources::provider::monitor::{Pairs, sorted};

/// How deep a body says of which project it is, as `data.issue.project.slug`.
pub(super) const DEPTH: usize = 5;

/// Who did it: a user, or Sentry itself.
pub(super) fn actor(node: Node<'_>) -> Option<Person> {
    Some(Person {
        id: node.id("id"),
        name: node.text("name")?,
        username: None,
        email: None,
        bot: node.raw("type") == Some("application"),
    })
}

/// The project of an event, of which some bodies say only one part.
pub(super) struct Project {
    /// Its number.
    pub(super) id: Option<String>,
    /// The name in its addresses, such as `front-end`.
    pub(super) slug: Option<String>,
    name: Option<String>,
    url: Option<String>,
}

/// The project that a body names; none where it names none, or several.
pub(super) fn project(data: Node<'_>) -> Option<Project> {
    let issue = data.get("issue");
    let described = issue.get("project");
    let mut project = Project {
        id: described.id("id"),
        slug: described.text("slug"),
        name: described.text("name"),
        url: issue.link("project_url"),
    };
    for occurrence in [data.get("event"), data.get("error")] {
        project.id = project.id.or_else(|| occurrence.id("project"));
        project.slug = project
            .slug
            .or_else(|| Some(data.cut().text(slug_in(occurrence.raw("url")?)?)));
    }
    let mut of_metric = data.get("metric_alert").texts("projects");
    if of_metric.len() == 1 {
        project.slug = project.slug.or_else(|| of_metric.pop());
    }
    project.slug = project.slug.or_else(|| data.text("project_slug"));
    (project.id.is_some() || project.slug.is_some()).then_some(project)
}

/// The project in an address such as `https://sentry.io/api/0/projects/ORGANIZATION/PROJECT/events/ID/`.
fn slug_in(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("/api/0/projects/")?;
    rest.split('/').nth(1).filter(|slug| !slug.is_empty())
}

impl Project {
    /// The project as a place. Its full name is the slug alone, because most bodies do not say of which
    /// organization it is.
    pub(super) fn into_repository(self) -> Option<Repository> {
        let slug = self.slug?;
        Some(Repository {
            id: self.id.unwrap_or_default(),
            name: self.name.unwrap_or_else(|| slug.clone()),
            full_name: slug,
            url: self.url,
            ssh_url: None,
            http_url: None,
            default_branch: None,
            visibility: Visibility::Unknown,
        })
    }
}

/// The texts under some keys, by these names.
fn texts(node: Node<'_>, keys: &[&str]) -> Pairs {
    let found = keys
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), node.text(key)?)));
    sorted(node, found.collect())
}

/// The fingerprint of everything that is about one issue. Metrics have identifiers of their own, so each says of
/// what it is one.
fn of_issue(id: &str) -> String {
    format!("issue/{id}")
}

/// An issue, which is raised while it is unresolved: archived it is to alarm nobody.
pub(super) fn issue(data: Node<'_>, action: Option<&str>) -> Result<Draft, String> {
    let of_kind = |key| missing("issue", key);
    let issue = data.get("issue");
    let firing = match (issue.raw("status"), action) {
        (Some(status), _) => status == "unresolved",
        (None, Some("created" | "unresolved")) => true,
        (None, Some("resolved" | "archived" | "ignored")) => false,
        (None, _) => return Err(of_kind("status")),
    };
    let title = issue.text("title").ok_or_else(|| of_kind("title"))?;
    let id = issue.id("id").ok_or_else(|| of_kind("id"))?;
    let first_seen = issue.raw("firstSeen").and_then(time);
    let alert = Alert {
        name: title.clone(),
        firing,
        severity: issue.text("level"),
        summary: title,
        description: issue.get("metadata").text("value"),
        fingerprint: Some(of_issue(&id)),
        started_at: first_seen,
        ended_at: None,
        labels: texts(issue, &["level", "platform", "type"]),
        annotations: texts(issue, &["culprit", "priority", "shortId", "substatus"]),
    };
    Ok(Draft {
        happened_at: first_seen.filter(|_| action == Some("created")),
        url: issue.link("web_url").or_else(|| issue.link("permalink")),
        ..Draft::about(Subject::Alert(alert))
    })
}

/// A single error.
pub(super) fn error(data: Node<'_>) -> Result<Draft, String> {
    occurrence(data.get("error"), None).map_err(|key| missing("error", key))
}

/// An error that an alert's rule was looking for.
pub(super) fn event_alert(data: Node<'_>) -> Result<Draft, String> {
    let rule = data
        .text("triggered_rule")
        .or_else(|| data.get("issue_alert").text("title"));
    occurrence(data.get("event"), rule).map_err(|key| missing("event_alert", key))
}

/// An error, under the name of the rule that it triggered, if any; else the key that it lacks.
fn occurrence(event: Node<'_>, rule: Option<String>) -> Result<Draft, &'static str> {
    let title = event.text("title").ok_or("title")?;
    let alert = Alert {
        name: rule.unwrap_or_else(|| title.clone()),
        firing: true,
        severity: event.text("level"),
        summary: title,
        description: event
            .text("message")
            .or_else(|| event.get("metadata").text("value")),
        fingerprint: event.id("issue_id").map(|id| of_issue(&id)),
        started_at: None,
        ended_at: None,
        labels: sorted(event, tags(event)),
        annotations: texts(event, &["culprit", "event_id", "location"]),
    };
    Ok(Draft {
        happened_at: event.raw("datetime").and_then(time),
        url: event.link("web_url"),
        ..Draft::about(Subject::Alert(alert))
    })
}

/// The tags of an error, which is a list of pairs.
fn tags(event: Node<'_>) -> Pairs {
    let pairs = event.items("tags").filter_map(|tag| {
        let (name, value) = (tag.at(0).shown()?, tag.at(1).shown()?);
        Some((name, value))
    });
    pairs.collect()
}

/// A metric that went beyond a limit, or came back.
pub(super) fn metric_alert(data: Node<'_>, action: Option<&str>) -> Result<Draft, String> {
    let incident = data.get("metric_alert");
    let rule = incident.get("alert_rule");
    let action = action.ok_or_else(|| missing("metric_alert", "action"))?;
    let firing = match action {
        "critical" | "warning" | "open" | "triggered" => true,
        "resolved" => false,
        other => {
            return Err(format!(
                "the action `{other}` neither raises nor clears a metric's alert"
            ));
        }
    };
    let name = rule
        .text("name")
        .or_else(|| incident.text("title"))
        .ok_or_else(|| missing("metric_alert", "alert_rule.name"))?;
    let fingerprint = match (rule.id("id"), incident.id("id")) {
        (Some(id), _) => Some(format!("alert-rule/{id}")),
        (None, Some(id)) => Some(format!("incident/{id}")),
        (None, None) => None,
    };
    let started_at = incident.raw("date_started").and_then(time);
    let ended_at = incident.raw("date_closed").and_then(time);
    let alert = Alert {
        firing,
        severity: ["critical", "warning"]
            .contains(&action)
            .then(|| action.to_owned()),
        summary: data
            .text("description_title")
            .unwrap_or_else(|| name.clone()),
        description: data.text("description_text"),
        fingerprint,
        started_at,
        ended_at: ended_at.filter(|_| !firing),
        labels: texts(rule, &["environment"]),
        annotations: texts(rule, &["aggregate", "dataset", "query"]),
        name,
    };
    Ok(Draft {
        happened_at: ended_at.filter(|_| !firing),
        url: data.link("web_url"),
        ..Draft::about(Subject::Alert(alert))
    })
}

/// A comment on an issue.
pub(super) fn comment(data: Node<'_>, action: Option<&str>) -> Result<Draft, String> {
    let of_kind = |key| missing("comment", key);
    let change = match action {
        Some("created") => Change::Opened,
        Some("updated") => Change::Updated,
        Some("deleted") => Change::Deleted,
        _ => Change::Other,
    };
    let text = data.text("comment");
    let comment = Comment {
        id: data.id("comment_id").ok_or_else(|| of_kind("comment_id"))?,
        text: match change {
            Change::Deleted => text.unwrap_or_default(),
            _ => text.ok_or_else(|| of_kind("comment"))?,
        },
        target: CommentTarget::Issue,
        target_key: data.id("issue_id"),
        target_title: None,
        target_author: None,
        path: None,
        line: None,
        confidential: false,
        change,
    };
    Ok(Draft {
        happened_at: data.raw("timestamp").and_then(time),
        ..Draft::about(Subject::Comment(comment))
    })
}
