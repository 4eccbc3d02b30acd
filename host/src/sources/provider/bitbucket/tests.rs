//! Bitbucket Cloud's verification and parser, on bodies written for them.

mod parsing;
mod pushes;
mod verification;

use serde_json::Value;

use crate::domain::event::Event;
use crate::sources::samples::samples;
use crate::sources::{Source, testing};

fn source() -> Source {
    testing::build("provider = 'bitbucket'\nsecret = { env = 'secret' }").expect("a source")
}

fn events(key: &str, body: &Value) -> Vec<Event> {
    let list = [("x-event-key".to_owned(), key.to_owned())];
    testing::parse(&source(), &list, body.to_string().as_bytes()).events
}

fn event(key: &str, body: &Value) -> Event {
    let mut events = events(key, body);
    assert_eq!(events.len(), 1, "{key}");
    events.remove(0)
}

fn sample(name: &str) -> Value {
    let sample = samples()
        .find(|sample| sample.provider == "bitbucket" && sample.name == name)
        .expect("a sample");
    serde_json::from_str(sample.body).expect("a sample is JSON")
}
