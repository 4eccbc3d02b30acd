//! Notifications: one neutral message, rendered and sent by each kind of channel in its own way.
//!
//! The configuration gives one [`ChannelConfig`] for each channel; [`Channels::build`] opens them all
//! or says which key of which channel is wrong, and the worker calls [`Channels::send`] once for each
//! attempt. A kind of channel is a file of this folder with its settings, which implement [`Settings`], and a
//! [`Notifier`]; [`kinds`] lists them. What they share is here as well: the outgoing HTTP client, the addresses it
//! never connects to, texts read as `CommonMark` and written in a dialect, and the treatment of what comes from
//! strangers.
//!
//! Invariants:
//! - No error and no `Debug` text shows the path or query of a channel's URL, a key, or a header.
//! - Whether another attempt is worth making is decided here, by [`SendError::disposition`].
//! - No channel leads to Hookbox's own listeners or to a cloud's metadata, by address or by name.
//! - In a message only its `mentions` mention anybody, and only those whom `[people]` has.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::de::DeserializeOwned;

use crate::domain::clock::Clock;
use crate::domain::decision::Notification;
use crate::domain::names::ChannelName;
use crate::domain::secret::ReadSecret;

mod address;
mod client;
mod color;
mod config;
mod console;
#[cfg(test)]
mod contract;
mod dialect;
mod dingtalk;
mod discord;
mod email;
mod error;
mod feishu;
mod gotify;
mod guard;
mod http;
mod kinds;
mod lark;
mod markdown;
mod mattermost;
mod merge;
mod message;
mod ntfy;
mod people;
mod quota;
mod robot;
mod room;
mod setting;
mod sheet;
mod slack;
mod teams;
mod telegram;
#[cfg(test)]
mod tests;
mod text;
mod wecom;

pub use config::{ChannelConfig, DeliveryConfig, OutgoingConfig, OverQuota};
pub use console::{ConsoleSink, StandardOutput};
use error::Problem;
pub use error::{Blame, ChannelConfigError, Disposition, SendError, SettingError};
pub use guard::ForbiddenAddress;
use message::Message;
pub use people::{People, PersonConfig};
pub use quota::{Bucket, Quota};
pub use setting::TextSetting;

/// How long a message waits for a channel that fails, where its configuration does not say.
const GIVE_UP_AFTER: Duration = Duration::from_hours(24);

/// Sends messages to one channel.
#[async_trait]
trait Notifier: Send + Sync {
    /// Where the messages go, for errors: a scheme and a host, never the rest of a URL.
    fn place(&self) -> &str;

    /// Sends a message once. Called again with the same key when an attempt is repeated; one message after the
    /// other. Dropping the future ends the attempt, which may have been made.
    async fn send(&self, message: &Message<'_>, key: &str) -> Result<Sent, Problem>;
}

/// The settings of one kind of channel.
trait Settings: DeserializeOwned {
    /// How many messages the service takes in a time, by its documentation; all of them hold. None where it
    /// does not say.
    const QUOTAS: &'static [Quota];

    /// Which of the keys common to all kinds have no meaning for this one: with a channel they are errors.
    const MEANINGLESS: &'static [&'static str] = &[];

    /// Refuses what cannot be somebody's name or number on the service; the error says what to write. Any text is one
    /// by default.
    fn check_person(_address: &str) -> Result<(), &'static str> {
        Ok(())
    }

    /// Opens a channel with these settings, and connects to nothing.
    fn open(
        &self,
        name: &ChannelName,
        context: &Context<'_>,
    ) -> Result<Box<dyn Notifier>, SettingError>;
}

/// What channels need from the server to be opened.
pub struct Context<'a> {
    /// Reads the secrets that settings name. Only used while the channels are built.
    pub secrets: &'a dyn ReadSecret,
    /// The time for signatures and for dates in answers.
    pub clock: Arc<dyn Clock>,
    /// Where channels of the kind `console` print.
    pub console: Arc<dyn ConsoleSink>,
    /// Hookbox's own listeners, to which nothing is ever sent.
    pub forbidden: Vec<SocketAddr>,
    /// How servers outside are reached where a channel does not say.
    pub outgoing: OutgoingConfig,
    /// The configuration file's folder, from which relative paths count.
    pub folder: PathBuf,
}

struct Channel {
    kind: &'static str,
    notifier: Box<dyn Notifier>,
    quotas: Vec<Quota>,
    over_quota: OverQuota,
    give_up_after: Duration,
}

/// All configured channels, open and ready.
pub struct Channels {
    channels: BTreeMap<ChannelName, Channel>,
    people: People,
}

impl Channels {
    /// Opens every channel. Connects to none of them.
    ///
    /// # Errors
    /// The first setting that cannot be used, with the channel and the key.
    pub fn build(
        configs: &BTreeMap<ChannelName, ChannelConfig>,
        people: People,
        context: &Context<'_>,
    ) -> Result<Self, ChannelConfigError> {
        let open = |(name, config): (&ChannelName, &ChannelConfig)| {
            let channel = open(name, config, context);
            let channel = channel.map_err(|error| ChannelConfigError::new(name, error))?;
            Ok((name.clone(), channel))
        };
        let channels = configs.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { channels, people })
    }

    /// The names of the channels, in order.
    pub fn names(&self) -> impl Iterator<Item = &ChannelName> {
        self.channels.keys()
    }

    /// The kind of a channel, as `kind` names it; none for a channel that is not configured.
    #[must_use]
    pub fn kind(&self, channel: &ChannelName) -> Option<&'static str> {
        self.channels.get(channel).map(|channel| channel.kind)
    }

    /// Where a channel leads: a scheme and a host; none for a channel that is not configured.
    #[must_use]
    pub fn place(&self, channel: &ChannelName) -> Option<&str> {
        let channel = self.channels.get(channel);
        channel.map(|channel| channel.notifier.place())
    }

    /// How many messages a channel takes in a time; none where nothing is known, or there is no such channel.
    #[must_use]
    pub fn quotas(&self, channel: &ChannelName) -> &[Quota] {
        self.channels
            .get(channel)
            .map_or(&[], |channel| channel.quotas.as_slice())
    }

    /// What becomes of messages that come faster than a channel takes them.
    #[must_use]
    pub fn over_quota(&self, channel: &ChannelName) -> OverQuota {
        let channel = self.channels.get(channel);
        channel.map_or(OverQuota::Wait, |channel| channel.over_quota)
    }

    /// How long a message waits for a channel that fails, before it is a dead letter.
    #[must_use]
    pub fn give_up_after(&self, channel: &ChannelName) -> Duration {
        let channel = self.channels.get(channel);
        channel.map_or(GIVE_UP_AFTER, |channel| channel.give_up_after)
    }

    /// Lines of code as a part of a message's text, which they cannot leave; nothing for no lines.
    #[must_use]
    pub fn code_block(code: &str) -> String {
        match code.is_empty() {
            true => String::new(),
            false => dialect::fenced("", code),
        }
    }

    /// A value as a piece of code in a message's text, in which no mark means anything.
    #[must_use]
    pub fn code(value: &str) -> String {
        dialect::quoted(value)
    }

    /// Many messages of a channel as one, which says how many they are.
    #[must_use]
    pub fn merged(&self, channel: &ChannelName, messages: &[&Notification]) -> Notification {
        let quotas: Vec<String> = self.quotas(channel).iter().map(Quota::to_string).collect();
        merge::merged(messages, &quotas.join(", "))
    }

    /// Sends a message to a channel, once. `key` is the action's idempotency key, the same for each of
    /// its attempts. Dropping the future ends the attempt, which may have been made.
    ///
    /// # Errors
    /// When the channel is not configured, or did not take the message.
    pub async fn send(
        &self,
        channel: &ChannelName,
        message: &Notification,
        key: &str,
    ) -> Result<Sent, SendError> {
        let Some(Channel { kind, notifier, .. }) = self.channels.get(channel) else {
            return Err(SendError::not_configured(channel));
        };
        let message = self.people.message(message, kind);
        let sent = notifier.send(&message, key).await;
        sent.map_err(|problem| SendError::new(channel, kind, notifier.place(), problem))
    }
}

fn open(
    name: &ChannelName,
    config: &ChannelConfig,
    context: &Context<'_>,
) -> Result<Channel, SettingError> {
    config.outgoing.refuse(config.of_kind.meaningless())?;
    let context = Context {
        secrets: context.secrets,
        clock: Arc::clone(&context.clock),
        console: Arc::clone(&context.console),
        forbidden: context.forbidden.clone(),
        outgoing: config.outgoing.or(&context.outgoing),
        folder: context.folder.clone(),
    };
    let delivery = &config.delivery;
    Ok(Channel {
        kind: config.kind(),
        notifier: config.of_kind.open(name, &context)?,
        quotas: delivery.quotas(config.of_kind.quotas()),
        over_quota: delivery.over_quota,
        give_up_after: delivery.give_up_after.map_or(GIVE_UP_AFTER, |span| span.0),
    })
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self
            .channels
            .iter()
            .map(|(name, channel)| (name.as_str(), channel.kind));
        f.debug_map().entries(kinds).finish()
    }
}

/// A message that a channel took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// What the channel answered, such as `200 ok`.
    pub detail: String,
}
