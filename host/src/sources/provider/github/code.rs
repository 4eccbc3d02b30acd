//! Pushes, tags, releases, wiki pages, and the ping of a new webhook.

use super::common::{moment, page, person, repository};
use crate::domain::event::{Change, Commit, Page, Push, Release, Subject, Tag};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::{first_line, is_zero, missing, time};

/// The request with which a new webhook is tried.
pub(super) fn ping(body: Node<'_>) -> Result<Draft, String> {
    if !body.get("hook").exists() && body.raw("zen").is_none() {
        return Err(missing("ping", "hook"));
    }
    Ok(Draft::about(Subject::Ping))
}

/// A push to a branch, or a tag that was made, moved or removed: the ref says which.
pub(super) fn push(body: Node<'_>) -> Result<Draft, String> {
    let of_kind = |key| missing("push", key);
    let git_ref = body.raw("ref").ok_or_else(|| of_kind("ref"))?;
    let before = body.text("before").ok_or_else(|| of_kind("before"))?;
    let after = body.text("after").ok_or_else(|| of_kind("after"))?;
    let created = body.flag("created").unwrap_or_else(|| is_zero(&before));
    let deleted = body.flag("deleted").unwrap_or_else(|| is_zero(&after));
    let repository = repository(body);
    let (url, subject) = if let Some(name) = git_ref.strip_prefix("refs/tags/") {
        // Of an annotated tag, `after` is the tag itself; the commit is the head.
        let commit = body.get("head_commit").text("id");
        let tag = Tag {
            name: body.cut().text(name),
            target: if deleted {
                before
            } else {
                commit.unwrap_or(after)
            },
            message: None,
            created,
            deleted,
        };
        let url = page(repository.as_ref(), "releases/tag", &tag.name);
        (url, Subject::Tag(tag))
    } else if let Some(name) = git_ref.strip_prefix("refs/heads/") {
        let commits = body.cut().list(body.items("commits").filter_map(commit));
        let count = body.items("commits").count();
        let push = Push {
            branch: body.cut().text(name),
            before,
            after,
            created,
            deleted,
            forced: body.flag("forced").unwrap_or(false),
            commits,
            // GitHub sends 2,048 at most, and does not count the rest.
            commit_count: u32::try_from(count).unwrap_or(u32::MAX),
        };
        let url = if created {
            page(repository.as_ref(), "commits", &push.branch)
        } else {
            body.link("compare")
        };
        (url, Subject::Push(push))
    } else {
        return Err("the ref that was pushed is neither a branch nor a tag".to_owned());
    };
    Ok(Draft {
        happened_at: moment(body.get("repository"), "pushed_at"),
        // What is gone has no page.
        url: url.filter(|_| !deleted),
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

/// A release.
///
/// Publishing one sends `published`, and beside it `created`, `released` or `prereleased`, depending on whether it
/// was a draft: <https://docs.github.com/en/webhooks/webhook-events-and-payloads#release>. Only the first, which
/// is always sent, says that there is a new release.
pub(super) fn release(body: Node<'_>) -> Result<Draft, String> {
    let release = body.get("release");
    let tag = release
        .text("tag_name")
        .ok_or_else(|| missing("release", "tag_name"))?;
    let change = match body.raw("action") {
        Some("published") => Change::Opened,
        Some("edited") => Change::Updated,
        Some("unpublished") => Change::Closed,
        Some("deleted") => Change::Deleted,
        _ => Change::Other,
    };
    let happened_at = match change {
        Change::Opened => moment(release, "published_at"),
        Change::Updated => moment(release, "updated_at"),
        // The other times are those of the commit and of the first publication.
        _ => None,
    };
    let subject = Release {
        name: release.text("name").unwrap_or_else(|| tag.clone()),
        tag,
        description: release.text("body").unwrap_or_default(),
        change,
        prerelease: release.flag("prerelease").unwrap_or(false),
    };
    Ok(Draft {
        happened_at,
        url: release.link("html_url"),
        ..Draft::about(Subject::Release(subject))
    })
}

/// The pages of a wiki that were changed together.
fn named_pages(body: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let pages = body.items("pages");
    pages.filter(|page| page.raw("page_name").is_some())
}

/// How many pages of a wiki were changed together.
pub(super) fn count_pages(body: Node<'_>) -> usize {
    named_pages(body).count()
}

/// The pages of a wiki that were changed together: one event for each of the first so many.
pub(super) fn pages(body: Node<'_>, made: usize) -> Result<Vec<Draft>, String> {
    let pages = named_pages(body).take(made);
    let drafts: Vec<Draft> = pages.filter_map(wiki_page).collect();
    if drafts.is_empty() {
        return Err(missing("gollum", "pages"));
    }
    Ok(drafts)
}

fn wiki_page(node: Node<'_>) -> Option<Draft> {
    let id = node.text("page_name")?;
    let action = node.text("action");
    let page = Page {
        title: node.text("title").unwrap_or_else(|| id.clone()),
        id,
        space: None,
        change: match action.as_deref() {
            Some("created") => Change::Opened,
            Some("edited") => Change::Updated,
            _ => Change::Other,
        },
        // A page's `sha` is a commit, which does not count.
        version: None,
    };
    Some(Draft {
        provider_action: action,
        url: node.link("html_url"),
        ..Draft::about(Subject::Page(page))
    })
}
