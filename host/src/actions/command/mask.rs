//! Secrets replaced by `***` in a stream of bytes.
//!
//! The output of a command passes through here before any of it is kept.
//!
//! Invariants:
//! - A secret is masked wherever it stands, also when it comes in several pieces.
//! - No more is held back than the longest secret is long.

/// What stands in place of a secret.
const MASK: &[u8] = b"***";

/// The length below which a secret is not masked: `no` or `1` would stand everywhere in an output.
const SHORTEST: usize = 4;

/// Replaces secrets in bytes that come piece by piece.
#[derive(Debug)]
pub(super) struct Masker {
    secrets: Vec<Vec<u8>>,
    /// Which bytes a secret begins with, so that all others are passed on quickly.
    first: [bool; 256],
    /// What may be the beginning of a secret and waits for the next piece.
    held: Vec<u8>,
    /// How many of those belong to a secret whose mask is written already.
    covered: usize,
}

impl Masker {
    /// A masker for these values.
    pub(super) fn new<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        let secrets: Vec<Vec<u8>> = secrets
            .filter(|secret| secret.chars().count() >= SHORTEST)
            .map(|secret| secret.as_bytes().to_vec())
            .collect();
        let mut first = [false; 256];
        for secret in &secrets {
            if let Some(byte) = secret.first() {
                first[usize::from(*byte)] = true;
            }
        }
        Self {
            secrets,
            first,
            held: Vec::new(),
            covered: 0,
        }
    }

    /// Takes the next piece and hands on what is certain.
    pub(super) fn push(&mut self, piece: &[u8], keep: &mut impl FnMut(&[u8])) {
        if self.secrets.is_empty() {
            keep(piece);
            return;
        }
        self.held.extend_from_slice(piece);
        self.pass(Reading::GoesOn, keep);
    }

    /// Hands on what was held back, after the last piece.
    pub(super) fn finish(&mut self, keep: &mut impl FnMut(&[u8])) {
        self.pass(Reading::Ended, keep);
    }

    /// Hands on as much as is certain and holds back the rest.
    fn pass(&mut self, reading: Reading, keep: &mut impl FnMut(&[u8])) {
        let mut bytes = std::mem::take(&mut self.held);
        let mut covered = self.covered;
        let mut plain_from = covered;
        let mut at = 0;
        while at < bytes.len() {
            if self.first[usize::from(bytes[at])] {
                if reading == Reading::GoesOn && self.may_become_one(&bytes[at..]) {
                    break;
                }
                if let Some(length) = self.longest_at(&bytes[at..]) {
                    // Secrets that overlap get one mask together, so that nothing of either is left.
                    if at >= covered {
                        keep(&bytes[plain_from..at]);
                        keep(MASK);
                    }
                    covered = covered.max(at + length);
                    plain_from = covered;
                }
            }
            at += 1;
        }
        if plain_from < at {
            keep(&bytes[plain_from..at]);
        }
        self.covered = covered.saturating_sub(at);
        bytes.drain(..at);
        self.held = bytes;
    }

    /// The length of the longest secret that these bytes begin with.
    fn longest_at(&self, bytes: &[u8]) -> Option<usize> {
        self.secrets
            .iter()
            .filter(|secret| bytes.starts_with(secret))
            .map(Vec::len)
            .max()
    }

    /// Whether these bytes are the beginning of a secret and end before it does.
    fn may_become_one(&self, bytes: &[u8]) -> bool {
        self.secrets
            .iter()
            .any(|secret| secret.len() > bytes.len() && secret.starts_with(bytes))
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
