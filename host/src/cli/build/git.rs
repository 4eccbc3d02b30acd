//! Which commit a crate is built from, as Git says. Where there is no Git or no repository, none.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where a crate's source stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Revision {
    /// The commit.
    pub(super) commit: String,
    /// The crate's folder in the repository; empty for its root.
    pub(super) path: String,
    /// Whether what is built is what the commit holds.
    pub(super) state: State,
}

/// Whether a folder is as its commit has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is.
    Committed,
    /// Something is changed, or is not in the repository.
    Changed,
}

/// What is made by building, and is no source.
const NO_SOURCE: [&str; 2] = [":(exclude)target", ":(exclude)*.wasm"];

/// The revision of the first of these folders; it is as committed only where all of them are, and in the same
/// repository. Of `workspace`, only the files that say how crates are built count.
pub(super) fn revision<'a>(
    rule: &Path,
    others: impl Iterator<Item = &'a Path>,
    workspace: &Path,
) -> Option<Revision> {
    // A crate that the repository around it ignores is no part of it.
    if !is_tracked(rule) {
        return None;
    }
    let commit = git(rule, &["rev-parse", "HEAD"])?;
    let path = git(rule, &["rev-parse", "--show-prefix"])?;
    let root = root(rule)?;
    let is_committed = |folder: &Path, paths: &[&str]| {
        self::root(folder).as_ref() == Some(&root)
            && git(folder, &[&["status", "--porcelain", "--"], paths].concat()).as_deref()
                == Some("")
    };
    let whole = [&["."], &NO_SOURCE[..]].concat();
    let committed = is_committed(rule, &whole)
        && others
            .into_iter()
            .all(|folder| is_tracked(folder) && is_committed(folder, &whole))
        && is_committed(workspace, &["Cargo.toml", "Cargo.lock"]);
    Some(Revision {
        commit,
        path: path.trim_end_matches('/').to_owned(),
        state: if committed {
            State::Committed
        } else {
            State::Changed
        },
    })
}

/// Whether a crate's manifest is in the repository.
fn is_tracked(folder: &Path) -> bool {
    git(folder, &["ls-files", "--error-unmatch", "--", "Cargo.toml"]).is_some()
}

fn root(folder: &Path) -> Option<PathBuf> {
    git(folder, &["rev-parse", "--show-toplevel"]).map(PathBuf::from)
}

/// What Git answers about a folder; none where it fails.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        // They would lead to another repository than the folder's.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        // Looking writes nothing.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(folder: &Path) {
        for arguments in [
            &["init", "-q"][..],
            &["add", "."],
            &[
                "-c",
                "user.name=Ada",
                "-c",
                "user.email=ada@example.org",
                "commit",
                "-qm",
                "x",
            ],
        ] {
            git(folder, arguments).expect("git does it");
        }
    }

    fn look(folder: &Path, other: &Path) -> Option<Revision> {
        revision(&folder.join("rules/route"), [other].into_iter(), folder)
    }

    #[test]
    fn a_revision_is_clean_until_something_it_is_built_from_changes() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (rule, sdk) = (folder.path().join("rules/route"), folder.path().join("sdk"));
        for folder in [&rule, &sdk] {
            std::fs::create_dir_all(folder).expect("a folder can be made");
            std::fs::write(folder.join("Cargo.toml"), "").expect("it can be written");
        }
        let before = look(folder.path(), &sdk);
        commit(folder.path());

        let clean = look(folder.path(), &sdk).expect("it is a repository");
        std::fs::write(rule.join("route.wasm"), "").expect("it can be written");
        std::fs::write(folder.path().join("notes.txt"), "").expect("it can be written");
        let beside = look(folder.path(), &sdk).expect("it is a repository");
        std::fs::write(sdk.join("Cargo.toml"), "changed").expect("it can be written");
        let changed = look(folder.path(), &sdk).expect("it is a repository");

        assert_eq!(before, None);
        assert_eq!(
            (clean.path.as_str(), clean.commit.len()),
            ("rules/route", 40)
        );
        assert_eq!(clean.state, State::Committed);
        assert_eq!(beside, clean);
        assert_eq!(changed.state, State::Changed);
    }

    #[test]
    fn a_part_from_outside_the_repository_is_no_part_of_the_commit() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let elsewhere = tempfile::tempdir().expect("a folder can be made");
        std::fs::create_dir_all(folder.path().join("rules/route")).expect("a folder can be made");
        std::fs::write(folder.path().join("rules/route/Cargo.toml"), "")
            .expect("it can be written");
        commit(folder.path());

        let found = look(folder.path(), elsewhere.path()).expect("it is a repository");

        assert_eq!(found.state, State::Changed);
    }

    #[test]
    fn a_crate_that_the_repository_ignores_is_not_of_its_commit() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (rule, sdk) = (folder.path().join("rules/route"), folder.path().join("sdk"));
        for crate_folder in [&rule, &sdk] {
            std::fs::create_dir_all(crate_folder).expect("a folder can be made");
            std::fs::write(crate_folder.join("Cargo.toml"), "").expect("it can be written");
        }
        std::fs::write(folder.path().join(".gitignore"), "/sdk\n").expect("it can be written");
        commit(folder.path());

        let without_sdk = look(folder.path(), &sdk).expect("the rule is of the repository");
        let ignored = revision(&sdk, std::iter::empty(), folder.path());

        assert_eq!(without_sdk.state, State::Changed);
        assert_eq!(ignored, None);
    }
}
