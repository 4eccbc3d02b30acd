//! Keeps what is known of the rules in the store.

use std::sync::Arc;

use async_trait::async_trait;

use crate::catalog::{Again, Behaviour, Life, MemoryError, Recent, RuleMemory, Version};
use crate::domain::names::{EventId, RuleName};
use crate::store::{Replay, Store, StoreError, Which};
use crate::worker::Waker;

/// How many evaluations of all rules are looked at when the server starts: the last forty of each rule count, and so
/// many are read in a tenth of a second.
const RECENT: usize = 10_000;

/// The store as the catalog's memory.
pub(super) struct Memory {
    pub(super) store: Arc<dyn Store>,
    pub(super) waker: Waker,
}

fn told(error: impl std::fmt::Display) -> MemoryError {
    MemoryError {
        message: error.to_string(),
    }
}

#[async_trait]
impl RuleMemory for Memory {
    async fn recall(&self) -> Result<Vec<(RuleName, Life)>, MemoryError> {
        let rules = self.store.rules().await.map_err(told)?;
        let known = rules.into_iter().filter_map(|(rule, record)| {
            match serde_json::from_str(&record) {
                Ok(life) => Some((rule, life)),
                Err(error) => {
                    // Written by a version that is not known: the rule's files still are.
                    tracing::error!(rule.name = %rule, "what is known of the rule cannot be read: {error}");
                    None
                }
            }
        });
        Ok(known.collect())
    }

    async fn recent(&self) -> Result<Vec<Recent>, MemoryError> {
        let latest = self.store.latest(RECENT).await.map_err(told)?;
        let recent = latest.into_iter().map(|evaluated| Recent {
            rule: evaluated.rule,
            version: Version {
                module: evaluated.module,
                settings: evaluated.settings,
            },
            event: evaluated.event,
            behaviour: Behaviour::of(evaluated.fault.as_ref()),
            at: evaluated.at,
        });
        Ok(recent.collect())
    }

    async fn keep(&self, lives: Vec<(RuleName, Option<Life>)>) -> Result<(), MemoryError> {
        let records = lives.into_iter().map(|(rule, life)| {
            let record = life.map(|life| serde_json::to_string(&life)).transpose();
            Ok((rule, record?))
        });
        let records: Result<Vec<_>, serde_json::Error> = records.collect();
        self.store
            .keep_rules(records.map_err(told)?)
            .await
            .map_err(told)
    }

    async fn ask_again(&self, rule: &RuleName, event: &EventId) -> Result<Again, MemoryError> {
        let replay = Replay {
            event: Some(event.clone()),
            rule: Some(rule.clone()),
            which: Which::All,
            ..Replay::default()
        };
        match self.store.replay(replay).await {
            Ok(replayed) if replayed.events > 0 => {
                self.waker.wake();
                Ok(Again::Asked)
            }
            Ok(replayed) if replayed.busy > 0 => Ok(Again::Busy),
            Ok(_) | Err(StoreError::NotFound { .. }) => Ok(Again::Gone),
            Err(error) => Err(told(error)),
        }
    }
}
