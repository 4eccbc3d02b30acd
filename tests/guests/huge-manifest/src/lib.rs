//! Asks for tens of thousands of channels, each by a pattern: as much as may be handed over.
//!
//! For the test that a manifest is looked at before anything is made of it. Its `evaluate` is never called.

use hookbox_sdk::guest::{Allocator, Described, Guest, allocator};
use hookbox_sdk::{Decision, Event, Failure, nothing};

struct Huge;

impl Guest for Huge {
    fn describe() -> Described {
        Described {
            name: "huge".to_owned(),
            version: "1.0.0".to_owned(),
            summary: String::new(),
            authors: Vec::new(),
            license: None,
            homepage: None,
            subjects: Vec::new(),
            channels: vec!["*a*".to_owned(); 30_000],
            commands: Vec::new(),
            settings: Vec::new(),
        }
    }

    fn configure() -> Result<(), Failure> {
        Ok(())
    }

    fn evaluate(_event: Event) -> Result<Decision, Failure> {
        Ok(nothing("it was taken"))
    }
}

hookbox_sdk::bindings::export!(Huge with_types_in hookbox_sdk::bindings);

#[global_allocator]
static ALLOCATOR: Allocator = allocator();
