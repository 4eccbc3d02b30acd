//! Never answers: breaks the limit on fuel, and with plenty of fuel the one on time.
//!
//! For the tests of `rule/out-of-fuel` and `rule/timed-out`, of quarantine, and of a neighbour that goes on.

use std::hint::black_box;

use hookbox_sdk::prelude::*;

rule! { evaluate: spin }

fn spin(_event: &Event) -> Decision {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
        if turns == u64::MAX {
            return nothing("the end of time");
        }
    }
}
