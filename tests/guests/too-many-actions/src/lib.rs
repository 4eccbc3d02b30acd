//! Asks for a hundred small notifications: breaks the limit on actions, and no other.
//!
//! For the test of the limit on actions in one decision.

use hookbox_sdk::prelude::*;

rule! { channels: ["dev"], evaluate: repeat }

fn repeat(_event: &Event) -> Decision {
    (1..=100)
        .map(|number| Notify::to("dev").text(format!("message {number}")))
        .collect()
}
