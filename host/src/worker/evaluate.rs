//! One event through the rules of one snapshot, unit by unit.
//!
//! The shared rules are one unit, then each team is one. A unit is evaluated on one of the pool's
//! threads and committed by itself: its evaluations, what they changed of states, and the actions they gave, all or
//! none. Units with rules that keep something come last, since they wait for earlier events.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedSemaphorePermit;

use self::job::Job;
use super::dispatch::payload;
use super::order::Position;
use super::place::Place;
use super::seats::Seat;
use super::{Live, Performs, Shared};
use crate::catalog::{Behaviour, Rule, Snapshot, Version, Wanting};
use crate::domain::decision::Action;
use crate::domain::evaluation::Outcome;
use crate::domain::event::Event;
use crate::domain::names::{EventId, RuleName};
use crate::domain::state::State;
use crate::engine::{Input, Payload};
use crate::store::{
    ActionKind, ActionState, ClaimedEvent, DropRecord, Rest, SnapshotId, Store, StoreError, Unit,
    UnitCommit, UnitEvaluation,
};

mod job;

pub(super) use job::turn;

/// What one turn of a unit is for: so many rules, and as long as a [`job`] takes. What is left has a turn of its own.
const UNIT_RULES: usize = 64;

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

/// An event's way through the worker.
pub(super) struct Way<'a> {
    /// Its place among those at work.
    pub(super) place: &'a mut Place,
    /// Its position among those in hand.
    pub(super) position: Position,
}

/// Evaluates what is left of an event and marks it as done. What is committed is noted in `claimed`,
/// so that a call after a failure goes on from there.
pub(super) async fn evaluate(
    shared: &Arc<Shared>,
    claimed: &mut ClaimedEvent,
    payloads: &Payloads,
    way: &mut Way<'_>,
) -> Result<(), StoreError> {
    let snapshot = shared.catalog.snapshot();
    let snapshot_id = keep(shared, &snapshot).await?;
    let mut work = Work {
        shared,
        snapshot_id,
        live: shared.live(),
        payloads,
        input: None,
    };
    let mut units = open_units(claimed, snapshot.wanting(&claimed.event));
    let in_order: BTreeSet<RuleName> = units.iter().flat_map(keeping).collect();
    way.position.stand_for(in_order);
    units.sort_by_key(|unit| (unit.team.is_some(), keeping(unit).next().is_some()));
    for unit in units {
        // The shared rules come first.
        if claimed.dropped.is_some() && unit.team.is_some() {
            break;
        }
        work.unit(claimed, unit, way).await?;
    }
    shared
        .store
        .finish_event(&shared.owner, &claimed.event.id, claimed.run, snapshot_id)
        .await?;
    shared.event_is_done();
    Ok(())
}

/// The units that are not committed, with those of their rules that are still to be asked.
fn open_units(claimed: &ClaimedEvent, wanting: Vec<Wanting>) -> Vec<Wanting> {
    let mut units = wanting;
    units.retain(|unit| !claimed.units.contains(&unit.team));
    for unit in &mut units {
        unit.rules.retain(|rule| {
            let name = rule.name();
            (claimed.only.is_empty() || claimed.only.contains(name))
                && !claimed.evaluated.contains(name)
        });
    }
    units
}

/// Those of a unit's rules that keep something.
fn keeping(unit: &Wanting) -> impl Iterator<Item = RuleName> {
    let keeping = unit
        .rules
        .iter()
        .filter(|rule| rule.state_quota().is_some());
    keeping.map(|rule| rule.name().clone())
}

/// What those of the rules keep that may keep something.
async fn states(
    store: &dyn Store,
    rules: &[Arc<Rule>],
) -> Result<BTreeMap<RuleName, State>, StoreError> {
    let mut states = BTreeMap::new();
    for rule in rules.iter().filter(|rule| rule.state_quota().is_some()) {
        states.insert(rule.name().clone(), store.state(rule.name()).await?);
    }
    Ok(states)
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
    seat: &Arc<Seat>,
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
        let asked: Vec<_> = unit
            .rules
            .into_iter()
            .filter(|rule| only.is_none_or(|only| rule.name() == only))
            .collect();
        let job = Job {
            states: states(&*shared.store, &asked).await?,
            rules: asked,
            input: Arc::clone(&input),
            live: shared.live(),
            event: event.clone(),
            run,
            at: shared.clock.now(),
            performs: Performs::Yes,
            rates: Arc::default(),
        };
        // The seat is taken until it has run, also where whoever asked has gone.
        let seat = Arc::clone(seat);
        let run = move || {
            let _seat = seat;
            job.run()
        };
        // What is only looked at waits for what happens.
        let Some((evaluations, dropped)) = shared.pool.run_patiently(run).await else {
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
    live: Arc<Live>,
    payloads: &'a Payloads,
    /// What rules see; none until it is needed, and while the event waits set aside.
    input: Option<Arc<Input>>,
}

impl Work<'_> {
    /// Evaluates and commits one unit; one that takes long in parts, each in a turn of its own.
    async fn unit(
        &mut self,
        claimed: &mut ClaimedEvent,
        unit: Wanting,
        way: &mut Way<'_>,
    ) -> Result<(), StoreError> {
        let keeping: Vec<RuleName> = keeping(&unit).collect();
        let mut asked = self.asked(unit.rules.iter());
        if !asked.rules.is_empty() || !asked.skipped.is_empty() {
            loop {
                let turn = self.turn(claimed, (&unit.team, &keeping), way).await?;
                // It may have waited for long.
                asked = self.still_asked(asked);
                let done = self.part(claimed, &unit.team, &mut asked).await;
                drop(turn);
                match done {
                    Ok(Rest::None) => break,
                    Ok(Rest::Follows) => {}
                    // A person cleared it meanwhile: the rules see what is there then.
                    Err(StoreError::StateChanged { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            claimed.units.push(unit.team);
        }
        way.position.give_up(&keeping);
        Ok(())
    }

    /// Waits until no earlier event is still to be seen by the rules of a unit that keep something, and then for the
    /// turn of the unit; until then keeps little in memory of an event that waits for long. What still waits when the
    /// worker ends is handed back.
    async fn turn(
        &mut self,
        claimed: &ClaimedEvent,
        (unit, keeping): (&Unit, &[RuleName]),
        way: &mut Way<'_>,
    ) -> Result<OwnedSemaphorePermit, StoreError> {
        let mut ending = self.shared.ending.subscribe();
        let (input, payloads) = (&mut self.input, self.payloads);
        let set_aside = || {
            *input = None;
            payloads.forget();
            serde_json::to_vec(&claimed.event).map_or(usize::MAX, |event| event.len())
        };
        let (position, shared) = (&way.position, self.shared);
        let first = async {
            position.turn(keeping).await;
            // At the end earlier events are handed back, and are no longer in the way. Later ones stay behind them.
            if !keeping.is_empty() && *shared.ending.borrow() {
                std::future::pending::<()>().await;
            }
        };
        let turn = shared.turns.wait(unit, way.place, first, set_aside);
        tokio::select! {
            biased;
            turn = turn => turn.ok_or(StoreError::Closed),
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
        let rules: Vec<_> = asked.rules.iter().take(UNIT_RULES).cloned().collect();
        let job = Job {
            states: states(&*self.shared.store, &rules).await?,
            rules,
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
            Rest::None => (
                dropped.or_else(|| asked.stopped.clone()),
                asked.skipped.clone(),
            ),
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
        let snapshot = self.shared.catalog.snapshot();
        let mut asked = Asked {
            rules: Vec::new(),
            skipped: Vec::new(),
            stopped: None,
        };
        for rule in wanted {
            let name = rule.name();
            let is_quarantined = snapshot.quarantined.contains(name);
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

    /// Those of the rules that are asked still, after a wait for the turn.
    fn still_asked(&self, before: Asked) -> Asked {
        let mut asked = self.asked(before.rules.iter());
        let stopped_now = asked.stopped.is_some();
        asked.skipped.extend(before.skipped);
        if !stopped_now {
            asked.stopped = before.stopped;
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
        let now = self.shared.clock.now();
        let behaviour = match &evaluation.outcome {
            Outcome::Faulted(fault) => Behaviour::of(Some(fault)),
            Outcome::Decided(_)
                if self.shared.rates.waiting(&evaluation.rule, now) >= WAITING_ACTIONS =>
            {
                Behaviour::TooManyActions
            }
            Outcome::Decided(_) => Behaviour::Well,
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
