//! Secrets, which are read from where the operator keeps them and never shown.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

/// A secret's value. Neither `Debug` nor any message shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a value as a secret.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where a secret is kept: `{ env = "NAME" }`, `{ file = "path" }`, or `{ credential = "name" }`, a
/// credential that systemd passes to the service. Exactly one is given.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretRef {
    /// The name of an environment variable.
    pub env: Option<String>,
    /// The path of a file; one newline at its end does not count.
    pub file: Option<PathBuf>,
    /// The name of a systemd credential.
    pub credential: Option<String>,
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.env, &self.file, &self.credential) {
            (Some(name), ..) => write!(f, "{{ env = \"{name}\" }}"),
            (_, Some(path), _) => write!(f, "{{ file = \"{}\" }}", path.display()),
            (_, _, Some(name)) => write!(f, "{{ credential = \"{name}\" }}"),
            _ => f.write_str("{}"),
        }
    }
}

/// A secret that could not be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the secret {reference} cannot be read: {reason}")]
pub struct SecretError {
    /// Where it should have been.
    pub reference: String,
    /// Why it was not there, and what to do.
    pub reason: String,
}

/// Reads secrets. Only the configuration's own implementation touches the environment and files.
pub trait ReadSecret {
    /// The value that a reference leads to.
    ///
    /// # Errors
    /// When it is not there, not readable, or empty.
    fn read(&self, reference: &SecretRef) -> Result<Secret, SecretError>;
}
