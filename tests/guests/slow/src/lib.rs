//! Takes as many steps as its settings say, and decides then: behaves, but slowly.
//!
//! For the tests of whose events wait for whom.

use hookbox_sdk::prelude::*;

rule! {
    settings: Settings {
        /// How many steps it takes.
        steps: i64 = 0,
    },
    evaluate: count,
}

fn count(_event: &Event, settings: &Settings) -> Decision {
    let mut sum = 0_i64;
    for step in 0..settings.steps {
        sum = std::hint::black_box(sum.wrapping_add(step));
    }
    nothing(format!("the sum is {sum}"))
}
