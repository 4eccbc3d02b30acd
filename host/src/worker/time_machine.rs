//! The time machine: stored events through a module that is not installed, beside what the rule answered then.
//!
//! The admin interface hands over the module with a name and asks the [`Trial`] for one event after the other. The
//! module is compiled, checked, and permitted as a rule of that name would be; its evaluations run one at a time, on
//! the pool's thread for what can wait.
//!
//! Invariants:
//! - Nothing is performed, and nothing is written to the store: what a rule keeps grows in a copy, which began empty.
//! - An event is asked about once, in the order of the sequence numbers, and as what it was when the rule was asked
//!   first: as a replay where that was one.
//! - What is dropped ends: no task goes on without its trial, and what was compiled for it is removed.
//! - Modules are loaded one at a time, so that one of the compiling children is free for the rules at work.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::dispatch::payload;
use super::evaluate::{input, turn};
use super::seats::{Audience, NoSeat, Seat, Seats};
use super::{Live, Shared};
use crate::catalog::{Candidate, Catalog, LoadError, Loaded, Rule, load_one};
use crate::domain::decision::{Action, Decision};
use crate::domain::evaluation::{Log, Outcome};
use crate::domain::event::Event;
use crate::domain::fault::Fault;
use crate::domain::names::{DeliveryId, Digest, RuleName};
use crate::domain::state::{Changes, Granted, State};
use crate::engine::{Answer, Engine, Input, Payload};
use crate::store::{EventFilter, Past, PastEvent, PastPage, StoreError};

mod compare;
mod summary;
mod told;

pub use compare::{Change, FieldChange, Verdict};
use compare::{Comparison, Reasons, compare};
pub use summary::{Counts, Summary, Usage};
pub use told::{Beginning, Compared, Exactness, SettingsOf, Told, ToldFault};
use told::{told, told_then};

/// How many trials there may be at once: each keeps a module, and they share one thread.
const TRIALS: usize = 4;

/// How many events one trial looks at, at most: of each that is compared four numbers are kept for the summary.
const EVENTS: usize = 1_000_000;

/// How many events are read at once, without their bodies.
const PAGE: usize = 32;

/// How often an evaluation is tried that took too long on the wall: the machine is busy, and not the rule slow.
const TRIES: usize = 3;

/// How many modules are loaded at once for trials. Two children may compile: a costly module must not keep those waiting
/// that are put into the rules folder.
const LOADS: usize = 1;

/// Why there is no trial.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The module would not be taken.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Its settings file takes it out of work.
    #[error("the settings file takes the rule out of work: remove `enabled = false`")]
    Disabled,
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is to be tried.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The rule that the module would be: its team's grants hold, and its answers are compared with.
    pub rule: RuleName,
    /// The module's bytes.
    pub module: Arc<[u8]>,
    /// The settings file's bytes; none for those of the rule at work.
    pub settings: Option<Arc<[u8]>>,
    /// Which events; a limit means the newest.
    pub filter: EventFilter,
}

/// Tries modules on the past.
#[derive(Clone)]
pub struct TimeMachine {
    shared: Arc<Shared>,
    engine: Arc<Engine>,
    seats: Seats,
    loads: Arc<Semaphore>,
}

impl TimeMachine {
    pub(super) fn new(shared: Arc<Shared>, engine: Arc<Engine>) -> Self {
        Self {
            shared,
            engine,
            seats: Seats::new("replays through modules that are not installed", TRIALS),
            loads: Arc::new(Semaphore::new(LOADS)),
        }
    }

    /// Takes the seat of a trial, before anything is read for it.
    ///
    /// # Errors
    /// When as many are going on as there may be.
    pub fn seat(&self, audience: Audience) -> Result<Seat, NoSeat> {
        self.seats.take(audience)
    }

    /// Loads a module as the server would, and looks how much there is to try it on. What the seat's audience does not
    /// see is not even counted.
    ///
    /// # Errors
    /// When the server would not take the module, or when the store fails.
    pub async fn begin(&self, seat: Seat, proposal: Proposal) -> Result<Trial, TrialError> {
        let at_work = self.at_work(&proposal.rule);
        let (settings_of, settings) = settings(&proposal, at_work.as_deref());
        let live = self.shared.live();
        let candidate = Candidate {
            name: proposal.rule,
            module: proposal.module,
            settings,
            running: at_work.map(|rule| rule.permits.asks().clone()),
        };
        let leftover = Leftover {
            engine: Arc::clone(&self.engine),
            catalog: Arc::clone(&self.shared.catalog),
            module: Digest::of(&candidate.module),
        };
        let loading = self.loads.acquire().await;
        let loading = loading.map_err(|_| StoreError::Closed)?;
        let rule = match load_one(&self.engine, &live.catalog, &candidate).await? {
            Loaded::Active(rule) => rule,
            Loaded::Disabled => return Err(TrialError::Disabled),
        };
        drop(loading);
        let mut filter = proposal.filter;
        filter.limit = match filter.limit {
            0 => EVENTS,
            limit => limit.min(EVENTS),
        };
        let past = self.shared.store.past(filter.clone()).await?;
        let exactness = match rule.state_quota() {
            Some(_) => Exactness::Estimate,
            None => Exactness::Exact,
        };
        Ok(Trial {
            shared: Arc::clone(&self.shared),
            live,
            rule,
            settings_of,
            exactness,
            filter,
            past,
            read: VecDeque::new(),
            body: None,
            state: State::default(),
            summary: Summary::default(),
            seat,
            _leftover: leftover,
        })
    }

    fn at_work(&self, name: &RuleName) -> Option<Arc<Rule>> {
        let snapshot = self.shared.catalog.snapshot();
        snapshot.rules().find(|rule| rule.name() == name).cloned()
    }
}

fn settings(proposal: &Proposal, at_work: Option<&Rule>) -> (SettingsOf, Arc<[u8]>) {
    match (&proposal.settings, at_work) {
        (Some(settings), _) => (SettingsOf::Proposal, Arc::clone(settings)),
        (None, Some(rule)) if !rule.file.is_empty() => {
            (SettingsOf::RuleAtWork, Arc::clone(&rule.file))
        }
        (None, _) => (SettingsOf::Nobody, Arc::default()),
    }
}

/// A module on its way through the past.
pub struct Trial {
    shared: Arc<Shared>,
    live: Arc<Live>,
    rule: Arc<Rule>,
    settings_of: SettingsOf,
    exactness: Exactness,
    filter: EventFilter,
    /// What is left to be read.
    past: Past,
    read: VecDeque<PastEvent>,
    /// The body that was read last: the events of one delivery follow each other.
    body: Option<(DeliveryId, Payload)>,
    /// What the module keeps between events: nothing at first.
    state: State,
    summary: Summary,
    seat: Seat,
    _leftover: Leftover,
}

/// What was compiled for a trial: removed when it ends, unless a rule needs it.
struct Leftover {
    engine: Arc<Engine>,
    catalog: Arc<Catalog>,
    module: Digest,
}

impl Drop for Leftover {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let (engine, catalog) = (Arc::clone(&self.engine), Arc::clone(&self.catalog));
        let module = self.module.clone();
        runtime.spawn(async move {
            let looked_for = module.clone();
            let needed = tokio::task::spawn_blocking(move || catalog.needs(&looked_for)).await;
            // What stays is removed at the next start.
            if needed.is_ok_and(|needed| !needed) {
                engine.forget(&module).await;
            }
        });
    }
}

/// What one event came to.
#[derive(Debug)]
pub enum Step {
    /// Both answers to it.
    Compared(Box<Compared>),
    /// It is counted, and no more.
    Passed,
}

impl Trial {
    /// What it begins with.
    #[must_use]
    pub fn beginning(&self) -> Beginning {
        Beginning {
            rule: self.rule.name().clone(),
            module: self.rule.description.module.clone(),
            name: self.rule.manifest.name.clone(),
            version: self.rule.manifest.version.clone(),
            settings: self.settings_of,
            events: match self.seat.audience() {
                Audience::Operators => Some(self.past.events),
                Audience::Team(_) => None,
            },
            exactness: self.exactness,
        }
    }

    /// What it came to so far.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Takes the next event; none when there is no more.
    ///
    /// # Errors
    /// When the store cannot be read, or the server ends.
    pub async fn step(&mut self) -> Result<Option<Step>, StoreError> {
        if *self.shared.ending.borrow() {
            return Err(StoreError::Closed);
        }
        let Some(event) = self.next_event().await? else {
            return Ok(None);
        };
        if matches!(self.seat.audience(), Audience::Team(_)) && !self.is_seen(&event) {
            return Ok(Some(Step::Passed));
        }
        self.summary.looked_at += 1;
        let asked = self.rule.description.asks_about(&event.event);
        let not_asked = asked.err().map(|why| why.to_string());
        if event.answer.is_none() {
            // Neither the old rule nor the new one has anything to say about it.
            if not_asked.is_some() {
                self.summary.not_asked += 1;
                return Ok(Some(Step::Passed));
            }
            if event.dropped.is_some() {
                self.summary.dropped += 1;
                return Ok(Some(Step::Passed));
            }
        }
        let answer = match &not_asked {
            Some(_) => None,
            None => match self.input(&event).await? {
                Some(input) => Some(self.ask(input).await?),
                None => {
                    self.summary.without_body += 1;
                    return Ok(Some(Step::Passed));
                }
            },
        };
        let compared = self.compared(event, answer, not_asked);
        Ok(Some(Step::Compared(Box::new(compared))))
    }

    /// Whether the rule's team sees an event.
    fn is_seen(&self, event: &PastEvent) -> bool {
        let description = &self.rule.description;
        let team = description.name.team();
        description.grants.show(&event.event, team).is_ok()
    }

    async fn next_event(&mut self) -> Result<Option<PastEvent>, StoreError> {
        if self.read.is_empty() && self.past.first <= self.past.last {
            let page = PastPage {
                filter: self.filter.clone(),
                rule: self.rule.name().clone(),
                first: self.past.first,
                last: self.past.last,
                limit: PAGE,
            };
            self.read = self.shared.store.past_events(page).await?.into();
            self.past.first = match self.read.back() {
                Some(last) => last.sequence.saturating_add(1),
                None => i64::MAX,
            };
        }
        Ok(self.read.pop_front())
    }

    /// What the rule would see of an event; none where its body is gone.
    async fn input(&mut self, event: &PastEvent) -> Result<Option<Arc<Input>>, StoreError> {
        let run = event.answer.as_ref().map_or(0, |answer| answer.run);
        if let Some((delivery, body)) = &self.body
            && *delivery == event.delivery
        {
            return Ok(Some(input(&event.event, run, body.clone())));
        }
        let body = match self.shared.store.delivery(&event.delivery).await {
            Ok(delivery) => payload(&delivery),
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        self.body = Some((event.delivery.clone(), body.clone()));
        Ok(Some(input(&event.event, run, body)))
    }

    async fn ask(&mut self, input: Arc<Input>) -> Result<Answer<Decision>, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let (rule, input) = (Arc::clone(&self.rule), Arc::clone(&input));
            let granted = rule.state_quota().map(|quota| Granted {
                state: self.state.clone(),
                quota,
            });
            let evaluate = move || {
                let settings = Arc::clone(&rule.settings);
                rule.module
                    .evaluate_with(&input, settings, &rule.limits, granted)
            };
            let answer = self.shared.pool.run_patiently(evaluate).await;
            let answer = answer.unwrap_or_else(|| Answer {
                result: Err(Fault::Engine {
                    message: "it panicked; the server's log has the message".to_owned(),
                }),
                log: Log::default(),
                fuel: 0,
                duration_us: 0,
                changes: Changes::default(),
            });
            match &answer.result {
                Err(Fault::TimedOut { .. }) if tries < TRIES => {}
                _ => {
                    self.state = self.state.with(&answer.changes);
                    return Ok(answer);
                }
            }
        }
    }

    fn compared(
        &mut self,
        event: PastEvent,
        answer: Option<Answer<Decision>>,
        not_asked: Option<String>,
    ) -> Compared {
        let PastEvent {
            sequence,
            event,
            answer: then,
            ..
        } = event;
        let (outcome, now) = answer.map(|answer| self.told_now(answer)).unzip();
        let then_outcome = then.as_ref().map(|then| &then.evaluation.outcome);
        let Comparison {
            verdict,
            mut changes,
            reasons,
        } = compare(then_outcome, outcome.as_ref());
        for change in &mut changes {
            change.refused = change.now.as_ref().and_then(|action| self.refusal(action));
        }
        let then = then.map(told_then);
        let summary = &mut self.summary;
        summary.count(verdict, &changes);
        summary.other_reasons += u64::from(reasons == Reasons::Differ);
        match (&then, &now) {
            // What both used is compared where both were asked, and the module's alone where there is no other.
            (Some(then), Some(now)) => {
                summary.then.add(then.fuel, then.duration_us);
                summary.now.add(now.fuel, now.duration_us);
            }
            (None, Some(now)) => summary.first_asked.add(now.fuel, now.duration_us),
            _ => summary.not_asked += 1,
        }
        let Event {
            id,
            source,
            received_at,
            received_local,
            ..
        } = &event;
        Compared {
            // The gaps between the numbers say how much goes on that a team does not see.
            sequence: (*self.seat.audience() == Audience::Operators).then_some(sequence),
            id: id.clone(),
            source: source.clone(),
            subject: event.subject.name(),
            project: event.project().map(str::to_owned),
            received_at: *received_at,
            received_local: received_local.clone(),
            verdict,
            changes,
            then,
            now,
            not_asked,
        }
    }

    fn told_now(&self, answer: Answer<Decision>) -> (Outcome, Told) {
        let (outcome, log) = match answer.result {
            Ok(decision) => (Outcome::Decided(decision), None),
            Err(fault) => (Outcome::Faulted(fault), Some(answer.log)),
        };
        let told = Told {
            log,
            ..told(
                &outcome,
                self.rule.description.module.clone(),
                answer.fuel,
                answer.duration_us,
            )
        };
        (outcome, told)
    }

    /// Why an action would not be performed, where the rule's grants or the command's parameters say so.
    fn refusal(&self, action: &Action) -> Option<String> {
        let permitted = self.rule.permits.check(action);
        let refusal = permitted.err().map(|refusal| refusal.to_string());
        refusal.or_else(|| turn(&self.live, action).err())
    }
}
