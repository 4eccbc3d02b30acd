//! Notifications: one neutral message, rendered and sent by each kind of channel in its own way.
//!
//! The configuration gives one [`ChannelConfig`] for each channel; [`Channels::build`] opens them all
//! or says which key of which channel is wrong, and the worker calls [`Channels::send`] once for each
//! attempt. A kind of channel is a file of this folder with a settings type and a [`Notifier`], and a
//! line in the list below. What they share is here as well: the outgoing HTTP client, the addresses it
//! never connects to, and the treatment of texts that come from strangers.
//!
//! Invariants:
//! - No error and no `Debug` text shows the path or query of a channel's URL, a key, or a header.
//! - Whether another attempt is worth making is decided here, by [`SendError::disposition`].
//! - No channel leads to Hookbox's own listeners or to a cloud's metadata, by address or by name.
//! - In a message only its `mentions` mention anybody.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use crate::domain::clock::Clock;
use crate::domain::decision::Notification;
use crate::domain::names::ChannelName;
use crate::domain::secret::ReadSecret;

mod client;
mod color;
mod console;
mod error;
mod guard;
mod http;
mod mattermost;
mod setting;
#[cfg(test)]
mod tests;
mod text;

pub use client::Timeouts;
pub use console::{ConsoleConfig, ConsoleSink, StandardOutput};
use error::Problem;
pub use error::{ChannelConfigError, Disposition, SendError, SettingError};
pub use guard::ForbiddenAddress;
pub use http::HttpConfig;
pub use mattermost::MattermostConfig;
pub use setting::TextSetting;

/// Sends messages to one channel.
#[async_trait]
trait Notifier: Send + Sync {
    /// Where the messages go, for errors: a scheme and a host, never the rest of a URL.
    fn place(&self) -> &str;

    /// Sends a message once. Called again with the same key when an attempt is repeated, and at the same
    /// time for different messages. Dropping the future ends the attempt, which may have been made.
    async fn send(&self, message: &Notification, key: &str) -> Result<Sent, Problem>;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:literal => $variant:ident($config:ty),)*) => {
        /// The settings of one channel, told apart by their key `kind`.
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
        #[serde(tag = "kind")]
        pub enum ChannelConfig {
            $($(#[$doc])* #[serde(rename = $kind)] $variant($config),)*
        }

        impl ChannelConfig {
            /// Every kind of channel there is, as `kind` names it.
            pub const KINDS: &[&str] = &[$($kind),*];

            /// The kind, as `kind` names it.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $kind,)*
                }
            }

            fn open(
                &self,
                name: &ChannelName,
                context: &Context<'_>,
            ) -> Result<Box<dyn Notifier>, SettingError> {
                match self {
                    $(Self::$variant(config) => Ok(Box::new(config.open(name, context)?)),)*
                }
            }
        }
    };
}

kinds! {
    /// Standard output, for a first try and for `hookbox dev`.
    "console" => Console(ConsoleConfig),
    /// Any HTTP server, with the signature of Standard Webhooks.
    "http" => Http(HttpConfig),
    /// An incoming webhook of Mattermost.
    "mattermost" => Mattermost(MattermostConfig),
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
    /// How long an outgoing request may take.
    pub timeouts: Timeouts,
}

struct Channel {
    kind: &'static str,
    notifier: Box<dyn Notifier>,
}

/// All configured channels, open and ready.
pub struct Channels(BTreeMap<ChannelName, Channel>);

impl Channels {
    /// Opens every channel. Connects to none of them.
    ///
    /// # Errors
    /// The first setting that cannot be used, with the channel and the key.
    pub fn build(
        configs: &BTreeMap<ChannelName, ChannelConfig>,
        context: &Context<'_>,
    ) -> Result<Self, ChannelConfigError> {
        let open = |(name, config): (&ChannelName, &ChannelConfig)| {
            let notifier = config
                .open(name, context)
                .map_err(|error| ChannelConfigError::new(name, error))?;
            let kind = config.kind();
            Ok((name.clone(), Channel { kind, notifier }))
        };
        configs.iter().map(open).collect::<Result<_, _>>().map(Self)
    }

    /// The names of the channels, in order.
    pub fn names(&self) -> impl Iterator<Item = &ChannelName> {
        self.0.keys()
    }

    /// The kind of a channel, as `kind` names it; none for a channel that is not configured.
    #[must_use]
    pub fn kind(&self, channel: &ChannelName) -> Option<&'static str> {
        self.0.get(channel).map(|channel| channel.kind)
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
        let Some(Channel { kind, notifier }) = self.0.get(channel) else {
            return Err(SendError::not_configured(channel));
        };
        let sent = notifier.send(message, key).await;
        sent.map_err(|problem| SendError::new(channel, kind, notifier.place(), problem))
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self
            .0
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
