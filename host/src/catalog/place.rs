//! Puts a rule from elsewhere into the rules folder, for `hookbox rules add`.
//!
//! Both files are written under temporary names, which a look at the folder ignores, and come to their
//! own in one rename each, the settings before the module. The folder is opened once, and every name
//! counts from there: a team may write its folder, and may have put links where files are expected.
//!
//! Invariants:
//! - No name that a look at the folder takes for a rule's ever holds part of a file.
//! - A settings file that is there is never written over, and a module only where it is to be replaced.
//! - What fails leaves no temporary file behind.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::scan;
use crate::domain::names::RuleName;

/// What is done with a module of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// It stays, and the new one is refused.
    Never,
    /// The new one takes its place.
    Module,
}

/// What a rule is put in place with.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Its name, which says where it goes.
    pub name: &'a RuleName,
    /// The module's bytes.
    pub module: &'a [u8],
    /// The settings file, for where there is none.
    pub settings: &'a str,
    /// What is done with a module of the same name.
    pub replace: Replace,
}

/// Where a rule was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The module.
    pub module: PathBuf,
    /// The settings file.
    pub settings: PathBuf,
    /// Whether the settings file was there before, and was kept.
    pub settings_kept: bool,
    /// Whether the module took the place of another.
    pub replaced: bool,
}

/// Why a rule could not be put in place.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// There is a rule of this name.
    #[error("there is a rule `{name}` already: `{}`", path.display())]
    Exists {
        /// The rule.
        name: RuleName,
        /// Its module.
        path: PathBuf,
    },
    /// The settings file that is there cannot be read.
    #[error("the settings file that is there cannot be used: {reason}")]
    Settings {
        /// Why.
        reason: String,
    },
    /// The disk or the folder does not take it.
    #[error("`{}` cannot be written", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Puts a rule in place; makes the team's folder where it is not there.
///
/// # Errors
/// When there is a rule of this name that is not to be replaced, or the folder cannot be written.
pub fn place(rules: &Path, arrival: &Arrival<'_>) -> Result<Placed, PlaceError> {
    let name = arrival.name;
    let path = folder(rules, name);
    let opened = std::fs::create_dir_all(&path).and_then(|()| open(&path));
    let folder = Folder {
        opened: opened.map_err(|source| PlaceError::Write {
            path: path.clone(),
            source,
        })?,
        path,
    };
    let (module, settings) = (format!("{}.wasm", name.stem()), settings_name(name));
    let replaced = folder.has(&module);
    let exists = || PlaceError::Exists {
        name: name.clone(),
        path: folder.path.join(&module),
    };
    if replaced && arrival.replace == Replace::Never {
        return Err(exists());
    }
    let settings_kept = match folder.put(&settings, arrival.settings.as_bytes(), Over::Nothing) {
        Ok(()) => false,
        Err(Errno::EXIST) => true,
        Err(error) => return Err(folder.failed(&settings, error)),
    };
    let over = match arrival.replace {
        Replace::Never => Over::Nothing,
        Replace::Module => Over::Any,
    };
    folder
        .put(&module, arrival.module, over)
        .map_err(|error| match error {
            Errno::EXIST => exists(),
            error => folder.failed(&module, error),
        })?;
    Ok(Placed {
        module: folder.path.join(module),
        settings: folder.path.join(settings),
        settings_kept,
        replaced,
    })
}

/// The settings file that is there for a rule; none where there is none.
///
/// # Errors
/// When there is one that the server would not read.
pub fn settings_of(rules: &Path, name: &RuleName) -> Result<Option<Vec<u8>>, PlaceError> {
    let path = folder(rules, name);
    let Ok(opened) = open(&path) else {
        return Ok(None);
    };
    let folder = Folder { opened, path };
    let settings = settings_name(name);
    if !folder.has(&settings) {
        return Ok(None);
    }
    scan::read_settings(&folder.opened, &folder.path, &settings)
        .map(|bytes| Some(bytes.to_vec()))
        .map_err(|reason| PlaceError::Settings { reason })
}

fn folder(rules: &Path, name: &RuleName) -> PathBuf {
    match name.team() {
        Some(team) => rules.join(team.as_str()),
        None => rules.to_owned(),
    }
}

fn settings_name(name: &RuleName) -> String {
    format!("{}.toml", name.stem())
}

fn open(path: &Path) -> std::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// What may be written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Nothing,
    Any,
}

/// An opened folder of rules.
struct Folder {
    opened: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// Whether there is anything of this name, also a link that leads nowhere.
    fn has(&self, name: &str) -> bool {
        rustix::fs::statat(&self.opened, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    fn failed(&self, name: &str, error: Errno) -> PlaceError {
        PlaceError::Write {
            path: self.path.join(name),
            source: error.into(),
        }
    }

    /// Puts a whole file in place with one rename.
    fn put(&self, name: &str, bytes: &[u8], over: Over) -> Result<(), Errno> {
        let temporary = format!(".{name}.{}.part", uuid::Uuid::now_v7());
        let put = self
            .write(&temporary, bytes)
            .and_then(|()| self.rename(&temporary, name, over))
            // The names are on disk, too, when this returns.
            .and_then(|()| rustix::fs::fsync(&self.opened));
        if put.is_err() {
            // It may have come to its own name, or never have been made.
            let _gone = rustix::fs::unlinkat(&self.opened, &temporary, AtFlags::empty());
        }
        put
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Errno> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
        let mut file = File::from(rustix::fs::openat(&self.opened, name, flags, mode)?);
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
    }

    fn rename(&self, from: &str, to: &str, over: Over) -> Result<(), Errno> {
        let folder = &self.opened;
        if over == Over::Any {
            return rustix::fs::renameat(folder, from, folder, to);
        }
        match rustix::fs::renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
            // A file system without this kind of rename, such as NFS: a second name does the same.
            Err(Errno::INVAL | Errno::NOSYS) => {
                rustix::fs::linkat(folder, from, folder, to, AtFlags::empty())?;
                rustix::fs::unlinkat(folder, from, AtFlags::empty())
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests;
