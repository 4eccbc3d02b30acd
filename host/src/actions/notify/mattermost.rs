//! Mattermost, by an incoming webhook.
//!
//! A message with a text alone is a plain post; one with a title, a level, a colour, fields, a footer
//! or a link is an attachment.
//! <https://developers.mattermost.com/integrate/webhooks/incoming/>
//!
//! Invariants:
//! - Only the line of mentions, written here, mentions anybody: Mattermost reads `@` in every text,
//!   and turns Slack's `<!channel>` and `<@id>` into mentions as well.
//! - Nothing but `ok` is a success: a proxy's login page is a `200`, too.

use ::http::header::CONTENT_TYPE;
use ::http::{HeaderMap, HeaderValue, StatusCode};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::client::{Answer, Client, Endpoint};
use super::error::{Problem, SettingError};
use super::text::{cut, harmless, one_line, printable};
use super::{Context, Notifier, Sent, TextSetting, color};
use crate::domain::decision::Notification;
use crate::domain::names::ChannelName;

/// What a server takes in one post by default: `PostMessageMaxRunesV2`, 65,535 bytes of up to four to
/// a character, in `server/public/model/post.go` (from memory).
const MAX_TEXT: usize = 16_383;

/// A notice on a telephone shows no more of the text that stands for an attachment.
const MAX_FALLBACK: usize = 300;

/// The settings of a channel of the kind `mattermost`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MattermostConfig {
    /// The webhook's URL. Its path holds the key.
    pub url: TextSetting,
    /// The URL of a proxy to go through; none by default.
    pub proxy: Option<TextSetting>,
    /// The name that messages bear, where the server allows that.
    pub username: Option<String>,
    /// The URL of their picture.
    pub icon_url: Option<String>,
    /// The emoji that is their picture, such as `:rocket:`. Wins over `icon_url`.
    pub icon_emoji: Option<String>,
    /// The channel they go to, instead of the webhook's own.
    pub channel: Option<String>,
}

impl MattermostConfig {
    pub(super) fn open(
        &self,
        _name: &ChannelName,
        context: &Context<'_>,
    ) -> Result<Mattermost, SettingError> {
        let endpoint = Endpoint {
            url: &self.url,
            proxy: self.proxy.as_ref(),
            secrets: Vec::new(),
        };
        Ok(Mattermost {
            client: Client::open(&endpoint, context)?,
            config: self.clone(),
        })
    }
}

/// A channel of the kind `mattermost`.
pub(super) struct Mattermost {
    client: Client,
    config: MattermostConfig,
}

#[async_trait]
impl Notifier for Mattermost {
    fn place(&self) -> &str {
        self.client.origin()
    }

    async fn send(&self, message: &Notification, _key: &str) -> Result<Sent, Problem> {
        let body =
            serde_json::to_vec(&self.post(message)).map_err(|error| Problem::Unsendable {
                reason: error.to_string(),
            })?;
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, json)]);
        let answer = self.client.post(headers, body).await?;
        self.judge(&answer)
    }
}

impl Mattermost {
    fn judge(&self, answer: &Answer) -> Result<Sent, Problem> {
        let text = answer.text();
        if answer.status == StatusCode::OK && text.trim() == "ok" {
            return Ok(Sent {
                detail: "200 ok".to_owned(),
            });
        }
        let failure = serde_json::from_str::<Failure>(&text);
        let message = failure.map_or(text, |failure| failure.message);
        if answer.status.is_success() {
            return Err(Problem::NotTaken {
                status: answer.status,
                expected: "ok",
                found: self.client.excerpt(&message),
            });
        }
        Err(self.client.refused(answer, &message))
    }

    fn post<'a>(&'a self, message: &'a Notification) -> Post<'a> {
        let mentions = mentions(&message.mentions);
        let is_plain = message.title.is_none()
            && message.severity.is_none()
            && message.color.is_none()
            && message.url.is_none()
            && message.fields.is_empty()
            && message.footer.is_none();
        let (text, attachments) = if is_plain {
            // The mentions come first, so that a text that is cut does not lose them.
            let text = match mentions {
                Some(mentions) => format!("{mentions}\n{}", rendered(&message.text)),
                None => rendered(&message.text),
            };
            (Some(text), Vec::new())
        } else {
            (mentions, vec![attachment(message)])
        };
        Post {
            text: text.map(|text| cut(&text, MAX_TEXT)),
            channel: self.config.channel.as_deref(),
            username: self.config.username.as_deref(),
            icon_url: self.config.icon_url.as_deref(),
            icon_emoji: self.config.icon_emoji.as_deref(),
            attachments,
        }
    }
}

/// What Mattermost answers when it does not take a post.
#[derive(Deserialize)]
struct Failure {
    message: String,
}

#[derive(Serialize)]
struct Post<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon_emoji: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment<'a>>,
}

#[derive(Serialize)]
struct Attachment<'a> {
    fallback: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title_link: Option<&'a str>,
    text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<AttachmentField>,
    #[serde(skip_serializing_if = "Option::is_none")]
    footer: Option<String>,
}

#[derive(Serialize)]
struct AttachmentField {
    short: bool,
    title: String,
    value: String,
}

fn attachment(message: &Notification) -> Attachment<'_> {
    let url = message.url.as_deref();
    // A link needs a title to stand on.
    let title = message.title.as_deref().or(url).map(heading);
    let text = cut(&rendered(&message.text), MAX_TEXT);
    let fallback = title.as_deref().or_else(|| text.lines().next());
    let fields = message.fields.iter().map(|field| AttachmentField {
        short: field.short,
        title: heading(&field.name),
        value: rendered(&field.value),
    });
    Attachment {
        fallback: cut(fallback.unwrap_or_default(), MAX_FALLBACK),
        color: color::hex(message),
        title_link: url.filter(|url| is_web_link(url)),
        fields: fields.collect(),
        footer: message.footer.as_deref().map(heading),
        title,
        text,
    }
}

fn is_web_link(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

fn rendered(text: &str) -> String {
    harmless(&printable(text))
}

fn heading(text: &str) -> String {
    harmless(&one_line(text))
}

/// The line that mentions. `all` is everybody in the channel; a name is written as it is, because only
/// the operator may say whom it is on this server.
fn mentions(names: &[String]) -> Option<String> {
    let written = names.iter().map(|name| match name.as_str() {
        "all" => "@channel".to_owned(),
        name => heading(name.trim_start_matches('@')),
    });
    let line = written.collect::<Vec<_>>().join(", ");
    (!line.is_empty()).then_some(line)
}
