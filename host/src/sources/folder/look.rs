//! Looking at what is in the watched folder: names, sizes and times, and nothing of what files hold.
//!
//! Everything here blocks, and runs where that is allowed. A path is looked at below the opened folder and
//! without following a link, so nothing outside of it is ever seen; no file is opened.
//!
//! Invariants:
//! - Only regular files are found: no link, pipe, socket or device.
//! - What cannot be read is said to be unread, and never taken for missing.
//! - When the watched folder itself cannot be opened or listed, nothing is said about anything in it.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, open, openat, openat2, statat,
};
use rustix::io::Errno;

use super::name::{self, Ignore};
use crate::domain::clock::Timestamp;

/// How many folders may lie in one another: more than people make, few enough for one open folder each.
const MAX_DEPTH: usize = 64;

/// How long a path below the watched folder may be, in bytes: the system takes 4,096 in all.
const MAX_PATH: usize = 3_500;

/// How many problems one look tells; more are counted.
const MAX_PROBLEMS: usize = 20;

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// How a file is, as far as it can be told without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    /// In bytes.
    pub(super) size: u64,
    /// When its contents were last changed.
    pub(super) modified: Timestamp,
    /// The file system's number for it; zero where there is none.
    pub(super) inode: u64,
    /// When anything about it was last changed.
    pub(super) changed: Timestamp,
}

/// What tells two folders under one path apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) device: u64,
    pub(super) inode: u64,
}

/// What is at a path, and below it if it is a folder.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// The path; empty for the watched folder itself.
    pub(super) path: String,
    /// The files, by their whole path.
    pub(super) files: Vec<(String, State)>,
    /// Paths at or below which something could not be read.
    pub(super) unread: Vec<String>,
}

impl Look {
    /// A look at a file.
    pub(super) fn of(path: String, state: State) -> Self {
        Self {
            files: vec![(path.clone(), state)],
            unread: Vec::new(),
            path,
        }
    }
}

/// What several paths showed.
#[derive(Debug)]
pub(super) struct Looks {
    pub(super) root: Root,
    pub(super) looks: Vec<Look>,
    pub(super) problems: Problems,
}

/// What could not be read, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Problems {
    pub(super) told: Vec<String>,
    pub(super) more: usize,
}

impl Problems {
    fn add(&mut self, path: &str, what: &str) {
        if self.told.len() < MAX_PROBLEMS {
            self.told.push(format!("`{}` {what}", path.escape_debug()));
        } else {
            self.more += 1;
        }
    }
}

/// Looks at a folder.
#[derive(Debug, Clone)]
pub(super) struct Looker {
    pub(super) folder: PathBuf,
    pub(super) ignore: Arc<Ignore>,
    /// How many files one look finds at most.
    pub(super) capacity: usize,
}

impl Looker {
    /// Looks at some paths, one after the other.
    ///
    /// # Errors
    /// When the watched folder is not there or cannot be read.
    pub(super) fn look(&self, paths: &[String]) -> io::Result<Looks> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = open(&self.folder, flags, Mode::empty())?;
        let identity = fstat(&root)?;
        let mut walk = Walk {
            ignore: &self.ignore,
            left: self.capacity,
            look: Look::default(),
            problems: Problems::default(),
        };
        let mut looks = Vec::with_capacity(paths.len());
        for path in paths {
            walk.look.path.clone_from(path);
            if path.is_empty() {
                walk.list(root.try_clone()?, "", 0)?;
            } else if !self.ignore.hides_folder_of(path) {
                walk.path(root.as_fd(), path);
            }
            looks.push(std::mem::take(&mut walk.look));
        }
        Ok(Looks {
            root: Root {
                device: identity.st_dev,
                inode: identity.st_ino,
            },
            looks,
            problems: walk.problems,
        })
    }
}

struct Walk<'a> {
    ignore: &'a Ignore,
    left: usize,
    look: Look,
    problems: Problems,
}

impl Walk<'_> {
    /// Looks at one path below the watched folder.
    fn path(&mut self, root: BorrowedFd<'_>, path: &str) {
        let (folder, last) = path.rsplit_once('/').unwrap_or(("", path));
        let opened;
        let parent = if folder.is_empty() {
            root
        } else {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            match openat2(root, name::real(folder), flags, Mode::empty(), resolve) {
                Ok(folder) => {
                    opened = folder;
                    opened.as_fd()
                }
                Err(error) => return self.not_read(path, error),
            }
        };
        let depth = path.split('/').count();
        self.entry(parent, &name::real(last), path, depth);
    }

    /// Looks at an entry of a folder, of whatever kind it is.
    fn entry(&mut self, parent: BorrowedFd<'_>, last: &Path, path: &str, depth: usize) {
        match statat(parent, last, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => match FileType::from_raw_mode(found.st_mode) {
                FileType::RegularFile => self.file(path, &found),
                FileType::Directory => self.folder(parent, last, path, depth),
                _ => {}
            },
            Err(error) => self.not_read(path, error),
        }
    }

    fn file(&mut self, path: &str, found: &Stat) {
        if self.ignore.file(path) {
            return;
        }
        let Some(left) = self.left.checked_sub(1) else {
            // Where the rest is missing, nothing can be told to be gone.
            if self.look.unread.last() != Some(&self.look.path) {
                self.look.unread.push(self.look.path.clone());
                self.problems
                    .add(path, "and others are too many files for one watched folder");
            }
            return;
        };
        self.left = left;
        self.look.files.push((path.to_owned(), state(found)));
    }

    fn folder(&mut self, parent: BorrowedFd<'_>, last: &Path, path: &str, depth: usize) {
        if self.ignore.folder(path) {
            return;
        }
        if depth > MAX_DEPTH {
            let what = format!("is not looked into: more than {MAX_DEPTH} folders in one another");
            return self.problems.add(path, &what);
        }
        let listed = openat(parent, last, FOLDER, Mode::empty())
            .and_then(|folder| self.list(folder, path, depth));
        if let Err(error) = listed {
            self.not_read(path, error);
        }
    }

    /// Looks at the entries of an opened folder.
    fn list(&mut self, folder: OwnedFd, path: &str, depth: usize) -> rustix::io::Result<()> {
        // Where names can be listed and nothing be asked about them, the folder is unread, and not each of them.
        statat(&folder, ".", AtFlags::empty())?;
        let mut entries = Dir::new(folder)?;
        while let Some(entry) = entries.read() {
            let entry = entry?;
            let raw = entry.file_name().to_bytes();
            // A link, a pipe or a device is left alone; some file systems do not say what an entry is.
            let is_wanted = matches!(
                entry.file_type(),
                FileType::RegularFile | FileType::Directory | FileType::Unknown
            );
            if !is_wanted || raw == b"." || raw == b".." {
                continue;
            }
            let inner = name::join(path, &name::shown(raw));
            if self.is_left_out(entry.file_type(), &inner) {
                continue;
            }
            if path.len() + raw.len() >= MAX_PATH {
                self.problems
                    .add(&inner, "is not watched: its path is too long");
                continue;
            }
            let last = Path::new(OsStr::from_bytes(raw));
            self.entry(entries.fd()?, last, &inner, depth + 1);
        }
        Ok(())
    }

    /// Whether nothing needs to be asked about an entry.
    fn is_left_out(&self, kind: FileType, path: &str) -> bool {
        match kind {
            FileType::RegularFile => self.ignore.file(path),
            FileType::Directory => self.ignore.folder(path),
            _ => false,
        }
    }

    fn not_read(&mut self, path: &str, error: Errno) {
        // It is not there, or what was a folder is none now, or became a link.
        if matches!(error, Errno::NOENT | Errno::NOTDIR | Errno::LOOP) {
            return;
        }
        self.look.unread.push(path.to_owned());
        self.problems.add(path, &format!("cannot be read: {error}"));
    }
}

fn state(found: &Stat) -> State {
    State {
        size: u64::try_from(found.st_size).unwrap_or(0),
        modified: time(found.st_mtime, found.st_mtime_nsec),
        inode: found.st_ino,
        changed: time(found.st_ctime, found.st_ctime_nsec),
    }
}

fn time(seconds: i64, nanoseconds: u64) -> Timestamp {
    let millis = i64::try_from(nanoseconds / 1_000_000).unwrap_or(0);
    Timestamp(seconds.saturating_mul(1_000).saturating_add(millis))
}
