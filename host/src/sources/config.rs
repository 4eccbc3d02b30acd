//! The settings of a source, as they stand under `[sources.<name>]`.
//!
//! The `config` module reads the file into these types; [`Source::build`](super::Source::build) checks
//! what a type alone cannot say.
//!
//! Invariant: an error names the key and says what to write in its place.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use super::signature::{Algorithm, Encoding};
use crate::domain::names::SourceName;
use crate::domain::quantity::{Bytes, Span};
use crate::domain::secret::{ReadSecret, Secret, SecretError, SecretRef};

/// Enough for all but the largest of pushes.
const DEFAULT_BODY_LIMIT: Bytes = Bytes::mib(1);
/// What GitLab and GitHub send at most.
const MAX_BODY_LIMIT: Bytes = Bytes::mib(25);
/// What the libraries of Standard Webhooks use.
const DEFAULT_TOLERANCE: Span = Span::seconds(300);
/// Identifiers of deliveries are kept for more than a week; a request must be too old long before.
const MAX_TOLERANCE: Span = Span::seconds(86_400);

/// A source, as it stands under `[sources.<name>]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// The kind of source, such as `gitlab` or `generic`.
    pub provider: String,
    /// The secret that the provider's webhook has.
    #[serde(default)]
    pub secret: Option<SecretRef>,
    /// Several secrets by name, while one takes the place of another.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretRef>,
    /// `"none"` accepts what anybody sends.
    #[serde(default)]
    pub verify: Option<VerifyMode>,
    /// What the source takes; everything where nothing is said.
    #[serde(default)]
    pub expect: ExpectConfig,
    /// Where requests may come from: ranges, addresses, and presets; anywhere where nothing is said.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// How large a body may be: 1 MiB by default, 25 MiB at most.
    #[serde(default)]
    pub body_limit: Option<Bytes>,
    /// How far the time of a signed request may be from the present: five minutes by default.
    #[serde(default)]
    pub tolerance: Option<Span>,
    /// How the secret is sent by a sender that signs nothing.
    #[serde(default)]
    pub auth: Option<AuthConfig>,
    /// How a generic source is signed.
    #[serde(default)]
    pub signature: Option<SignatureConfig>,
    /// The header that names the event of a generic source.
    #[serde(default)]
    pub event_header: Option<String>,
    /// Where the body of a generic source names its event, as a JSON Pointer such as `/type`.
    #[serde(default)]
    pub event_pointer: Option<String>,
    /// Where the body of a generic source names the delivery.
    #[serde(default)]
    pub id_pointer: Option<String>,
    /// Where the body of a generic source names the project, by its full name.
    #[serde(default)]
    pub project_pointer: Option<String>,
    /// Where the body of a generic source says when it happened: RFC 3339, or seconds or milliseconds since 1970.
    #[serde(default)]
    pub time_pointer: Option<String>,
}

/// How requests are verified where it is not by a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerifyMode {
    /// Not at all.
    None,
}

/// How a secret is sent as it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthConfig {
    /// As `Authorization: Bearer …`.
    Bearer,
    /// As the password of this user, with Basic authentication.
    Basic(String),
    /// In this header.
    Header(String),
}

/// What a source takes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExpectConfig {
    /// Projects, by number or by a pattern over their full names.
    pub projects: Vec<ProjectRef>,
    /// Provider events, by header or kind, such as `Push Hook` or `push`.
    pub events: Vec<String>,
    /// Instances, such as `https://gitlab.example.org`.
    pub instances: Vec<String>,
}

/// A project: its number, or a pattern over its full name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectRef {
    /// The provider's number.
    Id(u64),
    /// A pattern such as `payments/**`.
    Name(String),
}

impl<'de> Deserialize<'de> for ProjectRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = ProjectRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a project's number, or a pattern such as \"payments/**\"")
            }

            fn visit_u64<E: Error>(self, id: u64) -> Result<ProjectRef, E> {
                Ok(ProjectRef::Id(id))
            }

            fn visit_i64<E: Error>(self, id: i64) -> Result<ProjectRef, E> {
                u64::try_from(id)
                    .map(ProjectRef::Id)
                    .map_err(|_| E::custom("a project's number is not negative"))
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<ProjectRef, E> {
                Ok(ProjectRef::Name(name.to_owned()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// How a generic source is signed: an HMAC of a text, in a header.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureConfig {
    /// The header that carries the signature.
    pub header: String,
    /// What stands before the signature, such as `sha256=`; a sender may leave it out.
    #[serde(default)]
    pub prefix: Option<String>,
    /// The hash function.
    pub algorithm: Algorithm,
    /// Allows SHA-1, for senders that know nothing better.
    #[serde(default)]
    pub allow_sha1: bool,
    /// How the signature is written.
    #[serde(default)]
    pub encoding: Encoding,
    /// The text that is signed, with `{body}`, `{timestamp}`, `{id}` and `{header:NAME}` in it.
    #[serde(default = "SignatureConfig::body_alone")]
    pub signed: String,
    /// The header that carries the time of the request.
    #[serde(default)]
    pub timestamp_header: Option<String>,
    /// What stands before the time of the request in the signature's own header, such as `t=`.
    #[serde(default)]
    pub timestamp_prefix: Option<String>,
    /// The unit of that time.
    #[serde(default)]
    pub timestamp_unit: TimestampUnit,
    /// The header that names the delivery.
    #[serde(default)]
    pub id_header: Option<String>,
    /// What stands between several signatures in the header, and between them and the time.
    #[serde(default)]
    pub separator: Option<String>,
}

impl SignatureConfig {
    fn body_alone() -> String {
        "{body}".to_owned()
    }
}

/// The unit of a time since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the units")]
pub enum TimestampUnit {
    #[default]
    Seconds,
    Milliseconds,
}

/// A source that cannot be built.
#[derive(Debug, thiserror::Error)]
#[error("`{key}`: {what}")]
pub struct SourceConfigError {
    key: String,
    what: String,
    source: Option<SecretError>,
}

impl SourceConfigError {
    /// An error at a key of the configuration, such as `sources.gitlab.secret`.
    pub(super) fn new(key: String, what: impl Into<String>) -> Self {
        Self {
            key,
            what: what.into(),
            source: None,
        }
    }

    /// The key of the configuration, such as `sources.gitlab.secret`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// An error at a key within a source's table, which does not know the source's name.
#[derive(Debug)]
pub(super) struct ConfigProblem {
    key: String,
    what: String,
    source: Option<SecretError>,
}

impl ConfigProblem {
    /// What is wrong with the value of a key, and what to write in its place.
    pub(super) fn new(key: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            what: what.into(),
            source: None,
        }
    }

    /// The same as an error of the source with this name.
    pub(super) fn under(self, name: &SourceName) -> SourceConfigError {
        SourceConfigError {
            key: format!("sources.{name}.{}", self.key),
            what: self.what,
            source: self.source,
        }
    }
}

impl SourceConfig {
    /// A source of a provider about which nothing more is said.
    #[must_use]
    pub fn new(provider: impl Into<String>) -> Self {
        Self {
            provider: provider.into(),
            secret: None,
            secrets: BTreeMap::new(),
            verify: None,
            expect: ExpectConfig::default(),
            addresses: Vec::new(),
            body_limit: None,
            tolerance: None,
            auth: None,
            signature: None,
            event_header: None,
            event_pointer: None,
            id_pointer: None,
            project_pointer: None,
            time_pointer: None,
        }
    }

    /// The secrets with the names by which they are recorded, and their keys in the table.
    pub(super) fn read_secrets(
        &self,
        reader: &dyn ReadSecret,
    ) -> Result<Vec<NamedSecret>, ConfigProblem> {
        if self.secret.is_some() && !self.secrets.is_empty() {
            let what = "is given beside `secrets`: put all of them into `secrets`, or remove one";
            return Err(ConfigProblem::new("secret", what));
        }
        let single = self
            .secret
            .iter()
            .map(|reference| ("secret", "secret".to_owned(), reference));
        let several = self
            .secrets
            .iter()
            .map(|(name, reference)| (name.as_str(), format!("secrets.{name}"), reference));
        let mut secrets = Vec::new();
        for (name, key, reference) in single.chain(several) {
            let value = reader.read(reference).map_err(|error| ConfigProblem {
                key: key.clone(),
                what: "the secret cannot be read".to_owned(),
                source: Some(error),
            })?;
            if value.expose().trim().is_empty() {
                let what = "the secret is empty: an empty secret would accept anybody";
                return Err(ConfigProblem::new(key, what));
            }
            let name = name.to_owned();
            secrets.push(NamedSecret { name, key, value });
        }
        Ok(secrets)
    }

    /// How large a body may be.
    pub(super) fn body_limit(&self) -> Result<Bytes, ConfigProblem> {
        match self.body_limit {
            None => Ok(DEFAULT_BODY_LIMIT),
            Some(limit) if limit.0 > 0 && limit <= MAX_BODY_LIMIT => Ok(limit),
            Some(limit) => {
                let what =
                    format!("`{limit}` is not allowed: write a size up to \"{MAX_BODY_LIMIT}\"");
                Err(ConfigProblem::new("body_limit", what))
            }
        }
    }

    /// How far the time of a request may be from the present.
    pub(super) fn tolerance(&self) -> Result<Span, ConfigProblem> {
        match self.tolerance {
            None => Ok(DEFAULT_TOLERANCE),
            Some(span) if span >= Span::seconds(1) && span <= MAX_TOLERANCE => Ok(span),
            Some(span) => {
                let what = format!(
                    "`{span}` is not allowed: write a duration from \"1s\" to \"{MAX_TOLERANCE}\""
                );
                Err(ConfigProblem::new("tolerance", what))
            }
        }
    }
}

/// A secret with the name by which it is recorded.
#[derive(Debug, Clone)]
pub(super) struct NamedSecret {
    /// `secret` for a single one, else its key under `secrets`.
    pub(super) name: String,
    /// Where it stands in the source's table.
    pub(super) key: String,
    /// Its value.
    pub(super) value: Secret,
}
