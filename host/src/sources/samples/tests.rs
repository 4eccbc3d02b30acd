//! The samples and the events beside them.

use std::path::Path;

use super::*;
use crate::domain::event::Event;
use crate::domain::names::{DeliveryId, SourceName};
use crate::sources::testing::{self, NOW, accepted, headers};
use crate::sources::{Outgoing, ParseInput, Source, Verified, folder, schedule};

/// Rewrites the events beside the samples when this variable is set.
const BLESS: &str = "HOOKBOX_BLESS";

/// What serves as a key and as a plain token.
const SECRET: &str = "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=";

fn source(provider: &str, secret: &str) -> Source {
    // How a generic source is verified is its description's to say.
    let described = if provider == "generic" {
        "auth = 'bearer'"
    } else {
        ""
    };
    let table = format!("provider = '{provider}'\nsecret = {{ env = '{secret}' }}\n{described}");
    testing::build(&table).expect("a source")
}

fn verified<'a>(source: &Source, sample: &'a Sample) -> Verified<'a> {
    let body = sample.body.as_bytes();
    let sent = testing::sign(source, sample.event_header, body);
    accepted(source.verify(&headers(&sent), body, NOW))
}

#[test]
fn the_event_beside_each_sample_is_what_the_parser_makes_of_it() {
    for sample in samples() {
        let name = format!("{}/{}", sample.provider, sample.name);
        let source = source(sample.provider, SECRET);
        let verified = verified(&source, sample);
        let parsed = testing::parse(&source, &verified.headers, &verified.body);
        assert_eq!(parsed.events.len(), 1, "{name}");
        let event = &parsed.events[0];
        assert_eq!(event.note, None, "{name}");

        compare(sample, event);
    }
}

/// Compares an event with the one beside its sample, or writes it there.
fn compare(sample: &Sample, event: &Event) {
    let name = format!("{}/{}", sample.provider, sample.name);
    let mut found = serde_json::to_string_pretty(event).expect("an event is JSON");
    found.push('\n');
    if testing::variable(BLESS).is_some() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk/samples");
        std::fs::write(folder.join(format!("{name}.event.json")), found)
            .expect("the sample's event is written");
    } else {
        assert_eq!(found, sample.event, "{name}: run again with {BLESS}=1");
    }
}

/// What the parser makes of a delivery of a source that the server looks after.
fn found(sample: &Sample) -> Event {
    let name = SourceName::parse(sample.provider).expect("a name");
    let input = ParseInput {
        delivery: &DeliveryId("0192a000-0000-7000-8000-000000000000".to_owned()),
        source: &name,
        provider: sample.provider,
        received_at: NOW,
        received_local: "2026-01-01T00:00:00+00:00",
        headers: &[],
        body: sample.body.as_bytes(),
    };
    let parsed = match sample.provider {
        folder::PROVIDER => folder::parse_delivery(&input),
        _ => schedule::parse_delivery(&input),
    };
    parsed.events.into_iter().next().expect("an event")
}

#[test]
fn the_event_beside_each_sample_of_the_servers_own_sources_is_what_their_parser_makes_of_it() {
    for sample in inside() {
        let event = found(sample);
        assert_eq!(event.note, None, "{}", sample.name);
        assert_eq!(event.provider_event, sample.event_header);
        compare(sample, &event);
    }
}

#[test]
fn a_sample_is_accepted_as_it_is_sent() {
    for sample in samples() {
        for secret in ["a plain token", SECRET] {
            if sample.provider == "standard-webhooks" && secret != SECRET {
                continue;
            }
            let source = source(sample.provider, secret);
            let verified = verified(&source, sample);
            assert_eq!(verified.secret.as_deref(), Some("secret"));
            assert_eq!(verified.body, sample.body.as_bytes(), "{}", sample.name);
        }
    }
}

#[test]
fn the_push_is_to_main_and_has_three_commits() {
    let push = samples()
        .find(|sample| sample.provider == "gitlab" && sample.name == "push")
        .expect("the push");
    let event: Event = serde_json::from_str(push.event).expect("an event");
    let crate::domain::event::Subject::Push(subject) = &event.subject else {
        panic!("the push is a push")
    };
    assert_eq!(
        (subject.branch.as_str(), subject.commits.len()),
        ("main", 3)
    );
    assert_eq!(event.project(), Some("payments/storefront"));
}

#[test]
fn a_sample_that_is_sent_again_is_no_duplicate_and_says_the_same() {
    for sample in samples() {
        let source = source(sample.provider, SECRET);
        let [first, second] = ["id-1", "id-2"].map(|id| {
            let body = source.renewed(sample.provider, sample.body, id);
            let outgoing = Outgoing {
                event: sample.event_header,
                body: &body,
                id,
                now: NOW,
            };
            let sent = source
                .signed_headers(sample.provider, &outgoing)
                .expect("its own");
            let verified = accepted(source.verify(&headers(&sent), &body, NOW));
            let parsed = testing::parse(&source, &verified.headers, &verified.body);
            (verified.keys, parsed.events[0].subject.clone())
        });
        assert!(
            first.0.iter().all(|key| !second.0.contains(key)),
            "{}/{}: {:?}",
            sample.provider,
            sample.name,
            first.0
        );
        assert_eq!(first.1, second.1);
    }
}
