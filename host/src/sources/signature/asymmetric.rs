//! The asymmetric scheme of Standard Webhooks: Ed25519, where the sender alone can sign.
//!
//! The source has the sender's public key, `whpk_…`, which is no secret but stands where secrets do. A private key,
//! `whsk_…`, verifies what it signs, and lets `hookbox send` sign.
//!
//! `ring` does the arithmetic: it is in the program already, because TLS needs it, so that the scheme adds no
//! dependency, and none with unsafe code of its own to look after.
//!
//! Invariants:
//! - A key is known by what it begins with, and never serves another scheme.
//! - Neither half of a pair of keys is shown.

use std::fmt;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use super::Encoding;

/// What a public key begins with:
/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme>.
pub(in crate::sources) const PUBLIC_PREFIX: &str = "whpk_";
/// What a private key begins with.
pub(in crate::sources) const PRIVATE_PREFIX: &str = "whsk_";

/// The bytes of a public key, and of the seed that a private key is made from.
const KEY_LENGTH: usize = 32;

/// An Ed25519 key of a sender.
pub(in crate::sources) struct AsymmetricKey {
    public: Vec<u8>,
    private: Option<Ed25519KeyPair>,
}

impl fmt::Debug for AsymmetricKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AsymmetricKey(…)")
    }
}

impl AsymmetricKey {
    /// Whether a text says that it is such a key.
    pub(in crate::sources) fn is_named_by(text: &str) -> bool {
        let text = text.trim();
        text.starts_with(PUBLIC_PREFIX) || text.starts_with(PRIVATE_PREFIX)
    }

    /// Reads a key with its prefix; the error is a sentence for the operator, without the key.
    pub(in crate::sources) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        match text.strip_prefix(PUBLIC_PREFIX) {
            Some(rest) => Self::public(rest),
            None => Self::private(text.strip_prefix(PRIVATE_PREFIX).unwrap_or(text)),
        }
    }

    fn public(text: &str) -> Result<Self, &'static str> {
        let bytes = Encoding::Base64.decode(text.as_bytes());
        match bytes.filter(|bytes| bytes.len() == KEY_LENGTH) {
            Some(public) => Ok(Self {
                public,
                private: None,
            }),
            None => Err(
                "is not a public key: after `whpk_` come the 32 bytes of an Ed25519 key in Base64, as the sender \
                 shows them",
            ),
        }
    }

    /// The specification does not say how many bytes a private key has. The project's own library in Go takes the
    /// seed, <https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/go/webhook_asymmetric.go>;
    /// libsodium's form is the seed and the public key, <https://libsodium.gitbook.io/doc/public-key_cryptography>.
    fn private(text: &str) -> Result<Self, &'static str> {
        let bytes = Encoding::Base64.decode(text.as_bytes()).unwrap_or_default();
        let pair = match bytes.split_at_checked(KEY_LENGTH) {
            Some((seed, [])) => Ed25519KeyPair::from_seed_unchecked(seed).ok(),
            Some((seed, public)) => Ed25519KeyPair::from_seed_and_public_key(seed, public).ok(),
            None => None,
        };
        let pair = pair.ok_or(
            "is not a private key: after `whsk_` come the 32 bytes of an Ed25519 seed in Base64, or these and the 32 \
             bytes of its public key",
        )?;
        Ok(Self {
            public: pair.public_key().as_ref().to_vec(),
            private: Some(pair),
        })
    }

    /// Whether it made this signature of these bytes.
    pub(super) fn made(&self, signature: &[u8], signed: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public)
            .verify(signed, signature)
            .is_ok()
    }

    /// The signature of these bytes; none where only the public half is known.
    pub(super) fn sign(&self, signed: &[u8]) -> Option<Vec<u8>> {
        let pair = self.private.as_ref()?;
        Some(pair.sign(signed).as_ref().to_vec())
    }
}
