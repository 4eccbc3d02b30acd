//! What is told of real folders.

use std::io::Write as _;

use super::*;

#[tokio::test]
async fn a_new_a_changed_a_moved_and_a_removed_file_are_told() {
    let mut rig = Rig::new("");
    for name in ["changed", "moved", "removed", "stays"] {
        rig.write(name, name);
    }
    rig.start().await;
    rig.write("in/new", "new");
    rig.write("changed", "changed by more");
    rig.rename("moved", "in/moved");
    rig.remove("removed");
    let expected = [
        "created in/new",
        "modified changed",
        "removed removed",
        "renamed moved -> in/moved",
    ];
    assert_eq!(rig.told(4).await, expected);
    rig.stop().await;
    let kept = rig.sink.0.lock().expect("it is whole");
    let files: Vec<_> = kept.files.keys().map(String::as_str).collect();
    assert_eq!(files, ["changed", "in/moved", "in/new", "stays"]);
}

#[tokio::test]
async fn the_system_tells_where_to_look_before_everything_is_looked_at_again() {
    let rig = Rig::watching("poll = '1d'").await;
    rig.write("a", "text");
    rig.told(1).await;
    let before = rig.status().looked_at;
    rig.write("deep/down/b", "text");
    assert_eq!(rig.told(2).await, ["created a", "created deep/down/b"]);
    assert_eq!(rig.status().looked_at, before);
    assert_eq!(rig.status().polling, None);
}

#[tokio::test]
async fn without_a_word_from_the_system_everything_is_looked_at_now_and_then() {
    let mut rig = Rig::new("poll = '30s'");
    rig.listen = Some(silent());
    rig.start().await;
    rig.write("a", "text");
    rig.told(1).await;
    let before = rig.status().looked_at;
    rig.write("b", "text");
    assert_eq!(rig.told(2).await, ["created a", "created b"]);
    assert_ne!(rig.status().looked_at, before);
}

#[tokio::test]
async fn the_first_start_tells_nothing_and_later_ones_what_happened_meanwhile() {
    let mut rig = Rig::new("");
    for name in ["changed", "moved", "removed", "stays"] {
        rig.write(name, name);
    }
    rig.start().await;
    rig.stop().await;
    assert_eq!(rig.reports(), [""; 0]);

    rig.write("new", "new");
    rig.write("changed", "changed by more");
    rig.rename("moved", "moved-to");
    rig.remove("removed");
    rig.start().await;
    let expected = [
        "created new",
        "modified changed",
        "removed removed",
        "renamed moved -> moved-to",
    ];
    assert_eq!(rig.told(4).await, expected);
    rig.stop().await;
    rig.start().await;
    assert_eq!(rig.told_before_a_last_one().await, expected);
}

#[tokio::test]
async fn with_initial_report_the_first_start_tells_what_is_there() {
    let mut rig = Rig::new("initial = 'report'");
    rig.write("a", "text");
    rig.write("in/b", "text");
    rig.start().await;
    assert_eq!(rig.told(2).await, ["created a", "created in/b"]);
    rig.stop().await;
    rig.start().await;
    assert_eq!(rig.told_before_a_last_one().await.len(), 2);
}

#[tokio::test]
async fn another_path_of_the_same_source_is_watched_for_the_first_time() {
    let mut rig = Rig::watching("").await;
    rig.stop().await;
    let other = rig.home.path().join("other");
    fs::create_dir(&other).expect("it is made");
    fs::write(other.join("old"), "text").expect("it is written");
    rig.clock.advance(Duration::from_secs(60));
    rig.table = "path = 'other'".to_owned();
    rig.start().await;
    rig.until("the other path is kept", |_, kept| {
        let path = kept.root.as_ref().map(|root| root.path.as_str());
        path.is_some_and(|path| path.ends_with("other")) && kept.files.contains_key("old")
    })
    .await;
    assert_eq!(rig.reports(), [""; 0]);
}

#[tokio::test]
async fn an_upload_is_told_once_when_it_has_its_name() {
    let rig = Rig::watching("settle = '1h'").await;
    rig.write("contract.pdf.ocTransferId1234567.part", "half");
    rig.write("contract.pdf.ocTransferId1234567.part", "half and half");
    rig.rename("contract.pdf.ocTransferId1234567.part", "contract.pdf");
    let before = rig.clock.now();
    assert_eq!(rig.told(1).await, ["created contract.pdf"]);
    // It did not have to settle.
    assert!(rig.clock.now().since(before) < Duration::from_secs(1_800));
}

#[tokio::test]
async fn a_file_that_an_editor_saves_is_modified_once() {
    let mut rig = Rig::new("");
    rig.write("text.md", "one");
    rig.write("notes.md", "one");
    rig.start().await;
    // One writes beside the file and renames; one keeps the old file beside the new.
    rig.write("text.md.new", "one and two");
    rig.rename("text.md.new", "text.md");
    rig.rename("notes.md", "notes.md~");
    rig.write("notes.md", "one and two");
    let expected = ["modified notes.md", "modified text.md"];
    assert_eq!(rig.told(2).await, expected);
    assert_eq!(rig.told_before_a_last_one().await, expected);
}

#[tokio::test]
async fn a_slow_copy_is_told_once() {
    let mut rig = Rig::new("settle = '10s'\npoll = '1s'");
    rig.listen = Some(silent());
    rig.start().await;
    let mut file = fs::File::create(rig.path("large")).expect("it is made");
    for _ in 0..20 {
        file.write_all(b"a piece").expect("it is written");
        rig.looked_at_again().await;
        assert_eq!(rig.reports(), [""; 0]);
    }
    assert_eq!(rig.told(1).await, ["created large"]);
    let size = rig.sink.0.lock().expect("it is whole").reports[0].size;
    assert_eq!(size, 140);
}

#[tokio::test]
async fn what_is_left_out_or_not_wanted_is_not_told() {
    let mut rig = Rig::new("ignore = ['*.bak', 'drafts/**']\nevents = ['created', 'removed']");
    rig.write("changed", "one");
    rig.start().await;
    rig.write("a.bak", "text");
    rig.write("drafts/a", "text");
    rig.write("changed", "one and two");
    rig.write("b", "text");
    assert_eq!(rig.told(1).await, ["created b"]);
    assert_eq!(rig.told_before_a_last_one().await, ["created b"]);
    rig.stop().await;

    // What the operator leaves out from now on was not removed.
    rig.table = format!("{}\n", rig.table.replace("'*.bak'", "'b', '*.bak'"));
    rig.start().await;
    assert_eq!(rig.told_before_a_last_one().await, ["created b"]);
    rig.stop().await;
    let kept = rig.sink.0.lock().expect("it is whole");
    assert!(!kept.files.contains_key("b"), "{:?}", kept.files);
}

#[tokio::test]
async fn a_folder_that_moves_takes_its_files_with_it() {
    let mut rig = Rig::new("");
    for number in 0..300 {
        rig.write(&format!("old/in/{number}"), "text");
    }
    rig.start().await;
    rig.rename("old", "new");
    let told = rig.told(300).await;
    assert!(told.contains(&"renamed old/in/7 -> new/in/7".to_owned()));
    assert!(told.iter().all(|told| told.starts_with("renamed ")));
    // What happens in it is heard under its new name.
    rig.write("new/in/later", "text");
    assert_eq!(rig.told(301).await[0], "created new/in/later");
}

#[tokio::test]
async fn ten_thousand_files_dropped_at_once_are_all_told_in_batches() {
    let rig = Rig::watching("").await;
    for number in 0..10_000 {
        rig.write(&format!("{}/{number}", number % 7), "text");
    }
    let told = rig.told(10_000).await;
    assert_eq!(told.len(), 10_000);
    let kept = rig.sink.0.lock().expect("it is whole");
    assert_eq!((kept.files.len(), kept.largest), (10_000, 256));
}

#[tokio::test]
async fn hostile_names_and_pipes_are_told_or_left_out_and_stop_nothing() {
    let rig = Rig::watching("").await;
    let pipe = rig.path("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .expect("a pipe is made");
    rig.write("new\nline", "text");
    rig.write("\u{202e}fdp.exe", "text");
    let expected = ["created new\nline", "created \u{202e}fdp.exe"];
    assert_eq!(rig.told(2).await, expected);
    assert_eq!(rig.told_before_a_last_one().await, expected);
}
