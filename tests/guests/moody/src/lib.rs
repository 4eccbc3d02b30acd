//! Behaves, or panics on every event, as its settings say.
//!
//! For the tests of what happens to a rule whose new version faults: the version is the pair of module and
//! settings, so that a change of settings makes a good one bad.

use hookbox_sdk::prelude::*;

rule! {
    settings: Settings {
        /// Where events are told.
        channel: Channel,
        /// Whether it panics.
        panics: bool = false,
    },
    evaluate: perhaps,
}

fn perhaps(event: &Event, settings: &Settings) -> Decision {
    assert!(!settings.panics, "its settings say so");
    Notify::to(&settings.channel).text(&event.id).into()
}
