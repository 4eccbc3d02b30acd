//! What a rule says of itself and asks for.

use serde::{Deserialize, Serialize};

use super::quantity::Bytes;

/// How many entries each of its lists may hold: more than any rule has. A pattern takes some kilobytes of memory as
/// long as the rule is at work.
const ENTRIES: usize = 256;

/// How large it may be as JSON, as its settings file may be.
const SIZE: Bytes = Bytes::kib(64);

/// Why a manifest is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// One of its lists is too long.
    #[error("`{list}` holds {found} entries, and may hold {ENTRIES}")]
    Entries {
        /// The list.
        list: &'static str,
        /// How many there are.
        found: usize,
    },
    /// All of it is too large.
    #[error("its texts have {found} in all, and may have {SIZE}")]
    Size {
        /// How large it is.
        found: Bytes,
    },
}

/// What a module's `describe` returns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// The module's own name.
    pub name: String,
    /// Its semantic version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
    /// An SPDX expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Where to read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// The subjects it wants to see; empty for all but `schedule`.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// Channels it may name beyond those its settings name, as patterns.
    #[serde(default)]
    pub channels: Vec<String>,
    /// Commands it may name beyond those its settings name, as patterns.
    #[serde(default)]
    pub commands: Vec<String>,
    /// What the operator may set.
    #[serde(default)]
    pub settings: Vec<Setting>,
}

impl Manifest {
    /// Whether it is no larger than one may be: it is a stranger's, and kept as long as the rule is at work.
    ///
    /// # Errors
    /// The list that is too long, or how large it is.
    pub fn check(&self) -> Result<(), ManifestError> {
        for (list, found) in [
            ("authors", self.authors.len()),
            ("subjects", self.subjects.len()),
            ("channels", self.channels.len()),
            ("commands", self.commands.len()),
            ("settings", self.settings.len()),
        ] {
            if found > ENTRIES {
                return Err(ManifestError::Entries { list, found });
            }
        }
        let size = serde_json::to_vec(self).map_or(u64::MAX, |json| {
            u64::try_from(json.len()).unwrap_or(u64::MAX)
        });
        if size > SIZE.0 {
            return Err(ManifestError::Size { found: Bytes(size) });
        }
        Ok(())
    }
}

/// What a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingKind {
    /// A text.
    Text,
    /// A list of texts.
    Texts,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A channel's name.
    Channel,
    /// A list of channels' names.
    Channels,
    /// A command's name.
    Command,
    /// A list of commands' names.
    Commands,
    /// Anything that JSON can say.
    Json,
}

impl SettingKind {
    /// The kind in words, for messages: `a text`, `a list of channels` …
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Texts => "a list of texts",
            Self::Integer => "a whole number",
            Self::Boolean => "true or false",
            Self::Channel => "the name of a channel",
            Self::Channels => "a list of names of channels",
            Self::Command => "the name of a command",
            Self::Commands => "a list of names of commands",
            Self::Json => "any value",
        }
    }
}

/// One setting of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Setting {
    /// Its key in `[settings]`.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// What it holds.
    pub kind: SettingKind,
    /// Whether it must be given.
    pub required: bool,
    /// The default, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}
