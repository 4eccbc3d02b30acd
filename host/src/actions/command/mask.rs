//! Secrets replaced by `***` in a stream of bytes.
//!
//! The output of a command passes through here before any of it is kept.
//!
//! Invariants:
//! - A secret is masked wherever it stands, also when it comes in several pieces.
//! - No more is held back than the longest secret is long.

use std::fmt;

use memchr::memchr_iter;
use memchr::memmem::Finder;

/// What stands in place of a secret.
const MASK: &[u8] = b"***";

/// The length below which a secret is not masked: `no` or `1` would stand everywhere in an output.
const SHORTEST: usize = 4;

/// Replaces secrets in bytes that come piece by piece.
#[derive(Debug)]
pub(super) struct Masker {
    secrets: Vec<Secret>,
    /// What may be the beginning of a secret and waits for the next piece.
    held: Vec<u8>,
    /// How many of those belong to a secret whose mask is written already.
    covered: usize,
}

/// A secret, with what is needed to find it quickly.
struct Secret {
    bytes: Vec<u8>,
    finder: Finder<'static>,
    /// How far behind a place where it stands it may stand again at the earliest: less than its length
    /// where its end is its beginning.
    step: usize,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    fn new(value: &str) -> Self {
        let bytes = value.as_bytes();
        let step = (1..bytes.len()).find(|step| bytes[..bytes.len() - step] == bytes[*step..]);
        Self {
            bytes: bytes.to_vec(),
            finder: Finder::new(bytes).into_owned(),
            step: step.unwrap_or(bytes.len()),
        }
    }

    /// Where it stands, also where it overlaps itself.
    fn places(&self, bytes: &[u8]) -> impl Iterator<Item = usize> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let at = from + self.finder.find(bytes.get(from..)?)?;
            from = at + self.step;
            Some(at)
        })
    }

    /// Where a beginning of it stands that goes on until the end.
    fn begun_at(&self, bytes: &[u8]) -> Option<usize> {
        let from = bytes.len().saturating_sub(self.bytes.len() - 1);
        let first = *self.bytes.first()?;
        memchr_iter(first, &bytes[from..])
            .map(|at| from + at)
            .find(|at| self.bytes.starts_with(&bytes[*at..]))
    }
}

impl Masker {
    /// A masker for these values.
    pub(super) fn new<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        Self {
            secrets: secrets
                .filter(|secret| secret.chars().count() >= SHORTEST)
                .map(Secret::new)
                .collect(),
            held: Vec::new(),
            covered: 0,
        }
    }

    /// Takes the next piece and hands on what is certain.
    pub(super) fn push(&mut self, piece: &[u8], keep: &mut impl FnMut(&[u8])) {
        if self.secrets.is_empty() {
            keep(piece);
        } else if self.held.is_empty() {
            self.pass(piece, Reading::GoesOn, keep);
        } else {
            let mut bytes = std::mem::take(&mut self.held);
            bytes.extend_from_slice(piece);
            self.pass(&bytes, Reading::GoesOn, keep);
        }
    }

    /// Hands on what was held back, after the last piece.
    pub(super) fn finish(&mut self, keep: &mut impl FnMut(&[u8])) {
        let bytes = std::mem::take(&mut self.held);
        self.pass(&bytes, Reading::Ended, keep);
    }

    /// Hands on as much as is certain and holds back the rest.
    fn pass(&mut self, bytes: &[u8], reading: Reading, keep: &mut impl FnMut(&[u8])) {
        let certain = match reading {
            Reading::GoesOn => {
                let begun = self
                    .secrets
                    .iter()
                    .filter_map(|secret| secret.begun_at(bytes));
                begun.min().unwrap_or(bytes.len())
            }
            Reading::Ended => bytes.len(),
        };
        let mut found: Vec<(usize, usize)> = Vec::new();
        for secret in &self.secrets {
            let places = secret.places(bytes).take_while(|at| *at < certain);
            found.extend(places.map(|at| (at, at + secret.bytes.len())));
        }
        found.sort_unstable();
        let mut covered = self.covered;
        for (from, to) in found {
            // Secrets that overlap get one mask together, so that nothing of either is left.
            if from >= covered {
                keep(&bytes[covered..from]);
                keep(MASK);
            }
            covered = covered.max(to);
        }
        if covered < certain {
            keep(&bytes[covered..certain]);
        }
        self.covered = covered.saturating_sub(certain);
        self.held.clear();
        self.held.extend_from_slice(&bytes[certain..]);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    GoesOn,
    Ended,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy as _, any, prop_oneof, proptest};

    use super::*;

    fn mask(secrets: &[&str], pieces: &[&[u8]]) -> String {
        let mut kept = Vec::new();
        let mut keep = |bytes: &[u8]| kept.extend_from_slice(bytes);
        let mut masker = Masker::new(secrets.iter().copied());
        for piece in pieces {
            masker.push(piece, &mut keep);
        }
        masker.finish(&mut keep);
        String::from_utf8(kept).expect("the tests use texts")
    }

    #[test]
    fn a_secret_in_several_pieces_is_masked() {
        let bytes = b"token=s3cr3t!\ns3cr3";
        for at in 0..bytes.len() {
            let (a, b) = bytes.split_at(at);
            assert_eq!(mask(&["s3cr3t"], &[a, b]), "token=***!\ns3cr3", "{at}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(mask(&["s3cr3t"], &single), "token=***!\ns3cr3");
    }

    #[test]
    fn of_two_secrets_that_overlap_nothing_is_left() {
        assert_eq!(mask(&["abcd", "abcdefgh"], &[b"xabc", b"defghx"]), "x***x");
        assert_eq!(mask(&["abcd", "cdef"], &[b"xabc", b"defx"]), "x***x");
        assert_eq!(mask(&["aaaa"], &[b"aaaaaab"]), "***b");
        assert_eq!(mask(&["aaaa"], &[b"a", b"aaa", b"aa", b"b"]), "***b");
    }

    #[test]
    fn no_more_is_held_back_than_the_longest_secret_is_long() {
        let mut masker = Masker::new(["aaaa", "abcdefgh"].into_iter());
        for _ in 0..1_000 {
            masker.push(b"aaa", &mut |_| {});
            assert!(masker.held.len() < 8);
        }
    }

    #[test]
    fn secrets_beside_each_other_have_a_mask_each() {
        assert_eq!(mask(&["abcd", "efgh"], &[b"abcdefgh"]), "******");
        assert_eq!(mask(&["abcd"], &[b"abcdab", b"cdab"]), "******ab");
    }

    #[test]
    fn a_short_value_is_not_masked() {
        assert_eq!(mask(&["yes", ""], &[b"yes, it is"]), "yes, it is");
    }

    proptest! {
        #[test]
        fn no_cut_of_the_stream_lets_a_secret_through(
            words in proptest::collection::vec(
                prop_oneof![Just("s3cr3t".to_owned()), "[s3cr t]{0,6}", any::<char>().prop_map(String::from)],
                0..20,
            ),
            cuts in proptest::collection::vec(0_usize..12, 0..20),
        ) {
            let whole = words.concat();
            let mut rest = whole.as_bytes();
            let mut pieces = Vec::new();
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);

            assert_eq!(mask(&["s3cr3t"], &pieces), whole.replace("s3cr3t", "***"));
        }
    }
}
