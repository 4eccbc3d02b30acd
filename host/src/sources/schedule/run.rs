//! A schedule at work: it waits, looks at the clock, and hands on what is due.
//!
//! The server starts one task for each schedule and ends it when its table changes or the server ends.
//!
//! Invariants:
//! - The clock is asked anew after each wait, and no wait is longer than [`LOOK`]: a machine that was suspended, or
//!   whose clock was set, is noticed.
//! - What could not be stored is tried again until it is, or until a newer moment has taken its place.
//! - A schedule that begins where another ended has not missed what the other knew nothing of.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::Schedule;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::names::SourceName;

/// The longest wait between two looks at the clock.
const LOOK: Duration = Duration::from_secs(30);

/// The first pause after a failure; it doubles up to [`LOOK`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How far ahead of the clock the last moment may lie before it is told: more than any time zone's change.
const TOLD: Duration = Duration::from_hours(24);

/// What a sink fails with, as it goes to the log.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// Where due moments go. The server stores them.
#[async_trait]
pub trait ScheduleSink: Send + Sync + 'static {
    /// Until when everything that was due has been dealt with; none for a source that has never run. Called once,
    /// at the start, and again after an error.
    async fn last(&self, source: &SourceName) -> Result<Option<Timestamp>, SinkError>;

    /// Stores the delivery of a due moment, and that everything until it has been dealt with. Called once for each,
    /// and again after an error, with the same moment or with a newer one.
    async fn fire(&self, source: &SourceName, due_at: Timestamp) -> Result<(), SinkError>;

    /// Records that everything until a moment has been dealt with. Called at the first start of a source and at the
    /// end of each run, with the present.
    async fn keep(&self, source: &SourceName, until: Timestamp) -> Result<(), SinkError>;
}

impl Schedule {
    /// Fires what is due until `ending` is true, or nobody is left to say so. It returns when the call to the sink
    /// that was under way has ended and the present is recorded; what follows in its place under the same name
    /// begins after that.
    pub async fn run(
        self,
        sink: Arc<dyn ScheduleSink>,
        clock: Arc<dyn Clock>,
        mut ending: watch::Receiver<bool>,
    ) {
        let mut last = None;
        let mut is_told = false;
        let mut pause_after_failure = FIRST_PAUSE;
        loop {
            let pause = match self.look(&*sink, &*clock, &mut last).await {
                Ok(next) => {
                    pause_after_failure = FIRST_PAUSE;
                    next.map_or(LOOK, |next| next.since(clock.now()).min(LOOK))
                }
                Err(error) => {
                    tracing::warn!(
                        source.name = %self.name,
                        "the schedule `{}` could not be recorded and is tried again: {error}",
                        self.name
                    );
                    let pause = pause_after_failure;
                    pause_after_failure = (pause * 2).min(LOOK);
                    pause
                }
            };
            if !is_told && let Some(last) = last {
                is_told = self.tell_of_a_clock_set_back(last, clock.now());
            }
            tokio::select! {
                _ = ending.wait_for(|ending| *ending) => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        if let Some(last) = last {
            self.end(&*sink, last, clock.now()).await;
        }
    }

    /// Looks at the clock once, and fires what is due. Returns the next due moment.
    async fn look(
        &self,
        sink: &dyn ScheduleSink,
        clock: &dyn Clock,
        last: &mut Option<Timestamp>,
    ) -> Result<Option<Timestamp>, SinkError> {
        let until = match *last {
            Some(until) => until,
            None => self.begin(sink, clock).await?,
        };
        *last = Some(until);
        let now = clock.now();
        let due = self.due(Some(until), now);
        if let Some(due_at) = due.fire {
            if now.since(due_at) > LOOK {
                tracing::info!(
                    source.name = %self.name,
                    "the schedule `{}` was due at {due_at} and is fired now",
                    self.name
                );
            }
            sink.fire(&self.name, due_at).await?;
            *last = Some(due_at);
        }
        Ok(due.next)
    }

    /// Until when everything has been dealt with; the present for a source that has never run.
    async fn begin(
        &self,
        sink: &dyn ScheduleSink,
        clock: &dyn Clock,
    ) -> Result<Timestamp, SinkError> {
        if let Some(last) = sink.last(&self.name).await? {
            return Ok(last);
        }
        let now = clock.now();
        sink.keep(&self.name, now).await?;
        Ok(now)
    }

    /// Records the present, unless something is due that could not be stored. Without it, an expression that takes
    /// this one's place at noon would find that it has missed the morning, and fire at once.
    async fn end(&self, sink: &dyn ScheduleSink, last: Timestamp, now: Timestamp) {
        if now <= last || self.due(Some(last), now).fire.is_some() {
            return;
        }
        if let Err(error) = sink.keep(&self.name, now).await {
            tracing::warn!(
                source.name = %self.name,
                "the end of the schedule `{}` could not be recorded: {error}",
                self.name
            );
        }
    }

    /// Tells once that nothing will be fired for long, because the clock has shown a later time.
    fn tell_of_a_clock_set_back(&self, last: Timestamp, now: Timestamp) -> bool {
        let is_far = last.since(now) > TOLD;
        if is_far {
            tracing::warn!(
                source.name = %self.name,
                "the schedule `{}` fires nothing before {last}: the clock has shown that time before it was set back \
                 to {now}; to begin anew, give the source another name",
                self.name
            );
        }
        is_far
    }
}
