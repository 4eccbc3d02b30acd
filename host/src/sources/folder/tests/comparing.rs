//! What has settled, told by looks and moments alone.

use std::time::Duration;

use super::super::look::Look;
use super::super::watched::{Settled, Watched};
use super::*;

/// The first moment of 2026.
const START: Timestamp = Timestamp(1_767_225_600_000);

const ALL: [FileChange; 4] = super::super::ALL;

fn at(seconds: f64) -> Timestamp {
    START.after(Duration::from_secs_f64(seconds))
}

/// A file with a size; its number and time follow from `inode`.
fn file(size: u64, inode: u64) -> State {
    let modified = Timestamp(START.0 - 1_000_000 + i64::try_from(inode).expect("small"));
    State {
        size,
        modified,
        inode,
        changed: modified,
    }
}

struct Bench {
    watched: Watched,
}

impl Bench {
    /// A folder in which these files were told, and files settle in two seconds.
    fn knowing(files: &[(&str, State)]) -> Self {
        let mut watched = Watched::new(Duration::from_secs(2), ALL.to_vec(), 1_000_000);
        let files = files.iter().map(|(path, state)| known(path, *state));
        watched.know(files);
        Self { watched }
    }

    /// Everything is looked at.
    fn look(&mut self, seconds: f64, files: &[(&str, State)]) {
        self.look_at("", seconds, files, &[]);
    }

    fn look_at(&mut self, path: &str, seconds: f64, files: &[(&str, State)], unread: &[&str]) {
        let look = Look {
            path: path.to_owned(),
            files: files
                .iter()
                .map(|(path, state)| ((*path).to_owned(), *state))
                .collect(),
            unread: unread.iter().map(|path| (*path).to_owned()).collect(),
        };
        self.watched.take_up(look, at(seconds));
    }

    fn told(&mut self) -> Vec<String> {
        let settled = self.watched.settled();
        let reports = settled.iter().filter_map(|settled| settled.report.as_ref());
        reports.map(short).collect()
    }

    /// The seconds until the next path is due.
    fn due(&self) -> Option<f64> {
        let due = self.watched.next_due()?;
        Some(due.since(START).as_secs_f64())
    }
}

fn known(path: &str, state: State) -> SeenFile {
    super::super::watched::seen(path.to_owned(), &state)
}

#[test]
fn a_new_file_is_told_when_a_look_after_three_seconds_shows_it_unchanged() {
    let mut bench = Bench::knowing(&[]);
    bench.look(0.0, &[("a", file(1, 7))]);
    assert_eq!(bench.due(), Some(3.0));
    bench.look(2.9, &[("a", file(1, 7))]);
    assert_eq!(bench.told(), [""; 0]);
    assert_eq!(bench.watched.due(at(3.0), 10), ["a"]);
    bench.look_at("a", 3.0, &[("a", file(1, 7))], &[]);
    assert_eq!(bench.told(), ["created a"]);
    bench.look(9.0, &[("a", file(1, 7))]);
    assert_eq!(bench.told(), [""; 0]);
    assert_eq!(bench.due(), None);
}

#[test]
fn a_file_that_grows_is_told_once_when_it_has_stopped() {
    let mut bench = Bench::knowing(&[]);
    for second in 0..60_u32 {
        let size = u64::from(second);
        bench.look(f64::from(second), &[("a", file(size, 7))]);
        assert_eq!(bench.told(), [""; 0], "{second}");
    }
    assert_eq!(bench.due(), Some(61.0));
    bench.look(61.0, &[("a", file(59, 7))]);
    let settled = bench.watched.settled();
    let [
        Settled {
            report: Some(report),
            ..
        },
    ] = settled.as_slice()
    else {
        panic!("one report, not {settled:?}")
    };
    assert_eq!((report.change, report.size), (FileChange::Created, 59));
}

#[test]
fn several_changes_within_three_seconds_are_one_with_the_last_state() {
    let mut bench = Bench::knowing(&[("a", file(1, 1))]);
    bench.look(0.0, &[("a", file(2, 2))]);
    bench.look(0.4, &[]);
    bench.look(0.8, &[("a", file(3, 3))]);
    bench.look(3.0, &[("a", file(3, 3))]);
    let settled = bench.watched.settled();
    let report = settled[0].report.as_ref().expect("a report");
    assert_eq!(settled.len(), 1);
    assert_eq!((report.change, report.size), (FileChange::Modified, 3));
    assert_eq!(settled[0].seen, Some(known("a", file(3, 3))));
}

#[test]
fn what_is_again_as_it_was_told_is_not_told() {
    let mut bench = Bench::knowing(&[("a", file(1, 1))]);
    bench.look(0.0, &[]);
    bench.look(1.0, &[("a", file(1, 1))]);
    bench.look(9.0, &[("a", file(1, 1))]);
    assert_eq!(bench.told(), [""; 0]);

    bench.look(10.0, &[("a", file(1, 1)), ("b", file(1, 2))]);
    bench.look(11.0, &[("a", file(1, 1))]);
    bench.look(19.0, &[("a", file(1, 1))]);
    assert_eq!(bench.told(), [""; 0]);
}

#[test]
fn a_file_renamed_from_a_temporary_name_need_not_settle() {
    let mut watched = Watched::new(Duration::from_secs(60), ALL.to_vec(), 10);
    let uploaded = Look::of("a".to_owned(), file(5, 1));
    watched.take_up(uploaded, START);
    watched.complete("a");
    // The server sets the time that the sender gave, which is no reason to wait.
    let mut touched = file(5, 1);
    touched.modified = Timestamp(5);
    watched.take_up(Look::of("a".to_owned(), touched), at(1.0));
    watched.take_up(Look::of("a".to_owned(), touched), at(3.0));
    assert_eq!(watched.settled().len(), 1);

    watched.take_up(Look::of("b".to_owned(), file(5, 2)), START);
    watched.complete("b");
    watched.take_up(Look::of("b".to_owned(), file(6, 2)), at(1.0));
    watched.take_up(Look::of("b".to_owned(), file(6, 2)), at(3.0));
    assert_eq!(watched.settled(), []);
}

#[test]
fn a_file_under_another_name_is_renamed() {
    let mut bench = Bench::knowing(&[("a", file(1, 1)), ("old/b", file(2, 2))]);
    let now = [("c", file(1, 1)), ("new/b", file(2, 2))];
    bench.look(0.0, &now);
    bench.look(3.0, &now);
    let settled = bench.watched.settled();
    let reports = settled.iter().filter_map(|settled| settled.report.as_ref());
    assert_eq!(
        reports.map(short).collect::<Vec<_>>(),
        ["renamed a -> c", "renamed old/b -> new/b"]
    );
    assert_eq!(settled[0].gone.as_deref(), Some("a"));
    assert_eq!(settled[0].seen, Some(known("c", file(1, 1))));
    assert_eq!(bench.watched.known(), 2);
}

#[test]
fn both_names_of_a_renamed_file_wait_for_each_other() {
    let mut bench = Bench::knowing(&[("a", file(1, 1))]);
    bench.look_at("a", 0.0, &[], &[]);
    bench.look_at("b", 1.0, &[("b", file(1, 1))], &[]);
    bench.look_at("a", 3.0, &[], &[]);
    assert_eq!(bench.told(), [""; 0]);
    bench.look_at("b", 4.0, &[("b", file(1, 1))], &[]);
    assert_eq!(bench.told(), ["renamed a -> b"]);

    bench.look_at("c", 10.0, &[("c", file(1, 1))], &[]);
    bench.look_at("b", 11.0, &[], &[]);
    bench.look_at("c", 13.0, &[("c", file(1, 1))], &[]);
    assert_eq!(bench.told(), [""; 0]);
    bench.look_at("b", 14.0, &[], &[]);
    assert_eq!(bench.told(), ["renamed b -> c"]);
}

#[test]
fn a_file_changed_on_its_way_is_removed_and_created() {
    let mut bench = Bench::knowing(&[("a", file(1, 1))]);
    let now = [("b", file(2, 1))];
    bench.look(0.0, &now);
    bench.look(3.0, &now);
    assert_eq!(bench.told(), ["removed a", "created b"]);
}

#[test]
fn a_file_put_in_place_of_another_modifies_it() {
    let mut bench = Bench::knowing(&[("a", file(1, 1)), ("b", file(2, 2))]);
    let now = [("b", file(1, 1))];
    bench.look(0.0, &now);
    bench.look(3.0, &now);
    assert_eq!(bench.told(), ["removed a", "modified b"]);
}

#[test]
fn two_names_of_one_file_are_each_renamed_once() {
    let mut bench = Bench::knowing(&[("a", file(1, 1)), ("b", file(1, 1))]);
    let now = [("c", file(1, 1)), ("d", file(1, 1)), ("e", file(1, 1))];
    bench.look(0.0, &now);
    bench.look(3.0, &now);
    let told = bench.told();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(
        told.iter()
            .filter(|told| told.starts_with("renamed"))
            .count(),
        2
    );
    assert!(told.contains(&"created e".to_owned()), "{told:?}");
    assert_eq!(bench.told(), [""; 0]);
}

#[test]
fn files_without_a_number_are_never_taken_for_each_other() {
    let nameless = State {
        inode: 0,
        ..file(0, 1)
    };
    let mut bench = Bench::knowing(&[("a", nameless)]);
    bench.look(0.0, &[("b", nameless)]);
    bench.look(3.0, &[("b", nameless)]);
    assert_eq!(bench.told(), ["removed a", "created b"]);
}

#[test]
fn a_new_number_alone_is_no_change() {
    let mut bench = Bench::knowing(&[("a", file(1, 1))]);
    let remounted = State {
        inode: 99,
        ..file(1, 1)
    };
    bench.look(0.0, &[("a", remounted)]);
    assert_eq!(bench.due(), None);
    bench.look(1.0, &[("b", remounted)]);
    bench.look(4.0, &[("b", remounted)]);
    assert_eq!(bench.told(), ["renamed a -> b"]);
}

#[test]
fn what_could_not_be_read_stays_as_it_was() {
    let mut bench = Bench::knowing(&[
        ("in/a", file(1, 1)),
        ("in/b", file(1, 2)),
        ("x", file(1, 3)),
    ]);
    for second in [0.0, 3.0] {
        bench.look_at("", second, &[("in/b", file(2, 4))], &["in"]);
    }
    assert_eq!(bench.told(), ["modified in/b", "removed x"]);
    assert_eq!(bench.due(), None);
}

#[test]
fn a_difference_that_cannot_be_confirmed_waits_until_it_can_be_read() {
    let mut bench = Bench::knowing(&[]);
    bench.look(0.0, &[("a", file(1, 1))]);
    bench.look_at("a", 3.0, &[], &["a"]);
    assert_eq!(bench.told(), [""; 0]);
    assert_eq!(bench.due(), Some(5.0));
    bench.look_at("a", 5.0, &[("a", file(1, 1))], &[]);
    assert_eq!(bench.told(), ["created a"]);
}

#[test]
fn a_look_at_a_folder_says_nothing_about_its_namesakes() {
    let mut bench = Bench::knowing(&[
        ("a/x", file(1, 1)),
        ("a-b/x", file(1, 2)),
        ("a0", file(1, 3)),
        ("a", file(1, 4)),
    ]);
    bench.look_at("a", 0.0, &[], &[]);
    bench.look_at("a", 3.0, &[], &[]);
    assert_eq!(bench.told(), ["removed a", "removed a/x"]);
}

#[test]
fn changes_that_are_not_wanted_are_remembered_and_not_told() {
    let mut watched = Watched::new(Duration::from_secs(2), vec![FileChange::Removed], 10);
    for second in [0.0, 3.0] {
        watched.take_up(Look::of("a".to_owned(), file(1, 1)), at(second));
    }
    let settled = watched.settled();
    assert_eq!(settled[0].report, None);
    assert_eq!(settled[0].seen, Some(known("a", file(1, 1))));
    for second in [10.0, 13.0] {
        let gone = Look {
            path: "a".to_owned(),
            ..Look::default()
        };
        watched.take_up(gone, at(second));
    }
    assert_eq!(
        short(watched.settled()[0].report.as_ref().expect("told")),
        "removed a"
    );
}

#[test]
fn a_clock_that_is_set_back_delays_and_loses_nothing() {
    let mut bench = Bench::knowing(&[]);
    bench.look(3_600.0, &[("a", file(1, 1))]);
    bench.look(0.0, &[("a", file(1, 1))]);
    assert_eq!(bench.due(), Some(3.0));
    bench.look(3.0, &[("a", file(1, 1))]);
    assert_eq!(bench.told(), ["created a"]);
}

#[test]
fn no_more_files_are_remembered_than_there_may_be() {
    let mut watched = Watched::new(Duration::from_secs(2), ALL.to_vec(), 3);
    watched.know([known("a", file(1, 1))]);
    for number in 0..9 {
        let path = format!("file-{number}");
        watched.take_up(Look::of(path, file(1, number + 2)), START);
    }
    assert_eq!((watched.known(), watched.waiting()), (1, 2));
}

#[test]
fn as_many_files_as_there_may_be_are_compared_at_once_even_if_none_can_be_read() {
    let paths: Vec<String> = (0..100_000).map(|number| format!("in/{number}")).collect();
    let mut watched = Watched::new(Duration::from_secs(2), ALL.to_vec(), 1_000_000);
    watched.know(paths.iter().map(|path| known(path, file(1, 1))));
    let began = std::time::Instant::now();
    let look = Look {
        unread: paths,
        ..Look::default()
    };
    watched.take_up(look, START);
    // A hundred times what it takes; each with each would take minutes.
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!((watched.known(), watched.waiting()), (100_000, 0));
}

#[test]
fn a_path_that_cannot_be_read_says_nothing_about_its_namesakes() {
    let mut bench = Bench::knowing(&[
        ("a/b/x", file(1, 1)),
        ("a/bc", file(1, 2)),
        ("a/b", file(1, 3)),
        ("b/a", file(1, 4)),
    ]);
    for second in [0.0, 3.0] {
        bench.look_at("", second, &[], &["a/b"]);
    }
    assert_eq!(bench.told(), ["removed a/bc", "removed b/a"]);
}
