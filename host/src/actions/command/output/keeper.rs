//! Takes a command's output as it comes: masks it, writes it at once, and keeps a share in memory.
//!
//! A run has one. Writing waits for the disk on a thread of its own, and the command with it where the disk
//! is slower.
//!
//! Invariants:
//! - What the disk refuses is still in memory, as far as the record of the attempt holds it.

use std::fs::File;
use std::path::PathBuf;

use super::folder::{Files, Outputs, in_background};
use super::unfinished::Writer;
use super::{Cut, Output, RECORD_LIMIT};
use crate::actions::command::mask::Masker;
use crate::domain::quantity::Bytes;

/// Where an output goes.
pub(in crate::actions::command) struct Destination<'a> {
    /// The output folder.
    pub(in crate::actions::command) folder: PathBuf,
    /// The action's idempotency key.
    pub(in crate::actions::command) key: &'a str,
    /// The number of the attempt.
    pub(in crate::actions::command) attempt: u32,
    /// How much of it is kept.
    pub(in crate::actions::command) limit: Bytes,
}

/// Takes a command's output as it comes.
#[derive(Debug)]
pub(in crate::actions::command) struct OutputKeeper {
    masker: Masker,
    memory: Writer<Vec<u8>>,
    files: Files,
    disk: Disk,
}

/// The file that is written.
#[derive(Debug)]
enum Disk {
    Writing(Writer<File>),
    /// It took no more, for this reason.
    Failed(String),
}

impl OutputKeeper {
    /// Begins the output of a run, which has none of the secrets.
    pub(in crate::actions::command) async fn begin<'a>(
        destination: Destination<'_>,
        secrets: impl Iterator<Item = &'a str>,
    ) -> Self {
        let files = Outputs::new(destination.folder).files(destination.key, destination.attempt);
        let limit = destination.limit;
        let beginning = files.clone();
        let begun = in_background(move || Writer::begin(beginning.create()?, limit.0)).await;
        Self {
            masker: Masker::new(secrets),
            memory: Writer::in_memory(limit.min(RECORD_LIMIT).0),
            files,
            disk: match begun {
                Ok(writer) => Disk::Writing(writer),
                Err(error) => Disk::Failed(error.to_string()),
            },
        }
    }

    /// Takes the next bytes.
    pub(in crate::actions::command) async fn push(&mut self, bytes: &[u8]) {
        let mut masked = Vec::with_capacity(bytes.len());
        self.masker
            .push(bytes, &mut |bytes| masked.extend_from_slice(bytes));
        self.keep(masked).await;
    }

    async fn keep(&mut self, masked: Vec<u8>) {
        if masked.is_empty() {
            return;
        }
        if let Err(error) = self.memory.append(&masked) {
            // Memory refuses nothing.
            tracing::warn!(%error, "Output cannot be kept in memory.");
        }
        // Where this run is given up while the disk is busy, this is what is left of it.
        let away = Disk::Failed("a write did not come to its end".to_owned());
        self.disk = match std::mem::replace(&mut self.disk, away) {
            Disk::Failed(reason) => Disk::Failed(reason),
            Disk::Writing(mut writer) => {
                let written = in_background(move || writer.append(&masked).map(|()| writer)).await;
                written.map_or_else(|error| Disk::Failed(error.to_string()), Disk::Writing)
            }
        };
    }

    /// Ends the output: its file becomes a text, and this is what its record holds.
    pub(in crate::actions::command) async fn finish(mut self) -> Output {
        let mut masked = Vec::new();
        self.masker
            .finish(&mut |bytes| masked.extend_from_slice(bytes));
        self.keep(masked).await;
        let contents = self.memory.into_contents();
        let output = contents.and_then(|contents| Cut::new(&contents, contents.limit())?.read());
        let mut output = output.unwrap_or_default();
        let trouble = match self.disk {
            Disk::Writing(_) => None,
            Disk::Failed(reason) => Some(reason),
        };
        let files = self.files.clone();
        let end = trouble
            .as_ref()
            .map(|reason| (reason.clone(), output.end().to_owned()));
        let finished = in_background(move || {
            files.finish(
                end.as_ref()
                    .map(|(reason, end)| (reason.as_str(), end.as_str())),
            )
        });
        match finished.await {
            Ok(path) => {
                output.path = Some(path);
                output.trouble = trouble;
            }
            Err(error) => {
                output.path = self.files.unfinished();
                output.trouble = trouble.or_else(|| Some(error.to_string()));
            }
        }
        output
    }

    /// Writes to another file from now on.
    #[cfg(test)]
    pub(super) fn swap_file(&mut self, file: File) {
        if let Disk::Writing(writer) = &mut self.disk {
            writer.swap_file(file);
        }
    }
}
