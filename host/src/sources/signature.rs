//! Signatures: HMACs, how they are written, and when a signed time is still good.
//!
//! The one place that names `hmac`, and `ring` for the one scheme that has no shared secret. Providers say what is signed and where the signature stands.
//!
//! Invariants:
//! - Signatures and tokens are compared in constant time.
//! - A time counts only within the tolerance on both sides of the present.

pub(super) mod asymmetric;
pub(super) mod body;
pub(super) mod credential;
pub(super) mod standard;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq as _;

use crate::domain::clock::Timestamp;
use crate::domain::quantity::Span;

/// A hash function of an HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// SHA-1, for senders that know nothing better.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How the bytes of a signature are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Two hexadecimal digits a byte, in either case.
    #[default]
    Hex,
    /// Base64 with the standard alphabet; the padding may be left out.
    Base64,
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Encoding {
    /// The bytes of a signature; none when it is not written in this way.
    pub(super) fn decode(self, text: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Hex => hex::decode(text).ok(),
            Self::Base64 => BASE64.decode(text).ok(),
        }
    }

    /// A signature as it is written.
    pub(super) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => hex::encode(bytes),
            Self::Base64 => BASE64.encode(bytes),
        }
    }
}

/// The HMAC of some parts, one after another.
pub(super) fn mac(algorithm: Algorithm, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    macro_rules! mac {
        ($hash:ty) => {{
            let mut mac =
                Hmac::<$hash>::new_from_slice(key).expect("an HMAC takes a key of any length");
            for part in parts {
                mac.update(part);
            }
            mac.finalize().into_bytes().to_vec()
        }};
    }
    match algorithm {
        Algorithm::Sha1 => mac!(Sha1),
        Algorithm::Sha256 => mac!(Sha256),
        Algorithm::Sha512 => mac!(Sha512),
    }
}

/// Whether two signatures are the same, in a time that depends on their lengths alone.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// Whether two tokens are the same. Digests are compared, so that not even the length shows.
pub(super) fn same_token(one: &[u8], other: &[u8]) -> bool {
    same(&Sha256::digest(one), &Sha256::digest(other))
}

/// A time in whole seconds or milliseconds since 1970; none when it is anything else.
pub(super) fn whole_number(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let is_whole = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_whole { text.parse().ok() } else { None }
}

/// Whether a moment is within the tolerance of the present, on either side.
pub(super) fn is_recent(moment: Timestamp, now: Timestamp, tolerance: Span) -> bool {
    now.since(moment).max(moment.since(now)) <= tolerance.0
}
