//! Settings of channels that may be secrets.
//!
//! A webhook's URL is a secret, because its path holds the key; yet a first try with
//! `url = "http://localhost/…"` should not need an environment variable. So both are taken, and
//! neither is shown.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::error::SettingError;
use crate::domain::secret::{ReadSecret, Secret, SecretRef};

/// A text in the configuration itself, or where it is kept: `"…"` or `{ env = "NAME" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextSetting {
    /// The text itself. Treated as a secret all the same.
    Plain(Secret),
    /// Where it is kept.
    Kept(SecretRef),
}

impl TextSetting {
    /// The text. `key` names the setting in the error.
    pub(super) fn read(&self, key: &str, secrets: &dyn ReadSecret) -> Result<Secret, SettingError> {
        match self {
            Self::Plain(text) => Ok(text.clone()),
            Self::Kept(reference) => {
                secrets
                    .read(reference)
                    .map_err(|error| SettingError::Secret {
                        key: key.to_owned(),
                        error,
                    })
            }
        }
    }
}

impl<'de> Deserialize<'de> for TextSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = TextSetting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or where it is kept, such as { env = \"NAME\" }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TextSetting, E> {
        Ok(TextSetting::Plain(Secret::new(text)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TextSetting, A::Error> {
        SecretRef::deserialize(MapAccessDeserializer::new(map)).map(TextSetting::Kept)
    }
}
