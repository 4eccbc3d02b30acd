//! The samples that come with Hookbox: requests as the providers send them.
//!
//! `hookbox send` and `hookbox samples` use them, and rules are tested on the events beside them. People,
//! projects and commits in them are invented.
//!
//! Invariant: `<name>.event.json` beside each sample is the event that the parser makes of it.

#[cfg(test)]
mod tests;

use super::provider::PROVIDERS;

/// A request as a provider sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The provider's name, such as `gitlab`.
    pub provider: &'static str,
    /// What it shows, such as `merge-request-opened`.
    pub name: &'static str,
    /// The value of the provider's event header.
    pub event_header: &'static str,
    /// The body of the request.
    pub body: &'static str,
    /// The event that the parser makes of it, as JSON.
    pub event: &'static str,
}

/// A sample of a provider, by its name and the value of the event header.
macro_rules! sample {
    ($provider:literal, $name:literal, $header:literal) => {
        $crate::sources::samples::Sample {
            provider: $provider,
            name: $name,
            event_header: $header,
            body: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../guest-sdk/samples/",
                $provider,
                "/",
                $name,
                ".json"
            )),
            event: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../guest-sdk/samples/",
                $provider,
                "/",
                $name,
                ".event.json"
            )),
        }
    };
}

pub(super) use sample;

/// What the sources that the server looks after find. Nobody sends these.
const INSIDE: &[Sample] = &[
    sample!("folder", "file-created", "file-created"),
    sample!("folder", "file-modified", "file-modified"),
    sample!("folder", "file-renamed", "file-renamed"),
    sample!("folder", "file-removed", "file-removed"),
    sample!("schedule", "due", "schedule"),
];

/// The samples of watched folders and schedules, which no request brings.
pub fn inside() -> impl Iterator<Item = &'static Sample> {
    INSIDE.iter()
}

/// Every sample, in the order of the providers.
pub fn samples() -> impl Iterator<Item = &'static Sample> {
    PROVIDERS.iter().flat_map(|kind| kind.samples)
}
