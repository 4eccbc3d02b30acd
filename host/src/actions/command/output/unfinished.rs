//! An output that is still being written: its beginning, and its end in a ring.
//!
//! A run writes whatever comes at once into a file, so that it can be read meanwhile and after the server was
//! killed, and into memory for the record. Both hold a header, the beginning of the output, and a ring with
//! its end, and never grow beyond the limit and the header.
//!
//! Invariants:
//! - What can be read is what was written, in its order, whenever the writer was cut off and whatever it
//!   writes at that moment.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::OUTPUT_LIMIT;
use super::printable::{Edge, Raw};
use crate::domain::quantity::Bytes;

/// What the file begins with.
const MAGIC: [u8; 8] = *b"hookbox1";

/// The magic, how long the beginning and the ring are each, how many bytes were written, and how many there
/// will be when what is being written now is.
const HEADER: u64 = 32;

/// Where the last two stand.
const WRITTEN_AT: u64 = 16;

/// Where an output is written: a file, or memory.
pub(super) trait Storage {
    /// Reads what stands at a place.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;

    /// Writes all of it at a place.
    fn write_at(&mut self, bytes: &[u8], at: u64) -> io::Result<()>;
}

impl Storage for File {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, at)
    }

    fn write_at(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, at)
    }
}

impl Storage for Vec<u8> {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let at = usize::try_from(at).map_or(self.len(), |at| at.min(self.len()));
        let length = buffer.len().min(self.len() - at);
        buffer[..length].copy_from_slice(&self[at..at + length]);
        Ok(length)
    }

    fn write_at(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        let at = usize::try_from(at).map_err(io::Error::other)?;
        let end = at + bytes.len();
        if bytes.is_empty() {
            return Ok(());
        }
        if end > self.len() {
            self.resize(end, 0);
        }
        self[at..end].copy_from_slice(bytes);
        Ok(())
    }
}

/// An output, as its writer has it.
#[derive(Debug)]
pub(super) struct Writer<S> {
    storage: S,
    half: u64,
    written: u64,
}

impl Writer<Vec<u8>> {
    /// Begins an output in memory, of which at most so many bytes are kept.
    pub(super) fn in_memory(limit: u64) -> Self {
        Self::begin(Vec::new(), limit).expect("memory takes every write")
    }
}

impl<S: Storage> Writer<S> {
    /// Begins an output of which at most so many bytes are kept.
    pub(super) fn begin(mut storage: S, limit: u64) -> io::Result<Self> {
        let half = limit / 2;
        storage.write_at(&MAGIC, 0)?;
        storage.write_at(&half.to_le_bytes(), MAGIC.len() as u64)?;
        let mut writer = Self {
            storage,
            half,
            written: 0,
        };
        writer.note(0)?;
        Ok(writer)
    }

    /// What it has written, to be read.
    pub(super) fn into_contents(self) -> io::Result<Contents<S>> {
        Contents::of(self.storage)
    }

    /// Writes what comes next.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.written.saturating_add(bytes.len() as u64);
        if end > 2 * self.half {
            // From here on the oldest bytes of the ring are those of another time.
            self.note(end)?;
        }
        if self.half > 0 {
            self.put(bytes)?;
        }
        self.written = end;
        self.note(end)
    }

    /// Writes to another place from now on.
    #[cfg(test)]
    pub(super) fn swap_file(&mut self, storage: S) {
        self.storage = storage;
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        let head = self.half.saturating_sub(self.written);
        let head = usize::try_from(head).map_or(bytes.len(), |head| head.min(bytes.len()));
        let (head, rest) = bytes.split_at(head);
        self.storage.write_at(head, HEADER + self.written)?;
        let half = usize::try_from(self.half).unwrap_or(usize::MAX);
        // What the same write would overwrite again is left out.
        let skipped = rest.len().saturating_sub(half);
        let rest = &rest[skipped..];
        let from = self.written.max(self.half) - self.half + skipped as u64;
        let at = from % self.half;
        let room = usize::try_from(self.half - at).unwrap_or(usize::MAX);
        let (first, second) = rest.split_at(room.min(rest.len()));
        let ring = HEADER + self.half;
        self.storage.write_at(first, ring + at)?;
        self.storage.write_at(second, ring)
    }

    /// Notes how much is written, and how much there will be.
    fn note(&mut self, end: u64) -> io::Result<()> {
        let mut numbers = [0; 16];
        numbers[..8].copy_from_slice(&self.written.to_le_bytes());
        numbers[8..].copy_from_slice(&end.to_le_bytes());
        self.storage.write_at(&numbers, WRITTEN_AT)
    }
}

/// The numbers of the header.
#[derive(Debug, Clone, Copy)]
struct Header {
    half: u64,
    written: u64,
    end: u64,
}

impl Header {
    /// Fails with [`io::ErrorKind::UnexpectedEof`] where the output has not begun.
    fn read(storage: &impl Storage) -> io::Result<Self> {
        let mut header = [0; 32];
        let length = storage.read_at(&mut header, 0)?;
        if length < header.len() {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "nothing is written to it yet",
            ));
        }
        let number = |at: usize| {
            let mut number = [0; 8];
            number.copy_from_slice(&header[at..at + 8]);
            u64::from_le_bytes(number)
        };
        let read = Self {
            half: number(8),
            written: number(16),
            end: number(24),
        };
        if header[..8] == MAGIC && read.half <= OUTPUT_LIMIT.0 / 2 && read.written <= read.end {
            Ok(read)
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it is no output of Hookbox",
            ))
        }
    }
}

/// What can be read of an output: the beginning up to one byte, and the end from another.
#[derive(Debug)]
pub(super) struct Contents<S> {
    storage: Arc<S>,
    /// Where the beginning stands.
    begin: u64,
    half: u64,
    /// How long the output is.
    pub(super) total: u64,
    /// Where the end begins; not before the beginning ends.
    tail_from: u64,
}

impl Contents<File> {
    /// A file that is a text already.
    pub(super) fn whole_of(file: File) -> io::Result<Self> {
        let total = file.metadata()?.len();
        Ok(Self {
            storage: Arc::new(file),
            begin: 0,
            half: total,
            total,
            tail_from: total,
        })
    }
}

impl<S: Storage> Contents<S> {
    /// Looks at an output, also while it is being written.
    pub(super) fn of(storage: S) -> io::Result<Self> {
        let header = Header::read(&storage)?;
        let mut contents = Self {
            storage: Arc::new(storage),
            begin: HEADER,
            half: header.half,
            total: header.written,
            tail_from: 0,
        };
        contents.valid_after(header);
        Ok(contents)
    }

    /// Leaves out what was written over since. To be asked after reading; returns whether that was all right.
    pub(super) fn is_still_valid(&mut self) -> io::Result<bool> {
        let before = self.tail_from;
        let header = Header::read(&*self.storage)?;
        self.valid_after(header);
        Ok(self.tail_from == before)
    }

    fn valid_after(&mut self, header: Header) {
        let ring_from = header.end.saturating_sub(self.half).max(self.half);
        self.tail_from = ring_from.max(self.tail_from).min(self.total.max(self.half));
    }

    /// How much of the output is kept.
    pub(super) fn limit(&self) -> Bytes {
        Bytes(2 * self.half)
    }

    /// Leaves out of the end what is more than so many bytes.
    pub(super) fn at_most(mut self, bytes: u64) -> Self {
        let from = self.total.saturating_sub(bytes);
        self.tail_from = self.tail_from.max(from.min(self.total.max(self.half)));
        self
    }

    /// Whether something is left out between the beginning and the end.
    pub(super) fn has_gap(&self) -> bool {
        self.tail_from > self.half && self.total > self.half
    }

    fn edge(&self) -> Edge {
        if self.has_gap() {
            Edge::Cut
        } else {
            Edge::Real
        }
    }

    /// The beginning.
    pub(super) fn head(&self) -> Raw<Part<S>> {
        Raw {
            read: self.part(self.begin, self.half.min(self.total)),
            begin: Edge::Real,
            end: self.edge(),
        }
    }

    /// The end.
    pub(super) fn tail(&self) -> Raw<impl Read + use<S>> {
        let length = self.total.saturating_sub(self.tail_from);
        let ring = self.begin + self.half;
        // Without a ring there is nothing in it.
        let at = (self.tail_from - self.half)
            .checked_rem(self.half)
            .unwrap_or(0);
        let first = length.min(self.half - at);
        Raw {
            read: self
                .part(ring + at, first)
                .chain(self.part(ring, length - first)),
            begin: self.edge(),
            end: Edge::Real,
        }
    }

    /// The whole, where nothing is left out.
    pub(super) fn whole(&self) -> Raw<impl Read + use<S>> {
        Raw {
            read: self.head().read.chain(self.tail().read),
            begin: Edge::Real,
            end: Edge::Real,
        }
    }

    fn part(&self, at: u64, length: u64) -> Part<S> {
        Part {
            storage: Arc::clone(&self.storage),
            at,
            end: at + length,
        }
    }
}

/// A part of what is stored.
#[derive(Debug)]
pub(super) struct Part<S> {
    storage: Arc<S>,
    at: u64,
    end: u64,
}

impl<S: Storage> Read for Part<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let room = left.min(buffer.len());
        let length = self.storage.read_at(&mut buffer[..room], self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::*;

    fn read(raw: Raw<impl Read>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut read = raw.read;
        read.read_to_end(&mut bytes).expect("memory");
        bytes
    }

    fn contents(writer: &Writer<Vec<u8>>) -> Contents<Vec<u8>> {
        Contents::of(writer.storage.clone()).expect("it was written")
    }

    proptest! {
        #[test]
        fn the_beginning_and_the_end_are_kept_however_it_comes(
            limit in 0_u64..40,
            pieces in proptest::collection::vec(0_usize..50, 0..12),
        ) {
            let mut writer = Writer::in_memory(limit);
            let mut all: Vec<u8> = Vec::new();
            let half = usize::try_from(limit / 2).expect("small");
            for length in pieces {
                let piece: Vec<u8> = (0..length).map(|at| u8::try_from((all.len() + at) % 251).expect("small")).collect();
                all.extend(&piece);
                writer.append(&piece).expect("memory");

                let found = contents(&writer);
                let head = all.len().min(half);
                let tail = all.len().saturating_sub(half).max(head);
                assert_eq!(read(found.head()), all[..head]);
                assert_eq!(read(found.tail()), all[tail..]);
                assert_eq!(found.has_gap(), tail > head);
                assert!(writer.storage.len() as u64 <= HEADER + limit);
            }
        }
    }

    #[test]
    fn what_is_written_over_at_the_moment_is_left_out() {
        let mut writer = Writer::in_memory(16);
        writer.append(b"0123456789abcdefgh").expect("memory");
        let mut before = contents(&writer);

        // The writer has begun to write three more and was cut off.
        writer.note(21).expect("memory");
        writer.put(b"XYZ").expect("memory");

        assert_eq!(read(before.tail()), b"abcdefgh");
        before.storage = Arc::new(writer.storage.clone());
        assert!(!before.is_still_valid().expect("a header"));
        assert_eq!(read(before.tail()), b"defgh");
        let after = contents(&writer);
        assert_eq!(
            (read(after.head()), read(after.tail())),
            (b"01234567".to_vec(), b"defgh".to_vec())
        );
        assert_eq!(after.total, 18);
    }

    #[test]
    fn what_is_no_output_is_refused() {
        for bytes in [
            &b""[..],
            b"hookbox1",
            &[0; 64],
            &[b"hookbox1", &[0xff; 24][..]].concat(),
        ] {
            assert!(Contents::of(bytes.to_vec()).is_err(), "{bytes:?}");
        }
    }
}
