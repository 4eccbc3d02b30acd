//! Bytes as text that is safe to show, cut to a length.
//!
//! What a command wrote is kept as it came. It becomes text when it is read, piece by piece, so that an
//! output of any length needs no more memory than its result.
//!
//! Invariants:
//! - The text holds no control characters but line feeds and tabs, and is no longer than was asked.
//! - No character is cut in two.

use std::io::{self, Read, Write};

use crate::actions::command::shown::{escape, misleads};

/// How much is read at once.
const BLOCK: usize = 64 << 10;

/// The longest character has four bytes.
const LONGEST_REST: usize = 3;

/// Whether something stands before or after some bytes that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// They begin or end here.
    Real,
    /// They were cut here, perhaps within a character.
    Cut,
}

/// A part of a text.
struct Piece<'a> {
    text: &'a str,
    /// How many bytes it stands for. Where the text has as many it may be cut, between characters.
    bytes: usize,
}

/// Where some bytes come from, and whether they are all.
pub(super) struct Raw<R> {
    pub(super) read: R,
    pub(super) begin: Edge,
    pub(super) end: Edge,
}

/// What to do with the pieces that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    Stop,
}

impl<R: Read> Raw<R> {
    /// How long the text is, in bytes.
    pub(super) fn length(self) -> io::Result<u64> {
        let mut length = 0;
        self.pieces(|piece| {
            length += piece.text.len() as u64;
            Ok(Then::GoOn)
        })?;
        Ok(length)
    }

    /// Writes the text up to a length, and returns for how many of the bytes it stands.
    pub(super) fn write_beginning(self, limit: u64, out: &mut impl Write) -> io::Result<u64> {
        let (mut room, mut bytes) = (usize::try_from(limit).unwrap_or(usize::MAX), 0);
        self.pieces(|Piece { text, bytes: of }| {
            if text.len() <= room {
                room -= text.len();
                bytes += of as u64;
                return out.write_all(text.as_bytes()).map(|()| Then::GoOn);
            }
            if text.len() == of {
                let text = &text[..text.floor_char_boundary(room)];
                bytes += text.len() as u64;
                out.write_all(text.as_bytes())?;
            }
            Ok(Then::Stop)
        })?;
        Ok(bytes)
    }

    /// Writes the text without so much of its beginning, and returns for how many of the bytes it stands.
    pub(super) fn write_end(self, skipped: u64, out: &mut impl Write) -> io::Result<u64> {
        let (mut skip, mut bytes) = (usize::try_from(skipped).unwrap_or(usize::MAX), 0);
        self.pieces(|Piece { text, bytes: of }| {
            let skipped_here = skip.min(text.len());
            skip -= skipped_here;
            let text = if skipped_here == 0 {
                text
            } else if text.len() == of {
                &text[text.ceil_char_boundary(skipped_here)..]
            } else {
                ""
            };
            bytes += if text.is_empty() || text.len() < of {
                text.len()
            } else {
                of
            } as u64;
            out.write_all(text.as_bytes()).map(|()| Then::GoOn)
        })?;
        Ok(bytes)
    }

    /// Hands on the text in pieces.
    fn pieces(mut self, mut sink: impl FnMut(Piece<'_>) -> io::Result<Then>) -> io::Result<()> {
        let mut buffer = vec![0; BLOCK + LONGEST_REST];
        let mut held = 0;
        let mut begin = self.begin;
        loop {
            let read = read_full(&mut self.read, &mut buffer[held..])?;
            let (filled, is_last) = (held + read, held + read < buffer.len());
            let mut bytes = &buffer[..filled];
            if begin == Edge::Cut {
                begin = Edge::Real;
                let rest = bytes.iter().take(LONGEST_REST);
                let rest = rest.take_while(|byte| is_continuation(**byte)).count();
                bytes = &bytes[rest..];
            }
            let begun = match (is_last, self.end) {
                (true, Edge::Real) => 0,
                _ => begun_character(bytes),
            };
            let whole = bytes.len() - begun;
            if in_pieces(&bytes[..whole], &mut sink)? == Then::Stop || is_last {
                return Ok(());
            }
            buffer.copy_within(filled - begun..filled, 0);
            held = begun;
        }
    }
}

/// Reads until the buffer is full or nothing more comes.
fn read_full(read: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Hands on bytes that hold whole characters.
fn in_pieces(
    bytes: &[u8],
    sink: &mut impl FnMut(Piece<'_>) -> io::Result<Then>,
) -> io::Result<Then> {
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid();
        while !rest.is_empty() {
            let plain = rest.find(is_escaped).unwrap_or(rest.len());
            let (text, after) = rest.split_at(plain);
            if !text.is_empty() {
                let bytes = text.len();
                if sink(Piece { text, bytes })? == Then::Stop {
                    return Ok(Then::Stop);
                }
            }
            let escaped = after.chars().next().map_or(0, char::len_utf8);
            if escaped > 0 {
                let text = escape(&after[..escaped], &[]);
                let piece = Piece {
                    text: &text,
                    bytes: escaped,
                };
                if sink(piece)? == Then::Stop {
                    return Ok(Then::Stop);
                }
            }
            rest = &after[escaped..];
        }
        if !chunk.invalid().is_empty() {
            let piece = Piece {
                text: "\u{fffd}",
                bytes: chunk.invalid().len(),
            };
            if sink(piece)? == Then::Stop {
                return Ok(Then::Stop);
            }
        }
    }
    Ok(Then::GoOn)
}

fn is_escaped(character: char) -> bool {
    misleads(character) && !matches!(character, '\n' | '\t')
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// How many bytes at the end begin a character of UTF-8 and do not finish it.
fn begun_character(bytes: &[u8]) -> usize {
    let end = &bytes[bytes.len().saturating_sub(LONGEST_REST)..];
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

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(read: &[u8]) -> Raw<&[u8]> {
        Raw {
            read,
            begin: Edge::Real,
            end: Edge::Real,
        }
    }

    fn beginning(text: &[u8], limit: u64) -> (String, u64) {
        let mut out = Vec::new();
        let of = bytes(text)
            .write_beginning(limit, &mut out)
            .expect("memory");
        (String::from_utf8(out).expect("a text"), of)
    }

    fn end(text: &[u8], skipped: u64) -> (String, u64) {
        let mut out = Vec::new();
        let of = bytes(text).write_end(skipped, &mut out).expect("memory");
        (String::from_utf8(out).expect("a text"), of)
    }

    #[test]
    fn control_characters_are_escaped_and_bytes_that_are_no_text_replaced() {
        let (text, of) = beginning(b"a\tb\n\x1b[31m\r\0\xff\xc2\x9b\xe2\x82", 1000);

        assert_eq!(text, "a\tb\n\\u{1b}[31m\\r\\u{0}\u{fffd}\\u{9b}\u{fffd}");
        assert_eq!(of, 16);
    }

    #[test]
    fn what_is_cut_is_never_longer_than_was_asked_and_counts_its_bytes() {
        assert_eq!(beginning(b"ab\x1bcd", 4), ("ab".to_owned(), 2));
        assert_eq!(beginning("a\u{20ac}b".as_bytes(), 3), ("a".to_owned(), 1));
        assert_eq!(end(b"ab\x1bcd", 3), ("cd".to_owned(), 2));
        assert_eq!(end("a\u{20ac}b".as_bytes(), 2), ("b".to_owned(), 1));
        assert_eq!(end(b"ab\x1bcd", 2), ("\\u{1b}cd".to_owned(), 3));
    }

    #[test]
    fn no_character_is_cut_where_the_bytes_were() {
        let cut = |begin, end| {
            let mut out = Vec::new();
            let read = &"a\u{20ac}b\u{20ac}".as_bytes()[2..7];
            let of = Raw { read, begin, end }.write_end(0, &mut out);
            (String::from_utf8(out).expect("a text"), of.expect("memory"))
        };

        assert_eq!(cut(Edge::Cut, Edge::Cut), ("b".to_owned(), 1));
        assert_eq!(cut(Edge::Real, Edge::Cut).0, "\u{fffd}\u{fffd}b");
        assert_eq!(cut(Edge::Cut, Edge::Real).0, "b\u{fffd}");
    }

    #[test]
    fn a_character_may_lie_across_two_blocks() {
        for before in BLOCK - 1..BLOCK + LONGEST_REST + 1 {
            let text = format!(
                "{}\u{1f980}{}",
                "x".repeat(before),
                "\u{20ac}".repeat(BLOCK)
            );

            assert_eq!(beginning(text.as_bytes(), u64::MAX).0, text, "{before}");
            let length = bytes(text.as_bytes()).length().expect("memory");
            assert_eq!(length, text.len() as u64);
        }
    }
}
