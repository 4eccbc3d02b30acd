//! What the README shows is what the rule says and takes.

use super::*;

const README: &str = include_str!("../../README.md");
/// 2019-02-03T12:00:00Z.
const LONG_AGO: u64 = 1_549_195_200_000;

/// How many columns a text takes; Chinese characters take two.
fn columns(text: &str) -> usize {
    text.chars()
        .map(|c| if c < '\u{1100}' { 1 } else { 2 })
        .sum()
}

fn shown(message: &Notification) -> String {
    let fields = fields(message);
    let names = fields.iter().map(|(name, _)| columns(name));
    let width = names.max().unwrap_or_default();
    let fields = fields.iter().map(|(name, value)| {
        let padding = " ".repeat(width - columns(name));
        format!("    {name}{padding}  {value}\n")
    });
    let text = format!(
        "{}\n{}    contracts\n",
        title(message),
        fields.collect::<String>()
    );
    text.replace('\u{a0}', " ")
}

#[test]
fn the_messages_in_the_readme_are_those_of_the_rule() {
    for (language, path) in [
        ("en", "Contracts/2026/Lease.pdf"),
        ("fr", "Contrats/2026/Bail.pdf"),
        ("zh", "合同/2026/租约.pdf"),
    ] {
        let mut event = event(path, FileChange::Created);
        file_mut(&mut event).modified_at = Some(LONG_AGO);

        let text = shown(&sent(event, &format!("language = '{language}'")));

        assert!(README.contains(&format!("```text\n{text}```")), "{text}");
    }
}

#[test]
fn the_settings_in_the_readme_are_taken() {
    let block = README.split("[settings]\n").nth(1).unwrap();
    let settings = block.split("```").next().unwrap();

    let taken = configure_with::<HookboxRule>(&settings.replace("[settings.", "["));

    assert_eq!(taken, Ok(()));
}

#[test]
fn the_titles_and_colours_in_the_readme_are_those_of_the_rule() {
    for change in [
        FileChange::Created,
        FileChange::Modified,
        FileChange::Renamed,
        FileChange::Removed,
    ] {
        let message = sent(event("Contracts/Lease.pdf", change), ALL);

        let color = format!("`#{:06X}`", message.color.unwrap());
        let mut lines = README.lines();
        assert!(
            lines
                .any(|line| line.contains(&format!("`{}`", title(&message)))
                    && line.contains(&color)),
            "{change:?}"
        );
    }
}
