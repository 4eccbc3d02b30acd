//! How files are named, and which of them are left out.
//!
//! A path is shown as text with `/` between its parts. On Linux a name is any bytes, so what is not UTF-8 in
//! it is shown as `\xff`, and a backslash that would be mistaken for the beginning of that as `\x5c`.
//! Everything else stands as it is.
//!
//! Invariants:
//! - Two paths are never shown alike, and [`real`] finds the path behind what is shown.
//! - A file with a temporary name is not reported, whatever happens to it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use crate::domain::pattern::Pattern;

/// What every desktop, editor and synchronisation client calls a file that is not complete.
const TEMPORARY_ENDINGS: [&str; 3] = ["~", ".part", ".tmp"];

/// What Nextcloud's server puts into the name of an upload that goes on.
/// <https://github.com/nextcloud/server/blob/master/apps/dav/lib/Connector/Sabre/File.php>
const TRANSFER: &str = ".octransferid";

/// A name or path as text.
pub(super) fn shown(raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len());
    for chunk in raw.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(at) = rest.find('\\') {
            let (before, from) = rest.split_at(at);
            text.push_str(before);
            text.push_str(if escaped(from.as_bytes()).is_some() {
                r"\x5c"
            } else {
                r"\"
            });
            rest = &from[1..];
        }
        text.push_str(rest);
        for byte in chunk.invalid() {
            text.push_str(r"\x");
            text.push_str(&hex::encode([*byte]));
        }
    }
    text
}

/// The path behind what is shown.
pub(super) fn real(shown: &str) -> PathBuf {
    let mut raw = Vec::with_capacity(shown.len());
    let mut rest = shown.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if let Some(byte) = escaped(rest) {
            raw.push(byte);
            rest = &rest[4..];
        } else {
            raw.push(*first);
            rest = after;
        }
    }
    PathBuf::from(OsString::from_vec(raw))
}

/// The byte that an escape at the beginning of a text stands for: one that is not ASCII, or a backslash.
fn escaped(text: &[u8]) -> Option<u8> {
    let digits = text.strip_prefix(br"\x")?.get(..2)?;
    if digits.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut byte = [0];
    hex::decode_to_slice(digits, &mut byte).ok()?;
    (byte[0] >= 0x80 || byte[0] == b'\\').then_some(byte[0])
}

/// The path of an entry of a folder; the watched folder itself is empty.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// The last part of a path.
pub(super) fn last(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// A path, the folders that it lies in from the innermost on, and the watched folder itself.
pub(super) fn upwards(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |inner| {
        let outer = inner.rsplit_once('/').map_or("", |(outer, _)| outer);
        (!inner.is_empty()).then_some(outer)
    })
}

/// Whether a file of this name is not complete yet, or not meant to be seen.
pub(super) fn is_temporary(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.starts_with('.')
        || TEMPORARY_ENDINGS
            .iter()
            .any(|ending| lower.ends_with(ending))
        || lower.contains(TRANSFER)
}

/// The operator's own patterns of what is left out.
#[derive(Debug, Clone, Default)]
pub(super) struct Ignore(Vec<Pattern>);

impl Ignore {
    /// Patterns with a `/` are about whole paths, others about names.
    pub(super) fn new(patterns: Vec<Pattern>) -> Self {
        Self(patterns)
    }

    /// Whether a file with this path is left out because of its own name or path.
    pub(super) fn file(&self, path: &str) -> bool {
        is_temporary(last(path)) || self.named(path)
    }

    /// Whether everything in a folder with this path is left out because of its own name or path.
    pub(super) fn folder(&self, path: &str) -> bool {
        last(path).starts_with('.') || self.named(path)
    }

    /// Whether a file is left out because of its own path or that of a folder it lies in.
    pub(super) fn hides(&self, path: &str) -> bool {
        self.file(path) || self.hides_folder_of(path)
    }

    /// Whether a path lies in a folder that is left out.
    pub(super) fn hides_folder_of(&self, path: &str) -> bool {
        path.match_indices('/')
            .any(|(end, _)| self.folder(&path[..end]))
    }

    fn named(&self, path: &str) -> bool {
        self.0.iter().any(|pattern| {
            let is_path = pattern.as_str().contains('/');
            pattern.matches(if is_path { path } else { last(path) })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use proptest::prelude::*;

    use super::*;

    fn ignore(patterns: &[&str]) -> Ignore {
        let patterns = patterns.iter().map(|pattern| Pattern::parse(*pattern));
        Ignore::new(patterns.collect::<Result<_, _>>().expect("patterns"))
    }

    #[test]
    fn ordinary_names_are_shown_as_they_are() {
        for name in [
            "Vertrag Müller.pdf",
            "50%20off.txt",
            r"back\slash",
            r"C:\xmas\x1b",
            "a\nb",
        ] {
            assert_eq!(shown(name.as_bytes()), name);
        }
    }

    #[test]
    fn names_that_are_not_utf_8_are_told_apart_from_those_that_look_like_them() {
        assert_eq!(shown(b"caf\xe9.txt"), r"caf\xe9.txt");
        assert_eq!(shown(br"caf\xe9.txt"), r"caf\x5cxe9.txt");
        assert_eq!(shown(br"\x5c"), r"\x5cx5c");
        assert_eq!(shown(b"\\x\xff"), r"\x\xff");
    }

    proptest! {
        #[test]
        fn every_name_is_found_again(raw in prop::collection::vec(any::<u8>(), 0..40)) {
            let path = real(&shown(&raw));
            prop_assert_eq!(path.as_os_str().as_bytes(), &raw[..]);
        }

        #[test]
        fn every_name_of_the_letters_that_matter_is_found_again(
            raw in prop::collection::vec(prop::sample::select(&b"\\x5cfe9\xff\xc3\xa9"[..]), 0..12),
        ) {
            let path = real(&shown(&raw));
            prop_assert_eq!(path.as_os_str().as_bytes(), &raw[..]);
        }
    }

    #[test]
    fn temporary_names_are_those_of_uploads_editors_and_hidden_files() {
        for name in [
            ".bashrc",
            ".x.swp",
            "report~",
            "report.pdf.part",
            "REPORT.TMP",
            "a.pdf.ocTransferId1234567.part",
            "a.pdf.ocTransferId1234567",
        ] {
            assert!(is_temporary(name), "{name}");
        }
        for name in ["report.pdf", "part", "tmp", "a.parts", "~a", "x.tmp.pdf"] {
            assert!(!is_temporary(name), "{name}");
        }
    }

    #[test]
    fn a_pattern_without_a_slash_is_about_names_and_one_with_it_about_paths() {
        let ignore = ignore(&["*.bak", "drafts/**", "node_modules"]);
        for path in [
            "a.bak",
            "deep/down/a.bak",
            "drafts/a",
            "drafts/b/c",
            "x/node_modules/y/z.js",
            "x/.git/config",
        ] {
            assert!(ignore.hides(path), "{path}");
        }
        for path in ["a.bak.pdf", "x/drafts/a", "drafts", "x~/a", "x.tmp/a"] {
            assert!(!ignore.hides(path), "{path}");
        }
    }

    #[test]
    fn upwards_of_a_path_are_the_folders_it_lies_in() {
        let upwards = |path| upwards(path).collect::<Vec<_>>();
        assert_eq!(upwards("ab/c/d"), ["ab/c/d", "ab/c", "ab", ""]);
        assert_eq!(upwards("a"), ["a", ""]);
        assert_eq!(upwards(""), [""]);
    }
}
