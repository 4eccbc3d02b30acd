//! One event through the rules of one snapshot, unit by unit.
//!
//! The shared rules are one unit, then each team is one. A unit is evaluated on one of the pool's
//! threads and committed by itself: its evaluations and the actions they gave, all or none.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;

use super::dispatch::payload;
use super::place::Place;
use super::rate::Rates;
use super::{Live, Performs, Shared};
use crate::catalog::{Behaviour, Rule, Snapshot, Version, Wanting};
use crate::domain::clock::Timestamp;
use crate::domain::decision::{Action, Decision};
use crate::domain::evaluation::{Evaluation, Log, Outcome};
use crate::domain::event::Event;
use crate::domain::fault::Fault;
use crate::domain::names::{CommandName, EventId, RuleName};
use crate::domain::state::Changes;
use crate::domain::turn::Turn;
use crate::engine::{Answer, Input, Payload};
use crate::store::{
    ActionKind, ActionState, ClaimedEvent, DropRecord, NewAction, Rest, SnapshotId, StoreError,
    Unit, UnitCommit, UnitEvaluation, idempotency_key,
};

/// What one turn of a unit is for: so many rules, and none is begun after so long. What is left has a turn of its own.
const UNIT_RULES: usize = 64;
const UNIT_TIME: Duration = Duration::from_secs(1);

/// How many actions of a rule may wait because of its rate. With more it asks for them faster than people can bear.
const WAITING_ACTIONS: i64 = 1_000;

/// The payload of a delivery's events, read from the store when it is not at hand.
#[derive(Default)]
pub(super) struct Payloads(Mutex<Option<Payload>>);

impl Payloads {
    pub(super) fn of(payload: Payload) -> Self {
        Self(Mutex::new(Some(payload)))
    }

    /// Keeps it no longer at hand.
    fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn get(&self, shared: &Shared, event: &ClaimedEvent) -> Result<Payload, StoreError> {
        let at_hand = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(payload) = at_hand().clone() {
            return Ok(payload);
        }
        let delivery = shared.store.delivery(&event.delivery).await?;
        Ok(at_hand().insert(payload(&delivery)).clone())
    }
}

/// Evaluates what is left of an event and marks it as done. What is committed is noted in `claimed`,
/// so that a call after a failure goes on from there.
pub(super) async fn evaluate(
    shared: &Arc<Shared>,
    claimed: &mut ClaimedEvent,
    payloads: &Payloads,
    place: &mut Place,
) -> Result<(), StoreError> {
    let snapshot = shared.catalog.snapshot();
    let snapshot_id = keep(shared, &snapshot).await?;
    let mut work = Work {
        shared,
        snapshot_id,
        quarantined: &snapshot.quarantined,
        live: shared.live(),
        payloads,
        input: None,
    };
    for unit in snapshot.wanting(&claimed.event) {
        // The shared rules come first.
        if claimed.dropped.is_some() && unit.team.is_some() {
            break;
        }
        work.unit(claimed, unit, place).await?;
    }
    shared
        .store
        .finish_event(&shared.owner, &claimed.event.id, claimed.run, snapshot_id)
        .await?;
    shared.event_is_done();
    Ok(())
}

/// What rules see of an event; one that is evaluated again says so.
pub(super) fn input(event: &Event, run: u32, payload: Payload) -> Arc<Input> {
    let mut event = event.clone();
    event.replay = run > 0;
    Arc::new(Input::new(Arc::new(event), payload))
}

/// Asks the rules of the present snapshot about an event, and keeps nothing of it.
pub(super) async fn rehearse(
    shared: &Arc<Shared>,
    event: &EventId,
    only: Option<&RuleName>,
) -> Result<Vec<UnitEvaluation>, StoreError> {
    let record = shared.store.event(Some(event)).await?;
    let delivery = shared.store.delivery(&record.delivery).await?;
    let run = record.run.saturating_add(1);
    let input = input(&record.event, run, payload(&delivery));
    let snapshot = shared.catalog.snapshot();
    let mut all = Vec::new();
    for unit in snapshot.wanting(&record.event) {
        let asked = unit
            .rules
            .iter()
            .filter(|rule| only.is_none_or(|only| rule.name() == only));
        let job = Job {
            rules: asked.cloned().collect(),
            input: Arc::clone(&input),
            live: shared.live(),
            event: event.clone(),
            run,
            at: shared.clock.now(),
            performs: Performs::Yes,
            rates: Arc::default(),
        };
        let Some((evaluations, dropped)) = shared.pool.run(move || job.run()).await else {
            return Err(StoreError::Closed);
        };
        all.extend(evaluations);
        // The shared rules come first.
        if unit.team.is_none() && dropped.is_some() {
            break;
        }
    }
    Ok(all)
}

/// The identifier of a snapshot's description, which is kept before its first event.
async fn keep(shared: &Shared, snapshot: &Snapshot) -> Result<SnapshotId, StoreError> {
    if let Some((number, id)) = *shared.kept.lock().unwrap_or_else(PoisonError::into_inner)
        && number == snapshot.number
    {
        return Ok(id);
    }
    let description =
        serde_json::to_string(&snapshot.description()).map_err(|error| StoreError::Database {
            message: error.to_string(),
        })?;
    let id = shared.store.keep_snapshot(description).await?;
    *shared.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((snapshot.number, id));
    Ok(id)
}

struct Work<'a> {
    shared: &'a Arc<Shared>,
    snapshot_id: SnapshotId,
    quarantined: &'a BTreeSet<RuleName>,
    live: Arc<Live>,
    payloads: &'a Payloads,
    /// What rules see; none until it is needed, and while the event waits set aside.
    input: Option<Arc<Input>>,
}

impl Work<'_> {
    /// Evaluates and commits one unit, unless it is committed already; one that takes long in parts, each in a turn of
    /// its own.
    async fn unit(
        &mut self,
        claimed: &mut ClaimedEvent,
        wanting: Wanting,
        place: &mut Place,
    ) -> Result<(), StoreError> {
        let unit = wanting.team;
        if claimed.units.contains(&unit) {
            return Ok(());
        }
        let wanted = wanting.rules.iter().filter(|rule| {
            let name = rule.name();
            (claimed.only.is_empty() || claimed.only.contains(name))
                && !claimed.evaluated.contains(name)
        });
        let mut asked = self.asked(wanted);
        if asked.rules.is_empty() && asked.skipped.is_empty() {
            return Ok(());
        }
        loop {
            let turn = self.turn(claimed, &unit, place).await?;
            let done = self.part(claimed, &unit, &mut asked).await?;
            drop(turn);
            if done == Rest::None {
                break;
            }
        }
        claimed.units.push(unit);
        Ok(())
    }

    /// Waits for the turn of a unit, and until then keeps little in memory of an event that waits for long. What still
    /// waits when the worker ends is handed back.
    async fn turn(
        &mut self,
        claimed: &ClaimedEvent,
        unit: &Unit,
        place: &mut Place,
    ) -> Result<OwnedSemaphorePermit, StoreError> {
        let mut ending = self.shared.ending.subscribe();
        let (input, payloads) = (&mut self.input, self.payloads);
        let set_aside = || {
            *input = None;
            payloads.forget();
            serde_json::to_vec(&claimed.event).map_or(usize::MAX, |event| event.len())
        };
        tokio::select! {
            biased;
            turn = self.shared.turns.wait(unit, place, set_aside) => turn.ok_or(StoreError::Closed),
            _ = ending.wait_for(|ending| *ending) => Err(StoreError::Closed),
        }
    }

    /// What rules see of the event.
    async fn input(&mut self, claimed: &ClaimedEvent) -> Result<Arc<Input>, StoreError> {
        if let Some(input) = &self.input {
            return Ok(Arc::clone(input));
        }
        let payload = self.payloads.get(self.shared, claimed).await?;
        let input = input(&claimed.event, claimed.run, payload);
        Ok(Arc::clone(self.input.insert(input)))
    }

    /// Evaluates and commits as many rules of a unit as one turn is for, and takes them from those that are asked.
    async fn part(
        &mut self,
        claimed: &mut ClaimedEvent,
        unit: &Unit,
        asked: &mut Asked,
    ) -> Result<Rest, StoreError> {
        let job = Job {
            rules: asked.rules.iter().take(UNIT_RULES).cloned().collect(),
            input: self.input(claimed).await?,
            live: Arc::clone(&self.live),
            event: claimed.event.id.clone(),
            run: claimed.run,
            at: self.shared.clock.now(),
            performs: self.shared.performs,
            rates: Arc::clone(&self.shared.rates),
        };
        let panicked = job.panicked();
        let evaluated = self
            .shared
            .pool
            .run(move || catch_unwind(AssertUnwindSafe(|| job.run())).unwrap_or((panicked, None)));
        let Some((evaluations, dropped)) = evaluated.await else {
            // The pool's threads are gone: the process ends.
            return Err(StoreError::Closed);
        };
        let rest = if dropped.is_some() || evaluations.len() == asked.rules.len() {
            Rest::None
        } else {
            Rest::Follows
        };
        let kinds: Vec<ActionKind> = waiting_kinds(&evaluations);
        let behaved: Vec<_> = evaluations.iter().map(|one| self.behaviour(one)).collect();
        let (dropped, skipped) = match rest {
            Rest::None => (dropped.or(asked.stopped.take()), asked.skipped.clone()),
            Rest::Follows => (None, Vec::new()),
        };
        let commit = UnitCommit {
            event: claimed.event.id.clone(),
            run: claimed.run,
            unit: unit.clone(),
            snapshot: self.snapshot_id,
            at: self.shared.clock.now(),
            evaluations,
            dropped: dropped.clone(),
            skipped,
            rest,
        };
        let store = &self.shared.store;
        store.commit_unit(&self.shared.owner, commit).await?;
        asked.rules.drain(..behaved.len());
        claimed
            .evaluated
            .extend(behaved.iter().map(|(rule, ..)| rule.clone()));
        self.note(&claimed.event.id, behaved);
        if unit.is_none() {
            claimed.dropped = dropped;
        }
        if kinds.contains(&ActionKind::Deploy) {
            self.shared.asked_to_run();
        }
        for kind in kinds {
            self.shared.wakes(kind).notify_one();
        }
        Ok(rest)
    }
}

/// Which rules of a unit are asked.
struct Asked {
    rules: Vec<Arc<Rule>>,
    /// Those that are paused or in quarantine.
    skipped: Vec<RuleName>,
    /// The filter in quarantine at which the event ends, unless it is dropped before.
    stopped: Option<DropRecord>,
}

impl Work<'_> {
    /// Which of the rules that want the event are asked now.
    fn asked<'r>(&self, wanted: impl Iterator<Item = &'r Arc<Rule>>) -> Asked {
        let paused = self.shared.paused_rules.now();
        let mut asked = Asked {
            rules: Vec::new(),
            skipped: Vec::new(),
            stopped: None,
        };
        for rule in wanted {
            let name = rule.name();
            let is_quarantined = self.quarantined.contains(name);
            if !is_quarantined && !paused.contains(name) {
                asked.rules.push(Arc::clone(rule));
                continue;
            }
            asked.skipped.push(name.clone());
            // What a filter is to stop does not pass while the filter cannot be asked.
            let performs = self.shared.performs == Performs::Yes;
            if is_quarantined && performs && rule.stops_at_fault() {
                asked.stopped = Some(DropRecord {
                    rule: name.clone(),
                    reason: "`on_fault = \"stop\"`, and it is in quarantine".to_owned(),
                });
                break;
            }
        }
        asked
    }

    /// Tells the catalog how rules behaved in evaluations that are committed.
    fn note(&self, event: &EventId, behaved: Vec<(RuleName, Version, Behaviour)>) {
        let now = self.shared.clock.now();
        for (rule, version, behaviour) in behaved {
            self.shared
                .catalog
                .note(&rule, &version, event, (behaviour, now));
        }
    }

    /// How a rule behaved, for the catalog.
    fn behaviour(&self, evaluation: &UnitEvaluation) -> (RuleName, Version, Behaviour) {
        let evaluation = &evaluation.evaluation;
        let behaviour = match &evaluation.outcome {
            Outcome::Faulted(fault) if fault.counts() => Behaviour::Faulted(fault.code()),
            Outcome::Decided(_)
                if self.shared.rates.waiting(&evaluation.rule) >= WAITING_ACTIONS =>
            {
                Behaviour::TooManyActions
            }
            _ => Behaviour::Well,
        };
        let version = Version {
            module: evaluation.module.clone(),
            settings: evaluation.settings.clone(),
        };
        (evaluation.rule.clone(), version, behaviour)
    }
}

fn waiting_kinds(evaluations: &[UnitEvaluation]) -> Vec<ActionKind> {
    let waits = |wanted: fn(&Action) -> bool| {
        evaluations
            .iter()
            .flat_map(|evaluation| &evaluation.actions)
            .any(|action| action.state == ActionState::Waiting && wanted(&action.action))
    };
    let mut kinds = Vec::new();
    if waits(|action| matches!(action, Action::Notify(_))) {
        kinds.push(ActionKind::Notify);
    }
    if waits(|action| matches!(action, Action::Deploy(_))) {
        kinds.push(ActionKind::Deploy);
    }
    kinds
}

/// The rules of one unit and one event, on a thread of the pool.
struct Job {
    rules: Vec<Arc<Rule>>,
    input: Arc<Input>,
    live: Arc<Live>,
    event: EventId,
    run: u32,
    at: Timestamp,
    performs: Performs,
    rates: Arc<Rates>,
}

impl Job {
    fn run(self) -> (Vec<UnitEvaluation>, Option<DropRecord>) {
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
                state: answer.changes,
            });
            if dropped.is_some() {
                return (evaluations, dropped);
            }
        }
        (evaluations, None)
    }

    /// What is recorded where this job panics: a fault of each rule, since it is not known whose answer was too
    /// much. Without it the event would stay in hand.
    fn panicked(&self) -> Vec<UnitEvaluation> {
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
            rule.module
                .evaluate(&self.input, Arc::clone(&rule.settings), &rule.limits)
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

    /// Whether a rule's answer ends the event for the rules after it.
    fn drops(&self, rule: &Rule, outcome: &Outcome) -> Option<DropRecord> {
        if rule.description.shadow || self.performs == Performs::OnlyRecords {
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
        let shadow = rule.description.shadow || self.performs == Performs::OnlyRecords;
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
pub(super) fn turn(live: &Live, action: &Action) -> Result<Option<Turn>, String> {
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
