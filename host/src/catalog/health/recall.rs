//! What the evaluations before a start say of the rules, so that a restart between two faults hides neither.
//!
//! Invariant: what is recalled leads to nothing by itself, only together with what comes after it.

use std::sync::PoisonError;

use super::{Behaviour, FORMER, Health, Healths, Past};
use crate::catalog::life::Version;
use crate::domain::clock::Timestamp;
use crate::domain::names::{EventId, RuleName};

/// An evaluation of before the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    /// The rule.
    pub rule: RuleName,
    /// Its version.
    pub version: Version,
    /// The event.
    pub event: EventId,
    /// How it went.
    pub behaviour: Behaviour,
    /// When it was committed.
    pub at: Timestamp,
}

/// The version of a rule that served when the server ended.
pub(in crate::catalog) struct Served {
    version: Version,
    since: Timestamp,
    past: Past,
}

impl Served {
    pub(in crate::catalog) fn since(version: &Version, since: Timestamp, past: Past) -> Self {
        Self {
            version: version.clone(),
            since,
            past,
        }
    }
}

impl Healths {
    /// Takes note of a rule's last evaluations, the oldest first, before it serves.
    pub(in crate::catalog) fn recall(&self, rule: &RuleName, serving: &Served, recent: &[Recent]) {
        let is_its = |evaluation: &&Recent| {
            evaluation.version == serving.version && evaluation.at >= serving.since
        };
        let swapped = recent.iter().position(|evaluation| is_its(&evaluation));
        let (before, _) = recent.split_at(swapped.unwrap_or(recent.len()));
        let former = before.last().map(|evaluation| &evaluation.version);
        let mut of_former = before
            .iter()
            .rev()
            .filter(|evaluation| Some(&evaluation.version) == former)
            .take(FORMER)
            .peekable();
        let former_was_well = of_former.peek().is_some()
            && of_former.all(|evaluation| evaluation.behaviour == Behaviour::Well);
        let mut health = Health::new(
            serving.version.clone(),
            serving.since,
            former_was_well,
            serving.past,
        );
        for evaluation in recent.iter().filter(is_its) {
            let code = match evaluation.behaviour {
                Behaviour::Faulted(code) => Some(code),
                Behaviour::Well | Behaviour::TooManyActions => None,
            };
            // What it leads to was done before the start, or is done with the next one.
            let _done = health.note(&evaluation.event, code, evaluation.at);
        }
        health.is_undone = false;
        health.past = serving.past;
        let mut known = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        known.rules.insert(rule.clone(), health);
    }
}
