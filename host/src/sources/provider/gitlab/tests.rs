//! GitLab's verification and parser, on bodies written for them.

mod mutations;
mod parsing;
mod verification;

use serde_json::Value;

use crate::domain::event::Event;
use crate::sources::samples::samples;
use crate::sources::testing::{self, accepted, token_source};

fn accepted_body(verdict: crate::sources::Verdict<'_>) -> Vec<u8> {
    accepted(Ok(verdict)).body.into_owned()
}

fn event(header: &str, body: &Value) -> Event {
    let list = [("x-gitlab-event".to_owned(), header.to_owned())];
    let parsed = testing::parse(&token_source("secret"), &list, body.to_string().as_bytes());
    parsed.events.into_iter().next().expect("one event")
}

fn sample(name: &str) -> Value {
    let sample = samples()
        .iter()
        .find(|sample| sample.name == name)
        .expect("a sample");
    serde_json::from_str(sample.body).expect("a sample is JSON")
}
