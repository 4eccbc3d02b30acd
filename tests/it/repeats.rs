//! The same event, settings, and state give the same answer, log, fuel, and changes: again in the same engine, on
//! several threads at once, after a restart, and with code that was compiled anew.
//!
//! The events are those of all samples and, where the environment names a corpus, those that the parsers make of
//! every payload in it. The rules are those that come with Hookbox, and guests that keep something, fault, or look at
//! all that a rule can see. What an evaluation took by the clock is the one thing that may differ.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use hookbox::domain::clock::Timestamp;
use hookbox::domain::decision::Decision;
use hookbox::domain::limits::Limits;
use hookbox::domain::quantity::Bytes;
use hookbox::domain::state::{Entry, Granted, State};
use hookbox::engine::{Answer, EngineConfig, Input, Module, Payload};
use proptest::prelude::*;
use proptest::sample::subsequence;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use self::events::{NOW, inputs};
use crate::support::sandbox::{Sandbox, engine, input, push};
use crate::support::{guest, program, rule};

mod events;

/// How often the property is tried.
const CASES: u32 = 32;

/// Whether every answer is the same, or they differ from event to event.
#[derive(Debug, PartialEq, Eq)]
enum Answers {
    Alike,
    Differ,
}

/// A module that is asked, and the settings it gets with a text in them.
struct Asked {
    name: &'static str,
    bytes: fn(&str) -> Vec<u8>,
    settings: fn(&str) -> Value,
    answers: Answers,
}

const ASKED: [Asked; 10] = [
    Asked {
        name: "announce-files",
        bytes: rule,
        settings: |text| {
            json!({
                "channel": text,
                "language": "en",
                "changes": ["created", "modified"],
                "categories": { "Docs": text },
            })
        },
        answers: Answers::Differ,
    },
    Asked {
        name: "deploy-on-main",
        bytes: rule,
        settings: |text| json!({ "command": "deploy", "branch": text, "report": "console" }),
        answers: Answers::Differ,
    },
    Asked {
        name: "drop-bot-noise",
        bytes: rule,
        settings: |text| json!({ "bots": ["*[bot]", text], "keep_subjects": ["job"] }),
        answers: Answers::Differ,
    },
    Asked {
        name: "notify-merge-requests",
        bytes: rule,
        settings: |text| json!({ "channel": text }),
        answers: Answers::Differ,
    },
    Asked {
        name: "counter",
        bytes: guest,
        settings: |_| json!({}),
        answers: Answers::Differ,
    },
    Asked {
        name: "witness",
        bytes: guest,
        settings: |text| json!({ "text": text, "texts": [text] }),
        answers: Answers::Differ,
    },
    // It tells the event's id, and that of the samples is one.
    Asked {
        name: "echo",
        bytes: guest,
        settings: |text| json!({ "channel": "console", "tag": text }),
        answers: Answers::Alike,
    },
    Asked {
        name: "trap",
        bytes: guest,
        settings: |_| json!({}),
        answers: Answers::Alike,
    },
    Asked {
        name: "state-flood",
        bytes: guest,
        settings: |_| json!({}),
        answers: Answers::Alike,
    },
    Asked {
        name: "huge-keys",
        bytes: guest,
        settings: |_| json!({}),
        answers: Answers::Alike,
    },
];

/// What an answer and the state after it are, apart from how long it took.
type Seen = (Answer<Decision>, State);

/// Loads every module in one engine, with its compiled code in this folder.
async fn load(cache: &Path) -> Vec<Module> {
    let engine = engine(&EngineConfig::new(program().into(), cache.to_owned()));
    let mut modules = Vec::new();
    for Asked { name, bytes, .. } in &ASKED {
        let module = engine.load(&bytes(name), &Limits::DEFAULT).await;
        modules.push(module.unwrap_or_else(|error| panic!("`{name}` is refused: {}", error.kind)));
    }
    modules
}

/// One evaluation with what the rule keeps.
fn ask(module: &Module, settings: &Arc<str>, input: &Input, state: &State) -> Seen {
    let granted = Granted {
        state: state.clone(),
        quota: Bytes::kib(64),
    };
    let settings = Arc::clone(settings);
    let mut answer = module.evaluate_with(input, settings, &Limits::DEFAULT, Some(granted));
    answer.duration_us = 0;
    let after = state.with(&answer.changes);
    (answer, after)
}

/// What one module answers to these events, one after the other, each with the state that the one before left.
fn ask_all<'a>(
    module: &Module,
    settings: &Value,
    events: impl IntoIterator<Item = &'a Input>,
    mut state: State,
) -> Vec<Seen> {
    let settings: Arc<str> = settings.to_string().into();
    let answers = events.into_iter().map(|input| {
        let seen = ask(module, &settings, input, &state);
        state = seen.1.clone();
        seen
    });
    answers.collect()
}

/// Asks about every event, and fails with the first that is answered otherwise than before.
fn assert_same(what: &str, asked: &Asked, module: &Module, before: &[Seen]) {
    let again = ask_all(
        module,
        &(asked.settings)("main"),
        inputs(),
        State::default(),
    );
    assert_eq!(
        (before.len(), again.len()),
        (inputs().len(), inputs().len())
    );
    for ((one, other), input) in before.iter().zip(&again).zip(inputs()) {
        assert_eq!(one, other, "{what}: `{}` and {:?}", asked.name, input.event);
    }
}

/// Fails unless the answers say something: answers that are all alike would be the same whatever was asked.
fn assert_telling(asked: &Asked, seen: &[Seen]) {
    let name = asked.name;
    assert!(seen.iter().all(|(answer, _)| answer.fuel > 0), "`{name}`");
    if asked.answers == Answers::Alike {
        return;
    }
    let decisions = seen
        .iter()
        .filter_map(|(answer, _)| answer.result.as_ref().ok());
    let different: BTreeSet<String> = decisions.clone().map(|it| format!("{it:?}")).collect();
    assert!(different.len() > 1, "`{name}` always says {different:?}");
    let acts = decisions.filter(|it| !it.actions.is_empty()).count();
    let keeps = seen.iter().any(|(answer, _)| !answer.changes.is_empty());
    assert!(acts > 0 || keeps, "`{name}` does nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_gives_the_same_in_every_engine_on_every_thread_and_after_a_restart() {
    let (cache, other) = (tempfile::tempdir(), tempfile::tempdir());
    let (cache, other) = (cache.expect("a folder"), other.expect("a folder"));
    let first = load(cache.path()).await;

    let all = ASKED.iter().zip(&first);
    let seen: Vec<Vec<Seen>> = all
        .clone()
        .map(|(asked, module)| {
            let settings = (asked.settings)("main");
            ask_all(module, &settings, inputs(), State::default())
        })
        .collect();

    std::thread::scope(|scope| {
        // In both orders, so that different rules run at once.
        scope.spawn(|| {
            for ((asked, module), seen) in all.clone().zip(&seen) {
                assert_same("a thread", asked, module, seen);
            }
        });
        scope.spawn(|| {
            for ((asked, module), seen) in all.clone().zip(&seen).rev() {
                assert_same("another thread", asked, module, seen);
            }
        });
    });
    drop(first);
    for (what, folder) in [
        ("a restart", cache.path()),
        ("an empty cache", other.path()),
    ] {
        let modules = load(folder).await;
        for ((asked, module), seen) in ASKED.iter().zip(&modules).zip(&seen) {
            assert_same(what, asked, module, seen);
        }
    }
    for (asked, seen) in ASKED.iter().zip(&seen) {
        assert_telling(asked, seen);
    }
    println!("{} events, each asked 5 times", inputs().len());
}

/// Some events in any order, a text for the settings, and what a rule keeps before the first.
fn cases() -> impl Strategy<Value = (Vec<usize>, String, State)> {
    let all: Vec<usize> = (0..inputs().len()).collect();
    let some = subsequence(all, 1..=12).prop_shuffle();
    let text = prop_oneof![Just("main".to_owned()), ".{0,60}"];
    let expires_at =
        prop::option::of((NOW.0 - 90_000)..(NOW.0 + 90_000)).prop_map(|at| at.map(Timestamp));
    let entry = (".{0,40}", expires_at).prop_map(|(value, expires_at)| Entry { value, expires_at });
    let entries = prop::collection::btree_map("[a-z/]{1,12}", entry, 0..6);
    (
        some,
        text,
        entries.prop_map(|entries| State::of(1, entries)),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn any_events_in_any_order_with_any_settings_and_state_give_the_same_twice() {
    let cache = tempfile::tempdir().expect("a folder");
    let (before, after) = (load(cache.path()).await, load(cache.path()).await);

    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&cases(), |(events, text, state)| {
        for ((asked, before), after) in ASKED.iter().zip(&before).zip(&after) {
            let settings = (asked.settings)(&text);
            let run = |module| {
                let events = events.iter().map(|event| &inputs()[*event]);
                ask_all(module, &settings, events, state.clone())
            };
            let first = run(before);
            let (again, elsewhere) = std::thread::scope(|scope| {
                let elsewhere = scope.spawn(|| run(after));
                (run(before), elsewhere.join().expect("it does not panic"))
            });
            prop_assert_eq!(&again, &first, "`{}` again", asked.name);
            prop_assert_eq!(&elsewhere, &first, "`{}` elsewhere", asked.name);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[tokio::test]
async fn another_event_payload_setting_or_state_is_another_question() {
    let module = Sandbox::new().load("witness", &Limits::DEFAULT).await;
    let kept = |value: &str| {
        let entry = Entry {
            value: value.to_owned(),
            expires_at: None,
        };
        State::of(1, BTreeMap::from([("key".to_owned(), entry)]))
    };
    let mut other = push();
    other.received_at.0 += 1;
    let payload = Payload::new(b"{}"[..].into(), Vec::new().into());
    let with_payload = Input::new(Arc::new(push()), payload);
    let questions = [
        (input(push()), "text", kept("value")),
        (input(other), "text", kept("value")),
        (input(push()), "texts", kept("value")),
        (input(push()), "text", kept("values")),
        (with_payload, "text", kept("value")),
    ];

    let reasons = questions.iter().map(|(input, text, state)| {
        let settings = json!({ "text": text, "texts": [] }).to_string().into();
        let (answer, _) = ask(&module, &settings, input, state);
        answer.result.expect("it decides").reason
    });

    let different: BTreeSet<Option<String>> = reasons.collect();
    assert_eq!(different.len(), questions.len(), "{different:?}");
}
