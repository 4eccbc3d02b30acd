//! Pushes, tags, and releases.
//!
//! Gitea and Forgejo announce a new branch as a push and as `create`, and a tag as a push and as `create` or
//! `delete`; only a branch that is removed is announced once, as `delete`. The push says more, and is what a
//! webhook with Gitea's default settings sends, so the others become `other` and no rule sees the same thing
//! twice. Gogs announces a tag as `create` or `delete` alone. See `pushUpdates` in
//! <https://github.com/go-gitea/gitea/blob/main/services/repository/push.go> and `CommitRepo` and `PushTag` in
//! <https://github.com/gogs/gogs/blob/main/internal/database/actions.go>.

use super::common::{actor, first_time, person, repository};
use super::forge::{Forge, Tags};
use crate::domain::event::{Change, Commit, Push, Release, Repository, Subject, Tag};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::{first_line, is_zero, missing, page, short_ref, time};

/// What stands for no commit.
const ZEROS: &str = "0000000000000000000000000000000000000000";

/// A push to a branch, or a tag that was made, moved or removed: the ref says which.
pub(super) fn push(body: Node<'_>, forge: &Forge) -> Result<Draft, String> {
    let of_kind = |key| missing("push", key);
    let git_ref = body.raw("ref").ok_or_else(|| of_kind("ref"))?;
    let before = body.text("before").ok_or_else(|| of_kind("before"))?;
    let after = body.text("after").ok_or_else(|| of_kind("after"))?;
    let (created, deleted) = (is_zero(&before), is_zero(&after));
    let name = body.cut().text(short_ref(git_ref));
    let repository = repository(body);
    let is_tag = git_ref.starts_with("refs/tags/");
    if !is_tag && git_ref.starts_with("refs/") && !git_ref.starts_with("refs/heads/") {
        return Err("the body is a push to a ref that is neither a branch nor a tag".to_owned());
    }
    let url = match (created, deleted) {
        (_, true) => None,
        _ if is_tag => page(repository.as_ref(), &format!("{}{name}", forge.tag_page)),
        (true, false) => page(repository.as_ref(), &format!("{}{name}", forge.branch_page)),
        (false, false) => body.link("compare_url"),
    };
    let subject = if is_tag {
        // Of an annotated tag, `after` is the tag itself.
        let commit = body.get("head_commit").text("id");
        Subject::Tag(Tag {
            name,
            target: if deleted {
                before
            } else {
                commit.unwrap_or(after)
            },
            message: None,
            created,
            deleted,
        })
    } else {
        Subject::Push(moved(body, name, before, after))
    };
    Ok(about(body, subject, repository, url))
}

fn moved(body: Node<'_>, branch: String, before: String, after: String) -> Push {
    let mut commits = body.cut().list(body.items("commits").filter_map(commit));
    // The newest comes first; elsewhere it comes last.
    if commits.first().is_some_and(|first| first.id == after) {
        commits.reverse();
    }
    let sent = u64::try_from(body.items("commits").count()).unwrap_or(u64::MAX);
    let counted = body.number("total_commits").unwrap_or(sent);
    Push {
        created: is_zero(&before),
        deleted: is_zero(&after),
        branch,
        before,
        after,
        // None of them says so.
        forced: false,
        commits,
        commit_count: u32::try_from(counted).unwrap_or(u32::MAX),
    }
}

fn commit(node: Node<'_>) -> Option<Commit> {
    let message = node.text("message").unwrap_or_default();
    Some(Commit {
        id: node.text("id")?,
        title: first_line(&message),
        message,
        url: node.link("url"),
        author: person(node.get("author")),
        time: node.raw("timestamp").and_then(time),
        added: node.texts("added"),
        modified: node.texts("modified"),
        removed: node.texts("removed"),
    })
}

fn about(
    body: Node<'_>,
    subject: Subject,
    repository: Option<Repository>,
    url: Option<String>,
) -> Draft {
    Draft {
        actor: actor(body),
        url: url.or_else(|| repository.as_ref()?.url.clone()),
        repository,
        ..Draft::about(subject)
    }
}

/// Why an announcement has no subject.
fn told_by_push(forge: &Forge, what: &str) -> String {
    format!(
        "{} announces {what} as a push as well, which tells more: select it in the webhook's settings",
        forge.product
    )
}

/// A branch or a tag that began.
pub(super) fn created(body: Node<'_>, forge: &Forge) -> Result<Draft, String> {
    let of_kind = |key| missing("create", key);
    let name = body.raw("ref").ok_or_else(|| of_kind("ref"))?;
    let name = body.cut().text(short_ref(name));
    match (body.raw("ref_type"), forge.tags) {
        (Some("branch"), _) => Err(told_by_push(forge, "a new branch")),
        (Some("tag"), Tags::Pushed) => Err(told_by_push(forge, "a new tag")),
        (Some("tag"), Tags::Announced) => {
            let repository = repository(body);
            let url = page(repository.as_ref(), &format!("{}{name}", forge.tag_page));
            let tag = Tag {
                name,
                target: body.text("sha").ok_or_else(|| of_kind("sha"))?,
                message: None,
                created: true,
                deleted: false,
            };
            Ok(about(body, Subject::Tag(tag), repository, url))
        }
        _ => Err("the body says neither of a branch nor of a tag that it began".to_owned()),
    }
}

/// A branch or a tag that ended: which commit it was on is not sent.
pub(super) fn deleted(body: Node<'_>, forge: &Forge) -> Result<Draft, String> {
    let name = body.raw("ref").ok_or_else(|| missing("delete", "ref"))?;
    let name = body.cut().text(short_ref(name));
    let subject = match (body.raw("ref_type"), forge.tags) {
        (Some("branch"), _) => Subject::Push(Push {
            branch: name,
            before: String::new(),
            after: ZEROS.to_owned(),
            created: false,
            deleted: true,
            forced: false,
            commits: Vec::new(),
            commit_count: 0,
        }),
        (Some("tag"), Tags::Announced) => Subject::Tag(Tag {
            name,
            target: String::new(),
            message: None,
            created: false,
            deleted: true,
        }),
        (Some("tag"), Tags::Pushed) => return Err(told_by_push(forge, "a removed tag")),
        _ => return Err("the body says neither of a branch nor of a tag that it ended".to_owned()),
    };
    Ok(about(body, subject, repository(body), None))
}

/// A release.
pub(super) fn release(body: Node<'_>) -> Result<Draft, String> {
    let release = body.get("release");
    let tag = release
        .text("tag_name")
        .ok_or_else(|| missing("release", "tag_name"))?;
    let action = body.text("action");
    let change = match action.as_deref() {
        Some("published") => Change::Opened,
        Some("updated") => Change::Updated,
        Some("deleted") => Change::Deleted,
        _ => Change::Other,
    };
    let happened_at = match change {
        Change::Opened => first_time(release, &["published_at", "created_at"]),
        _ => None,
    };
    let repository = repository(body);
    Ok(Draft {
        provider_action: action,
        happened_at,
        actor: actor(body),
        url: release
            .link("html_url")
            .or_else(|| page(repository.as_ref(), "releases")),
        repository,
        ..Draft::about(Subject::Release(Release {
            name: release.text("name").unwrap_or_else(|| tag.clone()),
            tag,
            description: release.text("body").unwrap_or_default(),
            change,
            prerelease: release.flag("prerelease").unwrap_or(false),
        }))
    })
}
