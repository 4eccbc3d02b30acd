//! What Bitbucket Cloud's payloads have in common: accounts, repositories, links, and times.

use crate::domain::clock::Timestamp;
use crate::domain::event::{Person, Repository, Visibility};
use crate::sources::json::Node;
use crate::sources::provider::git::time;

/// The page of something, from its `links`.
pub(super) fn page(node: Node<'_>) -> Option<String> {
    node.get("links").get("html").link("href")
}

/// An account: a user, a workspace (`team`), or an app.
///
/// The nickname is no login name: its owner may change it to anybody's, so a rule must not take it for one.
/// `username` was withdrawn for users: <https://developer.atlassian.com/cloud/bitbucket/bitbucket-api-changes-gdpr/>.
pub(super) fn person(node: Node<'_>) -> Option<Person> {
    let username = node.text("username");
    let name = node
        .text("display_name")
        .or_else(|| node.text("nickname"))
        .or_else(|| username.clone())?;
    Some(Person {
        id: node.text("account_id").or_else(|| node.text("uuid")),
        name,
        username,
        email: None,
        // The account of an app or of an access token.
        bot: node.raw("type") == Some("app_user"),
    })
}

/// The author of a commit: `raw` as Git has it, and the account where Bitbucket knows one.
pub(super) fn author(node: Node<'_>) -> Option<Person> {
    let account = person(node.get("user"));
    let Some(raw) = node.raw("raw") else {
        return account;
    };
    let (name, email) = match raw.rsplit_once('<') {
        Some((name, email)) => (name.trim(), email.trim_end_matches('>').trim()),
        None => (raw.trim(), ""),
    };
    let text = |text: &str| (!text.is_empty()).then(|| node.cut().text(text));
    let account_name = account.as_ref().map(|account| account.name.clone());
    Some(Person {
        id: account.as_ref().and_then(|account| account.id.clone()),
        name: text(name).or(account_name).or_else(|| text(email))?,
        username: account
            .as_ref()
            .and_then(|account| account.username.clone()),
        email: text(email),
        bot: account.is_some_and(|account| account.bot),
    })
}

/// A repository. Neither addresses to clone it from nor its main branch are sent.
pub(super) fn repository(node: Node<'_>) -> Option<Repository> {
    let full_name = node.text("full_name")?;
    let last = full_name.rsplit('/').next().unwrap_or(&full_name);
    Some(Repository {
        id: node.text("uuid").unwrap_or_default(),
        name: node.text("name").unwrap_or_else(|| last.to_owned()),
        url: page(node),
        ssh_url: None,
        http_url: None,
        default_branch: None,
        visibility: match node.flag("is_private") {
            Some(true) => Visibility::Private,
            Some(false) => Visibility::Public,
            None => Visibility::Unknown,
        },
        full_name,
    })
}

/// The first of some times that is there.
pub(super) fn first_time(node: Node<'_>, keys: &[&str]) -> Option<Timestamp> {
    keys.iter().find_map(|key| time(node.raw(key)?))
}

/// That an event is of a kind there is no subject for.
pub(super) fn no_words(node: Node<'_>, key: &str) -> String {
    format!(
        "there is no subject for the kind `{}`",
        node.cut().text(key)
    )
}
