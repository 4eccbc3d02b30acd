//! Folders that come and go, stores that fail, and systems that do not tell.

use std::io;

use super::super::hints::Heard;
use super::*;

#[tokio::test]
async fn a_folder_that_is_not_there_yet_is_watched_when_it_comes() {
    let mut rig = Rig::new("");
    fs::remove_dir(rig.path("")).expect("it is removed");
    rig.begin();
    rig.until("it is missing", |status, _| status.problem.is_some())
        .await;
    // The files of a share that is mounted now are old, and were there.
    let share = rig.home.path().join("share");
    fs::create_dir(&share).expect("it is made");
    fs::write(share.join("new"), "text").expect("it is written");
    fs::rename(&share, rig.home.path().join("watched")).expect("it comes");
    assert_eq!(rig.told(1).await, ["created new"]);
    assert_eq!(rig.status().problem, None);
}

#[tokio::test]
async fn the_old_files_of_a_folder_that_comes_later_are_not_told() {
    let mut rig = Rig::new("");
    rig.write("old", "text");
    let away = rig.home.path().join("away");
    fs::rename(rig.home.path().join("watched"), &away).expect("it goes");
    rig.age();
    rig.begin();
    rig.until("it is missing", |status, _| status.problem.is_some())
        .await;
    fs::rename(&away, rig.home.path().join("watched")).expect("it comes");
    rig.eventually("it is there", |_, kept| kept.files.contains_key("old"))
        .await;
    assert_eq!(rig.reports(), [""; 0]);
}

#[tokio::test]
async fn a_folder_that_goes_away_and_comes_back_removes_nothing() {
    let mut rig = Rig::new("poll = '1s'");
    for number in 0..50 {
        rig.write(&format!("in/{number}"), "text");
    }
    rig.start().await;
    let (watched, away) = (
        rig.home.path().join("watched"),
        rig.home.path().join("away"),
    );
    fs::rename(&watched, &away).expect("it goes");
    rig.eventually("it is missing", |status, _| {
        let problem = status.problem.as_deref().unwrap_or_default();
        problem.contains("nothing in it counts as removed")
    })
    .await;
    rig.clock.advance(Duration::from_secs(600));

    // Where it was mounted an empty folder stays.
    fs::create_dir(&watched).expect("it is made");
    rig.eventually("it is empty", |status, _| {
        let problem = status.problem.as_deref().unwrap_or_default();
        problem.contains("if it is a share, mount it")
    })
    .await;
    rig.clock.advance(Duration::from_secs(600));
    assert_eq!(rig.status().files, 50);

    // So it is after a restart.
    rig.stop().await;
    rig.begin();
    rig.eventually("it is empty", |status, _| status.problem.is_some())
        .await;
    rig.clock.advance(Duration::from_secs(600));

    fs::remove_dir(&watched).expect("it is removed");
    fs::rename(&away, &watched).expect("it comes back");
    fs::remove_file(watched.join("in/7")).expect("it is removed");
    assert_eq!(rig.told(1).await, ["removed in/7"]);
    assert_eq!(rig.told_before_a_last_one().await, ["removed in/7"]);
}

#[tokio::test]
async fn the_last_file_of_a_folder_that_is_there_is_removed_also_while_the_server_is_down() {
    let mut rig = Rig::new("");
    rig.write("a", "text");
    rig.start().await;
    rig.stop().await;
    rig.remove("a");
    rig.start().await;
    assert_eq!(rig.told(1).await, ["removed a"]);
}

#[tokio::test]
async fn a_folder_that_is_made_anew_is_watched_on() {
    let mut rig = Rig::new("poll = '1d'");
    rig.write("old", "text");
    rig.start().await;
    fs::remove_dir_all(rig.path("")).expect("it is removed");
    fs::create_dir(rig.home.path().join("watched")).expect("it is made");
    rig.write("new", "text");
    assert_eq!(rig.told(2).await, ["created new", "removed old"]);
    // The system tells of the new one.
    rig.write("newer", "text");
    assert_eq!(rig.told(3).await[1], "created newer");
}

#[tokio::test]
async fn a_commit_that_fails_is_tried_again_and_nothing_is_told_twice() {
    for fails_late in [false, true] {
        let rig = Rig::watching("").await;
        {
            let mut kept = rig.sink.0.lock().expect("it is whole");
            (kept.failures, kept.fails_late) = (3, fails_late);
        }
        rig.write("a", "text");
        rig.write("b", "text");
        rig.eventually("the store fails", |_, kept| kept.failures < 3)
            .await;
        assert_eq!(rig.told(2).await, ["created a", "created b"]);
        let problem = |status: &FolderStatus, _: &Kept| status.problem.is_none();
        rig.until("all is well again", problem).await;
    }
}

#[tokio::test]
async fn the_numbers_of_batches_grow_over_restarts_and_a_new_path() {
    let mut rig = Rig::watching("").await;
    let last = |rig: &Rig| rig.sink.0.lock().expect("it is whole").batch;
    let first = last(&rig).expect("a batch");
    rig.stop().await;
    rig.start().await;
    rig.write("a", "text");
    assert_eq!(rig.told(1).await, ["created a"]);
    let second = last(&rig).expect("a batch");
    assert!(second > first, "{second}");
    rig.stop().await;

    // A folder that is begun anew goes on counting, or what it finds would count as committed.
    rig.rename("", "../moved");
    rig.table = "path = 'moved'".to_owned();
    rig.age();
    rig.begin();
    rig.until("the new path is kept", |_, kept| {
        let root = kept.root.as_ref();
        root.is_some_and(|root| root.path.ends_with("/moved")) && kept.batch > Some(second)
    })
    .await;
}

#[tokio::test]
async fn a_file_that_comes_and_goes_with_one_state_is_told_each_time() {
    let mut rig = Rig::new("poll = '1s'");
    rig.write("a", "text");
    rig.listen = Some(silent());
    rig.start().await;
    let away = rig.home.path().join("away");
    for round in 1..=3_usize {
        fs::rename(rig.path("a"), &away).expect("it goes");
        rig.told(2 * round - 1).await;
        fs::rename(&away, rig.path("a")).expect("it comes back");
        rig.told(2 * round).await;
    }
    let kept = rig.sink.0.lock().expect("it is whole");
    let bodies: Vec<_> = kept.reports.iter().map(FileReport::body).collect();
    assert_eq!(bodies.len(), 6);
    assert!(bodies.chunks(2).all(|pair| pair == &bodies[..2]));
}

/// Runs with one thread for what blocks, which a test can keep busy so that every look hangs.
fn with_one_blocking_thread(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build();
    runtime.expect("a runtime").block_on(test);
}

#[test]
fn a_look_that_hangs_is_said_until_it_ends() {
    with_one_blocking_thread(async {
        let mut rig = Rig::new("poll = '1s'");
        rig.patience = Some(Duration::from_millis(50));
        rig.listen = Some(silent());
        rig.start().await;
        assert_eq!(rig.status().problem, None);

        let (answer, answered) = std::sync::mpsc::channel::<()>();
        let hanging = tokio::task::spawn_blocking(move || answered.recv());
        rig.write("a", "text");
        rig.eventually("it is said", |status, _| {
            let problem = status.problem.as_deref().unwrap_or_default();
            problem.contains("without an end") && problem.contains("/watched` ")
        })
        .await;
        assert_eq!(rig.reports(), [""; 0]);

        answer.send(()).expect("it waits");
        let answered = hanging.await.expect("it ends well");
        answered.expect("it was answered");
        rig.until("it is no longer said", |status, _| status.problem.is_none())
            .await;
        assert_eq!(rig.told(1).await, ["created a"]);
    });
}

#[test]
fn the_problem_before_a_look_that_hangs_is_said_again_after_it() {
    with_one_blocking_thread(async {
        let mut rig = Rig::new("poll = '1s'");
        rig.patience = Some(Duration::from_millis(50));
        fs::remove_dir(rig.path("")).expect("it is removed");
        rig.begin();
        let says = |part: &'static str| {
            move |status: &FolderStatus, _: &Kept| {
                let problem = status.problem.as_deref().unwrap_or_default();
                problem.contains(part)
            }
        };
        rig.eventually("it is missing", says("cannot be read"))
            .await;
        let (answer, answered) = std::sync::mpsc::channel::<()>();
        let hanging = tokio::task::spawn_blocking(move || answered.recv());
        rig.eventually("it hangs", says("without an end")).await;
        answer.send(()).expect("it waits");
        let answered = hanging.await.expect("it ends well");
        answered.expect("it was answered");
        rig.until("it is missing", says("cannot be read")).await;
    });
}

#[test]
fn a_look_that_hangs_does_not_hold_up_the_end() {
    with_one_blocking_thread(async {
        let mut rig = Rig::new("poll = '1s'");
        rig.patience = Some(Duration::from_millis(50));
        let (answer, answered) = std::sync::mpsc::channel::<()>();
        let hanging = tokio::task::spawn_blocking(move || answered.recv());
        rig.begin();
        rig.until("it is said", |status, _| status.problem.is_some())
            .await;
        rig.stop().await;
        answer.send(()).expect("it waits");
        let answered = hanging.await.expect("it ends well");
        answered.expect("it was answered");
    });
}

#[tokio::test]
async fn a_first_look_that_is_cut_off_begins_again() {
    let mut rig = Rig::new("");
    for number in 0..600 {
        rig.write(&format!("{number}"), "text");
    }
    rig.age();
    rig.begin();
    rig.until("it has begun", |_, kept| kept.commits > 0).await;
    rig.stop().await;
    {
        // As it is when the end came before the last commit.
        let mut kept = rig.sink.0.lock().expect("it is whole");
        kept.root = None;
    }
    rig.remove("0");
    rig.write("1", "more text");
    rig.start().await;
    assert_eq!(rig.told_before_a_last_one().await, [""; 0]);
    let kept = rig.sink.0.lock().expect("it is whole");
    assert_eq!(
        (kept.files.len(), kept.files.contains_key("0")),
        (600, false)
    );
}

#[tokio::test]
async fn an_end_between_two_commits_loses_and_doubles_nothing() {
    let mut rig = Rig::watching("").await;
    for number in 0..1_000 {
        rig.write(&format!("{number}"), "text");
    }
    rig.eventually("some are told", |_, kept| !kept.reports.is_empty())
        .await;
    rig.stop().await;
    rig.start().await;
    let told = rig.told(1_000).await;
    assert_eq!(told.len(), 1_000);
    assert!(told.iter().all(|told| told.starts_with("created ")));
}

#[tokio::test]
async fn a_failing_store_does_not_hold_up_the_end() {
    let mut rig = Rig::new("");
    rig.sink.0.lock().expect("it is whole").failures = usize::MAX;
    rig.begin();
    rig.until("the store fails", |status, _| {
        status
            .problem
            .as_deref()
            .is_some_and(|problem| problem.ends_with("the disk is full"))
    })
    .await;
    rig.stop().await;
}

#[tokio::test]
async fn watching_ends_when_nobody_can_end_it() {
    let mut rig = Rig::watching("").await;
    let running = rig.running.take().expect("it is watched");
    drop(running.end);
    let ended = tokio::time::timeout(PATIENCE, running.task).await;
    ended.expect("it ends in time").expect("it ends well");
}

#[tokio::test]
async fn a_system_without_watches_is_said_and_changes_are_found_by_looking() {
    let mut rig = Rig::new("");
    rig.listen = Some(Arc::new(|_: &Path, _: Arc<Hints>| {
        Err("the system has no more watches for folders".to_owned())
    }));
    rig.start().await;
    rig.until("it is said", |status, _| {
        let polling = status.polling.as_deref();
        polling == Some("the system has no more watches for folders")
    })
    .await;
    rig.write("a", "text");
    assert_eq!(rig.told(1).await, ["created a"]);
}

#[tokio::test]
async fn everything_is_looked_at_when_the_system_lost_count() {
    let mut rig = Rig::new("poll = '1d'");
    let heard: Arc<Mutex<Option<Arc<Hints>>>> = Arc::default();
    let ear = Arc::clone(&heard);
    rig.listen = Some(Arc::new(move |_: &Path, hints: Arc<Hints>| {
        *ear.lock().expect("it is whole") = Some(hints);
        Ok(Box::new(()) as Ear)
    }));
    rig.start().await;
    let listens = || heard.lock().expect("it is whole").clone();
    rig.until("it listens", |_, _| listens().is_some()).await;
    let lose_count = || {
        let lost = notify::Event::new(notify::EventKind::Other);
        let hints = listens().expect("it listens");
        hints.hear(
            &rig.path(""),
            Ok(lost.set_flag(notify::event::Flag::Rescan)),
        );
    };
    for name in ["a", "b"] {
        rig.write(name, "text");
        lose_count();
        rig.eventually("it is told", |_, kept| kept.files.contains_key(name))
            .await;
    }
    assert_eq!(rig.reports(), ["created a", "created b"]);
}

fn event(kind: notify::EventKind, paths: &[&str]) -> notify::Result<notify::Event> {
    let event = notify::Event::new(kind);
    Ok(paths.iter().fold(event, |event, path| {
        event.add_path(Path::new("/w").join(path))
    }))
}

fn heard(words: impl IntoIterator<Item = notify::Result<notify::Event>>) -> Heard {
    let hints = Hints::default();
    for word in words {
        hints.hear(Path::new("/w"), word);
    }
    hints.take()
}

#[test]
fn word_of_what_changed_names_the_path_and_word_of_readers_is_nothing() {
    use notify::event::{AccessKind, AccessMode, CreateKind, EventKind};
    let found = heard([
        event(EventKind::Create(CreateKind::File), &["a/b"]),
        event(
            EventKind::Access(AccessKind::Close(AccessMode::Write)),
            &["c"],
        ),
        event(EventKind::Access(AccessKind::Open(AccessMode::Any)), &["d"]),
        event(EventKind::Create(CreateKind::File), &["/elsewhere"]),
    ]);
    let paths: Vec<_> = found.paths.iter().map(String::as_str).collect();
    assert_eq!(paths, ["a/b", "c"]);
    assert!(!found.everywhere && found.deaf.is_none());
}

#[test]
fn word_of_the_folder_itself_says_when_nobody_listens_any_more() {
    use notify::event::{EventKind, MetadataKind, ModifyKind, RemoveKind, RenameMode};
    for (kind, is_lost) in [
        (EventKind::Remove(RemoveKind::Folder), true),
        (EventKind::Modify(ModifyKind::Name(RenameMode::From)), true),
        (
            EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)),
            false,
        ),
    ] {
        let found = heard([event(kind, &[""])]);
        assert_eq!((found.everywhere, found.lost), (true, is_lost), "{kind:?}");
        assert!(!heard([event(kind, &["a"])]).lost);
    }
}

#[test]
fn only_a_rename_from_a_temporary_name_completes_a_file() {
    use notify::event::{EventKind, ModifyKind, RenameMode};
    let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::Both));
    let found = heard([
        event(renamed, &["a.part", "a"]),
        event(renamed, &[".uploads/b", "b"]),
        event(renamed, &["c", "d"]),
    ]);
    let complete: Vec<_> = found.complete.iter().map(String::as_str).collect();
    assert_eq!(complete, ["a", "b"]);
    assert_eq!(found.paths.len(), 6);
}

#[test]
fn a_flood_of_word_is_one_look_at_everything() {
    use notify::event::{CreateKind, EventKind, ModifyKind, RenameMode};
    let created = EventKind::Create(CreateKind::File);
    let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::Both));
    let found = heard((0..20_000).flat_map(|number| {
        let (temporary, name) = (format!("{number}.part"), number.to_string());
        [
            event(created, &[&temporary]),
            event(renamed, &[&temporary, &name]),
        ]
    }));
    assert!(found.everywhere && found.paths.is_empty());
    assert_eq!(found.complete.len(), 4_096);
}

#[test]
fn errors_of_the_system_are_a_look_at_everything_and_a_limit_is_said() {
    use notify::{Error, ErrorKind};
    let found = heard([Err(Error::io(io::Error::other("gone")))]);
    assert!(found.everywhere && found.deaf.is_none());
    let found = heard([Err(Error::new(ErrorKind::MaxFilesWatch))]);
    assert!(found.everywhere);
    assert!(
        found
            .deaf
            .expect("it is said")
            .contains("fs.inotify.max_user_watches")
    );
}

#[test]
fn the_system_cannot_listen_at_what_is_not_there() {
    let home = tempfile::tempdir().expect("a folder");
    let listening = super::super::hints::listen(&home.path().join("missing"), Arc::default());
    assert!(listening.is_err());
}
