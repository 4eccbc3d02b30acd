//! What stands under `[channels.<name>]`, and under `[outgoing]`.
//!
//! Each kind of channel has keys of its own, which its file describes; the keys here are common to all kinds.
//!
//! Invariants:
//! - An unknown key is an error that names it, and its nearest neighbour among those of its kind.

use std::fmt;
use std::path::PathBuf;

use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::error::SettingError;
use super::kinds::{Kind, KindConfig};
use super::quota::Quota;
use super::setting::TextSetting;
use crate::capability::nearest;
use crate::domain::quantity::Span;

/// The keys that every kind of channel has besides its own.
const COMMON: [&str; 6] = [
    "proxy",
    "ca",
    "timeout",
    "quota",
    "over_quota",
    "give_up_after",
];

/// The settings of one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelConfig {
    /// The settings of its kind.
    pub(super) of_kind: KindConfig,
    /// How it is reached.
    pub outgoing: OutgoingConfig,
    /// How its messages are kept and sent.
    pub delivery: DeliveryConfig,
}

impl ChannelConfig {
    /// Every kind of channel there is, as `kind` names it.
    pub const KINDS: &[&str] = Kind::NAMES;

    /// The kind, as `kind` names it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.of_kind.kind().name()
    }
}

/// How a server outside is reached: under `[outgoing]` for all channels, and with a channel for it alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutgoingConfig {
    /// The URL of a proxy to go through, or `none`; none by default, whatever the environment says.
    pub proxy: Option<TextSetting>,
    /// A file of certificates (PEM) of authorities that are trusted besides those of the system; a relative
    /// path counts from the configuration file's folder.
    pub ca: Option<PathBuf>,
    /// How long a whole request may take, to the end of the answer; 15 s by default (60 s for e-mail), of which
    /// 5 s to connect.
    pub timeout: Option<Span>,
}

impl OutgoingConfig {
    /// These settings, and where they say nothing, those for all channels.
    #[must_use]
    pub(super) fn or(&self, all: &Self) -> Self {
        Self {
            proxy: self.proxy.clone().or_else(|| all.proxy.clone()),
            ca: self.ca.clone().or_else(|| all.ca.clone()),
            timeout: self.timeout.or(all.timeout),
        }
    }

    /// Refuses the first of these keys that is set.
    pub(super) fn refuse(&self, meaningless: &[&'static str]) -> Result<(), SettingError> {
        let keys = [
            ("proxy", self.proxy.is_some()),
            ("ca", self.ca.is_some()),
            ("timeout", self.timeout.is_some()),
        ];
        let refused = keys
            .into_iter()
            .find(|(key, is_set)| *is_set && meaningless.contains(key));
        refused.map_or(Ok(()), |(key, _)| Err(SettingError::Meaningless { key }))
    }
}

/// How the messages of a channel are kept and sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliveryConfig {
    /// How many messages are sent in a time, such as `20/1m`; by default what the service takes. What that takes in a
    /// shorter time holds besides.
    pub quota: Option<Quota>,
    /// What becomes of those that come faster.
    pub over_quota: OverQuota,
    /// How long a message waits for a channel that fails, before it is a dead letter; a day by default.
    pub give_up_after: Option<Span>,
}

impl DeliveryConfig {
    /// The quotas of a channel whose service has these: the configured one in place of those of the same time or a
    /// longer one. Who sends more in a minute than the service says must not send it in a second.
    pub(super) fn quotas(&self, of_service: &[Quota]) -> Vec<Quota> {
        let Some(quota) = self.quota else {
            return of_service.to_vec();
        };
        let shorter = of_service.iter().filter(|of| of.per < quota.per);
        [quota].into_iter().chain(shorter.copied()).collect()
    }
}

/// What becomes of messages that come faster than the quota lets them go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverQuota {
    /// They are one message that says how many they are.
    #[default]
    Merge,
    /// Each waits for its turn.
    Wait,
}

impl<'de> Deserialize<'de> for ChannelConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ChannelVisitor)
    }
}

struct ChannelVisitor;

impl<'de> Visitor<'de> for ChannelVisitor {
    type Value = ChannelConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings of a channel, with its `kind`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ChannelConfig, A::Error> {
        let mut own = Map::new();
        let (mut outgoing, mut delivery) = (Map::new(), Map::new());
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            let table = match key.as_str() {
                "proxy" | "ca" | "timeout" => &mut outgoing,
                "quota" | "over_quota" | "give_up_after" => &mut delivery,
                _ => &mut own,
            };
            table.insert(key, value);
        }
        let kind = own
            .remove("kind")
            .ok_or_else(|| A::Error::missing_field("kind"))?;
        let kind = kind.as_str().and_then(Kind::named).ok_or_else(|| {
            let found = kind
                .as_str()
                .map_or_else(|| kind.to_string(), str::to_owned);
            A::Error::custom(no_such_kind(&found))
        })?;
        Ok(ChannelConfig {
            of_kind: kind.read(own).map_err(A::Error::custom)?,
            outgoing: read(outgoing).map_err(A::Error::custom)?,
            delivery: read(delivery).map_err(A::Error::custom)?,
        })
    }
}

fn no_such_kind(found: &str) -> String {
    let near = nearest(found, Kind::NAMES.iter().copied());
    let near = near
        .map(|near| format!("; is it `{near}`?"))
        .unwrap_or_default();
    format!(
        "`kind` is `{}`, and there are {}{near}",
        found.escape_debug(),
        Kind::NAMES.join(", ")
    )
}

/// Reads settings; the error names the key.
pub(super) fn read<T: DeserializeOwned>(table: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(table)).map_err(|error| {
        let text = error.to_string();
        let mut quoted = text.split('`').skip(1).step_by(2);
        let unknown = text.starts_with("unknown field");
        let near = match (unknown, quoted.next()) {
            (true, Some(found)) => nearest(found, quoted.chain(COMMON)),
            _ => None,
        };
        match near {
            Some(near) => format!("{text}; is it `{near}`?"),
            None => text,
        }
    })
}
