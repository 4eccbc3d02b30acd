//! What a rule asks for beside what is granted: one table, with the lines that would grant what is missing;
//! and what a newer version asks for that the one at work did not.
//!
//! The catalog shows the table of the version that serves and of one that it refused.
//!
//! Invariants:
//! - A version that asks for more than the one at work is taken only with what it asks for anew granted.
//! - With the lines of a table in place nothing of it is missing, but for what does not exist.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Asks, Grants, Kind, Known, NotPermitted, Permits, any, names, table};
use crate::domain::names::TeamName;
use crate::domain::pattern::Pattern;
use crate::domain::quantity::Bytes;
use crate::domain::state::GRANT_LINE;

/// What a rule asks for, and what is granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AskTable {
    /// The table of `hookbox.toml` that grants, such as `[teams.payments]`.
    pub table: String,
    /// What stands there.
    pub granted: Grants,
    /// What the rule asks for.
    pub asks: Vec<Ask>,
    /// What the version at work asks for and this one no longer does.
    pub dropped: Vec<String>,
    /// The lines of `hookbox.toml` that would grant what is missing; the last stand below [`Self::table`], in
    /// place of those there.
    pub lines: Vec<String>,
}

/// One thing that a rule asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ask {
    /// What it is.
    pub kind: AskKind,
    /// Its name, or a pattern of names; of `state`, that word.
    pub name: String,
    /// What asks for it.
    pub by: AskedBy,
    /// How far it is granted.
    pub standing: Standing,
    /// The names that follow from it: what exists, fits, and is granted. Of `state`, how much may be kept.
    pub usable: Vec<String>,
    /// Whether the version at work does not ask for it. `false` where none is.
    pub is_new: bool,
}

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AskKind {
    /// A channel.
    Channel,
    /// A command.
    Command,
    /// To keep something between events.
    State,
}

impl From<Kind> for AskKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Channel => Self::Channel,
            Kind::Command => Self::Command,
        }
    }
}

impl AskKind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Command => "command",
            Self::State => "state",
        }
    }
}

/// What asks for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AskedBy {
    /// A setting names it.
    Setting,
    /// The manifest has it as a pattern.
    Manifest,
    /// The module imports it.
    Import,
}

/// How far something is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is granted as a whole.
    Granted,
    /// Some of what a pattern stands for is granted.
    Partly,
    /// It is not granted.
    Missing,
    /// A setting names what does not exist.
    Unknown,
}

/// What a newer version asks for that is neither granted nor asked for by the one at work. Nothing is more where
/// none is at work: what is not granted is cut, as always.
#[must_use]
pub fn more(
    running: Option<&Asks>,
    new: &Asks,
    grants: &Grants,
    known: &Known,
    team: Option<&TeamName>,
) -> Vec<NotPermitted> {
    let Some(running) = running else {
        return Vec::new();
    };
    let view = View {
        grants,
        channels: &names(&known.channels),
        commands: &names(&known.commands),
        running: Some(running),
    };
    let anew = |asked: &Asked| {
        let ask = view.ask(asked);
        ask.is_new && matches!(ask.standing, Standing::Partly | Standing::Missing)
    };
    let table = table(team);
    let in_words = |asked| match asked {
        Asked::Name(kind, name) => NotPermitted::More {
            kind,
            name,
            table: table.clone(),
        },
        Asked::Pattern(kind, pattern) => NotPermitted::More {
            kind,
            name: pattern.as_str().to_owned(),
            table: table.clone(),
        },
        Asked::State(_) => NotPermitted::MoreState {
            table: table.clone(),
        },
    };
    new.all().filter(anew).map(in_words).collect()
}

impl Asks {
    /// What is asked for beside what is granted, and beside what the version at work asks for.
    #[must_use]
    pub fn table(
        &self,
        running: Option<&Self>,
        grants: &Grants,
        known: &Known,
        team: Option<&TeamName>,
    ) -> AskTable {
        let view = View {
            grants,
            channels: &names(&known.channels),
            commands: &names(&known.commands),
            running,
        };
        view.table(self, team)
    }

    /// Everything that is asked for, the names before the patterns, and `state` last.
    fn all(&self) -> impl Iterator<Item = Asked> {
        let named = |kind, names: &[String]| {
            let names = names.iter().cloned();
            names
                .map(|name| Asked::Name(kind, name))
                .collect::<Vec<_>>()
        };
        let patterns = |kind, patterns: &[Pattern]| {
            let patterns = patterns.iter().cloned();
            patterns
                .map(|pattern| Asked::Pattern(kind, pattern))
                .collect::<Vec<_>>()
        };
        let mut all = named(Kind::Channel, &self.channels);
        all.extend(named(Kind::Command, &self.commands));
        all.extend(patterns(Kind::Channel, &self.channel_patterns));
        all.extend(patterns(Kind::Command, &self.command_patterns));
        all.extend(self.state.map(Asked::State));
        all.into_iter()
    }

    /// Whether something is asked for: under this name or pattern, or by a pattern that stands for all of it.
    fn covers(&self, kind: Kind, text: &str) -> bool {
        let (names, patterns) = match kind {
            Kind::Channel => (&self.channels, &self.channel_patterns),
            Kind::Command => (&self.commands, &self.command_patterns),
        };
        names.iter().any(|name| name == text) || stands_for(patterns, text)
    }
}

impl Permits {
    /// What the rule asks for.
    #[must_use]
    pub fn asks(&self) -> &Asks {
        &self.asks
    }

    /// What the rule asks for beside what is granted.
    #[must_use]
    pub fn table(&self) -> AskTable {
        let view = View {
            grants: &self.grants,
            channels: &self.channels,
            commands: &self.commands,
            running: None,
        };
        view.table(&self.asks, self.team.as_ref())
    }
}

/// A name or a pattern that is asked for, or `state`, with the most that the rule could keep.
enum Asked {
    Name(Kind, String),
    Pattern(Kind, Pattern),
    State(Bytes),
}

/// What there is to compare with.
struct View<'a> {
    grants: &'a Grants,
    channels: &'a BTreeSet<String>,
    commands: &'a BTreeSet<String>,
    running: Option<&'a Asks>,
}

impl View<'_> {
    fn of(&self, kind: Kind) -> (&BTreeSet<String>, &[Pattern]) {
        match kind {
            Kind::Channel => (self.channels, &self.grants.channels),
            Kind::Command => (self.commands, &self.grants.commands),
        }
    }

    fn ask(&self, asked: &Asked) -> Ask {
        let (kind, name, by) = match asked {
            Asked::Name(kind, name) => (*kind, name.as_str(), AskedBy::Setting),
            Asked::Pattern(kind, pattern) => (*kind, pattern.as_str(), AskedBy::Manifest),
            Asked::State(most) => return self.state(*most),
        };
        let (known, granted) = self.of(kind);
        let fits = |known: &&String| match asked {
            Asked::Name(_, name) => *known == name,
            Asked::Pattern(_, pattern) => pattern.matches(known),
            Asked::State(_) => false,
        };
        let existing: Vec<&String> = known.iter().filter(fits).collect();
        let usable = existing.iter().filter(|name| any(granted, name));
        let usable: Vec<String> = usable.map(|name| (*name).clone()).collect();
        let is_whole =
            stands_for(granted, name) || !existing.is_empty() && usable.len() == existing.len();
        let standing = match by {
            AskedBy::Setting if existing.is_empty() => Standing::Unknown,
            _ if is_whole => Standing::Granted,
            _ if usable.is_empty() => Standing::Missing,
            _ => Standing::Partly,
        };
        Ask {
            kind: kind.into(),
            name: name.to_owned(),
            by,
            standing,
            usable,
            is_new: self
                .running
                .is_some_and(|running| !running.covers(kind, name)),
        }
    }

    /// `state`, of which a rule could keep this much.
    fn state(&self, most: Bytes) -> Ask {
        let granted = self.grants.state.filter(|granted| *granted > Bytes(0));
        Ask {
            kind: AskKind::State,
            name: AskKind::State.word().to_owned(),
            by: AskedBy::Import,
            standing: granted.map_or(Standing::Missing, |_| Standing::Granted),
            usable: granted
                .map(|granted| granted.min(most).to_string())
                .into_iter()
                .collect(),
            is_new: self.running.is_some_and(|running| running.state.is_none()),
        }
    }

    fn table(&self, asks: &Asks, team: Option<&TeamName>) -> AskTable {
        let rows: Vec<Ask> = asks.all().map(|asked| self.ask(&asked)).collect();
        let before = self.running.into_iter().flat_map(Asks::all);
        let dropped = before.map(|asked| self.ask(&asked)).filter(|before| {
            !rows
                .iter()
                .any(|row| row.kind == before.kind && row.name == before.name)
        });
        AskTable {
            table: table(team),
            granted: self.grants.clone(),
            dropped: dropped
                .map(|ask| match ask.kind {
                    AskKind::State => ask.name,
                    kind => format!("{} {}", kind.word(), ask.name),
                })
                .collect(),
            lines: self.lines(&rows, team),
            asks: rows,
        }
    }

    /// The lines that would grant what is missing.
    fn lines(&self, rows: &[Ask], team: Option<&TeamName>) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for row in rows.iter().filter(|row| row.standing == Standing::Unknown) {
            let line = format!("[{}s.{}]", row.kind.word(), key(&row.name));
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        let mut keys = Vec::new();
        for kind in [Kind::Channel, Kind::Command] {
            let (_, granted) = self.of(kind);
            let mut all: Vec<&str> = granted.iter().map(Pattern::as_str).collect();
            let before = all.len();
            for row in rows.iter().filter(|row| row.kind == kind.into()) {
                if row.standing != Standing::Granted
                    && !stands_for(granted, &row.name)
                    && !all.contains(&row.name.as_str())
                {
                    all.push(&row.name);
                }
            }
            if all.len() > before {
                let quoted: Vec<String> = all.iter().map(|name| quoted(name)).collect();
                keys.push(format!("{}s = [{}]", kind.word(), quoted.join(", ")));
            }
        }
        let is_missing =
            |row: &Ask| row.kind == AskKind::State && row.standing == Standing::Missing;
        if rows.iter().any(is_missing) {
            keys.push(GRANT_LINE.to_owned());
        }
        if !keys.is_empty() {
            lines.push(table(team));
            lines.extend(keys);
        }
        lines
    }
}

/// A name or a pattern as a text of TOML, whose escapes are those of JSON.
fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

/// A name as a key of TOML, bare where it may be.
fn key(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if !name.is_empty() && name.bytes().all(is_bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// Whether one of some patterns stands for everything that a name or a pattern stands for. It says so only where
/// that can be seen from the texts.
fn stands_for(patterns: &[Pattern], text: &str) -> bool {
    let plain = |text: &str, signs: &str| {
        text.chars().all(|character| {
            character.is_ascii_alphanumeric()
                || "._-".contains(character)
                || signs.contains(character)
        })
    };
    patterns.iter().any(|pattern| {
        // Where the wider has stars alone, each sign of the narrower falls to one of them.
        pattern.as_str() == text
            || pattern.as_str() == "*"
            || plain(text, "") && pattern.matches(text)
            || plain(text, "*?") && plain(pattern.as_str(), "*") && pattern.matches(text)
    })
}

#[cfg(test)]
mod tests;
