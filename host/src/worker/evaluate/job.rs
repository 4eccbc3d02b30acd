//! One unit of one event, on a thread of the pool: asks its rules in their order, and works out what their answers
//! come to. Nothing is kept here.
//!
//! Invariants:
//! - A rule that faults, or that only shadows, changes nothing of its state.
//! - A panic in the engine is the fault of the rule that was asked.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::catalog::Rule;
use crate::domain::clock::Timestamp;
use crate::domain::decision::{Action, Decision};
use crate::domain::evaluation::{Evaluation, Log, Outcome};
use crate::domain::fault::Fault;
use crate::domain::names::{CommandName, EventId, RuleName};
use crate::domain::state::{Changes, Granted, State};
use crate::domain::turn::Turn;
use crate::engine::{Answer, Input};
use crate::store::{ActionState, DropRecord, NewAction, UnitEvaluation, idempotency_key};
use crate::worker::rate::Rates;
use crate::worker::{Live, Performs};

/// No rule is begun after so long.
const UNIT_TIME: Duration = Duration::from_secs(1);

/// The rules of one unit and one event, on a thread of the pool.
pub(super) struct Job {
    pub(super) rules: Vec<Arc<Rule>>,
    /// What those of them keep that may keep something.
    pub(super) states: BTreeMap<RuleName, State>,
    pub(super) input: Arc<Input>,
    pub(super) live: Arc<Live>,
    pub(super) event: EventId,
    pub(super) run: u32,
    pub(super) at: Timestamp,
    pub(super) performs: Performs,
    pub(super) rates: Arc<Rates>,
}

impl Job {
    pub(super) fn run(self) -> (Vec<UnitEvaluation>, Option<DropRecord>) {
        let mut evaluations = Vec::new();
        let began = Instant::now();
        for rule in &self.rules {
            if began.elapsed() > UNIT_TIME {
                break;
            }
            let answer = self.ask(rule);
            let outcome = match answer.result {
                Ok(decision) => Outcome::Decided(decision),
                Err(fault) => {
                    tracing::warn!(
                        event.id = %self.event, rule.name = %rule.name(), code = fault.code(),
                        "a rule gave no decision: {fault}"
                    );
                    Outcome::Faulted(fault)
                }
            };
            let actions = match &outcome {
                Outcome::Decided(decision) => self.actions(rule, decision),
                Outcome::Faulted(_) => Vec::new(),
            };
            let dropped = self.drops(rule, &outcome);
            evaluations.push(UnitEvaluation {
                evaluation: Evaluation {
                    rule: rule.name().clone(),
                    module: rule.description.module.clone(),
                    settings: rule.description.settings.clone(),
                    outcome,
                    log: answer.log,
                    fuel: answer.fuel,
                    duration_us: answer.duration_us,
                },
                actions,
                state: if self.shadows(rule) {
                    Changes::default()
                } else {
                    answer.changes
                },
            });
            if dropped.is_some() {
                return (evaluations, dropped);
            }
        }
        (evaluations, None)
    }

    /// What is recorded where this job panics: a fault of each rule, since it is not known whose answer was too
    /// much. Without it the event would stay in hand.
    pub(super) fn panicked(&self) -> Vec<UnitEvaluation> {
        let fault = |rule: &Arc<Rule>| UnitEvaluation {
            evaluation: Evaluation {
                rule: rule.name().clone(),
                module: rule.description.module.clone(),
                settings: rule.description.settings.clone(),
                outcome: Outcome::Faulted(Fault::Engine {
                    message: "what a rule answered made the server panic; its log has the message"
                        .to_owned(),
                }),
                log: Log::default(),
                fuel: 0,
                duration_us: 0,
            },
            actions: Vec::new(),
            state: Changes::default(),
        };
        self.rules.iter().map(fault).collect()
    }

    /// Evaluates with one rule. A panic in the engine is that rule's fault alone.
    fn ask(&self, rule: &Rule) -> Answer<Decision> {
        let evaluate = || {
            let granted = rule.state_quota().map(|quota| Granted {
                state: self.states.get(rule.name()).cloned().unwrap_or_default(),
                quota,
            });
            let settings = Arc::clone(&rule.settings);
            rule.module
                .evaluate_with(&self.input, settings, &rule.limits, granted)
        };
        catch_unwind(AssertUnwindSafe(evaluate)).unwrap_or_else(|_| Answer {
            result: Err(Fault::Engine {
                message: "it panicked; its log has the message".to_owned(),
            }),
            log: Log::default(),
            fuel: 0,
            duration_us: 0,
            changes: Changes::default(),
        })
    }

    /// Whether a rule's answer is only recorded.
    fn shadows(&self, rule: &Rule) -> bool {
        rule.description.shadow || self.performs == Performs::OnlyRecords
    }

    /// Whether a rule's answer ends the event for the rules after it.
    fn drops(&self, rule: &Rule, outcome: &Outcome) -> Option<DropRecord> {
        if self.shadows(rule) {
            return None;
        }
        let reason = match outcome {
            Outcome::Decided(decision) => {
                decision.actions.iter().find_map(|action| match action {
                    Action::Drop(reason) => Some(reason.clone()),
                    _ => None,
                })?
            }
            Outcome::Faulted(fault) if rule.stops_at_fault() => {
                format!("`on_fault = \"stop\"`, and {fault}")
            }
            Outcome::Faulted(_) => return None,
        };
        Some(DropRecord {
            rule: rule.name().clone(),
            reason,
        })
    }

    fn actions(&self, rule: &Rule, decision: &Decision) -> Vec<NewAction> {
        decision
            .actions
            .iter()
            .enumerate()
            .filter(|(_, action)| !matches!(action, Action::Drop(_)))
            .map(|(index, action)| self.action(rule, index, action))
            .collect()
    }

    fn action(&self, rule: &Rule, index: usize, action: &Action) -> NewAction {
        let shadow = self.shadows(rule);
        let permitted = rule.permits.check(action);
        let turn = turn(&self.live, action);
        // One that is refused keeps its turn: somebody may have it tried again once it is granted.
        let refusal = permitted
            .err()
            .map(|refusal| refusal.to_string())
            .or_else(|| turn.as_ref().err().cloned());
        let state = match (&refusal, shadow) {
            (Some(_), _) => ActionState::Refused,
            (None, true) => ActionState::Shadowed,
            (None, false) => ActionState::Waiting,
        };
        NewAction {
            key: idempotency_key(&self.event, self.run, rule.name(), index),
            event: self.event.clone(),
            run: self.run,
            rule: rule.name().clone(),
            action: action.clone(),
            state,
            detail: refusal,
            turn: turn.ok().flatten(),
            due_at: match state {
                ActionState::Waiting => self.rates.due(rule.name(), &rule.limits, self.at),
                _ => self.at,
            },
        }
    }
}

/// For a deploy, checks its arguments and works out which others it must not run beside.
pub(in crate::worker) fn turn(live: &Live, action: &Action) -> Result<Option<Turn>, String> {
    let Action::Deploy(deploy) = action else {
        return Ok(None);
    };
    let name = CommandName::parse(&deploy.name).map_err(|error| error.to_string())?;
    let command = live.commands.get(&name).ok_or_else(|| {
        format!("there is no command `{name}`: add `[commands.{name}]` to `hookbox.toml`")
    })?;
    let prepared = command
        .prepare(&deploy.arguments)
        .map_err(|error| error.to_string())?;
    Ok(Some(prepared.turn().clone()))
}
