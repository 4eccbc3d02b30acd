//! The one place that reads the environment, and the files and credentials that hold secrets.

use std::path::PathBuf;

use crate::domain::secret::{ReadSecret, Secret, SecretError, SecretRef};

/// The value of an environment variable, where it is set and is UTF-8.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this is the place that may")]
    std::env::var(name).ok()
}

/// Reads secrets from the environment, from files, and from systemd's credentials.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// The folder from which the paths of files count.
    pub folder: PathBuf,
}

impl ReadSecret for Secrets {
    fn read(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        let failed = |reason: String| SecretError {
            reference: reference.to_string(),
            reason,
        };
        let value = match (&reference.env, &reference.file, &reference.credential) {
            (Some(name), None, None) => variable(name)
                .ok_or_else(|| failed(format!("set the environment variable `{name}`"))),
            (None, Some(path), None) => self.file(&self.folder.join(path)).map_err(failed),
            (None, None, Some(name)) => match variable("CREDENTIALS_DIRECTORY") {
                Some(directory) => self
                    .file(&PathBuf::from(directory).join(name))
                    .map_err(failed),
                None => Err(failed(format!(
                    "no credentials were passed: add `LoadCredential={name}:…` to the systemd unit"
                ))),
            },
            _ => Err(failed(
                "write exactly one of `env`, `file` and `credential`".to_owned(),
            )),
        }?;
        if value.is_empty() {
            return Err(failed("it is empty".to_owned()));
        }
        Ok(Secret::new(value))
    }
}

impl Secrets {
    #[expect(clippy::unused_self, reason = "files are part of what it reads")]
    fn file(&self, path: &std::path::Path) -> Result<String, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("`{}`: {error}", path.display()))?;
        Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
    }
}
