//! Whatever happens to files: what was told adds up to what is there.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::look::Look;
use super::super::watched::Watched;
use super::*;

const PATHS: [&str; 4] = ["a", "b", "in/a", "in/b"];

/// Something that happens, by the index of a path.
#[derive(Debug, Clone)]
enum Step {
    Write(usize),
    Remove(usize),
    Rename(usize, usize),
    /// The server ends, and begins with what was committed.
    Restart,
    /// Everything is looked at, so many tenths of a second later.
    Look(u16),
    /// Everything is looked at, and what is in the folder cannot be read.
    LookPast,
}

fn step() -> impl Strategy<Value = Step> {
    let path = || 0..PATHS.len();
    prop_oneof![
        3 => path().prop_map(Step::Write),
        2 => path().prop_map(Step::Remove),
        2 => (path(), path()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => Just(Step::Restart),
        5 => (0_u16..50).prop_map(Step::Look),
        1 => Just(Step::LookPast),
    ]
}

/// A folder, what watches it, what is committed, and what was told.
struct World {
    now: Timestamp,
    files: BTreeMap<String, State>,
    next: u64,
    watched: Watched,
    kept: BTreeMap<String, SeenFile>,
    told: BTreeMap<String, u64>,
}

fn fresh() -> Watched {
    Watched::new(Duration::from_secs(2), super::super::ALL.to_vec(), 100)
}

impl World {
    fn take(&mut self, step: &Step) {
        match step {
            Step::Write(path) => {
                self.next += 1;
                let modified = Timestamp(self.now.0 + i64::try_from(self.next).expect("small"));
                let before = self.files.get(PATHS[*path]);
                let state = State {
                    size: self.next,
                    modified,
                    inode: before.map_or(self.next, |before| before.inode),
                    changed: modified,
                };
                self.files.insert(PATHS[*path].to_owned(), state);
            }
            Step::Remove(path) => {
                self.files.remove(PATHS[*path]);
            }
            Step::Rename(from, to) => {
                if let Some(state) = self.files.remove(PATHS[*from]) {
                    self.files.insert(PATHS[*to].to_owned(), state);
                }
            }
            Step::Restart => {
                self.watched = fresh();
                self.watched.know(self.kept.values().cloned());
            }
            Step::Look(tenths) => self.look(u64::from(*tenths) * 100, false),
            Step::LookPast => self.look(100, true),
        }
    }

    fn look(&mut self, millis: u64, is_blind: bool) {
        self.now = self.now.after(Duration::from_millis(millis));
        let files = self
            .files
            .iter()
            .map(|(path, state)| (path.clone(), *state));
        let look = Look {
            path: String::new(),
            files: files
                .filter(|(path, _)| !is_blind || !path.starts_with("in/"))
                .collect(),
            unread: if is_blind {
                vec!["in".to_owned()]
            } else {
                vec![]
            },
        };
        self.watched.take_up(look, self.now);
        for settled in self.watched.settled() {
            if let Some(path) = &settled.gone {
                self.kept.remove(path);
            }
            if let Some(file) = settled.seen {
                self.kept.insert(file.path.clone(), file);
            }
            self.hear(&settled.report.expect("everything is told"));
        }
    }

    /// What somebody knows of the folder who has only heard what was told.
    fn hear(&mut self, report: &FileReport) {
        let before = self.told.get(&report.path).copied();
        match report.change {
            FileChange::Created => assert_eq!(before, None, "{report:?}"),
            FileChange::Modified => assert_ne!(before.expect("it was told"), report.size),
            FileChange::Renamed => {
                assert_eq!(before, None, "{report:?}");
                let previous = report.previous_path.as_ref().expect("it had a name");
                assert_eq!(self.told.remove(previous), Some(report.size), "{report:?}");
            }
            FileChange::Removed => {
                assert_eq!(self.told.remove(&report.path), Some(report.size));
                return;
            }
        }
        self.told.insert(report.path.clone(), report.size);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]
    #[test]
    fn what_was_told_adds_up_to_what_is_there(steps in prop::collection::vec(step(), 0..40)) {
        let mut world = World {
            now: Timestamp(1_767_225_600_000),
            files: BTreeMap::new(),
            next: 0,
            watched: fresh(),
            kept: BTreeMap::new(),
            told: BTreeMap::new(),
        };
        for step in &steps {
            world.take(step);
        }
        for _ in 0..2 {
            world.take(&Step::Look(40));
        }
        let there: BTreeMap<String, u64> =
            world.files.iter().map(|(path, state)| (path.clone(), state.size)).collect();
        prop_assert_eq!(&world.told, &there);
        prop_assert_eq!(world.watched.waiting(), 0);
        let kept: BTreeMap<String, u64> =
            world.kept.values().map(|file| (file.path.clone(), file.size)).collect();
        prop_assert_eq!(kept, there);
    }
}
