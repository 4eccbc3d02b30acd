//! Who may have something done that takes long: so many at once, one of each team, and one place that no team takes.
//!
//! Invariants:
//! - A team has one seat at most, and all teams together leave one to the operators.
//! - A seat is free again when it is dropped, however what was done on it ended.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::names::TeamName;

/// Who asks for something and hears of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Those who may know of every event.
    Operators,
    /// A team, which knows of the events that it sees.
    Team(TeamName),
}

/// Why there is no seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSeat {
    /// The team has one.
    #[error("the team has one of its {what} going on: wait until it has ended, or end it")]
    OfTeam {
        /// What goes on, in the plural.
        what: &'static str,
    },
    /// All that there are for whoever asks are taken.
    #[error("as many {what} go on as there may be: wait until one has ended")]
    All {
        /// What goes on, in the plural.
        what: &'static str,
    },
}

/// So many places.
#[derive(Debug, Clone)]
pub(super) struct Seats {
    what: &'static str,
    all: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    operators: usize,
    teams: BTreeSet<TeamName>,
}

impl Seats {
    /// So many seats for what is named, in the plural; one of them is kept for operators.
    pub(super) fn new(what: &'static str, all: usize) -> Self {
        Self {
            what,
            all,
            taken: Arc::default(),
        }
    }

    /// Takes a seat.
    ///
    /// # Errors
    /// When there is none for whoever asks.
    pub(super) fn take(&self, audience: Audience) -> Result<Seat, NoSeat> {
        let what = self.what;
        let mut taken = lock(&self.taken);
        let is_full = taken.operators + taken.teams.len() >= self.all;
        match &audience {
            Audience::Team(team) if taken.teams.contains(team) => {
                return Err(NoSeat::OfTeam { what });
            }
            Audience::Team(_) if is_full || taken.teams.len() + 1 >= self.all => {
                return Err(NoSeat::All { what });
            }
            Audience::Operators if is_full => return Err(NoSeat::All { what }),
            Audience::Team(team) => {
                taken.teams.insert(team.clone());
            }
            Audience::Operators => taken.operators += 1,
        }
        drop(taken);
        Ok(Seat {
            audience,
            taken: Arc::clone(&self.taken),
        })
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One place, until it is dropped.
#[derive(Debug)]
pub struct Seat {
    audience: Audience,
    taken: Arc<Mutex<Taken>>,
}

impl Seat {
    /// Who has it.
    #[must_use]
    pub fn audience(&self) -> &Audience {
        &self.audience
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        match &self.audience {
            Audience::Operators => taken.operators = taken.operators.saturating_sub(1),
            Audience::Team(team) => {
                taken.teams.remove(team);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: NoSeat = NoSeat::All { what: "tries" };

    fn team(name: &str) -> Audience {
        Audience::Team(TeamName::parse(name).expect("a team's name"))
    }

    #[test]
    fn a_team_has_one_seat_and_teams_leave_one_to_the_operators() {
        let seats = Seats::new("tries", 3);
        let first = seats.take(team("docs")).expect("a seat");
        let again = seats.take(team("docs")).err();
        let second = seats.take(team("payments")).expect("a seat");

        let of_third = seats.take(team("shop")).err();
        let of_operators = seats.take(Audience::Operators).expect("a seat");
        let none_is_left = seats.take(Audience::Operators).err();

        assert_eq!(again, Some(NoSeat::OfTeam { what: "tries" }));
        assert_eq!((of_third, none_is_left), (Some(FULL), Some(FULL)));
        assert_eq!(first.audience(), &team("docs"));
        drop((first, second, of_operators));
        assert!(seats.take(team("docs")).is_ok());
    }

    #[test]
    fn operators_take_every_seat_that_is_free() {
        let seats = Seats::new("tries", 2);

        let kept = [
            seats.take(Audience::Operators),
            seats.take(Audience::Operators),
        ];

        assert!(kept.iter().all(Result::is_ok), "{kept:?}");
        assert_eq!(seats.take(team("docs")).err(), Some(FULL));
    }
}
