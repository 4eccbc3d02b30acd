//! What goes with a module besides its manifest: README, licence, source, and the SDK's version.

use std::path::{Path, PathBuf};

use super::super::output;
use super::crates::Crates;
use super::git::{self, State};
use crate::domain::quantity::Bytes;
use crate::engine::{Sections, Source};

/// How the names of files with licences begin, in lowercase.
const LICENSES: [&str; 4] = ["license", "licence", "copying", "unlicense"];

/// What is there to go with the module of a crate.
pub(super) fn of(crates: &Crates) -> Sections {
    let rule = crates.rule();
    let folder = rule.folder();
    let readme = rule
        .readme
        .as_ref()
        .and_then(|file| read(&folder.join(file)));
    Sections {
        manifest: None,
        readme: readme.map(|text| cut("the README", text, Sections::README_LIMIT)),
        license: license(crates)
            .map(|text| cut("the text of the licence", text, Sections::LICENSE_LIMIT)),
        source: source(crates),
        sdk: crates.sdk().map(str::to_owned),
    }
}

fn source(crates: &Crates) -> Option<Source> {
    let rule = crates.rule();
    let revision = git::revision(rule.folder(), crates.own_folders(), crates.workspace());
    let source = Source {
        repository: rule.repository.clone(),
        commit: revision.as_ref().map(|found| found.commit.clone()),
        dirty: revision.as_ref().map(|found| found.state == State::Changed),
        path: revision
            .map(|found| found.path)
            .filter(|path| !path.is_empty()),
    };
    (source != Source::default()).then_some(source)
}

/// The text of the licence: the file that the manifest names, or those that are called so, of the crate
/// or else of its workspace.
fn license(crates: &Crates) -> Option<String> {
    let rule = crates.rule();
    let files = match &rule.license_file {
        Some(file) => vec![rule.folder().join(file)],
        None => {
            let own = licenses(rule.folder());
            if own.is_empty() {
                licenses(crates.workspace())
            } else {
                own
            }
        }
    };
    let texts: Vec<String> = files.iter().filter_map(|file| read(file)).collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

/// The files of a folder that are called licences, by name.
fn licenses(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().to_lowercase();
            LICENSES.iter().any(|beginning| name.starts_with(beginning))
        })
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

fn read(path: &Path) -> Option<String> {
    match std::fs::read(path) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => {
            output::note(format!(
                "warning: `{}` is left out: {error}",
                path.display()
            ));
            None
        }
    }
}

/// A text within its limit, cut between characters.
fn cut(what: &str, mut text: String, limit: Bytes) -> String {
    if text.len() > limit.as_usize() {
        output::note(format!(
            "warning: {what} is longer than {limit}, and is cut there"
        ));
        text.truncate(text.floor_char_boundary(limit.as_usize()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_found_by_their_names_and_in_their_order() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for name in ["LICENSE-MIT", "LICENSE-APACHE", "README.md", "Licence.txt"] {
            std::fs::write(folder.path().join(name), "x").expect("it can be written");
        }
        std::fs::create_dir(folder.path().join("licenses")).expect("a folder can be made");

        let files = licenses(folder.path());

        let names = files.iter().filter_map(|path| path.file_name()?.to_str());
        assert_eq!(
            names.collect::<Vec<_>>(),
            ["LICENSE-APACHE", "LICENSE-MIT", "Licence.txt"]
        );
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("it", "aää".to_owned(), Bytes(4)), "aä");
        assert_eq!(cut("it", "aää".to_owned(), Bytes(5)), "aää");
    }
}
