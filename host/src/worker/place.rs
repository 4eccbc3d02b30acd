//! Who is evaluated next: the places for events at work, and the turns of the teams.
//!
//! Each team, and the shared rules, has as many units in the pool at once as the pool has threads, so that a unit of
//! another team waits for no more than one of them. An event whose team is slow gives its place up while it waits for
//! its turn, so that events of other teams are taken from the store meanwhile; at once where others of its team have
//! done so and wait still, so that a thousand of them hold up nobody for longer than it takes to read them.
//!
//! Invariants:
//! - The units of a team are evaluated in the order in which they asked for their turn.
//! - No more events are at work than there are places and turns, and no more are set aside than there is room for.
//! - Who has a turn waits for no place: those who have the places may all wait for that turn, or for that event.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::Unit;

/// How long an event waits for its team's turn before it gives its place up. Teams whose rules take milliseconds
/// never do: what is set aside is in hand, and would be evaluated one by one after a crash.
const PATIENCE: Duration = Duration::from_millis(100);

/// How much room there is for what is set aside, in KiB of events.
const ASIDE: usize = 64 << 10;

/// The least that an event takes of it: so that no more than 4,096 are set aside.
const LEAST: usize = 16;

/// One of the places for events at work; an event that is taken alone needs none.
#[derive(Debug)]
pub(super) struct Place {
    room: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
    /// What is taken of the room for what is set aside, in place of a place.
    aside: Option<OwnedSemaphorePermit>,
}

impl Place {
    /// Takes a place, when there is one.
    pub(super) async fn take(room: &Arc<Semaphore>) -> Self {
        Self {
            room: Some(Arc::clone(room)),
            // The room is never closed.
            permit: Arc::clone(room).acquire_owned().await.ok(),
            aside: None,
        }
    }

    /// A place beside all others, which is never given up.
    pub(super) fn alone() -> Self {
        Self {
            room: None,
            permit: None,
            aside: None,
        }
    }

    /// Gives it up for so much of the room aside, unless that is taken, or the event is set aside already.
    fn give_up(&mut self, aside: &Arc<Semaphore>, size: usize) {
        if self.permit.is_none() {
            return;
        }
        let size = u32::try_from((size >> 10).clamp(LEAST, ASIDE));
        self.aside = size
            .ok()
            .and_then(|size| Arc::clone(aside).try_acquire_many_owned(size).ok());
        if self.aside.is_some() {
            self.permit = None;
        }
    }

    /// Takes one again where one is free. Where none is, the event goes on as it is: its turn is its place.
    fn take_again(&mut self) {
        let Some(room) = &self.room else { return };
        if self.permit.is_none()
            && let Ok(permit) = Arc::clone(room).try_acquire_owned()
        {
            self.permit = Some(permit);
            self.aside = None;
        }
    }
}

/// The turns of the teams.
#[derive(Debug)]
pub(super) struct Turns {
    each: usize,
    teams: Mutex<HashMap<Unit, Team>>,
    aside: Arc<Semaphore>,
}

/// The turns of a team.
#[derive(Debug, Clone)]
struct Team {
    turns: Arc<Semaphore>,
    /// How many of its events gave their place up and wait.
    waiting: Arc<AtomicUsize>,
}

/// One event more that gave its place up and waits, until this is dropped.
struct Waits(Arc<AtomicUsize>);

impl Waits {
    fn begin(waiting: &Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(waiting))
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turns {
    /// For a pool with so many threads.
    pub(super) fn new(threads: usize) -> Self {
        Self {
            each: threads.max(1),
            teams: Mutex::default(),
            aside: Arc::new(Semaphore::new(ASIDE)),
        }
    }

    fn team(&self, unit: &Unit) -> Team {
        let mut teams = self.teams.lock().unwrap_or_else(PoisonError::into_inner);
        let team = teams.entry(unit.clone()).or_insert_with(|| Team {
            turns: Arc::new(Semaphore::new(self.each)),
            waiting: Arc::default(),
        });
        team.clone()
    }

    /// Waits for something, and then for the turn of a team, which lasts until what is returned is dropped. Calls
    /// `set_aside` when the event gives its place up meanwhile; that says how many bytes are left of it then.
    pub(super) async fn wait(
        &self,
        unit: &Unit,
        place: &mut Place,
        first: impl Future<Output = ()> + Send,
        set_aside: impl FnOnce() -> usize,
    ) -> Option<OwnedSemaphorePermit> {
        let Team { turns, waiting } = self.team(unit);
        let mut turn = Box::pin(async move {
            first.await;
            turns.acquire_owned().await
        });
        // Where others of the team wait for long, this one will.
        let patience = match waiting.load(Ordering::Relaxed) {
            0 => PATIENCE,
            _ => Duration::ZERO,
        };
        if let Ok(turn) = tokio::time::timeout(patience, &mut turn).await {
            return turn.ok();
        }
        if place.room.is_none() {
            return turn.await.ok();
        }
        place.give_up(&self.aside, set_aside());
        let waits = Waits::begin(&waiting);
        let turn = turn.await.ok();
        drop(waits);
        place.take_again();
        turn
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::pin::pin;

    use futures_util::FutureExt as _;
    use tokio::task::JoinSet;

    use super::*;
    use crate::domain::names::TeamName;

    fn team(name: &str) -> Unit {
        Some(TeamName::parse(name).expect("a team's name"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_team_has_as_many_turns_as_there_are_threads_and_others_have_theirs() {
        let turns = Turns::new(2);
        let mut place = Place::alone();
        let first = turns.wait(&team("a"), &mut place, ready(()), || 0).await;
        let _second = turns.wait(&team("a"), &mut place, ready(()), || 0).await;

        let mut other = Place::alone();
        assert!(
            turns
                .wait(&team("b"), &mut other, ready(()), || 0)
                .now_or_never()
                .is_some()
        );
        assert!(
            turns
                .wait(&None, &mut other, ready(()), || 0)
                .now_or_never()
                .is_some()
        );
        let a = team("a");
        let mut third = pin!(turns.wait(&a, &mut place, ready(()), || 0));
        assert!((&mut third).now_or_never().is_none());
        drop(first);
        assert!(third.now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_waits_for_a_slow_team_gives_its_place_up() {
        let turns = Turns::new(1);
        let room = Arc::new(Semaphore::new(1));
        let held = turns
            .wait(&team("a"), &mut Place::alone(), ready(()), || 0)
            .await;
        let mut place = Place::take(&room).await;
        let a = team("a");
        let mut turn = pin!(turns.wait(&a, &mut place, ready(()), || 5_000));
        assert!((&mut turn).now_or_never().is_none());
        assert_eq!(room.available_permits(), 0, "it waits for a moment");

        tokio::time::advance(PATIENCE).await;
        assert!((&mut turn).now_or_never().is_none());
        assert_eq!(room.available_permits(), 1);
        assert_eq!(turns.aside.available_permits(), ASIDE - LEAST);
        drop(held);
        assert!(turn.await.is_some());

        assert_eq!(room.available_permits(), 0, "it has a place again");
        assert_eq!(turns.aside.available_permits(), ASIDE);
    }

    #[tokio::test(start_paused = true)]
    async fn where_others_of_its_team_wait_an_event_gives_its_place_up_at_once() {
        let turns = Turns::new(1);
        let room = Arc::new(Semaphore::new(2));
        let held = turns
            .wait(&team("a"), &mut Place::alone(), ready(()), || 0)
            .await;
        let (mut one, mut two) = (Place::take(&room).await, Place::take(&room).await);
        let a = team("a");
        {
            let mut first = pin!(turns.wait(&a, &mut one, ready(()), || 0));
            assert!((&mut first).now_or_never().is_none());
            tokio::time::advance(PATIENCE).await;
            assert!((&mut first).now_or_never().is_none());
            let mut second = pin!(turns.wait(&a, &mut two, ready(()), || 0));
            assert!((&mut second).now_or_never().is_none());
            assert_eq!(room.available_permits(), 2, "neither has a place");

            drop(held);
            drop(first.await);
            drop(second.await);
        }

        let _held = turns.wait(&a, &mut Place::alone(), ready(()), || 0).await;
        let mut third = pin!(turns.wait(&a, &mut one, ready(()), || 0));
        assert!((&mut third).now_or_never().is_none());
        assert_eq!(room.available_permits(), 0, "it waits for a moment again");
    }

    #[tokio::test(start_paused = true)]
    async fn where_there_is_no_more_room_aside_a_place_is_kept() {
        let turns = Turns::new(1);
        let room = Arc::new(Semaphore::new(2));
        let _held = turns
            .wait(&team("a"), &mut Place::alone(), ready(()), || 0)
            .await;
        let (mut one, mut two) = (Place::take(&room).await, Place::take(&room).await);
        let a = team("a");
        let mut first = pin!(turns.wait(&a, &mut one, ready(()), || usize::MAX));
        let mut second = pin!(turns.wait(&a, &mut two, ready(()), || 0));
        for _ in 0..2 {
            assert!((&mut first).now_or_never().is_none());
            assert!((&mut second).now_or_never().is_none());
            tokio::time::advance(PATIENCE).await;
        }
        assert_eq!(room.available_permits(), 1, "the second has kept its place");
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_has_its_turn_goes_on_without_a_place() {
        let turns = Turns::new(1);
        let room = Arc::new(Semaphore::new(1));
        let held = turns
            .wait(&team("a"), &mut Place::alone(), ready(()), || 0)
            .await;
        let mut place = Place::take(&room).await;
        let a = team("a");
        let mut turn = pin!(turns.wait(&a, &mut place, ready(()), || 0));
        assert!((&mut turn).now_or_never().is_none());
        tokio::time::advance(PATIENCE).await;
        assert!((&mut turn).now_or_never().is_none());
        let _another = Place::take(&room).await;

        drop(held);

        assert!(turn.now_or_never().flatten().is_some());
    }

    /// Sees so many events through two teams as the worker does, with a pool of so many threads; `step` has them take
    /// other times and sizes. Returns how many are left behind.
    async fn left_behind(threads: usize, step: usize) -> usize {
        const EVENTS: usize = 300;
        let milliseconds = |number| u64::try_from(number).expect("it is small");
        let turns = Arc::new(Turns::new(threads));
        let room = Arc::new(Semaphore::new(4));
        let mut events = JoinSet::new();
        let mut ended = 0;
        let all = async {
            for number in 0..EVENTS {
                let mut place = Place::take(&room).await;
                let turns = Arc::clone(&turns);
                events.spawn(async move {
                    let times = [227, 307].map(|most| milliseconds(number * step % most));
                    let size = (1 + number * step % 24) << 20;
                    for (unit, time) in [team("a"), team("b")].iter().zip(times) {
                        let turn = turns.wait(unit, &mut place, ready(()), || size).await;
                        tokio::time::sleep(Duration::from_millis(time)).await;
                        drop(turn);
                        // What is between two units, or after the last, is not done at once.
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                });
            }
            while events.join_next().await.is_some() {
                ended += 1;
            }
        };
        // A minute for each is more than all of them take. The time is not the machine's.
        let limit = Duration::from_secs(60 * 300);
        if tokio::time::timeout(limit, all).await.is_ok() {
            assert_eq!(room.available_permits(), 4);
            assert_eq!(turns.aside.available_permits(), ASIDE);
        }
        EVENTS - ended
    }

    #[tokio::test(start_paused = true)]
    async fn no_event_is_left_behind_when_there_is_no_more_room_aside() {
        let mut left = Vec::new();
        for threads in 1..=3 {
            for step in [37, 61, 89, 131] {
                left.push(left_behind(threads, step).await);
            }
        }
        assert_eq!(left, [0; 12], "they wait for each other");
    }
}
