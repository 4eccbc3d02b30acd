//! Tells a channel the event's id: behaves, and says which version of it did.
//!
//! For the tests of load, order, and swaps: the setting `tag` is the reason of every decision, so that an
//! evaluation shows under which settings it ran.

use hookbox_sdk::prelude::*;

rule! {
    settings: Settings {
        /// Where events are told.
        channel: Channel,
        /// The reason of every decision.
        tag: String = "untagged",
    },
    evaluate: echo,
}

fn echo(event: &Event, settings: &Settings) -> Decision {
    Notify::to(&settings.channel)
        .text(&event.id)
        .because(&settings.tag)
}
