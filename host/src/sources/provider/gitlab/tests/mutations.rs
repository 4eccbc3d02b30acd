//! Payloads that are changed at random: none stops the parser.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{accepted_body, event};
use crate::domain::event::{Event, Subject};
use crate::sources::samples::samples;
use crate::sources::testing::{self, NOW, headers, token_source};

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_body_changed_at_any_place_is_still_one_event(
        index in 0..samples().len(),
        changes in prop::collection::vec((prop::collection::vec(0..40_usize, 1..5), odd(), 0..140_usize, any::<bool>()), 1..6),
    ) {
        let sample = &samples()[index];
        let mut body: Value = serde_json::from_str(sample.body).expect("a sample is JSON");
        for (steps, odd, depth, remove) in changes {
            // Most stay shallow, so that the rest of the body is still read.
            let depth = depth.saturating_sub(100);
            mutate(&mut body, &steps, &nested(odd, depth * 4), remove);
        }
        let found = event(sample.event_header, &body);
        prop_assert!(found.subject != Subject::Other || found.note.is_some());
        let text = serde_json::to_string(&found).expect("an event is JSON");
        prop_assert_eq!(serde_json::from_str::<Event>(&text).expect("and reads back"), found);
    }

    #[test]
    fn any_bytes_are_verified_and_parsed_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let source = token_source("secret");
        let list = headers(&[("x-gitlab-token", "secret")]);
        if let Ok(verdict) = source.verify(&list, &body, NOW) {
            let _ = accepted_body(verdict);
        }
        prop_assert_eq!(testing::parse(&source, &[], &body).events.len(), 1);
    }
}
