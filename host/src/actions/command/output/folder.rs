//! The folder of outputs: one file for each attempt, readable by the server's user alone.
//!
//! A file ends in `.part` while it is written and becomes a text that ends in `.log`. What a server left
//! behind that was killed is made into texts when the next one starts.
//!
//! Invariants:
//! - A key leads to the same name always, and to no place outside of the folder.
//! - An unfinished output is removed only when its text is there.
//! - The texts have no more than 1 GiB together and are no more than 10,000; the oldest go.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::unfinished::Contents;
use super::{Cut, Output, RECORD_LIMIT, trouble_line};
use crate::domain::names::Digest;
use crate::domain::quantity::Bytes;

/// How an unfinished output's name ends, and how the text's does.
const PART: &str = "part";
const LOG: &str = "log";

/// How many bytes the texts have together, as they lie on disk.
const KEPT_BYTES: Bytes = Bytes::mib(1024);

/// How many texts there are. Looking through them takes some twenty milliseconds at the end of each run.
const KEPT_FILES: usize = 10_000;

/// How many times a reader looks at an output that is written too fast to be read.
const LOOKS: u32 = 8;

/// Whether an output is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputState {
    /// Its command has ended.
    Finished,
    /// Its command runs, or the server that ran it was killed.
    Unfinished,
}

/// An output that was found in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredOutput {
    /// Its beginning and its end.
    pub output: Output,
    /// Whether it is complete.
    pub state: OutputState,
}

/// The folder of outputs.
#[derive(Debug, Clone)]
pub struct Outputs {
    folder: PathBuf,
}

impl Outputs {
    /// The outputs in a folder, which need not exist.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The output of an attempt, also while it is written: its beginning and its end, each of at most half
    /// the limit; none where there is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn read(
        &self,
        key: &str,
        attempt: u32,
        limit: Bytes,
    ) -> io::Result<Option<StoredOutput>> {
        let files = self.files(key, attempt);
        in_background(move || files.read(limit)).await
    }

    /// Makes the text of an output that a killed server left behind, and returns what its record is to
    /// hold; none where there is no output. Not to be called for a command that runs.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn finish(&self, key: &str, attempt: u32) -> io::Result<Option<Output>> {
        let files = self.files(key, attempt);
        in_background(move || {
            if files.part.exists()
                && let Err(error) = files.finish(None)
            {
                tracing::warn!(%error, "The output `{}` stays as it is.", files.part.display());
            }
            Ok(files.read(RECORD_LIMIT)?.map(|stored| stored.output))
        })
        .await
    }

    /// Makes the texts of all outputs that a killed server left behind, and returns how many those were. To
    /// be called before the first command runs.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn finish_all(&self) -> io::Result<usize> {
        let folder = self.folder.clone();
        in_background(move || {
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
                entries => entries?,
            };
            let mut finished = 0;
            for entry in entries {
                let part = entry?.path();
                if part.extension().is_some_and(|ending| ending == PART) {
                    let log = part.with_extension(LOG);
                    match (Files { part, log }).finish(None) {
                        Ok(_) => finished += 1,
                        Err(error) => tracing::warn!(%error, "An output stays unfinished."),
                    }
                }
            }
            Ok(finished)
        })
        .await
    }

    /// Where the output of an attempt lies.
    pub(super) fn files(&self, key: &str, attempt: u32) -> Files {
        let name = file_name(key, attempt);
        Files {
            part: self.folder.join(format!("{name}.{PART}")),
            log: self.folder.join(format!("{name}.{LOG}")),
        }
    }
}

/// Does what may wait for the disk on a thread for that.
pub(super) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

/// The files of one output.
#[derive(Debug, Clone)]
pub(super) struct Files {
    part: PathBuf,
    log: PathBuf,
}

impl Files {
    /// Makes the file of an output that begins now.
    pub(super) fn create(&self) -> io::Result<File> {
        if let Some(folder) = self.part.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        create(&self.part)
    }

    /// Makes the text of what was written, and returns where that is. With trouble, the text ends with that
    /// and with what memory holds of the end. Where the text cannot be made, what was written stays.
    pub(super) fn finish(&self, trouble: Option<(&str, &str)>) -> io::Result<PathBuf> {
        let contents = Contents::of(File::open(&self.part)?)?;
        let new = self.part.with_extension("new");
        let mut file = BufWriter::new(create(&new)?);
        let written = Cut::new(&contents, contents.limit())
            .and_then(|cut| cut.write(&mut file))
            .and_then(|()| match trouble {
                None => Ok(()),
                Some((trouble, end)) => {
                    file.write_all(trouble_line(trouble).as_bytes())?;
                    file.write_all(end.as_bytes())
                }
            })
            .and_then(|()| file.flush());
        if let Err(error) = written.and_then(|()| fs::rename(&new, &self.log)) {
            // Without space the unfinished one is all there is, and what is left of this is in its way.
            let _ = fs::remove_file(&new);
            return Err(error);
        }
        fs::remove_file(&self.part)?;
        if let Some(folder) = self.log.parent()
            && let Err(error) = remove_oldest(folder, &self.log, KEPT_FILES, KEPT_BYTES)
        {
            tracing::warn!(%error, "Old outputs in `{}` cannot be removed.", folder.display());
        }
        Ok(self.log.clone())
    }

    /// Where what was written lies, if anything was.
    pub(super) fn unfinished(&self) -> Option<PathBuf> {
        self.part.exists().then(|| self.part.clone())
    }

    fn read(&self, limit: Bytes) -> io::Result<Option<StoredOutput>> {
        match self.read_unfinished(limit) {
            Ok(output) => return Ok(Some(found(output, &self.part, OutputState::Unfinished))),
            // It may just have been finished.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // Or made, and nothing written to it yet.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        match File::open(&self.log) {
            Ok(file) => {
                let contents = Contents::whole_of(file)?;
                let output = Cut::new(&contents, limit)?.read()?;
                Ok(Some(found(output, &self.log, OutputState::Finished)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read_unfinished(&self, limit: Bytes) -> io::Result<Output> {
        let mut looks = 0;
        loop {
            // No text is shorter than its bytes, so that more of them would be read for nothing.
            let contents = Contents::of(File::open(&self.part)?)?;
            let mut contents = contents.at_most(limit.0 / 2);
            if looks == LOOKS {
                contents = contents.at_most(0);
            }
            let output = Cut::new(&contents, limit)?.read()?;
            if contents.is_still_valid()? || looks == LOOKS {
                return Ok(output);
            }
            looks += 1;
        }
    }
}

fn found(mut output: Output, path: &Path, state: OutputState) -> StoredOutput {
    output.path = Some(path.to_owned());
    StoredOutput { output, state }
}

/// Makes a file anew.
fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Removes the oldest texts until the rest is within the bounds. One is never removed.
fn remove_oldest(folder: &Path, kept: &Path, files: usize, bytes: Bytes) -> io::Result<()> {
    let mut texts: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if path.extension().is_none_or(|ending| ending != LOG) || path == kept {
            continue;
        }
        // Another run may have removed it.
        if let Ok(metadata) = entry.metadata() {
            texts.push((metadata.modified()?, metadata.blocks() * 512, path));
        }
    }
    texts.sort_unstable_by(|a, b| b.cmp(a));
    let mut sum = fs::metadata(kept)?.blocks() * 512;
    for (number, (_, size, path)) in texts.iter().enumerate() {
        sum = sum.saturating_add(*size);
        if number + 1 >= files || sum > bytes.0 {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// A file's name for an idempotency key, without its ending: different for different keys, and never a
/// path.
fn file_name(key: &str, attempt: u32) -> String {
    let mut name = String::new();
    for byte in key.bytes() {
        match byte {
            b'/' => name.push('+'),
            b'.' if name.is_empty() => name.push_str("%2E"),
            _ if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) => {
                name.push(char::from(byte));
            }
            _ => name.extend(['%', hex_digit(byte >> 4), hex_digit(byte & 15)]),
        }
    }
    // File systems take 255 bytes; the rest is for the attempt and the ending.
    if name.len() > 200 {
        name.truncate(180);
        name.push('~');
        name.push_str(Digest::of(key.as_bytes()).short());
    }
    format!("{name}.{attempt}")
}

fn hex_digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

#[cfg(test)]
mod tests;
