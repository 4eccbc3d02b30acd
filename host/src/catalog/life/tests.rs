//! What is said of a rule, and how it ends.

use super::*;

const NOW: Timestamp = Timestamp(1_767_225_600_000);

fn rule() -> RuleName {
    RuleName::parse("payments/route").expect("a rule's name")
}

fn version(name: &str) -> Version {
    Version {
        module: Digest::of(name.as_bytes()),
        settings: Digest::of(b""),
    }
}

fn said() -> Said {
    Said {
        by: "ada".to_owned(),
        at: NOW,
    }
}

/// One that had these versions, the newest last.
fn life(versions: &[&str]) -> Life {
    let mut life = Life::default();
    for name in versions {
        life.lies(&version(name));
        life.is_at_work(&version(name), name, NOW);
    }
    life
}

fn serving(life: &Life) -> String {
    let serving = life.last_good().expect("one serves");
    let kept = life
        .versions
        .iter()
        .find(|kept| kept.version == *serving)
        .expect("it is kept");
    kept.number.clone()
}

fn back(to: Option<&str>) -> Wish {
    Wish::RollBack {
        to: to.map(str::to_owned),
    }
}

#[test]
fn each_roll_back_goes_one_version_further() {
    let mut life = life(&["1", "2", "3"]);

    let mut served = Vec::new();
    while life.wish(&rule(), &back(None), said()).is_ok() {
        served.push(serving(&life));
    }

    assert_eq!(served, ["2", "1"]);
    assert_eq!(
        life.wish(&rule(), &back(None), said()),
        Err(WishError::NoEarlier(rule()))
    );
    life.wish(&rule(), &Wish::Enable, said())
        .expect("it can be ended");
    assert_eq!(serving(&life), "3");
}

#[test]
fn a_version_is_found_by_its_number_and_by_its_digest() {
    let mut life = life(&["1.0.0", "1.1.0", "2.0.0"]);
    let digest = version("1.1.0").module;

    life.wish(&rule(), &back(Some("1.0.0")), said())
        .expect("there is one");
    assert_eq!(serving(&life), "1.0.0");
    life.wish(&rule(), &back(Some(digest.short())), said())
        .expect("there is one");
    assert_eq!(serving(&life), "1.1.0");
    life.wish(&rule(), &back(Some(digest.as_str())), said())
        .expect("there is one");
    assert_eq!(serving(&life), "1.1.0");

    let error = life
        .wish(&rule(), &back(Some("9")), said())
        .expect_err("there is none")
        .to_string();
    assert!(
        error.contains("`2.0.0`") && error.contains(digest.short()),
        "{error}"
    );
}

#[test]
fn what_was_said_ends_with_the_files_it_was_said_of() {
    let mut life = life(&["1", "2"]);
    for wish in [Wish::Disable, Wish::Shadow, back(None)] {
        life.wish(&rule(), &wish, said()).expect("it can be");
    }
    life.quarantine("it trapped".to_owned(), LONGEST, NOW);
    let before = life.clone();

    life.lies(&version("2"));
    assert_eq!(life, before, "the same files lie there");
    life.lies(&version("3"));

    assert_eq!(life.versions, before.versions);
    assert_eq!(
        life,
        Life {
            versions: before.versions,
            file: Some(version("3")),
            ..Life::default()
        }
    );
}

#[test]
fn ten_versions_are_kept_each_once() {
    let names: Vec<String> = (0..14).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut life = life(&names);
    life.is_at_work(&version("9"), "9", NOW);

    let kept: Vec<&str> = life
        .versions
        .iter()
        .map(|kept| kept.number.as_str())
        .collect();
    assert_eq!(kept, ["9", "13", "12", "11", "10", "8", "7", "6", "5", "4"]);
}

#[test]
fn each_quarantine_is_longer_until_the_longest() {
    let mut life = life(&["1"]);
    let mut pauses = Vec::new();
    for _ in 0..7 {
        life.quarantine(String::new(), Duration::from_mins(1), NOW);
        let quarantine = life.quarantine.as_ref().expect("it is in one");
        pauses.push(quarantine.until.since(NOW).as_secs() / 60);
    }
    assert_eq!(pauses, [1, 5, 25, 125, 480, 480, 480]);
}

#[test]
fn an_undo_puts_the_version_before_back_once() {
    let event = EventId("e".to_owned());
    let mut life = life(&["1", "2"]);

    let to = life.undo("it trapped".to_owned(), vec![event.clone()], NOW);
    assert_eq!(to, Some(&version("1")));
    assert_eq!(life.turned_back_to(&version("2")), Some(&version("1")));
    assert_eq!(life.turned_back_to(&version("3")), None);
    assert_eq!(life.again(), Some(&mut vec![event]));
    assert_eq!(life.undo(String::new(), Vec::new(), NOW), None);
}

#[test]
fn without_a_fault_or_a_word_there_is_nothing_to_end() {
    assert_eq!(
        life(&["1"]).wish(&rule(), &Wish::Enable, said()),
        Err(WishError::NothingToEnd(rule()))
    );
}
