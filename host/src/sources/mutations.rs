//! Payloads that are changed at random: none stops a parser.
//!
//! The product's own samples are changed always, real payloads where the environment says where they are.

use std::path::PathBuf;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::provider::{CORPORA, PROVIDERS};
use super::samples::samples;
use super::testing::{self, NOW, headers};
use super::{Source, Verdict};
use crate::domain::event::{Event, Subject};

/// Any small JSON, with the values that break parsers.
fn odd() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("")),
        Just(json!("[REDACTED]")),
        Just(json!("https://x")),
        Just(json!("refs/tags/")),
        Just(json!("99999-99-99 99:99:99 UTC")),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[a-z_]{1,8}", inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// A value within so many lists.
fn nested(value: Value, depth: usize) -> Value {
    (0..depth).fold(value, |value, _| Value::Array(vec![value]))
}

/// Puts something odd at, or takes away, one of the places of a body.
fn mutate(value: &mut Value, steps: &[usize], odd: &Value, remove: bool) {
    let Some((step, rest)) = steps.split_first() else {
        *value = odd.clone();
        return;
    };
    match value {
        Value::Object(object) if !object.is_empty() => {
            let key = object
                .keys()
                .nth(step % object.len())
                .cloned()
                .expect("the index is within");
            if remove && rest.is_empty() {
                object.remove(&key);
            } else if let Some(inner) = object.get_mut(&key) {
                mutate(inner, rest, odd, remove);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            let index = step % list.len();
            mutate(&mut list[index], rest, odd, remove);
        }
        _ => *value = odd.clone(),
    }
}

/// A payload to be changed: the provider that reads it, its headers, and its body.
struct Original {
    source: Source,
    headers: Vec<(String, String)>,
    body: Value,
}

fn open(provider: &str) -> Source {
    testing::build(&format!("provider = '{provider}'\nverify = 'none'")).expect("a source")
}

/// The samples, and the payloads of the corpus.
static ORIGINALS: LazyLock<Vec<Original>> = LazyLock::new(|| {
    let samples = samples().map(|sample| Original {
        source: open(sample.provider),
        headers: testing::sign(&open(sample.provider), sample.event_header, b""),
        body: serde_json::from_str(sample.body).expect("a sample is JSON"),
    });
    let mut originals: Vec<Original> = samples.collect();
    let folder = testing::variable("HOOKBOX_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        println!("left out: real payloads to be changed; HOOKBOX_CORPUS is not set");
    }
    for (folder, corpus) in folder
        .iter()
        .flat_map(|folder| CORPORA.iter().map(move |corpus| (folder, corpus)))
    {
        for (headers, body) in testing::payloads(folder, corpus.folder).into_values() {
            let Ok(body) = serde_json::from_slice(&body) else {
                continue;
            };
            originals.push(Original {
                source: open(corpus.provider),
                headers,
                body,
            });
        }
    }
    originals
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_body_changed_at_any_place_is_still_read(
        index in any::<prop::sample::Index>(),
        changes in prop::collection::vec((prop::collection::vec(0..40_usize, 1..5), odd(), 0..140_usize, any::<bool>()), 1..6),
    ) {
        let original = index.get(&ORIGINALS);
        let mut body = original.body.clone();
        for (steps, odd, depth, remove) in changes {
            // Most stay shallow, so that the rest of the body is still read.
            let depth = depth.saturating_sub(100);
            mutate(&mut body, &steps, &nested(odd, depth * 4), remove);
        }
        let parsed = testing::parse(&original.source, &original.headers, body.to_string().as_bytes());
        prop_assert!(!parsed.events.is_empty());
        for found in parsed.events {
            // What these senders tell is their own affair.
            let is_own = ["generic", "standard-webhooks"].contains(&found.provider.as_str());
            let is_explained = found.note.is_some() || is_own;
            prop_assert!(found.subject != Subject::Other || is_explained);
            let text = serde_json::to_string(&found).expect("an event is JSON");
            prop_assert_eq!(serde_json::from_str::<Event>(&text).expect("and reads back"), found);
        }
    }

    #[test]
    fn any_bytes_are_verified_and_parsed_without_a_panic(
        provider in 0..PROVIDERS.len(),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let source = open(PROVIDERS[provider].name);
        if let Ok(Verdict::Accept(verified)) = source.verify(&headers::<&str, &str>(&[]), &body, NOW) {
            prop_assert!(!testing::parse(&source, &verified.headers, &verified.body).events.is_empty());
        }
        prop_assert_eq!(testing::parse(&source, &[], &body).events.len(), 1);
    }
}
