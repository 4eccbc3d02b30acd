//! DingTalk, by a custom robot of a group.
//!
//! A text alone is a text message; everything else is a message in DingTalk's Markdown, which has headings, bold
//! and italic text, links, lists, and quotations, and shows a color by `<font>`. What it does not have (code,
//! tables, strikethrough) is written so that it can be read.
//! <https://open.dingtalk.com/document/orgapp/custom-robot-access>
//!
//! Invariants:
//! - Nobody is mentioned but by `at`, and whom it names stands in the text as well, without which DingTalk
//!   notifies nobody of a Markdown message.
//! - A new attempt has a new time and a new signature.
//! - The keyword is in the content of a text message, and in both the title and the text of a Markdown message: the
//!   service's documentation does not say in which it looks.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::client::{Client, Post};
#[cfg(test)]
use super::contract::{Answered, Contract, HttpContract, Meaning, Reply, Texts};
use super::dialect::{CommonMark, Dialect, Plain, marked, prefixed, render};
use super::error::{Problem, SettingError};
use super::message::value;
use super::people::Mention;
use super::robot::{
    Address, Code, Keyword, Words, errcode, first_joined, fit, heading, judge, known_first, link,
    read_key, signature, tagless, unknown, within, words,
};
use super::text::{cut, harmless, one_line};
use super::{Context, Message, Notifier, Quota, Sent, Settings, TextSetting};
use crate::domain::clock::Clock;
use crate::domain::names::ChannelName;
use crate::domain::secret::Secret;

/// Where the robots of the service itself listen.
const URL: &str = "https://oapi.dingtalk.com/robot/send";

/// What DingTalk takes as a body; beyond it answers 460101, "message too long, exceed 20000 bytes".
/// <https://github.com/timonwong/prometheus-webhook-dingtalk/issues/30>
const MAX_BODY: usize = 20_000;

/// A list of conversations shows no more of a title.
const MAX_TITLE: usize = 64;

/// Bytes of the heading: a longer one pushes the message out of sight.
const MAX_HEADING: usize = 600;

/// Bytes of the small print.
const MAX_FOOTER: usize = 600;

/// Bytes of one field's value.
const MAX_VALUE: usize = 1_000;

/// Bytes of all fields, so that half of a body is left for the text even where JSON escapes each of them.
const MAX_FIELDS: usize = 4_000;

/// Bytes of the line that mentions.
const MAX_MENTIONS: usize = 1_500;

/// How long a robot is shut out after too many messages.
/// <https://open.dingtalk.com/document/orgapp/custom-robot-access>
const SHUT_OUT: Duration = Duration::from_secs(10 * 60);

/// The codes of the service's documentation for this request.
/// <https://open.dingtalk.com/document/orgapp/custom-robot-access>
const CODES: &[Code] = &[
    Code::passing(-1, None, "DingTalk is busy"),
    Code::passing(130_101, Some(SHUT_OUT), "too many messages in a minute"),
    Code::passing(410_100, Some(SHUT_OUT), "too many messages in a minute"),
    Code::permanent(
        310_000,
        "the robot's security settings refuse it; check `keyword`, `sign_key`, this machine's clock and address",
    ),
    Code::permanent(300_001, "check `access_token`"),
    Code::permanent(400_101, "check `access_token`"),
    Code::permanent(
        400_106,
        "check `access_token`, and that the robot is still in its group",
    ),
    Code::permanent(
        400_102,
        "the robot is switched off; switch it on in its group",
    ),
    Code::permanent(
        400_013,
        "the robot's group is dissolved; make a robot in another",
    ),
    Code::permanent(460_101, "the message is too long"),
];

/// The settings of a channel of the kind `dingtalk`.
///
/// In `[people.<name>]`, `dingtalk` is the mobile number that the person uses there (11 digits, or `+852-…`), or
/// the person's user id.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// What follows `access_token=` in the webhook's URL.
    access_token: TextSetting,
    /// The secret of the robot's signature, `SEC…`, where the robot asks for one.
    sign_key: Option<TextSetting>,
    /// One of the robot's keywords, where it has some. Added to messages that do not hold it.
    keyword: Option<String>,
    /// The URL without the token, for a gateway; that of the service by default.
    url: Option<TextSetting>,
}

impl Settings for Config {
    /// 20 messages a minute, else the robot is shut out for ten minutes.
    /// <https://open.dingtalk.com/document/orgapp/custom-robot-access>
    const QUOTAS: &'static [Quota] = &[Quota::new(20, Duration::from_secs(60))];

    fn check_person(address: &str) -> Result<(), &'static str> {
        match Address::of(address).is_some() {
            true => Ok(()),
            false => Err("write the mobile number (11 digits, or `+852-…`), or the user ID"),
        }
    }

    fn open(
        &self,
        _name: &ChannelName,
        context: &Context<'_>,
    ) -> Result<Box<dyn Notifier>, SettingError> {
        let token = read_key(&self.access_token, "access_token", context.secrets)?;
        let sign_key = match &self.sign_key {
            Some(setting) => Some(read_sign_key(&setting.read("sign_key", context.secrets)?)?),
            None => None,
        };
        let url = match &self.url {
            Some(url) => url.read("url", context.secrets)?,
            None => Secret::new(URL),
        };
        if url.expose().contains("access_token=") {
            return Err(SettingError::Invalid {
                key: "url".to_owned(),
                expected: "the token is the setting `access_token`: write the URL without it",
            });
        }
        let secrets: Vec<Secret> = [&token].into_iter().chain(&sign_key).cloned().collect();
        Ok(Box::new(DingTalk {
            client: Client::open(&url, &secrets, context)?,
            token,
            sign_key,
            keyword: Keyword::read(self.keyword.as_deref())?,
            clock: Arc::clone(&context.clock),
        }))
    }
}

fn read_sign_key(text: &Secret) -> Result<Secret, SettingError> {
    let text = text.expose().trim();
    if !text.starts_with("SEC") {
        return Err(SettingError::Invalid {
            key: "sign_key".to_owned(),
            expected: "it does not begin with `SEC`",
        });
    }
    Ok(Secret::new(text))
}

/// A channel of the kind `dingtalk`.
struct DingTalk {
    client: Client,
    token: Secret,
    sign_key: Option<Secret>,
    keyword: Keyword,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Notifier for DingTalk {
    fn place(&self) -> &str {
        self.client.origin()
    }

    async fn send(&self, message: &Message<'_>, _key: &str) -> Result<Sent, Problem> {
        let mut post = Post::json(&self.body(message))?;
        post.query
            .push(("access_token", self.token.expose().to_owned()));
        if let Some(sign_key) = &self.sign_key {
            let time = self.clock.now().0.to_string();
            post.query.push(("sign", sign(sign_key.expose(), &time)?));
            post.query.push(("timestamp", time));
        }
        let answer = self.client.post(post).await?;
        judge(&self.client, &answer, errcode(&answer), CODES, "errcode")
    }
}

/// The signature of a time in milliseconds; the query encodes it, once.
/// <https://open.dingtalk.com/document/orgapp/customize-robot-security-settings>
fn sign(key: &str, time: &str) -> Result<String, Problem> {
    signature(key, &format!("{time}\n{key}"))
}

impl DingTalk {
    fn body(&self, message: &Message<'_>) -> Body {
        let text = message.text();
        if message.is_plain() {
            let mentions = mentions(message.mentions(), &Words);
            return fit(&text, &Words, MAX_BODY, |text| {
                let parts = [mentions.clone(), text].into_iter();
                let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
                Body::Text {
                    text: Content {
                        content: self.keyword.with(parts.join("\n"), "\n"),
                    },
                    at: At::of(message.mentions()),
                }
            });
        }
        let title = self.keyword.with(title(message), " ");
        let mentions = mentions(message.mentions(), &Markdown);
        let (head, fields, footer) = (head(message), fields(message), footer(message));
        fit(&text, &Markdown, MAX_BODY, |text| {
            let parts = [&head, &mentions, &text, &fields, &footer].into_iter();
            let parts: Vec<_> = parts.filter(|part| !part.is_empty()).cloned().collect();
            Body::Markdown {
                markdown: Titled {
                    title: title.clone(),
                    text: self.keyword.with(parts.join("\n\n"), "\n\n###### "),
                },
                at: At::of(message.mentions()),
            }
        })
    }
}

#[derive(Serialize)]
#[serde(tag = "msgtype", rename_all = "lowercase")]
enum Body {
    Text { text: Content, at: At },
    Markdown { markdown: Titled, at: At },
}

#[derive(Serialize)]
struct Content {
    content: String,
}

#[derive(Serialize)]
struct Titled {
    title: String,
    text: String,
}

/// Whom a message notifies.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct At {
    at_mobiles: Vec<String>,
    at_user_ids: Vec<String>,
    is_at_all: bool,
}

impl At {
    fn of(mentions: &[Mention<'_>]) -> Self {
        let mut at = Self::default();
        for mention in mentions {
            match mention {
                Mention::Everybody => at.is_at_all = true,
                Mention::Person { address, .. } => match Address::of(address) {
                    Some(Address::Mobile(mobile)) => at.at_mobiles.push(mobile.to_owned()),
                    Some(Address::User(id)) => at.at_user_ids.push(id.to_owned()),
                    None => {}
                },
                Mention::Unknown { .. } => {}
            }
        }
        at
    }
}

/// The line that mentions: without it a Markdown message notifies nobody.
fn mentions(mentions: &[Mention<'_>], dialect: &impl Dialect) -> String {
    let written = known_first(mentions)
        .into_iter()
        .map(|mention| match mention {
            // As the service itself writes it.
            Mention::Everybody => "@所有人".to_owned(),
            Mention::Person { name, address } => match Address::of(address) {
                Some(Address::Mobile(address) | Address::User(address)) => format!("@{address}"),
                None => unknown(name, dialect),
            },
            Mention::Unknown { name } => unknown(name, dialect),
        });
    first_joined(written, MAX_MENTIONS, " ")
}

/// The title, which stands in the list of conversations and not in the message.
fn title(message: &Message<'_>) -> String {
    let text = render(&message.text(), &Plain);
    let title = heading(message).or_else(|| text.lines().next());
    // It must not be empty.
    let title = title.filter(|title| !title.is_empty()).unwrap_or("…");
    cut(&harmless(&one_line(title)), MAX_TITLE)
}

fn head(message: &Message<'_>) -> String {
    let dot = message
        .color()
        .map(|rgb| format!("<font color=\"#{rgb:06x}\">●</font>"));
    let heading = heading(message).map(|heading| within(&words(heading), &Markdown, MAX_HEADING));
    let heading = heading.map(|heading| match link(message) {
        Some(to) => Markdown.link(&heading, to),
        None => heading,
    });
    let parts: Vec<_> = dot.into_iter().chain(heading).collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!("#### {}", parts.join(" ")),
    }
}

fn fields(message: &Message<'_>) -> String {
    let fields = message.fields().iter().map(|field| {
        let name = Markdown.strong(&within(&words(&field.name), &Markdown, MAX_HEADING));
        format!("{name}: {}", within(&value(field), &Markdown, MAX_VALUE))
    });
    first_joined(fields, MAX_FIELDS, Markdown.line_break())
}

fn footer(message: &Message<'_>) -> String {
    let footer = message.footer().unwrap_or_default();
    match within(&words(footer), &Markdown, MAX_FOOTER) {
        footer if footer.is_empty() => footer,
        footer => format!("###### {footer}"),
    }
}

/// DingTalk's Markdown: <https://open.dingtalk.com/document/development/robot-message-type>.
struct Markdown;

impl Dialect for Markdown {
    fn text(&self, text: &str) -> String {
        CommonMark.text(&tagless(text))
    }

    fn strong(&self, inner: &str) -> String {
        CommonMark.strong(inner)
    }

    fn emphasis(&self, inner: &str) -> String {
        marked("*", inner)
    }

    fn strikethrough(&self, inner: &str) -> String {
        format!("\\~\\~{inner}\\~\\~")
    }

    /// Its backticks are text: only some clients know code, and the others would read marks in it.
    fn code(&self, code: &str) -> String {
        self.text(&format!("`{code}`"))
    }

    fn link(&self, inner: &str, to: &str) -> String {
        CommonMark.link(inner, to)
    }

    /// Headings of the first levels are larger than the message's own.
    fn heading(&self, level: u8, inner: &str) -> String {
        CommonMark.heading(level.saturating_add(3).min(6), inner)
    }

    /// A quotation, in which no-break spaces keep the lines' margins.
    fn code_block(&self, _language: Option<&str>, code: &str) -> String {
        let lines = code.lines().map(|line| {
            let text = line.trim_start();
            let margin = "\u{a0}".repeat(line.chars().count() - text.chars().count());
            margin + &self.text(text)
        });
        let lines: Vec<_> = lines.collect();
        prefixed("> ", "> ", &lines.join(self.line_break()))
    }

    fn item(&self, number: Option<u64>) -> String {
        CommonMark.item(number)
    }

    /// The documentation asks for two blanks around a line break.
    fn line_break(&self) -> &'static str {
        "  \n"
    }

    fn soft_break(&self) -> &'static str {
        self.line_break()
    }
}

#[cfg(test)]
pub(super) const CONTRACT: Contract = Contract::Http(HttpContract {
    settings: |base| {
        serde_json::json!({
            "access_token": "s3cr3tt0k3n",
            "sign_key": "SECs3cr3tk3y",
            "url": format!("{base}/robot/send"),
        })
    },
    person: "13800000000",
    texts: Texts::Rendered,
    taken: Reply::new("200 OK", r#"{"errcode":0,"errmsg":"ok"}"#),
    fits: |request| request.body.len() <= MAX_BODY,
    answers: &[
        Answered {
            reply: Reply::new(
                "200 OK",
                r#"{"errcode":310000,"errmsg":"keywords not in content, s3cr3tt0k3n"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "check `keyword`, `sign_key`, this machine's clock and address: keywords not in content, …",
        },
        Answered {
            reply: Reply::new(
                "200 OK",
                r#"{"errcode":300001,"errmsg":"token is not exist"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "answered with the error 300001: check `access_token`: token is not exist",
        },
        Answered {
            reply: Reply::new(
                "200 OK",
                r#"{"errcode":400102,"errmsg":"robot is disabled"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "switch it on",
        },
        Answered {
            reply: Reply::new(
                "200 OK",
                r#"{"errcode":430104,"errmsg":"unsuitable content"}"#,
            ),
            meaning: Meaning::Passing(None),
            text: "answered with the error 430104: unsuitable content",
        },
        Answered {
            reply: Reply::new("200 OK", r#"{"errcode":-1,"errmsg":"system busy"}"#),
            meaning: Meaning::Passing(None),
            text: "DingTalk is busy",
        },
        // As its gateway answers, before the robot is asked.
        Answered {
            reply: Reply::new(
                "200 OK",
                r#"{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"9f","errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}"#,
            ),
            meaning: Meaning::Passing(Some(600)),
            text: "too many messages in a minute: send too fast",
        },
        Answered {
            reply: Reply {
                headers: "Retry-After: 9\r\n",
                ..Reply::new("200 OK", r#"{"errcode":410100,"errmsg":"too fast"}"#)
            },
            meaning: Meaning::Passing(Some(9)),
            text: "too many messages",
        },
        Answered {
            reply: Reply::new("200 OK", "<html>Log in</html>"),
            meaning: Meaning::Passing(None),
            text: "answered 200 ok, but not `errcode`: <html>Log in</html>",
        },
        Answered {
            reply: Reply::new("403 Forbidden", "SECs3cr3tk3y is not welcome"),
            meaning: Meaning::Permanent,
            text: "answered 403 forbidden: … is not welcome",
        },
        Answered {
            reply: Reply::new("502 Bad Gateway", r#"{"errcode":0,"errmsg":"ok"}"#),
            meaning: Meaning::Passing(None),
            text: "answered 502 bad gateway",
        },
    ],
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_the_signature_holds() {
        let sign = sign("this is secret", "1577262236757").expect("a signature");
        assert_eq!(sign, "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM=");
    }
}
