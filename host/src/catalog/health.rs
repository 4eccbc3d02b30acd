//! How the rules behave: counts the faults of each version that serves, and finds when a rule is to be put in
//! quarantine or its newest version undone.
//!
//! The worker reports every evaluation that was committed; the keeper takes what is found.
//!
//! Invariants:
//! - Ten faults in a row, or twenty of the last forty evaluations, are a quarantine.
//! - Three faults among the first twenty evaluations, within an hour of a swap, undo it where the former version had
//!   evaluated and had no fault in its last twenty.
//! - An evaluation by another version than the one that serves counts for nothing.
//! - A start goes on counting where the server ended, as far as the evaluations of before it are given.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::life::Version;
use crate::domain::clock::Timestamp;
use crate::domain::fault::Fault;
use crate::domain::names::{EventId, RuleName};

mod recall;

pub use recall::Recent;
pub(super) use recall::Served;

/// How many faults in a row put a rule in quarantine.
const IN_A_ROW: usize = 10;

/// Of how many evaluations half may not fault.
const RECENT: usize = 40;

/// How many faults among how many first evaluations, within what time, undo a swap.
const UNDO_FAULTS: usize = 3;
const UNDO_EVALUATIONS: u32 = 20;
const UNDO_TIME: Duration = Duration::from_hours(1);

/// How many of its last evaluations the former version must have done well.
const FORMER: usize = 20;

/// What an evaluation was, as far as a rule's health goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// It decided, or failed in a way that counts for nothing.
    Well,
    /// It faulted, with this code.
    Faulted(&'static str),
    /// So many of its actions wait that they will not be performed in time.
    TooManyActions,
}

impl Behaviour {
    /// That of an evaluation that ended with this fault, or with none.
    #[must_use]
    pub fn of(fault: Option<&Fault>) -> Self {
        match fault {
            Some(fault) if fault.counts() => Self::Faulted(fault.code()),
            Some(_) | None => Self::Well,
        }
    }
}

/// What is to be done about a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// It is not to be asked for a while.
    Quarantine { reason: String },
    /// Its newest version is to be undone, and these events evaluated by the former.
    Undo {
        reason: String,
        events: Vec<EventId>,
    },
    /// It has behaved well for long enough that its quarantines are forgotten.
    Well,
}

impl Finding {
    /// One more fault of a version that is undone already.
    fn further(event: &EventId, code: &'static str) -> Self {
        Self::Undo {
            reason: format!("it faulted again, with `{code}`"),
            events: vec![event.clone()],
        }
    }
}

#[derive(Debug)]
struct Health {
    version: Version,
    swapped_at: Timestamp,
    /// Whether the version before it had done well.
    former_was_well: bool,
    /// How many evaluations since the swap.
    evaluated: u32,
    /// The events that faulted among the first.
    faulted: Vec<EventId>,
    /// The last evaluations, the newest at the end; true is a fault.
    recent: VecDeque<bool>,
    /// Whether quarantines of it are remembered.
    past: Past,
    /// Whether it was found to be undone.
    is_undone: bool,
    /// The version that was undone for this one.
    undone: Option<Version>,
}

/// Whether a rule was in quarantine since it was last well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Past {
    /// It was.
    Quarantined,
    /// It was not.
    Clean,
}

impl Health {
    fn new(version: Version, now: Timestamp, former_was_well: bool, past: Past) -> Self {
        Self {
            version,
            past,
            is_undone: false,
            undone: None,
            swapped_at: now,
            former_was_well,
            evaluated: 0,
            faulted: Vec::new(),
            recent: VecDeque::with_capacity(RECENT),
        }
    }

    fn is_well(&self) -> bool {
        !self.recent.is_empty() && !self.recent.iter().rev().take(FORMER).any(|fault| *fault)
    }

    fn note(
        &mut self,
        event: &EventId,
        code: Option<&'static str>,
        now: Timestamp,
    ) -> Option<Finding> {
        self.evaluated = self.evaluated.saturating_add(1);
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(code.is_some());
        let Some(code) = code else {
            let is_well_again = self.past == Past::Quarantined
                && self.recent.len() == RECENT
                && !self.recent.contains(&true);
            if is_well_again {
                self.past = Past::Clean;
                return Some(Finding::Well);
            }
            return None;
        };
        let is_new = self.evaluated <= UNDO_EVALUATIONS && now.since(self.swapped_at) <= UNDO_TIME;
        if self.former_was_well && is_new && !self.is_undone {
            self.faulted.push(event.clone());
            if self.faulted.len() >= UNDO_FAULTS {
                self.is_undone = true;
                return Some(Finding::Undo {
                    reason: format!(
                        "{UNDO_FAULTS} of its first {} evaluations faulted, the last with `{code}`, and none of the last \
                         ones of the version before",
                        self.evaluated
                    ),
                    events: std::mem::take(&mut self.faulted),
                });
            }
        }
        let in_a_row = self.recent.iter().rev().take_while(|fault| **fault).count();
        let faults = self.recent.iter().filter(|fault| **fault).count();
        let reason = if in_a_row >= IN_A_ROW {
            format!("its last {in_a_row} evaluations faulted, the last with `{code}`")
        } else if faults * 2 >= RECENT {
            format!(
                "{faults} of its last {} evaluations faulted, the last with `{code}`",
                self.recent.len()
            )
        } else {
            return self.is_undone.then(|| Finding::further(event, code));
        };
        Some(self.quarantine(reason))
    }

    fn quarantine(&mut self, reason: String) -> Finding {
        self.recent.clear();
        self.past = Past::Quarantined;
        Finding::Quarantine { reason }
    }
}

/// How all rules behave.
#[derive(Debug, Default)]
pub(super) struct Healths {
    rules: Mutex<Known>,
    found: Notify,
}

#[derive(Debug, Default)]
struct Known {
    rules: HashMap<RuleName, Health>,
    findings: Vec<(RuleName, Version, Finding)>,
}

impl Healths {
    /// Takes note that a version serves from now on.
    pub(super) fn serves(
        &self,
        rule: &RuleName,
        version: &Version,
        (past, now): (Past, Timestamp),
    ) {
        let mut known = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let former = known.rules.get(rule);
        if former.is_some_and(|former| former.version == *version) {
            return;
        }
        let former_was_well = former.is_some_and(Health::is_well);
        let undone = former
            .filter(|former| former.is_undone)
            .map(|former| former.version.clone());
        let mut health = Health::new(version.clone(), now, former_was_well, past);
        health.undone = undone;
        known.rules.insert(rule.clone(), health);
    }

    /// Forgets a rule that is gone.
    pub(super) fn forget(&self, rule: &RuleName) {
        let mut known = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        known.rules.remove(rule);
    }

    /// Takes note of an evaluation.
    pub(super) fn note(
        &self,
        rule: &RuleName,
        version: &Version,
        event: &EventId,
        (behaviour, now): (Behaviour, Timestamp),
    ) {
        let mut known = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(health) = known.rules.get_mut(rule) else {
            return;
        };
        if health.version != *version {
            // An event that was in hand when the version was undone.
            if let (Behaviour::Faulted(code), Some(undone)) = (behaviour, &health.undone)
                && undone == version
            {
                let finding = Finding::further(event, code);
                known
                    .findings
                    .push((rule.clone(), version.clone(), finding));
                self.found.notify_one();
            }
            return;
        }
        let finding = match behaviour {
            Behaviour::Well => health.note(event, None, now),
            Behaviour::Faulted(code) => health.note(event, Some(code), now),
            Behaviour::TooManyActions => Some(
                health.quarantine(
                    "1,000 of its actions wait, because it asks for them faster than its `rate`"
                        .to_owned(),
                ),
            ),
        };
        if let Some(finding) = finding {
            known
                .findings
                .push((rule.clone(), version.clone(), finding));
            self.found.notify_one();
        }
    }

    /// Waits until something is found.
    pub(super) async fn found(&self) {
        self.found.notified().await;
    }

    /// What was found since the last call.
    pub(super) fn take(&self) -> Vec<(RuleName, Version, Finding)> {
        let mut known = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut known.findings)
    }
}

#[cfg(test)]
mod tests;
