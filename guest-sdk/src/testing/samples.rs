//! Real deliveries and the events they are read as, so that a rule's test needs no file.
//!
//! Each is two files in `samples/`: the body as the provider sends it, and the event.

use serde_json::Value;

use crate::event::Event;

struct Sample {
    name: &'static str,
    payload: &'static str,
    event: &'static str,
}

macro_rules! samples {
    ($($name:literal),* $(,)?) => {
        &[$(Sample {
            name: $name,
            payload: include_str!(concat!("../../samples/", $name, ".json")),
            event: include_str!(concat!("../../samples/", $name, ".event.json")),
        }),*]
    };
}

const SAMPLES: &[Sample] = samples![
    "gitlab/push",
    "gitlab/tag",
    "gitlab/merge-request-opened",
    "gitlab/merge-request-updated",
    "gitlab/merge-request-merged",
    "gitlab/merge-request-closed",
    "gitlab/issue-opened",
    "gitlab/note-on-merge-request",
    "gitlab/pipeline-failed",
    "gitlab/job-failed",
    "gitlab/release",
];

/// Returns the event of a sample, such as `gitlab/push`.
///
/// # Panics
/// When there is no sample of this name; it tells the names.
#[must_use]
#[track_caller]
pub fn sample(name: &str) -> Event {
    read(name, find(name).event)
}

/// Returns the body of a sample, as the provider sends it.
///
/// # Panics
/// When there is no sample of this name; it tells the names.
#[must_use]
#[track_caller]
pub fn sample_payload(name: &str) -> Value {
    read(name, find(name).payload)
}

/// Returns the names of all samples.
pub fn samples() -> impl Iterator<Item = &'static str> {
    SAMPLES.iter().map(|sample| sample.name)
}

#[track_caller]
fn find(name: &str) -> &'static Sample {
    let found = SAMPLES.iter().find(|sample| sample.name == name);
    let Some(sample) = found else {
        let names: Vec<&str> = samples().collect();
        panic!(
            "there is no sample `{name}`; the samples are {}",
            names.join(", ")
        );
    };
    sample
}

#[track_caller]
fn read<T: serde::de::DeserializeOwned>(name: &str, json: &str) -> T {
    match serde_json::from_str(json) {
        Ok(value) => value,
        Err(error) => panic!("the sample `{name}` is not what it should be: {error}"),
    }
}
