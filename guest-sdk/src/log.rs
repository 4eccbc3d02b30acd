//! Lines in the event's trace, which `hookbox events show` prints.
//!
//! The server keeps 64 lines of 4 KiB for an evaluation and counts the rest.

pub use crate::bindings::hookbox::rule::log::Level;
use crate::host;

/// Writes a line for whoever works on the rule.
pub fn debug(message: impl AsRef<str>) {
    host::log::write(Level::Debug, message.as_ref());
}

/// Writes a line for whoever asks what the rule did.
pub fn info(message: impl AsRef<str>) {
    host::log::write(Level::Info, message.as_ref());
}

/// Writes a line about something that deserves a look.
pub fn warn(message: impl AsRef<str>) {
    host::log::write(Level::Warn, message.as_ref());
}

/// Writes a line about something that went wrong.
pub fn error(message: impl AsRef<str>) {
    host::log::write(Level::Error, message.as_ref());
}
