//! Returns a failure: breaks nothing, and decides nothing.
//!
//! For the test that a failure is recorded, performs nothing, and does not count towards quarantine. The
//! setting `kind` says which: `settings`, `event`, or `other`.

use hookbox_sdk::prelude::*;

rule! {
    settings: Settings {
        /// Which failure: `settings`, `event`, or `other`.
        kind: String = "other",
    },
    evaluate: fail,
}

fn fail(event: &Event, settings: &Settings) -> Result<Decision, Failure> {
    let message = format!("no decision about {}", event.id);
    Err(match settings.kind.as_str() {
        "settings" => Failure::settings(message),
        "event" => Failure::event(message),
        _ => Failure::other(message),
    })
}
