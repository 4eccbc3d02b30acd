//! What the operator set for a rule, as typed values.
//!
//! `rule!` makes a struct of the settings it lists; the server hands all of them over as one JSON
//! object, completed with the defaults, which is read once per evaluation, when the rule asks for it.
//!
//! Invariants:
//! - A key that the rule does not have is an error that names the nearest one.
//! - A wrong value is an error that names the key, what was found, and what was expected.
//! - All errors are told at once.

mod json;
mod kinds;
mod language;
mod lists;
mod names;
mod reader;

pub use json::Json;
pub use language::Language;
pub use names::{BranchPattern, Channel, CommandName};
pub use reader::Reader;

pub use crate::bindings::hookbox::rule::manifest::{Setting, SettingKind};
use crate::failure::Failure;
use crate::host;

/// A type that a setting can have.
pub trait SettingType: Sized {
    /// What the server is told that it holds; a channel or command is then checked to exist.
    const KIND: SettingKind;

    /// Whether it must be given when it has no default.
    const REQUIRED: bool = true;

    /// Reads a value. Called at load, and once per evaluation.
    ///
    /// # Errors
    /// What was expected instead, such as `the name of a channel`.
    fn parse(value: Json<'_>) -> Result<Self, String>;

    /// The value when nothing was given and there is no default; none makes that an error.
    fn absent() -> Option<Self> {
        None
    }
}

/// The settings of a rule: what `rule!` implements for the struct it makes.
pub trait Settings: Sized {
    /// Describes each setting, for the manifest.
    fn declare() -> Vec<Setting>;

    /// Takes each setting from a reader.
    ///
    /// # Errors
    /// All that is wrong with them, as one text.
    fn read(reader: Reader<'_>) -> Result<Self, String>;

    /// Reads what the operator set. Called at load, and once per evaluation that asks for settings.
    ///
    /// # Errors
    /// `Failure::Settings` with all that is wrong.
    fn load() -> Result<Self, Failure> {
        let all = host::settings::all();
        let reader = Reader::new(&all).map_err(Failure::Settings)?;
        Self::read(reader).map_err(Failure::Settings)
    }
}

/// Describes one setting; `rule!` calls it.
#[doc(hidden)]
#[must_use]
pub fn declare<T: SettingType>(name: &str, summary: &str, default: Option<&str>) -> Setting {
    Setting {
        name: reader::key(name).to_owned(),
        summary: summary.trim().to_owned(),
        kind: T::KIND,
        required: T::REQUIRED && default.is_none(),
        default: default.map(str::to_owned),
    }
}

/// Whether a default is written as JSON, as far as its beginning shows; `rule!` asks at compile time.
#[doc(hidden)]
#[must_use]
pub const fn is_json(text: &str) -> bool {
    match text.as_bytes() {
        [b'"' | b'[' | b'-' | b'0'..=b'9', ..] => true,
        bytes => matches!(bytes, b"true" | b"false"),
    }
}

/// Checks the settings of a rule that has none: any key is one too many.
///
/// # Errors
/// When there is a setting.
#[doc(hidden)]
pub fn expect_none() -> Result<(), Failure> {
    // The first key is all that is wanted: a reader would be a tenth of a rule without settings.
    match host::settings::all().split('"').nth(1) {
        Some(key) => Err(Failure::Settings(format!(
            "unknown key `{key}`: this rule has no settings"
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
