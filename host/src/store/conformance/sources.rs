//! What is known of a source: the files of a folder, the last moment of a schedule, the newest delivery.

use std::time::Duration;

use super::bench::{Bench, START, WORKER, delivery, delivery_id, delivery_with_keys, source};
use crate::domain::clock::Timestamp;
use crate::store::{Delivery, DeliverySummary, FileRecord, FolderChange, FolderRecord, RootRecord};

/// A file whose state is told apart by its size.
fn file(path: &str, size: u64) -> FileRecord {
    FileRecord {
        path: path.to_owned(),
        size,
        modified_at: START,
        inode: 7,
        changed_at: START,
    }
}

fn root(inode: u64) -> RootRecord {
    RootRecord {
        path: "/srv/inbox".to_owned(),
        inode,
    }
}

async fn folder(bench: &Bench, name: &str) -> Option<FolderRecord> {
    let folder = bench.store().folder(&source(name)).await;
    folder.expect("an answer")
}

/// Keeps a change as the batch after the last one.
async fn keep_folder(bench: &Bench, name: &str, change: FolderChange) {
    let last = folder(bench, name).await.map_or(0, |folder| folder.batch);
    let change = FolderChange {
        batch: last + 1,
        ..change
    };
    commit(bench, name, change, Vec::new()).await;
}

async fn commit(bench: &Bench, name: &str, change: FolderChange, deliveries: Vec<Delivery>) {
    let kept = bench
        .store()
        .keep_folder(&source(name), change, deliveries)
        .await;
    kept.expect("it is kept");
}

/// A batch with a number, of a file whose size is that number.
fn batch(number: u64) -> FolderChange {
    FolderChange {
        batch: number,
        root: Some(root(number)),
        changed: vec![file("a", number)],
        ..FolderChange::default()
    }
}

/// The names of the deliveries that wait.
async fn claimed(bench: &Bench) -> Vec<String> {
    let claimed = bench.store().claim_deliveries(WORKER, 10_000).await;
    let claimed = claimed.expect("a claim").into_iter();
    claimed.map(|claimed| claimed.delivery.id.0).collect()
}

async fn keep(bench: &Bench, changed: Vec<FileRecord>, gone: &[&str]) {
    let change = FolderChange {
        root: Some(root(1)),
        gone: gone.iter().map(|path| (*path).to_owned()).collect(),
        changed,
        ..FolderChange::default()
    };
    keep_folder(bench, "inbox", change).await;
}

async fn files_of(bench: &Bench, name: &str) -> Option<Vec<FileRecord>> {
    folder(bench, name).await.map(|folder| folder.files)
}

async fn files(bench: &Bench) -> Option<Vec<FileRecord>> {
    files_of(bench, "inbox").await
}

async fn last_due(bench: &Bench, name: &str) -> Option<Timestamp> {
    let last = bench.store().last_due(&source(name)).await;
    last.expect("the last moment")
}

async fn keep_due(bench: &Bench, name: &str, due_at: Timestamp) {
    let kept = bench.store().keep_due(&source(name), due_at).await;
    kept.expect("it is kept");
}

async fn last_delivery(bench: &Bench, name: &str) -> Option<DeliverySummary> {
    let last = bench.store().last_delivery(&source(name)).await;
    last.expect("the last delivery")
}

pub(super) async fn a_folder_that_was_never_kept_is_not_known(bench: Bench) {
    assert_eq!(files(&bench).await, None);
}

pub(super) async fn an_empty_folder_is_known_once_it_was_kept(bench: Bench) {
    keep(&bench, Vec::new(), &[]).await;

    assert_eq!(files(&bench).await, Some(Vec::new()));
}

pub(super) async fn files_are_read_back_as_they_were_kept(bench: Bench) {
    let given = vec![
        FileRecord {
            path: String::new(),
            size: 0,
            modified_at: Timestamp(-1),
            inode: 0,
            changed_at: Timestamp(i64::MIN),
        },
        FileRecord {
            path: "B/it's 100 %; ü\n.pdf".to_owned(),
            size: u64::MAX,
            modified_at: Timestamp(i64::MAX),
            inode: u64::MAX,
            changed_at: Timestamp(i64::MAX),
        },
        file("a.pdf", 3),
        file("b/c.pdf", 4),
    ];

    keep(&bench, given.iter().rev().cloned().collect(), &[]).await;

    assert_eq!(files(&bench).await, Some(given));
}

pub(super) async fn a_file_that_changed_takes_the_place_of_its_former_state(bench: Bench) {
    keep(&bench, vec![file("a", 1), file("b", 1)], &[]).await;
    let changed = FileRecord {
        size: 2,
        modified_at: START.after(Duration::from_secs(9)),
        inode: 8,
        changed_at: START.after(Duration::from_secs(10)),
        ..file("a", 0)
    };

    keep(&bench, vec![changed.clone()], &[]).await;

    assert_eq!(files(&bench).await, Some(vec![changed, file("b", 1)]));
}

pub(super) async fn files_that_are_gone_are_forgotten(bench: Bench) {
    keep(&bench, vec![file("a", 1), file("b", 1)], &[]).await;

    keep(&bench, vec![file("c", 1)], &["a", "never-there"]).await;
    let left = files(&bench).await;
    keep(&bench, Vec::new(), &["b", "c"]).await;

    assert_eq!(left, Some(vec![file("b", 1), file("c", 1)]));
    assert_eq!(files(&bench).await, Some(Vec::new()));
}

pub(super) async fn a_path_that_is_gone_and_changed_is_kept(bench: Bench) {
    keep(&bench, vec![file("a", 1)], &[]).await;

    keep(&bench, vec![file("a", 2)], &["a"]).await;

    assert_eq!(files(&bench).await, Some(vec![file("a", 2)]));
}

pub(super) async fn a_folders_files_are_its_own(bench: Bench) {
    keep(&bench, vec![file("a", 1)], &[]).await;
    let change = FolderChange {
        root: Some(root(2)),
        gone: vec!["b".to_owned()],
        changed: vec![file("a", 2)],
        ..FolderChange::default()
    };
    keep_folder(&bench, "scans", change).await;

    keep(&bench, Vec::new(), &["a"]).await;

    assert_eq!(files(&bench).await, Some(Vec::new()));
    assert_eq!(files_of(&bench, "scans").await, Some(vec![file("a", 2)]));
    assert_eq!(files_of(&bench, "other").await, None);
}

pub(super) async fn a_folders_root_is_known_once_it_was_kept(bench: Bench) {
    let files = FolderChange {
        changed: vec![file("a", 1)],
        ..FolderChange::default()
    };
    keep_folder(&bench, "inbox", files).await;
    let before = folder(&bench, "inbox").await.expect("it is known");
    assert_eq!((before.root, before.files), (None, vec![file("a", 1)]));

    for inode in [1, u64::MAX] {
        let change = FolderChange {
            root: Some(root(inode)),
            ..FolderChange::default()
        };
        keep_folder(&bench, "inbox", change).await;
        let folder = folder(&bench, "inbox").await.expect("it is known");
        assert_eq!(
            (folder.root, folder.files),
            (Some(root(inode)), vec![file("a", 1)])
        );
    }
}

pub(super) async fn a_folder_that_is_kept_anew_forgets_what_was_kept(bench: Bench) {
    keep(&bench, vec![file("a", 1)], &[]).await;
    let anew = FolderChange {
        anew: true,
        changed: vec![file("b", 1)],
        ..FolderChange::default()
    };
    keep_folder(&bench, "inbox", anew).await;
    let begun = folder(&bench, "inbox").await.expect("it is known");

    keep(&bench, Vec::new(), &[]).await;

    let expected = FolderRecord {
        batch: 2,
        root: None,
        files: vec![file("b", 1)],
    };
    assert_eq!(begun, expected);
    assert_eq!(files(&bench).await, Some(vec![file("b", 1)]));
}

pub(super) async fn a_batch_is_kept_with_its_deliveries(bench: Bench) {
    let given = Delivery {
        source: source("inbox"),
        remote_address: None,
        secret: None,
        ..delivery("b")
    };

    commit(
        &bench,
        "inbox",
        batch(1),
        vec![given.clone(), delivery("a")],
    )
    .await;

    let kept = bench.store().delivery(&delivery_id("b")).await;
    assert_eq!(kept.expect("it is kept"), given);
    assert_eq!(claimed(&bench).await, ["b", "a"]);
    assert_eq!(files(&bench).await, Some(vec![file("a", 1)]));
}

pub(super) async fn a_batch_that_is_committed_again_changes_nothing(bench: Bench) {
    for (number, name) in [(3, "a"), (7, "b")] {
        commit(&bench, "inbox", batch(number), vec![delivery(name)]).await;
    }

    // Its deliveries have other identifiers each time that it is tried.
    for (number, name) in [(7, "c"), (3, "d"), (0, "e")] {
        let anew = FolderChange {
            anew: true,
            gone: vec!["a".to_owned()],
            ..batch(number)
        };
        commit(&bench, "inbox", anew, vec![delivery(name)]).await;
    }

    let expected = FolderRecord {
        batch: 7,
        root: Some(root(7)),
        files: vec![file("a", 7)],
    };
    assert_eq!(folder(&bench, "inbox").await, Some(expected));
    assert_eq!(claimed(&bench).await, ["a", "b"]);
}

pub(super) async fn equal_changes_in_later_batches_are_each_a_delivery(bench: Bench) {
    for (number, name) in [(1, "a"), (2, "b"), (3, "c")] {
        let again = Delivery {
            body: "removed".into(),
            ..delivery(name)
        };
        commit(&bench, "inbox", batch(number), vec![again]).await;
    }

    assert_eq!(claimed(&bench).await, ["a", "b", "c"]);
}

pub(super) async fn a_delivery_of_a_batch_whose_key_is_known_is_a_duplicate(bench: Bench) {
    let first = bench.store().accept(delivery_with_keys("a", &["id:1"]));
    first.await.expect("it is accepted");

    let deliveries = vec![delivery_with_keys("b", &["id:1"]), delivery("c")];
    commit(&bench, "inbox", batch(1), deliveries).await;

    assert_eq!(claimed(&bench).await, ["a", "c"]);
    assert_eq!(files(&bench).await, Some(vec![file("a", 1)]));
}

pub(super) async fn the_number_of_a_batch_has_all_its_bits_and_is_its_sources_own(bench: Bench) {
    for number in [i64::MAX.cast_unsigned(), 1 << 63, u64::MAX, 1] {
        commit(&bench, "inbox", batch(number), Vec::new()).await;
    }
    commit(&bench, "scans", batch(1), vec![delivery("a")]).await;

    let inbox = folder(&bench, "inbox").await.expect("it is known");
    assert_eq!(inbox.batch, u64::MAX);
    assert_eq!(inbox.files, [file("a", u64::MAX)]);
    assert_eq!(claimed(&bench).await, ["a"]);
}

pub(super) async fn the_number_of_the_last_batch_outlasts_a_new_beginning(mut bench: Bench) {
    commit(&bench, "inbox", batch(5), Vec::new()).await;
    let anew = |number| FolderChange {
        anew: true,
        root: None,
        ..batch(number)
    };
    commit(&bench, "inbox", anew(6), vec![delivery("a")]).await;

    bench.reopen();
    commit(&bench, "inbox", anew(6), vec![delivery("b")]).await;

    let folder = folder(&bench, "inbox").await.expect("it is known");
    assert_eq!((folder.batch, folder.root), (6, None));
    assert_eq!(claimed(&bench).await, ["a"]);
}

pub(super) async fn many_files_are_kept_at_once(bench: Bench) {
    let many = || (0..5_000).map(|number| file(&format!("{number:05}"), number));

    keep(&bench, many().collect(), &[]).await;

    assert_eq!(files(&bench).await, Some(many().collect()));
}

pub(super) async fn a_schedule_that_never_ran_has_no_last_moment(bench: Bench) {
    assert_eq!(last_due(&bench, "evening").await, None);
}

pub(super) async fn the_last_moment_never_goes_back(bench: Bench) {
    let later = START.after(Duration::from_secs(60));

    keep_due(&bench, "evening", START).await;
    let first = last_due(&bench, "evening").await;
    keep_due(&bench, "evening", later).await;
    keep_due(&bench, "evening", START).await;

    assert_eq!(first, Some(START));
    assert_eq!(last_due(&bench, "evening").await, Some(later));
}

pub(super) async fn a_schedules_last_moment_is_its_own(bench: Bench) {
    keep_due(&bench, "evening", START).await;
    keep_due(&bench, "morning", Timestamp(-5)).await;

    assert_eq!(last_due(&bench, "evening").await, Some(START));
    assert_eq!(last_due(&bench, "morning").await, Some(Timestamp(-5)));
    assert_eq!(last_due(&bench, "noon").await, None);
}

pub(super) async fn folders_and_schedules_survive_reopening(mut bench: Bench) {
    keep(&bench, vec![file("a", 1), file("b", 1)], &[]).await;
    keep(&bench, Vec::new(), &["b"]).await;
    keep_due(&bench, "evening", START).await;

    bench.reopen();

    assert_eq!(files(&bench).await, Some(vec![file("a", 1)]));
    assert_eq!(last_due(&bench, "evening").await, Some(START));
}

pub(super) async fn the_last_delivery_is_the_one_accepted_last(bench: Bench) {
    let store = bench.store();
    let of_github = Delivery {
        source: source("github"),
        remote_address: None,
        secret: None,
        ..delivery("c")
    };
    let set_back = Delivery {
        received_at: START.before(Duration::from_secs(60)),
        ..delivery("b")
    };
    for given in [delivery("z"), set_back, of_github] {
        store.accept(given).await.expect("it is accepted");
    }
    store.claim_deliveries(WORKER, 3).await.expect("a claim");
    let split = store.split(WORKER, &delivery_id("b"), Vec::new()).await;
    split.expect("it is split");

    let of_gitlab = last_delivery(&bench, "gitlab").await;
    let of_github = last_delivery(&bench, "github").await;
    let of_nobody = last_delivery(&bench, "gitea").await;

    let expected = DeliverySummary {
        id: delivery_id("b"),
        received_at: START.before(Duration::from_secs(60)),
        provider: "gitlab".to_owned(),
        remote_address: Some("192.0.2.7".to_owned()),
        secret: Some("current".to_owned()),
        duplicates: 0,
    };
    assert_eq!(of_gitlab, Some(expected));
    let of_github = of_github.expect("a delivery");
    assert_eq!(of_github.id, delivery_id("c"));
    assert_eq!((of_github.remote_address, of_github.secret), (None, None));
    assert_eq!(of_nobody, None);
}

pub(super) async fn the_last_delivery_counts_how_often_it_came_again(bench: Bench) {
    for name in ["a", "b", "c"] {
        let accepted = bench.store().accept(delivery_with_keys(name, &["id:1"]));
        accepted.await.expect("an answer");
    }

    let last = last_delivery(&bench, "gitlab").await.expect("a delivery");

    assert_eq!((last.id, last.duplicates), (delivery_id("a"), 2));
}
