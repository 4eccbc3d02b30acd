//! Which provider takes a request: the one that the source names, or, with `provider = "auto"`, the one whose
//! headers the request has.
//!
//! Invariants:
//! - The headers alone decide which provider it is, and its scheme alone whether the request is verified: one that
//!   fails is not tried with another.
//! - A provider without a secret takes nothing, unless nothing is verified.

use super::config::{ConfigProblem, NamedSecret, SourceConfig, VerifyMode};
use super::headers::Headers;
use super::provider::{self, AUTO, Kind, PROVIDERS, Provider, Setup};
use super::rejection::Rejection;

/// The provider whose requests have no header of their own.
const UNKNOWN: &str = "generic";

/// The provider of a source, or those among which the headers choose.
#[derive(Debug)]
pub(super) enum Takers {
    /// The one that is named.
    One(Box<dyn Provider>),
    /// One of those with a secret.
    ByHeaders(Vec<(&'static Kind, Box<dyn Provider>)>),
}

impl Takers {
    /// Builds what the source names, with its secrets.
    pub(super) fn build(
        config: &SourceConfig,
        secrets: Vec<NamedSecret>,
    ) -> Result<Self, ConfigProblem> {
        let setup = Setup { config, secrets };
        if config.provider != AUTO {
            return (provider::find(&config.provider)?.build)(setup).map(Self::One);
        }
        setup.refuse_descriptions()?;
        let mut by_kind: Vec<(&'static Kind, Vec<NamedSecret>)> = Vec::new();
        for secret in setup.secrets {
            let kind = kind_of(&secret)?;
            match by_kind
                .iter_mut()
                .find(|(known, _)| known.name == kind.name)
            {
                Some((_, secrets)) => secrets.push(secret),
                None => by_kind.push((kind, vec![secret])),
            }
        }
        if config.verify == Some(VerifyMode::None) {
            by_kind = PROVIDERS.iter().map(|kind| (kind, Vec::new())).collect();
        }
        let built = by_kind.into_iter().map(|(kind, secrets)| {
            let provider = (kind.build)(Setup { config, secrets })?;
            Ok((kind, provider))
        });
        Ok(Self::ByHeaders(
            built.collect::<Result<_, ConfigProblem>>()?,
        ))
    }

    /// What stands as `provider` in the configuration.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::One(provider) => provider.name(),
            Self::ByHeaders(_) => AUTO,
        }
    }

    /// The provider that takes a request with these headers.
    ///
    /// # Errors
    /// With status 401 when they are of no provider, or of one without a secret.
    pub(super) fn of(&self, headers: Headers<'_>) -> Result<&dyn Provider, Rejection> {
        match self {
            Self::One(provider) => Ok(provider.as_ref()),
            Self::ByHeaders(providers) => {
                let detected = PROVIDERS
                    .iter()
                    .find(|kind| (kind.detect)(headers))
                    .ok_or_else(Rejection::unknown_provider)?;
                let found = providers
                    .iter()
                    .find(|(kind, _)| kind.name == detected.name);
                found
                    .map(|(_, provider)| provider.as_ref())
                    .ok_or_else(|| Rejection::no_secret_for(detected.name))
            }
        }
    }

    /// The provider with this name, among those that may take requests.
    pub(super) fn named(&self, name: &str) -> Option<&dyn Provider> {
        match self {
            Self::One(provider) => Some(provider.as_ref()).filter(|known| known.name() == name),
            Self::ByHeaders(providers) => providers
                .iter()
                .find(|(kind, _)| kind.name == name)
                .map(|(_, provider)| provider.as_ref()),
        }
    }
}

/// The provider that a secret is named after: `github`, or `github-old` beside it. The longest name counts,
/// because one provider's may begin with another's.
fn kind_of(secret: &NamedSecret) -> Result<&'static Kind, ConfigProblem> {
    let is_named_after = |kind: &&Kind| {
        let rest = secret.name.strip_prefix(kind.name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let known = || PROVIDERS.iter().filter(|kind| kind.name != UNKNOWN);
    let named = known().filter(is_named_after);
    named.max_by_key(|kind| kind.name.len()).ok_or_else(|| {
        let names: Vec<&str> = known().map(|kind| kind.name).collect();
        let what = format!(
            "belongs to no provider: with `provider = \"auto\"` each secret stands in `secrets` under the name of its \
             provider, such as `secrets.gitlab`; the names are {}",
            names.join(", ")
        );
        ConfigProblem::new(secret.key.clone(), what)
    })
}
