//! Looking through the store for what a team may know of, one part after the other; and where a team's pages ended.
//!
//! Invariants:
//! - One part is read at a time, whichever team asks, and of one team one request is at work: parts never take both of
//!   the connections that read the store.
//! - One request looks at a bounded number of events, whatever the team sees of them.
//! - A team's cursor is a name that says nothing: it holds no number, and another team's is none of its own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::access::Team;
use crate::domain::names::TeamName;
use crate::http::Admin;
use crate::store::{EventFilter, Look, Looked, StoreError};

/// How many pages of a team's can be gone on from; the oldest are forgotten.
const CURSORS: usize = 100;

/// What is kept of the teams that read.
#[derive(Debug)]
pub struct Pages {
    teams: Mutex<BTreeMap<TeamName, Arc<OfTeam>>>,
    /// Whose part is read.
    turn: Arc<Semaphore>,
}

/// What is kept of one team.
#[derive(Debug)]
struct OfTeam {
    /// Which of its requests is at work.
    turn: Arc<Semaphore>,
    /// Where its pages ended, the newest last.
    cursors: Mutex<VecDeque<(String, i64)>>,
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            teams: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
        }
    }
}

impl Pages {
    fn of(&self, team: &TeamName) -> Arc<OfTeam> {
        let new = || {
            Arc::new(OfTeam {
                turn: Arc::new(Semaphore::new(1)),
                cursors: Mutex::default(),
            })
        };
        let mut teams = lock(&self.teams);
        Arc::clone(teams.entry(team.clone()).or_insert_with(new))
    }

    /// Waits until no other request of a team looks through the store.
    pub(super) async fn only(&self, team: &TeamName) -> Result<OwnedSemaphorePermit, StoreError> {
        turn(&self.of(team).turn).await
    }

    /// The cursor of a page that ended below this sequence number.
    pub(super) fn cursor(&self, team: &TeamName, sequence: i64) -> String {
        let cursor = uuid::Uuid::now_v7().to_string();
        let team = self.of(team);
        let mut cursors = lock(&team.cursors);
        if cursors.len() == CURSORS {
            cursors.pop_front();
        }
        cursors.push_back((cursor.clone(), sequence));
        cursor
    }

    /// Where the page with this cursor ended; none where that is not known, or not any more.
    pub(super) fn end(&self, team: &TeamName, cursor: &str) -> Option<i64> {
        let team = self.of(team);
        let cursors = lock(&team.cursors);
        let found = cursors.iter().find(|(name, _)| name == cursor);
        found.map(|(_, sequence)| *sequence)
    }
}

fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks at so many of the events that match for those that a team may see, as far as their source and their project
/// say.
pub(super) async fn look(
    state: &Admin,
    team: &Team,
    (filter, rows): (EventFilter, usize),
) -> Result<Looked, StoreError> {
    let (turn, seen) = (turn(&state.pages.turn).await?, team.clone());
    let look = Look {
        rows,
        meant: Arc::new(move |source, project| {
            // It is over when the store is done with it, also where whoever asked has gone.
            let _turn = &turn;
            seen.may_see(source, project)
        }),
    };
    state.store.look_for_events(filter, look).await
}

async fn turn(turns: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, StoreError> {
    let turn = Arc::clone(turns).acquire_owned().await;
    turn.map_err(|_| StoreError::Closed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn team(name: &str) -> TeamName {
        TeamName::parse(name).expect("a team's name")
    }

    #[test]
    fn a_cursor_leads_its_team_to_where_its_page_ended_and_no_other() {
        let pages = Pages::default();
        let (docs, shop) = (team("docs"), team("shop"));

        let first = pages.cursor(&docs, 4711);
        let same = pages.cursor(&docs, 4711);

        assert_ne!(first, same, "it is not made from the number");
        assert!(!first.contains("4711"), "{first}");
        assert_eq!(pages.end(&docs, &first), Some(4711));
        assert_eq!(pages.end(&shop, &first), None);
        assert_eq!(pages.end(&docs, "4711"), None);
    }

    #[test]
    fn of_a_teams_cursors_the_newest_are_kept() {
        let pages = Pages::default();
        let docs = team("docs");
        let cursors: Vec<String> = (0..=CURSORS).map(|_| pages.cursor(&docs, 7)).collect();

        let known = cursors.iter().map(|cursor| pages.end(&docs, cursor));
        let known: Vec<_> = known.collect();

        assert_eq!(known[0], None);
        assert_eq!(known[1..], vec![Some(7); CURSORS]);
    }

    #[tokio::test]
    async fn one_request_of_a_team_looks_through_the_store_at_a_time() {
        let pages = Pages::default();
        let (docs, shop) = (team("docs"), team("shop"));
        let first = pages.only(&docs).await.expect("the turn");
        let waits = |of| tokio::time::timeout(std::time::Duration::ZERO, pages.only(of));

        let (again, other) = (waits(&docs).await.is_err(), waits(&shop).await.is_err());
        drop(first);
        let later = waits(&docs).await.is_err();

        assert_eq!((again, other, later), (true, false, false));
    }
}
