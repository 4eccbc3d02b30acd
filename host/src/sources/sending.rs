//! Signing a request as a provider would, without a source that is configured.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::provider::Provider;
use super::{Outgoing, SignatureConfig, Source, SourceConfig, SourceConfigError};
use crate::domain::clock::Timestamp;
use crate::domain::names::SourceName;
use crate::domain::secret::{ReadSecret, Secret, SecretError, SecretRef};

/// A request to be signed for a source that is not configured here.
#[derive(Debug, Clone, Copy)]
pub struct ToSign<'a> {
    /// The provider's name, such as `gitlab`.
    pub provider: &'a str,
    /// How a generic source is signed; other providers need none.
    pub signature: Option<&'a SignatureConfig>,
    /// The secret that the source has.
    pub secret: &'a Secret,
    /// The value of the provider's event header.
    pub event: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// The delivery's identifier, a new one for each delivery.
    pub id: &'a str,
    /// The present moment.
    pub now: Timestamp,
}

/// The headers with which a provider would send a body, signed with a given secret.
///
/// # Errors
/// When the provider is not known, or does not take such a secret.
pub fn signed_headers(request: &ToSign<'_>) -> Result<Vec<(String, String)>, SourceConfigError> {
    struct Given<'a>(&'a Secret);
    impl ReadSecret for Given<'_> {
        fn read(&self, _: &SecretRef) -> Result<Secret, SecretError> {
            Ok(self.0.clone())
        }
    }
    let name = SourceName::parse("send")
        .map_err(|error| SourceConfigError::new("sources".to_owned(), error.to_string()))?;
    let mut config = SourceConfig::new(request.provider);
    config.secret = Some(SecretRef {
        env: None,
        file: None,
        credential: None,
    });
    config.signature = request.signature.cloned();
    let source = Source::build(name, &config, &Given(request.secret))?;
    let outgoing = Outgoing {
        event: request.event,
        body: request.body,
        id: request.id,
        now: request.now,
    };
    let headers = source.signed_headers(request.provider, &outgoing);
    headers.ok_or_else(|| {
        let what = format!(
            "`{}` signs nothing of its own: name a provider",
            request.provider
        );
        SourceConfigError::new("sources.send.provider".to_owned(), what)
    })
}

impl Source {
    /// A sample's body as one that was never sent before: with the delivery's new identifier where the provider
    /// writes it into the body, and with white space after the JSON, so that no digest of it is known. `hookbox
    /// send` sends these.
    #[must_use]
    pub fn renewed(&self, provider: &str, body: &str, id: &str) -> Vec<u8> {
        let key = self.takers.named(provider).and_then(Provider::body_id);
        let with_id = key.and_then(|key| {
            let mut value: Value = serde_json::from_str(body).ok()?;
            *value.get_mut(key)? = id.into();
            Some(value.to_string())
        });
        let mut renewed = with_id.unwrap_or_else(|| body.trim_end().to_owned());
        renewed.push('\n');
        let digest = Sha256::digest(id.as_bytes());
        for bit in digest
            .iter()
            .flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1))
        {
            renewed.push(if bit == 0 { ' ' } else { '\t' });
        }
        renewed.into_bytes()
    }
}
