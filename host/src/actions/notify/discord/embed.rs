//! Embeds: what a message of Discord shows besides its plain text.
//!
//! <https://docs.discord.com/developers/resources/message#embed-object>
//!
//! Invariants:
//! - An embed keeps the limits of each of its parts, and of all of them together.

use serde::Serialize;

use super::dialect::{self, is_web};
use crate::actions::notify::dialect::render;
use crate::actions::notify::message::Message;
use crate::actions::notify::room::{FieldLimits, Fields, line, rendered, share_of_fields, units};
use crate::actions::notify::text::harmless;

/// The parts of an embed, and all its texts together: <https://docs.discord.com/developers/resources/message#embed-object-embed-limits>.
const MAX_TITLE: usize = 256;
const MAX_DESCRIPTION: usize = 4_096;
const MAX_FIELDS: usize = 25;
const MAX_FIELD_NAME: usize = 256;
const MAX_FIELD_VALUE: usize = 1_024;
const MAX_EMBED: usize = 6_000;

/// Discord takes 2,048, of the 6,000 that the embed has; small print needs no third of it.
const MAX_FOOTER: usize = 300;

/// Discord refuses an embed with a longer address: `Must be 2048 or fewer in length.`
pub(super) const MAX_LINK: usize = 2_048;

/// A name or a value must not be empty, and one of blanks alone is.
const EMPTY: &str = "\u{200b}";

/// An embed. What a message does not have is left out.
#[derive(Serialize)]
pub(super) struct Embed {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<EmbedField>,
    #[serde(skip_serializing_if = "Option::is_none")]
    footer: Option<Footer>,
}

#[derive(Serialize)]
struct EmbedField {
    name: String,
    value: String,
    inline: bool,
}

#[derive(Serialize)]
struct Footer {
    text: String,
}

impl Embed {
    /// What a message says besides its mentions.
    pub(super) fn of(message: &Message<'_>) -> Self {
        let link = message
            .link()
            .filter(|link| is_web(link) && units(link) <= MAX_LINK);
        let title = message.title().or(message.link());
        let title = title.map(|title| line(title, dialect::plain, MAX_TITLE));
        let footer = message.footer();
        let footer = footer.map(|footer| line(footer, harmless, MAX_FOOTER));
        let taken = [&title, &footer].map(|part| part.as_deref().map_or(0, units));
        let left = MAX_EMBED - taken.iter().sum::<usize>();

        let text = message.text();
        let wanted = units(&render(&text, &dialect::Discord)).min(MAX_DESCRIPTION);
        let limits = FieldLimits {
            // The last one counts those left out.
            count: MAX_FIELDS - usize::from(message.fields().len() > MAX_FIELDS),
            name: MAX_FIELD_NAME,
            value: MAX_FIELD_VALUE,
            // The line that counts those left out, and what stands for empty names and values.
            total: share_of_fields(left, wanted).saturating_sub(30 + 2 * MAX_FIELDS),
        };
        let fields = fields(&Fields::within(
            message.fields(),
            &limits,
            dialect::plain,
            &dialect::Discord,
        ));
        let used = fields
            .iter()
            .map(|field| units(&field.name) + units(&field.value));
        let rest = left - used.sum::<usize>();
        Self {
            title,
            url: link.map(str::to_owned),
            description: rendered(&text, &dialect::Discord, rest.min(MAX_DESCRIPTION)),
            color: message.color(),
            fields,
            footer: footer.map(|text| Footer { text }),
        }
    }
}

fn fields(fields: &Fields) -> Vec<EmbedField> {
    let filled = |text: &str| match text.trim().is_empty() {
        true => EMPTY.to_owned(),
        false => text.to_owned(),
    };
    let shown = fields.shown.iter().map(|field| EmbedField {
        name: filled(&field.name),
        value: filled(&field.value),
        inline: field.short,
    });
    let more = fields.more().map(|more| EmbedField {
        name: EMPTY.to_owned(),
        value: more,
        inline: false,
    });
    shown.chain(more).collect()
}
