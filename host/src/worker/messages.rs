//! Sends messages: one after the other for each channel, in the order of the events, at the rate that the
//! service takes.
//!
//! [`Lanes`] looks which channels have messages to send and starts a task for each that may send now. A task
//! sends what its [`lane::Lane`] allows and gives the lane back. What is waited for is known in advance (a quota, a
//! failing channel, a message that is due later), so a look is made then, or when something new was committed.
//!
//! Invariants:
//! - Of a channel's messages one is on its way at a time.
//! - A channel that fails keeps its messages, and none of them loses an attempt by it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Live, Shared};
use crate::domain::clock::{Clock, Timestamp};
use crate::store::{Failing, Store, StoreError};

mod lane;
#[cfg(test)]
mod tests;

use lane::Lane;

/// The channels that are sent to at once.
const LANES_AT_ONCE: usize = 64;

/// How often the store is asked without having been woken.
const POLL: Duration = Duration::from_secs(5);

/// The pause after the store failed.
pub(super) const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// What the tasks of the lanes share.
#[derive(Clone)]
pub(super) struct Sending {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) live: Arc<RwLock<Arc<Live>>>,
    pub(super) owner: String,
    pub(super) ending: watch::Receiver<bool>,
}

impl Sending {
    fn of(shared: &Shared) -> Self {
        Self {
            store: Arc::clone(&shared.store),
            clock: Arc::clone(&shared.clock),
            live: Arc::clone(&shared.live),
            owner: shared.owner.clone(),
            ending: shared.ending.subscribe(),
        }
    }

    fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_ending(&self) -> bool {
        *self.ending.borrow()
    }
}

/// Runs until the worker ends.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut ending = shared.ending.subscribe();
    let mut lanes = Lanes::new(Sending::of(&shared));
    while !*ending.borrow() {
        let pause = match lanes.start_what_may_send().await {
            Ok(wake_at) => {
                let now = shared.clock.now();
                wake_at.map_or(POLL, |at| at.since(now).min(POLL))
            }
            Err(error) => {
                tracing::error!("messages could not be taken from the store: {error}");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = shared.messages.notified() => {}
            () = lanes.one_ended() => {}
            () = tokio::time::sleep(pause) => {}
            _ = ending.wait_for(|ending| *ending) => {}
        }
    }
    lanes.all_ended().await;
}

/// The lanes of all channels: those at rest, and those that are being worked on.
struct Lanes {
    sending: Sending,
    /// Those at rest, by the channel.
    resting: BTreeMap<String, Lane>,
    /// The channels with a task.
    busy: BTreeSet<String>,
    tasks: JoinSet<(String, Lane)>,
    /// How channels failed when an earlier process ended; none until that was read.
    failing: Option<BTreeMap<String, Failing>>,
    /// The configuration of the last look.
    live: Option<Arc<Live>>,
}

impl Lanes {
    fn new(sending: Sending) -> Self {
        Self {
            sending,
            resting: BTreeMap::new(),
            busy: BTreeSet::new(),
            tasks: JoinSet::new(),
            failing: None,
            live: None,
        }
    }

    /// Starts a task for each channel that has something to send and may, and says when the next may; none where
    /// nothing but a new commit changes anything.
    async fn start_what_may_send(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let now = self.sending.clock.now();
        let live = self.sending.live();
        if !self
            .live
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, &live))
        {
            self.resting
                .values_mut()
                .for_each(|lane| lane.try_again(now));
            self.live = Some(Arc::clone(&live));
        }
        let mut wake_at: Option<Timestamp> = None;
        for waiting in self.sending.store.lanes(now).await? {
            if self.busy.contains(&waiting.channel) {
                continue;
            }
            let next = if waiting.due == 0 {
                waiting.next_due_at
            } else {
                let mut lane = self.take(&waiting.channel).await?;
                let may_at = lane.may_send_at(&live, &self.sending, now).await;
                let has_room = self.tasks.len() < LANES_AT_ONCE;
                if has_room && may_at.as_ref().is_ok_and(|may_at| *may_at <= now) {
                    self.start(waiting.channel, lane);
                    continue;
                }
                // What is known of it stays known, also where the store fails.
                self.resting.insert(waiting.channel, lane);
                // One that only has no room goes on when a task ends.
                Some(may_at?).filter(|may_at| *may_at > now)
            };
            wake_at = wake_at.into_iter().chain(next).min();
        }
        Ok(wake_at)
    }

    /// The lane of a channel, with what is known of it from before.
    async fn take(&mut self, channel: &str) -> Result<Lane, StoreError> {
        if let Some(lane) = self.resting.remove(channel) {
            return Ok(lane);
        }
        if self.failing.is_none() {
            let failing = self.sending.store.failing().await?;
            let by_name = failing
                .into_iter()
                .filter_map(|channel| Some((channel.name, channel.failing?)));
            self.failing = Some(by_name.collect());
        }
        let failing = self
            .failing
            .as_mut()
            .and_then(|failing| failing.remove(channel));
        Ok(Lane::new(channel, failing))
    }

    fn start(&mut self, channel: String, mut lane: Lane) {
        self.busy.insert(channel.clone());
        let sending = self.sending.clone();
        self.tasks.spawn(async move {
            if let Err(error) = lane.send(&sending).await {
                tracing::error!(channel = %channel, "a message could not be taken or kept: {error}");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
            (channel, lane)
        });
    }

    /// Waits for one task to end; for ever where none runs.
    async fn one_ended(&mut self) {
        match self.tasks.join_next().await {
            None => std::future::pending().await,
            Some(Ok((channel, lane))) => {
                self.busy.remove(&channel);
                self.resting.insert(channel, lane);
            }
            Some(Err(error)) => {
                // Which one it was is not known: those that still run will be found busy by the store.
                tracing::error!("the task of a channel failed: {error}");
                if self.tasks.is_empty() {
                    self.busy.clear();
                }
            }
        }
    }

    async fn all_ended(&mut self) {
        while !self.tasks.is_empty() {
            self.one_ended().await;
        }
    }
}
