//! Jira's verification and parser, on bodies written for them.

mod issues;
mod texts;
mod verification;

use serde_json::{Value, json};

use crate::domain::event::Event;
use crate::sources::Source;
use crate::sources::samples::samples;
use crate::sources::testing::{self, build};

fn source() -> Source {
    build("provider = 'jira'\nsecret = { env = 'secret' }").expect("a source")
}

fn events(body: &Value) -> Vec<Event> {
    testing::parse(&source(), &[], body.to_string().as_bytes()).events
}

/// The event of a body that holds one.
fn event(body: &Value) -> Event {
    let mut events = events(body);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn sample(name: &str) -> Value {
    let sample = samples()
        .find(|sample| sample.provider == "jira" && sample.name == name)
        .expect("a sample");
    serde_json::from_str(sample.body).expect("a sample is JSON")
}

/// A change of a field, as it stands in a changelog.
fn item(field: &str, before: Option<&str>, after: Option<&str>) -> Value {
    json!({"field": field, "fromString": before, "toString": after})
}
