//! What a rule answers: a decision, which is a list of actions and a reason.
//!
//! The fields mean what `wit/action.wit` says. The engine makes these from what a module returns;
//! names in them (of channels, of commands) are still the module's own words, and are looked up and
//! checked against grants before anything is done.

use serde::{Deserialize, Serialize};

/// A rule's answer to one event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Decision {
    /// What to do; empty for nothing.
    #[serde(default)]
    pub actions: Vec<Action>,
    /// Why, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One thing a rule asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Sends a message to a channel.
    Notify(Notification),
    /// Runs a command.
    Deploy(Deploy),
    /// Ends the event for the rules after this one, with the reason.
    Drop(String),
}

impl Action {
    /// `notify`, `deploy` or `drop`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Notify(_) => "notify",
            Self::Deploy(_) => "deploy",
            Self::Drop(_) => "drop",
        }
    }

    /// The channel or command it names; none for a drop.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        match self {
            Self::Notify(notification) => Some(&notification.channel),
            Self::Deploy(deploy) => Some(&deploy.name),
            Self::Drop(_) => None,
        }
    }
}

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Something went well.
    Success,
    /// Something may need a person.
    Warning,
    /// Something went wrong.
    Error,
}

/// A name and a value shown in a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Field {
    /// What it is.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether it may stand beside another.
    #[serde(default)]
    pub short: bool,
}

/// A message in neutral terms, which each channel renders in its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Notification {
    /// The channel's name, as the rule wrote it.
    pub channel: String,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `CommonMark`.
    #[serde(default)]
    pub text: String,
    /// How much it matters; none for an ordinary message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// `0xRRGGBB`; none for the severity's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<u32>,
    /// Where its title leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Names and values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// Small print below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    /// Whom it mentions; `all` is everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// Not sent again by this rule to this channel for the same key within so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<Once>,
}

impl Notification {
    /// An empty message to a channel.
    #[must_use]
    pub fn to(channel: impl Into<String>) -> Self {
        Self {
            channel: channel.into(),
            title: None,
            text: String::new(),
            severity: None,
            color: None,
            url: None,
            fields: Vec::new(),
            footer: None,
            mentions: Vec::new(),
            once: None,
        }
    }
}

/// How long the same message is not sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Once {
    /// What makes two messages the same.
    pub key: String,
    /// For how many seconds.
    pub seconds: u32,
}

/// A value for a parameter of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Argument {
    /// The parameter's name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// When a command's end is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportWhen {
    /// However it ended.
    Always,
    /// Only when it failed.
    Failure,
}

/// Who is told how a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The channel's name, as the rule wrote it.
    pub channel: String,
    /// When.
    pub when: ReportWhen,
}

/// A command to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deploy {
    /// The command's name, as the rule wrote it.
    pub name: String,
    /// Values for its parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Argument>,
    /// Who is told how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
}
