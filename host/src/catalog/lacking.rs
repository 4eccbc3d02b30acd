//! What a rule lacks before it can be at work: settings that are not given, and grants.
//!
//! The same looks as when a rule is loaded, made all at once, so that an operator who adds a rule sees
//! everything there is to write and not one thing at a time.
//!
//! Invariant: where nothing is lacking, loading the rule fails neither for its settings' names and kinds
//! nor for its grants.

use serde_json::{Map, Value};

use super::load::LoadError;
use super::settings::{SettingsFile, check_subject};
use super::{CatalogConfig, TeamConfig};
use crate::capability::{Asks, Kind, NotPermitted, table};
use crate::domain::manifest::{Manifest, Setting};
use crate::domain::names::RuleName;
use crate::domain::pattern::Pattern;
use crate::domain::quantity::Bytes;
use crate::domain::state::GRANT_LINE;
use crate::engine::Inspection;

/// What a rule lacks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lacking {
    /// The settings that must be given and are not.
    pub settings: Vec<String>,
    /// Why its settings file is not taken.
    pub wrong: Option<String>,
    /// What its settings name and there is not, or is not granted, and `state` where it asks for that; each says how
    /// to mend it.
    pub reasons: Vec<String>,
    /// The tables of `hookbox.toml` with the lines that grant it what it asks for, each in place of the
    /// line of its key.
    pub lines: Vec<String>,
}

impl Lacking {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Looks at what a rule lacks with this settings file; none for a team that is not configured.
    ///
    /// # Errors
    /// When the manifest is one that no configuration helps.
    pub fn of(
        config: &CatalogConfig,
        name: &RuleName,
        (manifest, inspection): (&Manifest, &Inspection),
        settings: &[u8],
    ) -> Result<Option<Self>, LoadError> {
        let Some(team) = config.team(name.team()) else {
            return Ok(None);
        };
        manifest.check()?;
        for subject in &manifest.subjects {
            check_subject(subject).map_err(LoadError::Subject)?;
        }
        let mut lacking = Self::default();
        let given = lacking.given(manifest, settings);
        let asks = Asks::of(manifest, &given)?;
        let mut wanted = Wanted::default();
        if let Err(wrong) = asks.permits(&team.grants, &config.known, name.team()) {
            for reason in wrong {
                wanted.take(&reason, team);
                lacking.reasons.push(reason.to_string());
            }
        }
        wanted.patterns(manifest, config, team)?;
        let keeps = inspection.imports_interface("state");
        if keeps && team.grants.state.is_none_or(|granted| granted == Bytes(0)) {
            wanted.state = true;
            lacking.reasons.push(format!(
                "it asks for `state`, which is not granted: set `{GRANT_LINE}` under `{}` in `hookbox.toml`",
                table(name.team())
            ));
        }
        lacking.lines = wanted.lines(name, team);
        Ok(Some(lacking))
    }

    /// The settings as far as they are given or have a default; notes what is missing and wrong.
    fn given(&mut self, manifest: &Manifest, settings: &[u8]) -> Map<String, Value> {
        let file = SettingsFile::parse(settings).unwrap_or_else(|error| {
            self.wrong = Some(error.to_string());
            SettingsFile::default()
        });
        let missing = |setting: &&Setting| {
            setting.required
                && setting.default.is_none()
                && !file.settings.contains_key(&setting.name)
        };
        let names = manifest.settings.iter().filter(missing);
        self.settings = names.map(|setting| setting.name.clone()).collect();
        let mut lenient = manifest.clone();
        for setting in &mut lenient.settings {
            setting.required = false;
        }
        file.complete(&lenient, "").unwrap_or_else(|error| {
            self.wrong = Some(error.to_string());
            Map::new()
        })
    }
}

/// What is to be added to the operator's file.
#[derive(Debug, Default)]
struct Wanted {
    channels: Vec<String>,
    commands: Vec<String>,
    /// Whether it asks for `state` and is not granted it.
    state: bool,
    /// The tables of what there is not.
    tables: Vec<String>,
}

fn add(list: &mut Vec<String>, name: &str) {
    if !list.iter().any(|known| known == name) {
        list.push(name.to_owned());
    }
}

impl Wanted {
    fn list(&mut self, kind: Kind) -> &mut Vec<String> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Command => &mut self.commands,
        }
    }

    fn take(&mut self, reason: &NotPermitted, team: &TeamConfig) {
        match reason {
            NotPermitted::Unknown { kind, name, .. } => {
                let (granted, example) = match kind {
                    Kind::Channel => (&team.grants.channels, "kind = \"…\""),
                    Kind::Command => (&team.grants.commands, "argv = [\"…\"]"),
                };
                if !granted.iter().any(|pattern| pattern.matches(name)) {
                    add(self.list(*kind), name);
                }
                let table = match kind {
                    Kind::Channel => "channels",
                    Kind::Command => "commands",
                };
                add(
                    &mut self.tables,
                    &format!("[{table}.{}]\n{example}", key(name)),
                );
            }
            NotPermitted::NotGranted { kind, name, .. }
            | NotPermitted::More { kind, name, .. }
            | NotPermitted::NotAsked { kind, name } => {
                add(self.list(*kind), name);
            }
            NotPermitted::MoreState { .. } => self.state = true,
        }
    }

    /// Adds the patterns of the manifest of which nothing is granted: they are cut without an error,
    /// and the rule could use none of it.
    fn patterns(
        &mut self,
        manifest: &Manifest,
        config: &CatalogConfig,
        team: &TeamConfig,
    ) -> Result<(), LoadError> {
        let channels: Vec<&str> = config
            .known
            .channels
            .iter()
            .map(|name| name.as_str())
            .collect();
        let commands: Vec<&str> = config
            .known
            .commands
            .iter()
            .map(|name| name.as_str())
            .collect();
        for (kind, asked, known, granted) in [
            (
                Kind::Channel,
                &manifest.channels,
                channels,
                &team.grants.channels,
            ),
            (
                Kind::Command,
                &manifest.commands,
                commands,
                &team.grants.commands,
            ),
        ] {
            for text in asked {
                let pattern = Pattern::parse(text)?;
                let usable = known.iter().any(|name| {
                    pattern.matches(name) && granted.iter().any(|granted| granted.matches(name))
                });
                if !usable {
                    add(self.list(kind), text);
                }
            }
        }
        Ok(())
    }

    /// The tables with the lines to write.
    fn lines(self, name: &RuleName, team: &TeamConfig) -> Vec<String> {
        let mut lines = Vec::new();
        // A rule whose team has no source is never asked.
        if team.grants.sources.is_empty() {
            lines.push("sources = [\"*\"]".to_owned());
        }
        for (key, granted, wanted) in [
            ("channels", &team.grants.channels, &self.channels),
            ("commands", &team.grants.commands, &self.commands),
        ] {
            if !wanted.is_empty() {
                let granted = granted.iter().map(Pattern::as_str);
                lines.push(line(key, granted.chain(wanted.iter().map(String::as_str))));
            }
        }
        if self.state {
            lines.push(GRANT_LINE.to_owned());
        }
        let mut tables = Vec::new();
        if !lines.is_empty() {
            tables.push(format!("{}\n{}", table(name.team()), lines.join("\n")));
        }
        tables.extend(self.tables);
        tables
    }
}

/// A line of a list of names.
pub(super) fn line<'a>(key: &str, names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| Value::from(name).to_string()).collect();
    format!("{key} = [{}]", names.join(", "))
}

/// A name as a key of TOML: bare where it may be.
fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if !name.is_empty() && name.bytes().all(bare) {
        name.to_owned()
    } else {
        Value::from(name).to_string()
    }
}

#[cfg(test)]
mod tests;
