//! A push as a message, with its commits as a list.

use hookbox_sdk::event::Commit;
use hookbox_sdk::prelude::*;

const PUSHED: u32 = 0x0066_66C4;

/// More than this is nothing anybody reads in a chat; the link shows all.
const MOST_COMMITS: usize = 10;

pub(crate) fn tell(event: &Event, push: &Push, channel: &Channel) -> Decision {
    let title = title(push);
    let text = if push.created || push.deleted {
        String::new()
    } else {
        list(push)
    };
    Notify::to(channel)
        .title(&title)
        .text(text)
        .link(&event.url)
        .color(PUSHED)
        .field("Project", event.project())
        .field("Author", event.actor_name().map(markdown::escape))
        .because(title)
}

fn title(push: &Push) -> String {
    let branch = &push.branch;
    if push.deleted {
        return format!("Branch {branch} deleted");
    }
    if push.created {
        return format!("Branch {branch} created");
    }
    match (push.commit_count, push.forced) {
        (0, _) => format!("{branch} moved to {}", push.short_after()),
        (1, false) => format!("1 commit to {branch}"),
        (1, true) => format!("1 commit forced to {branch}"),
        (count, false) => format!("{count} commits to {branch}"),
        (count, true) => format!("{count} commits forced to {branch}"),
    }
}

fn list(push: &Push) -> String {
    let shown = push.commits.len().min(MOST_COMMITS);
    let mut lines: Vec<String> = push.commits.iter().take(shown).map(line).collect();
    let more =
        push.commits.len() - shown + usize::try_from(push.commits_not_sent()).unwrap_or_default();
    if shown > 0 && more > 0 {
        lines.push(format!("- and {more} more"));
    }
    lines.join("\n")
}

fn line(commit: &Commit) -> String {
    let id = markdown::link(commit.short_id(), &commit.url);
    let title = markdown::escape(&markdown::shorten(&commit.title, 120));
    match &commit.author {
        Some(author) => format!("- {id} {title} ({})", markdown::escape(&author.name)),
        None => format!("- {id} {title}"),
    }
}

#[cfg(test)]
mod tests {
    use hookbox_sdk::testing::Outcome;

    use super::*;

    fn commit(id: &str, title: &str) -> Commit {
        Commit {
            id: id.repeat(10),
            title: title.to_owned(),
            message: title.to_owned(),
            url: Some(format!("https://git.example.org/c/{id}")),
            author: None,
            time: None,
            added: Vec::new(),
            modified: Vec::new(),
            removed: Vec::new(),
        }
    }

    fn with(change: impl FnOnce(&mut Push)) -> Outcome {
        let mut event = sample("gitlab/push");
        if let Subject::Push(push) = &mut event.subject {
            push.branch = "main".to_owned();
            push.commits = Vec::new();
            push.commit_count = 0;
            change(push);
        }
        case(crate::tell)
            .settings("channel = 'dev'")
            .event(event)
            .run()
    }

    fn with_commits(commits: Vec<Commit>) -> Outcome {
        with(|push| {
            push.commit_count = u32::try_from(commits.len()).unwrap();
            push.commits = commits;
        })
    }

    #[test]
    fn the_commits_are_listed_with_linked_ids() {
        let outcome = with_commits(vec![
            commit("a1b2", "Add search"),
            commit("c3d4", "Fix *all*"),
        ]);

        let sent = outcome.expect_notification("dev");
        assert_eq!(sent.title.as_deref(), Some("2 commits to main"));
        assert_eq!(
            sent.text,
            "- [a1b2a1b2](https://git.example.org/c/a1b2) Add search\n\
             - [c3d4c3d4](https://git.example.org/c/c3d4) Fix \\*all\\*"
        );
        assert!(sent.field("Author").is_some());
    }

    #[test]
    fn one_commit_is_one_commit() {
        let outcome = with_commits(vec![commit("a1b2", "Add search")]);

        assert_eq!(
            outcome.expect_notification("dev").title.as_deref(),
            Some("1 commit to main")
        );
    }

    #[test]
    fn a_long_list_is_cut_and_the_rest_counted() {
        let outcome = with(|push| {
            push.commits = (0..12).map(|_| commit("a1b2", "Add search")).collect();
            push.commit_count = 30;
        });

        let text = &outcome.expect_notification("dev").text;
        assert_eq!(text.lines().count(), 11);
        assert!(text.ends_with("- and 20 more"));
    }

    #[test]
    fn a_branchs_beginning_and_end_are_told_briefly() {
        let created = with(|push| {
            push.created = true;
            push.commits = vec![commit("a1b2", "Add search")];
        });
        let deleted = with(|push| push.deleted = true);

        let created = created.expect_notification("dev");
        assert_eq!(
            (created.title.as_deref(), created.text.as_str()),
            (Some("Branch main created"), "")
        );
        assert_eq!(
            deleted.expect_notification("dev").title.as_deref(),
            Some("Branch main deleted")
        );
    }

    #[test]
    fn a_forced_push_says_so() {
        let outcome = with(|push| {
            push.forced = true;
            push.commit_count = 3;
        });

        assert_eq!(
            outcome.expect_notification("dev").title.as_deref(),
            Some("3 commits forced to main")
        );
    }

    #[test]
    fn a_text_that_would_format_or_mention_stays_text() {
        let outcome = with_commits(vec![commit(
            "a1b2",
            "[free](https://evil.example) <!channel>",
        )]);

        let text = &outcome.expect_notification("dev").text;
        assert!(
            text.ends_with(r"\[free\](https://evil.example) \<!channel\>"),
            "{text}"
        );
    }
}
