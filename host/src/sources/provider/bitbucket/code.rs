//! Pushes and tags: the changes of a push.

use super::common::{author, page, person, repository};
use crate::domain::event::{Commit, Push, Subject, Tag};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::{first_line, missing, time};

/// What stands for no commit, as Git itself writes it: Bitbucket Cloud sends `null`.
const NONE: &str = "0000000000000000000000000000000000000000";

/// One change of a push: a branch (or, formerly, a bookmark or a named branch of Mercurial) or a tag that began,
/// moved or ended.
pub(super) fn change(body: Node<'_>, change: Node<'_>) -> Result<Draft, String> {
    let (old, new) = (change.get("old"), change.get("new"));
    let (created, deleted) = (!old.exists(), !new.exists());
    let git_ref = if deleted { old } else { new };
    let name = git_ref
        .text("name")
        .ok_or_else(|| missing("repo:push", "name"))?;
    let hash = |node: Node<'_>| node.get("target").text("hash");
    let target = hash(git_ref).ok_or_else(|| missing("repo:push", "target"))?;
    let repository = repository(body.get("repository"));
    let draft = match git_ref.raw("type") {
        Some("tag" | "annotated_tag") => Draft {
            url: page(new),
            ..Draft::about(Subject::Tag(Tag {
                name,
                target,
                // Of a tag without one of its own it is `null`.
                message: git_ref
                    .text("message")
                    .map(|message| message.trim_end().to_owned()),
                created,
                deleted,
            }))
        },
        Some("branch" | "named_branch" | "bookmark") => {
            let commits = change.items("commits").filter_map(commit);
            let commits = body.cut().list(commits);
            let sent = u32::try_from(change.items("commits").count()).unwrap_or(u32::MAX);
            // Bitbucket sends at most five and does not count the others.
            let has_more = change.flag("truncated") == Some(true);
            let more = format!(
                "Bitbucket sends the newest {sent} commits of this push and does not say how many there are: \
                 one more is counted"
            );
            let push = Push {
                branch: name,
                before: hash(old).unwrap_or_else(|| NONE.to_owned()),
                after: hash(new).unwrap_or_else(|| NONE.to_owned()),
                created,
                deleted,
                forced: change.flag("forced") == Some(true),
                commits,
                commit_count: sent.saturating_add(u32::from(has_more)),
            };
            Draft {
                url: page(change),
                note: has_more.then_some(more),
                ..Draft::about(Subject::Push(push))
            }
        }
        _ => return Err("the push moves neither a branch nor a tag".to_owned()),
    };
    Ok(Draft {
        actor: person(body.get("actor")),
        url: draft.url.or_else(|| repository.as_ref()?.url.clone()),
        repository,
        ..draft
    })
}

fn commit(node: Node<'_>) -> Option<Commit> {
    let message = node.text("message").unwrap_or_default();
    Some(Commit {
        id: node.text("hash")?,
        title: first_line(&message),
        message,
        url: page(node),
        author: author(node.get("author")),
        time: node.raw("date").and_then(time),
        // Bitbucket Cloud does not say which files.
        added: Vec::new(),
        modified: Vec::new(),
        removed: Vec::new(),
    })
}
