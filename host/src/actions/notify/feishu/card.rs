//! The cards of Feishu, of the structure 2.0.
//!
//! <https://open.feishu.cn/document/feishu-cards/card-json-v2-structure>
//!
//! Invariants:
//! - A card has only attributes that the documentation of its structure has: others are an error.

use serde_json::{Value, json};

use super::super::Message;
use super::super::dialect::Dialect as _;
use super::super::message::value;
use super::super::robot::{MAX_LINK, first_of, heading, link, nearest, within, words};
use super::super::text::{cut, harmless, one_line};
use super::line;
use super::markdown::{Markdown, address};

/// Four lines of a title are shown: <https://open.feishu.cn/document/feishu-cards/card-json-v2-components/content-components/title>.
const MAX_TITLE: usize = 200;

/// The small print.
const MAX_FOOTER: usize = 300;

/// Bytes of one field's name.
const MAX_NAME: usize = 400;

/// Bytes of one field's value.
const MAX_VALUE: usize = 1_000;

/// Bytes of all fields, so that a part of the body is left for the text.
const MAX_FIELDS: usize = 4_000;

/// The colors of a title.
/// <https://open.feishu.cn/document/feishu-cards/enumerations-for-fields-related-to-color>
const COLORS: &[(u32, &str)] = &[
    (0x50_83fb, "blue"),
    (0x12_95ca, "wathet"),
    (0x10_a893, "turquoise"),
    (0x35_bd4b, "green"),
    (0xff_c60a, "yellow"),
    (0xff_811a, "orange"),
    (0xf5_4a45, "red"),
    (0xdf_58a5, "carmine"),
    (0xcf_5ecf, "violet"),
    (0x9f_6ff1, "purple"),
    (0x75_7df0, "indigo"),
    (0x8f_959e, "grey"),
];

/// The parts of a card but for its text.
pub(super) struct Card {
    title: Option<String>,
    template: Option<&'static str>,
    link: Option<String>,
    mentions: String,
    /// Whether each is short, with its text.
    fields: Vec<(bool, String)>,
    footer: Option<String>,
}

impl Card {
    /// Makes them of a message.
    pub(super) fn of(message: &Message<'_>) -> Self {
        let plain = |text: &str, limit| cut(&harmless(&one_line(text)), limit);
        let title = heading(message).map(|title| plain(title, MAX_TITLE));
        let color = message.color().and_then(|rgb| nearest(rgb, COLORS));
        Self {
            template: color.filter(|_| title.is_some()),
            title,
            link: link(message)
                .and_then(address)
                .filter(|to| to.len() <= MAX_LINK),
            mentions: line(message.mentions(), &Markdown::PLAIN, |id, _| {
                format!("<at id={id}></at>")
            }),
            fields: fields(message),
            footer: message.footer().map(|footer| plain(footer, MAX_FOOTER)),
        }
    }

    /// Its title, or nothing.
    pub(super) fn title(&self) -> &str {
        self.title.as_deref().unwrap_or_default()
    }

    /// The whole card, with a text that is written already.
    pub(super) fn with(&self, text: &str) -> Value {
        let mut elements = Vec::new();
        for text in [self.mentions.as_str(), text] {
            if !text.is_empty() {
                elements.push(element(text));
            }
        }
        elements.extend(rows(&self.fields));
        if let Some(to) = &self.link {
            elements.push(json!({
                "tag": "button",
                "text": { "tag": "plain_text", "content": "Open" },
                "behaviors": [{ "type": "open_url", "default_url": to }],
            }));
        }
        if let Some(footer) = &self.footer {
            elements.push(json!({
                "tag": "div",
                "text": {
                    "tag": "plain_text", "content": footer, "text_size": "notation", "text_color": "grey",
                },
            }));
        }
        if elements.is_empty() {
            // A card without any element is refused; a line across is the least that there is.
            // https://open.feishu.cn/document/feishu-cards/card-json-v2-components/content-components/divider
            elements.push(json!({ "tag": "hr" }));
        }
        let mut card = json!({ "schema": "2.0", "body": { "elements": elements } });
        if let Some(title) = &self.title {
            card["header"] = json!({ "title": { "tag": "plain_text", "content": title } });
        }
        if let Some(template) = self.template {
            card["header"]["template"] = json!(template);
        }
        card
    }
}

fn element(text: &str) -> Value {
    json!({ "tag": "markdown", "content": text })
}

fn fields(message: &Message<'_>) -> Vec<(bool, String)> {
    let dialect = Markdown::PLAIN;
    let fields = message.fields();
    let written = fields.iter().map(|field| {
        let name = dialect.strong(&within(&words(&field.name), &dialect, MAX_NAME));
        format!("{name}\n{}", within(&value(field), &dialect, MAX_VALUE))
    });
    let (shown, more) = first_of(written, MAX_FIELDS);
    let shorts = fields.iter().map(|field| field.short);
    let mut shown: Vec<_> = shorts.zip(shown).collect();
    shown.extend(more.map(|more| (false, more)));
    shown
}

/// The fields as elements: two short ones beside each other.
fn rows(fields: &[(bool, String)]) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut rest = fields;
    while let [(short, text), others @ ..] = rest {
        rest = others;
        match others {
            [(true, other), others @ ..] if *short => {
                rest = others;
                let columns = [text, other].map(|text| {
                    json!({ "tag": "column", "width": "weighted", "weight": 1, "elements": [element(text)] })
                });
                rows.push(
                    json!({ "tag": "column_set", "flex_mode": "bisect", "columns": columns }),
                );
            }
            _ => rows.push(element(text)),
        }
    }
    rows
}
