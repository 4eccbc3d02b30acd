//! Gitee's verification and parser, on bodies written for them.

mod parsing;
mod verification;

use serde_json::{Value, json};

use crate::domain::event::Event;
use crate::sources::{Source, testing};

fn source(secret: &str) -> Source {
    let table = format!("provider = 'gitee'\nsecret = {{ env = '{secret}' }}");
    testing::build(&table).expect("a source")
}

fn event(header: &str, body: &Value) -> Event {
    let list = [("x-gitee-event".to_owned(), header.to_owned())];
    let parsed = testing::parse(&source("secret"), &list, body.to_string().as_bytes());
    assert_eq!(parsed.events.len(), 1);
    parsed.events.into_iter().next().expect("one event")
}

/// A body of a hook, with other fields in it.
fn hook(name: &str, more: &Value) -> Value {
    let mut body = json!({
        "hook_name": name,
        "timestamp": "1767225600000",
        "repository": {
            "id": 15,
            "name": "Storefront",
            "path_with_namespace": "payments/storefront",
            "html_url": "https://gitee.example.com/payments/storefront",
            "private": false,
        },
        "sender": {"id": 41, "login": "ada.martin", "name": "Ada Martin"},
    });
    for (key, value) in more.as_object().expect("an object") {
        body[key] = value.clone();
    }
    body
}
