//! Why a rule could not decide.
//!
//! An evaluation that ends so performs nothing, lets the later rules go on, and is not retried. `?`
//! turns a text or a refusal of `state` into one.

pub use crate::bindings::hookbox::rule::failure::Failure;
use crate::state::StateError;

impl Failure {
    /// The settings are wrong: which, and what was expected.
    #[must_use]
    pub fn settings(message: impl Into<String>) -> Self {
        Self::Settings(message.into())
    }

    /// The event lacks something the rule needs.
    #[must_use]
    pub fn event(message: impl Into<String>) -> Self {
        Self::Event(message.into())
    }

    /// Anything else.
    #[must_use]
    pub fn other(message: impl Into<String>) -> Self {
        Self::Other(message.into())
    }

    /// What it says.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Settings(message) | Self::Event(message) | Self::Other(message) => message,
        }
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Other(message)
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        Self::Other(message.to_owned())
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::Other(match error {
            StateError::NotGranted => "the operator has not granted this rule `state`".to_owned(),
            StateError::TooLarge => "this rule's state is full".to_owned(),
        })
    }
}
