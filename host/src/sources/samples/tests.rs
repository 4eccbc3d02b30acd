//! The samples and the events beside them.

use std::path::Path;

use super::*;
use crate::sources::testing::{self, token_source};

/// Rewrites the events beside the samples when this variable is set.
const BLESS: &str = "HOOKBOX_BLESS";

#[test]
fn the_event_beside_each_sample_is_what_the_parser_makes_of_it() {
    let source = token_source("secret");
    for sample in samples() {
        let headers = [("x-gitlab-event".to_owned(), sample.event_header.to_owned())];
        let parsed = testing::parse(&source, &headers, sample.body.as_bytes());
        assert_eq!(parsed.events.len(), 1, "{}", sample.name);
        let event = &parsed.events[0];
        assert_eq!(event.note, None, "{}", sample.name);

        let mut found = serde_json::to_string_pretty(event).expect("an event is JSON");
        found.push('\n');
        if testing::variable(BLESS).is_some() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk/samples");
            let file = folder
                .join(sample.provider)
                .join(format!("{}.event.json", sample.name));
            std::fs::write(file, found).expect("the sample's event is written");
        } else {
            assert_eq!(
                found, sample.event,
                "{}: run again with {BLESS}=1",
                sample.name
            );
        }
    }
}

#[test]
fn a_sample_is_accepted_as_it_is_sent() {
    for secret in [
        "a plain token",
        "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=",
    ] {
        let source = token_source(secret);
        for sample in samples() {
            let sent = source.signed_headers(
                sample.event_header,
                sample.body.as_bytes(),
                "id-1",
                testing::NOW,
            );
            let headers = testing::headers(&sent);
            let verified =
                testing::accepted(source.verify(&headers, sample.body.as_bytes(), testing::NOW));
            assert_eq!(verified.secret.as_deref(), Some("secret"));
            assert_eq!(verified.body, sample.body.as_bytes(), "{}", sample.name);
        }
    }
}

#[test]
fn the_push_is_to_main_and_has_three_commits() {
    let push = samples()
        .iter()
        .find(|sample| sample.name == "push")
        .expect("the push");
    let event: crate::domain::event::Event = serde_json::from_str(push.event).expect("an event");
    let crate::domain::event::Subject::Push(subject) = &event.subject else {
        panic!("the push is a push")
    };
    assert_eq!(
        (subject.branch.as_str(), subject.commits.len()),
        ("main", 3)
    );
    assert_eq!(event.project(), Some("payments/storefront"));
}
