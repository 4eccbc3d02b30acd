//! Pushes, tags, and comments on commits.

use super::common::{comment_change, millis};
use crate::domain::event::{Comment, CommentTarget, Commit, Person, Push, Subject, Tag};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::{first_line, is_zero, missing, short_ref};

/// One change of a push: a branch or a tag that began, moved or ended; `is_alone` when there is no other.
pub(super) fn change(body: Node<'_>, change: Node<'_>, is_alone: bool) -> Result<Draft, String> {
    let of_kind = |key| missing("repo:refs_changed", key);
    let git_ref = change.get("ref");
    let id = git_ref
        .raw("id")
        .or_else(|| change.raw("refId"))
        .ok_or_else(|| of_kind("refId"))?;
    let before = change.text("fromHash").ok_or_else(|| of_kind("fromHash"))?;
    let after = change.text("toHash").ok_or_else(|| of_kind("toHash"))?;
    let (created, deleted) = (is_zero(&before), is_zero(&after));
    let name = body.cut().text(short_ref(id));
    let is_tag = git_ref.raw("type") == Some("TAG") || id.starts_with("refs/tags/");
    let is_branch = git_ref.raw("type") == Some("BRANCH") || id.starts_with("refs/heads/");
    let subject = if is_tag {
        Subject::Tag(Tag {
            name,
            target: if deleted { before } else { after },
            message: None,
            created,
            deleted,
        })
    } else if is_branch {
        let commits = body.cut().list(commits(body, &after, is_alone));
        Subject::Push(Push {
            branch: name,
            before,
            created,
            deleted,
            // Bitbucket Data Center does not say.
            forced: false,
            // By default the newest five at most, not counted, and none in old versions: what is sent is all that is
            // known.
            commit_count: u32::try_from(commits.len()).unwrap_or(u32::MAX),
            commits,
            after,
        })
    } else {
        return Err("the push moves neither a branch nor a tag".to_owned());
    };
    Ok(Draft {
        provider_action: change.text("type"),
        ..Draft::about(subject)
    })
}

/// The commits of a change. They stand beside the changes and do not say to which they belong: to the one that leads
/// to the newest of them.
fn commits<'a>(
    body: Node<'a>,
    after: &str,
    is_alone: bool,
) -> impl Iterator<Item = Commit> + use<'a> {
    let is_of_change = is_alone || newest(body) == Some(after);
    let own = is_of_change.then(|| body.items("commits"));
    own.into_iter().flatten().filter_map(commit)
}

/// The newest of the commits that stand beside the changes.
fn newest(body: Node<'_>) -> Option<&str> {
    body.items("commits").next()?.raw("id")
}

/// What the changes that lead to the newest commit repeat where there are several of them: all the commits.
pub(super) fn repeated_commits(body: Node<'_>) -> Draft {
    let newest = newest(body);
    let mut leading = body
        .items("changes")
        .filter(|change| newest.is_some() && change.raw("toHash") == newest);
    let is_repeated = leading.nth(1).is_some();
    let commits = body.items("commits").filter(|_| is_repeated);
    Draft::about(Subject::Push(Push {
        branch: String::new(),
        before: String::new(),
        after: String::new(),
        created: false,
        deleted: false,
        forced: false,
        commits: body.cut().list(commits.filter_map(commit)),
        commit_count: 0,
    }))
}

fn commit(node: Node<'_>) -> Option<Commit> {
    let message = node.text("message").unwrap_or_default();
    let author = node.get("author");
    let email = author.text("emailAddress");
    Some(Commit {
        id: node.text("id")?,
        title: first_line(&message),
        message,
        url: None,
        author: author.text("name").map(|name| Person {
            id: None,
            name,
            username: None,
            email,
            bot: false,
        }),
        time: millis(node, "authorTimestamp"),
        // Bitbucket Data Center does not say which files.
        added: Vec::new(),
        modified: Vec::new(),
        removed: Vec::new(),
    })
}

/// A comment on a commit.
pub(super) fn comment(body: Node<'_>, key: &str) -> Result<Draft, String> {
    let of_kind = |field| missing(key, field);
    let node = body.get("comment");
    let commit = body.text("commit").ok_or_else(|| of_kind("commit"))?;
    let comment = Comment {
        id: node.id("id").ok_or_else(|| of_kind("comment.id"))?,
        text: node.text("text").unwrap_or_default(),
        target: CommentTarget::Commit,
        target_key: Some(commit),
        target_title: None,
        target_author: None,
        path: None,
        line: None,
        confidential: false,
        change: comment_change(key),
    };
    Ok(Draft {
        provider_action: super::action(key).map(str::to_owned),
        ..Draft::about(Subject::Comment(comment))
    })
}
