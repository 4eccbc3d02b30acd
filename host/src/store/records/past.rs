//! Events of the past, each beside what one rule answered then, and how evaluations went.

use super::{DropRecord, EventFilter};
use crate::domain::clock::Timestamp;
use crate::domain::evaluation::Evaluation;
use crate::domain::event::Event;
use crate::domain::fault::Fault;
use crate::domain::names::{DeliveryId, Digest, EventId, RuleName};

/// Where the events of a filter begin and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Past {
    /// The lowest sequence number.
    pub first: i64,
    /// The highest sequence number.
    pub last: i64,
    /// How many they are.
    pub events: u64,
}

/// Which of them are read.
#[derive(Debug, Clone)]
pub struct PastPage {
    /// Those that match; its cursor and limit do not count.
    pub filter: EventFilter,
    /// The rule whose answers are wanted.
    pub rule: RuleName,
    /// With sequence numbers from this one on.
    pub first: i64,
    /// And up to this one.
    pub last: i64,
    /// At most so many.
    pub limit: usize,
}

/// An event of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct PastEvent {
    /// Its number in the order of commits.
    pub sequence: i64,
    /// The delivery it came with.
    pub delivery: DeliveryId,
    /// The event.
    pub event: Event,
    /// What the rule answered when it was asked first; none where it never was.
    pub answer: Option<PastAnswer>,
    /// Whether the shared rules or the rule's own unit dropped it in its first run.
    pub dropped: Option<DropRecord>,
}

/// What a rule answered when it was asked first about an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastAnswer {
    /// In which run: not 0 where the rule had missed the event, or came later.
    pub run: u32,
    /// Its evaluation.
    pub evaluation: Evaluation,
}

/// How an evaluation went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluated {
    /// The rule.
    pub rule: RuleName,
    /// The module that ran.
    pub module: Digest,
    /// The settings it ran with.
    pub settings: Digest,
    /// The event.
    pub event: EventId,
    /// Its fault, where it did not decide.
    pub fault: Option<Fault>,
    /// When it was committed.
    pub at: Timestamp,
}
