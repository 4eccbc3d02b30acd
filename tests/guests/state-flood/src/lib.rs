//! Writes to its state until nothing more goes in: breaks the quota.
//!
//! For the test that the quota holds within one evaluation, and that what went in is kept.

use hookbox_sdk::prelude::*;
use hookbox_sdk::state::StateError;

rule! { evaluate: flood }

fn flood(_event: &Event) -> Decision {
    let value = "v".repeat(1000);
    let mut written = 0;
    let error = loop {
        match state::set(&format!("flood/{written:04}"), &value, None) {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
    };
    nothing(match error {
        StateError::TooLarge => format!("full after {written}"),
        StateError::NotGranted => "not granted".to_owned(),
    })
}
