//! A merge request as a message; the colour says what happened to it.
//!
//! Branches and projects stand in fields as they are: Git and the providers allow nothing in their names
//! that makes a link or stress of them.

use hookbox_sdk::prelude::*;

const OPENED: u32 = 0x0010_8548;
const MERGED: u32 = 0x001F_75CB;
const CLOSED: u32 = 0x00DD_2B0E;
const COMMITS_PUSHED: u32 = 0x00C1_7D10;

pub(crate) fn tell(event: &Event, merge_request: &MergeRequest, channel: &Channel) -> Decision {
    let color = match merge_request.change {
        Change::Opened | Change::Reopened | Change::Ready => OPENED,
        Change::Merged => MERGED,
        Change::Closed => CLOSED,
        Change::CommitsPushed => COMMITS_PUSHED,
        other => return nothing(format!("only changed: {}", other.in_words())),
    };
    let what = merge_request.change.in_words();
    Notify::to(channel)
        .title(title(merge_request, what))
        .text(match event.actor_name() {
            Some(name) => format!("{what} by {}", markdown::escape(name)),
            None => what.to_owned(),
        })
        .link(&event.url)
        .color(color)
        .field("Project", event.project())
        .field("Status", status(merge_request))
        .field("Source", source(merge_request))
        .field("Target", &merge_request.target_branch)
        .because(format!("merge request {what}"))
}

/// The same for every provider: `!7`, which no issue is called.
fn title(merge_request: &MergeRequest, what: &str) -> String {
    let draft = if merge_request.draft { "Draft " } else { "" };
    let title = markdown::shorten(&merge_request.title, 120);
    format!("{draft}!{} {what}: {title}", merge_request.number)
}

fn status(merge_request: &MergeRequest) -> String {
    let draft = if merge_request.draft { ", draft" } else { "" };
    format!("{}{draft}", merge_request.state)
}

fn source(merge_request: &MergeRequest) -> String {
    match &merge_request.source_repository {
        Some(fork) => format!("{}:{}", fork.full_name, merge_request.source_branch),
        None => merge_request.source_branch.clone(),
    }
}

#[cfg(test)]
mod tests {
    use hookbox_sdk::testing::Outcome;

    use super::*;

    fn with(change: impl FnOnce(&mut MergeRequest)) -> Outcome {
        let mut event = sample("gitlab/merge-request-opened");
        if let Subject::MergeRequest(merge_request) = &mut event.subject {
            change(merge_request);
        }
        case(crate::tell)
            .settings("channel = 'dev'")
            .event(event)
            .run()
    }

    fn told(name: &str) -> Option<u32> {
        let outcome = case(crate::tell)
            .settings("channel = 'dev'")
            .sample(name)
            .run();
        outcome.expect_notification("dev").color
    }

    #[test]
    fn an_opened_merge_request_is_told_with_its_project_status_and_branches() {
        let outcome = with(|merge_request| merge_request.title = "Add *search*".to_owned());

        let sent = outcome.expect_notification("dev");
        let title = sent.title.as_deref().unwrap();
        assert!(
            title.starts_with('!') && title.ends_with(" opened: Add *search*"),
            "{title}"
        );
        assert!(sent.url.is_some());
        assert_eq!(sent.field("Status"), Some("open"));
        assert!(
            ["Project", "Source", "Target"]
                .iter()
                .all(|name| sent.field(name).is_some())
        );
    }

    #[test]
    fn each_change_has_its_colour() {
        assert_eq!(told("gitlab/merge-request-opened"), Some(OPENED));
        assert_eq!(told("gitlab/merge-request-merged"), Some(MERGED));
        assert_eq!(told("gitlab/merge-request-closed"), Some(CLOSED));
        let pushed = with(|merge_request| merge_request.change = Change::CommitsPushed);
        assert_eq!(
            pushed.expect_notification("dev").color,
            Some(COMMITS_PUSHED)
        );
    }

    #[test]
    fn a_draft_is_told_as_a_draft() {
        let outcome = with(|merge_request| merge_request.draft = true);

        let sent = outcome.expect_notification("dev");
        assert!(sent.title.as_deref().unwrap().starts_with("Draft !"));
        assert_eq!(sent.field("Status"), Some("open, draft"));
    }

    #[test]
    fn approvals_labels_and_assignments_are_not_told() {
        for (change, reason) in [
            (Change::Approved, "only changed: approved"),
            (Change::Labeled, "only changed: labeled"),
            (Change::Assigned, "only changed: assigned"),
            (Change::Updated, "only changed: updated"),
        ] {
            let outcome = with(|merge_request| merge_request.change = change);

            assert_eq!(outcome.expect_nothing(), reason);
        }
    }

    #[test]
    fn a_fork_is_named() {
        let mut fork = sample("gitlab/merge-request-opened").repository.unwrap();
        fork.full_name = "ada/api".to_owned();

        let outcome = with(|merge_request| {
            merge_request.source_branch = "search".to_owned();
            merge_request.source_repository = Some(fork);
        });

        assert_eq!(
            outcome.expect_notification("dev").field("Source"),
            Some("ada/api:search")
        );
    }
}
