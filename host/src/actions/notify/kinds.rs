//! The kinds of channels: one list, from which everything follows that must know them all.

use serde_json::{Map, Value};

#[cfg(test)]
use super::contract::Contract;
use super::{ChannelName, Context, Notifier, Quota, SettingError, Settings, config};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:literal => $variant:ident in $module:ident,)*) => {
        /// A kind of channel.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Kind {
            $($(#[$doc])* $variant,)*
        }

        /// The settings of one channel, by its kind.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(super) enum KindConfig {
            $($variant(super::$module::Config),)*
        }

        impl Kind {
            /// The names of all kinds.
            pub(super) const NAMES: &[&str] = &[$($name),*];

            /// The kind of this name.
            pub(super) fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// Its name, as the setting `kind` has it.
            pub(super) fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Refuses what cannot be somebody's name or number on this kind; the error says what to write.
            pub(super) fn check_person(self, address: &str) -> Result<(), &'static str> {
                match self {
                    $(Self::$variant => <super::$module::Config as Settings>::check_person(address),)*
                }
            }

            /// Reads the settings of a channel of this kind.
            pub(super) fn read(self, table: Map<String, Value>) -> Result<KindConfig, String> {
                match self {
                    $(Self::$variant => config::read(table).map(KindConfig::$variant),)*
                }
            }
        }

        impl KindConfig {
            /// The kind.
            pub(super) fn kind(&self) -> Kind {
                match self {
                    $(Self::$variant(_) => Kind::$variant,)*
                }
            }

            /// How many messages the service takes in a time.
            pub(super) fn quotas(&self) -> &'static [Quota] {
                match self {
                    $(Self::$variant(_) => <super::$module::Config as Settings>::QUOTAS,)*
                }
            }

            /// Which of the keys common to all kinds have no meaning for this one.
            pub(super) fn meaningless(&self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant(_) => <super::$module::Config as Settings>::MEANINGLESS,)*
                }
            }

            /// Opens a channel.
            pub(super) fn open(
                &self,
                name: &ChannelName,
                context: &Context<'_>,
            ) -> Result<Box<dyn Notifier>, SettingError> {
                match self {
                    $(Self::$variant(config) => config.open(name, context),)*
                }
            }
        }

        /// What each kind is tested by.
        #[cfg(test)]
        pub(super) const CONTRACTS: &[(&str, Contract)] = &[$(($name, super::$module::CONTRACT)),*];
    };
}

kinds! {
    /// Standard output, for a first try and for `hookbox dev`.
    "console" => Console in console,
    /// A custom robot of a group in DingTalk.
    "dingtalk" => DingTalk in dingtalk,
    /// A webhook of Discord.
    "discord" => Discord in discord,
    /// E-mail, through any mail server.
    "email" => Email in email,
    /// A custom bot of a group in Feishu.
    "feishu" => Feishu in feishu,
    /// An application of Gotify.
    "gotify" => Gotify in gotify,
    /// Any HTTP server, with the signature of Standard Webhooks.
    "http" => Http in http,
    /// A custom bot of a group in Lark, which is Feishu elsewhere.
    "lark" => Lark in lark,
    /// An incoming webhook of Mattermost.
    "mattermost" => Mattermost in mattermost,
    /// A topic of ntfy.
    "ntfy" => Ntfy in ntfy,
    /// An incoming webhook of Slack.
    "slack" => Slack in slack,
    /// A webhook of a workflow of Microsoft Teams.
    "teams" => Teams in teams,
    /// A bot of Telegram.
    "telegram" => Telegram in telegram,
    /// The robot of a group in WeCom.
    "wecom" => WeCom in wecom,
}
