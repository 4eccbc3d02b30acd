//! The rules that are paused, at hand for every event.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use crate::domain::names::RuleName;
use crate::store::{Pausable, Store, StoreError};

/// The rules that are paused, as the store last said.
#[derive(Default)]
pub struct PausedRules(RwLock<Arc<BTreeSet<RuleName>>>);

impl PausedRules {
    /// Those that are paused now.
    #[must_use]
    pub fn now(&self) -> Arc<BTreeSet<RuleName>> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads them anew; called at start and after each pause and its end.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn read(&self, store: &dyn Store) -> Result<(), StoreError> {
        let pauses = store.pauses().await?;
        let rules = pauses.iter().filter(|pause| pause.what == Pausable::Rule);
        // What is no name of a rule pauses none.
        let names = rules.filter_map(|pause| RuleName::parse(&pause.name).ok());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(names.collect());
        Ok(())
    }
}
