//! Pushes and tags.

use super::common::{actor, person, repository, triggered_at};
use crate::domain::event::{Commit, Push, Subject, Tag};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::{first_line, is_zero, missing, page, short_ref, time};

/// A push to a branch, or a tag that was made, moved or removed: the ref says which.
pub(super) fn push(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("push_hooks", key);
    let git_ref = body.raw("ref").ok_or_else(|| of_kind("ref"))?;
    let before = body.text("before").ok_or_else(|| of_kind("before"))?;
    let after = body.text("after").ok_or_else(|| of_kind("after"))?;
    let (created, deleted) = (is_zero(&before), is_zero(&after));
    let name = body.cut().text(short_ref(git_ref));
    let repository = repository(body);
    let is_tag = git_ref.starts_with("refs/tags/");
    let url = match (created, deleted) {
        (_, true) => None,
        (true, false) => page(repository.as_ref(), &format!("tree/{name}")),
        (false, false) => body.link("compare"),
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
        let sent = u64::try_from(body.items("commits").count()).unwrap_or(u64::MAX);
        let counted = body.number("total_commits_count").unwrap_or(sent);
        Subject::Push(Push {
            branch: name,
            before,
            after,
            created,
            deleted,
            // Gitee does not say.
            forced: false,
            commits: body.cut().list(body.items("commits").filter_map(commit)),
            commit_count: u32::try_from(counted).unwrap_or(u32::MAX),
        })
    };
    Ok(Draft {
        happened_at: triggered_at(body),
        actor: actor(body),
        url: url.or_else(|| repository.as_ref()?.url.clone()),
        repository,
        ..Draft::about(subject)
    })
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
