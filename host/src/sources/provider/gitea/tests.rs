//! The verification and the parser of Gitea, Forgejo and Gogs, on bodies written for them.

mod code;
mod merge_request;
mod run;
mod tracker;
mod verification;

use serde_json::{Value, json};

use crate::domain::event::Event;
use crate::sources::{Source, testing};

const PROVIDERS: [&str; 3] = ["forgejo", "gitea", "gogs"];

fn source(provider: &str) -> Source {
    let table = format!("provider = '{provider}'\nsecret = {{ env = 'secret' }}");
    testing::build(&table).expect("a source")
}

/// The event of a body that a provider sends.
fn event(provider: &str, name: &str, body: &Value) -> Event {
    let list = [(format!("x-{provider}-event"), name.to_owned())];
    let parsed = testing::parse(&source(provider), &list, body.to_string().as_bytes());
    assert_eq!(parsed.events.len(), 1);
    parsed.events.into_iter().next().expect("one event")
}

/// A body of a repository, with other fields in it.
fn with(more: &Value) -> Value {
    let mut body = json!({
        "repository": {
            "id": 15,
            "name": "storefront",
            "full_name": "payments/storefront",
            "html_url": "https://git.example.org/payments/storefront",
            "private": true,
        },
        "sender": {"id": 41, "login": "ada.martin", "full_name": "Ada Martin"},
    });
    for (key, value) in more.as_object().expect("an object") {
        body[key] = value.clone();
    }
    body
}

/// That an event became `other`, and why.
fn note(event: &Event) -> &str {
    assert_eq!(event.subject.name(), "other");
    event.note.as_deref().expect("a note")
}
