//! What a rule may do: what it asks for, what the operator grants its team, and what follows from both.
//!
//! The catalog works out a rule's [`Permits`] when it loads it, and rejects the rule where a setting
//! names what is not granted. The worker checks every action against them when a rule asks for it, and
//! again, with the grants of that moment, when it is about to be performed.
//!
//! Invariants:
//! - What is not granted is not permitted: an empty grant permits nothing.
//! - Every refusal ends with the line of configuration that would allow what was refused.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::decision::Action;
use crate::domain::event::Event;
use crate::domain::manifest::{Manifest, SettingKind};
use crate::domain::names::{ChannelName, CommandName, TeamName};
use crate::domain::pattern::Pattern;
use crate::domain::quantity::Bytes;
use crate::domain::state::GRANT_LINE;

mod asked;
mod tokens;

pub use asked::{Ask, AskKind, AskTable, AskedBy, Standing, more};
pub use tokens::{TeamTokens, TokenError, is_same};

/// What the operator lets a team's rules use, or the shared rules.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grants {
    /// The sources whose events they see.
    pub sources: Vec<Pattern>,
    /// The projects whose events they see; absent for every project of the sources.
    pub projects: Option<Vec<Pattern>>,
    /// Whether they see confidential events.
    pub confidential: bool,
    /// The channels they may notify.
    pub channels: Vec<Pattern>,
    /// The commands they may run.
    pub commands: Vec<Pattern>,
    /// How much each rule may keep between events; absent for nothing.
    pub state: Option<Bytes>,
}

/// Why the rules of a team do not see an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Hidden {
    /// Its source is not granted.
    #[error(
        "its source `{source_name}` is not granted: add \"{source_name}\" to `sources` under `{table}` in `hookbox.toml`"
    )]
    Source {
        /// The source.
        source_name: String,
        /// The table that grants.
        table: String,
    },
    /// Its project is not granted.
    #[error(
        "its project `{project}` is not among the `projects` under `{table}` in `hookbox.toml`"
    )]
    Project {
        /// The project.
        project: String,
        /// The table that grants.
        table: String,
    },
    /// It belongs to no project, and only some projects are granted.
    #[error("it belongs to no project, and `{table}` in `hookbox.toml` grants only some")]
    NoProject {
        /// The table that grants.
        table: String,
    },
    /// It is confidential.
    #[error(
        "it is confidential: set `confidential = true` under `{table}` in `hookbox.toml` to show such events"
    )]
    Confidential {
        /// The table that grants.
        table: String,
    },
}

/// The name of the table that grants: `[shared]`, or `[teams.<name>]`.
#[must_use]
pub fn table(team: Option<&TeamName>) -> String {
    team.map_or_else(|| "[shared]".to_owned(), |team| format!("[teams.{team}]"))
}

fn any(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

impl Grants {
    /// Whether the rules of this team see an event.
    ///
    /// # Errors
    /// Which of sources, projects and confidentiality hides it.
    pub fn show(&self, event: &Event, team: Option<&TeamName>) -> Result<(), Hidden> {
        let source = event.source.as_str();
        if !any(&self.sources, source) {
            return Err(Hidden::Source {
                source_name: source.to_owned(),
                table: table(team),
            });
        }
        if let Some(projects) = &self.projects {
            match event.project() {
                Some(project) if any(projects, project) => {}
                Some(project) => {
                    return Err(Hidden::Project {
                        project: project.to_owned(),
                        table: table(team),
                    });
                }
                None => return Err(Hidden::NoProject { table: table(team) }),
            }
        }
        if event.is_confidential() && !self.confidential {
            return Err(Hidden::Confidential { table: table(team) });
        }
        Ok(())
    }
}

impl Grants {
    /// Whether the operator lets this team have an action performed, whatever its rule asked for: the
    /// look before it is performed, when the rule may be another version or gone.
    ///
    /// # Errors
    /// What is not granted, with the line that would allow it.
    pub fn allow(
        &self,
        action: &Action,
        known: &Known,
        team: Option<&TeamName>,
    ) -> Result<(), NotPermitted> {
        let channels = names(&known.channels);
        let channel = |name: &str| lookup(Kind::Channel, name, &channels, &self.channels, team);
        match action {
            Action::Notify(notification) => channel(&notification.channel),
            Action::Deploy(deploy) => {
                let commands = names(&known.commands);
                lookup(Kind::Command, &deploy.name, &commands, &self.commands, team)?;
                deploy
                    .report
                    .as_ref()
                    .map_or(Ok(()), |report| channel(&report.channel))
            }
            Action::Drop(_) => Ok(()),
        }
    }
}

/// The channels and commands that exist.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// Those under `[channels]`.
    pub channels: BTreeSet<ChannelName>,
    /// Those under `[commands]`.
    pub commands: BTreeSet<CommandName>,
}

/// A channel or a command, as a kind of thing that is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A channel.
    Channel,
    /// A command.
    Command,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Command => "command",
        }
    }
}

/// Why a rule may not use a channel or a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPermitted {
    /// There is none of this name.
    #[error("there is no {} `{name}`{}: add `[{}s.{name}]` to `hookbox.toml`", kind.word(), nearest_in_words(nearest.as_deref()), kind.word())]
    Unknown {
        /// What it is.
        kind: Kind,
        /// Its name.
        name: String,
        /// One of a similar name.
        nearest: Option<String>,
    },
    /// The operator does not grant it.
    #[error("{} `{name}` is not granted: add \"{name}\" to `{}s` under `{table}` in `hookbox.toml`", kind.word(), kind.word())]
    NotGranted {
        /// What it is.
        kind: Kind,
        /// Its name.
        name: String,
        /// The table that would grant it.
        table: String,
    },
    /// A newer version asks for it, and the one at work did not.
    #[error("this version asks for the {}s `{name}`, which the one at work does not, and they are not granted: add \"{name}\" to `{}s` under `{table}` in `hookbox.toml`", kind.word(), kind.word())]
    More {
        /// What it is.
        kind: Kind,
        /// The name or the pattern.
        name: String,
        /// The table that would grant it.
        table: String,
    },
    /// A newer version asks for `state`, and the one at work did not.
    #[error(
        "this version asks for `state`, which the one at work does not, and it is not granted: set `{GRANT_LINE}` under `{table}` in `hookbox.toml`"
    )]
    MoreState {
        /// The table that would grant it.
        table: String,
    },
    /// The rule did not ask for it, neither by a setting nor in its manifest.
    #[error("the rule uses {} `{name}` without asking for it: name it in a setting of kind `{}`, or add \"{name}\" to `{}s` in its `rule!`", kind.word(), kind.word(), kind.word())]
    NotAsked {
        /// What it is.
        kind: Kind,
        /// Its name.
        name: String,
    },
}

impl NotPermitted {
    /// What is not permitted, by its kind and its name.
    #[must_use]
    pub fn what(&self) -> (AskKind, &str) {
        match self {
            Self::Unknown { kind, name, .. }
            | Self::NotGranted { kind, name, .. }
            | Self::More { kind, name, .. }
            | Self::NotAsked { kind, name } => ((*kind).into(), name),
            Self::MoreState { .. } => (AskKind::State, AskKind::State.word()),
        }
    }
}

fn nearest_in_words(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!(" (is it `{nearest}`?)"))
}

/// What a rule asks for: names from its settings, patterns from its manifest, and `state` where its module imports it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asks {
    channels: Vec<String>,
    commands: Vec<String>,
    channel_patterns: Vec<Pattern>,
    command_patterns: Vec<Pattern>,
    /// The most that it could keep between events; none where its module does not ask for `state`.
    state: Option<Bytes>,
}

impl Asks {
    /// Reads what a rule asks for from its manifest and its settings, a JSON object.
    ///
    /// # Errors
    /// The text that is not a pattern.
    pub fn of(
        manifest: &Manifest,
        settings: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<Self, crate::domain::pattern::PatternError> {
        let patterns = |texts: &[String]| {
            texts
                .iter()
                .map(Pattern::parse)
                .collect::<Result<Vec<_>, _>>()
        };
        let mut asks = Self {
            channel_patterns: patterns(&manifest.channels)?,
            command_patterns: patterns(&manifest.commands)?,
            ..Self::default()
        };
        for setting in &manifest.settings {
            let names = match setting.kind {
                SettingKind::Channel | SettingKind::Channels => &mut asks.channels,
                SettingKind::Command | SettingKind::Commands => &mut asks.commands,
                _ => continue,
            };
            match settings.get(&setting.name) {
                Some(serde_json::Value::String(name)) => names.push(name.clone()),
                Some(serde_json::Value::Array(list)) => {
                    names.extend(
                        list.iter()
                            .filter_map(|name| name.as_str().map(str::to_owned)),
                    );
                }
                _ => {}
            }
        }
        Ok(asks)
    }

    /// The same with `state`, of which the rule's limits leave so much; none where its module does not import it.
    #[must_use]
    pub fn keeping(self, state: Option<Bytes>) -> Self {
        Self { state, ..self }
    }

    /// Cuts what is asked for to what is granted and exists.
    ///
    /// # Errors
    /// Every name of a setting that does not exist or is not granted. A pattern is an upper bound and
    /// is cut without an error.
    pub fn permits(
        &self,
        grants: &Grants,
        known: &Known,
        team: Option<&TeamName>,
    ) -> Result<Permits, Vec<NotPermitted>> {
        let (channels, commands) = (names(&known.channels), names(&known.commands));
        let wrong: Vec<NotPermitted> = self
            .channels
            .iter()
            .filter_map(|name| lookup(Kind::Channel, name, &channels, &grants.channels, team).err())
            .chain(self.commands.iter().filter_map(|name| {
                lookup(Kind::Command, name, &commands, &grants.commands, team).err()
            }))
            .collect();
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(Permits {
            team: team.cloned(),
            asks: self.clone(),
            grants: grants.clone(),
            channels,
            commands,
        })
    }
}

fn names<N: ToString>(known: &BTreeSet<N>) -> BTreeSet<String> {
    known.iter().map(ToString::to_string).collect()
}

fn lookup(
    kind: Kind,
    name: &str,
    known: &BTreeSet<String>,
    granted: &[Pattern],
    team: Option<&TeamName>,
) -> Result<(), NotPermitted> {
    if !known.contains(name) {
        return Err(NotPermitted::Unknown {
            kind,
            name: name.to_owned(),
            nearest: nearest(name, known.iter().map(String::as_str)).map(str::to_owned),
        });
    }
    if !any(granted, name) {
        return Err(NotPermitted::NotGranted {
            kind,
            name: name.to_owned(),
            table: table(team),
        });
    }
    Ok(())
}

/// The longest name whose neighbours are looked for: the search takes memory and time for each of its characters, and
/// the name may be a stranger's.
const LONGEST_NAME: usize = 256;

/// The name most like another, where one is like it at all.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= 1 + name.chars().count() / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

/// What a rule may use: what it asks for, as far as it is granted and exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permits {
    team: Option<TeamName>,
    asks: Asks,
    grants: Grants,
    channels: BTreeSet<String>,
    commands: BTreeSet<String>,
}

impl Permits {
    /// Whether the rule may have an action performed.
    ///
    /// # Errors
    /// What is not permitted, with the line that would allow it.
    pub fn check(&self, action: &Action) -> Result<(), NotPermitted> {
        match action {
            Action::Notify(notification) => self.channel(&notification.channel),
            Action::Deploy(deploy) => {
                self.one(
                    Kind::Command,
                    &deploy.name,
                    &self.asks.commands,
                    &self.asks.command_patterns,
                )?;
                deploy
                    .report
                    .as_ref()
                    .map_or(Ok(()), |report| self.channel(&report.channel))
            }
            Action::Drop(_) => Ok(()),
        }
    }

    /// How much the rule may keep between events; none where its module does not import `state`, or where that is
    /// not granted.
    #[must_use]
    pub fn state(&self) -> Option<Bytes> {
        Some(self.asks.state?.min(self.grants.state?))
    }

    /// What is left of them with other grants.
    #[must_use]
    pub fn under(&self, grants: &Grants, known: &Known) -> Self {
        Self {
            grants: grants.clone(),
            channels: names(&known.channels),
            commands: names(&known.commands),
            ..self.clone()
        }
    }

    fn channel(&self, name: &str) -> Result<(), NotPermitted> {
        self.one(
            Kind::Channel,
            name,
            &self.asks.channels,
            &self.asks.channel_patterns,
        )
    }

    fn one(
        &self,
        kind: Kind,
        name: &str,
        asked: &[String],
        patterns: &[Pattern],
    ) -> Result<(), NotPermitted> {
        let (known, granted) = match kind {
            Kind::Channel => (&self.channels, &self.grants.channels),
            Kind::Command => (&self.commands, &self.grants.commands),
        };
        lookup(kind, name, known, granted, self.team.as_ref())?;
        if asked.iter().any(|asked| asked == name) || any(patterns, name) {
            Ok(())
        } else {
            Err(NotPermitted::NotAsked {
                kind,
                name: name.to_owned(),
            })
        }
    }
}

#[cfg(test)]
mod tests;
