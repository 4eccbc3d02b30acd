//! What a body of an operator's own form can hold: the parts of a message.
//!
//! Invariants:
//! - A part is a text, a list, or nothing; nothing else reaches a template.

use serde_json::{Value, json};

use super::super::Message;
use super::super::dialect::{Plain, render};
use crate::capability::nearest;
use crate::domain::names::ChannelName;

macro_rules! parts {
    ($($(#[$doc:meta])* $name:literal => $part:ident,)*) => {
        /// A part of a message, as a placeholder names it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Part {
            $($(#[$doc])* $part,)*
        }

        impl Part {
            const NAMES: &[&str] = &[$($name),*];

            fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$part),)*
                    _ => None,
                }
            }

            /// The placeholder's name.
            pub(super) fn name(self) -> &'static str {
                match self {
                    $(Self::$part => $name,)*
                }
            }
        }
    };
}

parts! {
    /// The title.
    "title" => Title,
    /// The text, `CommonMark` as the rule wrote it.
    "text" => Text,
    /// The text without its marks.
    "plain" => Plain,
    /// `info`, `success`, `warning`, or `error`.
    "severity" => Severity,
    /// The message's colour, or that of its severity, as `#rrggbb`.
    "color" => Color,
    /// Where the title leads: an address with `https:`, `http:`, or `mailto:`.
    "url" => Url,
    /// The small print.
    "footer" => Footer,
    /// Whom the message mentions, as the rule names them.
    "mentions" => Mentions,
    /// The fields: `[{"name":"…","value":"…","short":true}]`.
    "fields" => Fields,
    /// The idempotency key, the same at each attempt.
    "key" => Key,
    /// The event's id, which the key begins with.
    "event" => Event,
    /// The channel's name.
    "channel" => Channel,
}

impl Part {
    /// The part that a placeholder names; the error says which there are.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        Self::named(name).ok_or_else(|| {
            let names = Self::NAMES.join(", ");
            // What is no name may be a key that stands behind a stray `${`.
            let is_name = name.len() <= 20 && name.chars().all(|c| c.is_ascii_alphanumeric());
            if !is_name || name.is_empty() {
                return format!(
                    "a `${{` is followed by no name of a placeholder, and there are {names} (`$$` is a `$`)"
                );
            }
            let near = nearest(name, Self::NAMES.iter().copied());
            let near = near
                .map(|near| format!("; is it `${{{near}}}`?"))
                .unwrap_or_default();
            format!("`${{{name}}}` is no placeholder, and there are {names}{near} (`$$` is a `$`)")
        })
    }
}

/// The parts of one message.
pub(super) trait Parts {
    /// A part: a text, a list, or null where the message does not have it.
    fn value(&self, part: Part) -> Value;

    /// The part as text, which is empty where the message does not have it.
    fn text(&self, part: Part) -> String {
        match (part, self.value(part)) {
            (_, Value::Null) => String::new(),
            (_, Value::String(text)) => text,
            (Part::Mentions, Value::Array(names)) => {
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                names.join(", ")
            }
            (_, value) => value.to_string(),
        }
    }
}

/// The parts of a message on its way.
pub(super) struct Given<'a> {
    pub(super) message: &'a Message<'a>,
    pub(super) channel: &'a ChannelName,
    pub(super) key: &'a str,
}

impl Parts for Given<'_> {
    fn value(&self, part: Part) -> Value {
        let message = self.message.notification();
        match part {
            Part::Title => json!(self.message.title()),
            Part::Text => json!(message.text),
            Part::Plain => json!(render(&self.message.text(), &Plain)),
            Part::Severity => json!(message.severity),
            Part::Color => json!(super::color::hex(message)),
            Part::Url => json!(self.message.link()),
            Part::Footer => json!(self.message.footer()),
            Part::Mentions => json!(message.mentions),
            Part::Fields => json!(message.fields),
            Part::Key => json!(self.key),
            // Not every message is about an event.
            Part::Event => json!(self.key.split_once('/').map(|(event, _)| event)),
            Part::Channel => json!(self.channel),
        }
    }
}

/// Parts with which a template is tried.
pub(super) enum Sample {
    /// Each has what could break out of a template.
    Everything,
    /// The message has a text of no characters, and nothing else.
    Nothing,
}

impl Parts for Sample {
    fn value(&self, part: Part) -> Value {
        // It begins with what no escape of JSON goes on with.
        let text = "\"}],<&>'\\\u{e9}";
        match (self, part) {
            (Self::Everything, Part::Mentions) => json!([text, text]),
            (Self::Everything, Part::Fields) => {
                json!([{ "name": text, "value": text, "short": true }])
            }
            (Self::Everything, _) => json!(text),
            (Self::Nothing, Part::Mentions | Part::Fields) => json!([]),
            (Self::Nothing, Part::Text | Part::Plain | Part::Key | Part::Channel) => json!(""),
            (Self::Nothing, _) => Value::Null,
        }
    }
}
