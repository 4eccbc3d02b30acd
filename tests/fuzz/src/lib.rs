//! The part of Hookbox that reads what strangers send, built by itself.
//!
//! The modules are links to those of the host: with them alone a fuzzer is built in a minute, without the
//! engine and the database.

#![allow(dead_code, unused_imports, reason = "the rest of the host is not here to use them")]

pub mod domain;
pub mod sources;

use domain::clock::Timestamp;
use domain::names::{DeliveryId, SourceName};
use domain::secret::{ReadSecret, Secret, SecretError, SecretRef};
use sources::{ParseInput, Source, SourceConfig, Verdict, VerifyMode};

/// The moment at which all requests arrive.
pub const NOW: Timestamp = Timestamp(1_767_225_600_000);

/// The secret of sources that have one: a token, and a key in Base64 as well.
const SECRET: &str = "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=";

struct Known;

impl ReadSecret for Known {
    fn read(&self, _: &SecretRef) -> Result<Secret, SecretError> {
        Ok(Secret::new(SECRET))
    }
}

/// A source of a provider that takes everything, or one with a secret.
#[must_use]
pub fn source(provider: &str, verify: Option<VerifyMode>) -> Source {
    let mut config = SourceConfig::new(provider);
    config.verify = verify;
    if verify.is_none() {
        config.secret = Some(SecretRef {
            env: None,
            file: None,
            credential: None,
        });
    }
    let name = SourceName::parse("fuzz").expect("a source's name");
    Source::build(name, &config, &Known).expect("the source can be built")
}

/// Takes a request through a source and, where it is accepted, through its parser; fails where an event does
/// not read back as it was written.
pub fn take(source: &Source, headers: &http::HeaderMap, body: &[u8]) {
    let glance = source.glance(headers, Some(body));
    assert!(glance.event.is_none_or(|event| event.chars().count() <= 200), "a glance is short");
    let Ok(Verdict::Accept(verified)) = source.verify(headers, body, NOW) else {
        return;
    };
    let parsed = source.parse(&ParseInput {
        delivery: &DeliveryId("0192a000-0000-7000-8000-000000000000".to_owned()),
        source: source.name(),
        provider: verified.provider,
        received_at: NOW,
        received_local: "2026-01-01T00:00:00+00:00",
        headers: &verified.headers,
        body: &verified.body,
    });
    assert!(!parsed.events.is_empty(), "a delivery has an event");
    for event in parsed.events {
        let text = serde_json::to_string(&event).expect("an event is JSON");
        let back: domain::event::Event = serde_json::from_str(&text).expect("and reads back");
        assert_eq!(back, event);
    }
}
