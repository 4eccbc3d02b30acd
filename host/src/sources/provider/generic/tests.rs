//! What a description of a signature accepts and refuses.

use crate::domain::clock::Timestamp;
use crate::sources::testing::{self, NOW, accepted, build, headers};
use crate::sources::{Source, SourceConfigError};

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
        let sent = testing::sign(&source, "ping", BODY);
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
        ("signed = '{id}{body}'", "signature.id_header"),
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
}
