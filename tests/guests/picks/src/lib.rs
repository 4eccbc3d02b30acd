//! Tells a channel of the alerts that its settings name: behaves, but for those it is told to panic at.
//!
//! For the tests of the time machine: two settings files are two versions that differ in known events.

use hookbox_sdk::prelude::*;

rule! {
    subjects: [Alert],
    settings: Settings {
        /// Where alerts are told.
        channel: Channel,
        /// The names of the alerts that are told.
        tell: Vec<String>,
        /// The names of those that are told in capitals.
        loud: Vec<String>,
        /// The names of those at which it panics.
        fall: Vec<String>,
    },
    evaluate: pick,
}

fn pick(event: &Event, settings: &Settings) -> Decision {
    let Some(alert) = event.alert() else {
        return nothing("no alert");
    };
    let names = |list: &[String]| list.contains(&alert.name);
    assert!(!names(&settings.fall), "told to panic at `{}`", alert.name);
    if !names(&settings.tell) {
        return nothing("not picked");
    }
    let text = if names(&settings.loud) {
        alert.name.to_uppercase()
    } else {
        alert.name.clone()
    };
    Notify::to(&settings.channel).text(text).because("picked")
}
