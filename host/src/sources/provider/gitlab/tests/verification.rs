//! Who is believed, and what names a delivery.

use crate::domain::clock::Timestamp;
use crate::sources::testing::{NOW, accepted, build, headers, token_source};
use crate::sources::{Rejection, Source};

const KEY: &str = "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=";
const ID: &str = "f5e5f430-f57b-4e6e-9fac-d9128cd7232f";
const SIGNED: &[u8] = br#"{"object_kind":"push"}"#;
const SIGNATURE: &str = "v1,Z+TZ/7ZajOTsy7bHM+h4i59G6v4kjL/E1dgnWOBRNfw=";

type List = Vec<(&'static str, String)>;

fn signed() -> List {
    vec![
        ("webhook-id", ID.to_owned()),
        ("webhook-timestamp", "1767225600".to_owned()),
        ("webhook-signature", SIGNATURE.to_owned()),
    ]
}

fn with(mut list: List, name: &'static str, value: &str) -> List {
    list.retain(|(key, _)| *key != name);
    list.push((name, value.to_owned()));
    list
}

fn refusal(source: &Source, list: &List) -> Rejection {
    source
        .verify(&headers(list), SIGNED, NOW)
        .expect_err("refused")
}

fn early_refusal(source: &Source, list: &List) -> &'static str {
    let rejection = source
        .check_headers(&headers(list))
        .expect_err("refused before the body is read");
    assert_eq!(rejection.status, 401);
    rejection.code
}

#[test]
fn a_right_token_is_accepted_and_a_wrong_missing_empty_or_doubled_one_is_not() {
    let source = token_source("secret");
    let token = |value: &str| vec![("X-Gitlab-Token", value.to_owned())];
    assert_eq!(
        accepted(source.verify(&headers(&token("secret")), SIGNED, NOW))
            .secret
            .as_deref(),
        Some("secret")
    );
    for wrong in ["Secret", "secret2", "secre", "\"secret\""] {
        let rejection = refusal(&source, &token(wrong));
        assert_eq!(
            (rejection.status, rejection.code),
            (401, "hook/bad-signature")
        );
        assert!(!rejection.message.contains("secre2") && !rejection.message.contains(" secret2"));
    }
    assert_eq!(
        early_refusal(&source, &Vec::new()),
        "hook/missing-signature"
    );
    assert_eq!(early_refusal(&source, &token("")), "hook/empty-signature");
    assert_eq!(early_refusal(&source, &token("  ")), "hook/empty-signature");
    assert_eq!(
        early_refusal(&source, &[token("secret"), token("secret")].concat()),
        "hook/repeated-signature"
    );
}

#[test]
fn a_right_signature_is_accepted_and_a_wrong_missing_empty_or_doubled_one_is_not() {
    let source = token_source(KEY);
    let verified = accepted(source.verify(&headers(&signed()), SIGNED, NOW));
    assert_eq!(
        (verified.secret.as_deref(), verified.keys[0].0.as_str()),
        (Some("secret"), &*format!("id:{ID}"))
    );

    let several = format!("v1a,abc v2,{SIGNATURE} v1,AAAA {SIGNATURE}");
    assert!(
        source
            .verify(
                &headers(&with(signed(), "webhook-signature", &several)),
                SIGNED,
                NOW
            )
            .is_ok()
    );
    for (name, value) in [
        (
            "webhook-signature",
            "v1,Z+TZ/7ZajOTsy7bHM+h4i59G6v4kjL/E1dgnWOBRNfA=",
        ),
        ("webhook-signature", "v1,"),
        (
            "webhook-signature",
            "Z+TZ/7ZajOTsy7bHM+h4i59G6v4kjL/E1dgnWOBRNfw=",
        ),
        (
            "webhook-signature",
            "v2,Z+TZ/7ZajOTsy7bHM+h4i59G6v4kjL/E1dgnWOBRNfw=",
        ),
        ("webhook-id", "another"),
        ("webhook-timestamp", "1767225601"),
    ] {
        let rejection = refusal(&source, &with(signed(), name, value));
        assert_eq!(
            (rejection.status, rejection.code),
            (401, "hook/bad-signature"),
            "{name}: {value}"
        );
        assert!(!rejection.message.contains("Z+TZ"));
    }
    assert!(
        source
            .verify(&headers(&signed()), br#"{"object_kind":"push" }"#, NOW)
            .is_err()
    );
    for name in ["webhook-signature", "webhook-id", "webhook-timestamp"] {
        let without: List = signed()
            .into_iter()
            .filter(|(key, _)| *key != name)
            .collect();
        let own = signed()
            .into_iter()
            .filter(|(key, _)| *key == name)
            .collect();
        assert_eq!(early_refusal(&source, &without), "hook/missing-signature");
        assert_eq!(
            early_refusal(&source, &with(signed(), name, "")),
            "hook/empty-signature"
        );
        assert_eq!(
            early_refusal(&source, &[signed(), own].concat()),
            "hook/repeated-signature"
        );
    }
}

#[test]
fn a_signed_time_counts_within_the_tolerance_on_both_sides() {
    let source = token_source(KEY);
    for (offset, expected) in [
        (-300_000, true),
        (300_000, true),
        (-301_000, false),
        (301_000, false),
    ] {
        let now = Timestamp(NOW.0 + offset);
        assert_eq!(
            source.verify(&headers(&signed()), SIGNED, now).is_ok(),
            expected,
            "{offset}"
        );
    }
    let rejection = refusal(&source, &with(signed(), "webhook-timestamp", "hello"));
    assert_eq!(
        (rejection.status, rejection.code),
        (401, "hook/bad-timestamp")
    );
}

#[test]
fn a_signature_never_falls_back_to_the_token() {
    let both = build(&format!(
        "provider = 'gitlab'\nsecrets = {{ key = {{ env = '{KEY}' }}, token = {{ env = 'secret' }} }}"
    ))
    .expect("a source");
    let token = || ("x-gitlab-token", "secret".to_owned());
    let with_token = |mut list: List| {
        list.push(token());
        list
    };

    assert_eq!(
        accepted(both.verify(&headers(&with_token(signed())), SIGNED, NOW))
            .secret
            .as_deref(),
        Some("key")
    );
    assert_eq!(
        accepted(both.verify(&headers(&[token()]), SIGNED, NOW))
            .secret
            .as_deref(),
        Some("token")
    );
    for bad in ["v1,AAAA", "", "nonsense"] {
        let list = with_token(with(signed(), "webhook-signature", bad));
        assert_eq!(refusal(&both, &list).status, 401, "{bad}");
    }
    let rejection = refusal(&token_source("secret"), &with_token(signed()));
    assert_eq!(
        (rejection.status, rejection.code),
        (401, "hook/no-signing-key")
    );
    assert!(rejection.message.contains("signing token"), "{rejection}");
}

#[test]
fn a_signing_key_never_matches_the_token() {
    let list = vec![("x-gitlab-token", KEY.to_owned())];
    let rejection = refusal(&token_source(KEY), &list);
    assert_eq!(
        (rejection.status, rejection.code),
        (401, "hook/missing-signature")
    );
    assert!(
        rejection.message.contains("field for the signing token"),
        "{rejection}"
    );
    assert!(!rejection.message.contains(KEY));
}

#[test]
fn while_secrets_are_rotated_the_one_that_matched_is_named() {
    let source = build(
        "provider = 'gitlab'\nsecrets = { current = { env = 'new' }, old = { env = 'old' } }",
    )
    .expect("a source");
    for (token, name) in [("new", "current"), ("old", "old")] {
        let list = [("x-gitlab-token", token)];
        assert_eq!(
            accepted(source.verify(&headers(&list), SIGNED, NOW))
                .secret
                .as_deref(),
            Some(name)
        );
    }
}

#[test]
fn a_delivery_is_named_by_its_id_and_never_by_the_chain_of_hooks() {
    let source = token_source("secret");
    let keys = |more: &[(&str, &str)]| {
        let list = [
            &[
                ("x-gitlab-token", "secret"),
                ("x-gitlab-event-uuid", "chain"),
            ],
            more,
        ]
        .concat();
        accepted(source.verify(&headers(&list), SIGNED, NOW)).keys
    };
    let week = std::time::Duration::from_hours(7 * 24);
    let both = keys(&[("webhook-id", "a"), ("idempotency-key", "b")]);
    let key = keys(&[("idempotency-key", "b"), ("x-gitlab-webhook-uuid", "hook")]);
    let hook = keys(&[("x-gitlab-webhook-uuid", "hook")]);
    let body = keys(&[]);
    assert_eq!((both[0].0.as_str(), key[0].0.as_str()), ("id:a", "id:b"));
    assert!(hook[0].0.starts_with("body:hook/") && body[0].0.starts_with("body:"));
    assert!(
        [&both, &key]
            .into_iter()
            .all(|keys| keys.len() == 1 && keys[0].1 >= week)
    );
    // A push says nothing of its time: the same may honestly come again later.
    assert_eq!((hook[0].1.as_secs(), body[0].1.as_secs()), (10, 10));
}

#[test]
fn a_header_that_contradicts_the_body_is_a_bad_request_and_an_unknown_body_is_not() {
    let source = token_source("secret");
    let verify = |event: &str, body: &str| {
        let list = [("x-gitlab-token", "secret"), ("x-gitlab-event", event)];
        source
            .verify(&headers(&list), body.as_bytes(), NOW)
            .map(|verdict| accepted(Ok(verdict)).body.into_owned())
    };
    let rejection = verify("Push Hook", r#"{"object_kind":"merge_request"}"#).expect_err("refused");
    assert_eq!(
        (rejection.status, rejection.code),
        (400, "hook/contradiction")
    );
    assert!(verify("Member Hook", r#"{"event_name":"project_create"}"#).is_err());
    for (event, body) in [
        ("Job Hook", r#"{"object_kind":"build"}"#),
        ("Confidential Issue Hook", r#"{"object_kind":"work_item"}"#),
        ("System Hook", r#"{"event_name":"user_create"}"#),
        ("Push Hook", r#"{"text":"a custom template"}"#),
        ("Push Hook", r#"["anything"]"#),
        ("Rocket Hook", r#"{"object_kind":"rocket"}"#),
    ] {
        assert!(verify(event, body).is_ok(), "{event} {body}");
    }
}

/// A form cannot be cut out of what somebody else had signed: neither the end of the identifier nor the type of the
/// body is a matter of the sender alone.
#[test]
fn a_part_of_a_signed_request_is_not_taken_for_another_request() {
    let source = build(&format!(
        "provider = 'gitlab'\nsecret = {{ env = '{KEY}' }}"
    ))
    .expect("a source");
    let message = "payload=%7B%22object_kind%22%3A%22push%22%7D";
    let body = format!(r#"{{"object_kind":"push","message":"x.1767225600.{message}"}}"#);
    let sent = crate::sources::testing::sign(&source, "Push Hook", body.as_bytes());
    let value = |name: &str| {
        let found = sent.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).expect("it is signed")
    };
    assert!(source.verify(&headers(&sent), body.as_bytes(), NOW).is_ok());

    let (before, after) = body.split_once(".1767225600.").expect("the mark");
    let id = format!(
        "{}.{}.{before}",
        value("webhook-id"),
        value("webhook-timestamp")
    );
    let cut = [
        ("webhook-id", id.as_str()),
        ("webhook-timestamp", "1767225600"),
        ("webhook-signature", &value("webhook-signature")),
        ("content-type", "application/x-www-form-urlencoded"),
    ];

    let refused = source.verify(&headers(&cut), after.as_bytes(), NOW);

    let rejection = refused.expect_err("it is refused");
    assert_eq!(
        (rejection.status, rejection.code),
        (401, "hook/bad-signature")
    );
}

#[test]
fn a_provider_that_sends_no_forms_is_not_believed_when_a_header_says_so() {
    let source = token_source("secret");
    let form = headers(&[
        ("x-gitlab-token", "secret"),
        ("content-type", "application/x-www-form-urlencoded"),
    ]);
    let rejection = source
        .verify(&form, b"payload=%7B%7D", NOW)
        .expect_err("it is refused");
    assert_eq!((rejection.status, rejection.code), (400, "hook/not-json"));
}
