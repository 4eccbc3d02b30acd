//! Who is believed, what names a delivery, what contradicts itself, and what is expected.

use super::{sample, source};
use crate::sources::testing::{NOW, accepted, build, headers, sign};
use crate::sources::{Rejection, Source, Verdict};

const EVENT: &str = "repo:modified";
const BODY: &[u8] = br#"{"eventKey":"repo:modified"}"#;

type List = Vec<(String, String)>;

fn signed(source: &Source) -> List {
    sign(source, EVENT, BODY)
}

fn with(mut list: List, name: &str, value: &str) -> List {
    list.retain(|(key, _)| key != name);
    list.push((name.to_owned(), value.to_owned()));
    list
}

fn without(mut list: List, name: &str) -> List {
    list.retain(|(key, _)| key != name);
    list
}

fn early_refusal(list: &List) -> Rejection {
    let rejection = source()
        .check_headers(&headers(list))
        .expect_err("refused before the body is read");
    assert_eq!(rejection.status, 401);
    rejection
}

#[test]
fn a_right_signature_is_accepted_and_a_wrong_missing_empty_or_doubled_one_is_not() {
    let source = source();
    let list = signed(&source);
    let verified = accepted(source.verify(&headers(&list), BODY, NOW));
    assert_eq!(verified.secret.as_deref(), Some("secret"));

    let found = list.iter().find(|(name, _)| name == "x-hub-signature");
    let right = found.expect("it is signed").1.clone();
    let digits = right.strip_prefix("sha256=").expect("the prefix");
    for wrong in [
        digits.to_owned(),
        format!("sha1={digits}"),
        format!("sha256={}", &digits[..40]),
        format!("sha256={}", "0".repeat(64)),
        "sha256=".to_owned(),
    ] {
        let list = with(list.clone(), "x-hub-signature", &wrong);
        let rejection = source
            .verify(&headers(&list), BODY, NOW)
            .expect_err("refused");
        assert_eq!(
            (rejection.status, rejection.code),
            (401, "hook/bad-signature"),
            "{wrong}"
        );
        assert!(!rejection.message.contains(digits));
    }
    assert!(
        source
            .verify(&headers(&list), br#"{"eventKey":"repo:forked"}"#, NOW)
            .is_err()
    );

    let code = |list: &List| early_refusal(list).code;
    let missing = without(list.clone(), "x-hub-signature");
    assert_eq!(code(&missing), "hook/missing-signature");
    assert_eq!(
        code(&with(list.clone(), "x-hub-signature", "")),
        "hook/empty-signature"
    );
    let doubled = [list, vec![("x-hub-signature".to_owned(), right)]].concat();
    assert_eq!(code(&doubled), "hook/repeated-signature");
}

#[test]
fn basic_authentication_does_not_stand_in_for_the_signature() {
    let list = without(signed(&source()), "x-hub-signature");
    let list = with(list, "authorization", "Basic aG9va2JveDpzZWNyZXQ=");
    assert_eq!(early_refusal(&list).code, "hook/missing-signature");
}

#[test]
fn a_connection_test_is_not_signed_and_is_refused_with_a_sentence_about_it() {
    let source = source();
    let body = br#"{"test":true}"#;
    let list = sign(&source, "diagnostics:ping", body);
    assert!(source.verify(&headers(&list), body, NOW).is_ok());
    let unsigned = without(list, "x-hub-signature");
    let rejection = early_refusal(&unsigned);
    assert_eq!(rejection.code, "hook/missing-signature");
    assert!(rejection.message.contains("connection test"), "{rejection}");
    let other = with(unsigned, "x-event-key", EVENT);
    assert!(!early_refusal(&other).message.contains("connection test"));
}

#[test]
fn a_delivery_is_named_by_its_request_and_its_body() {
    let source = source();
    let keys = |id: &str| {
        let list = with(signed(&source), "x-request-id", id);
        accepted(source.verify(&headers(&list), BODY, NOW)).keys
    };
    let (one, two) = (keys("one"), keys("two"));
    assert_eq!((one[0].0.as_str(), two[0].0.as_str()), ("id:one", "id:two"));
    assert!(one[1].0.starts_with("body:") && one[1] == two[1]);
    assert_eq!(one[1].1, one[0].1);
}

#[test]
fn a_header_that_contradicts_the_body_is_a_bad_request() {
    let source = source();
    let verify = |header: &str, body: &str| {
        let list = sign(&source, header, body.as_bytes());
        source
            .verify(&headers(&list), body.as_bytes(), NOW)
            .map(|_| ())
    };
    for (header, body) in [
        ("pr:merged", r#"{"eventKey":"pr:opened"}"#),
        ("diagnostics:ping", r#"{"eventKey":"pr:opened"}"#),
    ] {
        let rejection = verify(header, body).expect_err("refused");
        assert_eq!(
            (rejection.status, rejection.code),
            (400, "hook/contradiction")
        );
    }
    for (header, body) in [
        ("pr:merged", r#"{"eventKey":"pr:merged"}"#),
        (
            "pr:reviewer:needs_work",
            r#"{"eventKey":"pr:reviewer:changes_requested"}"#,
        ),
        ("diagnostics:ping", r#"{"test":true}"#),
        ("pr:merged", r#"["anything"]"#),
        ("pr:merged", r#"{"eventKey":7}"#),
    ] {
        assert_eq!(verify(header, body), Ok(()), "{header} {body}");
    }
}

#[test]
fn projects_events_and_numbers_may_be_expected_of_a_push_and_of_a_pull_request() {
    let takes = |name: &str, expect: &str| {
        let body = sample(name);
        let key = body["eventKey"].as_str().expect("a kind").to_owned();
        let body = body.to_string();
        let source = build(&format!(
            "provider = 'bitbucket-data-center'\nsecret = {{ env = 'secret' }}\nexpect = {{ {expect} }}"
        ))
        .expect("a source");
        let list = sign(&source, &key, body.as_bytes());
        let verdict = source.verify(&headers(&list), body.as_bytes(), NOW);
        matches!(verdict, Ok(Verdict::Accept(_)))
    };
    for name in ["push", "merge-request-opened", "note-on-merge-request"] {
        assert!(takes(name, "projects = ['PAYMENTS/storefront']"), "{name}");
        assert!(takes(name, "projects = [15]"), "{name}");
        assert!(!takes(name, "projects = ['PAYMENTS/ledger']"), "{name}");
        assert!(!takes(name, "projects = [16]"), "{name}");
    }
    assert!(takes("push", "events = ['repo:refs_changed']"));
    assert!(!takes("push", "events = ['pr:opened']"));
}

#[test]
fn a_pull_request_from_a_fork_belongs_to_the_repository_it_goes_to() {
    let mut body = sample("merge-request-opened");
    body["pullRequest"]["fromRef"]["repository"]["project"]["key"] = "~ADA".into();
    let text = body.to_string();
    let source = build(
        "provider = 'bitbucket-data-center'\nsecret = { env = 'secret' }\nexpect = { projects = ['PAYMENTS/*'] }",
    )
    .expect("a source");
    let list = sign(&source, "pr:opened", text.as_bytes());
    accepted(source.verify(&headers(&list), text.as_bytes(), NOW));
    assert_eq!(super::event(&body).project(), Some("PAYMENTS/storefront"));
}
