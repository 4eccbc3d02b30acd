//! Takes memory a MiB at a time and touches each page of it, without end: breaks the limit on memory.
//!
//! For the test of `rule/out-of-memory`, and that the machine's memory is not taken either.

use std::hint::black_box;

use hookbox_sdk::prelude::*;

rule! { evaluate: grow }

/// The distance at which a byte is written: a page of the machine's.
const PAGE: usize = 4096;

fn grow(_event: &Event) -> Decision {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut taken: Vec<u8> = Vec::with_capacity(1024 * 1024);
        for byte in taken.spare_capacity_mut().iter_mut().step_by(PAGE) {
            byte.write(1);
        }
        kept.push(black_box(taken));
        if kept.len() > 4096 {
            return nothing("there is no end of memory");
        }
    }
}
