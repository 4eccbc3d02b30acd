//! What the keeper shows to readers: the snapshot for the worker, and the listing for people.

use std::sync::{Arc, PoisonError};

use super::Keeper;
use crate::catalog::life::Life;
use crate::catalog::snapshot::Snapshot;
use crate::catalog::{FolderStatus, Listing};

impl Keeper {
    /// Puts the rules as they stand now in force, as one snapshot.
    pub(super) fn publish(&mut self) {
        self.snapshots += 1;
        let none = Life::default();
        let mut quarantined = std::collections::BTreeSet::new();
        let mut rules = Vec::new();
        for (name, slot) in &self.slots {
            let life = self.lives.get(name).unwrap_or(&none);
            if let Some(rule) = slot.serving(life) {
                rules.push(rule);
                if life.quarantine.is_some() {
                    quarantined.insert(name.clone());
                }
            }
        }
        let snapshot = Snapshot::of(self.snapshots, rules.into_iter(), quarantined);
        *self
            .shared
            .snapshot
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        self.publish_listing();
    }

    /// Shows how the rules stand.
    pub(super) fn publish_listing(&self) {
        let none = Life::default();
        let rules = self
            .slots
            .iter()
            .map(|(name, slot)| slot.status(name, self.lives.get(name).unwrap_or(&none)))
            .collect();
        let listing = Listing {
            folder: FolderStatus {
                path: self.loader.config.rules.display().to_string(),
                problem: self.problem.clone(),
            },
            rules,
            ignored: self.ignored.clone(),
        };
        *self
            .shared
            .listing
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(listing);
    }
}
