//! WeCom, by the robot of a group.
//!
//! A text alone is a text message; everything else is a message in WeCom's Markdown, which has headings, bold text,
//! links, code within a line, quotations, and three colors, and mentions by user id. It cannot mention everybody or
//! by telephone: such a message is a text message as well, with all that it says.
//! <https://developer.work.weixin.qq.com/document/path/99110>
//!
//! Invariants:
//! - One message is one request, so that no attempt is repeated in part.
//! - No text of a stranger has WeCom's `<@userid>` or `<font>` in it. It knows no escapes: marks are taken apart.

use std::slice::from_ref;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use super::client::{Client, Post};
#[cfg(test)]
use super::contract::{Answered, Contract, HttpContract, Meaning, Reply, Texts};
use super::dialect::{Dialect, marked, render};
use super::error::{Problem, SettingError};
use super::markdown::leads;
use super::message::{NOTHING, value};
use super::people::Mention;
use super::robot::{
    Address, Code, Words, errcode, first_joined, heading, judge, known_first, link, nearest,
    read_key, tagless, unknown, within, words,
};
use super::text::{encoded, harmless, is_blank, printable};
use super::{Context, Message, Notifier, Quota, Sent, Settings, TextSetting};
use crate::domain::names::ChannelName;
use crate::domain::secret::Secret;

/// Where the robots of the service itself listen.
const URL: &str = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send";

/// How many bytes the parts of a content may have.
struct Room {
    /// The whole content.
    content: usize,
    heading: usize,
    link: usize,
    mentions: usize,
    fields: usize,
    footer: usize,
}

/// A Markdown content has 4,096 bytes at most: <https://developer.work.weixin.qq.com/document/path/99110>.
/// A quarter of it is left for the text, whatever else there is.
const MARKDOWN: Room = Room {
    content: 4_096,
    heading: 300,
    link: 1_000,
    mentions: 500,
    fields: 1_000,
    footer: 200,
};

/// A text content has 2,048 bytes at most: <https://developer.work.weixin.qq.com/document/path/91770>. The newer
/// page for the same robots says 4,096; what holds for both is kept.
const TEXT: Room = Room {
    content: 2_048,
    heading: 300,
    link: 500,
    mentions: 200,
    fields: 500,
    footer: 150,
};

/// The colors of WeCom, which names them green, grey and orange: about as its clients show them.
/// <https://developer.work.weixin.qq.com/document/path/99110>
const COLORS: &[(u32, &str)] = &[
    (0x00_c250, "info"),
    (0x8c_8c8c, "comment"),
    (0xff_8000, "warning"),
];

/// The codes of the service's documentation that such a robot can meet.
/// <https://developer.work.weixin.qq.com/document/path/90455>
const CODES: &[Code] = &[
    Code::passing(-1, None, "WeCom is busy"),
    Code::passing(45_009, None, "too many messages in a minute"),
    Code::passing(45_033, None, "too many messages at once"),
    Code::permanent(40_008, "this robot does not take such messages"),
    Code::permanent(
        40_058,
        "WeCom does not understand the message, or it is too long",
    ),
    Code::permanent(44_004, "the message is empty"),
    Code::permanent(45_002, "the message is too long"),
    Code::permanent(
        93_000,
        "check `key`: there is no such robot, or it was removed from its group",
    ),
    Code::permanent(93_004, "the robot is switched off"),
    Code::permanent(93_008, "the robot is not in a group any more"),
];

/// The settings of a channel of the kind `wecom`.
///
/// In `[people.<name>]`, `wecom` is the person's user id, or the mobile number that the person uses there (11
/// digits, or `+852-…`). A message that mentions by number, or everybody, is one of text alone.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// What follows `key=` in the webhook's URL.
    key: TextSetting,
    /// The URL without the key, for a gateway; that of the service by default.
    url: Option<TextSetting>,
}

impl Settings for Config {
    /// 20 messages a minute: <https://developer.work.weixin.qq.com/document/path/99110>.
    const QUOTAS: &'static [Quota] = &[Quota::new(20, Duration::from_secs(60))];

    fn check_person(address: &str) -> Result<(), &'static str> {
        match Address::of(address).is_some() {
            true => Ok(()),
            false => Err("write the user ID, or the mobile number (11 digits, or `+852-…`)"),
        }
    }

    fn open(
        &self,
        _name: &ChannelName,
        context: &Context<'_>,
    ) -> Result<Box<dyn Notifier>, SettingError> {
        let key = read_key(&self.key, "key", context.secrets)?;
        let url = match &self.url {
            Some(url) => url.read("url", context.secrets)?,
            None => Secret::new(URL),
        };
        if url.expose().contains("key=") {
            return Err(SettingError::Invalid {
                key: "url".to_owned(),
                expected: "the key is the setting `key`: write the URL without it",
            });
        }
        Ok(Box::new(WeCom {
            client: Client::open(&url, from_ref(&key), context)?,
            key,
        }))
    }
}

/// A channel of the kind `wecom`.
struct WeCom {
    client: Client,
    key: Secret,
}

#[async_trait]
impl Notifier for WeCom {
    fn place(&self) -> &str {
        self.client.origin()
    }

    async fn send(&self, message: &Message<'_>, _key: &str) -> Result<Sent, Problem> {
        let mut post = Post::json(&body(message))?;
        post.query.push(("key", self.key.expose().to_owned()));
        let answer = self.client.post(post).await?;
        judge(&self.client, &answer, errcode(&answer), CODES, "errcode")
    }
}

#[derive(Serialize)]
#[serde(tag = "msgtype", rename_all = "lowercase")]
enum Body {
    Text { text: Text },
    Markdown { markdown: Content },
}

#[derive(Serialize)]
struct Content {
    content: String,
}

#[derive(Serialize, Default)]
struct Text {
    content: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mentioned_list: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mentioned_mobile_list: Vec<String>,
}

fn body(message: &Message<'_>) -> Body {
    let mentions = message.mentions();
    let needs_text = mentions.iter().any(|mention| match mention {
        Mention::Everybody => true,
        Mention::Person { address, .. } => {
            matches!(Address::of(address), Some(Address::Mobile(_)))
        }
        Mention::Unknown { .. } => false,
    });
    match message.is_plain() || needs_text {
        true => Body::Text {
            text: text(message),
        },
        false => Body::Markdown {
            markdown: Content {
                content: markdown(message),
            },
        },
    }
}

fn markdown(message: &Message<'_>) -> String {
    let room = &MARKDOWN;
    let color = message.color().and_then(|rgb| nearest(rgb, COLORS));
    let dot = color.map(|color| format!("<font color=\"{color}\">●</font>"));
    let heading = heading(message).map(|text| within(&words(text), &Markdown, room.heading));
    let heading = heading.map(|heading| match shown_link(message, room) {
        Some(to) => format!("[{heading}]({to})"),
        None => heading,
    });
    let head: Vec<_> = dot.into_iter().chain(heading).collect();
    let head = match head.is_empty() {
        true => String::new(),
        false => format!("### {}", head.join(" ")),
    };
    let fields = message.fields().iter().map(|field| {
        let name = Markdown.strong(&within(&words(&field.name), &Markdown, room.fields / 4));
        let value = within(&value(field), &Markdown, room.fields / 2);
        Markdown.quote(&format!("{name}: {value}"))
    });
    let fields = first_joined(fields, room.fields, "\n");
    let footer = message.footer().map(|footer| {
        let footer = within(&words(footer), &Markdown, room.footer);
        format!("<font color=\"comment\">{footer}</font>")
    });
    let (mentions, footer) = (mentions(message.mentions()), footer.unwrap_or_default());
    let head = joined(&[&head, &mentions], "\n");
    compose(message, &Markdown, room, |text| {
        joined(&[&head, text, &fields, &footer], "\n\n")
    })
}

/// A message of text alone, which mentions by its lists.
fn text(message: &Message<'_>) -> Text {
    let room = &TEXT;
    let mut shown = Text::default();
    let mut nobody = Vec::new();
    for mention in message.mentions() {
        match mention {
            Mention::Everybody => shown.mentioned_list.push("@all".to_owned()),
            Mention::Person { name, address } => match Address::of(address) {
                Some(Address::User(id)) => shown.mentioned_list.push(id.to_owned()),
                Some(Address::Mobile(number)) => {
                    shown.mentioned_mobile_list.push(number.to_owned());
                }
                None => nobody.push(unknown(name, &Words)),
            },
            Mention::Unknown { name } => nobody.push(unknown(name, &Words)),
        }
    }
    let nobody = first_joined(nobody.into_iter(), room.mentions, ", ");
    let to = shown_link(message, room);
    // An address that has no room is shown by its beginning, where nothing else says what the message is about.
    let title = message
        .title()
        .or(message.link().filter(|_| to.is_none()))
        .unwrap_or_default();
    let title = within(&words(title), &Words, room.heading);
    let to = to.unwrap_or_default();
    let fields = message.fields().iter().map(|field| {
        let name = within(&words(&field.name), &Words, room.fields / 4);
        format!("{name}: {}", within(&value(field), &Words, room.fields / 2))
    });
    let fields = first_joined(fields, room.fields, "\n");
    let footer = within(
        &words(message.footer().unwrap_or_default()),
        &Words,
        room.footer,
    );
    let head = joined(&[&title, &to, &nobody], "\n");
    shown.content = compose(message, &Words, room, |text| {
        joined(&[&head, text, &fields, &footer], "\n\n")
    });
    // Those whom the lists mention are no content, and WeCom refuses a message without one.
    if is_blank(&shown.content) {
        shown.content = NOTHING.to_owned();
    }
    shown
}

/// A content with the message's text, as much of it as there is room for.
fn compose(
    message: &Message<'_>,
    dialect: &impl Dialect,
    room: &Room,
    content: impl Fn(&str) -> String,
) -> String {
    let fits = |text: &str| content(text).len() <= room.content;
    let text = message.text().within(|text| render(text, dialect), fits);
    content(&text)
}

fn joined(parts: &[&str], between: &str) -> String {
    let parts: Vec<_> = parts
        .iter()
        .filter(|part| !part.is_empty())
        .copied()
        .collect();
    parts.join(between)
}

/// An address that does not end the link it stands in.
fn target(to: &str) -> String {
    encoded(to, "()<>")
}

fn shown_link(message: &Message<'_>, room: &Room) -> Option<String> {
    let to = link(message).map(target);
    to.filter(|to| to.len() <= room.link)
}

/// The line that mentions. No mark of another name can begin before those who are known.
fn mentions(mentions: &[Mention<'_>]) -> String {
    let written = known_first(mentions)
        .into_iter()
        .map(|mention| match mention {
            Mention::Person { name, address } => match Address::of(address) {
                Some(Address::Mobile(id) | Address::User(id)) => format!("<@{id}>"),
                None => unknown(name, &Markdown),
            },
            Mention::Unknown { name } => unknown(name, &Markdown),
            // Such a message is one of text alone.
            Mention::Everybody => String::new(),
        });
    first_joined(written, MARKDOWN.mentions, " ")
}

/// WeCom's Markdown: <https://developer.work.weixin.qq.com/document/path/99110>. It has no escapes.
struct Markdown;

impl Dialect for Markdown {
    fn text(&self, text: &str) -> String {
        apart(&tagless(&harmless(&printable(text))))
    }

    fn strong(&self, inner: &str) -> String {
        marked("**", inner)
    }

    fn strikethrough(&self, inner: &str) -> String {
        format!("~~{inner}~~")
    }

    /// Code has one line, and no backtick.
    fn code(&self, code: &str) -> String {
        match code.contains(['`', '\n']) || code.trim().is_empty() {
            true => self.text(code),
            false => format!("`{}`", tagless(&harmless(&printable(code)))),
        }
    }

    fn link(&self, inner: &str, to: &str) -> String {
        match leads(to) && !to.starts_with("mailto:") {
            true => format!("[{inner}]({})", target(to)),
            false => format!("{inner} ({})", self.text(to)),
        }
    }

    /// Headings of the first levels are larger than the message's own.
    fn heading(&self, level: u8, inner: &str) -> String {
        format!(
            "{} {inner}",
            "#".repeat(usize::from(level.saturating_add(3).min(6)))
        )
    }

    fn code_block(&self, _language: Option<&str>, code: &str) -> String {
        let lines: Vec<_> = code.lines().map(|line| self.code(line)).collect();
        lines.join("\n")
    }
}

/// A text in which no mark is whole: zero-width spaces stand within those of two characters, and before those that
/// begin a line.
fn apart(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut previous = '\n';
    for c in text.chars() {
        let is_mark = match c {
            '*' => previous == '*',
            '(' => previous == ']',
            '#' | '>' => previous == '\n',
            _ => false,
        };
        if is_mark {
            shown.push('\u{200b}');
        }
        shown.push(c);
        previous = c;
    }
    shown
}

#[cfg(test)]
pub(super) const CONTRACT: Contract = Contract::Http(HttpContract {
    settings: |base| serde_json::json!({ "key": "s3cr3t-k3y", "url": format!("{base}/cgi-bin/webhook/send") }),
    person: "ada",
    texts: Texts::Rendered,
    taken: Reply::new("200 OK", r#"{"errcode":0,"errmsg":"ok"}"#),
    fits: |request| {
        let body = request.json();
        let length = |form: &str| body[form]["content"].as_str().map_or(0, str::len);
        length("text") <= 2_048 && length("markdown") <= 4_096
    },
    answers: &[
        Answered {
            reply: Reply::new(
                "200 OK",
                r#"{"errcode":93000,"errmsg":"invalid webhook url, hint: [1755605200056773468916791], from ip: 192.0.2.1, more info at https://open.work.weixin.qq.com/devtool/query?e=93000"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "answered with the error 93000: check `key`: there is no such robot, or it was removed from its group: invalid",
        },
        Answered {
            reply: Reply::new(
                "200 OK",
                r#"{"errcode":40058,"errmsg":"markdown.content exceed max length 4096. invalid Request Parameter"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "markdown.content exceed max length 4096",
        },
        Answered {
            reply: Reply::new(
                "200 OK",
                r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#,
            ),
            meaning: Meaning::Passing(None),
            text: "too many messages in a minute: api freq out of limit",
        },
        Answered {
            reply: Reply::new("200 OK", r#"{"errcode":-1,"errmsg":"system busy"}"#),
            meaning: Meaning::Passing(None),
            text: "WeCom is busy",
        },
        Answered {
            reply: Reply::new(
                "200 OK",
                r#"{"errcode":93004,"errmsg":"robot stopped, s3cr3t-k3y"}"#,
            ),
            meaning: Meaning::Permanent,
            text: "the robot is switched off: robot stopped, …",
        },
        Answered {
            reply: Reply::new(
                "200 OK",
                r#"{"errcode":60020,"errmsg":"not allow to access from your ip"}"#,
            ),
            meaning: Meaning::Passing(None),
            text: "answered with the error 60020: not allow",
        },
        Answered {
            reply: Reply::new("200 OK", "<html>Log in</html>"),
            meaning: Meaning::Passing(None),
            text: "answered 200 ok, but not `errcode`: <html>Log in</html>",
        },
    ],
});
