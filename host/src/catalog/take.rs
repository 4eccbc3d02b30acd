//! What is loaded for a rule: what lies in the folder, or an earlier version in its place.
//!
//! Invariants:
//! - What serves is kept in the archive, so that it can serve again.
//! - A version that was turned back from is not loaded while its files lie in the folder.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::CatalogConfig;
use super::archive::{Archive, Contents};
use super::life::{Life, Version};
use super::load::{Candidate, LoadError, Loaded, Rule, load, no_such_team};
use super::scan::{Found, Opened};
use super::settings::{SettingsError, SettingsFile};
use crate::capability::Asks;
use crate::domain::names::RuleName;
use crate::engine::Engine;

/// What came of taking up a rule's files.
pub(super) struct Taken {
    /// Which version lies in the folder; none where that could not be read.
    pub(super) file: Option<Version>,
    pub(super) outcome: Outcome,
}

/// What is to be at work of a rule.
pub(super) enum Outcome {
    /// This version.
    Serves(Arc<Rule>),
    /// None, because the settings file says so.
    Disabled,
    /// What serves already goes on, or else this version.
    Rejected {
        error: LoadError,
        instead: Option<Arc<Rule>>,
    },
}

/// Loads rules.
#[derive(Clone)]
pub(super) struct Loader {
    pub(super) engine: Arc<Engine>,
    pub(super) archive: Archive,
    pub(super) config: Arc<CatalogConfig>,
    /// Bounds how many are loaded at once, and so how many modules are held in memory meanwhile.
    pub(super) turns: Arc<Semaphore>,
}

/// How many rules are loaded at once: one compiles for each of the two children, and the others are read or linked.
pub(super) const AT_ONCE: usize = 8;

/// Whether a version of a rule serves already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Serves {
    /// One that asks for this.
    Yes(Box<Asks>),
    /// None, because the server has just started: what served last may serve.
    NotYet,
    /// None: the rule is new, or comes back.
    No,
}

impl Loader {
    /// Reads a rule's files and loads what is to serve.
    pub(super) async fn take(
        &self,
        name: &RuleName,
        found: Found,
        life: &Life,
        serves: &Serves,
    ) -> Taken {
        // It is never closed; without a turn the rule is loaded as well.
        let _turn = self.turns.acquire().await.ok();
        let path = found.module.as_ref().ok().map(|module| module.path.clone());
        let contents = match self.read(name, found).await {
            Ok(read) => read,
            Err(reason) => {
                let error = LoadError::File { reason };
                return Taken {
                    file: None,
                    outcome: self.rejected(name, error, life, serves).await,
                };
            }
        };
        let file = contents.version();
        let one = one_module(name, path.as_deref(), &contents.settings);
        let outcome = match (one, life.turned_back_to(&file)) {
            (Err(error), _) => self.rejected(name, error.into(), life, serves).await,
            (Ok(()), Some(to)) => match self.archived(name, to).await {
                Ok(rule) => Outcome::Serves(rule),
                Err(error) => Outcome::Rejected {
                    error,
                    instead: None,
                },
            },
            (Ok(()), None) => self.load(name, contents, life, serves).await,
        };
        Taken {
            file: Some(file),
            outcome,
        }
    }

    async fn read(&self, name: &RuleName, found: Found) -> Result<Contents, String> {
        if self.config.team(name.team()).is_none() {
            return Err(no_such_team(name));
        }
        let read = tokio::task::spawn_blocking(move || {
            let settings = match found.settings {
                Some(settings) => settings.and_then(Opened::read)?,
                None => Arc::from([]),
            };
            let module = found.module.and_then(Opened::read)?;
            Ok::<_, String>(Contents { module, settings })
        });
        read.await
            .map_err(|error| error.to_string())
            .and_then(|read| read)
    }

    async fn load(
        &self,
        name: &RuleName,
        contents: Contents,
        life: &Life,
        serves: &Serves,
    ) -> Outcome {
        let mut candidate = candidate(name, &contents);
        candidate.running = self.running(name, &contents, life, serves).await;
        match load(&self.engine, &self.config, &candidate).await {
            Ok(Loaded::Active(rule)) => {
                self.keep(name, &rule.version(), contents).await;
                Outcome::Serves(rule)
            }
            Ok(Loaded::Disabled) => Outcome::Disabled,
            Err(error) => self.rejected(name, error, life, serves).await,
        }
    }

    /// What the version at work asks for, or the one that was last: a restart in between gives a newer version no
    /// more than it had without.
    async fn running(
        &self,
        name: &RuleName,
        contents: &Contents,
        life: &Life,
        serves: &Serves,
    ) -> Option<Asks> {
        match (serves, life.last_good()) {
            (Serves::Yes(asks), _) => Some((**asks).clone()),
            (Serves::NotYet, Some(last_good)) if *last_good != contents.version() => {
                let rule = self.archived(name, last_good).await.ok();
                rule.map(|rule| rule.permits.asks().clone())
            }
            (Serves::NotYet | Serves::No, _) => None,
        }
    }

    /// Keeps what is at work. A disk that does not take it is no reason not to serve it.
    async fn keep(&self, name: &RuleName, version: &Version, contents: Contents) {
        let (archive, version) = (self.archive.clone(), version.clone());
        let kept = tokio::task::spawn_blocking(move || archive.put(&version, &contents));
        let kept = kept
            .await
            .map_err(std::io::Error::other)
            .and_then(|kept| kept);
        if let Err(error) = kept {
            tracing::error!(rule.name = %name, "the version cannot be kept for later: {error}");
        }
    }

    /// What is not taken, with the version that served last where none does now.
    async fn rejected(
        &self,
        name: &RuleName,
        error: LoadError,
        life: &Life,
        serves: &Serves,
    ) -> Outcome {
        let instead = match life.last_good() {
            Some(last_good) if *serves == Serves::NotYet => {
                self.archived(name, last_good).await.ok()
            }
            _ => None,
        };
        Outcome::Rejected { error, instead }
    }

    /// A version that was at work before.
    async fn archived(&self, name: &RuleName, version: &Version) -> Result<Arc<Rule>, LoadError> {
        let (archive, wanted) = (self.archive.clone(), version.clone());
        let found = tokio::task::spawn_blocking(move || archive.get(&wanted)).await;
        let Some(contents) = found.ok().flatten() else {
            return Err(LoadError::File {
                reason: format!(
                    "the version {} that is to serve is no longer kept: put its file in place again",
                    version.module.short()
                ),
            });
        };
        match load(&self.engine, &self.config, &candidate(name, &contents)).await? {
            Loaded::Active(rule) => Ok(rule),
            Loaded::Disabled => Err(LoadError::File {
                reason: "the settings of the version that is to serve take it out of work"
                    .to_owned(),
            }),
        }
    }
}

fn candidate(name: &RuleName, contents: &Contents) -> Candidate {
    Candidate {
        name: name.clone(),
        module: Arc::clone(&contents.module),
        settings: Arc::clone(&contents.settings),
        running: None,
    }
}

/// Refuses a settings file that names a module and has one of its own name beside it: which of the two is meant
/// cannot be seen.
fn one_module(
    name: &RuleName,
    module: Option<&Path>,
    settings: &[u8],
) -> Result<(), SettingsError> {
    let own = format!("{}.wasm", name.stem());
    let is_own = module.and_then(Path::file_name) == Some(OsStr::new(&own));
    // What else is wrong with the file is said when it is loaded.
    let named = SettingsFile::parse(settings).ok();
    match named.and_then(|file| file.module) {
        Some(named) if is_own && named != own => Err(SettingsError::TwoModules { named, own }),
        _ => Ok(()),
    }
}
