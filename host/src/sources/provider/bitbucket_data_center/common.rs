//! What Bitbucket Data Center's payloads have in common: users, repositories, links, and times.

use crate::domain::clock::Timestamp;
use crate::domain::event::{Change, Person, Repository, Visibility};
use crate::sources::json::Node;
use crate::sources::provider::git::time;

/// The page of something, from its `links`; old versions send none.
pub(super) fn page(node: Node<'_>) -> Option<String> {
    node.get("links")
        .items("self")
        .find_map(|link| link.link("href"))
}

/// A user.
pub(super) fn person(node: Node<'_>) -> Option<Person> {
    let username = node.text("name");
    Some(Person {
        id: node.id("id"),
        name: node.text("displayName").or_else(|| username.clone())?,
        username,
        email: node.text("emailAddress"),
        // The users of project and repository access tokens are of this type.
        bot: node.raw("type") == Some("SERVICE"),
    })
}

/// The repository of an event, which each kind of payload has in another place; for a pull request the one it
/// goes to.
pub(super) fn place(body: Node<'_>) -> Node<'_> {
    let places = [
        body.get("repository"),
        body.get("pullRequest").get("toRef").get("repository"),
        // It was renamed or moved.
        body.get("new"),
    ];
    let secret = body.items("secretLocations").next();
    let secret = secret.map(|location| location.get("repository"));
    let known = places.into_iter().chain(secret);
    known
        .into_iter()
        .find(|node| node.get("project").exists())
        .unwrap_or_else(|| body.get("repository"))
}

/// The full name of a repository: `PROJECT/slug`.
pub(super) fn full_name(node: Node<'_>) -> Option<String> {
    let (key, slug) = (node.get("project").raw("key")?, node.raw("slug")?);
    Some(node.cut().text(&format!("{key}/{slug}")))
}

/// A repository. Its main branch is not sent, and old versions send no links.
pub(super) fn repository(node: Node<'_>) -> Option<Repository> {
    let full_name = full_name(node)?;
    let clone = |name| {
        let mut links = node.get("links").items("clone");
        links.find(|link| link.raw("name") == Some(name))
    };
    // What is public in itself, or in a project that is public.
    let public = [node.flag("public"), node.get("project").flag("public")];
    Some(Repository {
        id: node.id("id").unwrap_or_default(),
        name: node.text("name").or_else(|| node.text("slug"))?,
        url: page(node),
        ssh_url: clone("ssh").and_then(|link| link.text("href")),
        http_url: clone("http").and_then(|link| link.link("href")),
        default_branch: None,
        visibility: if public.contains(&Some(true)) {
            Visibility::Public
        } else if public[0] == Some(false) {
            Visibility::Private
        } else {
            Visibility::Unknown
        },
        full_name,
    })
}

/// When an event happened: every payload has a `date`, such as `2017-09-19T09:45:32+1000`.
pub(super) fn happened_at(body: Node<'_>) -> Option<Timestamp> {
    time(body.raw("date")?)
}

/// A time in milliseconds since the Unix epoch, as commits have it.
pub(super) fn millis(node: Node<'_>, key: &str) -> Option<Timestamp> {
    i64::try_from(node.number(key)?).ok().map(Timestamp)
}

/// What happened to a comment.
pub(super) fn comment_change(key: &str) -> Change {
    match super::action(key) {
        Some("added") => Change::Opened,
        Some("edited") => Change::Updated,
        Some("deleted") => Change::Deleted,
        _ => Change::Other,
    }
}

/// That an event is of a kind there is no subject for.
pub(super) fn no_words(node: Node<'_>, key: &str) -> String {
    format!(
        "there is no subject for the kind `{}`",
        node.cut().text(key)
    )
}
