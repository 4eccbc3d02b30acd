//! Who is believed, what names a delivery, and what a source can expect.

use std::time::Duration;

use super::{sample, source};
use crate::sources::headers::Headers;
use crate::sources::provider::jira::KIND;
use crate::sources::testing::{self, NOW, accepted, build, headers};
use crate::sources::{Source, Verdict};

/// The vector that the maker publishes for its webhooks.
const SECRET: &str = "It's a Secret to Everybody";
const BODY: &[u8] = b"Hello World!";
const SIGNATURE: &str = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";

fn signed(value: &str) -> Vec<(&'static str, String)> {
    vec![("X-Hub-Signature", value.to_owned())]
}

fn code(source: &Source, list: &[(&'static str, String)], body: &[u8]) -> &'static str {
    let rejection = source
        .verify(&headers(list), body, NOW)
        .expect_err("refused");
    assert!(!rejection.message.contains("a4771c39"), "{rejection}");
    rejection.code
}

#[test]
fn the_published_signature_is_accepted_and_any_other_is_not() {
    let source = build(&format!(
        "provider = 'jira'\nsecret = {{ env = \"{SECRET}\" }}"
    ))
    .expect("a source");
    // It is no JSON, which is found after the signature.
    assert_eq!(code(&source, &signed(SIGNATURE), BODY), "hook/not-json");
    let (_, digits) = SIGNATURE.split_at("sha256=".len());
    for wrong in [
        digits.to_owned(),
        format!("sha1={digits}"),
        format!("sha256={}", &digits[2..]),
        format!("sha256={}", digits.replace("a4", "a5")),
        "sha256=".to_owned(),
    ] {
        assert_eq!(
            code(&source, &signed(&wrong), BODY),
            "hook/bad-signature",
            "{wrong}"
        );
    }
    assert_eq!(
        code(&source, &signed(SIGNATURE), b"Hello World"),
        "hook/bad-signature"
    );
}

#[test]
fn a_missing_empty_or_doubled_signature_is_refused_before_the_body_is_read() {
    let early = |list: &[(&'static str, String)]| {
        let rejection = source()
            .check_headers(&headers(list))
            .expect_err("refused before the body is read");
        assert_eq!(rejection.status, 401);
        rejection.code
    };
    assert_eq!(early(&[]), "hook/missing-signature");
    assert_eq!(early(&signed("")), "hook/empty-signature");
    assert_eq!(
        early(&[signed(SIGNATURE), signed(SIGNATURE)].concat()),
        "hook/repeated-signature"
    );
    let token = [("authorization", "Basic c2VjcmV0".to_owned())];
    assert_eq!(early(&token), "hook/missing-signature");
}

#[test]
fn what_is_signed_here_is_accepted_and_known_by_its_identifier_and_its_body() {
    let (source, body) = (source(), sample("issue-opened").to_string());
    let sent = testing::sign(&source, "jira:issue_created", body.as_bytes());
    let verified = accepted(source.verify(&headers(&sent), body.as_bytes(), NOW));
    let week = Duration::from_secs(7 * 86_400);
    assert_eq!(verified.keys[0].0, "id:id-1");
    assert!(verified.keys[1].0.starts_with("body:"));
    assert!(verified.keys.iter().all(|(_, counts)| *counts > week));
    assert!(
        verified
            .headers
            .iter()
            .all(|(name, _)| name != "x-hub-signature")
    );
}

#[test]
fn a_way_of_signing_cannot_be_described() {
    for key in [
        "auth = 'bearer'",
        "signature = { header = 'x', algorithm = 'sha256', encoding = 'hex' }",
        "event_header = 'x'",
    ] {
        let table = format!("provider = 'jira'\nsecret = {{ env = 'secret' }}\n{key}");
        assert!(build(&table).is_err(), "{key}");
    }
}

#[test]
fn a_source_can_expect_projects_events_and_instances() {
    for (expect, expected) in [
        ("projects = ['PAY']", true),
        ("projects = ['P*']", true),
        ("projects = ['PA']", false),
        ("events = ['jira:issue_created']", true),
        ("events = ['jira:issue_deleted']", false),
        ("instances = ['https://jira.example.org/']", true),
        ("instances = ['https://jira.example.org/jira']", false),
    ] {
        let table = format!("provider = 'jira'\nverify = 'none'\nexpect = {{ {expect} }}");
        let source = build(&table).expect("a source");
        let body = sample("issue-opened").to_string();
        let verdict = source.verify(&headers::<&str, &str>(&[]), body.as_bytes(), NOW);
        let is_accepted = matches!(verdict, Ok(Verdict::Accept(_)));
        assert_eq!(is_accepted, expected, "{expect}");
    }
}

#[test]
fn only_an_identifier_without_an_event_is_jiras() {
    let detected = |list: &[(&str, &str)]| {
        let list = headers(list);
        (KIND.detect)(Headers::Request(&list))
    };
    let id = ("X-Atlassian-Webhook-Identifier", "6931");
    assert!(detected(&[id]));
    assert!(!detected(&[id, ("X-Event-Key", "repo:push")]));
    assert!(!detected(&[("X-Hub-Signature", SIGNATURE)]));
}
