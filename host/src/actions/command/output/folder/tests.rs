//! Outputs in their folder: while they are written, after a crash, when they are finished, and when they are old.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::super::unfinished::Writer;
use super::super::{Destination, OutputKeeper};
use super::*;

const KEY: &str = "e/0/t/r/0";

struct Place {
    _folder: tempfile::TempDir,
    outputs: Outputs,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let outputs = Outputs::new(folder.path().join("output"));
        Self {
            _folder: folder,
            outputs,
        }
    }

    async fn keeper(&self, limit: u64) -> OutputKeeper {
        let destination = Destination {
            folder: self.outputs.folder.clone(),
            key: KEY,
            attempt: 1,
            limit: Bytes(limit),
        };
        OutputKeeper::begin(destination, ["s3cr3t"].into_iter()).await
    }

    async fn read(&self, limit: u64) -> (String, OutputState) {
        let read = self.outputs.read(KEY, 1, Bytes(limit)).await;
        let stored = read.expect("it can be read").expect("it is there");
        (stored.output.text(), stored.state)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.outputs.folder).expect("the folder is there");
        let mut names: Vec<String> = entries
            .map(|entry| {
                let name = entry.expect("an entry").file_name();
                name.to_string_lossy().into_owned()
            })
            .collect();
        names.sort();
        names
    }
}

#[test]
fn a_key_becomes_a_file_name_that_is_no_path() {
    assert_eq!(
        file_name("0190-a.2/0/payments/10-route/1", 3),
        "0190-a.2+0+payments+10-route+1.3"
    );
    assert_eq!(file_name("../x y", 1), "%2E.+x%20y.1");
    assert!(file_name(&"k".repeat(4000), 1).len() < 245);
    assert_ne!(
        file_name(&format!("{}a", "k".repeat(300)), 1),
        file_name(&"k".repeat(301), 1)
    );
}

#[tokio::test]
async fn what_was_written_is_read_at_once_and_becomes_a_text_at_the_end() {
    let place = Place::new();
    let mut keeper = place.keeper(16).await;

    keeper.push(b"begun s3c").await;
    assert_eq!(
        place.read(64).await,
        ("begun ".to_owned(), OutputState::Unfinished)
    );
    keeper.push(b"r3t and ").await;
    keeper.push(b"so much more\n").await;
    let text = "begun **\n… 11 bytes left out …\nch more\n";
    assert_eq!(
        place.read(16).await,
        (text.to_owned(), OutputState::Unfinished)
    );
    let output = keeper.finish().await;

    assert_eq!(
        place.read(64).await,
        (text.to_owned(), OutputState::Finished)
    );
    assert_eq!((output.text(), &output.trouble), (text.to_owned(), &None));
    let path = output.path.expect("its path is noted");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), text);
    assert_eq!(place.names(), ["e+0+t+r+0.1.log"]);
    let mode = fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let mode = fs::metadata(&place.outputs.folder)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn an_output_that_was_cut_off_is_read_and_made_a_text_later() {
    let place = Place::new();
    let mut keeper = place.keeper(64).await;
    keeper.push(b"begun\n").await;
    drop(keeper);

    assert_eq!(place.read(64).await.1, OutputState::Unfinished);
    let finished = place.outputs.finish(KEY, 1).await.expect("it can be");

    assert_eq!(finished.expect("it is there").text(), "begun\n");
    assert_eq!(
        place.read(64).await,
        ("begun\n".to_owned(), OutputState::Finished)
    );
    let again = place
        .outputs
        .finish(KEY, 1)
        .await
        .expect("it is one already");
    assert_eq!(again.expect("it is there").text(), "begun\n");
    assert_eq!(
        place.outputs.finish(KEY, 2).await.expect("nothing fails"),
        None
    );
}

#[tokio::test]
async fn an_output_that_has_not_begun_is_none() {
    let place = Place::new();
    let files = place.outputs.files(KEY, 1);
    drop(files.create().expect("a file"));

    for beginning in ["", "HOOK", "a text that is no beginning"] {
        fs::write(&files.part, beginning).expect("it is there");

        let limit = Bytes::kib(1);
        let found = place.outputs.read(KEY, 1, limit).await.expect("no failure");
        assert_eq!(found, None, "{beginning:?}");
    }
    fs::write(&files.part, [b'x'; 32]).expect("it is there");
    let error = place.outputs.read(KEY, 1, Bytes::kib(1)).await;
    assert_eq!(
        error.expect_err("it is something else").kind(),
        io::ErrorKind::InvalidData
    );
}

#[tokio::test]
async fn all_that_was_cut_off_is_made_texts_at_once() {
    let place = Place::new();
    assert_eq!(place.outputs.finish_all().await.expect("no folder yet"), 0);
    for attempt in 1..=3 {
        let file = place.outputs.files(KEY, attempt).create().expect("a file");
        Writer::begin(file, 64)
            .and_then(|mut writer| writer.append(b"begun"))
            .expect("it is written");
    }
    fs::write(place.outputs.folder.join("odd.part"), "what is this").expect("a file");

    assert_eq!(place.outputs.finish_all().await.expect("the folder"), 3);

    let logs = ["e+0+t+r+0.1.log", "e+0+t+r+0.2.log", "e+0+t+r+0.3.log"];
    assert_eq!(place.names(), [&logs[..], &["odd.part"]].concat());
    assert_eq!(place.read(64).await.0, "begun");
}

#[tokio::test]
async fn the_same_attempt_begins_its_output_anew() {
    let place = Place::new();
    place.keeper(64).await.push(b"a long output").await;

    let mut keeper = place.keeper(64).await;
    keeper.push(b"new").await;

    assert_eq!(keeper.finish().await.text(), "new");
    assert_eq!(place.read(64).await.0, "new");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_loses_no_output() {
    let place = Place::new();
    fs::write(&place.outputs.folder, "in its place").expect("a file");
    let mut keeper = place.keeper(64).await;

    keeper.push(b"done\n").await;
    let output = keeper.finish().await;

    assert_eq!(
        (output.head.as_str(), output.path.clone()),
        ("done\n", None)
    );
    let text = output.text();
    assert!(
        text.starts_with("done\n\n… on disk it is not complete: "),
        "{text}"
    );
}

#[tokio::test]
async fn a_full_disk_stops_no_output_and_what_there_is_stays() {
    let place = Place::new();
    let mut keeper = place.keeper(1 << 20).await;
    keeper.push(b"first\n").await;
    // Every write to this device says that there is no space.
    keeper.swap_file(
        OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("a device"),
    );

    keeper.push(b"second\n").await;
    keeper.push(b"third\n").await;
    let output = keeper.finish().await;

    let trouble = "No space left on device (os error 28)";
    assert_eq!(output.head, "first\nsecond\nthird\n");
    assert_eq!(output.trouble.as_deref(), Some(trouble));
    let (text, state) = place.read(1000).await;
    assert_eq!(state, OutputState::Finished);
    assert_eq!(
        text,
        format!("first\n\n… on disk it is not complete: {trouble} …\nfirst\nsecond\nthird\n")
    );
}

#[tokio::test]
async fn the_record_holds_its_share_of_a_long_output_and_the_file_the_rest() {
    let place = Place::new();
    let mut keeper = place.keeper(1 << 20).await;
    for number in 0..100_000 {
        if number % 100 == 0 {
            keeper.push(&vec![b'.'; 1000]).await;
        }
        keeper.push(format!("{number}\n").as_bytes()).await;
    }
    let output = keeper.finish().await;

    assert_eq!((output.head.len(), output.tail.len()), (32 << 10, 32 << 10));
    assert!(output.tail.ends_with("\n99999\n"));
    let file = fs::read_to_string(output.path.expect("it is written")).expect("it is there");
    assert!(file.starts_with(&output.head) && file.ends_with(&output.tail));
    assert!(
        ((1 << 20)..(1 << 20) + 64).contains(&file.len()),
        "{}",
        file.len()
    );
    assert_eq!(place.read(2 << 20).await.0, file);
}

#[test]
fn the_oldest_texts_go_when_there_are_too_many_or_they_are_too_large() {
    let place = Place::new();
    let folder = &place.outputs.folder;
    let mut kept = PathBuf::new();
    for attempt in 0..6_u64 {
        kept = place
            .outputs
            .files(KEY, u32::try_from(attempt).expect("small"))
            .log;
        fs::create_dir_all(folder).expect("a folder");
        fs::write(&kept, vec![b'x'; 8192]).expect("a file");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 + attempt);
        let file = File::options()
            .write(true)
            .open(&kept)
            .expect("it is there");
        file.set_modified(time).expect("its time");
    }
    let part = place.outputs.files(KEY, 9).create();
    part.expect("an unfinished one");

    remove_oldest(folder, &kept, 4, Bytes::mib(1)).expect("the folder can be read");
    let by_number = place.names();
    remove_oldest(folder, &kept, 4, Bytes::kib(16)).expect("the folder can be read");
    let by_size = place.names();
    remove_oldest(folder, &kept, 1, Bytes(0)).expect("the folder can be read");

    let log = |attempt| format!("e+0+t+r+0.{attempt}.log");
    let part = "e+0+t+r+0.9.part".to_owned();
    assert_eq!(by_number, [log(2), log(3), log(4), log(5), part.clone()]);
    assert_eq!(by_size, [log(4), log(5), part.clone()]);
    assert_eq!(place.names(), [log(5), part]);
}
