//! What the payloads have in common: people, repositories, changed fields, and pages.

use crate::domain::clock::Timestamp;
use crate::domain::event::{FieldChange, Person, Repository, Visibility};
use crate::sources::json::Node;
use crate::sources::provider::git::time;

/// The account with which Gitea's and Forgejo's Actions do something:
/// <https://github.com/go-gitea/gitea/blob/main/models/user/user_system.go>.
const ACTIONS_USER: &str = "-2";

/// A person, from an object of a user, or of a commit's author.
pub(super) fn person(node: Node<'_>) -> Option<Person> {
    let username = node.text("login").or_else(|| node.text("username"));
    let name = node.text("full_name").or_else(|| node.text("name"));
    let id = node.id("id");
    Some(Person {
        bot: id.as_deref() == Some(ACTIONS_USER),
        id,
        name: name.or_else(|| username.clone())?,
        username,
        email: node.text("email"),
    })
}

/// The people of a list.
pub(super) fn people(node: Node<'_>, key: &str) -> Vec<Person> {
    node.cut().list(node.items(key).filter_map(person))
}

/// Who caused an event.
pub(super) fn actor(body: Node<'_>) -> Option<Person> {
    let of_run = body.get("run").get("trigger_user");
    [body.get("sender"), body.get("pusher"), of_run]
        .into_iter()
        .find_map(person)
}

/// Whether an event was caused by Gitea's own Actions.
pub(super) fn is_by_actions(body: Node<'_>) -> bool {
    body.get("sender").id("id").as_deref() == Some(ACTIONS_USER)
}

/// Whom something is assigned to: a list, or one person in old versions and in Gogs.
pub(super) fn assignees(node: Node<'_>) -> Vec<Person> {
    let list = people(node, "assignees");
    if list.is_empty() {
        person(node.get("assignee")).into_iter().collect()
    } else {
        list
    }
}

/// The names of the labels of something.
pub(super) fn labels(node: Node<'_>) -> Vec<String> {
    let names = node.items("labels").filter_map(|label| label.text("name"));
    node.cut().list(names)
}

/// The fields that were edited, with what they are now: the payload has the text before alone. The names are
/// pairs, of the payload's and of the event's.
pub(super) fn changes(
    body: Node<'_>,
    names: &[(&str, &str)],
    now: impl Fn(&str) -> Option<String>,
) -> Vec<FieldChange> {
    let changed = body.get("changes");
    let change = |(theirs, ours): &(&str, &str)| {
        let change = changed.get(theirs);
        change.exists().then(|| FieldChange {
            field: (*ours).to_owned(),
            before: change.text("from"),
            after: now(theirs),
        })
    };
    names.iter().filter_map(change).collect()
}

/// The first of some times that is there. What has not happened yet is at the first moment of 1970.
pub(super) fn first_time(node: Node<'_>, keys: &[&str]) -> Option<Timestamp> {
    let moment = |key: &&str| time(node.raw(key)?).filter(|moment| moment.0 > 0);
    keys.iter().find_map(moment)
}

/// How long something ran, in milliseconds.
pub(super) fn duration(start: Option<Timestamp>, end: Option<Timestamp>) -> Option<u64> {
    let millis = end?.0.checked_sub(start?.0)?;
    u64::try_from(millis).ok()
}

/// Which repository an event is of, where only part of the payload is at hand.
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
        let full_name = node.text("full_name");
        let page = node.link("html_url");
        if let Some((page, name)) = page.as_deref().zip(full_name.as_deref()) {
            let instance = page.strip_suffix(name).map(without_slash);
            return Self {
                id: node.id("id"),
                instance: instance.map(str::to_owned),
                full_name,
            };
        }
        // A run whose repository is not described says by its page where it is.
        let page = body.get("run").link("html_url");
        let Some((full_name, instance)) = page.as_deref().and_then(of_run_page) else {
            return Self {
                id: node.id("id"),
                full_name,
                instance: None,
            };
        };
        Self {
            id: node.id("id"),
            full_name: Some(full_name),
            instance: Some(instance),
        }
    }
}

fn without_slash(address: &str) -> &str {
    address.trim_end_matches('/')
}

/// The repository and the instance of a run's page, `https://host/owner/name/actions/runs/1`.
fn of_run_page(page: &str) -> Option<(String, String)> {
    let (repository, _) = page.split_once("/actions/runs/")?;
    let mut parts = repository.rsplitn(3, '/');
    let (name, owner) = (parts.next()?, parts.next()?);
    Some((format!("{owner}/{name}"), parts.next()?.to_owned()))
}

/// The object of the repository that an event is of.
fn repository_node(body: Node<'_>) -> Node<'_> {
    let (own, other) = (body.get("repository"), body.get("forkee"));
    // Gitea and Forgejo give the names the other way round: what was forked is the `forkee`.
    if own.flag("fork") == Some(true) && other.exists() && other.flag("fork") != Some(true) {
        return other;
    }
    let others = [body.get("run"), body.get("package")].map(|node| node.get("repository"));
    [own]
        .into_iter()
        .chain(others)
        .find(|node| node.exists())
        .unwrap_or(own)
}

/// The repository of an event.
pub(super) fn repository(body: Node<'_>) -> Option<Repository> {
    described(repository_node(body))
}

/// A repository that is described in its own object.
pub(super) fn described(node: Node<'_>) -> Option<Repository> {
    let full_name = node.text("full_name")?;
    let last = full_name.rsplit('/').next().unwrap_or(&full_name);
    Some(Repository {
        id: node.id("id").unwrap_or_default(),
        name: node.text("name").unwrap_or_else(|| last.to_owned()),
        url: node.link("html_url"),
        ssh_url: node.text("ssh_url"),
        http_url: node.link("clone_url"),
        default_branch: node.text("default_branch"),
        visibility: match (node.flag("private"), node.flag("internal")) {
            (Some(true), _) => Visibility::Private,
            (_, Some(true)) => Visibility::Internal,
            (Some(false), _) => Visibility::Public,
            (None, _) => Visibility::Unknown,
        },
        full_name,
    })
}

/// The page of what a payload without a subject is about.
pub(super) fn link(body: Node<'_>) -> Option<String> {
    let of_its_own = [
        "comment",
        "pull_request",
        "issue",
        "release",
        "run",
        "package",
    ]
    .into_iter()
    .find_map(|key| body.get(key).link("html_url"));
    of_its_own
        .or_else(|| body.link("compare_url"))
        .or_else(|| body.link("target_url"))
        .or_else(|| repository_node(body).link("html_url"))
}
