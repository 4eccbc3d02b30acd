//! Bitbucket Data Center's verification and parser, on bodies written for them.

mod parsing;
mod verification;

use serde_json::Value;

use crate::domain::event::Event;
use crate::sources::samples::samples;
use crate::sources::{Source, testing};

fn source() -> Source {
    testing::build("provider = 'bitbucket-data-center'\nsecret = { env = 'secret' }")
        .expect("a source")
}

/// The events of a body, which names its own kind.
fn events(body: &Value) -> Vec<Event> {
    testing::parse(&source(), &[], body.to_string().as_bytes()).events
}

fn event(body: &Value) -> Event {
    let mut events = events(body);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn sample(name: &str) -> Value {
    let sample = samples()
        .find(|sample| sample.provider == "bitbucket-data-center" && sample.name == name)
        .expect("a sample");
    serde_json::from_str(sample.body).expect("a sample is JSON")
}
