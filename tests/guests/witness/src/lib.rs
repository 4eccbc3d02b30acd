//! Reads everything that a rule may read, keeps a part of it, and says what it saw: behaves.
//!
//! For the tests that the same gives the same: the reason of its decision is a number that follows from all of it.

use std::hash::{DefaultHasher, Hash, Hasher};

use hookbox_sdk::prelude::*;

rule! {
    settings: Settings {
        /// Anything.
        text: String = "",
        /// Anything, several times.
        texts: Vec<String> = [],
    },
    evaluate: tell,
}

/// How many of the last events it keeps.
const KEPT: i64 = 7;

fn tell(event: &Event, settings: &Settings) -> Result<Decision, Failure> {
    // With keys that are always the same.
    let mut seen = DefaultHasher::new();
    format!("{event:?}").hash(&mut seen);
    (&settings.text, &settings.texts).hash(&mut seen);
    let body = payload::body();
    body.hash(&mut seen);
    let headers = ["content-type", "x-gitlab-event", "x-github-event"].map(payload::header);
    (headers, payload::query("id"), payload::remote_address()).hash(&mut seen);
    let whole = payload::pointer("").map(|value| value.to_string().len());
    whole.hash(&mut seen);
    for key in state::keys("")? {
        state::get(&key)?.hash(&mut seen);
        key.hash(&mut seen);
    }
    let count = state::add("count", 1, None)?;
    let sum = seen.finish();
    state::set(
        &format!("last/{}", count % KEPT),
        &format!("{sum:016x}"),
        Some(Duration::from_secs(60 + sum % 60)),
    )?;
    if sum % 5 == 0 {
        state::remove(&format!("last/{}", sum % 7))?;
    }
    log::info(format!("{} bytes, {whole:?} as JSON", body.len()));
    log::debug(&event.id);
    Ok(nothing(format!("{count}: {sum:016x}")))
}
