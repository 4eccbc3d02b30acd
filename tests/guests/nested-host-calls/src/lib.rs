//! Calls itself without end, asks the host for its settings in each call, and holds what it got.
//!
//! For the tests that calls of the host within calls of the guest end at a limit: at that of memory where the
//! settings are large, and at that of the stack where they are small.

use hookbox_sdk::bindings::hookbox::rule::settings;
use hookbox_sdk::prelude::*;

rule! {
    settings: Settings {
        /// What is handed over in each call.
        ballast: String = "",
    },
    evaluate: begin,
}

fn begin(_event: &Event) -> Decision {
    nothing(format!("{} bytes", descend(1)))
}

fn descend(depth: usize) -> usize {
    if depth == usize::MAX {
        return 0;
    }
    let held = settings::all();
    let below = descend(std::hint::black_box(depth + 1));
    // What is held is used after the call, so that no call is the last thing that another does.
    below + std::hint::black_box(held).len()
}
