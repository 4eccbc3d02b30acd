//! What GitLab's payloads have in common: people, projects, times, and states.

use crate::domain::clock::Timestamp;
use crate::domain::event::{CommitSummary, Person, Repository, RunStatus, Visibility};
use crate::sources::json::Node;
use crate::sources::provider::git::{self, first_line, time};

/// What GitLab writes in place of an address that is not public.
const REDACTED: &str = "[REDACTED]";

/// An e-mail address; none where GitLab keeps it to itself.
pub(super) fn email(node: Node<'_>, key: &str) -> Option<String> {
    node.text(key).filter(|email| email != REDACTED)
}

/// A person, from an object with `name` and `username`.
pub(super) fn person(node: Node<'_>) -> Option<Person> {
    let username = node.text("username");
    let bot = is_bot(node.raw("username"), node.raw("user_type"));
    Some(Person {
        id: node.id("id"),
        name: node.text("name").or_else(|| username.clone())?,
        username,
        email: email(node, "email"),
        bot,
    })
}

/// The people of a list.
pub(super) fn people(node: Node<'_>, key: &str) -> Vec<Person> {
    node.cut().list(node.items(key).filter_map(person))
}

/// Who caused an event: the `user`, or the flat fields of a push.
pub(super) fn actor(body: Node<'_>) -> Option<Person> {
    person(body.get("user")).or_else(|| flat_person(body))
}

/// A person, from the fields `user_name`, `user_username`, `user_email` and `user_id`.
pub(super) fn flat_person(body: Node<'_>) -> Option<Person> {
    let username = body.text("user_username");
    Some(Person {
        id: body.id("user_id"),
        name: body.text("user_name").or_else(|| username.clone())?,
        username,
        email: email(body, "user_email"),
        bot: is_bot(body.raw("user_username"), None),
    })
}

/// Whether GitLab says that somebody is a program: by the type of the user, or by the name that it gives
/// to the users of project and group access tokens, such as `project_15_bot_0a1b`.
fn is_bot(username: Option<&str>, user_type: Option<&str>) -> bool {
    // The users of a project's second and later tokens are called `project_15_bot1` in old versions.
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let of_token = |username: &str| {
        let rest = username
            .strip_prefix("project_")
            .or_else(|| username.strip_prefix("group_"));
        let Some((number, rest)) = rest.and_then(|rest| rest.split_once('_')) else {
            return false;
        };
        !number.is_empty()
            && is_digits(number)
            && (rest.starts_with("bot_") || rest.strip_prefix("bot").is_some_and(is_digits))
    };
    let of_type = |kind: &str| kind.ends_with("bot") || kind == "service_account";
    user_type.is_some_and(of_type) || username.is_some_and(of_token)
}

/// Which project an event is of, where the payload says only part of it.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Its number.
    pub(super) id: Option<String>,
    /// `group/subgroup/name`.
    pub(super) full_name: Option<String>,
}

/// The project of an event, which each kind of payload says in another place.
pub(super) fn place(body: Node<'_>) -> Place {
    let project = body.get("project");
    let old = body.get("repository");
    let attributes = body.get("object_attributes");
    let full_name = [
        (project, "path_with_namespace"),
        (body, "path_with_namespace"),
        (body, "project_path_with_namespace"),
    ]
    .into_iter()
    .find_map(|(node, key)| node.text(key));
    // A job's payload has no project but the addresses of its repository.
    let of_address = || {
        [
            (project, "git_ssh_url"),
            (old, "git_ssh_url"),
            (old, "url"),
            (old, "homepage"),
        ]
        .into_iter()
        .find_map(|(node, key)| path_of(node.raw(key)?))
        .map(|path| body.cut().text(path))
    };
    Place {
        id: project
            .id("id")
            .or_else(|| body.id("project_id"))
            .or_else(|| attributes.id("target_project_id"))
            .or_else(|| attributes.id("project_id")),
        full_name: full_name.or_else(of_address),
    }
}

/// The path of an address such as `git@host:group/name.git` or `https://host/group/name`.
fn path_of(address: &str) -> Option<&str> {
    let path = match address.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => address.split_once(':')?.1,
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    path.contains('/').then_some(path)
}

/// The project of an event as a repository.
pub(super) fn repository(body: Node<'_>) -> Option<Repository> {
    let Place { id, full_name } = place(body);
    let mut repository = described(body.get("project"), id, full_name)?;
    let old = body.get("repository");
    repository.url = repository.url.or_else(|| old.link("homepage"));
    repository.ssh_url = repository.ssh_url.or_else(|| old.text("git_ssh_url"));
    repository.http_url = repository.http_url.or_else(|| old.link("git_http_url"));
    if repository.visibility == Visibility::Unknown {
        repository.visibility = visibility(
            old.number("visibility_level"),
            body.raw("project_visibility"),
        );
    }
    Some(repository)
}

/// A project that is described in its own object, such as the source of a merge request.
pub(super) fn described(
    project: Node<'_>,
    id: Option<String>,
    full_name: Option<String>,
) -> Option<Repository> {
    let full_name = project.text("path_with_namespace").or(full_name)?;
    let last = full_name.rsplit('/').next().unwrap_or(&full_name);
    Some(Repository {
        id: project.id("id").or(id).unwrap_or_default(),
        name: project.text("name").unwrap_or_else(|| last.to_owned()),
        url: project.link("web_url").or_else(|| project.link("homepage")),
        ssh_url: project
            .text("git_ssh_url")
            .or_else(|| project.text("ssh_url")),
        http_url: project
            .link("git_http_url")
            .or_else(|| project.link("http_url")),
        default_branch: project.text("default_branch"),
        visibility: visibility(
            project.number("visibility_level"),
            project.raw("visibility"),
        ),
        full_name,
    })
}

fn visibility(level: Option<u64>, word: Option<&str>) -> Visibility {
    match (level, word) {
        (Some(0), _) | (None, Some("private")) => Visibility::Private,
        (Some(10), _) | (None, Some("internal")) => Visibility::Internal,
        (Some(20), _) | (None, Some("public")) => Visibility::Public,
        _ => Visibility::Unknown,
    }
}

/// The first of some times that is there.
pub(super) fn first_time(node: Node<'_>, keys: &[&str]) -> Option<Timestamp> {
    keys.iter().find_map(|key| time(node.raw(key)?))
}

/// A commit with `id`, `title`, `message`, `url` and `author`, where its id may stand elsewhere.
pub(super) fn commit_summary(node: Node<'_>, id: String) -> CommitSummary {
    let title = node
        .text("title")
        .or_else(|| node.raw("message").map(first_line));
    CommitSummary {
        id,
        title: title.filter(|title| !title.is_empty()),
        author: person(node.get("author")),
        url: node.link("url"),
    }
}

/// How a pipeline, job or deployment stands.
pub(super) fn status(word: &str) -> RunStatus {
    match word {
        "created" => RunStatus::Created,
        "pending" | "preparing" | "scheduled" | "waiting_for_resource" | "waiting_for_callback" => {
            RunStatus::Waiting
        }
        "running" => RunStatus::Running,
        "success" => RunStatus::Succeeded,
        "failed" => RunStatus::Failed,
        "canceled" | "canceling" => RunStatus::Canceled,
        "skipped" => RunStatus::Skipped,
        // Waiting for a person, who may never come.
        "manual" | "blocked" => RunStatus::Blocked,
        "approved" => RunStatus::Approved,
        "rejected" => RunStatus::Rejected,
        _ => RunStatus::Other,
    }
}

/// A page of a kind below a repository's, such as `-/tags/v1`.
pub(super) fn page(repository: Option<&Repository>, folder: &str, name: &str) -> Option<String> {
    git::page(repository, &format!("-/{folder}/{name}"))
}
