//! Schedules: a source that nobody sends to, which has an event when a time comes that the operator set.
//!
//! The server builds a [`Schedule`] from each table with `provider = "schedule"` and lets it [`run`](Schedule::run);
//! what it finds to be due goes to a [`ScheduleSink`], which stores it as a delivery with [`body`] and
//! [`delivery_key`]. The worker later makes the event of it with [`parse_delivery`].
//!
//! Invariants:
//! - A moment is fired once at most, never before it is due, and in order.
//! - Of the moments that were missed, the newest is fired.
//! - Before its first start a source has missed nothing.
//! - An expression that cannot be read, or that never comes, is refused with the key and what to write.

mod expression;
mod moments;
mod run;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::tz::TimeZone;
pub use run::{ScheduleSink, SinkError};
use serde::{Deserialize, Serialize};

use self::moments::Moments;
use super::config::SourceConfigError;
use super::provider::Draft;
use super::{ParseInput, Parsed};
use crate::domain::clock::Timestamp;
use crate::domain::event::{self, Subject};
use crate::domain::names::SourceName;

/// What stands as `provider` in the configuration and in events.
pub const PROVIDER: &str = "schedule";

/// How long the key of a delivery counts. It is needed only when the server ends between storing a delivery and
/// recording that its moment is dealt with, until the next start.
const KEY_COUNTS: Duration = Duration::from_hours(8 * 24);

/// A schedule, as it stands under `[sources.<name>]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleConfig {
    /// `schedule`.
    pub provider: String,
    /// When: a cron expression of five fields, such as `0 18 * * 1-5`, or a name such as `@daily`.
    pub at: String,
    /// The time zone of the expression; the operator's where nothing is said.
    #[serde(default)]
    pub timezone: Option<String>,
}

/// One configured schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    name: SourceName,
    moments: Moments,
}

/// What is to be done at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The newest moment that is due and has not been dealt with.
    pub fire: Option<Timestamp>,
    /// The first moment that lies ahead.
    pub next: Option<Timestamp>,
}

impl Schedule {
    /// Builds a schedule from its table under `[sources]`, with the operator's time zone for where it names none.
    ///
    /// # Errors
    /// When the time zone is not known, or when the expression cannot be read or never comes; the error names the
    /// key and what to write.
    pub fn build(
        name: &SourceName,
        config: &ScheduleConfig,
        zone: &TimeZone,
    ) -> Result<Self, SourceConfigError> {
        let refuse =
            |key: &str, what: String| SourceConfigError::new(format!("sources.{name}.{key}"), what);
        let zone = match &config.timezone {
            None => zone.clone(),
            Some(found) => TimeZone::get(found).map_err(|_| {
                let what = format!(
                    "`{}` is no time zone: write a name such as \"Europe/Paris\", or remove it for the server's",
                    found.escape_debug()
                );
                refuse("timezone", what)
            })?,
        };
        let cron = expression::read(&config.at).map_err(|what| refuse("at", what))?;
        Ok(Self {
            name: name.clone(),
            moments: Moments::new(cron, zone),
        })
    }

    /// The source's name.
    #[must_use]
    pub fn name(&self) -> &SourceName {
        &self.name
    }

    /// What is to be done now, when everything that was due until `last` has been dealt with. A source that has
    /// never run (none) has missed nothing; one whose `last` lies ahead, because the clock was set back, waits
    /// until that has passed.
    #[must_use]
    pub fn due(&self, last: Option<Timestamp>, now: Timestamp) -> Due {
        Due {
            fire: last.and_then(|last| self.moments.newest(last, now)),
            next: self.next(last.map_or(now, |last| last.max(now))),
        }
    }

    /// The first due moment after this one.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.moments.after(now)
    }
}

/// The body of a delivery.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    due_at: Timestamp,
}

/// The body of the delivery of a due moment: `{"due_at":<milliseconds since 1970>}`.
#[must_use]
pub fn body(due_at: Timestamp) -> Vec<u8> {
    format!(r#"{{"due_at":{}}}"#, due_at.0).into_bytes()
}

/// The text that names the delivery of a due moment within its source, and how long it counts.
#[must_use]
pub fn delivery_key(due_at: Timestamp) -> (String, Duration) {
    (format!("id:{}", due_at.0), KEY_COUNTS)
}

/// The event of a stored delivery of a schedule.
#[must_use]
pub fn parse_delivery(input: &ParseInput<'_>) -> Parsed {
    let drafts = parse(input.source, input.body).into_iter().enumerate();
    Parsed {
        events: drafts
            .map(|(index, draft)| super::event(input, index, draft))
            .collect(),
        left_out: 0,
    }
}

/// What a body from [`body`] says.
pub(super) fn parse(name: &SourceName, body: &[u8]) -> Vec<Draft> {
    let Ok(Body { due_at }) = serde_json::from_slice(body) else {
        let note = "the body does not say when it was due: a schedule's is `{\"due_at\":…}`";
        return vec![Draft::other(PROVIDER, note)];
    };
    let schedule = event::Schedule {
        name: name.to_string(),
        due_at,
    };
    vec![Draft {
        provider_event: PROVIDER.to_owned(),
        happened_at: Some(due_at),
        ..Draft::about(Subject::Schedule(schedule))
    }]
}
