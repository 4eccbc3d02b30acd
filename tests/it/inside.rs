//! The sources that the server looks after: watched folders and schedules, with real files, restarts and crashes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use hookbox::domain::clock::{Clock as _, SystemClock};
use serde_json::Value;

use crate::support::server::{Server, Site};
use crate::support::{eventually, hookbox, rule, stderr, stdout};

const FOLDER: &str = r#"
    [sources.inbox]
    provider = "folder"
    path = "inbox"
    settle = "100ms"
    poll = "1s"

    [channels.console]
    kind = "console"

    [shared]
    sources = ["*"]
    channels = ["*"]
"#;

/// A folder that is watched, with a file that was there before.
fn watched(more: &str) -> (Site, PathBuf) {
    let site = Site::new(&format!("{FOLDER}{more}"));
    let inbox = site.path().join("inbox");
    std::fs::create_dir(&inbox).expect("a folder can be made");
    std::fs::write(inbox.join("before.txt"), "old").expect("a file can be written");
    (site, inbox)
}

/// The paths of the events about files, with how many there are of each.
async fn told(server: &Server) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    let mut before = String::new();
    loop {
        let page = server
            .get(&format!("/api/v1/events?limit=1000&subject=file{before}"))
            .await;
        for event in page["events"].as_array().expect("a list") {
            let id = event["id"].as_str().expect("it has an identifier");
            let record = server.get(&format!("/api/v1/events/{id}")).await;
            let file = &record["record"]["event"]["subject"]["file"];
            let (change, path) = (file["change"].as_str(), file["path"].as_str());
            let shown = format!("{} {}", change.expect("a change"), path.expect("a path"));
            *told.entry(shown).or_default() += 1;
        }
        match page["next"].as_i64() {
            Some(next) => before = format!("&before={next}"),
            None => return told,
        }
    }
}

/// Waits until exactly these were told, each once.
async fn told_once(server: &Server, expected: &[&str]) {
    let expected: BTreeMap<String, usize> = expected
        .iter()
        .map(|shown| ((*shown).to_owned(), 1))
        .collect();
    eventually("each change is told once", || async {
        let told = told(server).await;
        if told == expected {
            Ok(())
        } else {
            Err(format!("{told:?}"))
        }
    })
    .await;
}

/// Waits until the folder has been looked at for the first time.
async fn looked_at(server: &Server, files: u64) {
    eventually("the folder has been looked at", || async {
        let source = server.get("/api/v1/sources/inbox").await;
        if source["files"][0] == files {
            Ok(())
        } else {
            Err(source.to_string())
        }
    })
    .await;
}

#[tokio::test]
async fn a_finished_upload_is_told_and_what_was_there_before_is_not() {
    let (site, inbox) = watched("");
    site.put(
        "rules/announce-files.toml",
        b"[settings]\nchannel = 'console'",
    );
    site.put("rules/announce-files.wasm", &rule("announce-files"));
    let server = site.serve().await;
    server.rule_in_state("announce-files", "active").await;
    looked_at(&server, 1).await;

    std::fs::create_dir(inbox.join("2026")).expect("a folder can be made");
    let partial = inbox.join("2026/report.pdf.ocTransferId123.part");
    std::fs::write(&partial, "some of it, and the rest").expect("a file can be written");
    std::fs::rename(&partial, inbox.join("2026/report.pdf")).expect("it can be renamed");
    std::fs::write(inbox.join(OsStr::from_bytes(b"caf\xe9.txt")), "x")
        .expect("a file can be written");

    told_once(
        &server,
        &["created 2026/report.pdf", r"created caf\xe9.txt"],
    )
    .await;
    eventually("the rule tells of it", || async {
        let console = server.console();
        if console.contains("report.pdf") {
            Ok(())
        } else {
            Err(console)
        }
    })
    .await;
    assert!(
        !server.console().contains("before.txt"),
        "{}",
        server.console()
    );
    let output = hookbox(
        site.path(),
        &["--server", &server.admin, "sources", "show", "inbox"],
    );
    let shown = stdout(&output);
    assert!(
        shown.contains("source inbox  folder"),
        "{shown}{}",
        stderr(&output)
    );
    assert!(shown.contains("inbox"), "{shown}");
}

#[tokio::test]
async fn what_settled_while_the_server_was_down_is_told_once_also_after_a_crash() {
    let (site, inbox) = watched("");
    let server = site.serve().await;
    looked_at(&server, 1).await;
    assert_eq!(server.terminate().await, Some(0));

    std::fs::write(inbox.join("meanwhile.txt"), "new").expect("a file can be written");
    std::fs::remove_file(inbox.join("before.txt")).expect("it can be removed");
    let server = site.serve().await;
    let expected = ["created meanwhile.txt", "removed before.txt"];
    told_once(&server, &expected).await;
    server.kill();

    let server = site.serve().await;
    looked_at(&server, 1).await;
    told_once(&server, &expected).await;
}

#[tokio::test]
async fn a_folder_that_goes_away_removes_nothing_and_one_that_is_added_is_watched() {
    let (site, inbox) = watched("");
    let server = site.serve().await;
    looked_at(&server, 1).await;

    let aside = site.path().join("aside");
    std::fs::rename(&inbox, &aside).expect("it can be renamed");
    eventually("the problem is shown", || async {
        let source = server.get("/api/v1/sources/inbox").await;
        if source["problem"].is_string() {
            Ok(())
        } else {
            Err(source.to_string())
        }
    })
    .await;
    std::fs::rename(&aside, &inbox).expect("it can be renamed back");
    eventually("it is well again", || async {
        let source = server.get("/api/v1/sources/inbox").await;
        if source["problem"].is_null() {
            Ok(())
        } else {
            Err(source.to_string())
        }
    })
    .await;

    let other = site.path().join("other");
    std::fs::create_dir(&other).expect("a folder can be made");
    site.configure(&format!(
        "{FOLDER}[sources.other]\nprovider = 'folder'\npath = 'other'\nsettle = '100ms'\n"
    ));
    eventually("the new folder is watched", || async {
        let listing = server.get("/api/v1/sources").await;
        let sources = listing["sources"].as_array().expect("a list");
        let other = sources.iter().find(|source| source["name"] == "other");
        if other.is_some_and(|source| source["files"][0] == 0) {
            Ok(())
        } else {
            Err(listing.to_string())
        }
    })
    .await;
    std::fs::write(other.join("a.txt"), "x").expect("a file can be written");
    told_once(&server, &["created a.txt"]).await;
}

#[tokio::test]
async fn ten_thousand_files_that_are_dropped_at_once_are_all_told() {
    let (site, inbox) = watched("");
    let server = site.serve().await;
    looked_at(&server, 1).await;

    for number in 0..10_000 {
        std::fs::write(inbox.join(format!("{number:05}.txt")), "x").expect("a file can be written");
    }

    eventually("every file is an event", || async {
        let status = server.get("/api/v1/status").await;
        let source = server.get("/api/v1/sources/inbox").await;
        let is_done = source["files"] == serde_json::json!([10_001, 0])
            && status["backlog"]["deliveries"] == 0
            && status["backlog"]["events"] == 0;
        if is_done {
            Ok(())
        } else {
            Err(format!("{} {status}", source["files"]))
        }
    })
    .await;
    let mut ids = 0;
    let mut before = String::new();
    loop {
        let page = server
            .get(&format!("/api/v1/events?limit=1000&source=inbox{before}"))
            .await;
        ids += page["events"].as_array().map_or(0, Vec::len);
        match page["next"].as_i64() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    assert_eq!(ids, 10_000);
}

#[tokio::test]
async fn a_schedule_that_was_due_while_the_server_was_down_fires_once() {
    let site = Site::new(
        "[sources.yearly]\nprovider = 'schedule'\nat = '0 0 1 1 *'\n[shared]\nsources = ['*']\n",
    );
    let server = site.serve().await;
    let next = eventually("its next moment is known", || async {
        let source = server.get("/api/v1/sources/yearly").await;
        source["next-local"]
            .as_str()
            .map(str::to_owned)
            .ok_or(source.to_string())
    })
    .await;
    assert!(next.contains("-01-01T00:00:00"), "{next}");
    assert_eq!(server.terminate().await, Some(0));

    // As if it had last run three years ago.
    let long_ago = SystemClock.now().before(Duration::from_hours(3 * 366 * 24));
    let db = rusqlite::Connection::open(site.path().join("data/hookbox.db")).expect("it opens");
    let changed = db.execute("UPDATE schedules SET due_at = ?1", [long_ago.0]);
    assert_eq!(changed.expect("it is changed"), 1);
    drop(db);
    for _ in 0..2 {
        let server = site.serve().await;
        let event: Value = eventually("it fires", || async {
            let listing = server.get("/api/v1/events").await;
            match listing["events"].as_array().map(Vec::as_slice) {
                Some([event]) => Ok(event.clone()),
                _ => Err(listing.to_string()),
            }
        })
        .await;
        assert_eq!(event["subject"], "schedule");
        assert_eq!(server.terminate().await, Some(0));
    }
}
