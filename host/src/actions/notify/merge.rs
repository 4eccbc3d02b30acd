//! Many messages as one, where a service does not take so many.

use super::dialect::{CommonMark, Dialect as _, Plain, escaped, render};
use super::markdown::{Document, leads};
use super::message::NOTHING;
use super::text::{cut, is_blank, one_line};
use crate::domain::decision::{Notification, Severity};

/// How many of the messages are listed by their titles; the others are counted.
const LISTED: usize = 20;

/// A title longer than this is cut in the list.
const TITLE: usize = 120;

/// One message that stands for several, which must not be none: it says how many, lists what they are about, and
/// has the worst severity and everybody's mentions.
pub(super) fn merged(messages: &[&Notification], quota: &str) -> Notification {
    let first = messages.first();
    let channel = first.map(|first| first.channel.clone()).unwrap_or_default();
    let mut merged = Notification::to(channel);
    merged.title = Some(format!("{} messages in one", messages.len()));
    let mut lines: Vec<String> = messages.iter().take(LISTED).map(|one| line(one)).collect();
    if messages.len() > LISTED {
        lines.push(format!("- … and {} more", messages.len() - LISTED));
    }
    merged.text = lines.join("\n");
    merged.severity = messages
        .iter()
        .filter_map(|one| one.severity)
        .max_by_key(rank);
    for mention in messages.iter().flat_map(|one| &one.mentions) {
        if !merged.mentions.contains(mention) {
            merged.mentions.push(mention.clone());
        }
    }
    merged.footer = Some(format!(
        "they came faster than this channel takes messages ({quota})"
    ));
    merged
}

fn rank(severity: &Severity) -> u8 {
    match severity {
        Severity::Info => 0,
        Severity::Success => 1,
        Severity::Warning => 2,
        Severity::Error => 3,
    }
}

/// One message as an item: its title or the beginning of its text, which leads where the message does.
fn line(message: &Notification) -> String {
    let text = Document::parse(&message.text);
    let text = render(&text, &Plain);
    let title = message.title.as_deref().filter(|title| !is_blank(title));
    let said = title.or_else(|| text.lines().find(|line| !is_blank(line)));
    let link = message.url.as_deref().map(str::trim);
    let link = link.filter(|link| leads(link));
    let said = plain(said.or(link).unwrap_or(NOTHING));
    match link {
        Some(link) => format!("- {}", CommonMark.link(&said, link)),
        None => format!("- {said}"),
    }
}

/// A plain text as an item of a list of `CommonMark`.
fn plain(text: &str) -> String {
    escaped(&cut(&one_line(text.trim()), TITLE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titled(title: &str, severity: Severity) -> Notification {
        Notification {
            title: Some(title.to_owned()),
            severity: Some(severity),
            mentions: vec!["ada".to_owned()],
            ..Notification::to("dev")
        }
    }

    #[test]
    fn one_message_says_how_many_and_what_they_are_about() {
        let mut linked = titled("build [x] *failed*", Severity::Error);
        linked.url = Some("https://example.org/a".to_owned());
        let text = Notification {
            text: "**deployed** `main`\nmore".to_owned(),
            ..Notification::to("dev")
        };
        let info = titled("done", Severity::Info);

        let merged = merged(&[&info, &linked, &text], "20/1m");

        assert_eq!(merged.title.as_deref(), Some("3 messages in one"));
        assert_eq!(merged.severity, Some(Severity::Error));
        assert_eq!(merged.mentions, ["ada"]);
        assert_eq!(
            render(&Document::parse(&merged.text), &Plain),
            "• done\n• build [x] *failed* (https://example.org/a)\n• deployed main"
        );
        assert!(merged.footer.is_some_and(|footer| footer.contains("20/1m")));
    }

    #[test]
    fn a_message_without_a_title_is_listed_by_its_text_or_its_address() {
        let mut untitled = titled(" ", Severity::Info);
        untitled.text = "\n> deployed\n\nmore".to_owned();
        untitled.url = Some("https://example.org/a(b".to_owned());
        let mut linked = untitled.clone();
        linked.text.clear();
        let nothing = titled("\u{200b}", Severity::Info);

        let merged = merged(&[&untitled, &linked, &nothing], "20/1m");

        assert_eq!(
            merged.text,
            "- [\\> deployed](https://example.org/a%28b)\n\
             - [https://example.org/a(b](https://example.org/a%28b)\n- (no text)"
        );
    }

    #[test]
    fn of_very_many_the_first_are_listed_and_the_others_counted() {
        let one = titled("x", Severity::Info);
        let merged = merged(&vec![&one; 50], "5/1s");
        assert_eq!(merged.title.as_deref(), Some("50 messages in one"));
        assert!(merged.text.ends_with("- … and 30 more"), "{}", merged.text);
    }
}
