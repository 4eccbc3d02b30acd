//! ntfy, by a message to a topic.
//!
//! A notification has a title, a text, a priority, emoji that stand for its severity, and an address that opens
//! when it is touched. Fields and small print stand below the text. ntfy knows no mentions: names stand in the text.
//! <https://docs.ntfy.sh/publish/#publish-as-json>
//!
//! Invariants:
//! - A message is no longer than what ntfy shows as one; a longer one would become a file.
//! - A retry replaces what its first attempt may have left behind, where the server knows how.

use std::time::Duration;

use ::http::header::AUTHORIZATION;
use ::http::{HeaderValue, StatusCode};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::client::{Answer, Client, Post};
#[cfg(test)]
use super::contract::{Answered, Contract, HttpContract, Meaning, Reply, Texts};
use super::dialect::{Dialect, Plain};
use super::error::{Problem, SettingError};
use super::people::Mention;
use super::sheet::{Page, Sheet};
use super::text::{cut, harmless, one_line};
use super::{Context, Message, Notifier, Quota, Sent, Settings, TextSetting, address};
use crate::domain::decision::Severity;
use crate::domain::names::{ChannelName, Digest};
use crate::domain::secret::{ReadSecret, Secret};

const SERVICE: &str = "https://ntfy.sh";

/// The documentation says 4,096 bytes, and one that is as long becomes a file already: `Peek` in `util/peek.go`
/// takes it for longer. <https://docs.ntfy.sh/publish/#limitations>, <https://github.com/binwiederhier/ntfy>
///
/// Counted as JSON, because the whole body may be twice as long and no longer: `transformBodyJSON` in
/// `server/server.go`.
const MAX_TEXT: usize = 4_095;

/// 250 characters are at most the 1 KB of <https://docs.ntfy.sh/publish/#limitations>, and more than a telephone
/// shows.
const MAX_TITLE: usize = 250;

/// With text and title it leaves the whole body below 8,192 bytes.
const MAX_CLICK: usize = 1_500;

/// The settings of a channel of the kind `ntfy`.
///
/// A person's name here is any text, and stands in the message: ntfy notifies whoever has subscribed to the topic.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The server's address; `https://ntfy.sh` by default.
    url: Option<TextSetting>,
    /// The topic. Whoever knows its name can read it on an open server.
    topic: TextSetting,
    /// An access token: `tk_…`.
    token: Option<TextSetting>,
    /// A user, instead of a token.
    user: Option<String>,
    /// The user's password.
    password: Option<TextSetting>,
    /// The priority of every message, from 1 to 5. By default an error is 5, a warning 4, and anything else 3.
    priority: Option<u8>,
    /// Tags of every message beside that of its severity; one that names an emoji is shown as it.
    #[serde(default)]
    tags: Vec<String>,
    /// Whether messages keep their marks, which the applications for Android and the web show and that for iOS does
    /// not.
    #[serde(default)]
    markdown: bool,
}

impl Settings for Config {
    /// 60 at once, and one more every five seconds; no window of five minutes holds more than 60 then.
    /// <https://docs.ntfy.sh/publish/#limitations>. That `ntfy.sh` takes 250 messages a day from somebody without an
    /// account is no limit of other servers.
    const QUOTAS: &'static [Quota] = &[Quota::new(60, Duration::from_mins(5))];

    fn open(
        &self,
        _name: &ChannelName,
        context: &Context<'_>,
    ) -> Result<Box<dyn Notifier>, SettingError> {
        let topic = self.read_topic(context.secrets)?;
        self.check()?;
        let authorization = self.read_authorization(context.secrets)?;
        let mut secrets = vec![topic.clone()];
        let mut header = None;
        if let Some(authorization) = authorization {
            let mut value = HeaderValue::from_str(authorization.header.expose()).map_err(|_| {
                SettingError::Invalid {
                    key: authorization.key.to_owned(),
                    expected: "it has control characters",
                }
            })?;
            value.set_sensitive(true);
            header = Some(value);
            secrets.extend(authorization.secrets);
        }
        let url = address::path_of(self.url.as_ref(), SERVICE, "/", context.secrets)?;
        if url.expose().ends_with(&format!("/{}/", topic.expose())) {
            return Err(SettingError::Invalid {
                key: "url".to_owned(),
                expected: "write the server's address alone: the topic stands in `topic`",
            });
        }
        Ok(Box::new(Ntfy {
            client: Client::open(&url, &secrets, context)?,
            topic,
            authorization: header,
            config: self.clone(),
        }))
    }
}

/// What a request proves that it may publish with.
struct Authorization {
    key: &'static str,
    header: Secret,
    secrets: Vec<Secret>,
}

impl Config {
    fn read_topic(&self, secrets: &dyn ReadSecret) -> Result<Secret, SettingError> {
        let topic = self.topic.read("topic", secrets)?;
        // https://docs.ntfy.sh/publish/#picking-a-topic
        let is_topic = (1..=64).contains(&topic.expose().len())
            && topic
                .expose()
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        is_topic.then_some(topic).ok_or_else(|| SettingError::Invalid {
            key: "topic".to_owned(),
            expected: "a topic has 1 to 64 letters, digits, `_`, and `-`; the server's address belongs into `url`",
        })
    }

    fn check(&self) -> Result<(), SettingError> {
        let invalid = |key: &str, expected| {
            Err(SettingError::Invalid {
                key: key.to_owned(),
                expected,
            })
        };
        if self
            .priority
            .is_some_and(|priority| !(1..=5).contains(&priority))
        {
            return invalid("priority", "a priority is a number from 1 to 5");
        }
        // https://docs.ntfy.sh/publish/#limitations
        let length: usize = self.tags.iter().map(|tag| tag.len() + 1).sum();
        if length > 400 || self.tags.iter().any(|tag| tag.contains(',')) {
            return invalid(
                "tags",
                "all tags together have at most 400 bytes, and none has a comma",
            );
        }
        Ok(())
    }

    fn read_authorization(
        &self,
        secrets: &dyn ReadSecret,
    ) -> Result<Option<Authorization>, SettingError> {
        match (&self.token, &self.user, &self.password) {
            (None, None, None) => Ok(None),
            (Some(token), None, None) => {
                let token = token.read("token", secrets)?;
                Ok(Some(Authorization {
                    key: "token",
                    header: Secret::new(format!("Bearer {}", token.expose().trim())),
                    secrets: vec![token],
                }))
            }
            (None, Some(user), Some(password)) => {
                let password = password.read("password", secrets)?;
                let encoded = STANDARD.encode(format!("{user}:{}", password.expose()));
                Ok(Some(Authorization {
                    key: "password",
                    header: Secret::new(format!("Basic {encoded}")),
                    secrets: vec![password, Secret::new(encoded)],
                }))
            }
            _ => Err(SettingError::Invalid {
                key: "token".to_owned(),
                expected: "write either `token`, or both `user` and `password`",
            }),
        }
    }
}

/// A channel of the kind `ntfy`.
struct Ntfy {
    client: Client,
    topic: Secret,
    authorization: Option<HeaderValue>,
    config: Config,
}

#[async_trait]
impl Notifier for Ntfy {
    fn place(&self) -> &str {
        self.client.origin()
    }

    async fn send(&self, message: &Message<'_>, key: &str) -> Result<Sent, Problem> {
        let mut post = Post::json(&self.body(message, key)?)?;
        if let Some(authorization) = &self.authorization {
            post.headers.insert(AUTHORIZATION, authorization.clone());
        }
        let answer = self.client.post(post).await?;
        self.judge(&answer)
    }
}

impl Ntfy {
    fn judge(&self, answer: &Answer) -> Result<Sent, Problem> {
        if answer.status.is_success() {
            let taken: Option<Taken> = answer.json();
            return match taken {
                Some(Taken { event, .. }) if event == "message" => Ok(answer.sent()),
                _ => Err(self.client.not_taken(answer, r#""event":"message""#)),
            };
        }
        let failure: Option<Failure> = answer.json();
        let said = failure.map_or_else(|| answer.text(), |failure| failure.error);
        let advice = match answer.status {
            StatusCode::UNAUTHORIZED => "; check `token`, or `user` and `password`",
            StatusCode::FORBIDDEN => {
                "; let the channel's user write to the topic, or set `token`, or `user` and `password`"
            }
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                "; `url` is the address of an ntfy server without a topic"
            }
            _ => "",
        };
        let said = cut(said.trim(), 110) + advice;
        Err(self.client.refused(answer, &said))
    }

    fn body<'a>(&'a self, message: &Message<'a>, key: &str) -> Result<Body<'a>, Problem> {
        let text = match self.config.markdown {
            true => text(message, &Page),
            false => text(message, &Quiet),
        };
        let title = message.title().map(heading);
        // A text that is empty is shown as `triggered`.
        let (title, text) = match (title, text.trim().is_empty(), message.link()) {
            (title, false, _) => (title, text),
            (Some(title), true, _) => (None, title),
            (None, true, Some(link)) => (None, heading(link)),
            (None, true, None) => {
                let reason = "it has neither a title nor a text".to_owned();
                return Err(Problem::Unsendable { reason });
            }
        };
        let tags = message.severity().map(tag).into_iter();
        Ok(Body {
            topic: self.topic.expose(),
            title,
            message: text,
            priority: self
                .config
                .priority
                .or_else(|| message.severity().map(priority)),
            tags: tags
                .chain(self.config.tags.iter().map(String::as_str))
                .collect(),
            click: message.link().filter(|link| length(link) <= MAX_CLICK),
            markdown: self.config.markdown,
            // 64 characters of letters and digits: `sequenceIDRegex` in `server/server.go`.
            sequence_id: Digest::of(key.as_bytes()).hex().to_owned(),
        })
    }
}

/// What ntfy answers when it has taken a message.
#[derive(Deserialize)]
struct Taken {
    event: String,
    #[serde(rename = "id")]
    _id: String,
}

/// What ntfy answers when it has not: `server/errors.go`.
#[derive(Deserialize)]
struct Failure {
    error: String,
}

#[derive(Serialize)]
struct Body<'a> {
    topic: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    click: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    markdown: bool,
    /// A message with the same one replaces the former; servers before 2.16 do not look at it.
    /// <https://docs.ntfy.sh/publish/#updating-deleting-notifications>
    sequence_id: String,
}

/// <https://docs.ntfy.sh/publish/#message-priority>
fn priority(severity: Severity) -> u8 {
    match severity {
        Severity::Info | Severity::Success => 3,
        Severity::Warning => 4,
        Severity::Error => 5,
    }
}

/// The emoji of a severity. <https://docs.ntfy.sh/emojis/>
fn tag(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "information_source",
        Severity::Success => "white_check_mark",
        Severity::Warning => "warning",
        Severity::Error => "x",
    }
}

fn heading(text: &str) -> String {
    harmless(&cut(&one_line(text), MAX_TITLE))
}

fn text(message: &Message<'_>, dialect: &impl Dialect) -> String {
    let sheet = Sheet {
        dialect,
        length,
        limit: MAX_TEXT,
    };
    let mentions = sheet.mentions(message.mentions(), |mention| match mention {
        Mention::Everybody => "all".to_owned(),
        Mention::Person { address: name, .. } | Mention::Unknown { name } => sheet.name(name),
    });
    sheet.write(&mentions, message, None)
}

/// The bytes of a text within JSON, which are never fewer than its own.
fn length(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\t' => 2,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}

/// Text without marks, in which nothing looks like a mention to whatever a server forwards it to.
struct Quiet;

impl Dialect for Quiet {
    fn text(&self, text: &str) -> String {
        harmless(&Plain.text(text))
    }
}

#[cfg(test)]
pub(super) const CONTRACT: Contract = Contract::Http(HttpContract {
    settings: |base| {
        serde_json::json!({
            "url": base, "topic": "s3cr3t-topic-7", "user": "hookbox", "password": "s3cr3tk3y",
        })
    },
    person: "Ada",
    texts: Texts::Rendered,
    taken: Reply::new(
        "200 OK",
        r#"{"id":"xE73Iyuabi","time":1673542291,"event":"message","topic":"x","message":"x"}"#,
    ),
    fits: |request| {
        let body = request.json();
        let message = body["message"].as_str().unwrap_or_default();
        (1..4_096).contains(&message.len()) && request.body.len() < 8_192
    },
    answers: &[
        Answered {
            reply: Reply::new("200 OK", "<html>Log in</html>"),
            meaning: Meaning::Passing(None),
            text: r#"but not `"event":"message"`: <html>Log in</html>"#,
        },
        Answered {
            reply: Reply::new("200 OK", r#"{"healthy":true}"#),
            meaning: Meaning::Passing(None),
            text: "but not",
        },
        Answered {
            reply: Reply::new(
                "401 Unauthorized",
                r#"{"code":40101,"http":401,"error":"unauthorized","link":"https://ntfy.sh/docs/publish/#authentication"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "answered 401 unauthorized: unauthorized; check `token`, or `user` and `password`",
        },
        Answered {
            reply: Reply::new(
                "403 Forbidden",
                r#"{"code":40301,"http":403,"error":"forbidden for s3cr3t-topic-7"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "forbidden for …; let the channel's user write to the topic",
        },
        Answered {
            reply: Reply::new(
                "400 Bad Request",
                r#"{"code":40057,"http":400,"error":"invalid request: title too long"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "answered 400 bad request: invalid request: title too long",
        },
        Answered {
            reply: Reply::new(
                "413 Payload Too Large",
                r#"{"code":41303,"http":413,"error":"JSON body too large"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "JSON body too large",
        },
        Answered {
            reply: Reply::new(
                "429 Too Many Requests",
                r#"{"code":42908,"http":429,"error":"limit reached: daily message quota reached"}"#,
            ),
            meaning: Meaning::Passing(None),
            text: "limit reached: daily message quota reached",
        },
        Answered {
            reply: Reply::new(
                "404 Not Found",
                r#"{"code":40401,"http":404,"error":"page not found"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "`url` is the address of an ntfy server without a topic",
        },
    ],
});
