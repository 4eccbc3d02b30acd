//! A file as a message; the colour says what happened to it.
//!
//! Invariants:
//! - What a stranger wrote is on one line, short, and escaped wherever Markdown is read.
//! - Nobody is mentioned.

use hookbox_sdk::event::{File, FileChange};
use hookbox_sdk::prelude::*;

use crate::kind::{self, Kind};
use crate::texts::Texts;
use crate::time::LocalClock;
use crate::{Settings, changes, size};

pub(crate) const CREATED: u32 = 0x0010_8548;
pub(crate) const MODIFIED: u32 = 0x00C1_7D10;
pub(crate) const RENAMED: u32 = 0x0066_66C4;
pub(crate) const REMOVED: u32 = 0x00DD_2B0E;

/// What a chat still shows on two lines.
const LONGEST_NAME: usize = 120;
/// How much of the end of a long name is kept, which has its extension, and often a date or a version.
const KEPT_END: usize = 24;
const LONGEST_CATEGORY: usize = 60;
const LONGEST_PATH: usize = 300;

/// A time of modification that is this near to the upload says nothing more.
const SAME_TIME_MS: u64 = 10 * 60 * 1_000;

/// Nextcloud sends a new file twice, as created and as written, with the same second or the next one.
const SAME_UPLOAD_MS: u64 = 10_000;
/// Nextcloud sends from a job in the background, which may be late.
const SAME_UPLOAD_WITHIN: Duration = Duration::from_secs(3_600);
/// Longer than any path on Linux; what claims to be one is not kept as a key.
const LONGEST_KEY: usize = 4_096;

pub(crate) fn tell(event: &Event, file: &File, settings: &Settings) -> Decision {
    let what = changes::name(file.change);
    if !settings.changes.has(file.change) {
        return nothing(format!("`changes` does not name `{what}`"));
    }
    let texts = Texts::of(settings.language);
    let clock = LocalClock::of(event, settings.language);
    let mut message = Notify::to(&settings.channel)
        .title(title(file, settings))
        .text(author(event, file.change, texts))
        .link(&event.url)
        .color(color(file.change))
        .field(texts.folder, path(folder(&file.path)))
        .field(texts.previous, file.previous_path.as_deref().map(path))
        .field(
            texts.size,
            file.size
                .map(|size| size::in_words(size, settings.language)),
        )
        .field(texts.kind, described(&file.name, texts))
        .field(
            texts.when,
            clock.and_then(|clock| clock.moment(when(event, file))),
        )
        .field(
            texts.last_modified,
            clock.and_then(|clock| clock.day_or_moment(last_modified(event, file)?)),
        )
        .footer(footer(event));
    if let Some(key) = same_upload(event, file) {
        message = message.once(key, SAME_UPLOAD_WITHIN);
    }
    message.because(format!("file {what}"))
}

fn color(change: FileChange) -> u32 {
    match change {
        FileChange::Created => CREATED,
        FileChange::Modified => MODIFIED,
        FileChange::Renamed => RENAMED,
        FileChange::Removed => REMOVED,
    }
}

/// A title is plain text: what is Markdown elsewhere is only itself here.
fn title(file: &File, settings: &Settings) -> String {
    let kind = Kind::of(kind::extension(&file.name));
    let category = settings.categories.of(&file.path);
    let category =
        category.map(|category| markdown::shorten(&one_line(category), LONGEST_CATEGORY));
    let wording = Texts::of(settings.language).wording(file.change);
    let title = wording.title(category.as_deref(), &short_name(&file.name));
    format!("{} {title}", kind.icon())
}

fn one_line(text: &str) -> String {
    let characters = text.chars();
    characters
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

/// A long name loses its middle, since its end says what it is.
fn short_name(name: &str) -> String {
    let name = one_line(name);
    let count = name.chars().count();
    if count <= LONGEST_NAME {
        return name;
    }
    let start = markdown::shorten(&name, LONGEST_NAME - KEPT_END);
    let end = name.chars().skip(count - KEPT_END);
    start.chars().chain(end).collect()
}

/// Who did it, where that is known: a folder on a disk does not say it.
fn author(event: &Event, change: FileChange, texts: &Texts) -> String {
    match event.actor_name() {
        Some(name) => {
            let name = markdown::escape(&markdown::shorten(name, LONGEST_CATEGORY));
            format!("{}{name}", texts.wording(change).by)
        }
        None => String::new(),
    }
}

/// The folder of a path; `/` is the watched folder itself.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("/", |(folder, _)| folder)
}

fn path(path: &str) -> String {
    markdown::escape(&markdown::shorten(path, LONGEST_PATH))
}

fn described(name: &str, texts: &Texts) -> String {
    let extension = kind::extension(name);
    let kind = texts.kind(Kind::of(extension));
    match extension {
        Some(extension) => {
            let (before, after) = texts.brackets;
            format!("{kind}{before}{}{after}", extension.to_ascii_uppercase())
        }
        None => kind.to_owned(),
    }
}

/// When it happened.
///
/// For a watched folder that is when it was found: the time of modification is often that of the
/// computer from which the file was uploaded, and years old. Nextcloud's own word comes late, and says
/// when it was.
fn when(event: &Event, file: &File) -> u64 {
    match file.modified_at {
        None => event.happened_at.unwrap_or(event.received_at),
        Some(_) => event.received_at,
    }
}

/// When the contents were last changed, where that says more than when the file came.
fn last_modified(event: &Event, file: &File) -> Option<u64> {
    let has_new_contents = matches!(file.change, FileChange::Created | FileChange::Modified);
    let modified_at = file.modified_at.filter(|_| has_new_contents)?;
    (modified_at.abs_diff(event.received_at) > SAME_TIME_MS).then_some(modified_at)
}

fn footer(event: &Event) -> String {
    match event.project() {
        Some(project) => {
            let project = markdown::shorten(&one_line(project), LONGEST_CATEGORY);
            format!("{} · {project}", event.source)
        }
        None => event.source.clone(),
    }
}

/// What the two events of one upload to Nextcloud have in common. Who asks for a replay wants the message.
fn same_upload(event: &Event, file: &File) -> Option<String> {
    let is_upload = matches!(file.change, FileChange::Created | FileChange::Modified);
    if event.provider != "nextcloud" || !is_upload || event.replay {
        return None;
    }
    let upload = event.happened_at? / SAME_UPLOAD_MS;
    let owner = event.project().unwrap_or_default();
    (file.path.len() <= LONGEST_KEY).then(|| format!("{owner}/{}@{upload}", file.path))
}
