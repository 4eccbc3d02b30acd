//! What a description of a signature, or of a secret that is sent, accepts and refuses.

mod senders;

use crate::domain::clock::Timestamp;
use crate::sources::testing::{self, NOW, accepted, build, headers};
use crate::sources::{Source, SourceConfigError, Verdict};

const PLAIN: &str = "provider = 'generic'\nsecret = { env = 'secret' }\nevent_header = 'X-Event'\n[signature]\n\
                     header = 'X-Signature'\nprefix = 'sha256='\nalgorithm = 'sha256'\n";
const BODY: &[u8] = b"{\"a\":1}";

fn with(more: &str) -> Result<Source, SourceConfigError> {
    build(&format!("{PLAIN}{more}"))
}

fn timed() -> Source {
    with("signed = '{id}.{timestamp}.{body}'\ntimestamp_header = 'X-Time'\nid_header = 'X-Id'\ntimestamp_unit = \
          'milliseconds'\nencoding = 'base64'\nseparator = ','")
    .expect("a source")
}

#[test]
fn what_a_source_signs_it_accepts() {
    for source in [
        with("").expect("a source"),
        timed(),
        with("signed = '{body}{header:Date}'").expect("a source"),
    ] {
        let sent = testing::sign(&source, "ping", BODY);
        let verified = accepted(source.verify(&headers(&sent), BODY, NOW));
        assert_eq!(verified.secret.as_deref(), Some("secret"));
        assert!(
            !verified
                .headers
                .iter()
                .any(|(name, _)| name == "x-signature")
        );
        let parsed = testing::parse(&source, &verified.headers, &verified.body);
        assert_eq!(parsed.events[0].provider_event, "ping");
        assert_eq!(parsed.events[0].subject.name(), "other");
    }
}

#[test]
fn each_needed_header_is_refused_when_it_is_missing_empty_or_doubled() {
    let source = timed();
    let sent = testing::sign(&source, "ping", BODY);
    for name in ["x-signature", "x-time", "x-id"] {
        let others = || sent.iter().filter(|(key, _)| key != name).cloned();
        let own = sent
            .iter()
            .find(|(key, _)| key == name)
            .expect("it is sent");
        let missing: Vec<_> = others().collect();
        let empty: Vec<_> = others().chain([(name.to_owned(), String::new())]).collect();
        let doubled: Vec<_> = sent.iter().cloned().chain([own.clone()]).collect();
        for (list, code) in [
            (missing, "hook/missing-signature"),
            (empty, "hook/empty-signature"),
            (doubled, "hook/repeated-signature"),
        ] {
            let rejection = source.check_headers(&headers(&list)).expect_err("refused");
            assert_eq!((rejection.status, rejection.code), (401, code), "{name}");
            assert!(source.verify(&headers(&list), BODY, NOW).is_err());
        }
    }
}

#[test]
fn a_changed_body_id_or_time_is_refused_and_so_is_an_old_request() {
    let source = timed();
    let sent = testing::sign(&source, "ping", BODY);
    let code = |list: &[(String, String)], body: &[u8], now| {
        source
            .verify(&headers(list), body, now)
            .expect_err("refused")
            .code
    };
    assert_eq!(code(&sent, b"{\"a\":2}", NOW), "hook/bad-signature");
    for (index, other) in [(2, "id-2"), (3, "1767225600001")] {
        let mut list = sent.clone();
        list[index].1 = other.to_owned();
        assert_eq!(
            code(&list, BODY, NOW),
            "hook/bad-signature",
            "{}",
            list[index].0
        );
    }
    assert_eq!(
        code(&sent, BODY, Timestamp(NOW.0 + 300_001)),
        "hook/stale-timestamp"
    );
    assert_eq!(
        code(&sent, BODY, Timestamp(NOW.0 - 300_001)),
        "hook/stale-timestamp"
    );
}

#[test]
fn one_right_signature_in_a_list_is_enough() {
    let source = with("separator = ','").expect("a source");
    let mut sent = testing::sign(&source, "ping", BODY);
    let (_, signature) = sent.last_mut().expect("the signature is last");
    *signature = format!("sha256=00, nonsense,{signature}");
    assert!(source.verify(&headers(&sent), BODY, NOW).is_ok());
}

#[test]
fn the_body_counts_as_the_identifier_where_the_signature_does_not_cover_it() {
    let keys = |source: &Source| {
        let sent = testing::sign(source, "ping", BODY);
        accepted(source.verify(&headers(&sent), BODY, NOW)).keys
    };
    let week = std::time::Duration::from_hours(7 * 24);

    let covered = keys(&timed());
    let uncovered = keys(&with("id_header = 'X-Id'").expect("a source"));
    let without = keys(&with("").expect("a source"));

    assert_eq!(covered.len(), 1);
    assert!(covered[0].0 == "id:id-1" && covered[0].1 >= week);
    assert!(
        uncovered[0].0 == "id:id-1"
            && uncovered[1].0.starts_with("body:")
            && uncovered[1].1 >= week
    );
    assert!(without[0].0.starts_with("body:") && without[0].1.as_secs() == 10);
}

#[test]
fn a_description_that_proves_nothing_is_refused_with_the_key_to_change() {
    for (more, key) in [
        ("signed = '{timestamp}'", "signature.signed"),
        ("timestamp_header = 'X-Time'", "signature.timestamp_header"),
        ("signed = '{timestamp}{body}'", "signature.timestamp_header"),
        ("signed = '{id}.{body}'", "signature.id_header"),
        ("separator = ''", "signature.separator"),
        ("id_header = 'X Id'", "signature.id_header"),
    ] {
        let error = with(more).expect_err("refused");
        assert_eq!(error.key(), format!("sources.generic.{key}"), "{more}");
    }
    let sha1 = PLAIN.replace("'sha256'", "'sha1'");
    assert_eq!(
        build(&sha1).expect_err("refused").key(),
        "sources.generic.signature.algorithm"
    );
    assert!(build(&format!("{sha1}allow_sha1 = true")).is_ok());
    let without = build("provider = 'generic'\nsecret = { env = 's' }").expect_err("refused");
    assert_eq!(without.key(), "sources.generic.signature");
    assert!(without.to_string().contains("auth = \"bearer\""));
}

#[test]
fn a_time_beside_the_signature_is_described_in_one_place_and_with_a_separator() {
    let beside = "signed = '{timestamp}.{body}'\n";
    for (more, key) in [
        ("timestamp_prefix = 't='", "timestamp_prefix"),
        (
            "timestamp_prefix = 't='\nseparator = ','\ntimestamp_header = 'X-Time'",
            "timestamp_prefix",
        ),
        ("timestamp_prefix = ''\nseparator = ','", "timestamp_prefix"),
        (
            "timestamp_prefix = 'sha256='\nseparator = ','",
            "timestamp_prefix",
        ),
    ] {
        let error = with(&format!("{beside}{more}")).expect_err(more);
        assert_eq!(error.key(), format!("sources.generic.signature.{key}"));
    }
    let unsigned = with("timestamp_prefix = 't='\nseparator = ','").expect_err("not signed");
    assert_eq!(unsigned.key(), "sources.generic.signature.timestamp_prefix");
    assert!(with(&format!("{beside}timestamp_prefix = 't='\nseparator = ','")).is_ok());
}

const BEARER: &str = "provider = 'generic'\nsecret = { env = 'secret' }\n";

#[test]
fn a_secret_that_is_sent_as_it_is_is_taken_in_the_one_way_that_is_described() {
    for (auth, header, right) in [
        ("'bearer'", "authorization", "Bearer secret"),
        (
            "{ basic = 'alerts' }",
            "authorization",
            "Basic YWxlcnRzOnNlY3JldA==",
        ),
        ("{ header = 'X-Token' }", "x-token", "secret"),
    ] {
        let source = build(&format!("{BEARER}auth = {auth}")).expect("a source");
        let sent = testing::sign(&source, "", BODY);
        assert!(sent.contains(&(header.to_owned(), right.to_owned())));
        let verified = accepted(source.verify(&headers(&sent), BODY, NOW));
        assert_eq!(verified.secret.as_deref(), Some("secret"));
        assert!(!verified.headers.iter().any(|(name, _)| name == header));
        for (list, code) in [
            (vec![], "hook/missing-signature"),
            (vec![(header, "")], "hook/empty-signature"),
            (
                vec![(header, right), (header, right)],
                "hook/repeated-signature",
            ),
            (vec![(header, "Bearer other")], "hook/bad-signature"),
            (vec![(header, "Basic b3RoZXI=")], "hook/bad-signature"),
            (vec![("x-secret", "secret")], "hook/missing-signature"),
        ] {
            let rejection = source
                .verify(&headers(&list), BODY, NOW)
                .expect_err("refused");
            assert_eq!(
                (rejection.status, rejection.code),
                (401, code),
                "{auth}: {list:?}"
            );
        }
    }
}

#[test]
fn a_source_is_signed_or_sends_its_secret_and_not_both() {
    let both = build(&PLAIN.replace("[signature]", "auth = 'bearer'\n[signature]"));
    let error = both.expect_err("both");
    assert_eq!(error.key(), "sources.generic.auth");
    assert!(error.to_string().contains("remove one"), "{error}");
    for (auth, key) in [
        ("{ basic = 'a:b' }", "auth.basic"),
        ("{ header = 'X Token' }", "auth.header"),
    ] {
        let error = build(&format!("{BEARER}auth = {auth}")).expect_err(auth);
        assert_eq!(error.key(), format!("sources.generic.{key}"));
    }
    let closed = build("provider = 'generic'\nauth = 'bearer'").expect("a source");
    let sent = headers(&[("authorization", "Bearer secret")]);
    let rejection = closed.check_headers(&sent).expect_err("no secret");
    assert_eq!(rejection.code, "hook/no-secret");
}

#[test]
fn a_body_says_what_it_is_where_the_pointers_lead() {
    let source = build(
        "provider = 'generic'\nsecret = { env = 'secret' }\nauth = 'bearer'\nevent_pointer = '/a~1b/~0type'\n\
         id_pointer = '/id'\nproject_pointer = '/project'\ntime_pointer = '/at'",
    )
    .expect("a source");
    let sent = headers(&[("authorization", "Bearer secret")]);
    let read = |body: &'static str| {
        let verified = accepted(source.verify(&sent, body.as_bytes(), NOW));
        let mut parsed = testing::parse(&source, &verified.headers, &verified.body);
        (verified.keys, parsed.events.remove(0))
    };
    let (keys, event) = read(
        r#"{"a/b":{"~type":"built"},"id":7,"project":"payments/storefront","at":"2026-01-01T01:00:00+01:00"}"#,
    );
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].0, "id:7");
    assert_eq!(event.provider_event, "built");
    assert_eq!(event.project(), Some("payments/storefront"));
    assert_eq!(event.happened_at, Some(NOW));
    let repository = event.repository.expect("a project");
    assert_eq!(repository.name, "storefront");

    for (body, time) in [
        (r#"{"at":1767225600}"#, Some(NOW)),
        (r#"{"at":1767225600000}"#, Some(NOW)),
        (r#"{"at":18446744073709551615}"#, None),
        (r#"{"at":-5}"#, None),
        (r#"{"at":"yesterday"}"#, None),
    ] {
        let (keys, event) = read(body);
        assert_eq!(event.happened_at, time, "{body}");
        assert!(keys[0].0.starts_with("body:"), "{body}");
        assert_eq!(event.provider_event, "");
        assert_eq!(event.project(), None);
    }
    for odd in [
        r#"[1]"#,
        r#"{"id":"","project":{},"a/b":[]}"#,
        r#"{"id":["x"]}"#,
        "5",
    ] {
        assert!(read(odd).0[0].0.starts_with("body:"), "{odd}");
    }
}

#[test]
fn the_project_that_a_body_names_can_be_expected() {
    let source = build(
        "provider = 'generic'\nverify = 'none'\nproject_pointer = '/project/name'\nevent_pointer = '/type'\n\
         expect = { projects = ['payments/**'], events = ['built'] }",
    )
    .expect("a source");
    let verdict = |body: &'static str| {
        let none: [(&str, &str); 0] = [];
        match source.verify(&headers(&none), body.as_bytes(), NOW) {
            Ok(Verdict::Ignore { reason, .. }) => reason,
            verdict => accepted(verdict).provider,
        }
    };
    assert_eq!(
        verdict(r#"{"type":"built","project":{"name":"payments/web"}}"#),
        "generic"
    );
    assert_eq!(
        verdict(r#"{"type":"built","project":{"name":"other/web"}}"#),
        "unexpected-project"
    );
    assert_eq!(
        verdict(r#"{"type":"broken","project":{"name":"payments/web"}}"#),
        "unexpected-event"
    );
}

#[test]
fn a_pointer_that_cannot_be_followed_is_refused_with_its_key() {
    for (pointer, hint) in [
        ("", "before each key"),
        ("type", "before each key"),
        ("/", "empty"),
        ("/a/", "empty"),
        ("/a/b/c", "more than 2"),
        ("/list/0", "list"),
        ("/a~2", "~"),
        ("/a~", "~"),
    ] {
        for key in [
            "event_pointer",
            "id_pointer",
            "project_pointer",
            "time_pointer",
        ] {
            let table = format!("provider = 'generic'\nverify = 'none'\n{key} = '{pointer}'");
            let error = build(&table).expect_err(pointer);
            assert_eq!(error.key(), format!("sources.generic.{key}"));
            assert!(error.to_string().contains(hint), "{pointer}: {error}");
        }
    }
}

#[test]
fn an_event_and_a_delivery_have_one_name_each() {
    for (more, key) in [
        ("event_pointer = '/type'", "event_pointer"),
        ("id_pointer = '/id'", "id_pointer"),
    ] {
        let table = PLAIN.replace(
            "[signature]",
            &format!("{more}\n[signature]\nid_header = 'X-Id'"),
        );
        let error = build(&table).expect_err(more);
        assert_eq!(error.key(), format!("sources.generic.{key}"));
    }
}

#[test]
fn a_request_whose_time_is_signed_and_whose_id_is_not_cannot_be_sent_again() {
    let keys = |more: &str, id: &str| {
        let described = "signed = '{timestamp}.{body}'\ntimestamp_header = 'X-Time'\n";
        let source = with(&format!("{described}{more}")).expect("a source");
        let mut sent = testing::sign(&source, "ping", BODY);
        sent.retain(|(name, _)| name != "x-id");
        sent.push(("x-id".to_owned(), id.to_owned()));
        accepted(source.verify(&headers(&sent), BODY, NOW)).keys
    };
    let (first, again) = (
        keys("id_header = 'X-Id'", "id-1"),
        keys("id_header = 'X-Id'", "id-2"),
    );
    assert_eq!((first.len(), again.len()), (2, 2));
    assert_ne!(first[0], again[0]);
    assert_eq!(first[1], again[1], "the request itself is known");
    assert_eq!(first[1].1.as_secs(), 600);
    let without = keys("", "");
    assert_eq!(without[0].1.as_secs(), 10);
    assert_eq!(without[1], first[1]);
}
