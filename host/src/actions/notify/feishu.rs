//! Feishu and Lark, by a custom bot of a group.
//!
//! A text alone is a text message, or a post where it has links to follow; everything else is a card of the
//! structure 2.0, whose Markdown is `CommonMark` with tables. The secret signs the time, in the body.
//! <https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot>
//! <https://open.feishu.cn/document/feishu-cards/card-json-v2-structure>
//!
//! Invariants:
//! - Only what is made here for the operator's people is an `at`.
//! - A card has no address that Feishu would refuse it for: one alone and nothing of the card is shown.
//! - The keyword is in a title or a text, where Feishu looks for it, and not in an address.
//! - A new attempt has a new time and a new signature.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Answer, Client, Post};
#[cfg(test)]
use super::contract::{Answered, Contract, HttpContract, Meaning, Reply, Texts};
use super::dialect::Dialect;
use super::error::{Problem, SettingError};
use super::people::Mention;
use super::robot::{
    Address, Code, Keyword, MAX_PARTS, Said, Words, first_joined, fit, judge, known_first,
    signature, tagless, unknown,
};
use super::text::harmless;
use super::{Context, Message, Notifier, Quota, Sent, Settings, TextSetting};
use crate::domain::clock::Clock;
use crate::domain::names::ChannelName;
use crate::domain::secret::Secret;

mod card;
mod markdown;

use card::Card;
use markdown::{Linked, Markdown};

/// The kinds of channels that are one service, so that a person may be named under either.
pub(super) const NAMES: [&str; 2] = ["feishu", "lark"];

/// A body has 20 KB at most: <https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot>.
const MAX_BODY: usize = 20_000;

/// Bytes of the line that mentions.
const MAX_MENTIONS: usize = 1_500;

/// The longest wait that is believed, as with `Retry-After`.
const MAX_WAIT: u64 = 24 * 60 * 60;

/// The codes of the service's documentation for these robots.
/// <https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot>
/// <https://open.feishu.cn/document/server-docs/api-call-guide/frequency-control>
const CODES: &[Code] = &[
    Code::passing(
        11_232,
        None,
        "Feishu takes no more now; it is busiest at full and half hours",
    ),
    Code::passing(99_991_400, None, "too many messages in a minute"),
    Code::permanent(
        9_499,
        "Feishu does not understand the message, or it is too long",
    ),
    Code::permanent(19_001, "check `url`: there is no such robot"),
    Code::permanent(19_021, "check `sign_key`, and the clock of this machine"),
    Code::permanent(
        19_022,
        "add this machine's address to the robot's, or remove the list",
    ),
    Code::permanent(19_024, "set `keyword` to one of the robot's keywords"),
];

/// The settings of a channel of the kind `feishu` or `lark`.
///
/// In `[people.<name>]`, `feishu` (or `lark`) is the open id (`ou_…`) or the user id of a member of the group;
/// a robot of this kind knows people by nothing else. To mention everybody, the group must allow that: a card
/// that does it elsewhere is refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The webhook's URL, of Feishu or of Lark. Its path holds the key.
    url: TextSetting,
    /// The secret of the robot's signature, where the robot asks for one.
    sign_key: Option<TextSetting>,
    /// One of the robot's keywords, where it has some. Added to messages that do not hold it.
    keyword: Option<String>,
}

impl Settings for Config {
    /// 100 messages a minute and 5 a second.
    /// <https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot>
    const QUOTAS: &'static [Quota] = &[
        Quota::new(100, Duration::from_secs(60)),
        Quota::new(5, Duration::from_secs(1)),
    ];

    fn check_person(address: &str) -> Result<(), &'static str> {
        match matches!(Address::of(address), Some(Address::User(_))) {
            true => Ok(()),
            false => Err(
                "write the open ID, such as \"ou_…\", or the user ID: such a robot finds nobody by telephone",
            ),
        }
    }

    fn open(
        &self,
        _name: &ChannelName,
        context: &Context<'_>,
    ) -> Result<Box<dyn Notifier>, SettingError> {
        let invalid = |key: &str, expected| SettingError::Invalid {
            key: key.to_owned(),
            expected,
        };
        let url = self.url.read("url", context.secrets)?;
        if url.expose().contains("/open-apis/bot/hook/") {
            let expected =
                "this is a robot of the first version: make one whose URL has `/bot/v2/hook/`";
            return Err(invalid("url", expected));
        }
        let sign_key = match &self.sign_key {
            Some(setting) => Some(setting.read("sign_key", context.secrets)?),
            None => None,
        };
        let sign_key = sign_key.map(|key| Secret::new(key.expose().trim()));
        if sign_key.as_ref().is_some_and(|key| key.expose().is_empty()) {
            return Err(invalid(
                "sign_key",
                "it is empty: remove it where the robot does not ask for a signature",
            ));
        }
        Ok(Box::new(Feishu {
            client: Client::open(&url, sign_key.as_slice(), context)?,
            sign_key,
            keyword: Keyword::read(self.keyword.as_deref())?,
            clock: Arc::clone(&context.clock),
        }))
    }
}

/// A channel of the kind `feishu` or `lark`.
struct Feishu {
    client: Client,
    sign_key: Option<Secret>,
    keyword: Keyword,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Notifier for Feishu {
    fn place(&self) -> &str {
        self.client.origin()
    }

    async fn send(&self, message: &Message<'_>, _key: &str) -> Result<Sent, Problem> {
        let signed = match &self.sign_key {
            Some(key) => {
                let time = self.clock.now().0.div_euclid(1_000).to_string();
                json!({ "sign": sign(key.expose(), &time)?, "timestamp": time })
            }
            None => json!({}),
        };
        let body = self.body(message, &signed);
        let answer = self.client.post(Post::json(&body)?).await?;
        judge(&self.client, &answer, said(&answer), CODES, "code")
    }
}

/// The signature of a time in seconds: time and secret are its key, and it signs nothing.
/// <https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot>
fn sign(key: &str, time: &str) -> Result<String, Problem> {
    signature(&format!("{time}\n{key}"), "")
}

/// Reads an answer; some have their code under its former name alone.
fn said(answer: &Answer) -> Option<Said> {
    #[derive(Deserialize)]
    struct Reply {
        code: Option<i64>,
        msg: Option<String>,
        #[serde(rename = "StatusCode")]
        former_code: Option<i64>,
        #[serde(rename = "StatusMessage")]
        former_message: Option<String>,
    }
    let reply: Reply = answer.json()?;
    let after = answer.headers.get("x-ogw-ratelimit-reset");
    let after = after.and_then(|seconds| seconds.to_str().ok()?.trim().parse().ok());
    Some(Said {
        code: reply.code.or(reply.former_code)?,
        message: reply.msg.or(reply.former_message).unwrap_or_default(),
        after: after.map(|seconds: u64| Duration::from_secs(seconds.min(MAX_WAIT))),
    })
}

impl Feishu {
    fn body(&self, message: &Message<'_>, signed: &Value) -> Value {
        if message.is_plain() {
            return self.plain(message, signed);
        }
        let card = Card::of(message);
        let dialect = Markdown::for_document(&message.text());
        fit(&message.text(), &dialect, MAX_BODY, |text| {
            let text = match self.keyword.is_in(card.title()) {
                true => text,
                false => self.keyword.with(text, "\n\n"),
            };
            let body = json!({ "msg_type": "interactive", "card": card.with(&text) });
            merged(body, signed)
        })
    }

    /// A text alone.
    fn plain(&self, message: &Message<'_>, signed: &Value) -> Value {
        let text = message.text();
        if !markdown::has_links(&text.0) {
            let mentions = line(message.mentions(), &Words, |id, name| {
                format!("<at user_id=\"{id}\">{}</at>", Words.text(name))
            });
            return fit(&text, &Words, MAX_BODY, |text| {
                // A tag may come about where two pieces of the text meet.
                let text = tagless(&harmless(&text));
                let text = self
                    .keyword
                    .with(joined([mentions.clone(), text], "\n"), "\n");
                merged(
                    json!({ "msg_type": "text", "content": { "text": text } }),
                    signed,
                )
            });
        }
        let mentions = known_first(message.mentions());
        let mentions: Vec<Value> = mentions.iter().take(MAX_PARTS).map(at).collect();
        fit(&text, &Linked, MAX_BODY, |text| {
            let mut lines = markdown::lines(&text);
            let texts = lines
                .iter()
                .flatten()
                .filter_map(|part| part["text"].as_str());
            if !texts.into_iter().any(|text| self.keyword.is_in(text)) {
                lines.push(vec![markdown::text(&self.keyword.with(String::new(), ""))]);
            }
            if !mentions.is_empty() {
                lines.insert(0, mentions.clone());
            }
            let post = json!({ "zh_cn": { "content": lines } });
            merged(
                json!({ "msg_type": "post", "content": { "post": post } }),
                signed,
            )
        })
    }
}

fn merged(mut body: Value, signed: &Value) -> Value {
    for (key, value) in signed.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

fn joined(parts: [String; 2], between: &str) -> String {
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(between)
}

/// The id that an `at` has; none where the operator gave what cannot be one, or nobody is meant.
fn id<'a>(mention: &Mention<'a>) -> Option<&'a str> {
    match mention {
        Mention::Everybody => Some("all"),
        Mention::Person { address, .. } => match Address::of(address)? {
            Address::Mobile(id) | Address::User(id) => Some(id),
        },
        Mention::Unknown { .. } => None,
    }
}

fn name<'a>(mention: &Mention<'a>) -> &'a str {
    match mention {
        Mention::Everybody => "all",
        Mention::Person { name, .. } | Mention::Unknown { name } => name,
    }
}

/// A mention as a part of a post.
fn at(mention: &Mention<'_>) -> Value {
    match id(mention) {
        Some(id) => json!({ "tag": "at", "user_id": id }),
        None => markdown::text(&format!(" {} ", unknown(name(mention), &Words))),
    }
}

/// The line that mentions.
fn line(
    mentions: &[Mention<'_>],
    dialect: &impl Dialect,
    at: impl Fn(&str, &str) -> String,
) -> String {
    let written = known_first(mentions)
        .into_iter()
        .map(|mention| match id(&mention) {
            Some(id) => at(id, name(&mention)),
            None => unknown(name(&mention), dialect),
        });
    first_joined(written, MAX_MENTIONS, " ")
}

#[cfg(test)]
pub(super) const CONTRACT: Contract = Contract::Http(HttpContract {
    settings: |base| json!({ "url": format!("{base}/open-apis/bot/v2/hook/s3cr3t-1d"), "sign_key": "s3cr3tk3y" }),
    person: "ou_18eac85d35a26",
    texts: Texts::Rendered,
    taken: Reply::new(
        "200 OK",
        r#"{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}"#,
    ),
    fits: |request| request.body.len() <= MAX_BODY,
    answers: &[
        Answered {
            reply: Reply::new("200 OK", r#"{"code":19024,"msg":"Key Words Not Found"}"#),
            meaning: Meaning::Permanent,
            text: "answered with the error 19024: set `keyword` to one of the robot's keywords: Key Words Not Found",
        },
        Answered {
            reply: Reply::new(
                "200 OK",
                r#"{"code":19021,"msg":"sign match fail or timestamp is not within one hour from current time"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "check `sign_key`, and the clock of this machine: sign match fail",
        },
        Answered {
            reply: Reply::new("200 OK", r#"{"code":19022,"msg":"Ip Not Allowed"}"#),
            meaning: Meaning::Permanent,
            text: "add this machine's address",
        },
        Answered {
            reply: Reply::new(
                "200 OK",
                r#"{"code":19001,"data":{},"msg":"param invalid: incoming webhook access token invalid s3cr3t-1d"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "check `url`: there is no such robot: param invalid: incoming webhook access token invalid …",
        },
        Answered {
            reply: Reply::new(
                "400 Bad Request",
                r#"{"code":9499,"msg":"Bad Request","data":{}}"#,
            ),
            meaning: Meaning::Permanent,
            text: "answered with the error 9499",
        },
        Answered {
            reply: Reply::new(
                "200 OK",
                r#"{"StatusCode":9499,"StatusMessage":"fail to parse content"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "fail to parse content",
        },
        Answered {
            reply: Reply::new("200 OK", r#"{"code":11232,"msg":"frequency limited"}"#),
            meaning: Meaning::Passing(None),
            text: "Feishu takes no more now",
        },
        Answered {
            reply: Reply {
                headers: "x-ogw-ratelimit-limit: 100\r\nx-ogw-ratelimit-reset: 52\r\n",
                ..Reply::new(
                    "429 Too Many Requests",
                    r#"{"code":99991400,"msg":"request trigger frequency limit"}"#,
                )
            },
            meaning: Meaning::Passing(Some(52)),
            text: "too many messages in a minute",
        },
        Answered {
            reply: Reply {
                headers: "x-ogw-ratelimit-reset: 52\r\n",
                ..Reply::new(
                    "400 Bad Request",
                    r#"{"code":99991400,"msg":"frequency limit"}"#,
                )
            },
            meaning: Meaning::Passing(Some(52)),
            text: "too many messages in a minute",
        },
        Answered {
            reply: Reply::new(
                "200 OK",
                r#"{"code":19002,"msg":"params error, msg_type need"}"#,
            ),
            meaning: Meaning::Passing(None),
            text: "answered with the error 19002: params error",
        },
        Answered {
            reply: Reply::new("200 OK", "<html>Log in</html>"),
            meaning: Meaning::Passing(None),
            text: "answered 200 ok, but not `code`: <html>Log in</html>",
        },
    ],
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_signature_hold() {
        for (time, expected) in [
            ("1599360473", "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="),
            ("100", "jquNHnVOwmDRfw+vqTIrY5dooJAgi5EcRtLsQE4wfXg="),
        ] {
            assert_eq!(sign("demo", time).expect("a signature"), expected);
        }
    }
}
