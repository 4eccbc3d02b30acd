//! Who is believed, what names a delivery, and what is kept of it.

use std::time::Duration;

use super::source;
use crate::sources::testing::{NOW, accepted, build, headers, sign};
use crate::sources::{Rejection, Verdict};

const BODY: &[u8] = br#"{"zen":"x","hook":{}}"#;
/// The HMAC-SHA256 of the body under `secret`, and its HMAC-SHA1.
const SHA256: &str = "ca61eba224c6e43b53e57906aa76edbebbd2b626fce5fc51d938593b4dda30c5";
const SHA1: &str = "sha1=afe03ab200dee0eb2f8aa8097ca153ed3eb0577a";

type List = Vec<(&'static str, String)>;

fn signed(signature: &str) -> List {
    vec![
        ("X-GitHub-Event", "ping".to_owned()),
        ("X-Hub-Signature-256", signature.to_owned()),
    ]
}

fn right() -> List {
    signed(&format!("sha256={SHA256}"))
}

fn refusal(list: &List, body: &[u8]) -> Rejection {
    source()
        .verify(&headers(list), body, NOW)
        .expect_err("refused")
}

fn early_refusal(list: &List) -> &'static str {
    let rejection = source()
        .check_headers(&headers(list))
        .expect_err("refused before the body is read");
    assert_eq!(rejection.status, 401);
    rejection.code
}

#[test]
fn a_right_signature_is_accepted_and_a_wrong_one_is_not() {
    let verified = source()
        .verify(&headers(&right()), BODY, NOW)
        .map(|verdict| accepted(Ok(verdict)).secret);
    assert_eq!(verified, Ok(Some("secret".to_owned())));
    for wrong in [
        format!("sha256={}", SHA256.replace('c', "d")),
        format!("sha256={}", &SHA256[..62]),
        format!("sha1={SHA256}"),
        format!("SHA256={SHA256}"),
        SHA256.to_owned(),
        "sha256=".to_owned(),
        format!("sha256={SHA256},sha256={SHA256}"),
        SHA1.to_owned(),
    ] {
        let rejection = refusal(&signed(&wrong), BODY);
        assert_eq!(
            (rejection.status, rejection.code),
            (401, "hook/bad-signature"),
            "{wrong}"
        );
        assert!(!rejection.message.contains(SHA256), "{wrong}");
    }
    assert_eq!(
        refusal(&right(), br#"{"zen":"x","hook":{} }"#).code,
        "hook/bad-signature"
    );
}

#[test]
fn a_missing_empty_or_doubled_signature_is_refused_before_the_body_is_read() {
    let none = vec![("X-GitHub-Event", "ping".to_owned())];
    assert_eq!(early_refusal(&none), "hook/missing-signature");
    assert_eq!(early_refusal(&signed("")), "hook/empty-signature");
    assert_eq!(early_refusal(&signed("  ")), "hook/empty-signature");
    let doubled = [right(), right()].concat();
    assert_eq!(early_refusal(&doubled), "hook/repeated-signature");
}

#[test]
fn the_sha_1_signature_alone_shows_nothing() {
    let list = vec![("X-Hub-Signature", SHA1.to_owned())];
    assert_eq!(early_refusal(&list), "hook/missing-signature");
}

#[test]
fn while_secrets_are_rotated_the_one_that_matched_is_named() {
    let source = build(
        "provider = 'github'\nsecrets = { current = { env = 'new' }, old = { env = 'secret' } }",
    )
    .expect("a source");
    let verdict = source.verify(&headers(&right()), BODY, NOW);
    assert_eq!(accepted(verdict).secret.as_deref(), Some("old"));
}

#[test]
fn what_is_signed_here_is_accepted_here() {
    let sent = sign(&source(), "ping", BODY);
    assert!(sent.contains(&("x-hub-signature-256".to_owned(), format!("sha256={SHA256}"))));
    let source = source();
    let verified = accepted(source.verify(&headers(&sent), BODY, NOW));
    assert_eq!(verified.keys[0].0, "id:id-1");
}

#[test]
fn a_delivery_counts_by_its_id_and_by_its_body_for_more_than_a_week() {
    let keys = |more: &[(&'static str, String)]| {
        let list = [right(), more.to_vec()].concat();
        accepted(source().verify(&headers(&list), BODY, NOW)).keys
    };
    let week = Duration::from_hours(7 * 24);
    let one = keys(&[("X-GitHub-Delivery", "a".to_owned())]);
    let other = keys(&[("X-GitHub-Delivery", "b".to_owned())]);
    assert_eq!((one[0].0.as_str(), other[0].0.as_str()), ("id:a", "id:b"));
    assert_eq!(one[1], other[1], "a captured body under a new id is known");
    assert!(one.iter().all(|(_, counts)| *counts >= week));
    let without = keys(&[]);
    assert_eq!((without.len(), without[0].1.as_secs()), (1, 10));
}

#[test]
fn neither_signature_is_kept_and_secrets_of_the_body_are_hidden() {
    let body = br#"{"hook":{"config":{"url":"https://x","secret":"s3"}},"repository":{"temp_clone_token":"t","id":5},"alert":{"secret":"AKIA","secret_type":"aws"},"client_payload":{"password":"p"}}"#;
    let source = build("provider = 'github'\nverify = 'none'").expect("a source");
    let list = [
        ("X-Hub-Signature", SHA1),
        ("X-Hub-Signature-256", "sha256=00"),
        ("X-GitHub-Event", "meta"),
    ];
    let verified = accepted(source.verify(&headers(&list), body, NOW));
    let names: Vec<&str> = verified
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["x-github-event"]);
    assert_eq!(
        verified.body.as_ref(),
        br#"{"hook":{"config":{"url":"https://x","secret":"[hidden]"}},"repository":{"temp_clone_token":"[hidden]","id":5},"alert":{"secret":"[hidden]","secret_type":"aws"},"client_payload":{"password":"[hidden]"}}"#.as_slice()
    );
}

#[test]
fn projects_events_and_instances_are_expected_by_what_the_body_says() {
    let body = br#"{"repository":{"id":15,"full_name":"payments/storefront","html_url":"https://github.example.org/payments/storefront"}}"#;
    let reason = |expect: &str, more: &[(&'static str, &str)], body: &[u8]| {
        let source = build(&format!(
            "provider = 'github'\nverify = 'none'\nexpect = {{ {expect} }}"
        ))
        .expect("a source");
        let list = [&[("x-github-event", "push")], more].concat();
        match source.verify(&headers(&list), body, NOW) {
            Ok(Verdict::Ignore { reason, .. }) => Some(reason),
            Ok(_) => None,
            Err(rejection) => panic!("refused: {rejection}"),
        }
    };
    for expected in [
        "projects = ['payments/*']",
        "projects = [15]",
        "events = ['push']",
        "instances = ['https://github.example.org/']",
    ] {
        assert_eq!(reason(expected, &[], body), None, "{expected}");
    }
    for (other, expected) in [
        ("projects = ['billing/*']", "unexpected-project"),
        ("events = ['release']", "unexpected-event"),
        ("instances = ['https://github.com']", "unexpected-instance"),
    ] {
        assert_eq!(reason(other, &[], body), Some(expected), "{other}");
    }
    let host = [("x-github-enterprise-host", "github.com")];
    let instances = "instances = ['https://github.com']";
    assert_eq!(
        reason(instances, &host, body),
        Some("unexpected-instance"),
        "the signed body counts, not the header"
    );
    assert_eq!(reason(instances, &host, b"{}"), None);
}

#[test]
fn descriptions_of_a_signature_are_refused() {
    let source =
        build("provider = 'github'\nsecret = { env = 'secret' }\nevent_header = 'x-event'");
    assert!(
        source
            .expect_err("refused")
            .to_string()
            .contains("event_header")
    );
}
