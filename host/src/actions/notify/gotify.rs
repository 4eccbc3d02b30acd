//! Gotify, by a message of an application.
//!
//! A message has a title, a text of Markdown, a priority, and an address that opens when its notification is
//! touched. Fields, the address, and small print stand below the text; the severity is a sign before the title.
//! Gotify knows no mentions: names stand in the text.
//! <https://gotify.net/docs/pushmsg>, <https://gotify.net/docs/msgextras>
//!
//! Invariants:
//! - No text of a stranger makes a client load a picture.

use ::http::{HeaderName, HeaderValue, StatusCode};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::client::{Answer, Client, Post};
#[cfg(test)]
use super::contract::{Answered, Contract, HttpContract, Meaning, Reply, Texts};
use super::dialect::Dialect as _;
use super::error::{Problem, SettingError};
use super::people::Mention;
use super::sheet::{Page, Sheet, sign};
use super::text::{cut, harmless, one_line};
use super::{Context, Message, Notifier, Quota, Sent, Settings, TextSetting, address};
use crate::domain::decision::Severity;
use crate::domain::names::ChannelName;

const KEY: HeaderName = HeaderName::from_static("x-gotify-key");

/// The bytes of a column of the type `text` on `MySQL`, which refuses more; other databases take any length.
/// <https://github.com/gotify/server/blob/master/model/message.go>,
/// <https://dev.mysql.com/doc/refman/8.4/en/storage-requirements.html>
const MAX_TEXT: usize = 65_535;

/// A notification shows no more of a title.
const MAX_TITLE: usize = 250;

/// An address that is longer leads nowhere that a person would want to go.
const MAX_LINK: usize = 2_048;

/// The settings of a channel of the kind `gotify`.
///
/// A person's name here is any text, and stands in the message: Gotify notifies whoever owns the application.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The server's address.
    url: TextSetting,
    /// The token of an application, not that of a client.
    token: TextSetting,
    /// The priority of every message, from 0 to 10. By default an error is 8, a warning 5, anything else with a
    /// severity 4, and without one the application's own counts.
    priority: Option<u8>,
}

impl Settings for Config {
    /// A server of one's own has no limit.
    const QUOTAS: &'static [Quota] = &[];

    fn open(
        &self,
        _name: &ChannelName,
        context: &Context<'_>,
    ) -> Result<Box<dyn Notifier>, SettingError> {
        let invalid = |key: &str, expected| SettingError::Invalid {
            key: key.to_owned(),
            expected,
        };
        if self.priority.is_some_and(|priority| priority > 10) {
            return Err(invalid("priority", "a priority is a number from 0 to 10"));
        }
        let token = self.token.read("token", context.secrets)?;
        let mut key = HeaderValue::from_str(token.expose().trim())
            .map_err(|_| invalid("token", "it has control characters"))?;
        key.set_sensitive(true);
        let url = address::path_of(Some(&self.url), "", "/message", context.secrets)?;
        Ok(Box::new(Gotify {
            client: Client::open(&url, &[token], context)?,
            key,
            priority: self.priority,
        }))
    }
}

/// A channel of the kind `gotify`.
struct Gotify {
    client: Client,
    key: HeaderValue,
    priority: Option<u8>,
}

#[async_trait]
impl Notifier for Gotify {
    fn place(&self) -> &str {
        self.client.origin()
    }

    async fn send(&self, message: &Message<'_>, _key: &str) -> Result<Sent, Problem> {
        let mut post = Post::json(&self.body(message)?)?;
        post.headers.insert(KEY, self.key.clone());
        let answer = self.client.post(post).await?;
        self.judge(&answer)
    }
}

impl Gotify {
    fn judge(&self, answer: &Answer) -> Result<Sent, Problem> {
        if answer.status.is_success() {
            return match answer.json::<Taken>() {
                Some(_) => Ok(answer.sent()),
                None => Err(self.client.not_taken(answer, r#""appid""#)),
            };
        }
        let failure: Option<Failure> = answer.json();
        let said = failure.map_or_else(|| answer.text(), |failure| failure.description);
        let advice = match answer.status {
            StatusCode::UNAUTHORIZED => "; check `token`",
            StatusCode::FORBIDDEN => "; `token` is that of an application, not that of a client",
            StatusCode::NOT_FOUND => {
                "; `url` is the address of a Gotify server, without `/message`"
            }
            _ => "",
        };
        let said = cut(said.trim(), 120) + advice;
        Err(self.client.refused(answer, &said))
    }

    fn body<'a>(&self, message: &Message<'a>) -> Result<Body<'a>, Problem> {
        let text = text(message);
        let heading = |title: &str| heading(title, message.severity());
        // Gotify refuses a message without a text. An address that is too long for a link is shown by its beginning.
        let alone = message.title().or(message.link());
        let (title, text) = match (alone, text.is_empty()) {
            (_, false) => (message.title().map(heading), text),
            (Some(title), true) => (None, Page.text(&heading(title))),
            (None, true) => {
                let reason = "it has neither a title nor a text".to_owned();
                return Err(Problem::Unsendable { reason });
            }
        };
        let click = link(message).map(|url| Notification {
            click: Click { url },
        });
        Ok(Body {
            title,
            message: text,
            priority: self.priority.or_else(|| message.severity().map(priority)),
            extras: Extras {
                display: Display {
                    content_type: "text/markdown",
                },
                notification: click,
            },
        })
    }
}

/// What Gotify answers when it has taken a message.
#[derive(Deserialize)]
struct Taken {
    #[serde(rename = "appid")]
    _application: u64,
}

/// What Gotify answers when it has not. <https://github.com/gotify/server/blob/master/model/error.go>
#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "errorDescription")]
    description: String,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
    extras: Extras<'a>,
}

/// <https://gotify.net/docs/msgextras>
#[derive(Serialize)]
struct Extras<'a> {
    #[serde(rename = "client::display")]
    display: Display,
    #[serde(
        rename = "client::notification",
        skip_serializing_if = "Option::is_none"
    )]
    notification: Option<Notification<'a>>,
}

#[derive(Serialize)]
struct Display {
    #[serde(rename = "contentType")]
    content_type: &'static str,
}

#[derive(Serialize)]
struct Notification<'a> {
    click: Click<'a>,
}

#[derive(Serialize)]
struct Click<'a> {
    url: &'a str,
}

/// From 4 on there is a sound, and from 8 on the telephone vibrates.
/// <https://github.com/gotify/android#message-priorities>
fn priority(severity: Severity) -> u8 {
    match severity {
        Severity::Info | Severity::Success => 4,
        Severity::Warning => 5,
        Severity::Error => 8,
    }
}

fn heading(title: &str, severity: Option<Severity>) -> String {
    let title = harmless(&cut(&one_line(title), MAX_TITLE));
    match severity {
        Some(severity) => format!("{} {title}", sign(severity)),
        None => title,
    }
}

fn link<'a>(message: &Message<'a>) -> Option<&'a str> {
    message.link().filter(|link| link.len() <= MAX_LINK)
}

fn text(message: &Message<'_>) -> String {
    let sheet = Sheet {
        dialect: &Page,
        length: str::len,
        limit: MAX_TEXT,
    };
    let mentions = sheet.mentions(message.mentions(), |mention| match mention {
        Mention::Everybody => "all".to_owned(),
        Mention::Person { address: name, .. } | Mention::Unknown { name } => sheet.name(name),
    });
    // Without a title the sign has no better place.
    let sign = message
        .severity()
        .filter(|_| message.title().is_none())
        .map(sign);
    let head: Vec<&str> = sign.into_iter().chain([mentions.as_str()]).collect();
    sheet.write(head.join(" ").trim(), message, link(message))
}

#[cfg(test)]
pub(super) const CONTRACT: Contract = Contract::Http(HttpContract {
    settings: |base| serde_json::json!({ "url": base, "token": "As3cr3tk3y" }),
    person: "Ada",
    texts: Texts::Rendered,
    taken: Reply::new("200 OK", r#"{"id":25,"appid":5,"message":"x"}"#),
    fits: |request| {
        let body = request.json();
        let message = body["message"].as_str().unwrap_or_default();
        (1..=65_535).contains(&message.len())
    },
    answers: &[
        Answered {
            reply: Reply::new("200 OK", "<html>Log in</html>"),
            meaning: Meaning::Passing(None),
            text: r#"but not `"appid"`: <html>Log in</html>"#,
        },
        Answered {
            reply: Reply::new(
                "401 Unauthorized",
                r#"{"error":"Unauthorized","errorCode":401,"errorDescription":"you need to provide a valid access token or user credentials to access this api"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "answered 401 unauthorized: you need to provide a valid access token or user credentials to access this api; check `token`",
        },
        Answered {
            reply: Reply::new(
                "403 Forbidden",
                r#"{"error":"Forbidden","errorCode":403,"errorDescription":"you are not allowed to access this api"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "`token` is that of an application",
        },
        Answered {
            reply: Reply::new(
                "400 Bad Request",
                r#"{"error":"Bad Request","errorCode":400,"errorDescription":"Field 'message' is required"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "answered 400 bad request: Field '…' is required",
        },
        Answered {
            reply: Reply::new("404 Not Found", "404 page not found As3cr3tk3y"),
            meaning: Meaning::Permanent,
            text: "404 page not found …; `url` is the address of a Gotify server",
        },
    ],
});
