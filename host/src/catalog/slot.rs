//! What the keeper knows of one rule: what was seen of its files, and how it stands.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::load::{LoadError, Loaded, Rule};
use super::scan::{Fingerprint, Found, Opened};
use super::snapshot::RuleState;
use crate::domain::clock::Timestamp;
use crate::domain::names::RuleName;

/// How long a file that is written in place must rest before it counts as complete.
const SETTLE: Duration = Duration::from_millis(100);

/// How long a changed settings file waits for its module, so that both are one swap.
const TOGETHER: Duration = Duration::from_millis(500);

/// What was seen of a rule's two files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    module: Result<Fingerprint, String>,
    settings: Option<Result<Fingerprint, String>>,
}

impl Seen {
    pub(super) fn of(found: &Found) -> Self {
        let print = |opened: &Result<Opened, String>| {
            opened
                .as_ref()
                .map(|opened| opened.fingerprint)
                .map_err(Clone::clone)
        };
        Self {
            module: print(&found.module),
            settings: found.settings.as_ref().map(print),
        }
    }
}

/// What is known of one rule.
pub(super) struct Slot {
    /// What was last taken up.
    pub(super) taken: Option<Seen>,
    /// What was seen since, not yet taken up, and since when.
    pub(super) resting: Option<(Seen, Instant)>,
    /// Counts what was taken up, so that an old result does not replace a newer one.
    pub(super) generation: u64,
    /// The version that serves.
    pub(super) rule: Option<Arc<Rule>>,
    pub(super) state: RuleState,
    pub(super) since: Timestamp,
    pub(super) reason: Option<(&'static str, String)>,
}

impl Slot {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            taken: None,
            resting: None,
            generation: 0,
            rule: None,
            state: RuleState::Loading,
            since: now,
            reason: None,
        }
    }

    /// Whether what is seen is known, and for how long it must rest if not. `complete` says that the
    /// module was renamed into place.
    pub(super) fn rests(&mut self, seen: &Seen, complete: bool, now: Instant) -> Rest {
        if self.taken.as_ref() == Some(seen) {
            self.resting = None;
            return Rest::Known;
        }
        let since = match &self.resting {
            Some((resting, since)) if resting == seen => *since,
            _ => {
                self.resting = Some((seen.clone(), now));
                now
            }
        };
        let module_is_new = self.taken.as_ref().map(|taken| &taken.module) != Some(&seen.module);
        // A settings file alone, or one that came before its module, waits for it.
        let rest = if !module_is_new || seen.module.is_err() {
            TOGETHER
        } else if complete {
            Duration::ZERO
        } else {
            SETTLE
        };
        Rest::For(rest.saturating_sub(now.duration_since(since)))
    }

    /// Lets what came of loading a rule take effect on it.
    pub(super) fn enter(
        &mut self,
        name: &RuleName,
        result: Result<Loaded, LoadError>,
        now: Timestamp,
    ) {
        let state = match result {
            Ok(Loaded::Active(rule)) => {
                tracing::info!(
                    rule.name = %name,
                    rule.version = %rule.manifest.version,
                    rule.module = rule.description.module.short(),
                    "the rule is at work"
                );
                let shadow = rule.description.shadow;
                self.rule = Some(rule);
                self.reason = None;
                if shadow {
                    RuleState::Shadow
                } else {
                    RuleState::Active
                }
            }
            Ok(Loaded::Disabled) => {
                self.rule = None;
                self.reason = Some((
                    "rule/disabled",
                    "`enabled = false` in its settings file".to_owned(),
                ));
                RuleState::Disabled
            }
            Err(error) => {
                let serving = self.rule.as_ref().map_or_else(
                    || "no version of it serves".to_owned(),
                    |rule| format!("version {} goes on serving", rule.manifest.version),
                );
                tracing::error!(
                    rule.name = %name, code = error.code(), "the rule is rejected, and {serving}: {error}"
                );
                self.reason = Some((error.code(), error.to_string()));
                RuleState::Rejected
            }
        };
        self.state = state;
        self.since = now;
    }
}

/// Whether what is seen of a rule is taken up.
pub(super) enum Rest {
    /// What is seen was taken up before.
    Known,
    /// It is new, and must rest so long to be complete.
    For(Duration),
}

/// Whether a module was renamed into place, and so is complete.
pub(super) fn is_complete(renamed: &BTreeSet<PathBuf>, module: &Result<Opened, String>) -> bool {
    module
        .as_ref()
        .is_ok_and(|opened| renamed.contains(&opened.path))
}
