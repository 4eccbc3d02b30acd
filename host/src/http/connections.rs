//! The connections that are open, what they hold in memory, and which of them gives way.
//!
//! The listener asks for a [`Place`] before it serves a connection; the handler of a request says through it
//! how much of the body has arrived, and when the request is complete. A sender that is slow keeps its place
//! until another needs it: then the connection that has waited the longest for the rest of a request is cut
//! off, of the address that has the most of them. So many half requests keep no whole one out.
//!
//! Invariants:
//! - No more connections are open than there are places, and no more bytes of bodies in memory than the bound;
//!   those that have just been cut off count no longer.
//! - A request that is complete is never cut off.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The connections that are served at once.
const PLACES: usize = 1_000;

/// All bodies that are being read or wait for their commit, in bytes. With as much again for what reads them and for the
/// rules, the process stays below 400 MiB.
const IN_FLIGHT: usize = 192 << 20;

/// The connections of one listener.
#[derive(Debug)]
pub(super) struct Connections {
    open: Mutex<Open>,
    left: Notify,
    places: usize,
    in_flight: usize,
}

#[derive(Debug, Default)]
struct Open {
    /// In the order in which they came to wait.
    entries: BTreeMap<u64, Entry>,
    /// The next number; a connection gets a new one whenever it begins to wait.
    next: u64,
    /// What they hold in all, in bytes.
    held: usize,
}

#[derive(Debug)]
struct Entry {
    peer: IpAddr,
    state: State,
    held: usize,
    cut_off: Arc<Notify>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// For a request, or the rest of one.
    Waiting,
    /// Its request is complete, and not answered yet.
    Complete,
}

/// A connection's place. It is given up when the last of its copies is dropped.
#[derive(Debug, Clone)]
pub(super) struct Place(Arc<Taken>);

#[derive(Debug)]
struct Taken {
    connections: Arc<Connections>,
    number: Mutex<u64>,
    cut_off: Arc<Notify>,
}

/// There is no room for more bodies in memory.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

impl Connections {
    pub(super) fn new() -> Arc<Self> {
        Self::with(PLACES, IN_FLIGHT)
    }

    fn with(places: usize, in_flight: usize) -> Arc<Self> {
        Arc::new(Self {
            open: Mutex::default(),
            left: Notify::new(),
            places,
            in_flight,
        })
    }

    /// A place for a connection from this address; waits only while every other has a complete request.
    pub(super) async fn take(self: &Arc<Self>, peer: IpAddr) -> Place {
        loop {
            let left = self.left.notified();
            if let Some(place) = self.try_take(peer) {
                return place;
            }
            left.await;
        }
    }

    fn try_take(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let mut open = self.lock();
        while open.entries.len() >= self.places {
            let victim = open.victim(|_| true)?;
            open.cut_off(victim);
        }
        let cut_off = Arc::new(Notify::new());
        let number = open.insert(Entry {
            peer,
            state: State::Waiting,
            held: 0,
            cut_off: Arc::clone(&cut_off),
        });
        Some(Place(Arc::new(Taken {
            connections: Arc::clone(self),
            number: Mutex::new(number),
            cut_off,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn insert(&mut self, entry: Entry) -> u64 {
        let number = self.next;
        self.next += 1;
        self.entries.insert(number, entry);
        number
    }

    /// The one that has waited the longest, of the address that has the most of them waiting.
    fn victim(&self, may: impl Fn(&Entry) -> bool) -> Option<u64> {
        let waiting = || {
            let entries = self.entries.iter();
            entries.filter(|(_, entry)| entry.state == State::Waiting && may(entry))
        };
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for (_, entry) in waiting() {
            *counts.entry(entry.peer).or_default() += 1;
        }
        let most = counts.values().copied().max()?;
        waiting()
            .find(|(_, entry)| counts.get(&entry.peer) == Some(&most))
            .map(|(number, _)| *number)
    }

    fn cut_off(&mut self, number: u64) {
        if let Some(entry) = self.entries.remove(&number) {
            self.held -= entry.held;
            tracing::debug!(remote = %entry.peer, "a connection gave way: it was not complete");
            entry.cut_off.notify_one();
        }
    }
}

impl Place {
    /// Waits until the connection has to give way.
    pub(super) async fn cut_off(&self) {
        self.0.cut_off.notified().await;
    }

    /// Counts more bytes of a body.
    ///
    /// # Errors
    /// When there is no room for them, and nobody to give way.
    pub(super) fn hold(&self, bytes: usize) -> Result<(), NoRoom> {
        let connections = &self.0.connections;
        let own = self.number();
        let mut open = connections.lock();
        while open.held.saturating_add(bytes) > connections.in_flight {
            let own_end = open
                .entries
                .get(&own)
                .map(|entry| Arc::clone(&entry.cut_off));
            let is_other = |entry: &Entry| {
                own_end
                    .as_ref()
                    .is_none_or(|end| !Arc::ptr_eq(end, &entry.cut_off))
            };
            let victim = open
                .victim(|entry| entry.held > 0 && is_other(entry))
                .ok_or(NoRoom)?;
            open.cut_off(victim);
        }
        // Where it was cut off itself, it will soon know.
        if let Some(entry) = open.entries.get_mut(&own) {
            entry.held += bytes;
            open.held += bytes;
        }
        Ok(())
    }

    /// Says that the request is complete.
    pub(super) fn complete(&self) {
        let own = self.number();
        if let Some(entry) = self.0.connections.lock().entries.get_mut(&own) {
            entry.state = State::Complete;
        }
    }

    /// Says that the request is answered: what it held is free, and the connection waits again.
    pub(super) fn answered(&self) {
        let mut number = self.0.number.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = self.0.connections.lock();
        if let Some(mut entry) = open.entries.remove(&number) {
            open.held -= entry.held;
            entry.held = 0;
            entry.state = State::Waiting;
            *number = open.insert(entry);
            drop(open);
            self.0.connections.left.notify_one();
        }
    }

    fn number(&self) -> u64 {
        *self.0.number.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let number = *self.number.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = self.connections.lock();
        if let Some(entry) = open.entries.remove(&number) {
            open.held -= entry.held;
        }
        drop(open);
        self.connections.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    const FLOOD: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    async fn is_cut_off(place: &Place) -> bool {
        tokio::time::timeout(Duration::ZERO, place.cut_off())
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn the_oldest_that_waits_of_the_address_with_most_gives_way() {
        let connections = Connections::with(3, 100);
        let other = connections.take(OTHER).await;
        let first = connections.take(FLOOD).await;
        let second = connections.take(FLOOD).await;

        let fourth = connections.take(OTHER).await;

        assert!(is_cut_off(&first).await);
        for kept in [&other, &second, &fourth] {
            assert!(!is_cut_off(kept).await);
        }
    }

    #[tokio::test]
    async fn a_complete_request_never_gives_way_and_the_next_connection_waits_for_its_answer() {
        let connections = Connections::with(1, 100);
        let busy = connections.take(FLOOD).await;
        busy.complete();
        let waits = tokio::time::timeout(Duration::ZERO, connections.take(OTHER)).await;
        assert!(waits.is_err());

        busy.answered();

        drop(connections.take(OTHER).await);
        assert!(is_cut_off(&busy).await);
    }

    #[tokio::test]
    async fn what_half_a_body_holds_gives_way_to_another() {
        let connections = Connections::with(10, 100);
        let half = connections.take(FLOOD).await;
        let whole = connections.take(FLOOD).await;
        half.hold(90).expect("there is room");

        whole.hold(60).expect("the other gives way");

        assert!(is_cut_off(&half).await);
        assert_eq!(
            whole.hold(60),
            Err(NoRoom),
            "it does not give way to itself"
        );
        whole.complete();
        let third = connections.take(OTHER).await;
        assert_eq!(third.hold(60), Err(NoRoom));
        whole.answered();
        third.hold(100).expect("all is free again");
    }

    #[tokio::test]
    async fn what_a_connection_held_is_free_when_it_ends() {
        let connections = Connections::with(2, 100);
        let place = connections.take(FLOOD).await;
        place.hold(100).expect("there is room");
        let of_the_handler = place.clone();
        drop(place);
        assert_eq!(connections.lock().held, 100);
        drop(of_the_handler);
        let open = connections.lock();
        assert_eq!((open.held, open.entries.len()), (0, 0));
    }
}
