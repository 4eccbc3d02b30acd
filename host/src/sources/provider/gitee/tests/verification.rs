//! Who is believed, what names a delivery, and what is hidden.

use serde_json::json;

use super::{event, hook, source};
use crate::domain::clock::Timestamp;
use crate::sources::testing::{self, NOW, accepted, build, headers};
use crate::sources::{Rejection, Verdict};

const BODY: &[u8] = br#"{"hook_name":"push_hooks"}"#;
/// Made by `openssl dgst -sha256 -hmac secret -binary | base64` from the time, a line feed, and `secret`.
const SIGNATURE: &str = "1fw8BpCOyotKc7DGthOtCoyIPZnawMkstREQyRU4j5I=";
const TIME: &str = "1767225600000";

type List = Vec<(&'static str, String)>;

fn signed() -> List {
    with(SIGNATURE, TIME)
}

fn with(token: &str, time: &str) -> List {
    vec![
        ("X-Gitee-Token", token.to_owned()),
        ("X-Gitee-Timestamp", time.to_owned()),
    ]
}

fn verify(list: &List, now: Timestamp) -> Result<String, Rejection> {
    let source = source("secret");
    let verdict = source.verify(&headers(list), BODY, now)?;
    Ok(accepted(Ok(verdict)).secret.expect("a secret"))
}

fn code(list: &List) -> (u16, &'static str) {
    let rejection = verify(list, NOW).expect_err("refused");
    assert!(!rejection.message.contains(SIGNATURE));
    (rejection.status, rejection.code)
}

#[test]
fn a_right_signature_is_accepted_and_a_wrong_missing_empty_or_doubled_one_is_not() {
    assert_eq!(verify(&signed(), NOW).as_deref(), Ok("secret"));
    let flipped = format!("A{}", &SIGNATURE[1..]);
    for (token, time) in [
        (flipped.as_str(), TIME),
        (&SIGNATURE[1..], TIME),
        (SIGNATURE, "1767225600001"),
        (SIGNATURE, "hello"),
        ("nonsense", TIME),
    ] {
        assert_eq!(
            code(&with(token, time)),
            (401, "hook/bad-signature"),
            "{token} {time}"
        );
    }
    let alone: List = signed().into_iter().take(1).collect();
    assert_eq!(code(&alone), (401, "hook/bad-signature"));
    let early = |list: &List| {
        let rejection = source("secret")
            .check_headers(&headers(list))
            .expect_err("refused before the body is read");
        (rejection.status, rejection.code)
    };
    assert_eq!(early(&Vec::new()), (401, "hook/missing-signature"));
    assert_eq!(early(&with("", TIME)), (401, "hook/empty-signature"));
    assert_eq!(early(&with(SIGNATURE, "")), (401, "hook/empty-signature"));
    for part in signed() {
        let doubled = [signed(), vec![part]].concat();
        assert_eq!(early(&doubled), (401, "hook/repeated-signature"));
    }
}

#[test]
fn a_signed_time_counts_within_the_tolerance_on_both_sides() {
    for (offset, expected) in [
        (-300_000, true),
        (300_000, true),
        (-300_001, false),
        (300_001, false),
    ] {
        let verdict = verify(&signed(), Timestamp(NOW.0 + offset));
        assert_eq!(verdict.is_ok(), expected, "{offset}");
        let code = verdict.err().map(|rejection| rejection.code);
        assert_eq!(code, (!expected).then_some("hook/stale-timestamp"));
    }
    let patient = build("provider = 'gitee'\nsecret = { env = 'secret' }\ntolerance = '1h'");
    let later = Timestamp(NOW.0 + 3_600_000);
    let verdict = patient.expect("a source");
    assert!(verdict.verify(&headers(&signed()), BODY, later).is_ok());
}

#[test]
fn a_password_counts_only_as_a_whole() {
    for list in [
        with("secret", TIME),
        vec![("X-Gitee-Token", "secret".to_owned())],
    ] {
        assert_eq!(verify(&list, NOW).as_deref(), Ok("secret"));
    }
    for wrong in ["Secret", "secre", "secret2", "c2VjcmV0"] {
        assert_eq!(code(&with(wrong, TIME)), (401, "hook/bad-signature"));
    }
    // What a key signs is no password, and a password in the time's place signs nothing.
    assert_eq!(code(&with(TIME, "secret")), (401, "hook/bad-signature"));
}

#[test]
fn while_secrets_are_rotated_the_one_that_matched_is_named() {
    let source = build(
        "provider = 'gitee'\nsecrets = { current = { env = 'new' }, old = { env = 'secret' } }",
    )
    .expect("a source");
    for (list, name) in [(signed(), "old"), (with("new", TIME), "current")] {
        let verified = accepted(source.verify(&headers(&list), BODY, NOW));
        assert_eq!(verified.secret.as_deref(), Some(name));
    }
}

#[test]
fn neither_the_token_nor_what_the_body_repeats_of_it_is_stored() {
    let body = br#"{"password":"pwd","sign":"c2ln","user":{"sign":"kept"},"timestamp":"1"}"#;
    let source = source("secret");
    let sent = testing::sign(&source, "Push Hook", body);
    let verified = accepted(source.verify(&headers(&sent), body, NOW));
    assert_eq!(
        String::from_utf8_lossy(&verified.body),
        r#"{"password":"[hidden]","sign":"[hidden]","user":{"sign":"kept"},"timestamp":"1"}"#
    );
    assert!(
        verified
            .headers
            .iter()
            .all(|(name, _)| name != "x-gitee-token")
    );
}

#[test]
fn a_delivery_is_known_by_its_body_and_for_long_where_that_has_its_time() {
    let source = source("secret");
    let counts = |body: &[u8]| {
        let keys = accepted(source.verify(&headers(&signed()), body, NOW)).keys;
        assert!(keys.len() == 1 && keys[0].0.starts_with("body:"));
        keys[0].1.as_secs()
    };
    assert_eq!(counts(br#"{"timestamp":"1767225600000"}"#), 8 * 86_400);
    assert_eq!(counts(br#"{"timestamp":1767225600000}"#), 8 * 86_400);
    assert_eq!(counts(br#"{"timestamp":null}"#), 10);
    assert_eq!(counts(b"[]"), 10);
}

#[test]
fn a_header_that_contradicts_the_body_is_a_bad_request_and_an_unknown_one_is_not() {
    let verify = |header: &str, body: &str| {
        let mut list = signed();
        list.push(("X-Gitee-Event", header.to_owned()));
        let verdict = source("secret")
            .verify(&headers(&list), body.as_bytes(), NOW)
            .map(|verdict| matches!(verdict, Verdict::Accept(_)));
        verdict.map_err(|rejection| (rejection.status, rejection.code))
    };
    for (header, name) in [
        ("Push Hook", "tag_push_hooks"),
        ("Note Hook", "issue_hooks"),
        ("push_hooks", "note_hooks"),
    ] {
        let body = json!({"hook_name": name}).to_string();
        assert_eq!(verify(header, &body), Err((400, "hook/contradiction")));
    }
    for (header, name) in [
        ("Push Hook", "push_hooks"),
        ("push_hooks", "push_hooks"),
        ("Rocket Hook", "push_hooks"),
        ("Push Hook", "rocket_hooks"),
    ] {
        let body = json!({"hook_name": name}).to_string();
        assert_eq!(verify(header, &body), Ok(true), "{header} {name}");
    }
    assert_eq!(verify("Push Hook", "[]"), Ok(true));
}

#[test]
fn projects_events_and_instances_can_be_expected() {
    let body = hook("push_hooks", &json!({})).to_string();
    for (expect, is_expected) in [
        ("projects = [15]", true),
        ("projects = ['payments/*']", true),
        ("projects = ['tools/*']", false),
        ("events = ['push hook']", true),
        ("events = ['push_hooks']", true),
        ("events = ['Note Hook']", false),
        ("instances = ['https://gitee.example.com']", true),
        ("instances = ['https://gitee.com']", false),
    ] {
        let table =
            format!("provider = 'gitee'\nsecret = {{ env = 'secret' }}\n[expect]\n{expect}");
        let source = build(&table).expect("a source");
        let sent = testing::sign(&source, "Push Hook", body.as_bytes());
        let verdict = source.verify(&headers(&sent), body.as_bytes(), NOW);
        let is_accepted = matches!(verdict, Ok(Verdict::Accept(_)));
        assert_eq!(is_accepted, is_expected, "{expect}");
    }
}

#[test]
fn a_trial_of_the_webhook_is_a_ping() {
    let list = [
        ("x-gitee-event".to_owned(), "push_hooks".to_owned()),
        ("x-gitee-ping".to_owned(), "true".to_owned()),
    ];
    let body = hook("push_hooks", &json!({})).to_string();
    let parsed = testing::parse(&source("secret"), &list, body.as_bytes());
    assert_eq!(parsed.events[0].subject.name(), "ping");
    assert_eq!(parsed.events[0].project(), Some("payments/storefront"));
    let found = event("push_hooks", &hook("push_hooks", &json!({})));
    assert_eq!(found.subject.name(), "other");
}

#[test]
fn the_published_vectors_get_the_verdict_that_they_expect() {
    let Some(folder) = testing::corpus("published vectors of Gitee") else {
        return;
    };
    let text = std::fs::read(folder.join("signatures.json")).expect("the vectors are there");
    let vectors: serde_json::Value = serde_json::from_slice(&text).expect("they are JSON");
    let (mut valid, mut invalid) = (0, 0);
    for vector in vectors.as_array().expect("a list") {
        let text = |key: &str| vector[key].as_str().expect("a text");
        if text("provider") != "gitee" {
            continue;
        }
        let sent = vector["headers"].as_object().expect("headers");
        let sent: Vec<_> = sent
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().expect("a text")))
            .collect();
        let body = std::fs::read(folder.join(text("body_file"))).expect("the body is there");
        let verdict =
            source(text("secret")).verify(&headers(&sent), &body, Timestamp(1_633_679_083_918));
        assert_eq!(
            verdict.is_ok(),
            text("expected") == "valid",
            "{}",
            text("id")
        );
        if verdict.is_ok() {
            valid += 1;
        } else {
            invalid += 1;
        }
    }
    assert!(valid >= 1 && invalid >= 1, "{valid} {invalid}");
}
