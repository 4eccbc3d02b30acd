//! A secret that is sent as it is: as a bearer token, as the password of Basic authentication, or in a
//! header of its own.
//!
//! It proves who the sender is and says nothing about the body, so it is for senders that sign nothing.

use base64::Engine as _;
use http::{HeaderMap, HeaderName};

use super::{BASE64, same_token};
use crate::domain::secret::Secret;
use crate::sources::config::{AuthConfig, ConfigProblem, NamedSecret};
use crate::sources::headers::required;
use crate::sources::rejection::Rejection;

const AUTHORIZATION: &str = "authorization";

/// How the secret is sent.
#[derive(Debug)]
enum Place {
    Bearer,
    Basic { user: String },
    Header { name: String },
}

/// A secret that a sender shows, and the ones that count.
#[derive(Debug)]
pub(in crate::sources) struct Credential {
    place: Place,
    secrets: Vec<(String, Secret)>,
}

impl Credential {
    /// What `auth` says, with the secrets of the source.
    pub(in crate::sources) fn build(
        config: &AuthConfig,
        secrets: Vec<NamedSecret>,
    ) -> Result<Self, ConfigProblem> {
        let place = match config {
            AuthConfig::Bearer => Place::Bearer,
            AuthConfig::Basic(user) if user.contains(':') => {
                let what = "a user's name has no `:`, which is what ends it: write the name alone, and the password as \
                            the source's secret";
                return Err(ConfigProblem::new("auth.basic", what));
            }
            AuthConfig::Basic(user) => Place::Basic { user: user.clone() },
            AuthConfig::Header(name) => match HeaderName::try_from(name.as_str()) {
                Ok(name) => Place::Header {
                    name: name.as_str().to_owned(),
                },
                Err(_) => {
                    let what = format!("`{}` is not the name of a header", name.escape_debug());
                    return Err(ConfigProblem::new("auth.header", what));
                }
            },
        };
        let secrets = secrets
            .into_iter()
            .map(|secret| (secret.name, secret.value))
            .collect();
        Ok(Self { place, secrets })
    }

    /// The lower-case name of the header that carries it.
    pub(in crate::sources) fn header(&self) -> &str {
        match &self.place {
            Place::Bearer | Place::Basic { .. } => AUTHORIZATION,
            Place::Header { name } => name,
        }
    }

    fn hint(&self) -> &'static str {
        match &self.place {
            Place::Bearer => "send the source's secret as `Authorization: Bearer …`",
            Place::Basic { .. } => {
                "send the user and the source's secret with Basic authentication"
            }
            Place::Header { .. } => "send the source's secret in it",
        }
    }

    /// The value with which a secret is sent.
    fn value(&self, secret: &Secret) -> String {
        match &self.place {
            Place::Bearer => format!("Bearer {}", secret.expose()),
            Place::Basic { user } => {
                format!(
                    "Basic {}",
                    BASE64.encode(format!("{user}:{}", secret.expose()))
                )
            }
            Place::Header { .. } => secret.expose().to_owned(),
        }
    }

    /// Whether the header is there, once and not empty.
    pub(in crate::sources) fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        required(headers, self.header(), self.hint()).map(|_| ())
    }

    /// The name of the secret that was sent.
    pub(in crate::sources) fn authenticate(
        &self,
        headers: &HeaderMap,
    ) -> Result<String, Rejection> {
        let sent = required(headers, self.header(), self.hint())?;
        let mut matched = None;
        for (name, secret) in &self.secrets {
            if same_token(&normal(sent), self.value(secret).as_bytes()) && matched.is_none() {
                matched = Some(name.clone());
            }
        }
        matched.ok_or_else(|| {
            Rejection::bad_signature(&format!(
                "the header `{}` matches no secret of this source: {}",
                self.header(),
                self.hint()
            ))
        })
    }

    /// The header with the first secret; none without one.
    pub(in crate::sources) fn sign(&self) -> Option<(String, String)> {
        let (_, secret) = self.secrets.first()?;
        Some((self.header().to_owned(), self.value(secret)))
    }
}

/// A value with its scheme as it is written here: the name of a scheme is the same in any case (RFC 9110).
fn normal(sent: &[u8]) -> Vec<u8> {
    for scheme in ["Bearer ", "Basic "] {
        let (begin, rest) = sent.split_at(scheme.len().min(sent.len()));
        if begin.eq_ignore_ascii_case(scheme.as_bytes()) {
            return [scheme.as_bytes(), rest.trim_ascii()].concat();
        }
    }
    sent.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::testing::headers;

    fn credential(config: &AuthConfig) -> Credential {
        let secret = NamedSecret {
            name: "secret".to_owned(),
            key: "secret".to_owned(),
            value: Secret::new("pass:word".to_owned()),
        };
        Credential::build(config, vec![secret]).expect("a credential")
    }

    #[test]
    fn what_is_sent_is_what_is_taken() {
        for config in [
            AuthConfig::Bearer,
            AuthConfig::Basic("alerts".to_owned()),
            AuthConfig::Header("X-Token".to_owned()),
        ] {
            let credential = credential(&config);
            let sent = [credential.sign().expect("there is a secret")];
            assert_eq!(
                credential.authenticate(&headers(&sent)),
                Ok("secret".to_owned())
            );
            let other = [(sent[0].0.clone(), format!("{}x", sent[0].1))];
            let refused = credential
                .authenticate(&headers(&other))
                .expect_err("another secret");
            assert_eq!((refused.status, refused.code), (401, "hook/bad-signature"));
        }
    }

    #[test]
    fn a_scheme_may_be_written_in_any_case_and_a_secret_may_not() {
        let credential = credential(&AuthConfig::Bearer);
        for (value, is_right) in [
            ("bearer pass:word", true),
            ("BEARER  pass:word", true),
            ("Bearer Pass:word", false),
            ("Basic pass:word", false),
            ("pass:word", false),
        ] {
            let sent = headers(&[("authorization", value)]);
            assert_eq!(credential.authenticate(&sent).is_ok(), is_right, "{value}");
        }
    }

    #[test]
    fn what_cannot_be_sent_is_refused_with_its_key() {
        for config in [
            AuthConfig::Basic("a:b".to_owned()),
            AuthConfig::Header("no header".to_owned()),
        ] {
            assert!(Credential::build(&config, Vec::new()).is_err());
        }
    }
}
