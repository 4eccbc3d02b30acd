//! Keys of commands and lanes of messages under every order of commits, claims, ends, crashes, pauses, retries
//! and cancellations.
//!
//! Whatever happens: the attempts at the commands of a key do not overlap, nor those at the messages of a
//! channel; no attempt at a command begins after one for a later event of its key; what took the place of
//! a command is the same command of a later event; and in the end every action has ended.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;
use proptest::test_runner::{Config, TestRunner};

use super::bench::{Bench, WORKER, command, ended, event_id, message, turned};
use crate::domain::turn::WhenBusy;
use crate::store::{
    ActionFilter, ActionId, ActionKind, ActionRecord, ActionState, AttemptResult, Consequences,
    InterruptDecision, NewAction, Pausable, Pause, Survivors,
};

const EVENTS: usize = 8;
const OWNERS: [&str; 2] = ["one", "two"];
const CHANNELS: [&str; 2] = ["ops", "team"];
/// Which of what can be paused is the source.
const PAUSABLE_SOURCE: usize = 3;
const LONG: Duration = Duration::from_hours(1);

#[derive(Debug, Clone)]
enum Step {
    Commit { event: usize, mode: usize },
    ClaimCommands { owner: usize, limit: usize },
    ClaimMessage { owner: usize, channel: usize },
    Settle { which: usize, end: End },
    End { owner: usize },
    Crash { owner: usize },
    Decide { decision: usize },
    Retry,
    Cancel { event: usize },
    Pause { what: usize },
    Resume,
    Wait,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Done,
    Retry,
    Dead,
    Interrupted,
    Held,
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![
        3 => Just(End::Done),
        2 => Just(End::Retry),
        1 => Just(End::Dead),
        1 => Just(End::Interrupted),
        1 => Just(End::Held)
    ];
    prop_oneof![
        4 => (0..EVENTS, 0..4_usize).prop_map(|(event, mode)| Step::Commit { event, mode }),
        4 => (0..2_usize, 1..4_usize)
            .prop_map(|(owner, limit)| Step::ClaimCommands { owner, limit }),
        3 => (0..2_usize, 0..2_usize)
            .prop_map(|(owner, channel)| Step::ClaimMessage { owner, channel }),
        5 => (any::<usize>(), end).prop_map(|(which, end)| Step::Settle { which, end }),
        1 => (0..2_usize).prop_map(|owner| Step::End { owner }),
        1 => (0..2_usize).prop_map(|owner| Step::Crash { owner }),
        1 => (0..2_usize).prop_map(|decision| Step::Decide { decision }),
        1 => Just(Step::Retry),
        1 => (0..EVENTS).prop_map(|event| Step::Cancel { event }),
        1 => (0..4_usize).prop_map(|what| Step::Pause { what }),
        1 => Just(Step::Resume),
        1 => Just(Step::Wait),
    ]
}

/// Runs the property against stores of a back end.
pub(super) fn keys_and_lanes_keep_their_order(open: fn() -> Bench) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .expect("a runtime");
    let config = Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&vec(step(), 1..70), |steps| {
        runtime.block_on(async {
            let mut world = World::new(open()).await;
            for step in steps {
                world.take(step).await;
            }
            world.finish().await;
            world.check().await;
        });
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

struct World {
    bench: Bench,
    committed: [bool; EVENTS],
    held: Vec<(&'static str, ActionId)>,
}

impl World {
    /// A store with all events in the hands of an owner that lives to the end.
    async fn new(bench: Bench) -> Self {
        for event in 0..EVENTS {
            bench.event_held_by(WORKER, &event.to_string()).await;
        }
        let world = Self {
            bench,
            committed: [false; EVENTS],
            held: Vec::new(),
        };
        // A queue waits for no event of a paused source: until they go on, they are evaluated too late for it.
        world.pause(PAUSABLE_SOURCE).await;
        world
    }

    async fn take(&mut self, step: Step) {
        // Every step has a moment of its own, by which attempts are compared.
        self.bench.advance(Duration::from_millis(1));
        match step {
            Step::Commit { event, mode } => self.commit(event, WhenBusy::ALL[mode]).await,
            Step::ClaimCommands { owner, limit } => self.claim_commands(OWNERS[owner], limit).await,
            Step::ClaimMessage { owner, channel } => {
                self.claim_message(OWNERS[owner], CHANNELS[channel]).await;
            }
            Step::Settle { which, end } => self.settle(which, end).await,
            Step::End { owner } => self.end(OWNERS[owner]).await,
            Step::Crash { owner } => self.crash(OWNERS[owner]).await,
            Step::Decide { decision } => {
                let decisions = [InterruptDecision::Rerun, InterruptDecision::Keep];
                self.decide(decisions[decision]).await;
            }
            Step::Retry => self.retry(ActionFilter::default()).await,
            Step::Cancel { event } => self.cancel(event).await,
            Step::Pause { what } => self.pause(what).await,
            Step::Resume => self.resume().await,
            Step::Wait => self.bench.advance(LONG),
        }
    }

    async fn commit(&mut self, event: usize, when_busy: WhenBusy) {
        if !std::mem::replace(&mut self.committed[event], true) {
            let name = event.to_string();
            let key = ["group/web", "group/shop"][event % 2];
            let due_at = self.bench.now();
            let now = |action| NewAction { due_at, ..action };
            let actions = vec![
                now(turned(command(&name, 0, "site"), key, when_busy)),
                now(turned(command(&name, 1, "docs"), key, WhenBusy::Queue)),
                now(turned(command(&name, 2, "site"), key, when_busy)),
                now(message(&name, 3, CHANNELS[0])),
                now(message(&name, 4, CHANNELS[1])),
            ];
            self.bench.commit(&name, actions).await;
            self.bench.finish(&name).await;
        }
    }

    async fn claim_commands(&mut self, owner: &'static str, limit: usize) {
        let store = self.bench.store();
        let claimed = store.claim_commands(owner, self.bench.now(), limit).await;
        let claimed = claimed.expect("a claim");
        assert!(claimed.len() <= limit);
        self.held
            .extend(claimed.into_iter().map(|action| (owner, action.id)));
    }

    async fn claim_message(&mut self, owner: &'static str, channel: &str) {
        if let Some(message) = self.bench.claim_lane(owner, channel).await {
            self.held.push((owner, message.action.id));
        }
    }

    async fn settle(&mut self, which: usize, end: End) {
        if self.held.is_empty() {
            return;
        }
        let (owner, action) = self.held.swap_remove(which % self.held.len());
        let result = match end {
            End::Done => AttemptResult::Done,
            End::Retry => AttemptResult::Retry {
                due_at: self.bench.now().after(LONG),
            },
            End::Dead => AttemptResult::Dead,
            End::Interrupted => AttemptResult::Interrupted,
            End::Held => AttemptResult::Held,
        };
        self.settle_as(owner, action, result).await;
    }

    async fn settle_as(&self, owner: &str, action: ActionId, result: AttemptResult) {
        let end = ended(self.bench.now(), result);
        let settled = self
            .bench
            .store()
            .settle_action(owner, action, end, Consequences::default())
            .await;
        settled.expect("the owner has it in hand");
    }

    /// Ends the commands of an owner that are to be ended.
    async fn end(&mut self, owner: &'static str) {
        let to_end = self.bench.store().cancellations(owner).await;
        for cancellation in to_end.expect("the cancellations") {
            let place = self
                .held
                .iter()
                .position(|held| *held == (owner, cancellation.id))
                .expect("its owner has it in hand");
            self.held.swap_remove(place);
            self.settle_as(owner, cancellation.id, AttemptResult::Canceled)
                .await;
            let record = self.bench.action(cancellation.id).await;
            assert_eq!(record.caused_by, cancellation.by);
        }
    }

    async fn crash(&mut self, crashed: &'static str) {
        let store = self.bench.store();
        for owner in OWNERS.into_iter().chain([WORKER]) {
            let lease = if owner == crashed {
                Duration::ZERO
            } else {
                LONG
            };
            store.heartbeat(owner, lease).await.expect("a heartbeat");
        }
        let to_end = store.cancellations(crashed).await;
        let recovered = store.recover(WORKER, Survivors::Leased).await;
        recovered.expect("it is recovered");
        self.held.retain(|(owner, _)| *owner != crashed);
        for cancellation in to_end.expect("the cancellations") {
            assert_eq!(
                self.bench.state(cancellation.id).await,
                ActionState::Canceled
            );
        }
    }

    async fn decide(&self, decision: InterruptDecision) {
        let store = self.bench.store();
        for interrupted in store.interrupted().await.expect("the interrupted") {
            let decided = store
                .decide_interrupted(interrupted.id, decision, None, Vec::new())
                .await;
            decided.expect("it is decided");
        }
    }

    async fn retry(&self, filter: ActionFilter) {
        let now = self.bench.now();
        let retried = self.bench.store().retry_actions(filter, now).await;
        retried.expect("they are tried again");
    }

    async fn cancel(&self, event: usize) {
        let filter = ActionFilter {
            event: Some(event_id(&event.to_string())),
            ..ActionFilter::default()
        };
        let now = self.bench.now();
        let canceled = self.bench.store().cancel_actions(filter, now).await;
        canceled.expect("they are canceled");
    }

    async fn pause(&self, what: usize) {
        let (what, name) = [
            (Pausable::Command, "site"),
            (Pausable::Command, "docs"),
            (Pausable::Channel, "team"),
            (Pausable::Source, "gitlab"),
        ][what];
        let pause = Pause {
            what,
            name: name.to_owned(),
            since: self.bench.now(),
            reason: None,
        };
        let paused = self.bench.store().pause(pause).await;
        paused.expect("it is paused");
    }

    async fn resume(&self) {
        let store = self.bench.store();
        for pause in store.pauses().await.expect("the pauses") {
            let resumed = store.resume(pause.what, &pause.name).await;
            resumed.expect("it goes on");
        }
    }

    /// Performs all that can be performed.
    async fn finish(&mut self) {
        for event in 0..EVENTS {
            self.commit(event, WhenBusy::Queue).await;
        }
        self.resume().await;
        self.decide(InterruptDecision::Rerun).await;
        loop {
            self.bench.advance(LONG);
            self.claim_commands("one", 3).await;
            for channel in CHANNELS {
                self.claim_message("one", channel).await;
            }
            if self.held.is_empty() {
                break;
            }
            while !self.held.is_empty() {
                self.bench.advance(Duration::from_millis(1));
                self.settle(0, End::Done).await;
            }
        }
    }

    async fn check(&self) {
        let store = self.bench.store();
        let actions = store.actions(ActionFilter::default()).await;
        let actions = actions.expect("the actions");
        let by_key: BTreeMap<_, _> = actions
            .iter()
            .map(|action| (action.key.as_str(), action))
            .collect();
        for action in &actions {
            assert!(action.state.is_ended(), "{action:?}");
            let cause = action.caused_by.as_deref().map(|key| by_key[key]);
            check_cause(action, cause);
        }
        let commands = |action: &&ActionRecord| is_command(action);
        for same in grouped(actions.iter().filter(commands), |action| {
            action.turn.as_ref().map(|turn| turn.key.as_str())
        }) {
            check_apart(&same);
            for same in grouped(same.into_iter(), |action| action.action.target()) {
                check_order(&same);
            }
        }
        let messages = actions.iter().filter(|action| !is_command(action));
        for same in grouped(messages, |action| action.action.target()) {
            check_apart(&same);
        }
    }
}

fn is_command(action: &ActionRecord) -> bool {
    ActionKind::of(&action.action) == Some(ActionKind::Deploy)
}

/// The events are numbered by their names.
fn event_of(action: &ActionRecord) -> usize {
    action.event.0.parse().expect("a number")
}

fn grouped<'a>(
    actions: impl Iterator<Item = &'a ActionRecord>,
    by: impl Fn(&'a ActionRecord) -> Option<&'a str>,
) -> Vec<Vec<&'a ActionRecord>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for action in actions {
        groups.entry(by(action)).or_default().push(action);
    }
    groups.into_values().collect()
}

/// What took the place of a command is the same command of a later event.
fn check_cause(action: &ActionRecord, cause: Option<&ActionRecord>) {
    match action.state {
        ActionState::Superseded => {
            let cause = cause.expect("it was superseded by another");
            assert_eq!(action.action.target(), cause.action.target());
            assert!(event_of(action) < event_of(cause), "{action:?}");
        }
        ActionState::Refused => {
            let cause = cause.expect("another was at work");
            let key = |action: &ActionRecord| action.turn.as_ref().map(|turn| turn.key.clone());
            assert_eq!(key(action), key(cause));
        }
        ActionState::Canceled => {
            if let Some(cause) = cause {
                assert_eq!(action.action.target(), cause.action.target());
                assert!(event_of(action) < event_of(cause), "{action:?}");
            }
        }
        _ => assert!(cause.is_none(), "{action:?}"),
    }
}

/// When attempts began and ended, with the event, in their order.
fn attempts(actions: &[&ActionRecord]) -> Vec<(i64, i64, usize)> {
    let mut attempts: Vec<_> = actions
        .iter()
        .flat_map(|action| {
            action.attempts.iter().map(|attempt| {
                let ended_at = attempt.ended_at.expect("the attempt has ended");
                (attempt.began_at.0, ended_at.0, event_of(action))
            })
        })
        .collect();
    attempts.sort_unstable();
    attempts
}

fn check_apart(actions: &[&ActionRecord]) {
    for pair in attempts(actions).windows(2) {
        assert!(pair[0].1 <= pair[1].0, "two attempts overlap: {actions:?}");
    }
}

fn check_order(actions: &[&ActionRecord]) {
    for pair in attempts(actions).windows(2) {
        assert!(
            pair[0].2 <= pair[1].2,
            "an attempt began after one of a later event: {actions:?}"
        );
    }
}
