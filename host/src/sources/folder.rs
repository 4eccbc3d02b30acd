//! Watched folders: a file that has settled is a delivery.
//!
//! The server builds a [`Folder`] for each table under `[sources]` with `provider = "folder"` and lets it watch
//! until the server ends. What it finds goes to the server's [`FolderSink`]; the body that it keeps comes
//! back to [`parse_delivery`]. What is in files is never read, and nothing is written into the folder.
//!
//! The folder is looked at; word from the system says where, and saves time. What looks show is compared with what
//! was told before, which the server keeps, so that the same comparison finds what happened while it
//! was down. Three parts follow from that: `look` sees, `watched` compares and waits, `keeper` does
//! one after the other.
//!
//! Links are not followed: neither one to a file nor one to a folder is looked at. The watched path
//! itself may be or have links in it, since the operator wrote it. A share that is mounted at a folder
//! further down is looked into, but when it is unmounted its files count as removed: it should be
//! a source of its own.
//!
//! Invariants:
//! - What is committed is told once; what was not committed is told later.
//! - A folder that is missing, cannot be read, or is empty and not the one that was watched (a network
//!   share that is not mounted), changes nothing.
//! - Neither a hostile name nor a pipe, a device, or a large number of files stops the others from being told.

mod hints;
mod keeper;
mod look;
mod name;
mod report;
#[cfg(test)]
mod tests;
mod watched;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
pub use report::{FileReport, SeenFile};
use serde::Deserialize;

use self::hints::Listen;
use self::keeper::Keeper;
use self::look::Looker;
use self::name::Ignore;
use super::config::{ConfigProblem, SourceConfigError};
use super::provider::Draft;
use super::{ParseInput, Parsed};
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::event::FileChange;
use crate::domain::names::SourceName;
use crate::domain::pattern::Pattern;
use crate::domain::quantity::Span;

/// The name in the configuration and in events.
pub const PROVIDER: &str = "folder";

/// Longer than the pauses of a program that writes a file in one go.
const DEFAULT_SETTLE: Span = Span::seconds(2);
/// Soon enough for people, rare enough for a network share.
const DEFAULT_POLL: Span = Span::seconds(30);
/// How many files one folder may have: some hundred bytes of memory each.
const MAX_FILES: usize = 500_000;

/// A watched folder, as it stands under `[sources.<name>]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderConfig {
    /// `folder`.
    pub provider: String,
    /// The folder; with everything below it.
    pub path: PathBuf,
    /// What is left out beside temporary and hidden files: patterns over names, or over paths where they
    /// have a `/`.
    #[serde(default)]
    pub ignore: Vec<Pattern>,
    /// The changes that are told; all where nothing is said.
    #[serde(default)]
    pub events: Option<Vec<FileChange>>,
    /// For how long a file must stay as it is: two seconds by default.
    #[serde(default)]
    pub settle: Option<Span>,
    /// How often everything is looked at without word from the system: every thirty seconds by default.
    #[serde(default)]
    pub poll: Option<Span>,
    /// What becomes of the files that are there at the first start.
    #[serde(default)]
    pub initial: Initial,
}

/// What becomes of the files that are there when a folder is watched for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initial {
    /// They are recorded, and nothing is told.
    #[default]
    Record,
    /// They are told as created.
    Report,
}

/// Which folder was watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderRoot {
    /// Its path, as text.
    pub path: String,
    /// The file system's number for it.
    pub inode: u64,
}

/// What was committed for a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenFolder {
    /// The number of the last batch.
    pub batch: u64,
    /// The newest one that was committed; none where none was since the source was last begun anew.
    pub root: Option<FolderRoot>,
    /// Every file that was committed as seen and not as gone since.
    pub files: Vec<SeenFile>,
}

/// What is to be committed together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderBatch {
    /// Its number: above those of all batches of the source before it, also in former runs, and kept with it.
    pub number: u64,
    /// Everything that is kept of the source is to be forgotten first, but not the number of its last batch: it
    /// was never watched, not to the end of its first look, or its path in the configuration is another now.
    pub anew: bool,
    /// Each becomes a delivery with the body [`FileReport::body`] and without a key.
    pub reports: Vec<FileReport>,
    /// The files to be kept, each in place of what is kept under its path.
    pub seen: Vec<SeenFile>,
    /// The paths to be forgotten.
    pub gone: Vec<String>,
    /// The folder to be kept as the one that is watched.
    pub root: Option<FolderRoot>,
}

/// Why a sink did not do what it was asked; it is asked again.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct FolderSinkError {
    /// In the words of the store.
    pub message: String,
}

/// Keeps what was seen, and takes what is reported. The server implements it with its store.
#[async_trait]
pub trait FolderSink: Send + Sync + 'static {
    /// What was committed for a source; none where no batch was committed. Called once, when watching begins, and
    /// again after an error.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn seen(&self, source: &SourceName) -> Result<Option<SeenFolder>, FolderSinkError>;

    /// Commits a batch of at most 256 reports, files and paths each: all of it or nothing. Called one after the
    /// other, and again with the same batch after an error, even after one that came although it was committed: a
    /// batch whose number is not above that of the last one is committed already, and nothing is done.
    ///
    /// # Errors
    /// When it is not known to be on disk.
    async fn commit(&self, source: &SourceName, batch: &FolderBatch)
    -> Result<(), FolderSinkError>;
}

/// How a watched folder is, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderStatus {
    /// Why nothing in the folder can be told at the moment.
    pub problem: Option<String>,
    /// What in the folder cannot be read, and why.
    pub skipped: Vec<String>,
    /// How much more cannot be read.
    pub more_skipped: usize,
    /// Why changes are found only when everything is looked at; none where the system tells of them.
    pub polling: Option<String>,
    /// How many files are known.
    pub files: usize,
    /// How many differences wait until they have settled.
    pub waiting: usize,
    /// When everything was last looked at.
    pub looked_at: Option<Timestamp>,
}

/// How long things take that are no setting.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// How long word is gathered before a look.
    gather: Duration,
    /// How long it takes at most until the clock is asked again.
    wake: Duration,
    /// The pause before a commit is tried again; it doubles up to half a minute.
    retry: Duration,
    /// How long a look may take until it is said that it does not end.
    patience: Duration,
}

const PACE: Pace = Pace {
    gather: Duration::from_millis(200),
    wake: Duration::from_millis(500),
    retry: Duration::from_secs(1),
    patience: Duration::from_secs(60),
};

/// One watched folder.
pub struct Folder {
    name: SourceName,
    looker: Looker,
    events: Vec<FileChange>,
    settle: Duration,
    poll: Duration,
    initial: Initial,
    pace: Pace,
    listen: Listen,
    status: tokio::sync::watch::Sender<FolderStatus>,
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folder")
            .field("name", &self.name)
            .field("path", &self.looker.folder)
            .finish_non_exhaustive()
    }
}

impl Folder {
    /// Builds a watched folder from its table under `[sources]`. Its path counts from `base`. Nothing is looked at
    /// yet: the folder need not be there.
    ///
    /// # Errors
    /// When a value is not allowed; the error names the key and what to write.
    pub fn build(
        name: SourceName,
        config: &FolderConfig,
        base: &Path,
    ) -> Result<Self, SourceConfigError> {
        check(config).map_err(|problem| problem.under(&name))?;
        let between = |key, given: Option<Span>, default, from, to| match given {
            None => Ok(default),
            Some(span) if span >= from && span <= to => Ok(span),
            Some(span) => {
                let what = format!(
                    "`{span}` is not allowed: write a duration from \"{from}\" to \"{to}\""
                );
                Err(ConfigProblem::new(key, what).under(&name))
            }
        };
        let settle = between(
            "settle",
            config.settle,
            DEFAULT_SETTLE,
            Span(Duration::from_millis(100)),
            Span::seconds(3_600),
        )?;
        let poll = between(
            "poll",
            config.poll,
            DEFAULT_POLL,
            Span::seconds(1),
            Span::seconds(86_400),
        )?;
        Ok(Self {
            looker: Looker {
                folder: base.join(&config.path),
                ignore: Arc::new(Ignore::new(config.ignore.clone())),
                capacity: MAX_FILES,
            },
            events: config.events.clone().unwrap_or_else(|| ALL.to_vec()),
            settle: settle.0,
            poll: poll.0,
            initial: config.initial,
            pace: PACE,
            listen: Arc::new(hints::listen),
            status: tokio::sync::watch::Sender::default(),
            name,
        })
    }

    /// The name under which its deliveries are kept.
    #[must_use]
    pub fn name(&self) -> &SourceName {
        &self.name
    }

    /// The folder that is watched.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.looker.folder
    }

    /// How it is, now and while it is watched.
    #[must_use]
    pub fn status(&self) -> tokio::sync::watch::Receiver<FolderStatus> {
        self.status.subscribe()
    }

    /// Watches until `ending` is true or nobody holds its other end. It ends between two commits, and at once
    /// even while a look hangs at a share that does not answer.
    pub async fn watch(
        self,
        sink: Arc<dyn FolderSink>,
        clock: Arc<dyn Clock>,
        ending: tokio::sync::watch::Receiver<bool>,
    ) {
        Keeper::new(self, sink, clock, ending).run().await;
    }
}

/// Every change that can be told.
const ALL: [FileChange; 4] = [
    FileChange::Created,
    FileChange::Modified,
    FileChange::Renamed,
    FileChange::Removed,
];

fn check(config: &FolderConfig) -> Result<(), ConfigProblem> {
    if config.provider != PROVIDER {
        let what = format!("`{}` is not \"{PROVIDER}\"", config.provider);
        return Err(ConfigProblem::new("provider", what));
    }
    if config.path.as_os_str().is_empty() {
        let what = "is empty: write the folder that is to be watched";
        return Err(ConfigProblem::new("path", what));
    }
    if config.path == Path::new("/") {
        let what = "is the whole system: write the folder that is to be watched";
        return Err(ConfigProblem::new("path", what));
    }
    if config.events.as_ref().is_some_and(Vec::is_empty) {
        let what = "is empty, so nothing would be told: name some changes, or remove it for all";
        return Err(ConfigProblem::new("events", what));
    }
    for pattern in &config.ignore {
        let text = pattern.as_str();
        if text.is_empty() || text.starts_with('/') || text.ends_with('/') {
            let what = format!(
                "`{text}` matches nothing: write a name such as \"*.bak\", or a path below the folder such as \
                 \"drafts/**\""
            );
            return Err(ConfigProblem::new("ignore", what));
        }
    }
    Ok(())
}

/// Turns the delivery of a folder into its event.
#[must_use]
pub fn parse_delivery(input: &ParseInput<'_>) -> Parsed {
    let drafts = match super::json::read(input.body) {
        Ok(Some(body)) => report::parse(&body),
        Ok(None) | Err(_) => vec![Draft::other("file", "the body cannot be read as JSON")],
    };
    let events = drafts.into_iter().enumerate();
    Parsed {
        events: events
            .map(|(index, draft)| super::event(input, index, draft))
            .collect(),
        left_out: 0,
    }
}
