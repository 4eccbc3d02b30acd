//! A message as the channels see it: what a rule asked for, with its text read and its mentions looked up.

use super::markdown::Document;
use super::people::Mention;
use super::{color, markdown};
use crate::domain::decision::{Field, Notification, Severity};

/// One message on its way to one channel.
#[derive(Debug)]
pub(super) struct Message<'a> {
    notification: &'a Notification,
    mentions: Vec<Mention<'a>>,
}

impl<'a> Message<'a> {
    pub(super) fn new(notification: &'a Notification, mentions: Vec<Mention<'a>>) -> Self {
        Self {
            notification,
            mentions,
        }
    }

    /// What the rule asked for, for channels that hand it on as it is.
    pub(super) fn notification(&self) -> &'a Notification {
        self.notification
    }

    /// Whether it is a text alone, which is shown as a plain line.
    pub(super) fn is_plain(&self) -> bool {
        let message = self.notification;
        message.title.is_none()
            && message.severity.is_none()
            && message.color.is_none()
            && message.url.is_none()
            && message.fields.is_empty()
            && message.footer.is_none()
    }

    /// Its title: plain text of a stranger, of one line as a rule.
    pub(super) fn title(&self) -> Option<&'a str> {
        let title = self.notification.title.as_deref();
        title.map(str::trim).filter(|title| !title.is_empty())
    }

    /// Its text.
    pub(super) fn text(&self) -> Document {
        Document::parse(&self.notification.text)
    }

    pub(super) fn severity(&self) -> Option<Severity> {
        self.notification.severity
    }

    /// Its colour: its own, or that of its severity.
    pub(super) fn color(&self) -> Option<u32> {
        color::rgb(self.notification)
    }

    /// Where its title leads: an address to follow, or none.
    pub(super) fn link(&self) -> Option<&'a str> {
        let url = self.notification.url.as_deref();
        url.map(str::trim).filter(|url| markdown::leads(url))
    }

    pub(super) fn fields(&self) -> &'a [Field] {
        &self.notification.fields
    }

    /// The small print: plain text of one line as a rule.
    pub(super) fn footer(&self) -> Option<&'a str> {
        let footer = self.notification.footer.as_deref();
        footer.map(str::trim).filter(|footer| !footer.is_empty())
    }

    /// Whom it mentions, each once.
    pub(super) fn mentions(&self) -> &[Mention<'a>] {
        &self.mentions
    }
}

/// A field's value, which is `CommonMark` as the text is.
pub(super) fn value(field: &Field) -> Document {
    Document::parse(&field.value)
}
