//! Asks the host without end: little fuel a call, so that the host's own work has to be paid for.
//!
//! For the test that host calls cost fuel, and that a rule is stopped between them.

use hookbox_sdk::prelude::*;

rule! { evaluate: ask }

fn ask(_event: &Event) -> Decision {
    loop {
        if payload::header("x-never-sent").is_some() {
            return nothing("a header that nobody sends");
        }
    }
}
