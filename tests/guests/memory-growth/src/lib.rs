//! Takes memory a MiB at a time, without end: breaks the limit on memory.
//!
//! For the test of `rule/out-of-memory`.

use std::hint::black_box;

use hookbox_sdk::prelude::*;

rule! { evaluate: grow }

fn grow(_event: &Event) -> Decision {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    loop {
        kept.push(black_box(Vec::with_capacity(1024 * 1024)));
        if kept.len() > 4096 {
            return nothing("there is no end of memory");
        }
    }
}
