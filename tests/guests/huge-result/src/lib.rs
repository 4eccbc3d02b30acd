//! Answers with a text of several MiB: breaks the limit on what is copied out.
//!
//! For the test of `rule/bad-output`.

use hookbox_sdk::prelude::*;

rule! { channels: ["dev"], evaluate: shout }

const TEXT_BYTES: usize = 4 * 1024 * 1024;

fn shout(_event: &Event) -> Notify {
    Notify::to("dev").text("A".repeat(TEXT_BYTES))
}
