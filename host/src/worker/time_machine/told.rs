//! What a trial tells: what it begins with, and of each event both answers.

use serde::Serialize;

use super::{Change, Verdict};
use crate::domain::clock::Timestamp;
use crate::domain::evaluation::{Log, Outcome};
use crate::domain::names::{Digest, EventId, RuleName, SourceName};
use crate::store::PastAnswer;

/// Where a settings file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingsOf {
    /// It was handed over.
    Proposal,
    /// It is that of the rule at work.
    RuleAtWork,
    /// There is none.
    Nobody,
}

/// How much a trial can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exactness {
    /// The rule would have answered just so.
    Exact,
    /// The rule uses its state, which began empty.
    Estimate,
}

/// What a trial begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Beginning {
    /// The rule that the module would be.
    pub rule: RuleName,
    /// The digest of the module.
    pub module: Digest,
    /// The module's name for itself.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where its settings come from.
    pub settings: SettingsOf,
    /// How many events are looked at; none where not all of them may be counted.
    pub events: Option<u64>,
    /// How much it can be relied on.
    pub exactness: Exactness,
}

/// One event, with both answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the fields of the event that it is about")]
pub struct Compared {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<i64>,
    pub id: EventId,
    pub source: SourceName,
    pub subject: &'static str,
    pub project: Option<String>,
    pub received_at: Timestamp,
    pub received_local: String,
    /// What the comparison comes to.
    pub verdict: Verdict,
    /// The actions of both sides.
    pub changes: Vec<Change>,
    /// What the rule answered; none where it was not asked.
    pub then: Option<Told>,
    /// What the module answers; none where it is not asked.
    pub now: Option<Told>,
    /// Why it is not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_asked: Option<String>,
}

/// An answer without its actions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Told {
    /// The module that answered.
    pub module: Digest,
    /// Its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<ToldFault>,
    /// What it logged, where it faulted now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Log>,
    /// The fuel it used.
    pub fuel: u64,
    /// How long it took, in microseconds.
    pub duration_us: u64,
}

/// A fault by its code and in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "as errors are written everywhere")]
pub struct ToldFault {
    pub code: &'static str,
    pub message: String,
}

/// What a rule answered.
pub(super) fn told_then(then: PastAnswer) -> Told {
    let evaluation = then.evaluation;
    told(
        &evaluation.outcome,
        evaluation.module,
        evaluation.fuel,
        evaluation.duration_us,
    )
}

/// An answer, without its actions and its log.
pub(super) fn told(outcome: &Outcome, module: Digest, fuel: u64, duration_us: u64) -> Told {
    let (reason, fault) = match outcome {
        Outcome::Decided(decision) => (decision.reason.clone(), None),
        Outcome::Faulted(fault) => (None, Some(fault)),
    };
    Told {
        module,
        reason,
        fault: fault.map(|fault| ToldFault {
            code: fault.code(),
            message: fault.to_string(),
        }),
        log: None,
        fuel,
        duration_us,
    }
}
