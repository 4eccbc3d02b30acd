//! The rules in force at one moment.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::conditions::RuleDescription;
use super::index::Index;
use super::life::KeptVersion;
use super::load::{Refused, Rule};
use crate::capability::AskTable;
use crate::domain::clock::Timestamp;
use crate::domain::event::Event;
use crate::domain::names::{Digest, RuleName, TeamName};

/// The rules in force at one moment. An event sees exactly one.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Its number, counted from the start of the server.
    pub number: u64,
    /// The rules that are not asked because of their faults.
    pub quarantined: BTreeSet<RuleName>,
    /// The shared rules in their order, then by team in alphabetical order each in its order.
    rules: Vec<Arc<Rule>>,
    index: Index,
}

/// The rules of one unit that want an event, in their order.
#[derive(Debug, Clone)]
pub struct Wanting {
    /// The team; none for the shared rules.
    pub team: Option<TeamName>,
    /// The rules.
    pub rules: Vec<Arc<Rule>>,
}

impl Snapshot {
    pub(super) fn of(
        number: u64,
        rules: impl Iterator<Item = Arc<Rule>>,
        quarantined: BTreeSet<RuleName>,
    ) -> Self {
        let mut rules: Vec<Arc<Rule>> = rules.collect();
        rules.sort_by(|a, b| {
            let key = |rule: &Rule| (rule.name().team().cloned(), rule.order, rule.name().clone());
            key(a).cmp(&key(b))
        });
        Self {
            number,
            quarantined,
            index: Index::of(rules.iter().map(|rule| &rule.description)),
            rules,
        }
    }

    /// All its rules, the shared ones first.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.iter()
    }

    /// The rules that want an event, unit by unit: the shared ones first, then each team's.
    #[must_use]
    pub fn wanting(&self, event: &Event) -> Vec<Wanting> {
        let mut units: Vec<Wanting> = Vec::new();
        for number in self.index.candidates(event) {
            let rule = &self.rules[number];
            if rule.description.asks_about(event).is_err() {
                continue;
            }
            let team = rule.name().team();
            match units.last_mut() {
                Some(last) if last.team.as_ref() == team => last.rules.push(Arc::clone(rule)),
                _ => units.push(Wanting {
                    team: team.cloned(),
                    rules: vec![Arc::clone(rule)],
                }),
            }
        }
        units
    }

    /// What is kept of it, to answer "why?" later.
    #[must_use]
    pub fn description(&self) -> Vec<&RuleDescription> {
        self.rules().map(|rule| &rule.description).collect()
    }
}

/// How a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleState {
    /// It is at work.
    Active,
    /// It evaluates and records, and performs nothing.
    Shadow,
    /// Its file is broken, or asks for what is not granted; an earlier version may serve.
    Rejected,
    /// Its settings file, or somebody, takes it out of work.
    Disabled,
    /// It faulted so often that it is not asked for a while; what it misses is kept on record.
    Quarantined,
    /// It is being compiled or checked.
    Loading,
}

/// A rule as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RuleStatus {
    /// Its name.
    pub name: RuleName,
    /// How it stands.
    pub state: RuleState,
    /// Since when.
    pub since: Timestamp,
    /// For a rejected rule, the stable code of the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// Why it stands so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who has it stand so, where somebody said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Until when it is in quarantine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The version that serves, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serving: Option<Serving>,
    /// The versions that were at work, the newest first.
    pub versions: Vec<KeptVersion>,
    /// The newer version that was refused for what it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedVersion>,
    /// The module that lies in the folder, as far as it could be read, also where it is not taken.
    #[serde(skip)]
    pub file: Option<Digest>,
}

/// A version of a rule that was refused for what it asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RefusedVersion {
    /// The module's version.
    pub version: String,
    /// The digest of its module.
    pub module: Digest,
    /// What it asks for.
    pub asks: AskTable,
}

impl RefusedVersion {
    pub(super) fn of(refused: &Refused) -> Self {
        Self {
            version: refused.version.clone(),
            module: refused.module.clone(),
            asks: refused.asks.clone(),
        }
    }
}

/// The version of a rule that serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Serving {
    /// The digest of its module.
    pub module: Digest,
    /// The digest of its settings.
    pub settings: Digest,
    /// The module's name for itself.
    pub name: String,
    /// The module's version.
    pub version: String,
    /// The module's summary.
    pub summary: String,
    /// The subjects it asks for; empty for all but `schedule`.
    pub subjects: Vec<String>,
    /// What it asks for.
    pub asks: AskTable,
}

impl Serving {
    pub(super) fn of(rule: &Rule) -> Self {
        Self {
            module: rule.description.module.clone(),
            settings: rule.description.settings.clone(),
            name: rule.manifest.name.clone(),
            version: rule.manifest.version.clone(),
            summary: rule.manifest.summary.clone(),
            subjects: rule.manifest.subjects.clone(),
            asks: rule.permits.table(),
        }
    }
}
