//! Pushes, tags, and releases.

use super::common::{actor, first_time, page, person, repository};
use crate::domain::event::{Change, Commit, Push, Release, Subject, Tag};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::{first_line, is_zero, missing, short_ref, time};

/// A push to a branch, or a tag that was made, moved or removed: the ref says which.
pub(super) fn push(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("push", key);
    let git_ref = body.raw("ref").ok_or_else(|| of_kind("ref"))?;
    let before = body.text("before").ok_or_else(|| of_kind("before"))?;
    let after = body.text("after").ok_or_else(|| of_kind("after"))?;
    let (created, deleted) = (is_zero(&before), is_zero(&after));
    let name = body.cut().text(short_ref(git_ref));
    let repository = repository(body);
    let is_tag = git_ref.starts_with("refs/tags/") || body.raw("object_kind") == Some("tag_push");
    let (url, subject) = if is_tag {
        let url = if deleted {
            None
        } else {
            page(repository.as_ref(), "tags", &name)
        };
        // The commit: of an annotated tag, `after` is the tag itself.
        let target = if deleted {
            before
        } else {
            body.text("checkout_sha").unwrap_or(after)
        };
        let message = body.text("message");
        (
            url,
            Subject::Tag(Tag {
                name,
                target,
                message,
                created,
                deleted,
            }),
        )
    } else {
        let url = match (created, deleted) {
            (_, true) => None,
            (true, false) => page(repository.as_ref(), "commits", &name),
            (false, false) => page(
                repository.as_ref(),
                "compare",
                &format!("{before}...{after}"),
            ),
        };
        let commits = body.cut().list(body.items("commits").filter_map(commit));
        let sent = body.items("commits").count();
        let counted = body
            .number("total_commits_count")
            .unwrap_or(u64::try_from(sent).unwrap_or(u64::MAX));
        let push = Push {
            branch: name,
            before,
            after,
            created,
            deleted,
            // GitLab does not say.
            forced: false,
            commits,
            commit_count: u32::try_from(counted).unwrap_or(u32::MAX),
        };
        (url, Subject::Push(push))
    };
    let url = url.or_else(|| {
        repository
            .as_ref()
            .and_then(|repository| repository.url.clone())
    });
    Ok(Draft {
        actor: actor(body),
        url,
        repository,
        ..Draft::about(subject)
    })
}

fn commit(node: Node<'_>) -> Option<Commit> {
    let message = node.text("message").unwrap_or_default();
    Some(Commit {
        id: node.text("id")?,
        title: node.text("title").unwrap_or_else(|| first_line(&message)),
        message,
        url: node.link("url"),
        author: person(node.get("author")),
        time: node.raw("timestamp").and_then(time),
        added: node.texts("added"),
        modified: node.texts("modified"),
        removed: node.texts("removed"),
    })
}

/// A release.
pub(super) fn release(body: Node<'_>) -> Result<Draft, String> {
    let tag = body.text("tag").ok_or_else(|| missing("release", "tag"))?;
    let action = body.text("action");
    let change = match action.as_deref() {
        Some("create") => Change::Opened,
        Some("update") => Change::Updated,
        Some("delete") => Change::Deleted,
        _ => Change::Other,
    };
    let happened_at = match change {
        Change::Opened => first_time(body, &["created_at", "released_at"]),
        _ => None,
    };
    let release = Release {
        name: body.text("name").unwrap_or_else(|| tag.clone()),
        tag,
        description: body.text("description").unwrap_or_default(),
        change,
        prerelease: false,
    };
    Ok(Draft {
        provider_action: action,
        happened_at,
        actor: actor(body),
        repository: repository(body),
        url: body.link("url"),
        ..Draft::about(Subject::Release(release))
    })
}
