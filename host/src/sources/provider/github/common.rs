//! What GitHub's payloads have in common: people, repositories, times, and pages.

use crate::domain::clock::Timestamp;
use crate::domain::event::{CommitSummary, Person, Repository, Visibility};
use crate::sources::json::Node;
use crate::sources::provider::git::{first_line, time};

/// A person: a user with `login`, or the author of a commit with `name`, `email` and perhaps `username`.
pub(super) fn person(node: Node<'_>) -> Option<Person> {
    let username = node.text("login").or_else(|| node.text("username"));
    Some(Person {
        id: node.id("id"),
        name: node.text("name").or_else(|| username.clone())?,
        email: node.text("email"),
        bot: node.raw("type") == Some("Bot") || username.as_deref().is_some_and(is_app),
        username,
    })
}

/// Whether a user name is that of an app, such as `dependabot[bot]`: commits give no type, and no person's name
/// may hold a bracket. See <https://docs.github.com/en/enterprise-server@3.12/admin/managing-iam/iam-configuration-reference/username-considerations-for-external-authentication>.
fn is_app(username: &str) -> bool {
    username.ends_with("[bot]")
}

/// The people of a list.
pub(super) fn people(node: Node<'_>, key: &str) -> Vec<Person> {
    node.cut().list(node.items(key).filter_map(person))
}

/// Who caused an event: the `sender`. A push also has the `pusher`, who may be known by name and address alone.
pub(super) fn actor(body: Node<'_>) -> Option<Person> {
    let pusher = body.get("pusher");
    let Some(mut sender) = person(body.get("sender")) else {
        return person(pusher);
    };
    if sender.email.is_none() && sender.username == pusher.text("name") {
        sender.email = pusher.text("email");
    }
    Some(sender)
}

/// The repository of an event.
pub(super) fn repository(body: Node<'_>) -> Option<Repository> {
    described(body.get("repository"))
}

/// A repository that is described in its own object, such as the source of a pull request.
pub(super) fn described(node: Node<'_>) -> Option<Repository> {
    let name = node.text("name");
    let owner = node.get("owner");
    let of_owner = || {
        let owner = owner.raw("login").or_else(|| owner.raw("name"))?;
        Some(format!("{owner}/{}", name.as_deref()?))
    };
    let full_name = node.text("full_name").or_else(of_owner)?;
    let last = full_name.rsplit('/').next().unwrap_or(&full_name);
    Some(Repository {
        id: node.id("id").unwrap_or_default(),
        name: name.clone().unwrap_or_else(|| last.to_owned()),
        url: node.link("html_url"),
        ssh_url: node.text("ssh_url"),
        http_url: node.link("clone_url"),
        default_branch: node
            .text("default_branch")
            .or_else(|| node.text("master_branch")),
        visibility: visibility(node),
        full_name,
    })
}

fn visibility(node: Node<'_>) -> Visibility {
    match (node.raw("visibility"), node.flag("private")) {
        (Some("public"), _) | (None, Some(false)) => Visibility::Public,
        (Some("internal"), _) => Visibility::Internal,
        (Some("private"), _) | (None, Some(true)) => Visibility::Private,
        _ => Visibility::Unknown,
    }
}

/// The address of the instance, such as `https://github.com`, from the pages that the body names.
pub(super) fn instance(body: Node<'_>) -> Option<String> {
    ["repository", "sender"].into_iter().find_map(|key| {
        let page = body.get(key).raw("html_url")?;
        let (scheme, rest) = page.split_once("://")?;
        let is_web = matches!(scheme, "https" | "http");
        let host = rest.split(['/', '?', '#']).next()?;
        (is_web && !host.is_empty()).then(|| format!("{scheme}://{host}"))
    })
}

/// A time: text in most places, and whole seconds in a push's repository.
pub(super) fn moment(node: Node<'_>, key: &str) -> Option<Timestamp> {
    if let Some(text) = node.raw(key) {
        return time(text);
    }
    let seconds = i64::try_from(node.number(key)?).ok()?;
    seconds.checked_mul(1_000).map(Timestamp)
}

/// The first of some times that is there.
pub(super) fn first_time(node: Node<'_>, keys: &[&str]) -> Option<Timestamp> {
    keys.iter().find_map(|key| moment(node, key))
}

/// How long something took, in milliseconds.
pub(super) fn duration(node: Node<'_>, from: &str, to: &str) -> Option<u64> {
    let millis = moment(node, to)?.0.checked_sub(moment(node, from)?.0)?;
    u64::try_from(millis).ok()
}

/// A commit with `message` and `author`, whose hash may stand elsewhere.
pub(super) fn commit_summary(
    node: Node<'_>,
    id: String,
    repository: Option<&Repository>,
) -> CommitSummary {
    let title = node.raw("message").map(first_line);
    CommitSummary {
        title: title.filter(|title| !title.is_empty()),
        author: person(node.get("author")),
        url: page(repository, "commit", &id),
        id,
    }
}

/// A page below a repository's, such as `releases/tag/v1`; the last part is encoded.
pub(super) fn page(repository: Option<&Repository>, folder: &str, name: &str) -> Option<String> {
    let web = repository?.url.as_deref()?;
    let mut url = format!("{web}/{folder}/");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push('%');
            url.push_str(&hex::encode_upper([byte]));
        }
    }
    Some(url)
}

/// The branch of a run. A fork's is `owner:branch`, as GitHub itself writes it: its `main` is not the
/// repository's, and a rule that deploys `main` must not take it for that. No name of a branch has a colon. There
/// is none where the repository is not told: a fork may be removed while it runs.
pub(super) fn branch_of_run(run: Node<'_>, body: Node<'_>) -> Option<String> {
    let branch = run.text("head_branch")?;
    let head = run.get("head_repository");
    let id = head.id("id");
    if id.is_some() && id == body.get("repository").id("id") {
        return Some(branch);
    }
    let owner = head.get("owner").raw("login")?;
    Some(body.cut().text(&format!("{owner}:{branch}")))
}
