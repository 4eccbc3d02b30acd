//! The answer to "why?": for one event, what became of it with every rule of its snapshot.

use serde::{Deserialize, Serialize};

use crate::catalog::RuleDescription;
use crate::domain::evaluation::Outcome;
use crate::domain::names::RuleName;
use crate::store::{EventRecord, EventState};

/// What became of an event with one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verdict {
    /// The rule.
    pub rule: RuleName,
    /// What became of it.
    pub kind: VerdictKind,
    /// Why, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of an event with one rule, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictKind {
    /// It gave actions.
    Acted,
    /// It dropped the event.
    Dropped,
    /// It wanted nothing done.
    Nothing,
    /// It gave no decision.
    Faulted,
    /// It was not asked.
    NotAsked,
    /// An earlier rule had dropped the event.
    DroppedBefore,
    /// It has not been asked yet.
    Pending,
}

/// What became of an event with every rule of its snapshot, in their order.
pub(super) fn verdicts(record: &EventRecord, rules: &[RuleDescription]) -> Vec<Verdict> {
    rules.iter().map(|rule| verdict(record, rule)).collect()
}

fn verdict(record: &EventRecord, rule: &RuleDescription) -> Verdict {
    let said = |kind, reason| Verdict {
        rule: rule.name.clone(),
        kind,
        reason,
    };
    let evaluation = record
        .evaluations
        .iter()
        .rev()
        .find(|evaluation| evaluation.evaluation.rule == rule.name);
    if let Some(evaluation) = evaluation {
        return match &evaluation.evaluation.outcome {
            Outcome::Faulted(fault) => said(
                VerdictKind::Faulted,
                Some(format!("{}: {fault}", fault.code())),
            ),
            Outcome::Decided(decision) => {
                let drop = record.drops.iter().find(|drop| drop.rule == rule.name);
                match drop {
                    Some(drop) => said(VerdictKind::Dropped, Some(drop.reason.clone())),
                    None if decision.actions.is_empty() => {
                        said(VerdictKind::Nothing, decision.reason.clone())
                    }
                    None => said(VerdictKind::Acted, decision.reason.clone()),
                }
            }
        };
    }
    if let Err(reason) = rule.asks_about(&record.event) {
        return said(VerdictKind::NotAsked, Some(reason.to_string()));
    }
    let earlier = record
        .drops
        .iter()
        .find(|drop| drop.rule.team().is_none() || drop.rule.team() == rule.name.team());
    match earlier {
        Some(drop) => said(
            VerdictKind::DroppedBefore,
            Some(format!("by `{}`: {}", drop.rule, drop.reason)),
        ),
        None if record.state == EventState::Done => said(
            VerdictKind::NotAsked,
            Some("it was not at work when the event was evaluated".to_owned()),
        ),
        None => said(VerdictKind::Pending, None),
    }
}
