//! What is kept of a command's output: its beginning and its end.
//!
//! The run feeds it whatever comes, however much that is; in the end it is text that can be shown, and a
//! file in the output folder.
//!
//! Invariants:
//! - No more than the limit is held in memory or written, apart from escapes.
//! - Secrets are masked before anything is kept.
//! - The text holds no control characters but line feeds and tabs.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;

use super::mask::Masker;
use super::shown::escape;
use crate::domain::names::Digest;
use crate::domain::quantity::Bytes;

/// The most that is kept of an output on disk.
pub(super) const OUTPUT_LIMIT: Bytes = Bytes::mib(64);

/// What is kept of a command's output.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Output {
    /// Its beginning.
    pub head: String,
    /// Its end; follows the beginning at once where nothing was left out.
    pub tail: String,
    /// How many bytes between them were left out.
    pub left_out: u64,
    /// The file that holds the same; none where it could not be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

impl Output {
    /// The whole as one text, with a line in place of what was left out.
    #[must_use]
    pub fn text(&self) -> String {
        if self.left_out == 0 {
            format!("{}{}", self.head, self.tail)
        } else {
            format!(
                "{}\n… {} bytes left out …\n{}",
                self.head, self.left_out, self.tail
            )
        }
    }

    /// The last lines that fit into so many bytes, for a report; the end of the last line where it alone
    /// is longer.
    #[must_use]
    pub fn last_lines(&self, limit: usize) -> String {
        let text = self.text();
        let text = text.trim_end();
        let mut from = text.len().saturating_sub(limit);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        let end = &text[from..];
        match end.split_once('\n') {
            Some((_, whole_lines)) if from > 0 => whole_lines.to_owned(),
            _ => end.to_owned(),
        }
    }
}

/// Takes a command's output as it comes.
#[derive(Debug)]
pub(super) struct OutputKeeper {
    masker: Masker,
    kept: Kept,
}

#[derive(Debug)]
struct Kept {
    half: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Kept {
    fn push(&mut self, bytes: &[u8]) {
        self.total = self
            .total
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let room = self.half.saturating_sub(self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(room);
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(self.half)..];
        let excess = (self.tail.len() + rest.len()).saturating_sub(self.half);
        self.tail.drain(..excess);
        self.tail.extend(rest);
    }
}

impl OutputKeeper {
    /// Keeps at most so many bytes, and none of the secrets.
    pub(super) fn new<'a>(limit: usize, secrets: impl Iterator<Item = &'a str>) -> Self {
        Self {
            masker: Masker::new(secrets),
            kept: Kept {
                half: limit / 2,
                head: Vec::new(),
                tail: VecDeque::new(),
                total: 0,
            },
        }
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let Self { masker, kept } = self;
        masker.push(bytes, &mut |bytes| kept.push(bytes));
    }

    /// What is kept, as text.
    pub(super) fn finish(mut self) -> Output {
        let Self { masker, kept } = &mut self;
        masker.finish(&mut |bytes| kept.push(bytes));
        let mut head = std::mem::take(&mut self.kept.head);
        let mut tail: Vec<u8> = std::mem::take(&mut self.kept.tail).into();
        let length = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.kept.total == length(&head) + length(&tail) {
            // A character may lie across the two halves.
            let begun = begun_character(&head);
            tail.splice(..0, head.drain(head.len() - begun..));
        } else {
            head.truncate(head.len() - begun_character(&head));
            let rest_of_character = tail
                .iter()
                .take(3)
                .take_while(|byte| is_continuation(**byte))
                .count();
            tail.drain(..rest_of_character);
        }
        Output {
            left_out: self.kept.total - length(&head) - length(&tail),
            head: printable(&head),
            tail: printable(&tail),
            path: None,
        }
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// How many bytes at the end begin a character of UTF-8 and do not finish it.
fn begun_character(bytes: &[u8]) -> usize {
    let end = &bytes[bytes.len().saturating_sub(3)..];
    match std::str::from_utf8(end) {
        Ok(_) => 0,
        // The three bytes may themselves begin within a character, so the first lead byte from behind counts.
        Err(_) => end
            .iter()
            .rposition(|byte| !is_continuation(*byte))
            .map(|at| &end[at..])
            .filter(|rest| {
                std::str::from_utf8(rest).is_err_and(|error| error.error_len().is_none())
            })
            .map_or(0, <[u8]>::len),
    }
}

/// Bytes as text that is safe to show: what is no UTF-8 replaced, control characters escaped.
fn printable(bytes: &[u8]) -> String {
    escape(&String::from_utf8_lossy(bytes), &['\n', '\t'])
}

/// Writes an output into the output folder, readable by the server's user alone, and notes its path.
///
/// # Errors
/// When the folder or the file cannot be written.
pub(super) async fn write(
    output: &mut Output,
    folder: &Path,
    key: &str,
    attempt: u32,
) -> Result<(), std::io::Error> {
    let path = folder.join(file_name(key, attempt));
    tokio::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .await?;
    let mut file = tokio::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .await?;
    file.write_all(output.text().as_bytes()).await?;
    file.flush().await?;
    output.path = Some(path);
    Ok(())
}

/// A file's name for an idempotency key: different for different keys, and never a path.
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
    format!("{name}.{attempt}.log")
}

fn hex_digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn keep(limit: usize, pieces: &[&[u8]]) -> Output {
        let mut keeper = OutputKeeper::new(limit, ["s3cr3t"].into_iter());
        for piece in pieces {
            keeper.push(piece);
        }
        keeper.finish()
    }

    #[test]
    fn a_short_output_is_kept_whole() {
        let output = keep(8, &["aé€".as_bytes(), b"zz"]);

        assert_eq!(output.text(), "aé€zz");
        assert_eq!(output.left_out, 0);
    }

    #[test]
    fn of_a_long_output_the_head_and_the_tail_are_kept_and_the_rest_is_counted() {
        let output = keep(8, &[b"01234", b"5", b"6789abcdef", b"gh"]);

        assert_eq!(
            (output.head.as_str(), output.tail.as_str()),
            ("0123", "efgh")
        );
        assert_eq!(output.left_out, 10);
        assert_eq!(output.text(), "0123\n… 10 bytes left out …\nefgh");
    }

    #[test]
    fn no_character_is_cut_in_two() {
        let output = keep(8, &["abc€defghij€xyz".as_bytes()]);

        assert_eq!((output.head.as_str(), output.tail.as_str()), ("abc", "xyz"));
        assert_eq!(output.left_out, 13);
        for limit in 0..40 {
            let text = keep(limit, &["aé€🦀".repeat(4).as_bytes()]).text();
            assert!(!text.contains('\u{fffd}'), "{limit}: {text}");
        }
    }

    #[test]
    fn control_characters_are_escaped_and_bytes_that_are_no_text_replaced() {
        let output = keep(64, &[b"a\tb\n\x1b[31m\r\0\xff\xc2\x9b"]);

        assert_eq!(output.text(), "a\tb\n\\u{1b}[31m\\r\\u{0}\u{fffd}\\u{9b}");
    }

    #[test]
    fn a_secret_is_masked_before_the_output_is_cut() {
        let output = keep(16, &[b"xxxxs3c", b"r3tyyyyyyyyyyyyyyyy"]);

        assert_eq!(output.head, "xxxx***y");
    }

    #[test]
    fn the_last_lines_begin_at_a_line() {
        let output = keep(64, &[b"first\nsecond\nthird\n\n"]);

        assert_eq!(output.last_lines(14), "second\nthird");
        assert_eq!(output.last_lines(3), "ird");
        assert_eq!(output.last_lines(100), "first\nsecond\nthird");
        assert_eq!(Output::default().last_lines(10), "");
    }

    #[test]
    fn a_key_becomes_a_file_name_that_is_no_path() {
        assert_eq!(
            file_name("0190-a.2/0/payments/10-route/1", 3),
            "0190-a.2+0+payments+10-route+1.3.log"
        );
        assert_eq!(file_name("../x y", 1), "%2E.+x%20y.1.log");
        assert!(file_name(&"k".repeat(4000), 1).len() < 255);
        assert_ne!(
            file_name(&format!("{}a", "k".repeat(300)), 1),
            file_name(&"k".repeat(301), 1)
        );
    }

    #[tokio::test]
    async fn the_file_is_for_the_servers_user_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("output");
        let mut output = keep(64, &[b"done\n"]);

        write(&mut output, &folder, "e/0/t/r/0", 1)
            .await
            .expect("it is written");

        let path = output.path.expect("its path is noted");
        assert_eq!(
            std::fs::read_to_string(&path).expect("it is there"),
            "done\n"
        );
        let mode = std::fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
