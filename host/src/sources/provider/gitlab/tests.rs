//! GitLab's verification and parser, on bodies written for them.

mod parsing;
mod verification;

use serde_json::Value;

use crate::domain::event::Event;
use crate::sources::samples::samples;
use crate::sources::testing::{self, token_source};

fn event(header: &str, body: &Value) -> Event {
    let list = [("x-gitlab-event".to_owned(), header.to_owned())];
    let parsed = testing::parse(&token_source("secret"), &list, body.to_string().as_bytes());
    parsed.events.into_iter().next().expect("one event")
}

fn sample(name: &str) -> Value {
    let sample = samples()
        .find(|sample| sample.provider == "gitlab" && sample.name == name)
        .expect("a sample");
    serde_json::from_str(sample.body).expect("a sample is JSON")
}
