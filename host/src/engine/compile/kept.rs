//! What is kept of modules that were compiled: the component, its machine code, and where that lies; and the marks of
//! those that were too costly.
//!
//! Wasmtime names the files of code itself, so the child that compiles a component notes which one it made. Looked for
//! is all of it: where the code is gone, or is of another processor, the module counts as never compiled.
//!
//! Invariants:
//! - What is found has its code beside it, of the size that was written, and for this engine.
//! - Of the marks of costly modules there is a bounded number.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::hash::{Hash as _, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::domain::names::Digest;

/// How many marks of modules that were too costly are kept: a mark has some bytes, and each costs whoever gives rise to
/// it a minute of a processor.
const REJECTIONS: usize = 1_000;

/// The folders.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Kept {
    /// Wasmtime's own: it removes whatever else it finds in it.
    code: PathBuf,
    /// The rest, by digest.
    rules: PathBuf,
    /// What lay half made in it at the start, of children that were killed.
    left_behind: Arc<BTreeSet<PathBuf>>,
}

/// Where the code of a component is.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    /// What it can be used by.
    usable_by: String,
    /// The file, beneath the folder of code.
    file: PathBuf,
    /// What that has, in bytes.
    size: u64,
}

impl Kept {
    /// Makes the folders beneath this one.
    pub(super) fn within(cache: &Path) -> io::Result<Self> {
        let (code, rules) = (cache.join("code"), cache.join("rules"));
        fs::create_dir_all(&code)?;
        fs::create_dir_all(&rules)?;
        let mut left_behind = BTreeSet::new();
        for entry in fs::read_dir(&rules)? {
            let path = entry?.path();
            if !["component", "code", "rejected"].contains(&&*ending(&path)) {
                left_behind.insert(path);
            }
        }
        Ok(Self {
            code,
            rules,
            left_behind: Arc::new(left_behind),
        })
    }

    /// Where Wasmtime keeps compiled code.
    pub(in crate::engine) fn code(&self) -> &Path {
        &self.code
    }

    /// The component of a module.
    pub(super) fn component(&self, digest: &Digest) -> PathBuf {
        self.rules.join(format!("{}.component", digest.hex()))
    }

    fn note(&self, digest: &Digest) -> PathBuf {
        note_beside(&self.component(digest))
    }

    fn rejection(&self, digest: &Digest) -> PathBuf {
        self.rules.join(format!("{}.rejected", digest.hex()))
    }

    /// A folder in which a child compiles, and which nothing else has.
    pub(super) fn workplace(&self, digest: &Digest) -> PathBuf {
        let name = format!("{}.making-{}", digest.hex(), uuid::Uuid::now_v7());
        self.rules.join(name)
    }

    /// The component of a module whose code can be used by such an engine. Blocks.
    pub(super) fn find(&self, digest: &Digest, usable_by: &str) -> Option<Vec<u8>> {
        let note = read_note(&self.note(digest))?;
        let code = fs::metadata(self.code.join(&note.file)).ok()?;
        let is_usable = note.usable_by == usable_by && code.len() == note.size;
        is_usable.then(|| fs::read(self.component(digest)).ok())?
    }

    /// Which limit a module exceeded, where it is known. Blocks.
    pub(super) fn exceeded(&self, digest: &Digest) -> Option<String> {
        fs::read_to_string(self.rejection(digest)).ok()
    }

    /// Marks a module that was too costly, and forgets the oldest marks. Blocks.
    pub(super) fn reject(&self, digest: &Digest, limit: &str) -> io::Result<()> {
        store(&self.rejection(digest), limit.as_bytes())?;
        let mut marks = Vec::new();
        for entry in fs::read_dir(&self.rules)? {
            let entry = entry?;
            if ending(&entry.path()) == "rejected" {
                marks.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        marks.sort();
        let too_many = marks.len().saturating_sub(REJECTIONS);
        for (_, mark) in marks.drain(..too_many) {
            remove(&mark)?;
        }
        Ok(())
    }

    /// Removes what is kept of a module, but not that it was too costly. Blocks.
    pub(super) fn forget(&self, digest: &Digest) -> io::Result<()> {
        let note = read_note(&self.note(digest));
        remove(&self.note(digest))?;
        remove(&self.component(digest))?;
        let Some(Note { file, .. }) = note else {
            return Ok(());
        };
        // Modules that differ in nothing that is compiled share their code.
        for entry in fs::read_dir(&self.rules)? {
            if read_note(&entry?.path()).is_some_and(|other| other.file == file) {
                return Ok(());
            }
        }
        let code = self.code.join(file);
        remove(&code.with_extension(STATISTICS))?;
        remove(&code)
    }

    /// Removes what is kept of all modules but these, by the digits of their digests, and what was left behind half
    /// made. Blocks.
    pub(super) fn retain(&self, digests: &BTreeSet<String>) -> io::Result<()> {
        let mut code = BTreeSet::new();
        for entry in fs::read_dir(&self.rules)? {
            let path = entry?.path();
            let stays = match &*ending(&path) {
                "component" | "code" => {
                    let digest = path.file_stem().and_then(OsStr::to_str);
                    digest.is_some_and(|digest| digests.contains(digest))
                }
                // A mark, or what a child is making.
                _ => !self.left_behind.contains(&path),
            };
            match read_note(&path) {
                Some(note) if stays => {
                    code.insert(self.code.join(note.file));
                }
                _ if stays => {}
                _ if path.is_dir() => fs::remove_dir_all(&path)?,
                _ => remove(&path)?,
            }
        }
        for file in files_in(&self.code)? {
            // With the records beside it, which may be written after it is gone.
            if !code.contains(&file.with_extension("")) {
                remove(&file)?;
            }
        }
        Ok(())
    }
}

/// What the name of a file ends with, after its last point.
fn ending(path: &Path) -> Cow<'_, str> {
    path.extension().unwrap_or_default().to_string_lossy()
}

fn note_beside(component: &Path) -> PathBuf {
    component.with_extension("code")
}

/// The note in a file; none where it is no note.
fn read_note(path: &Path) -> Option<Note> {
    if ending(path) != "code" {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Removes a file that may be gone.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// What the name of a record of Wasmtime's ends with, which it keeps beside code that is used.
const STATISTICS: &str = "stats";

/// The files of compiled code, without the records that Wasmtime keeps beside them.
///
/// They lie in `modules/<compiler>/`, and their names are digests without an ending:
/// <https://docs.rs/wasmtime-internal-cache/48.0.8/src/wasmtime_internal_cache/lib.rs.html>
fn files_of_code(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = files_in(folder)?;
    found.retain(|path| path.extension().is_none());
    Ok(found)
}

/// The files of compiled code with the records beside them.
fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let compilers = match fs::read_dir(folder.join("modules")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        compilers => compilers?,
    };
    for compiler in compilers {
        for file in fs::read_dir(compiler?.path())? {
            found.push(file?.path());
        }
    }
    Ok(found)
}

/// What code can be used by: the engine's version, its set-up, and what the processor can do.
pub(in crate::engine) fn usable_by(engine: &wasmtime::Engine) -> String {
    let mut told = Told(Vec::new());
    engine.precompile_compatibility_hash().hash(&mut told);
    Digest::of(&told.0).hex().to_owned()
}

/// Keeps what a hash is made of.
struct Told(Vec<u8>);

impl Hasher for Told {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

/// Moves the code that a child made in a folder of its own to where the server looks for it, and notes where that is;
/// then keeps the component. In this order, so that what is found is whole.
pub(super) fn keep(
    (workplace, code): (&Path, &Path),
    usable_by: String,
    (component, encoded): (&Path, &[u8]),
) -> io::Result<()> {
    let made = files_of_code(workplace)?;
    let [made] = made.as_slice() else {
        return Err(io::Error::other("the code could not be written"));
    };
    let file = made.strip_prefix(workplace).map_err(io::Error::other)?;
    let place = code.join(file);
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    let size = fs::metadata(made)?.len();
    fs::rename(made, &place)?;
    let note = Note {
        usable_by,
        file: file.to_owned(),
        size,
    };
    store(&note_beside(component), &serde_json::to_vec(&note)?)?;
    store(component, encoded)
}

/// Writes a file that is there as a whole or not at all.
fn store(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension(format!("partial-{}", uuid::Uuid::now_v7()));
    fs::write(&partial, bytes)?;
    fs::rename(&partial, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: usize) -> Digest {
        Digest::of(&number.to_be_bytes())
    }

    /// A module that was compiled for this engine.
    fn make(kept: &Kept, digest: &Digest, usable_by: &str) {
        make_with((kept, digest.short()), digest, usable_by);
    }

    /// A module that was compiled for this engine, to code of this name.
    fn make_with((kept, name): (&Kept, &str), digest: &Digest, usable_by: &str) {
        let workplace = kept.workplace(digest);
        let made = workplace.join("modules/compiler").join(name);
        fs::create_dir_all(made.parent().expect("a folder")).expect("it is made");
        fs::write(&made, b"code").expect("it is written");
        fs::write(made.with_extension("stats"), b"").expect("it is written");
        let component = kept.component(digest);
        let code = (workplace.as_path(), kept.code());
        keep(code, usable_by.to_owned(), (&component, b"component")).expect("it is kept");
        fs::remove_dir_all(workplace).expect("it is removed");
    }

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).expect("a folder").count()
    }

    #[test]
    fn a_component_is_found_only_with_whole_code_for_the_engine() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = Kept::within(folder.path()).expect("the folders");
        let one = digest(1);
        assert_eq!(kept.find(&one, "this"), None);
        make(&kept, &one, "this");

        let found = kept.find(&one, "this");
        let of_another = kept.find(&one, "another");
        let code = files_of_code(kept.code()).expect("the code");
        fs::write(&code[0], b"co").expect("it is cut off");
        let cut_off = kept.find(&one, "this");
        fs::remove_file(&code[0]).expect("it is removed");
        let gone = kept.find(&one, "this");

        assert_eq!(found.as_deref(), Some(&b"component"[..]));
        assert_eq!((of_another, cut_off, gone), (None, None, None));
    }

    #[test]
    fn what_is_not_retained_goes_with_its_code_and_what_is_half_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = Kept::within(folder.path()).expect("the folders");
        let (stays, goes, costly) = (digest(1), digest(2), digest(3));
        make(&kept, &stays, "this");
        make(&kept, &goes, "this");
        kept.reject(&costly, "a minute").expect("it is marked");
        fs::create_dir(kept.workplace(&goes)).expect("it is made");
        let kept = Kept::within(folder.path()).expect("the folders");
        let being_made = kept.workplace(&stays);
        fs::create_dir(&being_made).expect("it is made");

        let digests = BTreeSet::from([stays.hex().to_owned()]);
        kept.retain(&digests).expect("the rest is removed");

        assert!(kept.find(&stays, "this").is_some());
        assert_eq!(kept.find(&goes, "this"), None);
        assert_eq!(kept.exceeded(&costly).as_deref(), Some("a minute"));
        assert!(being_made.exists(), "it is of this process");
        assert_eq!(
            count(&kept.rules),
            4,
            "a component, a note, a mark, and that"
        );
        assert_eq!(files_of_code(kept.code()).expect("the code").len(), 1);
    }

    #[test]
    fn code_that_two_modules_share_stays_until_both_are_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = Kept::within(folder.path()).expect("the folders");
        let (one, other) = (digest(1), digest(2));
        make_with((&kept, "code"), &one, "this");
        make_with((&kept, "code"), &other, "this");

        kept.forget(&one).expect("it is removed");
        let of_other = kept.find(&other, "this");
        kept.forget(&other).expect("it is removed");

        assert_eq!(kept.find(&one, "this"), None);
        assert!(of_other.is_some());
        let code = files_of_code(kept.code()).expect("the code");
        assert_eq!((code, count(&kept.rules)), (Vec::new(), 0));
    }

    #[test]
    fn records_beside_code_go_with_it_also_where_they_come_later() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = Kept::within(folder.path()).expect("the folders");
        let (stays, goes) = (digest(1), digest(2));
        let [of_stays, of_goes] = [&stays, &goes].map(|digest| {
            make(&kept, digest, "this");
            let record = kept.code().join("modules/compiler").join(digest.short());
            record.with_extension("stats")
        });
        let write = |record: &Path| fs::write(record, b"used once").expect("it is written");
        write(&of_stays);
        write(&of_goes);

        kept.forget(&goes).expect("it is removed");
        let went = !of_goes.exists();
        write(&of_goes);
        let digests = BTreeSet::from([stays.hex().to_owned()]);
        kept.retain(&digests).expect("the rest is removed");

        assert!(went && of_stays.exists() && !of_goes.exists());
        assert!(kept.find(&stays, "this").is_some());
    }

    #[test]
    fn of_the_marks_of_costly_modules_a_bounded_number_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = Kept::within(folder.path()).expect("the folders");

        for number in 0..REJECTIONS + 2 {
            let mark = kept.rejection(&digest(number));
            fs::write(mark, b"a minute").expect("it is marked");
        }
        kept.reject(&digest(REJECTIONS + 2), "a minute")
            .expect("it is marked");

        assert_eq!(count(&kept.rules), REJECTIONS);
    }
}
