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

use ::http::StatusCode;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::client::{Answer, Client, Post};
#[cfg(test)]
use super::contract::{Answered, Contract, HttpContract, Meaning, Reply, Texts};
use super::dialect::{CommonMark, Dialect as _, render};
use super::error::{Problem, SettingError};
use super::markdown::Document;
use super::people::Mention;
use super::room::{FieldLimits, Fields, joined, line, notified_first};
use super::text::{harmless, one_line};
use super::{Context, Message, Notifier, Quota, Sent, Settings, TextSetting, color, room};
use crate::domain::names::ChannelName;

/// What a server takes in one post by default: `PostMessageMaxRunesV2`, 65,535 bytes of up to four to
/// a character, in `server/public/model/post.go` (from memory).
const MAX_TEXT: usize = 16_383;

/// A title that is longer is read by nobody, and so is small print; both are shown whole.
const MAX_TITLE: usize = 300;
const MAX_FOOTER: usize = 300;

/// A value that is longer makes the table of the fields unreadable.
const FIELDS: FieldLimits = FieldLimits {
    count: 30,
    name: 200,
    value: 2_000,
    total: 10_000,
};

/// Some forty people; a message to more is one to everybody.
const MAX_MENTIONS: usize = 1_000;

/// An address that is longer leads nowhere that a person would want to go.
const MAX_LINK: usize = 2_048;

/// A notice on a telephone shows no more of the text that stands for an attachment.
const MAX_FALLBACK: usize = 300;

/// The settings of a channel of the kind `mattermost`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The webhook's URL. Its path holds the key.
    url: TextSetting,
    /// The name that messages bear, where the server allows that.
    username: Option<String>,
    /// The URL of their picture.
    icon_url: Option<String>,
    /// The emoji that is their picture, such as `:rocket:`. Wins over `icon_url`.
    icon_emoji: Option<String>,
    /// The channel they go to, instead of the webhook's own.
    channel: Option<String>,
}

impl Settings for Config {
    /// A server has a limit for its whole interface, and none for a webhook.
    const QUOTAS: &'static [Quota] = &[];

    fn check_person(address: &str) -> Result<(), &'static str> {
        match is_user_name(address) {
            true => Ok(()),
            false => Err("write the user name, such as \"ada\""),
        }
    }

    fn open(
        &self,
        _name: &ChannelName,
        context: &Context<'_>,
    ) -> Result<Box<dyn Notifier>, SettingError> {
        let url = self.url.read("url", context.secrets)?;
        Ok(Box::new(Mattermost {
            client: Client::open(&url, &[], context)?,
            config: self.clone(),
        }))
    }
}

/// A channel of the kind `mattermost`.
struct Mattermost {
    client: Client,
    config: Config,
}

#[async_trait]
impl Notifier for Mattermost {
    fn place(&self) -> &str {
        self.client.origin()
    }

    async fn send(&self, message: &Message<'_>, _key: &str) -> Result<Sent, Problem> {
        let answer = self.client.post(Post::json(&self.post(message))?).await?;
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
        if answer.status.is_success() {
            return Err(self.client.not_taken(answer, "ok"));
        }
        let failure: Option<Failure> = answer.json();
        let message = failure.map_or(text, |failure| failure.message);
        Err(self.client.refused(answer, &message))
    }

    fn post<'a>(&'a self, message: &Message<'a>) -> Body<'a> {
        let mentions = mentions(message.mentions());
        let (text, attachments) = if message.is_plain() {
            // The mentions come first, so that a text that is cut does not lose them.
            let head = mentions.map(|line| line + "\n").unwrap_or_default();
            let room = MAX_TEXT.saturating_sub(head.chars().count());
            (Some(head + &rendered(&message.text(), room)), Vec::new())
        } else {
            (mentions, vec![attachment(message)])
        };
        Body {
            text,
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
struct Body<'a> {
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

fn attachment<'a>(message: &Message<'a>) -> Attachment<'a> {
    let link = message.link().filter(|link| link.len() <= MAX_LINK);
    // A link needs a title to stand on.
    let title = message.title().or(message.link());
    let text = rendered(&message.text(), MAX_TEXT);
    let fallback = title.or_else(|| text.lines().next());
    let fields = Fields::within(message.fields(), &FIELDS, plain, &CommonMark);
    let more = fields.more().map(|more| AttachmentField {
        short: false,
        title: more,
        value: String::new(),
    });
    let shown = fields.shown.into_iter().map(|field| AttachmentField {
        short: field.short,
        title: field.name,
        value: field.value,
    });
    Attachment {
        fallback: line(fallback.unwrap_or_default(), plain, MAX_FALLBACK),
        color: color::hex(message.notification()),
        // Only a title that leads nowhere is read as Markdown: `message_attachment.tsx` of
        // https://github.com/mattermost/mattermost, in `webapp/channels/src/components/post_view`.
        title: title.map(|title| match link {
            Some(_) => line(title, plain, MAX_TITLE),
            None => line(title, |title| CommonMark.text(title), MAX_TITLE),
        }),
        title_link: link,
        fields: shown.chain(more).collect(),
        footer: message
            .footer()
            .map(|footer| line(footer, plain, MAX_FOOTER)),
        text,
    }
}

fn rendered(text: &Document, limit: usize) -> String {
    let fits = |text: &str| text.chars().count() <= limit;
    text.within(|text| render(text, &CommonMark), fits)
}

/// A text in which Mattermost reads no mark, and which mentions nobody all the same.
fn plain(text: &str) -> String {
    harmless(text)
}

/// Whether a text is the name of a user, who may be of another server: `server/public/model/user.go` of
/// <https://github.com/mattermost/mattermost>.
fn is_user_name(name: &str) -> bool {
    let name = name.trim_start_matches('@');
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
    (1..=64).contains(&name.len()) && name.chars().all(is_of_name)
}

/// The line that mentions: everybody in the channel, and people by the names that the operator gave them; others
/// stand in it as text.
fn mentions(mentions: &[Mention<'_>]) -> Option<String> {
    let written = notified_first(mentions)
        .into_iter()
        .map(|mention| match mention {
            Mention::Everybody => "@channel".to_owned(),
            Mention::Person { address, .. } => {
                format!("@{}", one_line(address.trim_start_matches('@')))
            }
            Mention::Unknown { name } => room::name(name, |name| CommonMark.text(name)),
        });
    let line = joined(written, MAX_MENTIONS);
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
pub(super) const CONTRACT: Contract = Contract::Http(HttpContract {
    settings: |base| serde_json::json!({ "url": format!("{base}/hooks/s3cr3tk3y?a=b") }),
    person: "ada",
    texts: Texts::Rendered,
    taken: Reply::new("200 OK", "ok"),
    fits: |request| {
        let body = request.json();
        let texts = [&body["text"], &body["attachments"][0]["text"]];
        let fits = |text: &str| text.chars().count() <= MAX_TEXT;
        texts.iter().all(|text| text.as_str().is_none_or(fits))
    },
    answers: &[
        Answered {
            reply: Reply::new("200 OK", "<html>Log in</html>"),
            meaning: Meaning::Passing(None),
            text: "but not `ok`: <html>Log in</html>",
        },
        Answered {
            reply: Reply::new(
                "400 Bad Request",
                r#"{"id":"web.incoming_webhook.parse.app_error","message":"Unable to parse incoming data","status_code":400}"#,
            ),
            meaning: Meaning::Permanent,
            text: "answered 400 bad request: Unable to parse incoming data",
        },
        Answered {
            reply: Reply::new(
                "404 Not Found",
                r#"{"id":"web.incoming_webhook.invalid.app_error","message":"Invalid webhook","status_code":404}"#,
            ),
            meaning: Meaning::Permanent,
            text: "Invalid webhook",
        },
    ],
});
