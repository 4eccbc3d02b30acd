//! Where what is known of the rules beyond their files is kept; the server puts it into the store.

use async_trait::async_trait;

use super::health::Recent;
use super::life::Life;
use crate::domain::names::{EventId, RuleName};

/// Why the memory did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what is known of the rules could not be kept: {message}")]
pub struct MemoryError {
    /// In the store's words.
    pub message: String,
}

/// What became of an event that is to be evaluated again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// It will be.
    Asked,
    /// It is still being evaluated: ask later.
    Busy,
    /// It is gone.
    Gone,
}

/// Keeps what is known of the rules beyond their files, over restarts.
#[async_trait]
pub trait RuleMemory: Send + Sync + 'static {
    /// Everything that is kept.
    async fn recall(&self) -> Result<Vec<(RuleName, Life)>, MemoryError>;

    /// The last evaluations of all rules, the oldest first: as many as are worth a look at a start.
    async fn recent(&self) -> Result<Vec<Recent>, MemoryError>;

    /// Keeps what is known of some rules, all in one commit; forgets those of which it is none.
    async fn keep(&self, lives: Vec<(RuleName, Option<Life>)>) -> Result<(), MemoryError>;

    /// Has an event evaluated again by one rule.
    async fn ask_again(&self, rule: &RuleName, event: &EventId) -> Result<Again, MemoryError>;
}

/// A memory that keeps nothing, for a look at the rules folder.
#[derive(Debug, Clone, Copy, Default)]
pub struct Forgetful;

#[async_trait]
impl RuleMemory for Forgetful {
    async fn recall(&self) -> Result<Vec<(RuleName, Life)>, MemoryError> {
        Ok(Vec::new())
    }

    async fn recent(&self) -> Result<Vec<Recent>, MemoryError> {
        Ok(Vec::new())
    }

    async fn keep(&self, _lives: Vec<(RuleName, Option<Life>)>) -> Result<(), MemoryError> {
        Ok(())
    }

    async fn ask_again(&self, _rule: &RuleName, _event: &EventId) -> Result<Again, MemoryError> {
        Ok(Again::Gone)
    }
}
