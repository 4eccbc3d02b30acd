//! The rules at work: found in the rules folder, loaded, checked, and swapped in as whole snapshots.
//!
//! The worker takes the [`Snapshot`] of the moment and keeps it for one event. One task, the
//! [`keeper`], looks at the folder when it changes, loads what is new, and publishes the next snapshot
//! when everything that one look found has been loaded or refused.
//!
//! Invariants:
//! - A rule that fails to load never replaces one that works.
//! - All changes of one look at the folder enter in one snapshot.
//! - No reader waits for a reload.
//! - A folder that is missing, unreadable or suddenly empty changes nothing.
//! - What people and faults said of a rule holds until its files change, also over a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};

use self::archive::Archive;
use self::health::Healths;
use crate::capability::{Grants, Known};
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::limits::{Limits, Narrowing};
use crate::domain::names::{Digest, EventId, RuleName, TeamName};
use crate::domain::quantity::Span;
use crate::engine::Engine;

mod archive;
mod conditions;
pub mod declared;
mod health;
mod index;
mod keeper;
mod lacking;
mod life;
mod load;
mod memory;
mod place;
mod scan;
mod settings;
mod slot;
mod snapshot;
mod take;
mod watcher;

pub use conditions::{Conditions, NotAsked, RuleDescription};
pub use health::{Behaviour, Recent};
pub use lacking::Lacking;
pub use life::{KeptVersion, Life, Said, Version, Wish, WishError};
pub use load::{Candidate, LoadError, Loaded, Refused, Rule};
pub use memory::{Again, Forgetful, MemoryError, RuleMemory};
pub use place::{Arrival, PlaceError, Placed, Replace, place, settings_of};
pub use scan::Ignored;
pub use settings::{OnFault, SettingsError, SettingsFile};
pub use snapshot::{RefusedVersion, RuleState, RuleStatus, Serving, Snapshot, Wanting};

/// What the operator says about a team's rules, or the shared ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TeamConfig {
    /// What they may use.
    pub grants: Grants,
    /// Limits in place of the server's.
    pub limits: Narrowing,
}

/// What the catalog has to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CatalogConfig {
    /// The rules folder.
    pub rules: PathBuf,
    /// The server's limits.
    pub limits: Limits,
    /// How long the first quarantine of a rule lasts; a minute where it is none.
    pub quarantine: Option<Span>,
    /// For the shared rules.
    pub shared: TeamConfig,
    /// For each team.
    pub teams: BTreeMap<TeamName, TeamConfig>,
    /// The channels and commands that exist.
    pub known: Known,
}

impl CatalogConfig {
    /// What holds for a team's rules, or the shared ones; none for a team that is not configured.
    #[must_use]
    pub fn team(&self, team: Option<&TeamName>) -> Option<&TeamConfig> {
        match team {
            None => Some(&self.shared),
            Some(team) => self.teams.get(team),
        }
    }
}

/// How the rules folder stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FolderStatus {
    /// Its path.
    pub path: String,
    /// Why the last look at it changed nothing: it is missing, unreadable, or suddenly empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Everything the catalog can say of the rules.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Listing {
    /// The rules folder.
    pub folder: FolderStatus,
    /// The rules, by name.
    pub rules: Vec<RuleStatus>,
    /// Files and folders that are no rules.
    pub ignored: Vec<Ignored>,
}

/// What the catalog works with.
pub struct Parts {
    /// Compiles and runs modules.
    pub engine: Arc<Engine>,
    /// The configuration.
    pub config: Arc<CatalogConfig>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Keeps what the folder cannot say.
    pub memory: Arc<dyn RuleMemory>,
    /// The folder for the contents of versions that were at work, where nobody else may write; none for a look at
    /// the rules folder, of which nothing is kept.
    pub versions: Option<PathBuf>,
}

/// The rules at work.
#[derive(Debug)]
pub struct Catalog {
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
    archive: Archive,
}

/// What the keeper publishes and readers see.
#[derive(Debug)]
struct Shared {
    snapshot: RwLock<Arc<Snapshot>>,
    listing: RwLock<Arc<Listing>>,
    healths: Healths,
    /// Whether every file of the first look has been loaded or refused.
    ready: watch::Sender<bool>,
}

/// What somebody wants of a rule.
struct Wished {
    rule: RuleName,
    wish: Wish,
    said: Said,
    done: oneshot::Sender<Result<(), WishError>>,
}

/// What the keeper is asked to do.
enum Request {
    /// Look at the folder now, and answer when what was found is at work or refused.
    Reload {
        allow_empty: bool,
        done: oneshot::Sender<()>,
    },
    /// Do what somebody wants of a rule, and answer when it is in effect.
    Wish(Wished),
    /// Go on with another configuration.
    Configure(Arc<CatalogConfig>),
}

impl Catalog {
    /// Starts to keep the rules of a folder at work. Must be called within a Tokio runtime; the keeper
    /// ends when the catalog is dropped.
    #[must_use]
    pub fn start(parts: Parts) -> Self {
        let shared = Arc::new(Shared {
            snapshot: RwLock::default(),
            listing: RwLock::default(),
            healths: Healths::default(),
            ready: watch::Sender::new(false),
        });
        let (requests, inbox) = mpsc::channel(16);
        let archive = Archive::new(parts.versions.clone());
        let keeper = keeper::Keeper::new(parts, Arc::clone(&shared));
        tokio::spawn(keeper.run(inbox));
        Self {
            shared,
            requests,
            archive,
        }
    }

    /// The rules in force now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(
            &self
                .shared
                .snapshot
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Every rule with its status.
    #[must_use]
    pub fn listing(&self) -> Arc<Listing> {
        Arc::clone(
            &self
                .shared
                .listing
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Whether a rule has this module, or a version that can serve again. Blocks.
    #[must_use]
    pub fn needs(&self, module: &Digest) -> bool {
        self.modules().any(|needed| needed == *module) || self.archive.holds(module)
    }

    /// The digits of the digests of all modules that rules have, or versions that can serve again. Blocks.
    ///
    /// # Errors
    /// When the folder of versions cannot be read.
    pub fn needed(&self) -> std::io::Result<BTreeSet<String>> {
        let mut needed = self.archive.digests()?;
        needed.extend(self.modules().map(|module| module.hex().to_owned()));
        Ok(needed)
    }

    /// The modules of the rules at work, and those in the folder, which may only wait for a grant or a setting.
    fn modules(&self) -> impl Iterator<Item = Digest> {
        let at_work = self.snapshot();
        let at_work: Vec<Digest> = at_work
            .rules()
            .map(|rule| rule.description.module.clone())
            .collect();
        let listing = self.listing();
        let in_folder = listing.rules.iter().filter_map(|rule| rule.file.clone());
        let in_folder: Vec<Digest> = in_folder.collect();
        at_work.into_iter().chain(in_folder)
    }

    /// Whether every file of the first look has been loaded or refused.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self.shared.ready.borrow()
    }

    /// Waits until every file of the first look has been loaded or refused.
    pub async fn ready(&self) {
        let mut ready = self.shared.ready.subscribe();
        // The sender lives as long as this does.
        let _always = ready.wait_for(|ready| *ready).await;
    }

    /// Looks at the folder now, and returns when what was found is at work or refused. An empty folder
    /// is taken for what it is with [`Empty::Accept`].
    pub async fn reload(&self, empty: Empty) {
        let (done, answer) = oneshot::channel();
        let request = Request::Reload {
            allow_empty: empty == Empty::Accept,
            done,
        };
        if self.requests.send(request).await.is_ok() {
            // No answer comes only when the server ends.
            let _ended = answer.await;
        }
    }

    /// Does what somebody wants of a rule, and returns when it is in effect.
    ///
    /// # Errors
    /// Why it cannot be done; nothing has changed then.
    pub async fn wish(&self, rule: RuleName, wish: Wish, said: Said) -> Result<(), WishError> {
        let (done, answer) = oneshot::channel();
        let request = Request::Wish(Wished {
            rule,
            wish,
            said,
            done,
        });
        let sent = self.requests.send(request).await;
        sent.map_err(|_| WishError::Ending)?;
        answer.await.map_err(|_| WishError::Ending)?
    }

    /// Takes note of how a version of a rule behaved in a committed evaluation. Never waits.
    pub fn note(
        &self,
        rule: &RuleName,
        version: &Version,
        event: &EventId,
        noted: (Behaviour, Timestamp),
    ) {
        self.shared.healths.note(rule, version, event, noted);
    }

    /// Goes on with another configuration: every rule is loaded anew with it.
    pub async fn configure(&self, config: Arc<CatalogConfig>) {
        // The keeper is gone only when the server ends.
        let _ended = self.requests.send(Request::Configure(config)).await;
    }
}

/// What an empty rules folder means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// A mistake: the rules stay.
    Suspect,
    /// No rules.
    Accept,
}

/// Loads one module with its settings as the server would, for `hookbox check` and `hookbox run`.
///
/// # Errors
/// Why the server would not take it.
pub async fn load_one(
    engine: &Arc<Engine>,
    config: &CatalogConfig,
    candidate: &Candidate,
) -> Result<Loaded, LoadError> {
    load::load(engine, config, candidate).await
}
