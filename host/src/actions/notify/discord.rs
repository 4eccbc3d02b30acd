//! Discord, by a webhook.
//!
//! A text alone is a plain message; one with more, or one that is too long for that, is an embed.
//! <https://docs.discord.com/developers/resources/webhook#execute-webhook>
//!
//! Invariants:
//! - `allowed_mentions` names exactly those whom the message mentions, whatever its texts hold.
//! - Mentions stand in the content, since an embed notifies nobody, and are not cut with the text.
//! - Only a message that Discord has saved is a success: `wait` is set, without which it answers before that.

use std::time::Duration;

use ::http::StatusCode;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::{Answer, Client, Post};
#[cfg(test)]
use super::contract::{Answered, Contract, HttpContract, Meaning, Reply, Texts};
use super::dialect::render;
use super::error::{Problem, SettingError, Verdict};
use super::room::units;
use super::{Context, Message, Notifier, Quota, Sent, Settings, TextSetting};
use crate::domain::names::ChannelName;
use crate::domain::secret::Secret;

mod dialect;
mod embed;
mod mentions;

use dialect::is_web;
use embed::{Embed, MAX_LINK};
use mentions::{AllowedMentions, Mentions};

/// The content: <https://docs.discord.com/developers/resources/webhook#execute-webhook>.
const MAX_CONTENT: usize = 2_000;

/// A name of a webhook: <https://docs.discord.com/developers/resources/webhook#create-webhook>.
const MAX_USERNAME: usize = 80;

/// The longest wait that an answer may ask for: a mistaken number must not hold a message for ever.
const MAX_WAIT: Duration = Duration::from_hours(24);

/// The settings of a channel of the kind `discord`.
///
/// `[people]`: a user ID, such as `80351110224678912` ("Copy User ID" in developer mode), or `&` and a role ID.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The webhook's URL. Its path holds the key; `?thread_id=…` leads into a thread.
    url: TextSetting,
    /// The name that messages bear, instead of the webhook's own.
    username: Option<String>,
    /// The URL of their picture.
    avatar_url: Option<String>,
}

impl Settings for Config {
    /// Discord documents no number. Its developers name these, for a webhook and for a channel:
    /// <https://github.com/discord/discord-api-docs/issues/367>.
    const QUOTAS: &'static [Quota] = &[
        Quota::new(5, Duration::from_secs(2)),
        Quota::new(30, Duration::from_secs(60)),
    ];

    fn check_person(address: &str) -> Result<(), &'static str> {
        match mentions::mention_of(address).is_some() {
            true => Ok(()),
            false => {
                Err("write a user ID, such as \"80351110224678912\", or `&` and the ID of a role")
            }
        }
    }

    fn open(
        &self,
        _name: &ChannelName,
        context: &Context<'_>,
    ) -> Result<Box<dyn Notifier>, SettingError> {
        self.check()?;
        let url = versioned(&self.url.read("url", context.secrets)?);
        let path = url.expose().split(['?', '#']).next().unwrap_or_default();
        let path = path.trim_end_matches('/');
        // They take the forms of other services: https://docs.discord.com/developers/resources/webhook.
        if path.ends_with("/slack") || path.ends_with("/github") {
            return Err(SettingError::Invalid {
                key: "url".to_owned(),
                expected: "remove `/slack` or `/github` from its end: Hookbox writes messages in Discord's own form",
            });
        }
        Ok(Box::new(Discord {
            client: Client::open(&url, &[], context)?,
            config: self.clone(),
        }))
    }
}

impl Config {
    fn check(&self) -> Result<(), SettingError> {
        let invalid = |key: &str, expected| {
            Err(SettingError::Invalid {
                key: key.to_owned(),
                expected,
            })
        };
        if let Some(username) = &self.username {
            let lower = username.to_lowercase();
            if username.trim().is_empty() || units(username) > MAX_USERNAME {
                return invalid("username", "Discord takes 1 to 80 characters");
            }
            if ["discord", "clyde"].iter().any(|word| lower.contains(word)) {
                return invalid(
                    "username",
                    "Discord takes no name with `discord` or `clyde` in it",
                );
            }
        }
        let is_address = |url: &String| is_web(url) && units(url) <= MAX_LINK;
        if self.avatar_url.as_ref().is_some_and(|url| !is_address(url)) {
            return invalid(
                "avatar_url",
                "write the whole URL of a picture, such as \"https://example.org/icon.png\"",
            );
        }
        Ok(())
    }
}

/// A webhook's URL with the version of the interface that this file speaks. Without one Discord takes its oldest, in
/// which waits are milliseconds: <https://docs.discord.com/developers/reference#api-versioning>.
fn versioned(url: &Secret) -> Secret {
    const HOSTS: [&str; 4] = [
        "https://discord.com",
        "https://discordapp.com",
        "https://ptb.discord.com",
        "https://canary.discord.com",
    ];
    let path = |host: &str| {
        url.expose()
            .trim()
            .strip_prefix(host)?
            .strip_prefix("/api/webhooks/")
            .map(|rest| format!("{host}/api/v10/webhooks/{rest}"))
    };
    let versioned = HOSTS.into_iter().find_map(path);
    versioned.map_or_else(|| url.clone(), Secret::new)
}

/// A channel of the kind `discord`.
struct Discord {
    client: Client,
    config: Config,
}

#[async_trait]
impl Notifier for Discord {
    fn place(&self) -> &str {
        self.client.origin()
    }

    async fn send(&self, message: &Message<'_>, _key: &str) -> Result<Sent, Problem> {
        let post = Post {
            query: vec![("wait", "true".to_owned())],
            ..Post::json(&self.body(message))?
        };
        let answer = self.client.post(post).await?;
        self.judge(answer)
    }
}

impl Discord {
    fn judge(&self, mut answer: Answer) -> Result<Sent, Problem> {
        let is_message = || answer.json::<Saved>().is_some();
        match answer.status {
            StatusCode::OK if is_message() => return Ok(answer.sent()),
            StatusCode::NO_CONTENT => return Ok(answer.sent()),
            status if status.is_success() => {
                return Err(self.client.not_taken(&answer, "a message with its id"));
            }
            _ => {}
        }
        let failure: Failure = answer.json().unwrap_or_default();
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            answer.retry_after = failure.wait().or(answer.retry_after).or(reset(&answer));
        }
        let message = failure.message.clone().unwrap_or_else(|| answer.text());
        let is_final =
            answer.status.is_client_error() && answer.status != StatusCode::TOO_MANY_REQUESTS;
        Err(match failure.code.filter(|code| *code != 0 && is_final) {
            Some(code) => {
                let detail = failure.detail().unwrap_or_default();
                let parts = [message.as_str(), advice(code), &detail];
                let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                self.client.coded(code, &parts.join(": "), verdict(code))
            }
            None => self.client.refused(&answer, &message),
        })
    }

    fn body(&self, message: &Message<'_>) -> Body<'_> {
        let mentions = Mentions::of(message.mentions());
        let (content, embeds) = match message.is_plain() {
            true => {
                let text = render(&message.text(), &dialect::Discord);
                let text = [mentions.line.as_str(), &text]
                    .map(str::trim_end)
                    .join("\n");
                let text = text.trim_start_matches('\n').to_owned();
                match units(&text) <= MAX_CONTENT {
                    true => (text, Vec::new()),
                    false => (mentions.line, vec![Embed::of(message)]),
                }
            }
            false => (mentions.line, vec![Embed::of(message)]),
        };
        Body {
            content: Some(content).filter(|content| !content.is_empty()),
            username: self.config.username.as_deref(),
            avatar_url: self.config.avatar_url.as_deref(),
            embeds,
            allowed_mentions: mentions.allowed,
        }
    }
}

/// The part of a saved message by which it is known.
#[derive(Deserialize)]
struct Saved {
    #[serde(rename = "id")]
    _id: String,
}

/// What Discord answers when it does not take a message.
#[derive(Deserialize, Default)]
struct Failure {
    code: Option<u32>,
    message: Option<String>,
    /// Seconds, with decimals.
    retry_after: Option<f64>,
    /// Which part of the message is wrong, as deep as that part lies.
    errors: Option<Value>,
}

impl Failure {
    fn wait(&self) -> Option<Duration> {
        seconds(self.retry_after?)
    }

    /// The first part of the message that is wrong, and why.
    fn detail(&self) -> Option<String> {
        let mut part = self.errors.as_ref()?;
        let mut path: Vec<&str> = Vec::new();
        loop {
            let fields = part.as_object()?;
            if let Some(errors) = fields.get("_errors") {
                let reason = errors[0]["message"].as_str()?;
                return Some(format!("`{}`: {reason}", path.join(".")));
            }
            let (name, inner) = fields.iter().next()?;
            path.push(name);
            part = inner;
        }
    }
}

fn seconds(seconds: f64) -> Option<Duration> {
    let wait = Duration::try_from_secs_f64(seconds).ok()?;
    Some(wait.min(MAX_WAIT))
}

/// When the bucket of the route is full again, by its header.
fn reset(answer: &Answer) -> Option<Duration> {
    let after = answer.headers.get("x-ratelimit-reset-after")?;
    seconds(after.to_str().ok()?.trim().parse().ok()?)
}

/// What an error means, by <https://docs.discord.com/developers/topics/opcodes-and-status-codes#json>: the limits of
/// a channel, a server or a resource pass.
fn verdict(code: u32) -> Verdict {
    match code {
        20_016 | 20_022 | 20_028 | 20_029 | 40_004 | 40_006 | 40_062 | 130_000 => {
            Verdict::Passing { after: None }
        }
        _ => Verdict::Permanent,
    }
}

/// What to do about an error that an operator can do something about; may be empty.
fn advice(code: u32) -> &'static str {
    match code {
        10_003 | 10_015 | 50_027 => "make a new webhook and put its address into `url`",
        40_333 => "Discord's shield does not let this server through: ask whoever runs its network",
        220_001 => "the channel is a forum: add `?thread_id=…` to `url`",
        _ => "",
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    embeds: Vec<Embed>,
    allowed_mentions: AllowedMentions,
}

#[cfg(test)]
pub(super) const CONTRACT: Contract = Contract::Http(HttpContract {
    settings: |base| serde_json::json!({ "url": format!("{base}/api/webhooks/223704706495545344/s3cr3tk3y") }),
    person: "80351110224678912",
    texts: Texts::Rendered,
    taken: Reply::new("200 OK", r#"{"id":"1","content":"x"}"#),
    fits: |request| super::tests::discord::fits(&request.json()),
    answers: &[
        Answered {
            reply: Reply::new("204 No Content", ""),
            meaning: Meaning::Taken,
            text: "",
        },
        Answered {
            reply: Reply::new("200 OK", "<html>Log in</html>"),
            meaning: Meaning::Passing(None),
            text: "but not `a message with its id`: <html>Log in</html>",
        },
        Answered {
            reply: Reply::new(
                "404 Not Found",
                r#"{"message":"Unknown Webhook","code":10015}"#,
            ),
            meaning: Meaning::Permanent,
            text: "the error 10015: Unknown Webhook: make a new webhook and put its address into `url`",
        },
        Answered {
            reply: Reply::new(
                "401 Unauthorized",
                r#"{"message":"Invalid Webhook Token","code":50027}"#,
            ),
            meaning: Meaning::Permanent,
            text: "make a new webhook",
        },
        Answered {
            reply: Reply::new(
                "400 Bad Request",
                r#"{"code":50035,"message":"Invalid Form Body","errors":{"embeds":{"0":{"fields":{"6":{"value":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH","message":"Must be 1024 or fewer in length."}]}}}}}}}"#,
            ),
            meaning: Meaning::Permanent,
            text: "Invalid Form Body: `embeds.0.fields.6.value`: Must be 1024 or fewer in length.",
        },
        Answered {
            reply: Reply::new(
                "400 Bad Request",
                r#"{"code":0,"message":"400: Bad Request"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "answered 400 bad request: 400: Bad Request",
        },
        Answered {
            reply: Reply::new(
                "400 Bad Request",
                r#"{"message":"Webhooks posted to forum channels must have a thread_name or thread_id","code":220001}"#,
            ),
            meaning: Meaning::Permanent,
            text: "add `?thread_id=…` to `url`",
        },
        Answered {
            reply: Reply::new(
                "403 Forbidden",
                r#"{"message":"The write action you are performing on the channel has hit the write rate limit","code":20028}"#,
            ),
            meaning: Meaning::Passing(None),
            text: "write rate limit",
        },
        Answered {
            reply: Reply {
                headers: "Retry-After: 65\r\nX-RateLimit-Reset-After: 64.57\r\n",
                ..Reply::new(
                    "429 Too Many Requests",
                    r#"{"message":"You are being rate limited.","retry_after":64.57,"global":false}"#,
                )
            },
            meaning: Meaning::Passing(Some(64)),
            text: "You are being rate limited.",
        },
        Answered {
            reply: Reply {
                headers: "Retry-After: 600\r\n",
                ..Reply::new("429 Too Many Requests", "error code: 1015")
            },
            meaning: Meaning::Passing(Some(600)),
            text: "error code: 1015",
        },
        Answered {
            reply: Reply {
                headers: "X-RateLimit-Reset-After: 2.5\r\n",
                ..Reply::new("429 Too Many Requests", "")
            },
            meaning: Meaning::Passing(Some(2)),
            text: "429",
        },
        Answered {
            reply: Reply::new(
                "429 Too Many Requests",
                r#"{"message":"x","retry_after":1e300}"#,
            ),
            meaning: Meaning::Passing(None),
            text: "429",
        },
    ],
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_webhooks_of_discord_itself_are_asked_in_a_version() {
        for (url, expected) in [
            (
                "https://discord.com/api/webhooks/1/x?thread_id=7",
                "https://discord.com/api/v10/webhooks/1/x?thread_id=7",
            ),
            (
                "https://discord.com/api/v9/webhooks/1/x",
                "https://discord.com/api/v9/webhooks/1/x",
            ),
            (
                "https://relay.example.org/api/webhooks/1/x",
                "https://relay.example.org/api/webhooks/1/x",
            ),
        ] {
            assert_eq!(versioned(&Secret::new(url)).expose(), expected);
        }
    }
}
