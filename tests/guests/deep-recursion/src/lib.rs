//! Calls itself without end: breaks the stack.
//!
//! For the test that a stack overflow is a fault of the rule, and nothing of the server's.

use hookbox_sdk::prelude::*;

rule! { evaluate: begin }

fn begin(event: &Event) -> Decision {
    nothing(format!("depth {}", ackermann(3, event.received_at)))
}

/// No optimiser makes a loop of this, and it takes nothing of the memory that stands in for a stack, so
/// that it is the engine's own stack that ends.
fn ackermann(height: u64, number: u64) -> u64 {
    match (height, number) {
        (0, _) => number.wrapping_add(1),
        (_, 0) => ackermann(height - 1, 1),
        _ => ackermann(height - 1, ackermann(height, number - 1)),
    }
}
