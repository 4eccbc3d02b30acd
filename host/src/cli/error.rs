//! An error of the command line: what went wrong, what caused it, and what to do.

use super::Exit;

/// An error of the command line.
#[derive(Debug)]
pub struct CliError {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong, with its causes.
    pub source: anyhow::Error,
    /// What to do.
    pub hints: Vec<String>,
}

impl CliError {
    /// An error with its exit code.
    pub fn new(exit: Exit, source: impl Into<anyhow::Error>) -> Self {
        Self {
            exit,
            source: source.into(),
            hints: Vec::new(),
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl From<anyhow::Error> for CliError {
    fn from(source: anyhow::Error) -> Self {
        Self::new(Exit::Internal, source)
    }
}
