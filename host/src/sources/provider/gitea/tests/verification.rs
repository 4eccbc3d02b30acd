//! Who is believed, what names a delivery, and what a source may expect.

use serde_json::json;

use super::{PROVIDERS, source, with};
use crate::sources::testing::{NOW, accepted, build, headers};
use crate::sources::{Rejection, Source, Verdict, testing};

const BODY: &[u8] = br#"{"ref":"refs/heads/main"}"#;
/// Made by `openssl dgst -sha256 -hmac secret` from the body.
const SIGNATURE: &str = "d8f89f0618acd61fe621aa4e64078c0e2bca15d0b578b7f3eb734f55883c5320";

fn refusal(source: &Source, list: &[(String, String)]) -> Rejection {
    source
        .verify(&headers(list), BODY, NOW)
        .expect_err("refused")
}

fn signed(provider: &str, value: &str) -> Vec<(String, String)> {
    vec![(format!("X-{provider}-Signature"), value.to_owned())]
}

#[test]
fn a_right_signature_is_accepted_and_a_wrong_missing_empty_or_doubled_one_is_not() {
    for provider in PROVIDERS {
        let source = source(provider);
        for right in [SIGNATURE.to_owned(), SIGNATURE.to_uppercase()] {
            let list = headers(&signed(provider, &right));
            let verified = accepted(source.verify(&list, BODY, NOW));
            assert_eq!(verified.secret.as_deref(), Some("secret"));
        }
        for wrong in [
            format!("sha256={SIGNATURE}"),
            SIGNATURE[1..].to_owned(),
            format!("{SIGNATURE}00"),
            "0".repeat(64),
            "secret".to_owned(),
        ] {
            let rejection = refusal(&source, &signed(provider, &wrong));
            let found = (rejection.status, rejection.code);
            assert_eq!(found, (401, "hook/bad-signature"), "{wrong}");
            assert!(!rejection.message.contains(SIGNATURE));
        }
        let early = |list: &[(String, String)]| {
            let rejection = source.check_headers(&headers(list)).expect_err("refused");
            (rejection.status, rejection.code)
        };
        let right = signed(provider, SIGNATURE);
        assert_eq!(early(&[]), (401, "hook/missing-signature"));
        // A webhook without a secret sends this.
        let empty = signed(provider, "");
        assert_eq!(early(&empty), (401, "hook/empty-signature"));
        let twice = [right.clone(), right].concat();
        assert_eq!(early(&twice), (401, "hook/repeated-signature"));
        let other = source.verify(
            &headers(&signed(provider, SIGNATURE)),
            br#"{"ref":"refs/heads/mian"}"#,
            NOW,
        );
        assert!(other.is_err());
    }
}

#[test]
fn the_signature_of_another_provider_is_not_asked_for() {
    let list = [
        signed("gitea", SIGNATURE),
        vec![(
            "x-hub-signature-256".to_owned(),
            format!("sha256={SIGNATURE}"),
        )],
    ]
    .concat();
    let rejection = refusal(&source("forgejo"), &list);
    assert_eq!(rejection.code, "hook/missing-signature");
    assert!(rejection.message.contains("`x-forgejo-signature`"));
    assert!(rejection.message.contains("in Forgejo"));
}

#[test]
fn no_signature_and_no_secret_of_an_old_version_is_stored() {
    let body = br#"{"secret":"hunter2","ref":"refs/heads/main"}"#;
    for provider in PROVIDERS {
        let source = source(provider);
        let sent = testing::sign(&source, "push", body);
        let verified = accepted(source.verify(&headers(&sent), body, NOW));
        let stored = String::from_utf8_lossy(&verified.body);
        assert_eq!(stored, r#"{"secret":"[hidden]","ref":"refs/heads/main"}"#);
        assert!(
            verified
                .headers
                .iter()
                .all(|(name, _)| !name.contains("signature"))
        );
    }
}

#[test]
fn each_request_is_taken_by_the_provider_that_sent_it() {
    let source = build(
        "provider = 'auto'\nsecrets = { forgejo = { env = 'f' }, gitea = { env = 't' }, gogs = { env = 'g' } }",
    )
    .expect("a source");
    for (provider, secret) in PROVIDERS.into_iter().zip(["f", "t", "g"]) {
        let own = build(&format!(
            "provider = '{provider}'\nsecret = {{ env = '{secret}' }}"
        ))
        .expect("a source");
        let sent = testing::sign(&own, "push", BODY);
        let verified = accepted(source.verify(&headers(&sent), BODY, NOW));
        assert_eq!(
            (verified.provider, verified.secret.as_deref()),
            (provider, Some(provider))
        );
    }
    let event_type = [("x-gitea-event-type", "package"), ("x-gitea-event", "")];
    let rejection = source.check_headers(&headers(&event_type));
    assert_eq!(
        rejection.map_err(|rejection| rejection.code),
        Err("hook/missing-signature")
    );
}

#[test]
fn a_delivery_is_known_by_its_id_and_by_its_body() {
    for provider in PROVIDERS {
        let source = source(provider);
        let keys = |list: &[(String, String)]| {
            accepted(source.verify(&headers(list), BODY, NOW))
                .keys
                .into_iter()
                .map(|(key, counts)| (key, counts.as_secs()))
                .collect::<Vec<_>>()
        };
        let named = keys(&testing::sign(&source, "push", BODY));
        let unnamed = keys(&signed(provider, SIGNATURE));
        assert_eq!(named[0], ("id:id-1".to_owned(), 8 * 86_400));
        assert!(named[1].0.starts_with("body:") && named[1].1 == 8 * 86_400);
        assert_eq!(unnamed, [(named[1].0.clone(), 10)]);
    }
}

#[test]
fn projects_events_and_instances_can_be_expected() {
    let verify = |expect: &str, name: &str, body: &serde_json::Value| {
        let table =
            format!("provider = 'gitea'\nsecret = {{ env = 'secret' }}\n[expect]\n{expect}");
        let source = build(&table).expect("a source");
        let body = body.to_string().into_bytes();
        let sent = testing::sign(&source, name, &body);
        let mut sent = sent;
        sent.push((
            "x-gitea-event-type".to_owned(),
            "pull_request_label".to_owned(),
        ));
        match source.verify(&headers(&sent), &body, NOW) {
            Ok(Verdict::Accept(_)) => "accepted",
            Ok(Verdict::Ignore { reason, .. }) => reason,
            verdict => panic!("{verdict:?}"),
        }
    };
    let body = with(&json!({}));
    for expect in [
        "projects = [15]",
        "projects = ['payments/*']",
        "events = ['pull_request']",
        "events = ['pull_request_label']",
        "instances = ['https://git.example.org']",
    ] {
        assert_eq!(
            verify(expect, "pull_request", &body),
            "accepted",
            "{expect}"
        );
    }
    for (expect, reason) in [
        ("projects = [16]", "unexpected-project"),
        ("projects = ['tools/*']", "unexpected-project"),
        ("events = ['push']", "unexpected-event"),
        ("instances = ['https://example.org']", "unexpected-instance"),
    ] {
        assert_eq!(verify(expect, "pull_request", &body), reason, "{expect}");
    }
    // The project of a run lies too deep to be read before a delivery is stored, and its page does not.
    let run = json!({"run": {"html_url": "https://git.example.org/sub/payments/storefront/actions/runs/5"}});
    let expect = "projects = ['payments/storefront']\ninstances = ['https://git.example.org/sub/']";
    assert_eq!(verify(expect, "action_run_failure", &run), "accepted");
    assert_eq!(
        verify("projects = ['payments/storefront']", "push", &json!([])),
        "unexpected-project"
    );
}

#[test]
fn settings_of_other_providers_are_refused() {
    for more in ["auth = 'bearer'", "event_header = 'X-Event'"] {
        let table = format!("provider = 'gitea'\nsecret = {{ env = 's' }}\n{more}");
        assert!(build(&table).is_err(), "{more}");
    }
}
