//! Credentials of any provider, in a request to a source of any provider.

use std::collections::BTreeSet;

use super::*;
use crate::sources::headers::Headers;
use crate::sources::provider::PROVIDERS;

/// Secrets as they are made for plain tokens and for signing keys.
const SECRETS: [[&str; 2]; 2] = [
    ["one", "other"],
    [
        "whsec_b25lb25lb25lb25lb25lb25lb25lb25l",
        "whsec_b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcm8=",
    ],
];

/// What describes a source of a provider that has no scheme of its own.
fn description(provider: &str) -> &'static str {
    match provider {
        "generic" => "auth = 'bearer'",
        _ => "",
    }
}

fn sealed(provider: &str, secret: &str) -> Option<Source> {
    let described = description(provider);
    let table = format!("provider = '{provider}'\nsecret = {{ env = '{secret}' }}\n{described}");
    // Some take signing keys alone, or what is none.
    build(&table).ok()
}

/// The headers that a provider says carry its credentials, and those that are others with another secret.
fn credentials(provider: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for [one, other] in SECRETS {
        let (Some(one), Some(other)) = (sealed(provider, one), sealed(provider, other)) else {
            continue;
        };
        let taker = one.takers.named(provider).expect("its own provider");
        found.extend(taker.credential_headers().iter().cloned());
        let [sent, again] = [&one, &other].map(|source| testing::sign(source, "event", b"{}"));
        for header in sent {
            if !again.contains(&header) {
                found.insert(header.0);
            }
        }
    }
    found
}

#[test]
fn a_source_of_any_provider_stores_no_credentials_of_any_other() {
    let mut all = BTreeSet::new();
    for kind in PROVIDERS {
        let own = credentials(kind.name);
        assert!(!own.is_empty(), "{}", kind.name);
        all.extend(own);
    }
    assert!(all.contains("x-gitlab-token") && all.contains("x-hub-signature-256"));
    let sent: Vec<(&str, &str)> = all
        .iter()
        .map(|name| (name.as_str(), "credential"))
        .collect();
    let sent = headers(&sent);
    for kind in PROVIDERS {
        let source =
            build(&format!("provider = '{}'\nverify = 'none'", kind.name)).expect("a source");
        let verified = accepted(source.verify(&sent, b"{}", NOW));
        assert_eq!(verified.headers, [], "{}", kind.name);
    }
    assert_eq!(Headers::Request(&sent).without_credentials(&[]), []);
}
