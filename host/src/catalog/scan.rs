//! A look at the rules folder: which modules and settings files are there, read once each.
//!
//! A team's files are untrusted. Each is opened once, beneath its team's folder, without blocking; it
//! must be a regular file within its limit; and what is read is what is checked, compiled and
//! digested.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Dir, FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2};
use rustix::io::Errno;

use crate::domain::names::{RuleName, TeamName};
use crate::domain::quantity::Bytes;

/// The most a settings file may hold; a hand-written one has some hundred bytes.
const SETTINGS_LIMIT: Bytes = Bytes::kib(64);

/// The rules that one folder may hold, so that a team cannot fill the server's memory with them.
const RULES_A_FOLDER: usize = 1_000;

/// What tells two states of a file apart without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, u64),
    changed: (i64, u64),
}

/// One file, opened but not read.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) fingerprint: Fingerprint,
    pub(super) path: PathBuf,
    file: File,
    limit: Bytes,
}

impl Opened {
    /// Reads the file, up to its limit.
    pub(super) fn read(mut self) -> Result<Arc<[u8]>, String> {
        let mut bytes = Vec::new();
        let limit = self.limit.0.saturating_add(1);
        (&mut self.file)
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("`{}` cannot be read: {error}", self.path.display()))?;
        if bytes.len() as u64 > self.limit.0 {
            return Err(format!(
                "`{}` has more than the {} it may have",
                self.path.display(),
                self.limit
            ));
        }
        Ok(bytes.into())
    }
}

/// What is there of one rule. A file that cannot be opened is there with the reason.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) module: Result<Opened, String>,
    pub(super) settings: Option<Result<Opened, String>>,
}

/// A file or folder that is no rule, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Ignored {
    /// Its path.
    pub path: String,
    /// Why it is no rule.
    pub reason: String,
}

/// What tells two folders under one path apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FolderIdentity {
    device: u64,
    inode: u64,
}

/// What a look at the rules folder shows.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) folder: Option<FolderIdentity>,
    pub(super) rules: BTreeMap<RuleName, Found>,
    pub(super) ignored: Vec<Ignored>,
}

/// Looks at the rules folder.
pub(super) fn scan(folder: &Path, module_limit: Bytes) -> std::io::Result<Scan> {
    let root = open(
        folder,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let state = fstat(&root)?;
    let mut scan = Scan {
        folder: Some(FolderIdentity {
            device: state.st_dev,
            inode: state.st_ino,
        }),
        ..Scan::default()
    };
    let names = list(&root, folder, &mut scan.ignored)?;
    let mut files = Vec::new();
    for (name, kind) in names {
        let path = folder.join(&name);
        if kind == FileType::Directory || (kind == FileType::Symlink && path.is_dir()) {
            look_into(&path, &name, module_limit, &mut scan);
        } else {
            files.push(name);
        }
    }
    let place = Place {
        folder: &root,
        path: folder,
        team: None,
        module_limit,
    };
    look_at_files(&place, files, &mut scan);
    Ok(scan)
}

/// The names in a folder and their types, without those that are temporary or cannot be a rule's.
fn list(
    folder: &OwnedFd,
    path: &Path,
    ignored: &mut Vec<Ignored>,
) -> std::io::Result<Vec<(String, FileType)>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let raw = entry.file_name().to_string_lossy().into_owned();
        if raw.starts_with('.') || is_temporary(&raw) {
            continue;
        }
        if entry.file_name().to_str().is_err() {
            ignored.push(Ignored {
                path: path.join(raw).display().to_string(),
                reason: "its name is not UTF-8".to_owned(),
            });
            continue;
        }
        names.push((raw, entry.file_type()));
    }
    names.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(names)
}

fn is_temporary(name: &str) -> bool {
    [".part", ".tmp", "~", ".swp", ".partial"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

fn look_into(path: &Path, name: &str, module_limit: Bytes, scan: &mut Scan) {
    if path.join("Cargo.toml").exists() {
        // The source of a rule: `hookbox dev` builds it, `hookbox serve` leaves it alone.
        return;
    }
    let team = match TeamName::parse(name) {
        Ok(team) => team,
        Err(error) => {
            scan.ignored.push(Ignored {
                path: path.display().to_string(),
                reason: error.to_string(),
            });
            return;
        }
    };
    let opened = open(
        path,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    );
    let listed = opened.map_err(std::io::Error::from).and_then(|folder| {
        let names = list(&folder, path, &mut scan.ignored)?;
        Ok((folder, names))
    });
    match listed {
        Ok((folder, names)) => {
            let names = names
                .into_iter()
                .filter(|(_, kind)| *kind != FileType::Directory)
                .map(|(name, _)| name)
                .collect();
            let place = Place {
                folder: &folder,
                path,
                team: Some(&team),
                module_limit,
            };
            look_at_files(&place, names, scan);
        }
        Err(error) => scan.ignored.push(Ignored {
            path: path.display().to_string(),
            reason: format!("the folder cannot be read: {error}"),
        }),
    }
}

/// A folder that holds rules.
struct Place<'a> {
    folder: &'a OwnedFd,
    path: &'a Path,
    team: Option<&'a TeamName>,
    module_limit: Bytes,
}

fn look_at_files(place: &Place<'_>, names: Vec<String>, scan: &mut Scan) {
    let &Place {
        folder,
        path,
        team,
        module_limit,
    } = place;
    let mut ignore = |name: &str, reason: String| {
        scan.ignored.push(Ignored {
            path: path.join(name).display().to_string(),
            reason,
        });
    };
    let mut stems: BTreeMap<RuleName, (Option<String>, bool)> = BTreeMap::new();
    for name in &names {
        let (stem, is_module) = match (name.strip_suffix(".wasm"), name.strip_suffix(".toml")) {
            (Some(stem), _) => (stem, true),
            (_, Some(stem)) => (stem, false),
            _ => {
                ignore(name, "it ends neither in .wasm nor in .toml".to_owned());
                continue;
            }
        };
        match RuleName::new(team.cloned(), stem) {
            Ok(rule) if stems.len() < RULES_A_FOLDER || stems.contains_key(&rule) => {
                let entry = stems.entry(rule).or_default();
                if is_module {
                    entry.0 = Some(name.clone());
                } else {
                    entry.1 = true;
                }
            }
            Ok(_) => ignore(
                name,
                format!("a folder holds at most {RULES_A_FOLDER} rules"),
            ),
            Err(error) => ignore(name, error.to_string()),
        }
    }
    for (rule, (module, has_settings)) in stems {
        let settings_name = format!("{}.toml", rule.stem());
        // In this order: settings are put in place before their module, so whoever finds the new module
        // finds its settings as well.
        let module = match module {
            Some(name) => open_file(folder, path, &name, module_limit),
            None => elsewhere(folder, path, &settings_name, module_limit),
        };
        let settings =
            has_settings.then(|| open_file(folder, path, &settings_name, SETTINGS_LIMIT));
        scan.rules.insert(rule, Found { module, settings });
    }
}

/// The module that a settings file without one of its own names with `module = …`.
fn elsewhere(
    folder: &OwnedFd,
    path: &Path,
    settings: &str,
    module_limit: Bytes,
) -> Result<Opened, String> {
    #[derive(serde::Deserialize)]
    struct Names {
        module: Option<String>,
    }
    let bytes = open_file(folder, path, settings, SETTINGS_LIMIT)?.read()?;
    let names: Option<Names> = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| toml::from_str(text).ok());
    let Some(module) = names.and_then(|names| names.module) else {
        return Err(format!(
            "`{}` has no module beside it: put one there, or name another with `module = \"….wasm\"`",
            path.join(settings).display()
        ));
    };
    open_file(folder, path, &module, module_limit)
}

/// Reads a settings file as a look at the folder does.
pub(super) fn read_settings(
    folder: &OwnedFd,
    path: &Path,
    name: &str,
) -> Result<Arc<[u8]>, String> {
    open_file(folder, path, name, SETTINGS_LIMIT)?.read()
}

/// Opens a file beneath its folder: a link within is followed, one that leads out is not.
fn open_file(folder: &OwnedFd, path: &Path, name: &str, limit: Bytes) -> Result<Opened, String> {
    let path = path.join(name);
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let opened = match openat2(folder.as_fd(), name, flags, Mode::empty(), beneath) {
        // A kernel or a container without `openat2`: then no link is followed at all.
        Err(Errno::NOSYS | Errno::PERM) if !name.contains('/') => rustix::fs::openat(
            folder.as_fd(),
            name,
            flags | OFlags::NOFOLLOW,
            Mode::empty(),
        ),
        other => other,
    };
    let file = opened.map_err(|error| match error {
        Errno::XDEV | Errno::LOOP => format!(
            "`{}` is a link that leads out of its folder, or in a circle: copy the file there",
            path.display()
        ),
        other => format!("`{}` cannot be opened: {other}", path.display()),
    })?;
    let state = fstat(&file).map_err(|error| format!("`{}`: {error}", path.display()))?;
    if FileType::from_raw_mode(state.st_mode) != FileType::RegularFile {
        return Err(format!("`{}` is not a regular file", path.display()));
    }
    Ok(Opened {
        fingerprint: Fingerprint {
            device: state.st_dev,
            inode: state.st_ino,
            size: u64::try_from(state.st_size).unwrap_or(0),
            modified: (state.st_mtime, state.st_mtime_nsec),
            changed: (state.st_ctime, state.st_ctime_nsec),
        },
        path,
        file: file.into(),
        limit,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn module(scan: Scan, name: &str) -> Result<Arc<[u8]>, String> {
        let name = RuleName::parse(name).expect("a rule's name");
        let found = scan.rules.into_iter().find(|(rule, _)| *rule == name);
        found
            .expect("the rule is there")
            .1
            .module
            .and_then(Opened::read)
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("payments")).expect("a team's folder");
        folder
    }

    fn look(folder: &tempfile::TempDir) -> Scan {
        scan(folder.path(), Bytes::kib(1)).expect("the folder can be read")
    }

    #[test]
    fn a_link_within_the_folder_is_followed_and_one_that_leads_out_is_not() {
        let folder = folder();
        let team = folder.path().join("payments");
        std::fs::write(team.join("real.wasm"), "bytes").expect("written");
        std::fs::write(folder.path().join("shared.wasm"), "shared").expect("written");
        symlink("real.wasm", team.join("inside.wasm")).expect("a link");
        symlink("../shared.wasm", team.join("outside.wasm")).expect("a link");
        symlink("/etc/passwd", team.join("absolute.wasm")).expect("a link");
        assert_eq!(
            &*module(look(&folder), "payments/inside").expect("it is followed"),
            b"bytes"
        );
        for name in ["payments/outside", "payments/absolute"] {
            let error = module(look(&folder), name).expect_err("it leads out");
            assert!(error.contains("leads out of its folder"), "{error}");
        }
    }

    #[test]
    fn a_pipe_and_a_file_over_the_limit_are_refused() {
        let folder = folder();
        let team = folder.path().join("payments");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            team.join("pipe.wasm"),
            FileType::Fifo,
            Mode::RUSR,
            0,
        )
        .expect("a pipe");
        std::fs::write(team.join("large.wasm"), vec![0; 1025]).expect("written");
        let error = module(look(&folder), "payments/pipe").expect_err("it is a pipe");
        assert!(error.ends_with("is not a regular file"), "{error}");
        let error = module(look(&folder), "payments/large").expect_err("it is too large");
        assert!(error.contains("more than the 1KiB"), "{error}");
    }

    #[test]
    fn what_is_temporary_or_hidden_is_passed_over_and_what_has_no_name_is_shown() {
        let folder = folder();
        for name in [
            ".hidden.wasm",
            "a.wasm.part",
            "b.wasm~",
            "Upper.wasm",
            "notes.txt",
        ] {
            std::fs::write(folder.path().join(name), "x").expect("written");
        }
        std::fs::create_dir(folder.path().join("source")).expect("a folder");
        std::fs::write(folder.path().join("source/Cargo.toml"), "").expect("written");
        let scan = look(&folder);
        assert!(scan.rules.is_empty());
        let mut names: Vec<String> = scan
            .ignored
            .into_iter()
            .map(|ignored| ignored.path)
            .collect();
        names.sort();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(names[0].ends_with("Upper.wasm") && names[1].ends_with("notes.txt"));
    }

    #[test]
    fn a_settings_file_may_name_another_module() {
        let folder = folder();
        std::fs::write(folder.path().join("route.wasm"), "bytes").expect("written");
        std::fs::write(folder.path().join("again.toml"), "module = 'route.wasm'").expect("written");
        std::fs::write(
            folder.path().join("out.toml"),
            "module = '../../etc/passwd'",
        )
        .expect("written");
        std::fs::write(folder.path().join("alone.toml"), "").expect("written");
        assert_eq!(
            &*module(look(&folder), "again").expect("it is found"),
            b"bytes"
        );
        assert!(module(look(&folder), "out").is_err());
        let error = module(look(&folder), "alone").expect_err("there is none");
        assert!(error.contains("has no module beside it"), "{error}");
    }
}
