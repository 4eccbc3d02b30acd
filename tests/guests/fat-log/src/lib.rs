//! Writes few lines of log, each as long as may be handed over at once.
//!
//! For the test that what is not kept of a line takes no memory of the server.

use hookbox_sdk::prelude::*;

rule! { evaluate: write }

/// As many lines as are kept, and the fuel is enough for.
const LINES: usize = 60;

fn write(_event: &Event) -> Decision {
    let line = "A".repeat(1 << 20);
    for _ in 0..LINES {
        log::info(&line);
    }
    nothing("all is written")
}
