//! Asks its state for keys and values of half a mebibyte, again and again: breaks the limits on both.
//!
//! For the test that they are refused, and that asking is paid for in fuel.

use hookbox_sdk::prelude::*;

rule! { evaluate: ask }

fn ask(_event: &Event) -> Decision {
    let huge = "k".repeat(512 << 10);
    for _ in 0..10 {
        let refused = [
            state::get(&huge).map(|found| found.is_none()),
            state::set(&huge, "", None).map(|()| false),
            state::set("key", &huge, None).map(|()| false),
            state::add(&huge, 1, None).map(|_| false),
            state::remove(&huge).map(|()| true),
            state::keys(&huge).map(|keys| keys.is_empty()),
        ];
        // What is only looked for is not there; what would be written is refused.
        let behaves = refused.map(|answer| answer.unwrap_or(true));
        assert!(behaves.into_iter().all(|behaves| behaves), "it was taken");
    }
    nothing("all was refused")
}
