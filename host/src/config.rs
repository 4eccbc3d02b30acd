//! The operator's configuration: one TOML file, put together from each module's own settings.
//!
//! Invariants:
//! - Nothing is taken from a file with an error: a configuration is in force whole or not at all.
//! - A key that is not known is an error that names its nearest neighbour.
//! - Secrets are references here; only [`mod@env`] reads what they lead to.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::actions::command::CommandConfig;
use crate::actions::notify::{ChannelConfig, OutgoingConfig, PersonConfig};
use crate::capability::{Grants, Known, nearest};
use crate::catalog::{CatalogConfig, TeamConfig};
use crate::domain::limits::{Limits, Narrowing};
use crate::domain::names::{ChannelName, CommandName, SourceName, TeamName};
use crate::domain::pattern::Pattern;
use crate::domain::quantity::{Bytes, Span};
use crate::domain::secret::SecretRef;
use crate::sources::{AddressRange, SourceConfig};

pub mod env;
mod sources;

pub use self::sources::InsideConfig;
use self::sources::Sources;

/// The name of the configuration file that is looked for in the current folder.
pub const FILE_NAME: &str = "hookbox.toml";

/// The most that a module may have: a rule with a whole language runtime in it has some 20 MB.
pub(crate) const MODULE_LIMIT: Bytes = Bytes::mib(32);

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the configuration `{}` cannot be used", path.display())]
pub struct ConfigError {
    path: PathBuf,
    #[source]
    kind: ConfigErrorKind,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigErrorKind {
    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[from] std::io::Error),
    /// It is not TOML, or does not fit.
    #[error("{0}")]
    Parse(String),
    /// The time zone is not known.
    #[error(
        "`timezone` is `{found}`, which is no time zone: write a name such as \"Europe/Paris\""
    )]
    TimeZone {
        /// What stands there.
        found: String,
    },
    /// A trusted proxy is no range of addresses.
    #[error(
        "`trusted_proxies` has `{found}`, which is no range of addresses: write one such as \"10.0.0.0/8\""
    )]
    Proxy {
        /// What stands there.
        found: String,
    },
    /// A module may not be as large as that.
    #[error("`limits.module` is {found}, and may be {} at most", MODULE_LIMIT)]
    Module {
        /// What stands there.
        found: Bytes,
    },
    /// A source has the name that means something else.
    #[error(
        "`[sources.by-hand]` has a name that stands for what people ask for by hand: give it another"
    )]
    ByHand,
    /// A watched folder and the data folder overlap.
    #[error("`sources.{source_name}.path` ({}) and `data` ({}) lie in one another: every delivery that is stored would be a change to be told", path.display(), data.display())]
    Watched {
        /// The source.
        source_name: SourceName,
        /// The watched folder.
        path: PathBuf,
        /// The data folder.
        data: PathBuf,
    },
    /// The shared rules have a token.
    #[error(
        "`[shared]` has a `token`, and the shared rules are the operator's: it is `token` under `[admin]`, or under \
         `[teams.NAME]` for a team"
    )]
    SharedToken,
    /// The data folder and the rules folder overlap.
    #[error("`data` ({}) and `rules` ({}) lie in one another: what is in the data folder must not be taken for rules", data.display(), rules.display())]
    Overlap {
        /// The data folder.
        data: PathBuf,
        /// The rules folder.
        rules: PathBuf,
    },
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "default_listen")]
    listen: SocketAddr,
    #[serde(default = "default_rules")]
    rules: PathBuf,
    #[serde(default = "default_data")]
    data: PathBuf,
    timezone: Option<String>,
    public_url: Option<String>,
    #[serde(default)]
    trusted_proxies: Vec<String>,
    #[serde(default)]
    admin: AdminFile,
    #[serde(default)]
    sources: BTreeMap<SourceName, toml::Table>,
    #[serde(default)]
    channels: BTreeMap<ChannelName, ChannelConfig>,
    #[serde(default)]
    outgoing: OutgoingConfig,
    #[serde(default)]
    people: BTreeMap<String, PersonConfig>,
    #[serde(default)]
    commands: BTreeMap<CommandName, CommandConfig>,
    #[serde(default)]
    limits: Limits,
    quarantine: Option<Span>,
    #[serde(default)]
    shared: TeamFile,
    #[serde(default)]
    teams: BTreeMap<TeamName, TeamFile>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AdminFile {
    listen: SocketAddr,
    token: Option<SecretRef>,
}

impl Default for AdminFile {
    fn default() -> Self {
        Self {
            listen: local(8081),
            token: None,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TeamFile {
    sources: Vec<Pattern>,
    projects: Option<Vec<Pattern>>,
    confidential: bool,
    channels: Vec<Pattern>,
    commands: Vec<Pattern>,
    state: Option<Bytes>,
    limits: Narrowing,
    token: Option<SecretRef>,
}

impl From<TeamFile> for TeamConfig {
    fn from(file: TeamFile) -> Self {
        Self {
            grants: Grants {
                sources: file.sources,
                projects: file.projects,
                confidential: file.confidential,
                channels: file.channels,
                commands: file.commands,
                state: file.state,
            },
            limits: file.limits,
        }
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

fn default_listen() -> SocketAddr {
    local(8080)
}

fn default_rules() -> PathBuf {
    "rules".into()
}

fn default_data() -> PathBuf {
    "data".into()
}

/// The operator's configuration.
#[derive(Debug)]
pub struct Config {
    /// The folder of the file, from which paths count.
    pub folder: PathBuf,
    /// Where webhooks arrive.
    pub listen: SocketAddr,
    /// Where the command line asks.
    pub admin_listen: SocketAddr,
    /// The token of the admin listener; where there is none, one is made in the data folder.
    pub admin_token: Option<SecretRef>,
    /// The tokens with which teams ask the admin listener.
    pub team_tokens: BTreeMap<TeamName, SecretRef>,
    /// The data folder.
    pub data: PathBuf,
    /// The time zone for times in messages.
    pub timezone: jiff::tz::TimeZone,
    /// The address under which senders reach the server, for what is printed to paste.
    pub public_url: Option<String>,
    /// The proxies whose word about the sender's address counts.
    pub trusted_proxies: Vec<AddressRange>,
    /// The sources to which providers send.
    pub sources: BTreeMap<SourceName, SourceConfig>,
    /// The sources that look after themselves: watched folders and schedules.
    pub inside: BTreeMap<SourceName, InsideConfig>,
    /// The channels.
    pub channels: BTreeMap<ChannelName, ChannelConfig>,
    /// How servers outside are reached where a channel does not say.
    pub outgoing: OutgoingConfig,
    /// Who people are on each kind of channel.
    pub people: BTreeMap<String, PersonConfig>,
    /// The commands.
    pub commands: BTreeMap<CommandName, CommandConfig>,
    /// The rules folder, the teams, and the limits.
    pub catalog: CatalogConfig,
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// When it cannot be read, is not TOML, or says what cannot be: the error names the key.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let failed = |kind| ConfigError {
            path: path.to_owned(),
            kind,
        };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.into()))?;
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let folder = std::path::absolute(&folder).map_err(|error| failed(error.into()))?;
        Self::parse(&text, folder).map_err(failed)
    }

    /// Reads a configuration whose paths count from a folder.
    ///
    /// # Errors
    /// When it is not TOML, or says what cannot be.
    pub fn parse(text: &str, folder: PathBuf) -> Result<Self, ConfigErrorKind> {
        let file: File =
            toml::from_str(text).map_err(|error| ConfigErrorKind::Parse(explain(&error)))?;
        let timezone = match &file.timezone {
            None => jiff::tz::TimeZone::UTC,
            Some(name) => jiff::tz::TimeZone::get(name).map_err(|_| ConfigErrorKind::TimeZone {
                found: name.clone(),
            })?,
        };
        let (data, rules) = (folder.join(&file.data), folder.join(&file.rules));
        if data.starts_with(&rules) || rules.starts_with(&data) {
            return Err(ConfigErrorKind::Overlap { data, rules });
        }
        let trusted_proxies = file
            .trusted_proxies
            .iter()
            .map(|text| {
                AddressRange::parse(text).ok_or_else(|| ConfigErrorKind::Proxy {
                    found: text.clone(),
                })
            })
            .collect::<Result<_, _>>()?;
        if file.limits.module > MODULE_LIMIT {
            return Err(ConfigErrorKind::Module {
                found: file.limits.module,
            });
        }
        let Sources { sent, inside } = Sources::read(file.sources, &folder, &data)?;
        if file.shared.token.is_some() {
            return Err(ConfigErrorKind::SharedToken);
        }
        let team_tokens = file.teams.iter();
        let team_tokens = team_tokens
            .filter_map(|(name, team)| Some((name.clone(), team.token.clone()?)))
            .collect();
        let known = Known {
            channels: file.channels.keys().cloned().collect(),
            commands: file.commands.keys().cloned().collect(),
        };
        Ok(Self {
            listen: file.listen,
            admin_listen: file.admin.listen,
            admin_token: file.admin.token,
            team_tokens,
            data,
            timezone,
            public_url: file.public_url,
            trusted_proxies,
            sources: sent,
            inside,
            channels: file.channels,
            outgoing: file.outgoing,
            people: file.people,
            commands: file.commands,
            catalog: CatalogConfig {
                rules,
                limits: file.limits,
                quarantine: file.quarantine,
                shared: file.shared.into(),
                teams: file
                    .teams
                    .into_iter()
                    .map(|(name, team)| (name, team.into()))
                    .collect(),
                known,
            },
            folder,
        })
    }
}

/// What the parser says, with the nearest neighbour of a key that is not known.
fn explain(error: &toml::de::Error) -> String {
    let text = error.to_string().trim_end().to_owned();
    let mut quoted = error.message().split('`').skip(1).step_by(2);
    // The settings of channels name their neighbours themselves.
    let unknown = error.message().starts_with("unknown field") && !text.contains("; is it `");
    match (unknown, quoted.next()) {
        (true, Some(found)) => match nearest(found, quoted) {
            Some(nearest) => format!("{text}\nis it `{nearest}`?"),
            None => text,
        },
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, PathBuf::from("/srv/hookbox")).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_is_a_configuration() {
        let config = parse("").expect("everything has a default");
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.catalog.rules, Path::new("/srv/hookbox/rules"));
        assert!(config.catalog.shared.grants.channels.is_empty());
    }

    #[test]
    fn each_mistake_is_named_with_what_to_write() {
        for (text, expected) in [
            ("listn = '127.0.0.1:80'", "is it `listen`?"),
            ("[shared]\nchanels = []", "is it `channels`?"),
            ("[sources.gitlab]\nprovidr = 'gitlab'", "is it `provider`?"),
            (
                "[sources.gitlab]\nprovider = 'gitlab'\nsecrt = 's'",
                "in `[sources.gitlab]`: unknown field `secrt`",
            ),
            (
                "[sources.inbox]\nprovider = 'folder'\npth = '/srv'",
                "is it `path`?",
            ),
            (
                "[sources.evening]\nprovider = 'schedule'\nsecret = 's'",
                "in `[sources.evening]`: unknown field `secret`",
            ),
            (
                "timezone = 'Paris'",
                "write a name such as \"Europe/Paris\"",
            ),
            ("rules = 'data/rules'", "lie in one another"),
            (
                "[sources.inbox]\nprovider = 'folder'\npath = '.'",
                "`sources.inbox.path`",
            ),
            (
                "trusted_proxies = ['proxy']",
                "write one such as \"10.0.0.0/8\"",
            ),
            ("[sources.by-hand]\nprovider = 'gitlab'", "give it another"),
            ("[limits]\nmodule = '64MiB'", "may be 32MiB at most"),
            ("[limits]\nmemory = '1GB'", "such as \"64KiB\""),
            ("[teams.Payments]", "is not allowed"),
            ("[teams.payments]\ntokn = { env = 'T' }", "is it `token`?"),
            ("[shared]\ntoken = { env = 'T' }", "under `[admin]`"),
            ("[people.ada]\nmatermost = 'ada'", "is it `mattermost`?"),
            ("[outgoing]\nproxi = 'x'", "is it `proxy`?"),
            (
                "[channels.dev]\nkind = 'matermost'\nurl = 'x'",
                "is it `mattermost`?",
            ),
            (
                "[channels.dev]\nkind = 'mattermost'\nurl = 'x'\nquta = '20/1m'",
                "is it `quota`?",
            ),
            (
                "[channels.dev]\nkind = 'console'\nquota = 'some'",
                "write one such as \"20/1m\"",
            ),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn the_configuration_that_init_writes_is_one() {
        parse(include_str!("cli/init/hookbox.toml")).expect("it can be used");
    }
}
