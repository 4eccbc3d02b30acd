//! What is kept of a command's output: its beginning and its end.
//!
//! The run feeds the [`OutputKeeper`] with whatever comes, however much that is. It goes into a file of the
//! output folder at once; in the end that becomes a text that can be shown, and so does what the record of
//! the attempt holds. [`Outputs`] reads the files.
//!
//! Invariants:
//! - No more than the limit is written, and no more than the record's share of it is held in memory.
//! - Secrets are masked before anything is kept.
//! - The text holds no control characters but line feeds and tabs.
//! - A disk that takes nothing stops no command, and what memory holds of the output is not lost.

mod folder;
mod keeper;
mod printable;
mod unfinished;

use std::io::{self, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use self::folder::{OutputState, Outputs, StoredOutput};
pub(super) use self::keeper::{Destination, OutputKeeper};
use self::unfinished::{Contents, Storage};
use crate::domain::quantity::Bytes;

/// The most that is kept of an output on disk.
pub(super) const OUTPUT_LIMIT: Bytes = Bytes::mib(64);

/// The most of an output that the record of an attempt holds.
const RECORD_LIMIT: Bytes = Bytes::kib(64);

/// What is kept of a command's output.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Output {
    /// Its beginning; the whole where nothing was left out.
    pub head: String,
    /// Its end.
    pub tail: String,
    /// How many bytes between them were left out.
    pub left_out: u64,
    /// The file that holds the same or more; none where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Why the file does not hold what it should; none where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

impl Output {
    /// The whole as one text, with a line in place of what was left out.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.head.clone();
        if self.left_out > 0 {
            text.push_str(&left_out_line(self.left_out));
            text.push_str(&self.tail);
        }
        if let Some(trouble) = &self.trouble {
            text.push_str(&trouble_line(trouble));
        }
        text
    }

    /// What there is of its end.
    fn end(&self) -> &str {
        match self.left_out {
            0 => &self.head,
            _ => &self.tail,
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

/// What stands in place of what was left out.
fn left_out_line(bytes: u64) -> String {
    format!("\n… {bytes} bytes left out …\n")
}

/// What stands below an output that could not be kept as it should.
fn trouble_line(trouble: &str) -> String {
    format!("\n… on disk it is not complete: {trouble} …\n")
}

/// How an output becomes texts of a limited length: its beginning and its end, each of half the limit.
struct Cut<'a, S> {
    contents: &'a Contents<S>,
    half: u64,
    /// How much of the text of the end is left out; none where the whole text fits.
    skipped: Option<u64>,
}

impl<'a, S: Storage> Cut<'a, S> {
    fn new(contents: &'a Contents<S>, limit: Bytes) -> io::Result<Self> {
        let half = limit.0 / 2;
        let skipped = if contents.has_gap() {
            Some(contents.tail().length()?.saturating_sub(half))
        } else {
            let length = contents.whole().length()?;
            (length > 2 * half).then(|| length - half)
        };
        Ok(Self {
            contents,
            half,
            skipped,
        })
    }

    /// Writes the beginning, or the whole, and returns for how many bytes it stands.
    fn write_head(&self, out: &mut impl Write) -> io::Result<u64> {
        if self.contents.has_gap() {
            self.contents.head().write_beginning(self.half, out)
        } else {
            let limit = self.skipped.map_or(u64::MAX, |_| self.half);
            self.contents.whole().write_beginning(limit, out)
        }
    }

    /// Writes the end, and returns for how many bytes it stands.
    fn write_tail(&self, out: &mut impl Write) -> io::Result<u64> {
        match self.skipped {
            None => Ok(0),
            Some(skipped) if self.contents.has_gap() => {
                self.contents.tail().write_end(skipped, out)
            }
            Some(skipped) => self.contents.whole().write_end(skipped, out),
        }
    }

    /// Both, in memory.
    fn read(&self) -> io::Result<Output> {
        let (mut head, mut tail) = (Vec::new(), Vec::new());
        let kept = self.write_head(&mut head)? + self.write_tail(&mut tail)?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Output {
            head: text(head),
            tail: text(tail),
            left_out: self.contents.total.saturating_sub(kept),
            path: None,
            trouble: None,
        })
    }

    /// Both one after the other, with a line between them where something is left out.
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let head = self.write_head(out)?;
        let tail = self.write_tail(&mut io::sink())?;
        let left_out = self.contents.total.saturating_sub(head + tail);
        if left_out > 0 {
            out.write_all(left_out_line(left_out).as_bytes())?;
            self.write_tail(out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
