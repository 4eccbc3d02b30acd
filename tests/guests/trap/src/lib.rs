//! Panics on every event: traps.
//!
//! For the tests of `rule/trapped`, of the message in the log, of undo, and of quarantine.

use hookbox_sdk::prelude::*;

rule! { evaluate: fall }

fn fall(event: &Event) -> Decision {
    let missing: Option<&str> = std::hint::black_box(None);
    nothing(missing.unwrap_or_else(|| panic!("there is nothing in event {}", event.id)))
}
