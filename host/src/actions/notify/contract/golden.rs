//! The exact requests of every kind, for four messages.

use std::path::PathBuf;

use serde_json::Value;

use super::super::kinds::CONTRACTS;
use super::super::tests::receiver::{Receiver, Request};
use super::super::tests::{open_kind, send_to};
use super::{Contract, HttpContract, Texts, full, long, mentioning, plain};
use crate::domain::decision::Notification;
use crate::domain::names::Digest;

/// A text longer than this is shown by its beginning, its end, and its digest.
const SHOWN: usize = 400;

/// What mentions everybody, or somebody, on some service.
const MENTIONS: [&str; 8] = [
    "@all",
    "@everyone",
    "@here",
    "@channel",
    "<!channel",
    "<!here",
    "<at ",
    "<@U1",
];

fn cases() -> [(&'static str, Notification); 4] {
    [
        ("plain", plain("deployed **main**, 5 * 3 < 20")),
        ("full", full()),
        ("long", long()),
        ("mentioning", mentioning()),
    ]
}

async fn sent(kind: &str, contract: &HttpContract, message: &Notification) -> Request {
    let reply = contract.taken;
    let mut receiver = Receiver::with(reply.status, reply.headers, reply.body).await;
    let settings = (contract.settings)(&receiver.url(""));
    let channels = open_kind(kind, settings, contract.person);
    let taken = send_to(&channels, message).await;
    taken.unwrap_or_else(|error| panic!("{kind}: {error}"));
    let mut request = receiver.request();
    let address = receiver.address.to_string();
    assert_eq!(
        request.headers.insert("host".to_owned(), "HOST".to_owned()),
        Some(address)
    );
    request
}

/// A request as text: exact, and yet to be read by people.
fn shown(request: &Request) -> String {
    let mut lines = vec![request.line.clone()];
    lines.extend(
        request
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}")),
    );
    lines.push(String::new());
    lines.push(format!("body of {}", Digest::of(&request.body)));
    match serde_json::from_slice::<Value>(&request.body) {
        Ok(mut body) => {
            shorten(&mut body);
            lines.push(serde_json::to_string_pretty(&body).expect("a value is JSON"));
        }
        Err(_) => lines.push(short(&String::from_utf8_lossy(&request.body))),
    }
    lines.join("\n") + "\n"
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(text) => *text = short(text),
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}

fn short(text: &str) -> String {
    let count = text.chars().count();
    // The long message alone: other texts are there to be read.
    if count <= SHOWN || !text.contains("部署完成👩") {
        return text.to_owned();
    }
    let head: String = text.chars().take(40).collect();
    let tail: String = text.chars().skip(count - 40).collect();
    let digest = Digest::of(text.as_bytes());
    format!(
        "{head} ⟦{count} characters, {} bytes, {digest}⟧ {tail}",
        text.len()
    )
}

fn compare(kind: &str, case: &str, shown: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/actions/notify/golden");
    let path = folder.join(kind).join(format!("{case}.txt"));
    // The environment is the test's own here.
    if option_env!("HOOKBOX_BLESS").is_some()
        || std::env::vars_os().any(|(key, _)| key == "HOOKBOX_BLESS")
    {
        std::fs::create_dir_all(folder.join(kind)).expect("a folder");
        std::fs::write(&path, shown).expect("a file that can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        shown,
        expected,
        "{kind}/{case} is not as in {}; `HOOKBOX_BLESS=1` writes it anew",
        path.display()
    );
}

#[tokio::test]
async fn every_kind_sends_exactly_what_its_service_expects() {
    for (kind, contract) in CONTRACTS {
        for (case, message) in cases() {
            let shown = match contract {
                Contract::Http(contract) => shown(&sent(kind, contract, &message).await),
                Contract::Own { transcript } => short(&transcript(message).await),
            };
            compare(kind, case, &shown);
        }
    }
}

#[tokio::test]
async fn every_kind_keeps_the_limits_of_its_service() {
    for (kind, contract) in CONTRACTS {
        let Contract::Http(contract) = contract else {
            continue;
        };
        let request = sent(kind, contract, &long()).await;
        assert!((contract.fits)(&request), "{kind} sends more than it says");
        if contract.texts == Texts::Rendered {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            assert!(body.contains('…'), "{kind} cut nothing");
            assert!(!body.contains('\u{fffd}'), "{kind} cut a character in two");
        }
    }
}

#[tokio::test]
async fn no_text_of_a_stranger_mentions_anybody_on_any_kind() {
    for (kind, contract) in CONTRACTS {
        let Contract::Http(contract) = contract else {
            continue;
        };
        if contract.texts == Texts::AsWritten {
            continue;
        }
        let request = sent(kind, contract, &mentioning()).await;
        for text in texts(&request.json()) {
            for mention in MENTIONS {
                assert!(
                    !text.contains(mention),
                    "{kind} lets `{mention}` through: {text}"
                );
            }
        }
    }
}

/// Every text in a body.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
