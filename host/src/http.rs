//! The two listeners: the public one, where webhooks arrive, and the admin one, which the command line
//! asks.
//!
//! Invariants:
//! - `202` is answered after the delivery's commit, and never waits for a rule.
//! - The public listener says nothing about rules, actions, or other sources.
//! - There is no answer from the admin interface without its token.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::Semaphore;

use crate::catalog::Catalog;
use crate::domain::clock::Clock;
use crate::domain::secret::Secret;
use crate::sources::{AddressRange, Inside};
use crate::store::Store;
use crate::worker::{Live, PausedRules, Performs, Rehearsal, TimeMachine, Waker};

mod admin;
mod body;
mod connections;
mod error;
mod failures;
mod hooks;
mod listen;
mod proxies;
mod why;

pub use admin::Pages;
pub use axum::Router;
pub use listen::{ListenError, Listener};
pub use why::{Verdict, VerdictKind};

/// The requests that may wait for their commit at once.
const WAITING_FOR_COMMIT: usize = 4096;

/// The refusals that may wait for their commit at once; more are counted nowhere, so that a flood of
/// bad requests cannot make the store its victim.
const REFUSALS_WAITING: usize = 64;

/// What the public listener works with.
pub struct Public {
    store: Arc<dyn Store>,
    live: Arc<RwLock<Arc<Live>>>,
    clock: Arc<dyn Clock>,
    timezone: jiff::tz::TimeZone,
    waker: Waker,
    trusted_proxies: Vec<AddressRange>,
    commits: Semaphore,
    refusals: Semaphore,
    failures: failures::Failures,
}

impl std::fmt::Debug for Public {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Public")
    }
}

/// What the public listener is made from.
pub struct PublicParts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The configuration in force.
    pub live: Arc<RwLock<Arc<Live>>>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The time zone for times in messages.
    pub timezone: jiff::tz::TimeZone,
    /// Tells the worker.
    pub waker: Waker,
    /// The proxies whose word about the sender's address counts.
    pub trusted_proxies: Vec<AddressRange>,
}

impl Public {
    /// Puts the listener's state together.
    #[must_use]
    pub fn new(parts: PublicParts) -> Self {
        Self {
            store: parts.store,
            live: parts.live,
            clock: parts.clock,
            timezone: parts.timezone,
            waker: parts.waker,
            trusted_proxies: parts.trusted_proxies,
            commits: Semaphore::new(WAITING_FOR_COMMIT),
            refusals: Semaphore::new(REFUSALS_WAITING),
            failures: failures::Failures::default(),
        }
    }

    /// The routes of the public listener.
    pub fn router(self: Arc<Self>) -> Router {
        hooks::router(self)
    }

    fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the admin listener works with.
pub struct Admin {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The rules.
    pub catalog: Arc<Catalog>,
    /// The configuration in force.
    pub live: Arc<RwLock<Arc<Live>>>,
    /// The sources that the server looks after.
    pub inside: Arc<Inside>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The time zone for times that people read.
    pub timezone: jiff::tz::TimeZone,
    /// The token that opens it.
    pub token: Secret,
    /// The address it listens on, for the check of `Host`.
    pub address: SocketAddr,
    /// Why a change of the configuration is refused, while it is.
    pub config_problem: Arc<Mutex<Option<String>>>,
    /// Tells the worker.
    pub waker: Waker,
    /// The rules that the worker does not ask.
    pub paused_rules: Arc<PausedRules>,
    /// Asks the rules without consequences.
    pub rehearsal: Rehearsal,
    /// Tries modules on the past.
    pub time_machine: TimeMachine,
    /// Where the pages of teams ended.
    pub pages: Pages,
    /// Whether actions are performed.
    pub performs: Performs,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Admin")
    }
}

impl Admin {
    /// The routes of the admin listener.
    pub fn router(self: Arc<Self>) -> Router {
        admin::router(self)
    }
}

/// The address of the other end of a connection.
#[derive(Debug, Clone, Copy)]
struct Peer(SocketAddr);
