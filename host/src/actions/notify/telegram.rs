//! Telegram, by a bot that sends to a chat.
//!
//! Telegram has neither attachments nor colours: a message is a text in which bold, links, code, and quotations
//! stand, so the parts of a message are written one below the other, and its severity is a sign before the title.
//! <https://core.telegram.org/bots/api#sendmessage>
//!
//! Invariants:
//! - Only the line of mentions, written here, mentions anybody. Telegram has no mention of everybody: `all` stands
//!   there as text.
//! - What is sent is HTML that Telegram takes: every tag is closed, and none is unknown. Where there are more marks
//!   than it takes, those of the text are left out, addresses first.

use std::time::Duration;

use ::http::StatusCode;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use self::html::{Html, escaped, size_of_marks, units};
use super::client::{Answer, Client, Post};
#[cfg(test)]
use super::contract::{Answered, Contract, HttpContract, Meaning, Reply, Texts};
use super::dialect::Dialect as _;
use super::error::{Problem, SettingError, Verdict};
use super::people::Mention;
use super::sheet::{Sheet, sign};
use super::text::{cut, one_line};
use super::{Context, Message, Notifier, Quota, Sent, Settings, TextSetting, address};
use crate::domain::names::ChannelName;
use crate::domain::secret::{ReadSecret, Secret};

mod html;

const SERVICE: &str = "https://api.telegram.org";

/// The length of a message after its tags and references were read, in UTF-16 units, by which Telegram counts.
/// <https://core.telegram.org/bots/api#sendmessage>, <https://core.telegram.org/api/entities#entity-length>
const MAX_TEXT: usize = 4_096;

/// The bytes of all marks together, addresses among them. Telegram documents none, and answers `Entities_too_long`
/// from some 9,500 on: <https://github.com/tdlib/telegram-bot-api/issues/165>.
const MAX_MARKS: usize = 8_000;

/// A title that is longer hides the text on a telephone.
const MAX_TITLE: usize = 256;

/// The longest wait that is believed, as with `Retry-After`.
const MAX_WAIT: Duration = Duration::from_hours(24);

/// The settings of a channel of the kind `telegram`.
///
/// A person's name is the user name without `@`, or the number of the user, under which those are found who have no
/// user name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The bot's token, as `@BotFather` gives it: `123456789:AA…`.
    token: TextSetting,
    /// The chat: its number, negative for a group, or the `@name` of a public one. The bot must be in it.
    chat_id: ChatId,
    /// The topic of a forum.
    thread_id: Option<u64>,
    /// Whether messages come without a sound.
    #[serde(default)]
    silent: bool,
    /// The address of a Bot API server of one's own; `https://api.telegram.org` by default.
    url: Option<TextSetting>,
}

/// A chat as it stands in the settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "`chat_id` is the number of a chat, such as -1001234567890, or the name of a public one, such as \"@name\""
)]
enum ChatId {
    Number(i64),
    Text(TextSetting),
}

impl Settings for Config {
    /// Both are the limits for one group. <https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>
    const QUOTAS: &'static [Quota] = &[
        Quota::new(20, Duration::from_mins(1)),
        Quota::new(1, Duration::from_secs(1)),
    ];

    fn check_person(address: &str) -> Result<(), &'static str> {
        match person("", address).is_some() {
            true => Ok(()),
            false => Err("write the user name, such as \"ada_martin\", or the number of the user"),
        }
    }

    fn open(
        &self,
        _name: &ChannelName,
        context: &Context<'_>,
    ) -> Result<Box<dyn Notifier>, SettingError> {
        let token = self.token.read("token", context.secrets)?;
        let path = format!("/bot{}/sendMessage", read_token(&token)?);
        let url = address::path_of(self.url.as_ref(), SERVICE, &path, context.secrets)?;
        Ok(Box::new(Telegram {
            client: Client::open(&url, &[token], context)?,
            chat: self.chat_id.read(context.secrets)?,
            thread: self.thread_id,
            silent: self.silent,
        }))
    }
}

/// A token is a part of the path, so nothing else may stand in it.
fn read_token(token: &Secret) -> Result<&str, SettingError> {
    let token = token.expose().trim();
    let is_token = token.split_once(':').is_some_and(|(bot, key)| {
        !bot.is_empty()
            && bot.bytes().all(|byte| byte.is_ascii_digit())
            && !key.is_empty()
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    });
    is_token
        .then_some(token)
        .ok_or_else(|| SettingError::Invalid {
            key: "token".to_owned(),
            expected: "a bot's token is a number, a colon, and a key, such as \"123456789:AA…\"",
        })
}

impl ChatId {
    fn read(&self, secrets: &dyn ReadSecret) -> Result<Chat, SettingError> {
        let text = match self {
            Self::Number(number) => return Ok(Chat::Number(*number)),
            Self::Text(text) => text.read("chat_id", secrets)?,
        };
        let text = text.expose().trim();
        if let Ok(number) = text.parse() {
            return Ok(Chat::Number(number));
        }
        let name = text.strip_prefix('@').filter(|name| is_user_name(name));
        let name = name.ok_or_else(|| SettingError::Invalid {
            key: "chat_id".to_owned(),
            expected: "write the number of a chat, such as -1001234567890, or the name of a public one, such as \
                       \"@name\"",
        })?;
        Ok(Chat::Name(format!("@{name}")))
    }
}

/// Four characters at least, and 32 at most; the first is a letter.
fn is_user_name(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (4..=32).contains(&name.len())
        && name.chars().all(is_word)
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// A channel of the kind `telegram`.
struct Telegram {
    client: Client,
    chat: Chat,
    thread: Option<u64>,
    silent: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Chat {
    Number(i64),
    Name(String),
}

#[async_trait]
impl Notifier for Telegram {
    fn place(&self) -> &str {
        self.client.origin()
    }

    async fn send(&self, message: &Message<'_>, _key: &str) -> Result<Sent, Problem> {
        let text = text(message);
        if units(&text) == 0 {
            // Telegram refuses it, and says no more than that.
            let reason = "it has neither a title nor a text".to_owned();
            return Err(Problem::Unsendable { reason });
        }
        let body = Body {
            chat_id: &self.chat,
            message_thread_id: self.thread,
            text,
            parse_mode: "HTML",
            disable_notification: self.silent,
            link_preview_options: Preview { is_disabled: true },
        };
        let answer = self.client.post(Post::json(&body)?).await?;
        self.judge(answer)
    }
}

impl Telegram {
    fn judge(&self, mut answer: Answer) -> Result<Sent, Problem> {
        let Some(reply) = answer.json::<Response>() else {
            return Err(match answer.status.is_success() {
                true => self.client.not_taken(&answer, r#""ok":true"#),
                false => self.client.refused(&answer, &answer.text()),
            });
        };
        if reply.ok && answer.status.is_success() {
            return Ok(answer.sent());
        }
        let text = reply.explained(answer.status);
        if answer.status.is_success() {
            let code = reply.error_code.unwrap_or_default();
            return Err(self.client.coded(code, &text, Verdict::Doubtful));
        }
        let asked = reply.parameters.retry_after.map(Duration::from_secs);
        answer.retry_after = asked.map(|wait| wait.min(MAX_WAIT)).or(answer.retry_after);
        Err(self.client.refused(&answer, &text))
    }
}

/// What Telegram answers. <https://core.telegram.org/bots/api#making-requests>
#[derive(Deserialize)]
struct Response {
    ok: bool,
    error_code: Option<u16>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
}

/// <https://core.telegram.org/bots/api#responseparameters>
#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

impl Response {
    /// The description, with what the operator can do.
    fn explained(&self, status: StatusCode) -> String {
        let said = cut(&one_line(&self.description), 120);
        if let Some(id) = self.parameters.migrate_to_chat_id {
            return format!("{said}; write `chat_id = {id}`");
        }
        let lower = said.to_lowercase();
        let says = |words: &str| lower.contains(words);
        let advice = match status {
            StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => "; check `token`",
            StatusCode::FORBIDDEN => {
                "; add the bot to the chat, or let the person start a chat with it"
            }
            _ if says("chat not found") => "; check `chat_id`, and add the bot to the chat",
            _ if says("thread not found") || says("topic") => "; check `thread_id`",
            _ if says("not enough rights") || says("write_forbidden") => {
                "; let the bot send messages in the chat"
            }
            _ => "",
        };
        said + advice
    }
}

#[derive(Serialize)]
struct Body<'a> {
    chat_id: &'a Chat,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_thread_id: Option<u64>,
    text: String,
    parse_mode: &'static str,
    disable_notification: bool,
    link_preview_options: Preview,
}

/// A preview of a page behind a login shows the login, and hides the message.
#[derive(Serialize)]
struct Preview {
    is_disabled: bool,
}

/// The message with as many of its marks as Telegram takes.
fn text(message: &Message<'_>) -> String {
    let fewer = [Html::Marked, Html::Unlinked].into_iter();
    let mut texts = fewer.map(|dialect| written(message, dialect));
    let fits = |text: &String| size_of_marks(text) <= MAX_MARKS;
    texts
        .find(fits)
        .unwrap_or_else(|| written(message, Html::Bare))
}

fn written(message: &Message<'_>, dialect: Html) -> String {
    let sheet = Sheet {
        dialect: &dialect,
        length: units,
        limit: MAX_TEXT,
    };
    let mentions = sheet.mentions(message.mentions(), |mention| match mention {
        Mention::Everybody => "all".to_owned(),
        Mention::Person { name, address } => {
            person(name, address).unwrap_or_else(|| sheet.name(name))
        }
        Mention::Unknown { name } => sheet.name(name),
    });
    let head: Vec<String> = [heading(message), mentions]
        .into_iter()
        .filter(|line| !line.is_empty())
        .collect();
    sheet.write(&head.join("\n"), message, None)
}

/// The severity as a sign, and the title, which leads where the message does.
fn heading(message: &Message<'_>) -> String {
    let title = message.title().or(message.link()).map(|title| {
        let title = Html::Marked.text(&cut(&one_line(title), MAX_TITLE));
        let title = match message.link() {
            Some(to) => Html::Marked.link(&title, to),
            None => title,
        };
        Html::Marked.strong(&title)
    });
    let sign = message.severity().map(|severity| sign(severity).to_owned());
    let parts: Vec<String> = sign.into_iter().chain(title).collect();
    parts.join(" ")
}

/// A person by the user name or the number that the operator gave; none for what is neither.
fn person(name: &str, address: &str) -> Option<String> {
    let address = address.trim();
    let user_name = address.trim_start_matches('@');
    if is_user_name(user_name) {
        return Some(format!("@{user_name}"));
    }
    let is_number = address.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = address.parse().ok().filter(|_| is_number)?;
    let name = escaped(&cut(&one_line(name), MAX_TITLE));
    // https://core.telegram.org/bots/api#formatting-options
    Some(format!("<a href=\"tg://user?id={number}\">{name}</a>"))
}

/// What is left of a text when Telegram has read its tags and references. Panics where it would refuse the text.
#[cfg(test)]
pub(super) fn seen(html: &str) -> String {
    let mut open = Vec::new();
    let mut seen = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        seen.push_str(before);
        let (tag, after) = tag.split_once('>').expect("the end of a tag");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{html}"),
            None => open.push(tag.split(' ').next().expect("a name")),
        }
        let known = ["a", "b", "i", "s", "code", "pre", "blockquote"];
        assert!(open.iter().all(|name| known.contains(name)), "{html}");
        rest = after;
    }
    seen.push_str(rest);
    assert!(open.is_empty() && !seen.contains('>'), "{html}");
    let seen = seen.replace("&lt;", "<").replace("&gt;", ">");
    seen.replace("&quot;", "\"").replace("&amp;", "&")
}

#[cfg(test)]
pub(super) const CONTRACT: Contract = Contract::Http(HttpContract {
    settings: |base| {
        serde_json::json!({
            "url": base,
            "token": "123456789:s3cr3tk3y-s3cr3tk3y_s3cr3tk3y",
            "chat_id": -1_001_234_567_890_i64,
        })
    },
    person: "ada_martin",
    texts: Texts::Rendered,
    taken: Reply::new("200 OK", r#"{"ok":true,"result":{"message_id":7}}"#),
    fits: |request| {
        let body = request.json();
        body["text"]
            .as_str()
            .is_some_and(|text| seen(text).encode_utf16().count() <= 4_096)
    },
    answers: &[
        Answered {
            reply: Reply::new("200 OK", "<html>Log in</html>"),
            meaning: Meaning::Passing(None),
            text: r#"but not `"ok":true`: <html>Log in</html>"#,
        },
        Answered {
            reply: Reply::new(
                "200 OK",
                r#"{"ok":false,"error_code":400,"description":"Bad Request"}"#,
            ),
            meaning: Meaning::Passing(None),
            text: "answered with the error 400: Bad Request",
        },
        Answered {
            reply: Reply::new(
                "429 Too Many Requests",
                r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}"#,
            ),
            meaning: Meaning::Passing(Some(35)),
            text: "Too Many Requests: retry after 35",
        },
        Answered {
            reply: Reply::new(
                "429 Too Many Requests",
                r#"{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":99999999}}"#,
            ),
            meaning: Meaning::Passing(Some(86_400)),
            text: "Too Many Requests",
        },
        Answered {
            reply: Reply::new(
                "400 Bad Request",
                r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1009876543210}}"#,
            ),
            meaning: Meaning::Permanent,
            text: "upgraded to a supergroup chat; write `chat_id = -1009876543210`",
        },
        Answered {
            reply: Reply::new(
                "400 Bad Request",
                r#"{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "chat not found; check `chat_id`, and add the bot to the chat",
        },
        Answered {
            reply: Reply::new(
                "400 Bad Request",
                r#"{"ok":false,"error_code":400,"description":"Bad Request: message thread not found"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "message thread not found; check `thread_id`",
        },
        Answered {
            reply: Reply::new(
                "400 Bad Request",
                r#"{"ok":false,"error_code":400,"description":"Bad Request: not enough rights to send text messages to the chat"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "let the bot send messages in the chat",
        },
        Answered {
            reply: Reply::new(
                "401 Unauthorized",
                r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "answered 401 unauthorized: Unauthorized; check `token`",
        },
        Answered {
            reply: Reply::new(
                "403 Forbidden",
                r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was kicked from the supergroup chat"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "kicked from the supergroup chat; add the bot to the chat",
        },
        Answered {
            reply: Reply::new(
                "502 Bad Gateway",
                r#"{"ok":false,"error_code":502,"description":"Bad Gateway"}"#,
            ),
            meaning: Meaning::Passing(None),
            text: "answered 502 bad gateway: Bad Gateway",
        },
    ],
});
