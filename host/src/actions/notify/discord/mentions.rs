//! Mentions of Discord, and who of them may be mentioned.
//!
//! <https://docs.discord.com/developers/resources/message#allowed-mentions-object>
//!
//! Invariants:
//! - Whoever may be mentioned stands in the line of mentions, and the other way round.

use serde::Serialize;

use super::dialect;
use crate::actions::notify::people::Mention;
use crate::actions::notify::room::{joined, name, notified_first};

/// Some forty people, of the hundred that `allowed_mentions` takes; a message to more is one to everybody.
const MAX_MENTIONS: usize = 1_000;

/// What mentions everybody in a channel.
const EVERYBODY: &str = "@everyone";

/// Whom a message mentions, as Discord checks it against the content.
#[derive(Serialize, Default)]
pub(super) struct AllowedMentions {
    /// `everyone`, or nothing at all; users and roles are named one by one.
    parse: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    users: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
}

/// The line that mentions, and those whom it mentions.
pub(super) struct Mentions {
    pub(super) line: String,
    pub(super) allowed: AllowedMentions,
}

impl Mentions {
    /// Writes the line, with `@everyone` where a message mentions everybody.
    pub(super) fn of(mentions: &[Mention<'_>]) -> Self {
        let written = notified_first(mentions)
            .into_iter()
            .map(|mention| match mention {
                Mention::Everybody => EVERYBODY.to_owned(),
                Mention::Person {
                    name: person,
                    address,
                } => match mention_of(address.trim()) {
                    Some(mention) => mention,
                    None => name(person, dialect::plain),
                },
                Mention::Unknown { name: unknown } => name(unknown, dialect::plain),
            });
        let line = joined(written, MAX_MENTIONS);
        // What is allowed is read off the line, so that it is what the line had room for. Names are escaped.
        let mut allowed = AllowedMentions::default();
        for part in line.split(", ") {
            let id = part
                .strip_prefix("<@")
                .and_then(|part| part.strip_suffix('>'));
            let (ids, id) = match (part, id.map(|id| (id.strip_prefix('&'), id))) {
                (EVERYBODY, _) => {
                    allowed.parse = vec!["everyone"];
                    continue;
                }
                (_, Some((Some(role), _))) => (&mut allowed.roles, role),
                (_, Some((None, user))) => (&mut allowed.users, user),
                _ => continue,
            };
            // Discord refuses an ID that comes twice.
            if !ids.iter().any(|other| other == id) {
                ids.push(id.to_owned());
            }
        }
        Self { line, allowed }
    }
}

/// The mention of a user or a role; none for what is no ID.
pub(super) fn mention_of(address: &str) -> Option<String> {
    let (id, mark) = match address.strip_prefix('&') {
        Some(id) => (id, "&"),
        None => (address, ""),
    };
    is_id(id).then(|| format!("<@{mark}{id}>"))
}

/// Whether a text is a snowflake, of which the oldest user has one of 15 digits:
/// <https://docs.discord.com/developers/reference#snowflakes>.
fn is_id(text: &str) -> bool {
    (15..=20).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<u64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::notify::room::units;

    #[test]
    fn an_id_comes_once_and_is_allowed_only_where_the_line_has_it() {
        let people: Vec<String> = (0..200_u64)
            .map(|number| (80_351_110_224_678_912 + number).to_string())
            .collect();
        let person = |address| Mention::Person { name: "x", address };
        let many: Vec<Mention<'_>> = people.iter().map(|id| person(id.as_str())).collect();
        let mentions = Mentions::of(&many);
        assert!(units(&mentions.line) <= MAX_MENTIONS);
        assert_eq!(
            mentions.allowed.users.len(),
            mentions.line.matches("<@").count()
        );
        assert!((40..=100).contains(&mentions.allowed.users.len()));

        let mentions = Mentions::of(&[
            person("80351110224678912"),
            person(" 80351110224678912 "),
            person("7"),
            Mention::Unknown { name: "<@2>" },
        ]);
        assert_eq!(mentions.allowed.users, ["80351110224678912"]);
    }
}
