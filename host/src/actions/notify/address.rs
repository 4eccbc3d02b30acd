//! The addresses of servers whose paths Hookbox knows.
//!
//! A service with a token needs no URL: where the settings have none, its own address counts. Servers that somebody
//! runs at home, and those of tests, are named with `url`.

use super::error::SettingError;
use super::setting::TextSetting;
use crate::domain::secret::{ReadSecret, Secret};

/// A path of a server: `own`, which the settings name, or the service's.
pub(super) fn path_of(
    own: Option<&TextSetting>,
    service: &str,
    path: &str,
    secrets: &dyn ReadSecret,
) -> Result<Secret, SettingError> {
    let address = match own {
        Some(own) => own.read("url", secrets)?,
        None => Secret::new(service),
    };
    let address = address.expose().trim().trim_end_matches('/');
    // What follows a question mark would swallow the path.
    if address.contains(['?', '#']) {
        return Err(SettingError::Invalid {
            key: "url".to_owned(),
            expected: "write the server's address alone, such as \"https://push.example.org\"",
        });
    }
    Ok(Secret::new(format!("{address}{path}")))
}
