//! Asking a whole rule, as `rule!` made it, what it is and whether it accepts settings.

use super::context::{Context, within};
use super::toml_settings::completed;
use crate::bindings::hookbox::rule::manifest::Manifest;
use crate::guest::Guest;

/// Returns the manifest of a rule: `manifest_of::<HookboxRule>()`.
#[must_use]
pub fn manifest_of<R: Guest>() -> Manifest {
    within(Context::default(), R::describe).0
}

/// Checks settings, in the TOML of a settings file, as the server does at load:
/// `configure_with::<HookboxRule>("channel = 'dev'")`.
///
/// # Errors
/// What the rule has against them, as the operator would read it.
#[track_caller]
pub fn configure_with<R: Guest>(settings: &str) -> Result<(), String> {
    let context = Context {
        settings: completed(settings, &manifest_of::<R>().settings),
        ..Context::default()
    };
    within(context, R::configure)
        .0
        .map_err(|failure| failure.message().to_owned())
}
