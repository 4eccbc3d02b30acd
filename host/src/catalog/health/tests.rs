//! What is found of the evaluations that are noted, and of those that are recalled.

use super::*;
use crate::domain::names::Digest;

const NOW: Timestamp = Timestamp(1_767_225_600_000);
const TRAP: Behaviour = Behaviour::Faulted("rule/trapped");

fn version(name: &str) -> Version {
    Version {
        module: Digest::of(name.as_bytes()),
        settings: Digest::of(b""),
    }
}

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
        let version = version(name);
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

/// What the version of this name did in its evaluations.
fn recent(bench: &Bench, name: &str, behaved: &[(Behaviour, usize)]) -> Vec<Recent> {
    let each = behaved
        .iter()
        .flat_map(|(behaviour, times)| std::iter::repeat_n(behaviour, *times));
    each.enumerate()
        .map(|(number, behaviour)| Recent {
            rule: bench.rule.clone(),
            version: version(name),
            event: EventId(format!("{name}-{number}")),
            behaviour: behaviour.clone(),
            at: NOW,
        })
        .collect()
}

#[test]
fn faults_before_a_start_count_towards_quarantine_after_it() {
    let mut bench = Bench::new();
    let before = recent(&bench, "1", &[(Behaviour::Well, 5), (TRAP, 9)]);
    let serving = Served::since(&version("1"), NOW, Past::Clean);
    bench.healths.recall(&bench.rule, &serving, &before);
    let serves = bench.serves("1");
    assert!(is_quarantine(&bench.note(&serves, &TRAP, 1)));
}

#[test]
fn a_swap_before_a_start_is_undone_after_it() {
    let mut bench = Bench::new();
    let mut before = recent(&bench, "1", &[(TRAP, 1), (Behaviour::Well, 20)]);
    before.extend(recent(&bench, "2", &[(TRAP, 2), (Behaviour::Well, 1)]));
    // One that was in hand when it was swapped.
    before.extend(recent(&bench, "1", &[(TRAP, 1)]));
    let serving = Served::since(&version("2"), NOW, Past::Clean);
    bench.healths.recall(&bench.rule, &serving, &before);
    assert_eq!(bench.healths.take(), []);
    let serves = bench.serves("2");
    let found = bench.note(&serves, &TRAP, 1);
    let [Finding::Undo { events, .. }] = &found[..] else {
        panic!("{found:?}");
    };
    let events: Vec<&str> = events.iter().map(|event| event.0.as_str()).collect();
    assert_eq!(events, ["2-0", "2-1", "1"]);
}

#[test]
fn a_version_that_comes_with_a_start_has_the_one_before_to_go_back_to() {
    let mut bench = Bench::new();
    let before = recent(&bench, "1", &[(Behaviour::Well, 20)]);
    let serving = Served::since(&version("1"), NOW, Past::Clean);
    bench.healths.recall(&bench.rule, &serving, &before);
    let serves = bench.serves("2");
    let found = bench.note(&serves, &TRAP, 3);
    assert!(matches!(&found[..], [Finding::Undo { .. }]), "{found:?}");
}

#[test]
fn what_is_recalled_asks_for_nothing_that_was_done_already() {
    let mut bench = Bench::new();
    let mut before = recent(&bench, "1", &[(Behaviour::Well, 20), (TRAP, 1)]);
    before.extend(recent(&bench, "2", &[(TRAP, 12)]));
    let serving = Served::since(&version("2"), NOW, Past::Quarantined);
    bench.healths.recall(&bench.rule, &serving, &before);
    assert_eq!(bench.healths.take(), []);
    let serves = bench.serves("2");
    // Two faults since the quarantine of before, which began after ten.
    assert_eq!(bench.note(&serves, &TRAP, 7), []);
    assert!(is_quarantine(&bench.note(&serves, &TRAP, 1)));
}

#[test]
fn what_a_version_did_before_it_was_put_back_does_not_count_against_it() {
    let mut bench = Bench::new();
    let mut before = recent(&bench, "1", &[(TRAP, 9)]);
    for evaluation in &mut before {
        evaluation.at = Timestamp(NOW.0 - 1_000);
    }
    before.extend(recent(&bench, "2", &[(TRAP, 3)]));
    let serving = Served::since(&version("1"), NOW, Past::Clean);
    bench.healths.recall(&bench.rule, &serving, &before);
    let serves = bench.serves("1");
    assert_eq!(bench.note(&serves, &TRAP, 9), []);
    assert!(is_quarantine(&bench.note(&serves, &TRAP, 1)));
}
