//! What is the same for every provider: the configuration, the gate, expectations, and the bounds.

mod bounds;
mod credentials;
mod facts;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::provider::{Draft, Facts, Outgoing, Provider, Request};
use super::testing::{self, NOW, accepted, build, headers, token_source};
use super::*;
use crate::domain::secret::Secret;

const BODY: &[u8] = br#"{"object_kind":"push","ref":"refs/heads/main","before":"1","after":"2","project":{"id":15,"path_with_namespace":"payments/storefront"}}"#;

fn push(more: &[(&str, &str)]) -> HeaderMap {
    let mut list = vec![
        ("X-Gitlab-Token", "secret"),
        ("X-Gitlab-Event", "Push Hook"),
    ];
    list.extend_from_slice(more);
    headers(&list)
}

fn expecting(expect: &str) -> Source {
    build(&format!(
        "provider = 'gitlab'\nsecret = {{ env = 'secret' }}\nexpect = {expect}"
    ))
    .expect("a source")
}

#[test]
fn a_source_without_a_secret_is_built_and_refuses_with_the_key_to_set() {
    let source = build("provider = 'gitlab'").expect("a source");
    let rejection = source.check_headers(&push(&[])).expect_err("refused");
    assert_eq!((rejection.status, rejection.code), (401, "hook/no-secret"));
    assert!(
        rejection
            .message
            .contains("`secret` under `[sources.gitlab]`"),
        "{rejection}"
    );
    assert!(source.verify(&push(&[]), BODY, NOW).is_err());
}

#[test]
fn a_source_that_verifies_nothing_takes_anything_that_is_json() {
    let source = build("provider = 'gitlab'\nverify = 'none'").expect("a source");
    let verified = accepted(source.verify(&HeaderMap::new(), BODY, NOW));
    assert_eq!(verified.secret, None);
    assert_eq!(
        source
            .verify(&HeaderMap::new(), b"{", NOW)
            .expect_err("refused")
            .status,
        400
    );
}

/// Tables that are refused, each with the key to change and a word of what to write.
const WRONG: &[(&str, &str, &str)] = &[
    ("provider = 'gitlap'", "provider", "did you mean \"gitlab\""),
    ("provider = 'xyz'", "provider", "write one of gitlab"),
    (
        "provider = 'gitlab'\nsecret = { env = '' }",
        "secret",
        "empty",
    ),
    (
        "provider = 'gitlab'\nsecret = { env = 'whsec_' }",
        "secret",
        "signing token",
    ),
    (
        "provider = 'gitlab'\nsecret = { env = 'whsec_%' }",
        "secret",
        "Base64",
    ),
    (
        "provider = 'gitlab'\nsecrets = { old = { env = ' ' } }",
        "secrets.old",
        "empty",
    ),
    (
        "provider = 'gitlab'\nverify = 'none'\nsecret = { env = 's' }",
        "verify",
        "remove one",
    ),
    (
        "provider = 'gitlab'\nsecret = { env = 's' }\nsecrets = { a = { env = 's' } }",
        "secret",
        "`secrets`",
    ),
    (
        "provider = 'gitlab'\nbody_limit = '26MiB'",
        "body_limit",
        "25MiB",
    ),
    (
        "provider = 'gitlab'\nbody_limit = '0B'",
        "body_limit",
        "25MiB",
    ),
    ("provider = 'gitlab'\ntolerance = '2d'", "tolerance", "1d"),
    (
        "provider = 'gitlab'\naddresses = ['x']",
        "addresses",
        "10.0.0.0/8",
    ),
    (
        "provider = 'gitlab'\nexpect = { projects = ['a['] }",
        "expect.projects",
        "pattern",
    ),
    (
        "provider = 'gitlab'\nevent_header = 'X'",
        "event_header",
        "generic",
    ),
    (
        "provider = 'standard-webhooks'\nsecret = { env = '%' }",
        "secret",
        "Base64",
    ),
    (
        "provider = 'auto'\nsecret = { env = 's' }",
        "secret",
        "under the name of its provider",
    ),
    (
        "provider = 'auto'\nsecrets.generic = { env = 's' }",
        "secrets.generic",
        "belongs to no provider",
    ),
];

#[test]
fn a_wrong_table_is_refused_with_the_key_and_what_to_write() {
    for (table, key, hint) in WRONG {
        let error = build(table).expect_err(table);
        let provider = table
            .split('\'')
            .nth(1)
            .expect("the table names a provider");
        assert_eq!(error.key(), format!("sources.{provider}.{key}"), "{table}");
        assert!(error.to_string().contains(hint), "{error}");
    }
}

#[test]
fn a_key_or_a_project_that_cannot_be_is_refused() {
    assert!(toml::from_str::<SourceConfig>("provider = 'gitlab'\nsecrett = 1").is_err());
    assert!(
        toml::from_str::<SourceConfig>("provider = 'gitlab'\nexpect = { projects = [-1] }")
            .is_err()
    );
}

#[test]
fn what_is_not_expected_is_ignored_with_its_reason() {
    for (expect, expected) in [
        ("{ projects = [15] }", None),
        ("{ projects = ['payments/**'] }", None),
        ("{ projects = ['15'] }", None),
        ("{ projects = ['1'] }", Some("unexpected-project")),
        ("{ projects = [1, 'payments/storefront'] }", None),
        ("{ events = ['Push Hook'] }", None),
        ("{ events = ['push'] }", None),
        ("{ instances = ['https://gitlab.example.org/'] }", None),
        ("{ projects = [16] }", Some("unexpected-project")),
        ("{ projects = ['other/**'] }", Some("unexpected-project")),
        (
            "{ events = ['Merge Request Hook'] }",
            Some("unexpected-event"),
        ),
        (
            "{ instances = ['https://gitlab.com'] }",
            Some("unexpected-instance"),
        ),
    ] {
        let headers = push(&[("X-Gitlab-Instance", "https://gitlab.example.org")]);
        let found = match expecting(expect)
            .verify(&headers, BODY, NOW)
            .expect("verified")
        {
            Verdict::Accept(_) => None,
            Verdict::Answer(answer) => panic!("answered: {answer}"),
            Verdict::Ignore { reason, .. } => Some(reason),
        };
        assert_eq!(found, expected, "{expect}");
    }
}

#[test]
fn what_does_not_say_its_project_is_not_expected() {
    for body in [&b"{}"[..], b"[1e999]", br#"{"project":{"id":"16"}}"#, b"5"] {
        let verdict = expecting("{ projects = [15] }")
            .verify(&push(&[]), body, NOW)
            .expect("verified");
        assert!(matches!(
            verdict,
            Verdict::Ignore {
                reason: "unexpected-project",
                ..
            }
        ));
    }
}

#[test]
fn an_address_outside_the_list_is_forbidden() {
    let source =
        build("provider = 'gitlab'\naddresses = ['10.0.0.0/8', 'gitlab.com']").expect("a source");
    assert!(
        source
            .check_address("10.1.2.3".parse().expect("an address"))
            .is_ok()
    );
    let rejection = source
        .check_address("192.0.2.1".parse().expect("an address"))
        .expect_err("refused");
    assert_eq!(rejection.status, 403);
    assert!(
        token_source("s")
            .check_address("192.0.2.1".parse().expect("an address"))
            .is_ok()
    );
}

#[test]
fn credentials_are_neither_stored_nor_shown() {
    let source = token_source("secret");
    let headers = push(&[
        ("Authorization", "Basic c2VjcmV0"),
        ("Cookie", "a=b"),
        ("X-Custom", "kept"),
    ]);
    let body = br#"{"object_kind":"push","token":"hidden-one","n":1.50}"#;

    let verified = accepted(source.verify(&headers, body, NOW));

    let names: Vec<&str> = verified
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["x-gitlab-event", "x-custom"]);
    assert_eq!(
        verified.body.as_ref(),
        br#"{"object_kind":"push","token":"[hidden]","n":1.50}"#
    );
    assert!(!format!("{source:?}").contains("\"secret\")"), "{source:?}");
}

#[test]
fn a_glance_holds_short_printable_texts_alone() {
    let source = token_source("secret");
    let long = "x".repeat(500);
    let headers = headers(&[
        ("X-Gitlab-Event", "Push\tHook"),
        ("Idempotency-Key", long.as_str()),
    ]);
    let glance = source.glance(&headers, Some(BODY));
    assert_eq!(glance.event.as_deref(), Some("PushHook"));
    assert_eq!(glance.delivery.map(|id| id.len()), Some(200));
    assert_eq!(glance.project.as_deref(), Some("payments/storefront"));
    let mut large = BODY.to_vec();
    large.resize(300 << 10, b' ');
    assert_eq!(
        source.glance(&HeaderMap::new(), Some(&large)),
        Glance::default()
    );
    assert_eq!(
        source.glance(&HeaderMap::new(), Some(b"{")),
        Glance::default()
    );
}

#[test]
fn a_stored_body_that_cannot_be_read_is_one_event_with_a_note() {
    let source = token_source("secret");
    let headers = [("x-gitlab-event".to_owned(), "Push Hook".to_owned())];
    for body in [&b"{\"a\":1e999}"[..], b"", b"{", b"\xff"] {
        let parsed = testing::parse(&source, &headers, body);
        assert_eq!(parsed.events.len(), 1);
        assert_eq!(parsed.events[0].subject.name(), "other");
        assert_eq!(parsed.events[0].provider_event, "Push Hook");
        assert!(parsed.events[0].note.is_some());
    }
}

#[test]
fn headers_of_a_request_can_be_signed_for_a_source_elsewhere() {
    let secret = Secret::new("secret");
    let request = ToSign {
        provider: "gitlab",
        signature: None,
        secret: &secret,
        event: "Push Hook",
        body: BODY,
        id: "id-1",
        now: NOW,
    };
    let sent = signed_headers(&request).expect("signed");
    let verified = accepted(token_source("secret").verify(&headers(&sent), BODY, NOW));
    assert_eq!(verified.keys[0].0, "id:id-1");
    assert!(
        signed_headers(&ToSign {
            provider: "generic",
            ..request
        })
        .is_err()
    );
    assert_eq!(providers().next(), Some("gitlab"));
}

/// Gives as many events as it is told.
#[derive(Debug)]
struct Many(usize);

impl Provider for Many {
    fn name(&self) -> &'static str {
        "many"
    }

    fn check_headers(&self, _: &HeaderMap) -> Result<(), Rejection> {
        Ok(())
    }

    fn authenticate(&self, _: &Request<'_>) -> Result<String, Rejection> {
        Ok("secret".to_owned())
    }

    fn facts(&self, _: Headers<'_>, _: Option<&Value>) -> Facts {
        Facts::default()
    }

    fn keys(&self, _: Headers<'_>, _: Option<&Value>, _: &[u8]) -> Vec<(String, Duration)> {
        Vec::new()
    }

    fn parse(&self, _: Headers<'_>, _: &Value) -> Vec<Draft> {
        vec![Draft::other("many", "one of many"); self.0]
    }

    fn sign(&self, _: &Outgoing<'_>) -> Vec<(String, String)> {
        Vec::new()
    }
}

#[test]
fn a_delivery_holds_a_thousand_events_and_the_rest_is_counted() {
    let mut source = token_source("secret");
    for (made, kept, left_out) in [(0, 1, 0), (1, 1, 0), (1_000, 1_000, 0), (1_007, 1_000, 7)] {
        source.takers = Takers::One(Box::new(Many(made)));
        let parsed = testing::parse(&source, &[], b"{}");
        assert_eq!((parsed.events.len(), parsed.left_out), (kept, left_out));
    }
    let parsed = testing::parse(&source, &[], b"{}");
    assert_eq!(
        parsed.events[1].id.0,
        "0192a000-0000-7000-8000-000000000000.2"
    );
}
