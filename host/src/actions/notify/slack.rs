//! Slack, by an incoming webhook.
//!
//! A text alone is a plain message. One with more is built of blocks: in an attachment where it has a colour, whose
//! bar no block has, and else in the message itself. A text that is too long for a plain message is sent in blocks
//! as well, several sections after one another.
//! <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/>
//! <https://docs.slack.dev/reference/block-kit/blocks/>
//!
//! Invariants:
//! - Only what is written here as a mention mentions anybody: `link_names` is never set, `verbatim` always is, and
//!   `<` of a text is escaped.
//! - Mentions stand in the text of the message, where they notify, and are not cut with the text.
//! - Nothing but `ok` is a success: a proxy's login page is a `200`, too.

use std::time::Duration;

use ::http::StatusCode;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::client::{Answer, Client, Post};
#[cfg(test)]
use super::contract::{Answered, Contract, HttpContract, Meaning, Reply, Texts};
use super::dialect::{Dialect as _, Plain, render};
use super::error::{Problem, SettingError, Verdict};
use super::markdown::Document;
use super::people::Mention;
use super::room::{FieldLimits, Fields, joined, line, notified_first, units};
use super::text::harmless;
use super::{Context, Message, Notifier, Quota, Sent, Settings, TextSetting, color, room};
use crate::domain::names::ChannelName;

mod mrkdwn;

use mrkdwn::Mrkdwn;

/// A plain message that is longer is parted by Slack, in the middle of its marks: "limit the number of characters
/// to 4,000", <https://docs.slack.dev/reference/methods/chat.postMessage/>.
const MAX_TEXT: usize = 4_000;

/// The text of a section: <https://docs.slack.dev/reference/block-kit/blocks/section-block/>.
const MAX_SECTION: usize = 3_000;

/// The fields of a section, and the text of one: the same page.
const MAX_FIELDS_OF_SECTION: usize = 10;
const MAX_FIELD: usize = 2_000;

/// A name that is longer is no name; it stands in the field's text.
const MAX_FIELD_NAME: usize = 200;

/// All texts of a message together. Slack documents none, and refuses blocks from some 11,000 to 13,000 on, by what
/// else they hold: <https://github.com/slackapi/bolt-js/issues/2509>, <https://github.com/slackapi/bolt-js/issues/2867>.
const MAX_TOTAL: usize = 10_000;

/// Each may be a block, of which a message takes 50: <https://docs.slack.dev/reference/block-kit/blocks/>. The
/// text takes seven at most (a section is half full at least), title, mentions and footer one each.
const MAX_FIELDS: usize = 30;

/// A title longer than this is read by nobody, and would take the room of the text.
const MAX_TITLE: usize = 300;

/// An address that is longer leaves no room for the title it stands on.
const MAX_LINK: usize = 2_000;

/// The footer of an attachment was never longer: <https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments/>.
const MAX_FOOTER: usize = 300;

/// Some forty people; a message to more is one to everybody.
const MAX_MENTIONS: usize = 600;

/// A notice on a telephone shows no more of what stands for the blocks.
const MAX_SUMMARY: usize = 300;

/// The settings of a channel of the kind `slack`.
///
/// `[people]`: a member ID (`U…` or `W…`, "Copy member ID" in the profile), or the ID of a user group (`S…`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The webhook's URL. Its path holds the key. It decides on the channel, the name and the picture.
    url: TextSetting,
}

impl Settings for Config {
    /// One a second, with short bursts, of which a few messages about one event are one:
    /// <https://docs.slack.dev/apis/web-api/rate-limits/>.
    const QUOTAS: &'static [Quota] = &[Quota::new(5, Duration::from_secs(5))];

    fn check_person(address: &str) -> Result<(), &'static str> {
        match mention_of(address).is_some() {
            true => Ok(()),
            false => Err("write a member ID, such as \"U012AB3CD\", or the ID of a user group"),
        }
    }

    fn open(
        &self,
        _name: &ChannelName,
        context: &Context<'_>,
    ) -> Result<Box<dyn Notifier>, SettingError> {
        let url = self.url.read("url", context.secrets)?;
        let is_page = |part: &&str| url.expose().contains(*part);
        if ["/archives/", "app.slack.com/client/"].iter().any(is_page) {
            return Err(SettingError::Invalid {
                key: "url".to_owned(),
                expected: "this is the page of a channel: make an incoming webhook for it, whose address begins with \
                           `https://hooks.slack.com/services/`",
            });
        }
        let client = Client::open(&url, &[], context)?;
        Ok(Box::new(Slack { client }))
    }
}

/// A channel of the kind `slack`.
struct Slack {
    client: Client,
}

#[async_trait]
impl Notifier for Slack {
    fn place(&self) -> &str {
        self.client.origin()
    }

    async fn send(&self, message: &Message<'_>, _key: &str) -> Result<Sent, Problem> {
        let answer = self.client.post(Post::json(&body(message))?).await?;
        self.judge(&answer)
    }
}

impl Slack {
    fn judge(&self, answer: &Answer) -> Result<Sent, Problem> {
        let text = answer.text();
        let said = text.trim();
        if answer.status == StatusCode::OK && said == "ok" {
            return Ok(Sent {
                detail: "200 ok".to_owned(),
            });
        }
        if answer.status.is_success() {
            return Err(self.client.not_taken(answer, "ok"));
        }
        let is_final =
            answer.status.is_client_error() && answer.status != StatusCode::TOO_MANY_REQUESTS;
        Err(match advice(said) {
            Some(advice) if is_final => self.client.coded(said, advice, Verdict::Permanent),
            _ => self.client.refused(answer, &text),
        })
    }
}

/// What to do about an error that an operator can do something about. The errors are listed at
/// <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/#handling_errors>.
fn advice(error: &str) -> Option<&'static str> {
    match error {
        "no_service" | "no_service_id" | "no_active_hooks" | "invalid_token" | "No service" => {
            Some(
                "the webhook is switched off, removed or mistyped: make a new one and put its address into `url`",
            )
        }
        "no_team" | "team_disabled" => Some(
            "the workspace is gone: make a webhook in another one and put its address into `url`",
        ),
        "channel_not_found" => {
            Some("the webhook's channel is gone: make a new webhook and put its address into `url`")
        }
        "channel_is_archived" => Some(
            "the webhook's channel is archived: take it out of the archive, or make a webhook for another one",
        ),
        "action_prohibited" | "posting_to_general_channel_denied" => Some(
            "an administrator of the workspace does not let the webhook post there: ask for it, or take another channel",
        ),
        _ => None,
    }
}

#[derive(Serialize)]
struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    blocks: Vec<Block>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment>,
}

#[derive(Serialize)]
struct Attachment {
    color: String,
    /// Stands for the blocks in notices.
    fallback: String,
    blocks: Vec<Block>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Section {
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<Text>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        fields: Vec<Text>,
    },
    Context {
        elements: [Text; 1],
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Text {
    Mrkdwn {
        text: String,
        /// Nothing is read as a mention or a link but what is marked as one.
        verbatim: bool,
    },
    PlainText {
        text: String,
        /// Whether `:rocket:` is a picture.
        emoji: bool,
    },
}

fn mrkdwn(text: String) -> Text {
    let verbatim = true;
    Text::Mrkdwn { text, verbatim }
}

fn section(text: String) -> Block {
    Block::Section {
        text: Some(mrkdwn(text)),
        fields: Vec::new(),
    }
}

fn body(message: &Message<'_>) -> Body {
    let mentions = mentions(message.mentions());
    if message.is_plain() {
        let text = [mentions.as_str(), &render(&message.text(), &Mrkdwn)];
        let text = text.map(str::trim_end).join("\n");
        let text = text.trim_start_matches('\n').to_owned();
        if units(&text) <= MAX_TEXT {
            return Body {
                text: Some(text),
                blocks: Vec::new(),
                attachments: Vec::new(),
            };
        }
    }
    let blocks = blocks(message, MAX_TOTAL - units(&mentions));
    let summary = summary(message);
    match color::hex(message.notification()) {
        Some(color) => Body {
            text: Some(mentions).filter(|mentions| !mentions.is_empty()),
            blocks: Vec::new(),
            attachments: vec![Attachment {
                color,
                fallback: summary,
                blocks,
            }],
        },
        None => {
            let (head, text) = match mentions.is_empty() {
                true => (None, summary),
                false => (
                    Some(section(mentions.clone())),
                    format!("{mentions} {summary}"),
                ),
            };
            Body {
                text: Some(text).filter(|text| !text.is_empty()),
                blocks: head.into_iter().chain(blocks).collect(),
                attachments: Vec::new(),
            }
        }
    }
}

/// What stands for the blocks where they are not shown.
fn summary(message: &Message<'_>) -> String {
    let text = || {
        let text = render(&message.text(), &Plain);
        text.lines().next().unwrap_or_default().to_owned()
    };
    let summary = message.title().map_or_else(text, str::to_owned);
    line(&summary, mrkdwn::plain, MAX_SUMMARY)
}

fn blocks(message: &Message<'_>, limit: usize) -> Vec<Block> {
    let fits = |link: &&str| units(&mrkdwn::title("", Some(*link))) <= MAX_LINK;
    let link = message.link().filter(fits);
    let title = message.title().or(message.link());
    let title = title.map(|title| line(title, mrkdwn::plain, MAX_TITLE));
    let title = title.map(|title| mrkdwn::title(&title, link));
    let footer = message.footer();
    let footer = footer.map(|footer| line(footer, harmless, MAX_FOOTER));
    let taken = [&title, &footer].map(|part| part.as_deref().map_or(0, units));
    let left = limit - taken.iter().sum::<usize>();

    let text = message.text();
    let wanted = units(&render(&text, &Mrkdwn));
    let fields = fields(message, room::share_of_fields(left, wanted));
    let text = sections(&text, left - fields.units);

    let title = title.map(section);
    let footer = footer.map(|text| Block::Context {
        elements: [Text::PlainText { text, emoji: false }],
    });
    let parts = title.into_iter().chain(text).chain(fields.blocks);
    parts.chain(footer).collect()
}

/// A text in as many sections as it needs.
fn sections(text: &Document, room: usize) -> Vec<Block> {
    let whole = |text: &Document| render(text, &Mrkdwn);
    // No character is less than a unit, so that what is longer never fits.
    let text = text
        .cut(room + 1)
        .fitting(whole, |text| units(text) <= room);
    let pieces = text.pieces(whole, |piece| units(piece) <= MAX_SECTION);
    let pieces = pieces.into_iter().filter(|piece| !piece.trim().is_empty());
    pieces.map(section).collect()
}

/// Blocks with fields, and the units of their texts.
struct FieldBlocks {
    blocks: Vec<Block>,
    units: usize,
}

/// The fields: short ones that follow one another stand side by side.
fn fields(message: &Message<'_>, room: usize) -> FieldBlocks {
    // `**` and a line break around each name, and the line that counts those left out.
    const AROUND: usize = 3;
    let limits = FieldLimits {
        count: MAX_FIELDS,
        name: MAX_FIELD_NAME,
        value: MAX_FIELD - MAX_FIELD_NAME - AROUND,
        total: room.saturating_sub(AROUND * MAX_FIELDS + 30),
    };
    let fields = Fields::within(message.fields(), &limits, mrkdwn::plain, &Mrkdwn);
    let more = fields.more();
    let mut blocks = Vec::new();
    let mut total = more.as_deref().map_or(0, units);
    for field in fields.shown {
        let name = Mrkdwn.strong(&field.name);
        let text = [name, field.value].join("\n").trim().to_owned();
        total += units(&text);
        match (field.short, blocks.last_mut()) {
            (true, Some(Block::Section { text: None, fields }))
                if fields.len() < MAX_FIELDS_OF_SECTION =>
            {
                fields.push(mrkdwn(text));
            }
            (true, _) => blocks.push(Block::Section {
                text: None,
                fields: vec![mrkdwn(text)],
            }),
            (false, _) => blocks.push(section(text)),
        }
    }
    blocks.extend(more.map(section));
    FieldBlocks {
        blocks,
        units: total,
    }
}

/// The line that mentions, in which others than those whom the operator has named stand as text.
fn mentions(mentions: &[Mention<'_>]) -> String {
    let written = notified_first(mentions)
        .into_iter()
        .map(|mention| match mention {
            Mention::Everybody => "<!channel>".to_owned(),
            Mention::Person { name, address } => {
                mention_of(address.trim()).unwrap_or_else(|| room::name(name, mrkdwn::plain))
            }
            Mention::Unknown { name } => room::name(name, mrkdwn::plain),
        });
    joined(written, MAX_MENTIONS)
}

/// The mention of a member or a user group; none for what is no ID.
fn mention_of(address: &str) -> Option<String> {
    let is_id = address.len() > 1
        && address
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    match address.chars().next().filter(|_| is_id) {
        Some('U' | 'W') => Some(format!("<@{address}>")),
        Some('S') => Some(format!("<!subteam^{address}>")),
        _ => None,
    }
}

#[cfg(test)]
pub(super) const CONTRACT: Contract = Contract::Http(HttpContract {
    settings: |base| serde_json::json!({ "url": format!("{base}/services/T0/B0/s3cr3tk3y") }),
    person: "U024BE7LH",
    texts: Texts::Rendered,
    taken: Reply::new("200 OK", "ok"),
    fits: |request| super::tests::slack::fits(&request.json()),
    answers: &[
        Answered {
            reply: Reply::new("200 OK", "<html>Log in</html>"),
            meaning: Meaning::Passing(None),
            text: "but not `ok`: <html>Log in</html>",
        },
        Answered {
            reply: Reply::new("400 Bad Request", "invalid_payload"),
            meaning: Meaning::Permanent,
            text: "answered 400 bad request: invalid_payload",
        },
        Answered {
            reply: Reply::new("404 Not Found", "no_service"),
            meaning: Meaning::Permanent,
            text: "the error no_service: the webhook is switched off, removed or mistyped: make a new one",
        },
        Answered {
            reply: Reply::new("403 Forbidden", "invalid_token"),
            meaning: Meaning::Permanent,
            text: "make a new one and put its address into `url`",
        },
        Answered {
            reply: Reply::new("404 Not Found", "channel_not_found"),
            meaning: Meaning::Permanent,
            text: "the webhook's channel is gone",
        },
        Answered {
            reply: Reply::new("410 Gone", "channel_is_archived"),
            meaning: Meaning::Permanent,
            text: "take it out of the archive",
        },
        Answered {
            reply: Reply::new("403 Forbidden", "action_prohibited"),
            meaning: Meaning::Permanent,
            text: "an administrator of the workspace",
        },
        Answered {
            reply: Reply::new("403 Forbidden", "team_disabled"),
            meaning: Meaning::Permanent,
            text: "the workspace is gone",
        },
        Answered {
            reply: Reply::new("500 Internal Server Error", "rollup_error"),
            meaning: Meaning::Passing(None),
            text: "answered 500 internal server error: rollup_error",
        },
        Answered {
            reply: Reply {
                headers: "Retry-After: 30\r\n",
                ..Reply::new(
                    "429 Too Many Requests",
                    r#"{"ok":false,"error":"ratelimited"}"#,
                )
            },
            meaning: Meaning::Passing(Some(30)),
            text: "ratelimited",
        },
    ],
});
