//! Who is believed, what names a delivery, and what is expected.

use super::{sample, source};
use crate::sources::testing::{NOW, accepted, build, headers, sign};
use crate::sources::{Rejection, Source, Verdict};

const BODY: &[u8] = br#"{"repository":{"full_name":"payments/storefront"}}"#;

type List = Vec<(String, String)>;

fn signed(source: &Source) -> List {
    sign(source, "repo:push", BODY)
}

fn with_signature(source: &Source, signature: &str) -> List {
    let mut list = signed(source);
    list.retain(|(name, _)| name != "x-hub-signature");
    list.push(("X-Hub-Signature".to_owned(), signature.to_owned()));
    list
}

fn signature(source: &Source) -> String {
    let list = signed(source);
    let found = list.iter().find(|(name, _)| name == "x-hub-signature");
    found.expect("it is signed").1.clone()
}

fn refusal(list: &List) -> Rejection {
    source()
        .verify(&headers(list), BODY, NOW)
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
fn the_published_signature_is_right_and_only_the_text_is_no_json() {
    let source = build("provider = 'bitbucket'\nsecret = { env = \"It's a Secret to Everybody\" }")
        .expect("a source");
    let code = |signature: &str| {
        let list = [("x-hub-signature", signature)];
        let verdict = source.verify(&headers(&list), b"Hello World!", NOW);
        verdict.expect_err("it is not JSON").code
    };
    let digits = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";
    assert_eq!(code(&format!("sha256={digits}")), "hook/not-json");
    assert_eq!(
        code(&format!("sha256=0{}", &digits[1..])),
        "hook/bad-signature"
    );
}

#[test]
fn a_right_signature_is_accepted_and_a_wrong_missing_empty_or_doubled_one_is_not() {
    let source = source();
    let verified = accepted(source.verify(&headers(&signed(&source)), BODY, NOW));
    assert_eq!(verified.secret.as_deref(), Some("secret"));

    let right = signature(&source);
    let digits = right.strip_prefix("sha256=").expect("the prefix");
    for wrong in [
        digits.to_owned(),
        format!("sha1={digits}"),
        format!("SHA256={digits}"),
        format!("sha256={}", &digits[..62]),
        format!("sha256={digits}00"),
        format!("sha256={}", "0".repeat(64)),
        "sha256=".to_owned(),
        "nonsense".to_owned(),
    ] {
        let rejection = refusal(&with_signature(&source, &wrong));
        assert_eq!(
            (rejection.status, rejection.code),
            (401, "hook/bad-signature"),
            "{wrong}"
        );
        assert!(!rejection.message.contains(digits));
    }
    assert!(
        source
            .verify(&headers(&signed(&source)), br#"{"repository":null}"#, NOW)
            .is_err()
    );

    let mut without = signed(&source);
    without.retain(|(name, _)| name != "x-hub-signature");
    assert_eq!(early_refusal(&without), "hook/missing-signature");
    assert_eq!(
        early_refusal(&with_signature(&source, " ")),
        "hook/empty-signature"
    );
    let doubled = [signed(&source), with_signature(&source, &right)].concat();
    assert_eq!(early_refusal(&doubled), "hook/repeated-signature");
}

#[test]
fn the_secret_that_signed_is_named_while_secrets_are_rotated() {
    let both =
        build("provider = 'bitbucket'\nsecrets = { new = { env = 'b' }, old = { env = 'a' } }")
            .expect("a source");
    for (secret, name) in [("a", "old"), ("b", "new")] {
        let one = build(&format!(
            "provider = 'bitbucket'\nsecret = {{ env = '{secret}' }}"
        ))
        .expect("a source");
        let verified = accepted(both.verify(&headers(&signed(&one)), BODY, NOW));
        assert_eq!(verified.secret.as_deref(), Some(name));
    }
}

#[test]
fn a_delivery_is_named_by_its_request_and_its_body_and_never_by_the_hook() {
    let source = source();
    let keys = |more: Option<(&str, &str)>| {
        let mut list = signed(&source);
        list.retain(|(name, _)| name != "x-request-uuid");
        list.push(("x-hook-uuid".to_owned(), "hook".to_owned()));
        list.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
        accepted(source.verify(&headers(&list), BODY, NOW)).keys
    };
    let named = keys(Some(("X-Request-UUID", "one")));
    assert_eq!(named[0].0, "id:one");
    // The identifier is not signed: the same body under another one is the same delivery.
    let again = keys(Some(("X-Request-UUID", "two")));
    assert!(named[1].0.starts_with("body:") && named[1] == again[1]);
    assert_eq!(named[1].1, named[0].1);
    let unnamed = keys(None);
    assert_eq!(unnamed.len(), 1);
    assert!(unnamed[0].0.starts_with("body:") && unnamed[0].1 < named[1].1);
}

#[test]
fn projects_and_events_may_be_expected() {
    let body = sample("merge-request-opened").to_string();
    let takes = |expect: &str| {
        let source = build(&format!(
            "provider = 'bitbucket'\nsecret = {{ env = 'secret' }}\nexpect = {{ {expect} }}"
        ))
        .expect("a source");
        let list = sign(&source, "pullrequest:created", body.as_bytes());
        let verdict = source.verify(&headers(&list), body.as_bytes(), NOW);
        matches!(verdict, Ok(Verdict::Accept(_)))
    };
    assert!(takes("projects = ['payments/*']"));
    assert!(takes("events = ['pullrequest:created']"));
    assert!(!takes("projects = ['billing/*']"));
    assert!(!takes("events = ['repo:push']"));
}

#[test]
fn cloud_and_data_center_are_told_apart_by_their_headers() {
    let auto = build(
        "provider = 'auto'\nsecrets = { bitbucket = { env = 'a' }, bitbucket-data-center = { env = 'b' } }",
    )
    .expect("a source");
    for (provider, secret) in [("bitbucket", "a"), ("bitbucket-data-center", "b")] {
        let table = format!("provider = '{provider}'\nsecret = {{ env = '{secret}' }}");
        let list = sign(&build(&table).expect("a source"), "repo:modified", BODY);
        let verified = accepted(auto.verify(&headers(&list), BODY, NOW));
        assert_eq!(verified.provider, provider);
    }
    // Another sender's event key is nobody's.
    let list = [("x-event-key", "page_created"), ("x-request-id", "1")];
    let rejection = auto.check_headers(&headers(&list)).expect_err("refused");
    assert_eq!(rejection.status, 401);
}
