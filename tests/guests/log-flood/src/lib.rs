//! Writes 100,000 lines to its log: breaks the limit on lines.
//!
//! For the test that the first lines are kept, the rest counted, and the flood paid for in fuel.

use hookbox_sdk::prelude::*;

rule! { evaluate: write }

fn write(_event: &Event) -> Decision {
    for _ in 0..100_000 {
        log::info("the same line again");
    }
    nothing("all is written")
}
