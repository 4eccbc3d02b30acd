//! The words of Hookbox as types: events, decisions, evaluations, faults, limits, and names.
//!
//! Every other module speaks in these types. They belong to Hookbox alone: no database, no socket,
//! and no version of the interface of the rules shows through them, so that each of those can change
//! without the others.
//!
//! Invariants:
//! - Nothing here does input or output.
//! - Everything that is stored or shown serializes to the same JSON, with names in kebab-case.

pub mod clock;
pub mod decision;
pub mod evaluation;
pub mod event;
pub mod fault;
pub mod limits;
pub mod manifest;
pub mod names;
pub mod pattern;
pub mod quantity;
pub mod secret;
pub mod state;
pub mod turn;
