//! Any HTTP server, by a POST of the neutral message, signed as Standard Webhooks say.
//!
//! For what Hookbox has no kind of channel for: the receiver is a program, so texts reach it as the
//! rule wrote them.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
//!
//! Invariants:
//! - A retry has the same `webhook-id`, a new `webhook-timestamp`, and a signature that covers both.
//! - A configured header replaces none that is set here.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, TE, TRANSFER_ENCODING, UPGRADE,
};
use ::http::{HeaderMap, HeaderName, HeaderValue};
use async_trait::async_trait;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::client::{Client, Endpoint, Post};
#[cfg(test)]
use super::contract::{Contract, HttpContract, Reply, Texts};
use super::error::{Problem, SettingError};
use super::{Context, Message, Notifier, Quota, Sent, Settings, TextSetting, color};
use crate::domain::clock::Clock;
use crate::domain::decision::{Field, Notification, Severity};
use crate::domain::names::ChannelName;
use crate::domain::secret::{ReadSecret, Secret};

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Headers that are the client's or this file's to set.
const RESERVED: [HeaderName; 12] = [
    CONNECTION,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    EXPECT,
    HOST,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    WEBHOOK_ID,
    WEBHOOK_TIMESTAMP,
    WEBHOOK_SIGNATURE,
    IDEMPOTENCY_KEY,
];

/// Base64 with or without `=` at its end: keys are copied by people.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The settings of a channel of the kind `http`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Where the messages are posted.
    url: TextSetting,
    /// The key of the signature: `whsec_` and the base64 of 24 to 64 bytes. Without it nothing is signed.
    sign_key: Option<TextSetting>,
    /// Headers of each request, such as `Authorization`.
    #[serde(default)]
    headers: BTreeMap<String, TextSetting>,
}

impl Settings for Config {
    const QUOTAS: &'static [Quota] = &[];

    fn open(
        &self,
        name: &ChannelName,
        context: &Context<'_>,
    ) -> Result<Box<dyn Notifier>, SettingError> {
        let (headers, secrets) = self.read_headers(context.secrets)?;
        let endpoint = Endpoint {
            key: "url",
            url: self.url.read("url", context.secrets)?,
            secrets,
        };
        let key = match &self.sign_key {
            Some(setting) => Some(SignKey::parse(&setting.read("sign_key", context.secrets)?)?),
            None => None,
        };
        Ok(Box::new(Http {
            name: name.clone(),
            client: Client::open(&endpoint, context)?,
            headers,
            key,
            clock: Arc::clone(&context.clock),
        }))
    }
}

impl Config {
    fn read_headers(
        &self,
        secrets: &dyn ReadSecret,
    ) -> Result<(HeaderMap, Vec<Secret>), SettingError> {
        let mut headers = HeaderMap::new();
        let mut values = Vec::new();
        for (name, setting) in &self.headers {
            let key = format!("headers.{}", name.escape_debug());
            let invalid = |expected| SettingError::Invalid {
                key: key.clone(),
                expected,
            };
            let header = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| invalid("this is not the name of a header"))?;
            if RESERVED.contains(&header) {
                return Err(invalid("Hookbox sets this header itself"));
            }
            let text = setting.read(&key, secrets)?;
            let mut value = HeaderValue::from_str(text.expose())
                .map_err(|_| invalid("a header's value has no control characters"))?;
            value.set_sensitive(true);
            if headers.insert(header, value).is_some() {
                return Err(invalid("this header is set twice"));
            }
            // A server may repeat the token alone: `Bearer …`.
            let parts = text.expose().split_whitespace().map(Secret::new);
            values.extend(parts.collect::<Vec<_>>());
            values.push(text);
        }
        Ok((headers, values))
    }
}

/// A channel of the kind `http`.
struct Http {
    name: ChannelName,
    client: Client,
    headers: HeaderMap,
    key: Option<SignKey>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Notifier for Http {
    fn place(&self) -> &str {
        self.client.origin()
    }

    async fn send(&self, message: &Message<'_>, key: &str) -> Result<Sent, Problem> {
        let message = Body::of(&self.name, message.notification());
        let body = serde_json::to_vec(&message).map_err(unsendable)?;
        let seconds = self.clock.now().0.div_euclid(1_000).to_string();
        let id = HeaderValue::from_str(key).map_err(unsendable)?;
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(IDEMPOTENCY_KEY, id.clone());
        headers.insert(WEBHOOK_ID, id);
        if let Some(sign_key) = &self.key {
            let signature = sign_key.sign(key, &seconds, &body);
            let value = HeaderValue::from_str(&signature).map_err(unsendable)?;
            headers.insert(WEBHOOK_SIGNATURE, value);
        }
        let value = HeaderValue::from_str(&seconds).map_err(unsendable)?;
        headers.insert(WEBHOOK_TIMESTAMP, value);

        let post = Post {
            headers,
            body,
            ..Post::default()
        };
        let answer = self.client.post(post).await?;
        if answer.status.is_success() {
            Ok(answer.sent())
        } else {
            Err(self.client.refused(&answer, &answer.text()))
        }
    }
}

fn unsendable(error: impl ToString) -> Problem {
    let reason = error.to_string();
    Problem::Unsendable { reason }
}

/// The neutral message. What a message does not have is left out; the lists are always there.
#[derive(Serialize)]
struct Body<'a> {
    channel: &'a ChannelName,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<Severity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    fields: &'a [Field],
    #[serde(skip_serializing_if = "Option::is_none")]
    footer: Option<&'a str>,
    mentions: &'a [String],
}

impl<'a> Body<'a> {
    fn of(channel: &'a ChannelName, message: &'a Notification) -> Self {
        Self {
            channel,
            title: message.title.as_deref(),
            text: &message.text,
            severity: message.severity,
            color: color::hex(message),
            url: message.url.as_deref(),
            fields: &message.fields,
            footer: message.footer.as_deref(),
            mentions: &message.mentions,
        }
    }
}

/// A key that signs.
struct SignKey(Hmac<Sha256>);

impl SignKey {
    fn parse(text: &Secret) -> Result<Self, SettingError> {
        let invalid = |expected| SettingError::Invalid {
            key: "sign_key".to_owned(),
            expected,
        };
        let encoded = text.expose().trim().strip_prefix("whsec_");
        let encoded = encoded.ok_or_else(|| invalid("it does not begin with `whsec_`"))?;
        let key = BASE64
            .decode(encoded)
            .map_err(|_| invalid("what follows `whsec_` is not base64"))?;
        if !(24..=64).contains(&key.len()) {
            return Err(invalid(
                "what follows `whsec_` is not the base64 of 24 to 64 bytes",
            ));
        }
        let hmac = Hmac::new_from_slice(&key).map_err(|_| invalid("its length is wrong"))?;
        Ok(Self(hmac))
    }

    fn sign(&self, id: &str, seconds: &str, body: &[u8]) -> String {
        let mut hmac = self.0.clone();
        for part in [id.as_bytes(), b".", seconds.as_bytes(), b".", body] {
            hmac.update(part);
        }
        format!("v1,{}", BASE64.encode(hmac.finalize().into_bytes()))
    }
}

#[cfg(test)]
pub(super) const CONTRACT: Contract = Contract::Http(HttpContract {
    settings: |base| {
        serde_json::json!({
            "url": format!("{base}/in?a=b"),
            "sign_key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "headers": { "Authorization": "Bearer t0k3n-t0k3n" },
        })
    },
    person: "ada",
    texts: Texts::AsWritten,
    taken: Reply::new("202 Accepted", ""),
    fits: |_| true,
    answers: &[],
});

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(key: &str, id: &str, seconds: &str, body: &str) -> String {
        let key = SignKey::parse(&Secret::new(key)).expect("a key");
        key.sign(id, seconds, body.as_bytes())
    }

    #[test]
    fn the_vectors_of_standard_webhooks_hold() {
        let own = sign(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            r#"{"test": 2432232314}"#,
        );
        let library = sign(
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            "1649367553",
            r#"{"email":"test@example.com","username":"test_user"}"#,
        );
        assert_eq!(own, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(library, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn a_key_without_its_form_is_refused_and_not_shown() {
        for text in [
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_%%%%",
            "whsec_c2hvcnQ=",
        ] {
            let error = SignKey::parse(&Secret::new(text))
                .map(|_| ())
                .expect_err("no key");
            assert!(error.to_string().contains("`sign_key`"), "{error}");
            assert!(!error.to_string().contains(text), "{error}");
        }
    }
}
