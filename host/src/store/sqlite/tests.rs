//! What holds for SQLite beyond the contract: the commit of a group, a full disk, the file, and the
//! plans of its queries.

mod plans;
mod work;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};

use rusqlite::Connection;
use tempfile::TempDir;

use super::file::FILE;
use super::*;
use crate::domain::clock::ManualClock;
use crate::store::{FileRecord, RootRecord};

const NOW: Timestamp = Timestamp(1_795_354_145_000);

fn open(folder: &Path) -> Result<Sqlite, StoreError> {
    Sqlite::open(folder, Arc::new(ManualClock::at(NOW)))
}

fn store() -> (TempDir, Sqlite) {
    let folder = TempDir::new().expect("a folder for the store");
    let store = open(folder.path()).expect("the store opens");
    (folder, store)
}

/// Bytes that take as much room packed as not, the same every time.
fn incompressible(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    })
    .take(size)
    .collect()
}

fn delivery(name: &str, size: usize) -> Delivery {
    Delivery {
        id: DeliveryId(name.to_owned()),
        source: SourceName::parse("gitlab").expect("a source's name"),
        provider: "gitlab".to_owned(),
        received_at: NOW,
        received_local: NOW.to_string(),
        remote_address: None,
        headers: Vec::new(),
        query: None,
        body: incompressible(size).into(),
        secret: None,
        keys: Vec::new(),
    }
}

async fn set_pages(store: &Sqlite, spare: i64) {
    let set = store.writer.run(move |db| {
        let pages: i64 = db.pragma_query_value(None, "page_count", |row| row.get(0))?;
        db.pragma_update(None, "max_page_count", pages + spare)?;
        Ok(())
    });
    set.await.expect("the limit is set");
}

/// Holds the writer up until the sender is used, so that what is called meanwhile is one commit.
async fn hold_up(store: &Sqlite) -> (impl Future<Output = ()>, Sender<()>) {
    let (go_on, wait) = channel();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let mut call = Box::pin(store.writer.run(move |_| {
        begun.send(()).expect("the test waits");
        wait.recv().expect("the test says when");
        Ok(())
    }));
    tokio::select! {
        answer = &mut call => panic!("answered before its commit: {}", answer.is_ok()),
        begun = has_begun => begun.expect("the writer has begun"),
    }
    (
        async { call.await.expect("the call that held it up") },
        go_on,
    )
}

#[tokio::test]
async fn what_waits_together_is_committed_together_and_a_failure_stays_alone() {
    let (_folder, store) = store();
    let (held_up, go_on) = hold_up(&store).await;
    let failing = store.writer.run(|db| {
        db.execute("INSERT INTO probes VALUES (0, 1, x'')", [])?;
        Err::<(), _>(StoreError::Closed)
    });
    let panicking = store.writer.run(|db| -> Result<(), StoreError> {
        db.execute("INSERT INTO probes VALUES (0, 2, x'')", [])?;
        panic!("on purpose");
    });

    let calls = async {
        tokio::join!(
            store.accept(delivery("a", 10)),
            failing,
            panicking,
            store.accept(delivery("b", 10)),
            async { go_on.send(()).expect("the writer waits") },
            held_up,
        )
    };
    let (first, failed, panicked, second, ..) = calls.await;

    assert_eq!(first.expect("an answer"), Accepted::New);
    assert_eq!(second.expect("an answer"), Accepted::New);
    failed.expect_err("it failed");
    let error = panicked.expect_err("it panicked").to_string();
    assert_eq!(
        error,
        "the database failed: an operation of the store panicked"
    );
    let left = store.writer.run(|db| {
        Ok(db.query_row("SELECT count(*) FROM probes", [], |row| {
            row.get::<_, i64>(0)
        })?)
    });
    assert_eq!(left.await.expect("a count"), 0);
}

#[tokio::test]
async fn when_the_commit_fails_each_call_of_it_is_told_and_the_next_works() {
    let (_folder, store) = store();
    let (held_up, go_on) = hold_up(&store).await;
    let breaking = store.writer.run(|db| {
        db.execute_batch(
            "PRAGMA defer_foreign_keys = ON;
             INSERT INTO bodies (delivery_number, body) VALUES (99, x'');",
        )?;
        Ok(())
    });

    let calls = async {
        tokio::join!(
            store.accept(delivery("a", 10)),
            breaking,
            async { go_on.send(()).expect("the writer waits") },
            held_up,
        )
    };
    let (accepted, broken, ..) = calls.await;

    accepted.expect_err("its commit failed");
    broken.expect_err("its commit failed");
    let missing = store.delivery(&DeliveryId("a".to_owned())).await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })));
    let again = store.accept(delivery("a", 10)).await;
    assert_eq!(again.expect("an answer"), Accepted::New);
}

#[tokio::test]
async fn a_full_disk_is_told_and_recovered_from() {
    let (_folder, store) = store();
    store
        .accept(delivery("a", 10))
        .await
        .expect("there is space");

    set_pages(&store, 0).await;
    let full = store.accept(delivery("b", 100_000)).await;
    let probe = store.probe().await;
    set_pages(&store, 1_000).await;
    let again = store.accept(delivery("b", 100_000)).await;

    assert!(matches!(full, Err(StoreError::Full)));
    assert!(matches!(probe, Err(StoreError::Full)));
    store.probe().await.expect("there is space again");
    assert_eq!(again.expect("there is space again"), Accepted::New);
    let claimed = store.claim_deliveries("worker", 10).await.expect("a claim");
    assert_eq!(claimed.len(), 2);
}

#[tokio::test]
async fn a_batch_of_a_folder_that_does_not_fit_leaves_nothing_behind() {
    let (_folder, store) = store();
    let inbox = SourceName::parse("inbox").expect("a name");
    let change = |batch, sizes: std::ops::Range<u64>| FolderChange {
        batch,
        root: Some(RootRecord {
            path: "/srv/inbox".to_owned(),
            inode: batch,
        }),
        changed: sizes
            .map(|size| FileRecord {
                path: format!("{size:0200}"),
                size,
                modified_at: NOW,
                inode: size,
                changed_at: NOW,
            })
            .collect(),
        ..FolderChange::default()
    };
    let first = store.keep_folder(&inbox, change(1, 0..1), vec![delivery("a", 10)]);
    first.await.expect("there is space");
    let before = store.folder(&inbox).await.expect("an answer");
    let again = || vec![delivery("b", 10), delivery("c", 10)];

    // There is space for the deliveries, and not for what is kept after them.
    set_pages(&store, 4).await;
    let full = store
        .keep_folder(&inbox, change(2, 1..1_000), again())
        .await;
    let left = store.folder(&inbox).await.expect("an answer");
    let accepted = store.delivery(&DeliveryId("b".to_owned())).await;
    set_pages(&store, 1_000).await;
    let kept = store
        .keep_folder(&inbox, change(2, 1..1_000), again())
        .await;

    assert!(matches!(full, Err(StoreError::Full)));
    assert!(matches!(accepted, Err(StoreError::NotFound { .. })));
    assert_eq!(left, before);
    kept.expect("there is space again");
    let folder = store.folder(&inbox).await.expect("an answer");
    let folder = folder.expect("it is known");
    assert_eq!((folder.batch, folder.files.len()), (2, 1_000));
    let claimed = store.claim_deliveries("worker", 10).await.expect("a claim");
    assert_eq!(claimed.len(), 3);
}

#[tokio::test]
async fn those_who_share_a_commit_with_one_that_fills_the_disk_are_never_told_ok_wrongly() {
    let (_folder, store) = store();
    set_pages(&store, 8).await;
    let (held_up, go_on) = hold_up(&store).await;

    let calls = async {
        tokio::join!(
            store.accept(delivery("small", 10)),
            store.accept(delivery("large", 1_000_000)),
            async { go_on.send(()).expect("the writer waits") },
            held_up,
        )
    };
    let (small, large, ..) = calls.await;

    assert!(matches!(large, Err(StoreError::Full)));
    let kept = store.delivery(&DeliveryId("small".to_owned())).await;
    assert_eq!(small.is_ok(), kept.is_ok());
}

#[tokio::test]
async fn a_call_is_carried_out_when_its_caller_stops_waiting() {
    let (folder, store) = store();
    let (held_up, go_on) = hold_up(&store).await;

    {
        let mut abandoned = store.accept(delivery("a", 10));
        let polled = std::future::poll_fn(|context| {
            std::task::Poll::Ready(abandoned.as_mut().poll(context).is_pending())
        });
        assert!(polled.await);
    }
    go_on.send(()).expect("the writer waits");
    held_up.await;
    drop(store);

    let store = open(folder.path()).expect("the store opens");
    let kept = store.delivery(&DeliveryId("a".to_owned())).await;
    kept.expect("the delivery");
}

#[test]
fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let (folder, store) = store();
    drop(store);
    let file = folder.path().join(FILE);
    let connection = Connection::open(&file).expect("the file opens");
    connection
        .pragma_update(None, "user_version", 99)
        .expect("the version is set");
    drop(connection);

    let refused = open(folder.path()).err();

    assert!(matches!(
        refused,
        Some(StoreError::Newer {
            found: 99,
            known: 1
        })
    ));
}

#[test]
fn a_file_that_is_no_store_is_refused() {
    let folder = TempDir::new().expect("a folder for the store");
    std::fs::write(folder.path().join(FILE), "x".repeat(5_000)).expect("it is written");

    let refused = open(folder.path()).err();

    assert!(matches!(refused, Some(StoreError::Database { .. })));
}

#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    let folder = TempDir::new().expect("a folder for the store");
    let data = folder.path().join("data");
    let store = open(&data).expect("the store opens");
    store.probe().await.expect("it can be written");

    let mode = |path: &Path| {
        let metadata = std::fs::metadata(path).expect("it is there");
        metadata.permissions().mode() & 0o777
    };

    assert_eq!(mode(&data), 0o700);
    for file in [FILE, "hookbox.db-wal", "hookbox.db-shm"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
}

#[test]
fn a_closed_store_leaves_one_file() {
    let (folder, store) = store();

    drop(store);

    let names = std::fs::read_dir(folder.path()).expect("the folder");
    let names: Vec<_> = names
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names, [FILE]);
}

#[tokio::test]
async fn a_damaged_row_fails_its_own_read_alone() {
    let (_folder, store) = store();
    for name in ["a", "b"] {
        store
            .accept(delivery(name, 10))
            .await
            .expect("it is accepted");
    }
    let damage = store.writer.run(|db| {
        db.execute("UPDATE deliveries SET headers = '{' WHERE id = 'a'", [])?;
        Ok(())
    });
    damage.await.expect("it is damaged");

    let damaged = store.delivery(&DeliveryId("a".to_owned())).await;
    let sound = store.delivery(&DeliveryId("b".to_owned())).await;

    assert!(matches!(damaged, Err(StoreError::Database { .. })));
    sound.expect("the other delivery");
}

#[tokio::test]
async fn after_a_restart_folders_and_schedules_go_on_where_they_were() {
    let (folder, store) = store();
    let [inbox, evening, unknown] =
        ["inbox", "evening", "unknown"].map(|name| SourceName::parse(name).expect("a name"));
    let file = FileRecord {
        path: "scans/a.pdf".to_owned(),
        size: 10,
        modified_at: NOW,
        inode: u64::MAX,
        changed_at: NOW,
    };
    let root = RootRecord {
        path: "/srv/inbox".to_owned(),
        inode: 1,
    };
    let change = FolderChange {
        batch: 5,
        root: Some(root.clone()),
        changed: vec![file.clone()],
        ..FolderChange::default()
    };
    let kept = store.keep_folder(&inbox, change.clone(), vec![delivery("first", 10)]);
    kept.await.expect("it is kept");
    store.keep_due(&evening, NOW).await.expect("it is kept");
    store
        .accept(delivery("a", 10))
        .await
        .expect("it is accepted");

    drop(store);
    let store = open(folder.path()).expect("the store opens");

    let folder = store.folder(&inbox).await.expect("the folder");
    let expected = FolderRecord {
        batch: 5,
        root: Some(root),
        files: vec![file],
    };
    assert_eq!(folder, Some(expected));
    // The end came after its commit, and before anybody heard of that.
    let again = store.keep_folder(&inbox, change, vec![delivery("again", 10)]);
    again.await.expect("it was kept");
    let claimed = store.claim_deliveries("worker", 10).await.expect("a claim");
    let claimed: Vec<_> = claimed
        .iter()
        .map(|one| one.delivery.id.0.as_str())
        .collect();
    assert_eq!(claimed, ["first", "a"]);
    assert_eq!(store.folder(&unknown).await.expect("an answer"), None);
    let due_at = store.last_due(&evening).await.expect("the last moment");
    assert_eq!(due_at, Some(NOW));
    let gitlab = SourceName::parse("gitlab").expect("a name");
    let last = store.last_delivery(&gitlab).await.expect("an answer");
    assert_eq!(last.map(|last| last.id.0), Some("a".to_owned()));
}
