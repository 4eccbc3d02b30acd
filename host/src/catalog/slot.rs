//! What the keeper knows of one rule: what was seen of its files, and how it stands.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::CatalogConfig;
use super::life::{Life, Said, TurnedBack};
use super::load::{LoadError, Rule};
use super::scan::{Fingerprint, Found, Opened};
use super::snapshot::{RefusedVersion, RuleState, RuleStatus, Serving};
use super::take::Outcome;
use crate::domain::clock::Timestamp;
use crate::domain::names::{Digest, RuleName};

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

/// What became of a rule's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Files {
    /// They are being loaded.
    Loading,
    /// They are at work, or would be.
    Good,
    /// The settings file takes the rule out of work.
    Disabled,
    /// They are not taken, for a reason with a code.
    Rejected { code: &'static str, reason: String },
}

/// What is known of one rule.
pub(super) struct Slot {
    /// What was last taken up.
    pub(super) taken: Option<Seen>,
    /// What was seen since, not yet taken up, and since when.
    pub(super) resting: Option<(Seen, Instant)>,
    /// The number of what was taken up last, so that an old result does not replace a newer one.
    pub(super) generation: u64,
    /// Whether that is not loaded yet.
    pub(super) is_loading: bool,
    /// The version that serves, unless somebody took it out of work.
    pub(super) rule: Option<Arc<Rule>>,
    files: Files,
    since: Timestamp,
    /// The version that was refused for what it asks for.
    refused: Option<RefusedVersion>,
    /// The module that was last taken up.
    pub(super) file: Option<Digest>,
}

impl Slot {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            taken: None,
            resting: None,
            generation: 0,
            is_loading: false,
            rule: None,
            files: Files::Loading,
            since: now,
            refused: None,
            file: None,
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
        outcome: Outcome,
        config: &CatalogConfig,
        now: Timestamp,
    ) {
        self.refused = match &outcome {
            Outcome::Rejected {
                error: LoadError::NotPermitted(refused),
                ..
            } => Some(RefusedVersion::of(refused)),
            _ => None,
        };
        let files = match outcome {
            Outcome::Serves(rule) => {
                tracing::info!(
                    rule.name = %name,
                    rule.version = %rule.manifest.version,
                    rule.module = rule.description.module.short(),
                    "the rule is at work"
                );
                self.rule = Some(rule);
                Files::Good
            }
            Outcome::Disabled => {
                self.rule = None;
                Files::Disabled
            }
            Outcome::Rejected { error, instead } => {
                // What serves was loaded under the configuration of its time.
                let serving = self.rule.take().and_then(|rule| rule.under(config));
                self.rule = serving.map(Arc::new).or(instead);
                let serving = self.rule.as_ref().map_or_else(
                    || "no version of it serves".to_owned(),
                    |rule| format!("version {} goes on serving", rule.manifest.version),
                );
                tracing::error!(
                    rule.name = %name, code = error.code(), "the rule is rejected, and {serving}: {error}"
                );
                Files::Rejected {
                    code: error.code(),
                    reason: error.to_string(),
                }
            }
        };
        if files != self.files || files == Files::Good {
            self.since = now;
        }
        self.files = files;
    }

    /// The version that is asked about events; none where none is.
    pub(super) fn serving(&self, life: &Life) -> Option<Arc<Rule>> {
        let rule = self.rule.as_ref().filter(|_| life.disabled.is_none())?;
        Some(match life.shadowed {
            Some(_) => Arc::new(rule.in_shadow()),
            None => Arc::clone(rule),
        })
    }

    /// How the rule stands, for people.
    pub(super) fn status(&self, name: &RuleName, life: &Life) -> RuleStatus {
        let serving = self.serving(life);
        let mut status = RuleStatus {
            name: name.clone(),
            state: match &serving {
                Some(rule) if rule.description.shadow => RuleState::Shadow,
                _ => RuleState::Active,
            },
            since: self.since,
            code: None,
            reason: None,
            by: None,
            until: None,
            serving: serving.as_deref().map(Serving::of),
            versions: life.versions.clone(),
            refused: self.refused.clone(),
            file: self.file.clone(),
        };
        if self.files == Files::Loading {
            // What was said is about the files that were there then, and these may be others.
            status.state = RuleState::Loading;
            return status;
        }
        if let Some(said) = &life.shadowed {
            status.say(
                RuleState::Shadow,
                "rule/shadowed",
                "somebody said so".to_owned(),
            );
            status.said(said);
        }
        if let Some(turned_back) = &life.turned_back {
            match turned_back {
                TurnedBack::RolledBack { said, .. } => {
                    let reason = "an earlier version serves, because somebody said so".to_owned();
                    status.say(status.state, "rule/rolled-back", reason);
                    status.said(said);
                }
                TurnedBack::Undone { at, reason, .. } => {
                    status.say(RuleState::Rejected, "rule/undone", reason.clone());
                    status.since = *at;
                }
            }
        }
        if let Some(quarantine) = &life.quarantine {
            let state = RuleState::Quarantined;
            status.say(state, "rule/quarantined", quarantine.reason.clone());
            status.since = quarantine.since;
            status.until = Some(quarantine.until);
        }
        match &self.files {
            Files::Good | Files::Loading => {}
            Files::Disabled => {
                let reason = "`enabled = false` in its settings file".to_owned();
                status.say(RuleState::Disabled, "rule/disabled", reason);
            }
            Files::Rejected { code, reason } => {
                status.say(RuleState::Rejected, code, reason.clone());
                status.since = self.since;
            }
        }
        if let Some(said) = &life.disabled {
            let reason = "somebody took it out of work".to_owned();
            status.say(RuleState::Disabled, "rule/disabled", reason);
            status.said(said);
        }
        status
    }
}

impl RuleStatus {
    fn say(&mut self, state: RuleState, code: &'static str, reason: String) {
        self.state = state;
        self.code = Some(code);
        self.reason = Some(reason);
        self.by = None;
    }

    fn said(&mut self, said: &Said) {
        self.by = Some(said.by.clone());
        self.since = said.at;
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
