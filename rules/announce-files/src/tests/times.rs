//! When something was, and what Nextcloud adds to it.

use hookbox_sdk::event::{Repository, Visibility};

use super::*;

const DAY: u64 = 24 * 3_600 * SECOND;

/// What Nextcloud tells of the same, five minutes late.
fn nextcloud(path: &str, change: FileChange) -> Event {
    let mut event = event(path, change);
    event.source = "cloud".to_owned();
    event.provider = "nextcloud".to_owned();
    event.happened_at = Some(RECEIVED - 300 * SECOND);
    event.actor = Some(Person {
        id: None,
        name: "Ada *Martin*".to_owned(),
        username: None,
        email: None,
        bot: false,
    });
    event.repository = Some(Repository {
        id: "ada".to_owned(),
        name: "ada".to_owned(),
        full_name: "ada".to_owned(),
        url: None,
        ssh_url: None,
        http_url: None,
        default_branch: None,
        visibility: Visibility::Unknown,
    });
    let file = file_mut(&mut event);
    file.size = None;
    file.modified_at = None;
    event
}

#[test]
fn the_time_of_an_older_file_is_told_beside_that_of_its_upload() {
    for (language, field, of_today, of_last_year) in [
        (
            "en",
            "Last modified",
            "22 November 2026, 13:29",
            "22 November 2025",
        ),
        (
            "fr",
            "Dernière modification",
            "22 novembre 2026 à 13 h 29",
            "22 novembre 2025",
        ),
        ("zh", "最后修改", "2026年11月22日 13:29", "2025年11月22日"),
    ] {
        let settings = format!("language = '{language}'\n{ALL}");
        for (age, said) in [
            (599 * SECOND, None),
            (3_600 * SECOND, Some(of_today)),
            (365 * DAY, Some(of_last_year)),
        ] {
            let mut event = event("HR/a.pdf", FileChange::Created);
            event.happened_at = Some(RECEIVED - age);
            file_mut(&mut event).modified_at = Some(RECEIVED - age);

            let message = sent(event, &settings);

            assert_eq!(message.field(field), said);
            assert!(message.fields[3].value.contains("22"));
        }
        let mut event = event("HR/a.pdf", FileChange::Removed);
        file_mut(&mut event).modified_at = Some(RECEIVED - 365 * DAY);
        assert_eq!(sent(event, &settings).field(field), None);
    }
}

#[test]
fn nextcloud_says_who_it_was_and_when() {
    for (language, by, field, when) in [
        (
            "en",
            r"Uploaded by Ada \*Martin\*",
            "When",
            "22 November 2026, 14:24",
        ),
        (
            "fr",
            r"Déposé par Ada \*Martin\*",
            "Date",
            "22 novembre 2026 à 14 h 24",
        ),
        (
            "zh",
            r"上传者：Ada \*Martin\*",
            "时间",
            "2026年11月22日 14:24",
        ),
    ] {
        let message = sent(
            nextcloud("HR/a.pdf", FileChange::Created),
            &format!("language = '{language}'"),
        );

        assert_eq!(message.text, by);
        assert_eq!(message.field(field), Some(when));
        assert_eq!(message.footer.as_deref(), Some("cloud · ada"));
    }
}

#[test]
fn an_upload_that_nextcloud_sends_twice_is_told_once() {
    let key = |event| sent(event, ALL).once.map(|once| once.key);
    let created = nextcloud("HR/a.pdf", FileChange::Created);
    let mut written = nextcloud("HR/a.pdf", FileChange::Modified);
    written.happened_at = written.happened_at.map(|at| at + SECOND);
    let mut later = written.clone();
    later.happened_at = later.happened_at.map(|at| at + 60 * SECOND);
    let mut replay = written.clone();
    replay.replay = true;

    let first = key(created);

    assert!(first.is_some());
    assert_eq!(key(written), first);
    assert_ne!(key(later), first);
    assert_ne!(key(nextcloud("HR/b.pdf", FileChange::Created)), first);
    assert_eq!(key(replay), None);
    assert_eq!(key(nextcloud("HR/a.pdf", FileChange::Removed)), None);
}
