//! Whole messages, in each language and for each change.

mod operator;
mod readme;
mod strangers;
mod times;

use hookbox_sdk::decision::Notification;
use hookbox_sdk::event::{File, FileChange};
use hookbox_sdk::testing::Outcome;

use super::*;
use crate::message::{CREATED, MODIFIED, REMOVED, RENAMED};

/// 2026-11-22T13:29:05Z.
const RECEIVED: u64 = 1_795_354_145_000;
const SECOND: u64 = 1_000;

/// What the watched folder `contracts` tells of a file of 1.5 MB.
fn event(path: &str, change: FileChange) -> Event {
    Event {
        id: "0192a000-0000-7000-8000-000000000001".to_owned(),
        source: "contracts".to_owned(),
        provider: "folder".to_owned(),
        provider_event: "file-created".to_owned(),
        received_at: RECEIVED,
        received_local: "2026-11-22T14:29:05+01:00".to_owned(),
        happened_at: None,
        provider_action: None,
        replay: false,
        truncated: false,
        actor: None,
        repository: None,
        url: None,
        subject: Subject::File(File {
            name: path.rsplit('/').next().unwrap().to_owned(),
            path: path.to_owned(),
            previous_path: None,
            change,
            size: Some(1_572_864),
            media_type: None,
            modified_at: Some(RECEIVED - 3 * SECOND),
        }),
    }
}

fn file_mut(event: &mut Event) -> &mut File {
    match &mut event.subject {
        Subject::File(file) => file,
        _ => panic!("the event is about a file"),
    }
}

fn run(event: Event, settings: &str) -> Outcome {
    case(tell)
        .settings(format!("channel = 'hr'\n{settings}"))
        .event(event)
        .run()
}

fn sent(event: Event, settings: &str) -> Notification {
    run(event, settings).expect_notification("hr").clone()
}

fn created(path: &str) -> Notification {
    sent(event(path, FileChange::Created), "")
}

fn title(message: &Notification) -> &str {
    message.title.as_deref().unwrap()
}

fn fields(message: &Notification) -> Vec<(&str, &str)> {
    let fields = message.fields.iter();
    fields
        .map(|field| (field.name.as_str(), field.value.as_str()))
        .collect()
}

const ALL: &str = "changes = ['created', 'modified', 'renamed', 'removed']";

#[test]
fn an_upload_is_told_in_english_by_default() {
    let message = created("Contracts/2026/Lease.pdf");

    assert_eq!(title(&message), "📕 New file in Contracts: Lease.pdf");
    assert_eq!(
        fields(&message),
        [
            ("Folder", "Contracts/2026"),
            ("Size", "1.5 MB"),
            ("Type", "Document (PDF)"),
            ("When", "22 November 2026, 14:29"),
        ]
    );
    assert_eq!(message.color, Some(CREATED));
    assert_eq!(message.footer.as_deref(), Some("contracts"));
    assert_eq!((message.text.as_str(), message.url), ("", None));
    assert!(message.mentions.is_empty() && message.once.is_none());
}

#[test]
fn an_upload_is_told_in_french() {
    let message = sent(
        event("Contrats/2026/Bail.xlsx", FileChange::Created),
        "language = 'fr'",
    );

    assert_eq!(
        title(&message).replace('\u{a0}', " "),
        "📊 Nouveau fichier dans « Contrats » : Bail.xlsx"
    );
    assert_eq!(
        fields(&message),
        [
            ("Dossier", "Contrats/2026"),
            ("Taille", "1,5 Mo"),
            ("Type", "Tableur (XLSX)"),
            ("Date", "22 novembre 2026 à 14 h 29"),
        ]
    );
}

#[test]
fn an_upload_is_told_in_chinese() {
    let message = sent(
        event("合同/2026/租约 🏠.docx", FileChange::Created),
        "language = 'zh'",
    );

    assert_eq!(title(&message), "📄 “合同”中有新文件：租约 🏠.docx");
    assert_eq!(
        fields(&message),
        [
            ("文件夹", "合同/2026"),
            ("大小", "1.5 MB"),
            ("类型", "文档（DOCX）"),
            ("时间", "2026年11月22日 14:29"),
        ]
    );
}

#[test]
fn each_change_has_its_words_and_colour_in_each_language() {
    for (change, color, texts) in [
        (
            FileChange::Created,
            CREATED,
            [
                "New file in HR: a.txt",
                "Nouveau fichier dans « HR » : a.txt",
                "“HR”中有新文件：a.txt",
            ],
        ),
        (
            FileChange::Modified,
            MODIFIED,
            [
                "File changed in HR: a.txt",
                "Fichier modifié dans « HR » : a.txt",
                "“HR”中的文件已修改：a.txt",
            ],
        ),
        (
            FileChange::Renamed,
            RENAMED,
            [
                "File renamed in HR: a.txt",
                "Fichier renommé dans « HR » : a.txt",
                "“HR”中的文件已重命名：a.txt",
            ],
        ),
        (
            FileChange::Removed,
            REMOVED,
            [
                "File removed from HR: a.txt",
                "Fichier supprimé de « HR » : a.txt",
                "“HR”中的文件已删除：a.txt",
            ],
        ),
    ] {
        for (language, text) in ["en", "fr", "zh"].iter().zip(texts) {
            let settings = format!("language = '{language}'\n{ALL}");
            let message = sent(event("HR/a.txt", change), &settings);
            assert_eq!(title(&message).replace('\u{a0}', " "), format!("📄 {text}"));
            assert_eq!(message.color, Some(color));
        }
    }
}

#[test]
fn a_file_of_the_watched_folder_itself_has_no_category() {
    for (language, change, expected) in [
        ("en", FileChange::Created, "📦 New file: a.zip"),
        ("en", FileChange::Modified, "📦 File changed: a.zip"),
        ("en", FileChange::Renamed, "📦 File renamed: a.zip"),
        ("en", FileChange::Removed, "📦 File removed: a.zip"),
        ("fr", FileChange::Created, "📦 Nouveau fichier : a.zip"),
        ("fr", FileChange::Modified, "📦 Fichier modifié : a.zip"),
        ("fr", FileChange::Renamed, "📦 Fichier renommé : a.zip"),
        ("fr", FileChange::Removed, "📦 Fichier supprimé : a.zip"),
        ("zh", FileChange::Created, "📦 新文件：a.zip"),
        ("zh", FileChange::Modified, "📦 文件已修改：a.zip"),
        ("zh", FileChange::Renamed, "📦 文件已重命名：a.zip"),
        ("zh", FileChange::Removed, "📦 文件已删除：a.zip"),
    ] {
        let message = sent(
            event("a.zip", change),
            &format!("language = '{language}'\n{ALL}"),
        );
        assert_eq!(title(&message).replace('\u{a0}', " "), expected);
        assert_eq!(fields(&message)[0].1, "/");
    }
}

#[test]
fn each_kind_has_its_word_in_each_language() {
    for (name, words) in [
        ("a.odt", ["Document (ODT)", "Document (ODT)", "文档（ODT）"]),
        ("a.pdf", ["Document (PDF)", "Document (PDF)", "文档（PDF）"]),
        (
            "a.csv",
            ["Spreadsheet (CSV)", "Tableur (CSV)", "表格（CSV）"],
        ),
        (
            "a.pptx",
            [
                "Presentation (PPTX)",
                "Présentation (PPTX)",
                "演示文稿（PPTX）",
            ],
        ),
        ("a.png", ["Image (PNG)", "Image (PNG)", "图片（PNG）"]),
        ("a.mp3", ["Audio (MP3)", "Audio (MP3)", "音频（MP3）"]),
        ("a.mp4", ["Video (MP4)", "Vidéo (MP4)", "视频（MP4）"]),
        ("a.zip", ["Archive (ZIP)", "Archive (ZIP)", "压缩包（ZIP）"]),
        ("a.py", ["Code (PY)", "Code (PY)", "代码（PY）"]),
        ("a.dwg", ["File (DWG)", "Fichier (DWG)", "文件（DWG）"]),
        ("a", ["File", "Fichier", "文件"]),
    ] {
        for ((language, field), word) in [("en", "Type"), ("fr", "Type"), ("zh", "类型")]
            .into_iter()
            .zip(words)
        {
            let message = sent(
                event(name, FileChange::Created),
                &format!("language = '{language}'"),
            );
            assert_eq!(message.field(field), Some(word));
        }
    }
}

#[test]
fn a_renamed_file_shows_its_old_path() {
    for (language, field) in [("en", "Before"), ("fr", "Avant"), ("zh", "原路径")] {
        let mut event = event("HR/new.pdf", FileChange::Renamed);
        file_mut(&mut event).previous_path = Some("HR/old_*name*.pdf".to_owned());

        let message = sent(event, &format!("language = '{language}'\n{ALL}"));

        assert_eq!(message.field(field), Some(r"HR/old\_\*name\*.pdf"));
    }
}

#[test]
fn another_subject_is_told_nothing_of() {
    let outcome = case(tell)
        .settings("channel = 'hr'")
        .sample("gitlab/push")
        .run();

    assert_eq!(outcome.expect_nothing(), "not a file");
}
