//! Performing what rules asked for: messages to channels, and commands.
//!
//! The worker hands over actions that are on record already, each with its idempotency key, and
//! records how each attempt ended. Which failures are worth another attempt is decided here, where the
//! error is made.

pub mod command;
pub mod notify;
