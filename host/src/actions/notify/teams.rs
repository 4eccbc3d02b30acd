//! Microsoft Teams, by the webhook of a workflow.
//!
//! A workflow takes adaptive cards alone, so that every message is one; a text alone is a card of that text.
//! <https://support.microsoft.com/office/8ae491c7-0394-4861-ba59-055e33f75498>
//! <https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format>
//!
//! Invariants:
//! - Only the line of mentions, written here, mentions anybody, and each mention in it has its entity.
//! - The line of mentions comes first, and is not cut with the text.
//! - A workflow answers before it posts, so that a message it could not post is lost without a word: nothing is sent
//!   that is larger than Teams takes.

use std::time::Duration;

use ::http::header::CONTENT_TYPE;
use ::http::{HeaderValue, StatusCode};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::client::{Answer, Client, Post};
#[cfg(test)]
use super::contract::{Answered, Contract, HttpContract, Meaning, Reply, Texts};
use super::error::{Problem, SettingError, Verdict};
use super::markdown::Document;
use super::people::Mention;
use super::room::{FieldLimits, Fields, joined, line, notified_first, units};
use super::{Context, Message, Notifier, Quota, Sent, Settings, TextSetting, room};
use crate::domain::names::ChannelName;

mod card;
mod dialect;

use card::{container, elements, field_elements, text_with};
use dialect::{Card, plain};

/// A message, with everything in it: "about 28 KB", <https://learn.microsoft.com/connectors/teams/>. Teams counts the
/// size of a bot's message in UTF-16, <https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages>,
/// and does not say how it counts this one's: it keeps the limit by either count.
const MAX_BYTES: usize = 28_000;

/// What does not shrink with the text leaves a fifth of the message to it, even where every character is escaped
/// twice: title, footer, address, mentions and fields.
const MAX_TITLE: usize = 250;
const MAX_FOOTER: usize = 250;
const MAX_LINK: usize = 1_000;
const MAX_MENTIONS: usize = 400;
const MAX_FIELDS: usize = 30;
const MAX_FIELD_NAME: usize = 100;
const MAX_FIELD_VALUE: usize = 1_000;
const MAX_ALL_FIELDS: usize = 2_000;

/// Each person who is mentioned costs an entity of some 300 bytes.
const MAX_PEOPLE: usize = 10;

/// A name or an address that is longer is none.
const MAX_PERSON: usize = 100;

/// The settings of a channel of the kind `teams`.
///
/// `[people]`: the user principal name, such as `ada@example.org`, or the object ID in Microsoft Entra. Everybody is
/// mentioned by a word alone: a card cannot mention a channel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The URL of the workflow's webhook. Its `sig` is the key.
    url: TextSetting,
}

impl Settings for Config {
    /// Those of a bot that posts to one channel, which is what a workflow does:
    /// <https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit#per-bot-per-thread-limit>.
    const QUOTAS: &'static [Quota] = &[
        Quota::new(7, Duration::from_secs(1)),
        Quota::new(8, Duration::from_secs(2)),
        Quota::new(60, Duration::from_secs(30)),
        Quota::new(1_800, Duration::from_hours(1)),
    ];

    fn check_person(address: &str) -> Result<(), &'static str> {
        match is_person(address) {
            true => Ok(()),
            false => Err(
                "write the user principal name, such as \"ada@example.org\", or the object ID in Microsoft Entra",
            ),
        }
    }

    fn open(
        &self,
        _name: &ChannelName,
        context: &Context<'_>,
    ) -> Result<Box<dyn Notifier>, SettingError> {
        let url = self.url.read("url", context.secrets)?;
        if is_of_a_connector(url.expose()) {
            return Err(SettingError::Invalid {
                key: "url".to_owned(),
                expected: "this is the address of a connector, which Microsoft has retired: make a workflow from the \
                           template that sends webhook alerts to a channel, and write its address",
            });
        }
        let client = Client::open(&url, &[], context)?;
        Ok(Box::new(Teams { client }))
    }
}

/// Whether a URL is one of the former connectors.
/// <https://devblogs.microsoft.com/microsoft365dev/retirement-of-office-365-connectors-within-microsoft-teams/>
fn is_of_a_connector(url: &str) -> bool {
    let url = url.to_ascii_lowercase();
    url.contains(".webhook.office.com/") || url.contains("//outlook.office.com/webhook/")
}

/// A channel of the kind `teams`.
struct Teams {
    client: Client,
}

#[async_trait]
impl Notifier for Teams {
    fn place(&self) -> &str {
        self.client.origin()
    }

    async fn send(&self, message: &Message<'_>, _key: &str) -> Result<Sent, Problem> {
        let mut post = Post::json(&body(message))?;
        // Teams shows no emoji without it.
        let utf8 = HeaderValue::from_static("application/json; charset=utf-8");
        post.headers.insert(CONTENT_TYPE, utf8);
        let answer = self.client.post(post).await?;
        self.judge(&answer)
    }
}

impl Teams {
    fn judge(&self, answer: &Answer) -> Result<Sent, Problem> {
        if answer.status == StatusCode::ACCEPTED {
            return Ok(answer.sent());
        }
        if answer.status.is_success() {
            return Err(self.client.not_taken(answer, "202 accepted"));
        }
        let failure: Option<Failure> = answer.json();
        let error = failure.map(|failure| failure.error);
        let is_final =
            answer.status.is_client_error() && answer.status != StatusCode::TOO_MANY_REQUESTS;
        Err(match error {
            Some(error) if is_final => {
                let parts = [advice(&error.code), &error.message];
                let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                self.client
                    .coded(&error.code, &parts.join(": "), Verdict::Permanent)
            }
            Some(error) => self.client.refused(answer, &error.message),
            None => self.client.refused(answer, &answer.text()),
        })
    }
}

/// What the service of workflows answers when it does not take a request.
#[derive(Deserialize)]
struct Failure {
    error: FailureDetail,
}

#[derive(Deserialize)]
struct FailureDetail {
    code: String,
    #[serde(default)]
    message: String,
}

/// What to do about an error that an operator can do something about; may be empty.
fn advice(code: &str) -> &'static str {
    match code {
        "WorkflowTriggerIsNotEnabled" | "WorkflowDisabled" | "WorkflowNotFound" => {
            "the workflow is switched off or removed: switch it on in the app Workflows, or make a new one and put its address into `url`"
        }
        "DirectApiAuthorizationRequired" | "DirectApiInvalidAuthorizationScheme" => {
            "`url` lacks its `sig`, or only people who sign in may start the workflow: let anyone start it, and copy the whole address anew"
        }
        "TriggerInputSchemaMismatch" => {
            "the workflow expects something else than cards: make it from the template that sends webhook alerts to a channel"
        }
        _ => "",
    }
}

#[derive(Serialize)]
struct Body {
    r#type: &'static str,
    attachments: [Attachment; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attachment {
    content_type: &'static str,
    content_url: Option<&'static str>,
    content: Value,
}

fn body(message: &Message<'_>) -> Body {
    let frame = Frame::of(message);
    let fits = |card: &str| card.len() <= MAX_BYTES && 2 * units(card) <= MAX_BYTES;
    let written = |text: &Document| {
        // A value is written without fail.
        serde_json::to_string(&frame.body(text)).unwrap_or_default()
    };
    // No character is less than a unit of UTF-16, so that what is longer never fits.
    let text = message.text().cut(MAX_BYTES / 2);
    let text = text.fitting(written, fits);
    frame.body(&text)
}

/// A card without its text.
struct Frame {
    mentions: Mentions,
    title: Option<Value>,
    style: Option<&'static str>,
    fields: Vec<Value>,
    footer: Option<Value>,
}

impl Frame {
    fn of(message: &Message<'_>) -> Self {
        let fits = |link: &&str| units(&dialect::link("", link)) <= MAX_LINK;
        let link = message.link().filter(fits);
        let title = message.title().or(message.link()).map(|title| {
            let title = line(title, plain, MAX_TITLE);
            let title = link.map_or(title.clone(), |link| dialect::link(&title, link));
            text_with(&title, json!({ "weight": "Bolder", "size": "Large" }))
        });
        let footer = message.footer().map(|footer| {
            let footer = line(footer, plain, MAX_FOOTER);
            text_with(&footer, json!({ "isSubtle": true, "size": "Small" }))
        });
        let limits = FieldLimits {
            count: MAX_FIELDS,
            name: MAX_FIELD_NAME,
            value: MAX_FIELD_VALUE,
            total: MAX_ALL_FIELDS,
        };
        let fields = Fields::within(message.fields(), &limits, plain, &Card::Item);
        Self {
            mentions: Mentions::of(message.mentions()),
            title,
            style: message.color().map(card::style),
            fields: field_elements(&fields),
            footer,
        }
    }

    fn body(&self, text: &Document) -> Body {
        let mut text = elements(text);
        // The title has the colour, or the text where there is none.
        let head = match &self.title {
            Some(title) => vec![title.clone()],
            None => std::mem::take(&mut text),
        };
        let head = match self.style {
            Some(style) if !head.is_empty() => {
                vec![container(head, json!({ "style": style, "bleed": true }))]
            }
            _ => head,
        };
        let mentions = self.mentions.line.iter().cloned();
        let fields = self.fields.iter().cloned();
        let elements = mentions.chain(head).chain(text).chain(fields);
        let elements: Vec<Value> = elements.chain(self.footer.iter().cloned()).collect();
        Body {
            r#type: "message",
            attachments: [Attachment {
                content_type: "application/vnd.microsoft.card.adaptive",
                content_url: None,
                content: json!({
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "body": elements,
                    "msteams": self.mentions.properties(),
                }),
            }],
        }
    }
}

/// The line that mentions, and what tells Teams whom.
struct Mentions {
    line: Option<Value>,
    entities: Vec<Value>,
}

impl Mentions {
    /// What a card says to Teams alone.
    fn properties(&self) -> Value {
        match self.entities.is_empty() {
            true => json!({ "width": "Full" }),
            false => json!({ "width": "Full", "entities": self.entities }),
        }
    }

    /// Writes the line, with an entity for each person in it.
    fn of(mentions: &[Mention<'_>]) -> Self {
        let mut entities: Vec<(String, Value)> = Vec::new();
        let mut written = Vec::new();
        for mention in notified_first(mentions) {
            written.push(match mention {
                Mention::Everybody => "everybody".to_owned(),
                Mention::Person { name, address } if entities.len() < MAX_PEOPLE => {
                    match entity(name, address.trim(), &entities) {
                        Some(entity) => {
                            entities.push(entity.clone());
                            entity.0
                        }
                        None => room::name(name, plain),
                    }
                }
                Mention::Person { name, .. } | Mention::Unknown { name } => room::name(name, plain),
            });
        }
        let line = joined(written, MAX_MENTIONS);
        // Teams refuses a card with an entity whose text it does not find.
        entities.retain(|(text, _)| line.contains(text.as_str()));
        Self {
            entities: entities.into_iter().map(|(_, entity)| entity).collect(),
            line: (!line.is_empty()).then(|| card::text_block(&line)),
        }
    }
}

/// Whether a text is a user principal name, or the object ID of a user.
fn is_person(address: &str) -> bool {
    let is_name = address.split_once('@').is_some_and(|(user, domain)| {
        !user.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    let is_of_id = |c: char| c.is_ascii_hexdigit() || c == '-';
    let is_id = address.len() == 36 && address.chars().all(is_of_id);
    is_address(address) && (is_name || is_id)
}

fn is_address(text: &str) -> bool {
    !text.is_empty()
        && units(text) <= MAX_PERSON
        && !text.contains(|c: char| c.is_control() || c.is_whitespace())
}

/// A person as the line has it, and the entity of the same text; none where the address is none.
fn entity(name: &str, address: &str, others: &[(String, Value)]) -> Option<(String, Value)> {
    if !is_address(address) {
        return None;
    }
    // The text is found as it stands in the card, so that nothing in it may be a mark.
    let letters = |c: char| {
        if c.is_alphanumeric() || c == '-' {
            c
        } else {
            ' '
        }
    };
    let name: String = name.chars().map(letters).take(MAX_PERSON / 2).collect();
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let name = if name.is_empty() { "somebody" } else { &name };
    let text = |name: &str| format!("<at>{name}</at>");
    let is_taken = |name: &str| others.iter().any(|(other, _)| *other == text(name));
    let numbered = (2..).map(|number| format!("{name} {number}"));
    let name = std::iter::once(name.to_owned())
        .chain(numbered)
        .find(|name| !is_taken(name))?;
    let entity = json!({
        "type": "mention",
        "text": text(&name),
        "mentioned": { "id": address, "name": name },
    });
    Some((text(&name), entity))
}

#[cfg(test)]
pub(super) const CONTRACT: Contract = Contract::Http(HttpContract {
    settings: |base| {
        serde_json::json!({
            "url": format!("{base}/workflows/0a1b/triggers/manual/paths/invoke?api-version=1&sig=s3cr3tk3y"),
        })
    },
    person: "ada@example.org",
    texts: Texts::Rendered,
    taken: Reply::new("202 Accepted", ""),
    fits: |request| super::tests::teams::fits(&request.body),
    answers: &[
        Answered {
            reply: Reply::new("200 OK", "<html>Log in</html>"),
            meaning: Meaning::Passing(None),
            text: "but not `202 accepted`: <html>Log in</html>",
        },
        Answered {
            reply: Reply::new("200 OK", "1"),
            meaning: Meaning::Passing(None),
            text: "but not `202 accepted`: 1",
        },
        Answered {
            reply: Reply::new(
                "400 Bad Request",
                r#"{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"Could not execute workflow '0a1b' trigger 'manual' with state 'Disabled': trigger is not enabled."}}"#,
            ),
            meaning: Meaning::Permanent,
            text: "the error WorkflowTriggerIsNotEnabled: the workflow is switched off or removed",
        },
        Answered {
            reply: Reply::new(
                "404 Not Found",
                r#"{"error":{"code":"WorkflowNotFound","message":"The workflow '0a1b' could not be found."}}"#,
            ),
            meaning: Meaning::Permanent,
            text: "make a new one and put its address into `url`",
        },
        Answered {
            reply: Reply::new(
                "401 Unauthorized",
                r#"{"error":{"code":"DirectApiAuthorizationRequired","message":"The request must be authenticated only by OAuth authorization scheme."}}"#,
            ),
            meaning: Meaning::Permanent,
            text: "`url` lacks its `sig`, or only people who sign in may start the workflow",
        },
        Answered {
            reply: Reply::new(
                "400 Bad Request",
                r#"{"error":{"code":"TriggerInputSchemaMismatch","message":"The input body for trigger 'manual' did not match its schema definition."}}"#,
            ),
            meaning: Meaning::Permanent,
            text: "the workflow expects something else than cards",
        },
        Answered {
            reply: Reply::new(
                "413 Payload Too Large",
                r#"{"error":{"code":"RequestEntityTooLarge","message":"too large"}}"#,
            ),
            meaning: Meaning::Permanent,
            text: "the error RequestEntityTooLarge: too large",
        },
        Answered {
            reply: Reply {
                headers: "Retry-After: 12\r\n",
                ..Reply::new(
                    "429 Too Many Requests",
                    r#"{"error":{"code":"429","message":"Rate limit is exceeded."}}"#,
                )
            },
            meaning: Meaning::Passing(Some(12)),
            text: "Rate limit is exceeded.",
        },
        Answered {
            reply: Reply::new(
                "502 Bad Gateway",
                r#"{"error":{"code":"NoResponse","message":"The server did not receive a response."}}"#,
            ),
            meaning: Meaning::Passing(None),
            text: "502 bad gateway",
        },
    ],
});
