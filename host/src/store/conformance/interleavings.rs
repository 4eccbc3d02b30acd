//! Concurrency keys under every order of commits, claims, ends, and crashes.
//!
//! Whatever happens: the attempts at the actions of a key do not overlap, none begins after one of a
//! later event, and in the end every action has ended.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;
use proptest::test_runner::{Config, TestRunner};

use super::bench::{Bench, WORKER, deploy, ended, event_id, keyed, notify};
use crate::store::{
    ActionFilter, ActionKind, AttemptResult, ClaimedAction, InterruptDecision, NewAction, Survivors,
};

const EVENTS: usize = 8;
const KINDS: [ActionKind; 2] = [ActionKind::Notify, ActionKind::Deploy];
const OWNERS: [&str; 2] = ["one", "two"];
const LONG: Duration = Duration::from_hours(1);

#[derive(Debug, Clone)]
enum Step {
    Commit {
        event: usize,
    },
    Claim {
        owner: usize,
        kind: usize,
        limit: usize,
    },
    Settle {
        which: usize,
        end: End,
    },
    Crash {
        owner: usize,
    },
    Decide {
        decision: usize,
    },
    Wait,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Done,
    Retry,
    Dead,
    Interrupted,
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![
        3 => Just(End::Done),
        2 => Just(End::Retry),
        1 => Just(End::Dead),
        1 => Just(End::Interrupted)
    ];
    prop_oneof![
        3 => (0..EVENTS).prop_map(|event| Step::Commit { event }),
        4 => (0..2_usize, 0..2_usize, 1..4_usize)
            .prop_map(|(owner, kind, limit)| Step::Claim { owner, kind, limit }),
        4 => (any::<usize>(), end).prop_map(|(which, end)| Step::Settle { which, end }),
        1 => (0..2_usize).prop_map(|owner| Step::Crash { owner }),
        1 => (0..2_usize).prop_map(|decision| Step::Decide { decision }),
        1 => Just(Step::Wait),
    ]
}

/// Runs the property against stores of a back end.
pub(super) fn a_key_keeps_its_order(open: fn() -> Bench) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .expect("a runtime");
    let config = Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&vec(step(), 1..60), |steps| {
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
    held: Vec<(&'static str, ClaimedAction)>,
}

impl World {
    /// A store with all events in the hands of an owner that lives to the end.
    async fn new(bench: Bench) -> Self {
        for event in 0..EVENTS {
            bench.event_held_by(WORKER, &event.to_string()).await;
        }
        Self {
            bench,
            committed: [false; EVENTS],
            held: Vec::new(),
        }
    }

    async fn take(&mut self, step: Step) {
        // Every step has a moment of its own, by which attempts are compared.
        self.bench.advance(Duration::from_millis(1));
        match step {
            Step::Commit { event } => self.commit(event).await,
            Step::Claim { owner, kind, limit } => {
                self.claim(OWNERS[owner], KINDS[kind], limit).await;
            }
            Step::Settle { which, end } => self.settle(which, end).await,
            Step::Crash { owner } => self.crash(OWNERS[owner]).await,
            Step::Decide { decision } => {
                let decisions = [InterruptDecision::Rerun, InterruptDecision::Keep];
                self.decide(decisions[decision]).await;
            }
            Step::Wait => self.bench.advance(LONG),
        }
    }

    async fn commit(&mut self, event: usize) {
        if !std::mem::replace(&mut self.committed[event], true) {
            let name = event.to_string();
            let key = ["web", "shop"][event % 2];
            let due_at = self.bench.now();
            let now = |action| NewAction {
                due_at,
                ..keyed(action, key)
            };
            let actions = vec![now(deploy(&name, 0)), now(notify(&name, 1))];
            self.bench.commit(&name, actions).await;
        }
    }

    async fn claim(&mut self, owner: &'static str, kind: ActionKind, limit: usize) -> usize {
        let store = self.bench.store();
        let claimed = store
            .claim_actions(owner, kind, self.bench.now(), limit)
            .await;
        let claimed = claimed.expect("a claim");
        let number = claimed.len();
        assert!(number <= limit);
        self.held
            .extend(claimed.into_iter().map(|action| (owner, action)));
        number
    }

    async fn settle(&mut self, which: usize, end: End) {
        if self.held.is_empty() {
            return;
        }
        let (owner, action) = self.held.swap_remove(which % self.held.len());
        let now = self.bench.now();
        let result = match end {
            End::Done => AttemptResult::Done,
            End::Retry => AttemptResult::Retry {
                due_at: now.after(LONG),
            },
            End::Dead => AttemptResult::Dead,
            End::Interrupted => AttemptResult::Interrupted,
        };
        let end = ended(now, result);
        let settled = self
            .bench
            .store()
            .settle_action(owner, action.id, end, Vec::new())
            .await;
        settled.expect("the owner has it in hand");
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
        let recovered = store.recover(WORKER, Survivors::Leased).await;
        recovered.expect("it is recovered");
        self.held.retain(|(owner, _)| *owner != crashed);
    }

    async fn decide(&mut self, decision: InterruptDecision) {
        let store = self.bench.store();
        for interrupted in store.interrupted().await.expect("the interrupted") {
            let decided = store
                .decide_interrupted(interrupted.id, decision, Vec::new())
                .await;
            decided.expect("it is decided");
        }
    }

    /// Performs all that can be performed.
    async fn finish(&mut self) {
        for event in 0..EVENTS {
            self.commit(event).await;
        }
        self.decide(InterruptDecision::Rerun).await;
        loop {
            self.bench.advance(LONG);
            let mut claimed = self.held.len();
            for kind in KINDS {
                claimed += self.claim("one", kind, 3).await;
            }
            if claimed == 0 {
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
        let mut attempts: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for event in 0..EVENTS {
            let event = Some(event_id(&event.to_string()));
            let filter = ActionFilter {
                event: event.clone(),
                ..ActionFilter::default()
            };
            let record = store.event(event.as_ref()).await.expect("the event");
            for action in store.actions(filter).await.expect("the actions") {
                assert!(
                    action.state.is_ended(),
                    "{} is {}",
                    action.key,
                    action.state.as_str()
                );
                for attempt in action.attempts {
                    let ended_at = attempt.ended_at.expect("the attempt has ended");
                    let of_key = attempts.entry(action.concurrency_key.clone()).or_default();
                    of_key.push((attempt.began_at, ended_at, record.sequence));
                }
            }
        }
        for of_key in attempts.values_mut() {
            of_key.sort();
            for pair in of_key.windows(2) {
                assert!(pair[0].1 <= pair[1].0, "two attempts of one key overlap");
                assert!(
                    pair[0].2 <= pair[1].2,
                    "an attempt began after one of a later event"
                );
            }
        }
    }
}
