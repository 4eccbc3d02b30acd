//! The contents of the versions that were at work: a folder with one file for each module and settings file, named
//! by digest.
//!
//! Invariants:
//! - What is read has the digest that was asked for: a file that was cut off by a crash counts as missing.
//! - A file is there as a whole or not at all.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::{fs, io};

use super::life::Version;
use crate::domain::names::Digest;

/// What the two files of a version hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) module: Arc<[u8]>,
    /// Nothing where there is no settings file.
    pub(super) settings: Arc<[u8]>,
}

impl Contents {
    /// Which version they are.
    pub(super) fn version(&self) -> Version {
        Version {
            module: Digest::of(&self.module),
            settings: Digest::of(&self.settings),
        }
    }
}

/// The folder; none where nothing is kept.
#[derive(Debug, Clone)]
pub(super) struct Archive(Option<PathBuf>);

impl Archive {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self(folder)
    }

    /// Keeps both files of a version. Blocks.
    pub(super) fn put(&self, version: &Version, contents: &Contents) -> io::Result<()> {
        let Some(folder) = &self.0 else {
            return Ok(());
        };
        fs::create_dir_all(folder)?;
        for (digest, bytes) in [
            (&version.module, &contents.module),
            (&version.settings, &contents.settings),
        ] {
            let path = folder.join(digest.hex());
            let is_whole = fs::metadata(&path).is_ok_and(|found| found.len() == bytes.len() as u64);
            if is_whole {
                continue;
            }
            let partial = path.with_extension(format!("partial-{}", uuid::Uuid::now_v7()));
            fs::write(&partial, bytes)?;
            fs::rename(&partial, &path)?;
        }
        Ok(())
    }

    /// Both files of a version; none where they are not kept. Blocks.
    pub(super) fn get(&self, version: &Version) -> Option<Contents> {
        Some(Contents {
            module: self.read(&version.module)?,
            settings: self.read(&version.settings)?,
        })
    }

    fn read(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        let bytes = fs::read(self.0.as_ref()?.join(digest.hex())).ok()?;
        (Digest::of(&bytes) == *digest).then(|| bytes.into())
    }

    /// Whether a module is kept. Blocks.
    pub(super) fn holds(&self, module: &Digest) -> bool {
        let folder = self.0.as_ref();
        folder.is_some_and(|folder| folder.join(module.hex()).exists())
    }

    /// The digits of the digests of all that is kept. Blocks.
    pub(super) fn digests(&self) -> io::Result<BTreeSet<String>> {
        let Some(folder) = &self.0 else {
            return Ok(BTreeSet::new());
        };
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            entries => entries?,
        };
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    }

    /// Removes everything but these. Blocks.
    pub(super) fn retain(&self, kept: &BTreeSet<String>) -> io::Result<()> {
        let Some(folder) = &self.0 else {
            return Ok(());
        };
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if !kept.contains(&*entry.file_name().to_string_lossy()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn contents(module: &str, settings: &str) -> Contents {
        Contents {
            module: module.as_bytes().into(),
            settings: settings.as_bytes().into(),
        }
    }

    fn count(folder: &Path) -> usize {
        let versions = fs::read_dir(folder.join("versions"));
        versions.expect("a folder").count()
    }

    #[test]
    fn what_was_put_is_found_until_it_is_not_retained() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = Archive::new(Some(folder.path().join("versions")));
        let contents = contents("module", "settings");
        let version = contents.version();
        assert_eq!(archive.get(&version), None);
        archive.retain(&BTreeSet::new()).expect("no folder yet");

        archive.put(&version, &contents).expect("it can be written");
        assert_eq!(archive.get(&version), Some(contents));

        let kept = BTreeSet::from([version.module.hex().to_owned()]);
        archive.retain(&kept).expect("the rest can be removed");
        assert_eq!(archive.get(&version), None);
        assert_eq!(count(folder.path()), 1);
    }

    #[test]
    fn a_file_that_is_not_whole_counts_as_missing_and_is_written_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = Archive::new(Some(folder.path().to_owned()));
        let contents = contents("module", "");
        let version = contents.version();
        archive.put(&version, &contents).expect("written");
        fs::write(folder.path().join(version.module.hex()), b"mod").expect("cut off");
        assert_eq!(archive.get(&version), None);

        archive.put(&version, &contents).expect("written");

        assert_eq!(archive.get(&version), Some(contents));
    }
}
