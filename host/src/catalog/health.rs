//! How the rules behave: counts the faults of each version that serves, and finds when a rule is to be put in
//! quarantine or its newest version undone.
//!
//! The worker reports every evaluation that was committed; the keeper takes what is found.
//!
//! Invariants:
//! - Ten faults in a row, or twenty of the last forty evaluations, are a quarantine.
//! - Three faults among the first twenty evaluations, within an hour of a swap, undo it where the former version had
//!   evaluated and had no fault in its last twenty.
//! - An evaluation by another version than the one that serves counts for nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::life::Version;
use crate::domain::clock::Timestamp;
use crate::domain::names::{EventId, RuleName};

/// How many faults in a row put a rule in quarantine.
const IN_A_ROW: usize = 10;

/// Of how many evaluations half may not fault.
const RECENT: usize = 40;

/// How many faults among how many first evaluations, within what time, undo a swap.
const UNDO_FAULTS: usize = 3;
const UNDO_EVALUATIONS: u32 = 20;
const UNDO_TIME: Duration = Duration::from_hours(1);

/// How many of its last evaluations the former version must have done well.
const FORMER: usize = 20;

/// What an evaluation was, as far as a rule's health goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// It decided, or failed in a way that counts for nothing.
    Well,
    /// It faulted, with this code.
    Faulted(&'static str),
    /// So many of its actions wait that they will not be performed in time.
    TooManyActions,
}

/// What is to be done about a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// It is not to be asked for a while.
    Quarantine { reason: String },
    /// Its newest version is to be undone, and these events evaluated by the former.
    Undo {
        reason: String,
        events: Vec<EventId>,
    },
    /// It has behaved well for long enough that its quarantines are forgotten.
    Well,
}

impl Finding {
    /// One more fault of a version that is undone already.
    fn further(event: &EventId, code: &'static str) -> Self {
        Self::Undo {
            reason: format!("it faulted again, with `{code}`"),
            events: vec![event.clone()],
        }
    }
}

#[derive(Debug)]
struct Health {
    version: Version,
    swapped_at: Timestamp,
    /// Whether the version before it had done well.
    former_was_well: bool,
    /// How many evaluations since the swap.
    evaluated: u32,
    /// The events that faulted among the first.
    faulted: Vec<EventId>,
    /// The last evaluations, the newest at the end; true is a fault.
    recent: VecDeque<bool>,
    /// Whether quarantines of it are remembered.
    past: Past,
    /// Whether it was found to be undone.
    is_undone: bool,
    /// The version that was undone for this one.
    undone: Option<Version>,
}

/// Whether a rule was in quarantine since it was last well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Past {
    /// It was.
    Quarantined,
    /// It was not.
    Clean,
}

impl Health {
    fn new(version: Version, now: Timestamp, former_was_well: bool, past: Past) -> Self {
        Self {
            version,
            past,
            is_undone: false,
            undone: None,
            swapped_at: now,
            former_was_well,
            evaluated: 0,
            faulted: Vec::new(),
            recent: VecDeque::with_capacity(RECENT),
        }
    }

    fn is_well(&self) -> bool {
        !self.recent.is_empty() && !self.recent.iter().rev().take(FORMER).any(|fault| *fault)
    }

    fn note(
        &mut self,
        event: &EventId,
        code: Option<&'static str>,
        now: Timestamp,
    ) -> Option<Finding> {
        self.evaluated = self.evaluated.saturating_add(1);
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(code.is_some());
        let Some(code) = code else {
            let is_well_again = self.past == Past::Quarantined
                && self.recent.len() == RECENT
                && !self.recent.contains(&true);
            if is_well_again {
                self.past = Past::Clean;
                return Some(Finding::Well);
            }
            return None;
        };
        let is_new = self.evaluated <= UNDO_EVALUATIONS && now.since(self.swapped_at) <= UNDO_TIME;
        if self.former_was_well && is_new && !self.is_undone {
            self.faulted.push(event.clone());
            if self.faulted.len() >= UNDO_FAULTS {
                self.is_undone = true;
                return Some(Finding::Undo {
                    reason: format!(
                        "{UNDO_FAULTS} of its first {} evaluations faulted, the last with `{code}`, and none of the last \
                         ones of the version before",
                        self.evaluated
                    ),
                    events: std::mem::take(&mut self.faulted),
                });
            }
        }
        let in_a_row = self.recent.iter().rev().take_while(|fault| **fault).count();
        let faults = self.recent.iter().filter(|fault| **fault).count();
        let reason = if in_a_row >= IN_A_ROW {
            format!("its last {in_a_row} evaluations faulted, the last with `{code}`")
        } else if faults * 2 >= RECENT {
            format!(
                "{faults} of its last {} evaluations faulted, the last with `{code}`",
                self.recent.len()
            )
        } else {
            return self.is_undone.then(|| Finding::further(event, code));
        };
        Some(self.quarantine(reason))
    }

    fn quarantine(&mut self, reason: String) -> Finding {
        self.recent.clear();
        self.past = Past::Quarantined;
        Finding::Quarantine { reason }
    }
}

/// How all rules behave.
#[derive(Debug, Default)]
pub(super) struct Healths {
    rules: Mutex<Known>,
    found: Notify,
}

#[derive(Debug, Default)]
struct Known {
    rules: HashMap<RuleName, Health>,
    findings: Vec<(RuleName, Version, Finding)>,
}

impl Healths {
    /// Takes note that a version serves from now on.
    pub(super) fn serves(
        &self,
        rule: &RuleName,
        version: &Version,
        (past, now): (Past, Timestamp),
    ) {
        let mut known = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let former = known.rules.get(rule);
        if former.is_some_and(|former| former.version == *version) {
            return;
        }
        let former_was_well = former.is_some_and(Health::is_well);
        let undone = former
            .filter(|former| former.is_undone)
            .map(|former| former.version.clone());
        let mut health = Health::new(version.clone(), now, former_was_well, past);
        health.undone = undone;
        known.rules.insert(rule.clone(), health);
    }

    /// Forgets a rule that is gone.
    pub(super) fn forget(&self, rule: &RuleName) {
        let mut known = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        known.rules.remove(rule);
    }

    /// Takes note of an evaluation.
    pub(super) fn note(
        &self,
        rule: &RuleName,
        version: &Version,
        event: &EventId,
        (behaviour, now): (Behaviour, Timestamp),
    ) {
        let mut known = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(health) = known.rules.get_mut(rule) else {
            return;
        };
        if health.version != *version {
            // An event that was in hand when the version was undone.
            if let (Behaviour::Faulted(code), Some(undone)) = (behaviour, &health.undone)
                && undone == version
            {
                let finding = Finding::further(event, code);
                known
                    .findings
                    .push((rule.clone(), version.clone(), finding));
                self.found.notify_one();
            }
            return;
        }
        let finding = match behaviour {
            Behaviour::Well => health.note(event, None, now),
            Behaviour::Faulted(code) => health.note(event, Some(code), now),
            Behaviour::TooManyActions => Some(
                health.quarantine(
                    "1,000 of its actions wait, because it asks for them faster than its `rate`"
                        .to_owned(),
                ),
            ),
        };
        if let Some(finding) = finding {
            known
                .findings
                .push((rule.clone(), version.clone(), finding));
            self.found.notify_one();
        }
    }

    /// Waits until something is found.
    pub(super) async fn found(&self) {
        self.found.notified().await;
    }

    /// What was found since the last call.
    pub(super) fn take(&self) -> Vec<(RuleName, Version, Finding)> {
        let mut known = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut known.findings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::names::Digest;

    const NOW: Timestamp = Timestamp(1_767_225_600_000);
    const TRAP: Behaviour = Behaviour::Faulted("rule/trapped");

    struct Bench {
        healths: Healths,
        rule: RuleName,
        events: usize,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                healths: Healths::default(),
                rule: RuleName::parse("payments/route").expect("a rule's name"),
                events: 0,
            }
        }

        fn serves(&self, name: &str) -> Version {
            let version = Version {
                module: Digest::of(name.as_bytes()),
                settings: Digest::of(b""),
            };
            self.healths
                .serves(&self.rule, &version, (Past::Clean, NOW));
            version
        }

        fn note(&mut self, version: &Version, behaviour: &Behaviour, times: usize) -> Vec<Finding> {
            self.note_at(version, behaviour, times, NOW)
        }

        fn note_at(
            &mut self,
            version: &Version,
            behaviour: &Behaviour,
            times: usize,
            now: Timestamp,
        ) -> Vec<Finding> {
            for _ in 0..times {
                self.events += 1;
                let event = EventId(self.events.to_string());
                let noted = (behaviour.clone(), now);
                self.healths.note(&self.rule, version, &event, noted);
            }
            let found = self.healths.take();
            found.into_iter().map(|(_, _, finding)| finding).collect()
        }
    }

    fn is_quarantine(found: &[Finding]) -> bool {
        matches!(found, [Finding::Quarantine { .. }])
    }

    #[test]
    fn ten_faults_in_a_row_are_a_quarantine_and_nine_are_none() {
        let mut bench = Bench::new();
        let version = bench.serves("1");
        assert_eq!(bench.note(&version, &TRAP, 9), []);
        assert_eq!(bench.note(&version, &Behaviour::Well, 1), []);
        assert_eq!(bench.note(&version, &TRAP, 9), []);
        assert!(is_quarantine(&bench.note(&version, &TRAP, 1)));
        // After it, it is counted anew.
        assert_eq!(bench.note(&version, &TRAP, 9), []);
        assert!(is_quarantine(&bench.note(&version, &TRAP, 1)));
    }

    #[test]
    fn half_of_the_last_forty_is_a_quarantine() {
        let mut bench = Bench::new();
        let version = bench.serves("1");
        for _ in 0..6 {
            assert_eq!(bench.note(&version, &TRAP, 3), []);
            assert_eq!(bench.note(&version, &Behaviour::Well, 3), []);
        }
        assert_eq!(bench.note(&version, &TRAP, 1), []);
        assert!(is_quarantine(&bench.note(&version, &TRAP, 1)));
    }

    #[test]
    fn fewer_than_half_of_the_last_forty_are_none() {
        let mut bench = Bench::new();
        let version = bench.serves("1");
        for _ in 0..100 {
            assert_eq!(bench.note(&version, &TRAP, 2), []);
            assert_eq!(bench.note(&version, &Behaviour::Well, 3), []);
        }
    }

    #[test]
    fn three_faults_after_a_swap_from_one_that_was_well_undo_it() {
        let mut bench = Bench::new();
        let former = bench.serves("1");
        bench.note(&former, &TRAP, 1);
        bench.note(&former, &Behaviour::Well, 20);
        let version = bench.serves("2");
        bench.events = 100;

        assert_eq!(bench.note(&version, &TRAP, 2), []);
        assert_eq!(bench.note(&version, &Behaviour::Well, 17), []);
        let found = bench.note(&version, &TRAP, 1);

        let [Finding::Undo { events, reason }] = &found[..] else {
            panic!("{found:?}");
        };
        let events: Vec<&str> = events.iter().map(|event| event.0.as_str()).collect();
        assert_eq!(events, ["101", "102", "120"]);
        assert!(reason.contains("rule/trapped"), "{reason}");
        let further = bench.note(&version, &TRAP, 1);
        assert!(matches!(&further[..], [Finding::Undo { events, .. }] if events[0].0 == "121"));
        bench.serves("1");
        let late = bench.note(&version, &TRAP, 1);
        assert!(matches!(&late[..], [Finding::Undo { events, .. }] if events[0].0 == "122"));
        assert_eq!(bench.note(&version, &Behaviour::Well, 1), []);
    }

    #[test]
    fn no_swap_is_undone_without_a_former_version_that_was_well() {
        for (behaviour, times) in [(TRAP, 3), (Behaviour::Well, 0)] {
            let mut bench = Bench::new();
            let former = bench.serves("1");
            bench.note(&former, &behaviour, times);
            let version = bench.serves("2");
            assert_eq!(bench.note(&version, &TRAP, 9), []);
        }
    }

    #[test]
    fn what_faults_late_is_not_undone() {
        let mut bench = Bench::new();
        let former = bench.serves("1");
        bench.note(&former, &Behaviour::Well, 20);
        let version = bench.serves("2");
        let later = NOW.after(UNDO_TIME + Duration::from_secs(1));
        assert_eq!(bench.note_at(&version, &TRAP, 5, later), []);

        let version = bench.serves("1");
        bench.note(&version, &Behaviour::Well, 20);
        let version = bench.serves("2");
        assert_eq!(bench.note(&version, &Behaviour::Well, 18), []);
        assert_eq!(bench.note(&version, &TRAP, 3), []);
    }

    #[test]
    fn an_evaluation_by_another_version_counts_for_nothing() {
        let mut bench = Bench::new();
        let old = bench.serves("1");
        let new = bench.serves("2");
        assert_eq!(bench.note(&old, &TRAP, 30), []);
        assert!(is_quarantine(&bench.note(&new, &TRAP, 10)));
    }

    #[test]
    fn forty_good_evaluations_make_a_rule_well_again_once() {
        let mut bench = Bench::new();
        let version = bench.serves("1");
        assert_eq!(bench.note(&version, &Behaviour::Well, 50), []);
        assert!(is_quarantine(&bench.note(&version, &TRAP, 10)));
        bench.note(&version, &TRAP, 1);
        assert_eq!(bench.note(&version, &Behaviour::Well, 39), []);
        assert_eq!(bench.note(&version, &Behaviour::Well, 1), [Finding::Well]);
        assert_eq!(bench.note(&version, &Behaviour::Well, 50), []);
    }
}
