//! The two schemes, alone and mixed, and the keys of each.

use std::time::Duration;

use crate::domain::clock::Timestamp;
use crate::sources::testing::{self, NOW, accepted, build, headers};
use crate::sources::{Rejection, Source};

const SHARED: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The private key and the signature that the project's library in Go is tested with:
/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/go/webhook_asymmetric_test.go>.
const PRIVATE: &str = "whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const TIME: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const V1A: &str =
    "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==";
const V1: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

/// The public half of `PRIVATE`, and that of another key, computed with another program.
const PUBLIC: &str = "whpk_ZlN4eg7dSSqi0moX9hQUk3orrOouK3QVQSlJa248c/g=";
const OTHER_PUBLIC: &str = "whpk_4rQZjjkCnn4m/ciYBaRPSZTA+Y/UwqgD6hgxOllF28g=";

fn source(secrets: &str) -> Source {
    build(&format!("provider = 'standard-webhooks'\n{secrets}")).expect("a source")
}

fn single(secret: &str) -> Source {
    source(&format!("secret = {{ env = '{secret}' }}"))
}

fn sent(signature: &str) -> Vec<(&'static str, String)> {
    vec![
        ("webhook-id", ID.to_owned()),
        ("webhook-timestamp", TIME.to_string()),
        ("webhook-signature", signature.to_owned()),
    ]
}

/// The name of the secret that matched, some seconds after the request was sent.
fn verdict(source: &Source, signature: &str, later: i64) -> Result<String, Rejection> {
    let now = Timestamp((TIME + later) * 1_000);
    let list = headers(&sent(signature));
    let verdict = source.verify(&list, BODY, now);
    verdict.map(|verdict| accepted(Ok(verdict)).secret.expect("a secret matched"))
}

fn code(source: &Source, signature: &str) -> &'static str {
    verdict(source, signature, 0).expect_err("refused").code
}

#[test]
fn an_asymmetric_signature_is_verified_with_either_half_of_the_key() {
    for key in [PUBLIC, PRIVATE] {
        let source = single(key);
        assert_eq!(verdict(&source, V1A, 0), Ok("secret".to_owned()));
        let stale = verdict(&source, V1A, 301).expect_err("too old");
        assert_eq!(stale.code, "hook/stale-timestamp");
        assert!(verdict(&source, V1A, -301).is_err(), "from the future");
    }
}

#[test]
fn a_changed_body_id_time_or_key_is_refused() {
    let source = single(PUBLIC);
    let now = Timestamp(TIME * 1_000);
    let refused = |list: &[(&str, String)], body: &[u8]| {
        let rejection = source.verify(&headers(list), body, now).expect_err("no");
        assert_eq!(
            (rejection.status, rejection.code),
            (401, "hook/bad-signature")
        );
    };
    refused(&sent(V1A), br#"{"test": 2432232315}"#);
    for (index, value) in [(0, "msg_another"), (1, "1614265331")] {
        let mut list = sent(V1A);
        list[index].1 = value.to_owned();
        refused(&list, BODY);
    }
    assert_eq!(code(&single(OTHER_PUBLIC), V1A), "hook/bad-signature");
}

#[test]
fn a_signature_counts_for_its_own_scheme_alone() {
    let asymmetric = single(PUBLIC);
    let shared = single(SHARED);
    let bare = |signature: &str| signature.split_once(',').expect("a scheme").1.to_owned();
    for signature in [
        V1.to_owned(),
        format!("v1,{}", bare(V1A)),
        format!("v2,{}", bare(V1A)),
        bare(V1A),
        "v1a,".to_owned(),
        "v1a,%".to_owned(),
        V1A[..50].to_owned(),
    ] {
        assert_eq!(
            code(&asymmetric, &signature),
            "hook/bad-signature",
            "{signature}"
        );
    }
    assert_eq!(code(&shared, V1A), "hook/bad-signature");
    assert_eq!(
        code(&shared, &format!("v1a,{}", bare(V1))),
        "hook/bad-signature"
    );
}

#[test]
fn one_match_of_a_scheme_with_a_key_is_enough_in_a_mixed_list() {
    let mixed = format!("v1,AAAA {V1A} v1a,AAAA {V1} v2,AAAA");
    assert!(verdict(&single(PUBLIC), &mixed, 0).is_ok());
    assert!(verdict(&single(SHARED), &mixed, 0).is_ok());
    let both = source(&format!(
        "secrets = {{ shared = {{ env = '{SHARED}' }}, pair = {{ env = '{OTHER_PUBLIC}' }} }}"
    ));
    assert_eq!(verdict(&both, &mixed, 0), Ok("shared".to_owned()));
    let old_and_new = source(&format!(
        "secrets = {{ new = {{ env = '{OTHER_PUBLIC}' }}, old = {{ env = '{PUBLIC}' }} }}"
    ));
    assert_eq!(verdict(&old_and_new, V1A, 0), Ok("old".to_owned()));
}

#[test]
fn a_request_cannot_have_any_number_of_signatures_tried() {
    let source = single(PUBLIC);
    let junk = format!("{} ", V1A.replace("tQ9V", "AAAA"));
    assert!(verdict(&source, &format!("{}{V1A}", junk.repeat(7)), 0).is_ok());
    assert_eq!(
        code(&source, &format!("{}{V1A}", junk.repeat(8))),
        "hook/bad-signature"
    );
}

#[test]
fn what_a_private_key_signs_its_public_key_accepts() {
    let source = source(&format!(
        "secrets = {{ a = {{ env = '{PUBLIC}' }}, b = {{ env = '{PRIVATE}' }} }}"
    ));
    let list = testing::sign(&source, "", BODY);
    assert!(
        list.iter()
            .any(|(name, value)| name == "webhook-signature" && value.starts_with("v1a,"))
    );
    let list = headers(&list);
    let verified = accepted(source.verify(&list, BODY, NOW));
    assert_eq!(verified.secret.as_deref(), Some("a"));
    assert_eq!(verified.keys.len(), 1);
    assert!(
        verified.keys[0].0 == "id:id-1" && verified.keys[0].1 >= Duration::from_hours(7 * 24),
        "{:?}",
        verified.keys
    );
    assert!(
        accepted(single(PUBLIC).verify(&list, BODY, NOW))
            .secret
            .is_some()
    );
}

#[test]
fn what_a_public_key_should_sign_goes_without_a_signature_and_is_refused() {
    let source = single(PUBLIC);
    let list = testing::sign(&source, "", BODY);
    assert!(list.iter().all(|(name, _)| name != "webhook-signature"));
    let rejection = source.check_headers(&headers(&list)).expect_err("refused");
    assert_eq!(
        (rejection.status, rejection.code),
        (401, "hook/missing-signature")
    );
}

#[test]
fn a_private_key_may_come_with_its_public_one_and_with_no_other() {
    const WHOLE: &str = "whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTllmU3h6Dt1JKqLSahf2FBSTeius6i4rdBVBKUlrbjxz+A==";
    assert!(verdict(&single(WHOLE), V1A, 0).is_ok());
    for (key, hint) in [
        (&*WHOLE.replace("bjxz", "bjxa"), "private key"),
        (&WHOLE.replace("whsk_", "whpk_"), "public key"),
        (&PUBLIC.replace("/g=", ""), "public key"),
        ("whpk_", "public key"),
        ("whsk_", "private key"),
        ("whsk_%", "private key"),
        ("whsec_", "whsec_"),
    ] {
        let table = format!("provider = 'standard-webhooks'\nsecret = {{ env = '{key}' }}");
        let error = build(&table).expect_err(key);
        assert_eq!(error.key(), "sources.standard-webhooks.secret");
        let text = error.to_string();
        assert!(text.contains(hint), "{text}");
        assert!(!text.contains("VEVT") && !text.contains("ZlN4"), "{text}");
    }
}
