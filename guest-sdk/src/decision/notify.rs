//! Building a message to a channel.

use std::time::Duration;

use super::{Action, Decision, Field, Notification, Once, OptionalText, Severity};
use crate::state::seconds;

/// A message to a channel of the operator's, in neutral terms; each channel renders it in its own.
///
/// ```
/// # use hookbox_sdk::prelude::*;
/// # let push_url = Some("https://git.example.org/payments/api".to_owned());
/// let decision: Decision = Notify::to("dev")
///     .title("3 commits to main")
///     .link(&push_url)
///     .severity(Severity::Info)
///     .field("Project", "payments/api")
///     .into();
/// # assert_eq!(decision.actions.len(), 1);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a notification is sent only as part of the decision that a rule returns"]
pub struct Notify {
    notification: Notification,
}

impl Notify {
    /// Begins a message to a channel, by its name.
    pub fn to(channel: impl AsRef<str>) -> Self {
        Self {
            notification: Notification {
                channel: channel.as_ref().to_owned(),
                title: None,
                text: String::new(),
                severity: None,
                color: None,
                url: None,
                fields: Vec::new(),
                footer: None,
                mentions: Vec::new(),
                once: None,
            },
        }
    }

    /// Sets the title: plain text.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.notification.title = Some(title.into());
        self
    }

    /// Sets the text: Markdown. [`markdown::escape`](crate::markdown::escape) makes a stranger's text
    /// safe to stand in it.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.notification.text = text.into();
        self
    }

    /// Sets how much it matters.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.notification.severity = Some(severity);
        self
    }

    /// Sets a colour, `0xRRGGBB`, instead of the severity's own.
    pub fn color(mut self, color: u32) -> Self {
        self.notification.color = Some(color & 0x00FF_FFFF);
        self
    }

    /// Sets the page that the title opens; none leaves it out.
    pub fn link(mut self, url: impl OptionalText) -> Self {
        self.notification.url = url.into_optional();
        self
    }

    /// Adds a field that may stand beside another; a value of `None` adds nothing.
    ///
    /// Some services render it as Markdown: a name that a stranger chose is better escaped.
    pub fn field(self, name: impl Into<String>, value: impl OptionalText) -> Self {
        self.with_field(name.into(), value.into_optional(), true)
    }

    /// Adds a field that takes the whole width; a value of `None` adds nothing.
    pub fn long_field(self, name: impl Into<String>, value: impl OptionalText) -> Self {
        self.with_field(name.into(), value.into_optional(), false)
    }

    fn with_field(mut self, name: String, value: Option<String>, short: bool) -> Self {
        if let Some(value) = value {
            self.notification.fields.push(Field { name, value, short });
        }
        self
    }

    /// Sets the small print below the message; none leaves it out.
    pub fn footer(mut self, footer: impl OptionalText) -> Self {
        self.notification.footer = footer.into_optional();
        self
    }

    /// Mentions somebody, by user name or e-mail address; `all` is everybody, `None` nobody.
    pub fn mention(mut self, person: impl OptionalText) -> Self {
        self.notification.mentions.extend(person.into_optional());
        self
    }

    /// Keeps it from being sent again to this channel, by this rule, for the same key, within so long.
    pub fn once(mut self, key: impl Into<String>, within: Duration) -> Self {
        self.notification.once = Some(Once {
            key: key.into(),
            seconds: seconds(within),
        });
        self
    }

    /// Says why it is sent, for whoever asks later.
    pub fn because(self, reason: impl Into<String>) -> Decision {
        Decision::from(self).because(reason)
    }
}

impl From<Notify> for Action {
    fn from(notify: Notify) -> Self {
        Self::Notify(notify.notification)
    }
}

impl From<Notify> for Decision {
    fn from(notify: Notify) -> Self {
        Action::from(notify).into()
    }
}
