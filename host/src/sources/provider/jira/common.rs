//! What Jira's payloads have in common: people, projects, addresses, and times.

use crate::domain::clock::Timestamp;
use crate::domain::event::{Person, Repository, Visibility};
use crate::sources::json::Node;

/// A person. The Cloud has `accountId`; Data Center has `key`, and in `name` what they log in with.
pub(super) fn person(node: Node<'_>) -> Option<Person> {
    let username = node.text("name");
    Some(Person {
        id: node.text("accountId").or_else(|| node.text("key")),
        name: node.text("displayName").or_else(|| username.clone())?,
        username,
        // Where a person keeps it to themselves, there is a question mark, or words.
        email: node.text("emailAddress").filter(|text| text.contains('@')),
        // The type of account that stands for an app
        // (https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-users/).
        bot: node.raw("accountType") == Some("app"),
    })
}

/// Who caused an event. A payload about an account has that account as its `user`, and who removed a comment or
/// logged work is not told by the Cloud.
pub(super) fn actor(body: Node<'_>, event: &str) -> Option<Person> {
    if event.starts_with("user_") {
        return None;
    }
    let writer = |node: Node<'_>| match event.rsplit('_').next() {
        Some("created") => person(node.get("author")),
        Some("updated") => person(node.get("updateAuthor")),
        _ => None,
    };
    let of_part = |key: &str| {
        let is_own = event.starts_with(key);
        is_own.then(|| writer(body.get(key))).flatten()
    };
    person(body.get("user"))
        .or_else(|| of_part("comment"))
        .or_else(|| of_part("worklog"))
}

/// What Jira calls the action: the type of the issue's event, which says more than its name, or else what the
/// name of the event ends with.
pub(super) fn action(body: Node<'_>, event: &str) -> Option<String> {
    let of_name = || {
        let (_, action) = event.rsplit_once('_')?;
        (!action.is_empty()).then(|| body.cut().text(action))
    };
    body.text("issue_event_type_name").or_else(of_name)
}

/// The project, where it is described.
pub(super) fn project(body: Node<'_>) -> Node<'_> {
    let of_issue = body.get("issue").get("fields").get("project");
    if of_issue.exists() {
        of_issue
    } else {
        body.get("project")
    }
}

/// The key of the project. An issue's key begins with it, and is there where the project is not described.
pub(super) fn project_key(body: Node<'_>) -> Option<String> {
    let of_issue = || {
        let (project, _) = body.get("issue").raw("key")?.rsplit_once('-')?;
        (!project.is_empty()).then(|| body.cut().text(project))
    };
    project(body).text("key").or_else(of_issue)
}

/// The project of an event as a repository.
pub(super) fn repository(body: Node<'_>) -> Option<Repository> {
    let key = project_key(body)?;
    let project = project(body);
    Some(Repository {
        id: project.id("id").unwrap_or_default(),
        name: project.text("name").unwrap_or_else(|| key.clone()),
        url: browse(body, &key),
        ssh_url: None,
        http_url: None,
        default_branch: None,
        visibility: Visibility::Unknown,
        full_name: key,
    })
}

/// The address of the Jira that sent a body: what stands before `/rest/` in the address of anything it is about.
pub(super) fn instance(body: Node<'_>) -> Option<String> {
    let parts = [
        "issue", "comment", "project", "version", "sprint", "worklog", "user",
    ];
    parts.into_iter().find_map(|key| {
        let address = body.get(key).link("self")?;
        let (instance, _) = address.split_once("/rest/")?;
        Some(instance.to_owned())
    })
}

/// The page of an issue or of a project. Payloads only have the addresses of the REST interface; in the Cloud and
/// in Data Center alike the page for people is at `/browse/` below the same instance, by key.
pub(super) fn browse(body: Node<'_>, key: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if key.is_empty() || !key.bytes().all(is_plain) {
        return None;
    }
    Some(format!("{}/browse/{key}", instance(body)?))
}

/// The page of what a body is about: of its issue, or else of its project.
pub(super) fn page(body: Node<'_>) -> Option<String> {
    let of_issue = browse(body, body.get("issue").raw("key").unwrap_or_default());
    of_issue.or_else(|| browse(body, &project_key(body)?))
}

/// The time under a key, in milliseconds since 1970.
pub(super) fn millis(node: Node<'_>, key: &str) -> Option<Timestamp> {
    let millis = i64::try_from(node.number(key)?).ok()?;
    let is_time = jiff::Timestamp::from_millisecond(millis).is_ok();
    is_time.then_some(Timestamp(millis))
}
