//! The order in which rules that keep something see events.
//!
//! What is taken from the store takes its [`Position`] at once, by its sequence number. A position stands for every rule
//! until it is known which the event is for; those it gives up one by one, as their units are committed. A unit
//! that has such rules waits for its turn: until no earlier position stands for any of them.
//!
//! Invariants:
//! - Of two events in hand, a rule that keeps something is asked about the earlier one first, and about the later
//!   one when what it kept of the earlier one is on disk.
//! - The earliest position waits for nobody, so that no two wait for each other.
//! - A position is given up however its holder ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::names::RuleName;

/// The positions that are taken.
#[derive(Debug, Default)]
pub(super) struct Order {
    taken: Mutex<Taken>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    /// By sequence number, and by which was taken first.
    positions: BTreeMap<(i64, u64), StandsFor>,
    next: u64,
}

/// The rules that must not go on with later events.
#[derive(Debug)]
enum StandsFor {
    All,
    Rules(BTreeSet<RuleName>),
}

impl StandsFor {
    fn any_of(&self, rules: &[RuleName]) -> bool {
        match self {
            Self::All => true,
            Self::Rules(own) => rules.iter().any(|rule| own.contains(rule)),
        }
    }
}

impl Order {
    /// Takes the position of a sequence number. To be called before anything later is evaluated.
    pub(super) fn take(self: &Arc<Self>, sequence: i64) -> Position {
        let mut taken = self.taken();
        let key = (sequence, taken.next);
        taken.next = taken.next.wrapping_add(1);
        taken.positions.insert(key, StandsFor::All);
        Position {
            order: Arc::clone(self),
            key,
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A position in the order.
#[derive(Debug)]
pub(super) struct Position {
    order: Arc<Order>,
    key: (i64, u64),
}

impl Position {
    /// Stands for these rules alone from now on.
    pub(super) fn stand_for(&self, rules: BTreeSet<RuleName>) {
        let mut taken = self.order.taken();
        taken.positions.insert(self.key, StandsFor::Rules(rules));
        drop(taken);
        self.order.changed.notify_waiters();
    }

    /// Stands for these rules no longer.
    pub(super) fn give_up(&self, rules: &[RuleName]) {
        if rules.is_empty() {
            return;
        }
        let mut taken = self.order.taken();
        if let Some(StandsFor::Rules(own)) = taken.positions.get_mut(&self.key) {
            own.retain(|rule| !rules.contains(rule));
        }
        drop(taken);
        self.order.changed.notify_waiters();
    }

    /// Waits until no earlier position stands for one of these rules.
    pub(super) async fn turn(&self, rules: &[RuleName]) {
        loop {
            let mut changed = std::pin::pin!(self.order.changed.notified());
            // Before the look, so that no change after it is missed.
            changed.as_mut().enable();
            if self.is_first(rules) {
                return;
            }
            changed.await;
        }
    }

    fn is_first(&self, rules: &[RuleName]) -> bool {
        let taken = self.order.taken();
        let mut earlier = taken.positions.range(..self.key);
        rules.is_empty() || !earlier.any(|(_, position)| position.any_of(rules))
    }
}

impl Drop for Position {
    fn drop(&mut self) {
        self.order.taken().positions.remove(&self.key);
        self.order.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn rules(names: &[&str]) -> Vec<RuleName> {
        let names = names.iter().map(|name| RuleName::parse(name));
        names.collect::<Result<_, _>>().expect("names of rules")
    }

    fn set(names: &[&str]) -> BTreeSet<RuleName> {
        rules(names).into_iter().collect()
    }

    fn has_its_turn(position: &Position, names: &[&str]) -> bool {
        position.turn(&rules(names)).now_or_never().is_some()
    }

    #[test]
    fn the_earliest_has_its_turn_whoever_came_first() {
        let order = Arc::new(Order::default());
        let (late, early) = (order.take(7), order.take(3));
        assert!(has_its_turn(&early, &["a"]));
        assert!(!has_its_turn(&late, &["a"]));
        drop(early);
        assert!(has_its_turn(&late, &["a"]));
    }

    #[test]
    fn a_position_holds_up_the_rules_it_stands_for_alone() {
        let order = Arc::new(Order::default());
        let (early, late) = (order.take(3), order.take(7));
        early.stand_for(set(&["a", "b"]));
        assert!(has_its_turn(&late, &["c"]));
        assert!(!has_its_turn(&late, &["c", "b"]));
        early.give_up(&rules(&["b"]));
        assert!(has_its_turn(&late, &["c", "b"]));
        assert!(!has_its_turn(&late, &["a"]));
    }

    #[test]
    fn without_a_rule_that_keeps_something_nobody_waits() {
        let order = Arc::new(Order::default());
        let _early = order.take(3);
        assert!(has_its_turn(&order.take(7), &[]));
    }

    #[tokio::test]
    async fn who_waits_is_told_when_its_turn_has_come() {
        let order = Arc::new(Order::default());
        let early = order.take(3);
        let waiting: Vec<_> = [9, 5, 7]
            .into_iter()
            .map(|sequence| {
                let position = order.take(sequence);
                let mine = rules(&["a"]);
                async move {
                    position.turn(&mine).await;
                    sequence
                }
            })
            .collect();
        let mut tasks = tokio::task::JoinSet::new();
        for waits in waiting {
            tasks.spawn(waits);
        }
        tokio::task::yield_now().await;
        assert!(tasks.try_join_next().is_none());

        drop(early);

        let mut order = Vec::new();
        while let Some(sequence) = tasks.join_next().await {
            order.push(sequence.expect("it ends"));
        }
        assert_eq!(order, [5, 7, 9]);
    }
}
