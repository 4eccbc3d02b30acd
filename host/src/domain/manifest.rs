//! What a rule says of itself and asks for.

use serde::{Deserialize, Serialize};

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
