//! Follows the configuration file: a change is in force within a second, whole or not at all.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, watch};

use super::inside::Lookers;
use super::{Options, Problem, live, set};
use crate::catalog::{Catalog, Empty};
use crate::config::Config;
use crate::worker::Live;

/// How often the file is looked at. Editors replace files, which a watch on the file itself loses; a
/// look costs one system call.
const LOOK: Duration = Duration::from_millis(300);

/// What follows the configuration.
pub(super) struct Follow {
    pub(super) options: Options,
    /// Somebody asked for a reload.
    pub(super) asked: Arc<Notify>,
    pub(super) running: Config,
    /// The file's state from before `running` was read, so that no change is missed.
    pub(super) seen: Option<FileState>,
    pub(super) addresses: (SocketAddr, SocketAddr),
    pub(super) live: Arc<RwLock<Arc<Live>>>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) problem: Problem,
    pub(super) lookers: Lookers,
}

/// What tells two states of the file apart.
pub(super) type FileState = (SystemTime, u64);

/// The state of the configuration file; none while it is not there.
pub(super) fn state(options: &Options) -> Option<FileState> {
    let metadata = std::fs::metadata(&options.config).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

impl Follow {
    pub(super) async fn run(mut self, mut ending: watch::Receiver<bool>) {
        loop {
            let asked = tokio::select! {
                _ = ending.wait_for(|ending| *ending) => break,
                () = tokio::time::sleep(LOOK) => false,
                () = self.asked.notified() => true,
            };
            let now = state(&self.options);
            // A file that is gone for a moment is being replaced.
            if !asked && (now.is_none() || now == self.seen) {
                continue;
            }
            self.seen = now;
            match self.reload().await {
                Ok(()) => {
                    tracing::info!("the configuration was read and is in force");
                    set(&self.problem, None);
                    if asked {
                        // Modules may have to be compiled, which an end does not wait for.
                        tokio::select! {
                            () = self.catalog.reload(Empty::Suspect) => {}
                            _ = ending.wait_for(|ending| *ending) => break,
                        }
                    }
                }
                Err(error) => {
                    let text = format!("{error:#}");
                    tracing::error!("the configuration is refused; the old one serves: {text}");
                    set(&self.problem, Some(text));
                }
            }
        }
        self.lookers.end().await;
    }

    async fn reload(&mut self) -> anyhow::Result<()> {
        let mut config = Config::load(&self.options.config)?;
        if let Some(rules) = &self.options.rules {
            config.catalog.rules.clone_from(rules);
        }
        let live = live::build(
            &config,
            &self.options.console,
            &[self.addresses.0, self.addresses.1],
        )?;
        for (changed, key) in [
            (config.listen != self.running.listen, "listen"),
            (
                config.admin_listen != self.running.admin_listen,
                "admin.listen",
            ),
            (config.data != self.running.data, "data"),
            (config.timezone != self.running.timezone, "timezone"),
            (
                config.trusted_proxies != self.running.trusted_proxies,
                "trusted_proxies",
            ),
            (
                config.admin_token != self.running.admin_token,
                "admin.token",
            ),
        ] {
            if changed {
                tracing::warn!("`{key}` changed, which takes effect at the next start");
            }
        }
        let catalog = Arc::new(config.catalog.clone());
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
        self.catalog.configure(catalog).await;
        self.lookers.follow(&config).await;
        self.running = config;
        Ok(())
    }
}
