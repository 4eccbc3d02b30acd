//! A message as the channels see it: what a rule asked for, with its text read and its mentions looked up.

use super::markdown::Document;
use super::people::Mention;
use super::text::is_blank;
use super::{color, markdown};
use crate::domain::decision::{Field, Notification, Severity};

/// One message on its way to one channel.
#[derive(Debug)]
pub(super) struct Message<'a> {
    notification: &'a Notification,
    mentions: Vec<Mention<'a>>,
    fields: Vec<Field>,
    holds: Holds,
}

/// Whether there is anything to be seen in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Something,
    Nothing,
}

/// What a message says that says nothing: services refuse one that is empty, and it would be lost.
pub(super) const NOTHING: &str = "(no text)";

/// What stands for a name or a value that is empty: services refuse those as well.
const EMPTY: &str = "–";

impl<'a> Message<'a> {
    pub(super) fn new(notification: &'a Notification, mentions: Vec<Mention<'a>>) -> Self {
        let mut message = Self {
            notification,
            mentions,
            fields: fields(&notification.fields),
            holds: Holds::Something,
        };
        if message.title().is_none()
            && message.link().is_none()
            && message.footer().is_none()
            && message.fields.is_empty()
            && message.mentions.is_empty()
            && message.text().is_blank()
        {
            message.holds = Holds::Nothing;
        }
        message
    }

    /// What the rule asked for, for channels that hand it on as it is.
    pub(super) fn notification(&self) -> &'a Notification {
        self.notification
    }

    /// Whether it is a text alone, which is shown as a plain line.
    pub(super) fn is_plain(&self) -> bool {
        let message = self.notification;
        self.title().is_none()
            && message.severity.is_none()
            && message.color.is_none()
            && message.url.is_none()
            && self.fields.is_empty()
            && self.footer().is_none()
    }

    /// Its title: plain text of a stranger, of one line as a rule.
    pub(super) fn title(&self) -> Option<&'a str> {
        let title = self.notification.title.as_deref();
        title.map(str::trim).filter(|title| !is_blank(title))
    }

    /// Its text.
    pub(super) fn text(&self) -> Document {
        match self.holds {
            Holds::Something => Document::parse(&self.notification.text),
            Holds::Nothing => Document::parse(NOTHING),
        }
    }

    pub(super) fn severity(&self) -> Option<Severity> {
        self.notification.severity
    }

    /// Its colour: its own, or that of its severity.
    pub(super) fn color(&self) -> Option<u32> {
        color::rgb(self.notification)
    }

    /// Where its title leads: an address to follow, or none. It may be longer than a service takes, which then shows
    /// its beginning as text.
    pub(super) fn link(&self) -> Option<&'a str> {
        let url = self.notification.url.as_deref();
        url.map(str::trim).filter(|url| markdown::leads(url))
    }

    /// Its fields: each has a name and a value.
    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The small print: plain text of one line as a rule.
    pub(super) fn footer(&self) -> Option<&'a str> {
        let footer = self.notification.footer.as_deref();
        footer.map(str::trim).filter(|footer| !is_blank(footer))
    }

    /// Whom it mentions, each once.
    pub(super) fn mentions(&self) -> &[Mention<'a>] {
        &self.mentions
    }
}

/// Fields without those that hold nothing, and with something in each part.
fn fields(fields: &[Field]) -> Vec<Field> {
    let filled = |text: &str| match is_blank(text) {
        true => EMPTY.to_owned(),
        false => text.to_owned(),
    };
    fields
        .iter()
        .filter(|field| !is_blank(&field.name) || !is_blank(&field.value))
        .map(|field| Field {
            name: filled(&field.name),
            value: filled(&field.value),
            short: field.short,
        })
        .collect()
}

/// A field's value, which is `CommonMark` as the text is.
pub(super) fn value(field: &Field) -> Document {
    Document::parse(&field.value)
}
