//! What Gitee's payloads have in common: people, repositories, and times. The objects are described at
//! <https://gitee.com/help/articles/4271>.

use crate::domain::clock::Timestamp;
use crate::domain::event::{Person, Repository, Visibility};
use crate::sources::json::Node;
use crate::sources::provider::git::time;
use crate::sources::signature::whole_number;

/// A person.
pub(super) fn person(node: Node<'_>) -> Option<Person> {
    let username = ["login", "username", "user_name"]
        .into_iter()
        .find_map(|key| node.text(key));
    Some(Person {
        id: node.id("id"),
        name: node.text("name").or_else(|| username.clone())?,
        username,
        email: node.text("email"),
        // `type` is `User` for everybody.
        bot: false,
    })
}

/// The people of a list.
pub(super) fn people(node: Node<'_>, key: &str) -> Vec<Person> {
    node.cut().list(node.items(key).filter_map(person))
}

/// Who caused an event.
pub(super) fn actor(body: Node<'_>) -> Option<Person> {
    ["sender", "updated_by", "user", "pusher", "author"]
        .into_iter()
        .find_map(|key| person(body.get(key)))
}

/// The names of the labels of something.
pub(super) fn labels(node: Node<'_>) -> Vec<String> {
    let names = node.items("labels").filter_map(|label| label.text("name"));
    node.cut().list(names)
}

/// The first of some times that is there.
pub(super) fn first_time(node: Node<'_>, keys: &[&str]) -> Option<Timestamp> {
    keys.iter().find_map(|key| time(node.raw(key)?))
}

/// When the webhook was triggered, as the body says: in milliseconds since 1970, as a text.
pub(super) fn triggered_at(body: Node<'_>) -> Option<Timestamp> {
    let text = body.id("timestamp")?;
    whole_number(text.as_bytes()).map(Timestamp)
}

/// Which repository an event is of.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Its number.
    pub(super) id: Option<String>,
    /// `owner/name`.
    pub(super) full_name: Option<String>,
    /// The address of the instance.
    pub(super) instance: Option<String>,
}

impl Place {
    /// The repository of an event.
    pub(super) fn of(body: Node<'_>) -> Self {
        let node = repository_node(body);
        let full_name = full_name(node);
        let page = node.link("html_url");
        let instance = page
            .as_deref()
            .zip(full_name.as_deref())
            .and_then(|(page, name)| page.strip_suffix(name))
            .map(|instance| instance.trim_end_matches('/').to_owned());
        Self {
            id: node.id("id"),
            full_name,
            instance,
        }
    }
}

fn full_name(node: Node<'_>) -> Option<String> {
    node.text("path_with_namespace")
        .or_else(|| node.text("full_name"))
}

/// The repository stands in the body twice; old versions have only one of them.
fn repository_node(body: Node<'_>) -> Node<'_> {
    let repository = body.get("repository");
    if repository.exists() {
        repository
    } else {
        body.get("project")
    }
}

/// The repository of an event.
pub(super) fn repository(body: Node<'_>) -> Option<Repository> {
    described(repository_node(body))
}

/// A repository that is described in its own object.
pub(super) fn described(node: Node<'_>) -> Option<Repository> {
    let full_name = full_name(node)?;
    let last = full_name.rsplit('/').next().unwrap_or(&full_name);
    Some(Repository {
        id: node.id("id").unwrap_or_default(),
        name: node.text("name").unwrap_or_else(|| last.to_owned()),
        url: node.link("html_url").or_else(|| node.link("homepage")),
        ssh_url: node.text("git_ssh_url").or_else(|| node.text("ssh_url")),
        http_url: node.link("git_http_url").or_else(|| node.link("clone_url")),
        default_branch: node.text("default_branch"),
        visibility: match node.flag("private") {
            Some(true) => Visibility::Private,
            Some(false) => Visibility::Public,
            None => Visibility::Unknown,
        },
        full_name,
    })
}
