#![doc = include_str!("../README.md")]
//!
//! # Where things are
//!
//! | module | holds |
//! |---|---|
//! | [`event`] | what happened: [`Event`], its subjects, and their methods |
//! | [`decision`] | what to do: [`Notify`], [`Deploy`], [`nothing`], [`drop_event`] |
//! | [`settings`] | the types that settings have, and how they are checked |
//! | [`payload`] | the event as it arrived |
//! | [`state`] | small values kept between events |
//! | [`log`] | lines in the event's trace |
//! | [`markdown`], [`pattern`] | texts from strangers; globs |
//! | `testing` | [`case`](testing::case), [`sample`](testing::sample): native only |
//!
//! Invariants:
//! - A module imports only the interfaces whose functions it calls, and `log` and `settings`, which
//!   every rule uses.
//! - What a rule reads natively in a test is what it would read in the server.

#![warn(missing_docs)]
#![expect(
    clippy::test_attr_in_doctest,
    reason = "the README shows a rule with its test"
)]

pub mod bindings;
pub mod decision;
pub mod event;
pub mod failure;
#[doc(hidden)]
pub mod guest;
mod host;
pub mod log;
pub mod markdown;
pub mod pattern;
pub mod payload;
pub mod prelude;
mod rule;
pub mod settings;
pub mod state;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

pub use decision::{Decision, Deploy, Notify, drop_event, nothing};
pub use event::Event;
pub use failure::Failure;
