//! Any HTTP server, by a request with the neutral message or with a body of the operator's own form, signed as
//! Standard Webhooks say.
//!
//! For what Hookbox has no kind of channel for: the receiver is a program, so texts reach it as the
//! rule wrote them.
//!
//! Invariants:
//! - A retry has the same `webhook-id`, a new `webhook-timestamp`, and a signature that covers both and the body as
//!   it is sent.
//! - A configured header replaces none that is set here.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, TE, TRANSFER_ENCODING, UPGRADE,
};
use ::http::{HeaderMap, HeaderName, HeaderValue};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use self::encoding::Encoding;
use self::part::Given;
use self::sign::SignKey;
use self::template::Template;
use super::client::{Client, Method, Post};
#[cfg(test)]
use super::contract::{Contract, HttpContract, Reply, Texts};
use super::error::{Problem, SettingError};
use super::{Context, Message, Notifier, Quota, Sent, Settings, TextSetting, color};
use crate::domain::clock::Clock;
use crate::domain::decision::{Field, Notification, Severity};
use crate::domain::names::ChannelName;
use crate::domain::secret::{ReadSecret, Secret};

mod encoding;
mod part;
mod sign;
mod template;

/// The type of a body where nothing is configured.
const JSON: &str = "application/json";

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

/// The settings of a channel of the kind `http`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Where the messages are sent to.
    url: TextSetting,
    /// The method of the requests: `POST`, the default, or `PUT`.
    #[serde(default)]
    method: Method,
    /// The body of the requests, for a receiver that expects a form of its own: a text with placeholders such as
    /// `${title}`, whose values are written as the type of the body needs it. In JSON `"${title}"` is a text, and
    /// `${title}` without quotes a text with its quotes, or `null` where the message has no title. Without it the
    /// body is the neutral message as JSON.
    ///
    /// There are `title`, `text` (`CommonMark`, as the rule wrote it), `plain` (the same without marks), `severity`,
    /// `color`, `url`, `footer`, `mentions`, `fields` (JSON), `key` (the idempotency key), `event`, and `channel`.
    /// `$$` is a `$`.
    body: Option<TextSetting>,
    /// The type of `body`; `application/json` by default.
    content_type: Option<String>,
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
        let (headers, mut secrets) = self.read_headers(context.secrets)?;
        let url = self.url.read("url", context.secrets)?;
        let (content_type, template) = self.read_body(context.secrets)?;
        // A body may hold a key, which a server may repeat.
        secrets.extend(template.iter().flat_map(Template::words));
        let key = match &self.sign_key {
            Some(setting) => Some(SignKey::parse(&setting.read("sign_key", context.secrets)?)?),
            None => None,
        };
        Ok(Box::new(Http {
            name: name.clone(),
            client: Client::open(&url, &secrets, context)?,
            method: self.method,
            headers,
            content_type,
            template,
            key,
            clock: Arc::clone(&context.clock),
        }))
    }
}

impl Config {
    fn read_body(
        &self,
        secrets: &dyn ReadSecret,
    ) -> Result<(HeaderValue, Option<Template>), SettingError> {
        let invalid = |expected| SettingError::Invalid {
            key: "content_type".to_owned(),
            expected,
        };
        let Some(body) = &self.body else {
            return match self.content_type {
                None => Ok((HeaderValue::from_static(JSON), None)),
                Some(_) => Err(invalid(
                    "it is the type of `body`: add one, or remove `content_type`",
                )),
            };
        };
        let body = body.read("body", secrets)?;
        let content_type = self.content_type.as_deref().unwrap_or(JSON).trim();
        let encoding = Encoding::of(content_type).map_err(invalid)?;
        let header = HeaderValue::from_str(content_type)
            .map_err(|_| invalid("a header's value has no control characters"))?;
        let template = Template::parse(body.expose(), encoding);
        let template = template.map_err(|reason| SettingError::Unusable {
            key: "body".to_owned(),
            reason,
        })?;
        Ok((header, Some(template)))
    }

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
    method: Method,
    headers: HeaderMap,
    content_type: HeaderValue,
    template: Option<Template>,
    key: Option<SignKey>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Notifier for Http {
    fn place(&self) -> &str {
        self.client.origin()
    }

    async fn send(&self, message: &Message<'_>, key: &str) -> Result<Sent, Problem> {
        let body = self.body(message, key)?;
        let seconds = self.clock.now().0.div_euclid(1_000).to_string();
        let id = HeaderValue::from_str(key).map_err(unsendable)?;
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, self.content_type.clone());
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
            method: self.method,
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

impl Http {
    fn body(&self, message: &Message<'_>, key: &str) -> Result<Vec<u8>, Problem> {
        let Some(template) = &self.template else {
            let body = Body::of(&self.name, message.notification());
            return serde_json::to_vec(&body).map_err(unsendable);
        };
        let given = Given {
            message,
            channel: &self.name,
            key,
        };
        Ok(template.write(&given).into_bytes())
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
