//! GitHub's verification and parser, on bodies written for them.

mod code;
mod discussion;
mod pull_request;
mod run;
mod twice;
mod verification;

use serde_json::{Value, json};

use crate::domain::event::Event;
use crate::sources::samples::samples;
use crate::sources::{Source, testing};

fn source() -> Source {
    testing::build("provider = 'github'\nsecret = { env = 'secret' }").expect("a source")
}

fn events(kind: &str, body: &Value) -> Vec<Event> {
    let list = [("x-github-event".to_owned(), kind.to_owned())];
    testing::parse(&source(), &list, body.to_string().as_bytes()).events
}

/// The only event of a body.
fn event(kind: &str, body: &Value) -> Event {
    let mut events = events(kind, body);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// The subject of the only event of a body.
macro_rules! subject {
    ($variant:ident, $kind:expr, $body:expr) => {
        match super::event($kind, $body).subject {
            crate::domain::event::Subject::$variant(subject) => subject,
            subject => panic!("not what was expected but {}", subject.name()),
        }
    };
}

use subject;

fn sample(name: &str) -> Value {
    let sample = samples()
        .find(|sample| sample.provider == "github" && sample.name == name)
        .expect("a sample");
    serde_json::from_str(sample.body).expect("a sample is JSON")
}

fn repository() -> Value {
    json!({
        "id": 15, "name": "storefront", "full_name": "payments/storefront", "private": true,
        "html_url": "https://github.com/payments/storefront", "default_branch": "main",
    })
}
