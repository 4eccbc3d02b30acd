//! The errors of channels: settings that cannot be used, and messages that were not taken.
//!
//! [`ChannelConfigError`] is what building the channels gives, [`SendError`] what one attempt gives.
//! Both say the cause in their own message and have no source, because what lies below may name a
//! whole URL.
//!
//! Invariants:
//! - No variant holds a URL's path or query, a key, or a header's value.
//! - Texts of a server's answer are escaped, masked, and cut before they come here.

use std::path::PathBuf;
use std::time::Duration;

use ::http::StatusCode;

use super::guard::ForbiddenAddress;
use crate::domain::names::ChannelName;
use crate::domain::secret::SecretError;

/// A channel that cannot be opened with its settings.
#[derive(Debug, Clone, thiserror::Error)]
#[error("channel `{channel}`: {error}")]
pub struct ChannelConfigError {
    channel: ChannelName,
    error: SettingError,
}

impl ChannelConfigError {
    pub(super) fn new(channel: &ChannelName, error: SettingError) -> Self {
        let channel = channel.clone();
        Self { channel, error }
    }

    /// The channel.
    #[must_use]
    pub fn channel(&self) -> &ChannelName {
        &self.channel
    }

    /// What is wrong with its settings.
    #[must_use]
    pub fn error(&self) -> &SettingError {
        &self.error
    }
}

/// A setting of a channel that cannot be used. Each names its key.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SettingError {
    /// The secret is not where the setting says.
    #[error("`{key}`: {error}")]
    Secret {
        /// The key of the setting.
        key: String,
        /// Why it cannot be read.
        error: SecretError,
    },
    /// The value is not of the form it must have.
    #[error("`{key}` is not usable: {expected}")]
    Invalid {
        /// The key of the setting.
        key: String,
        /// What was expected. Does not show the value, which may be a secret.
        expected: &'static str,
    },
    /// The value is not of the form it must have, for a reason that depends on it.
    #[error("`{key}` is not usable: {reason}")]
    Unusable {
        /// The key of the setting.
        key: String,
        /// What is wrong, and what to write. Does not show a value that may be a secret.
        reason: String,
    },
    /// The URL leads where Hookbox never connects to.
    #[error("`{key}` leads to {address}")]
    Forbidden {
        /// The key of the setting.
        key: String,
        /// The address, and why.
        address: ForbiddenAddress,
    },
    /// The key has no meaning for this kind of channel.
    #[error("`{key}` has no meaning for this kind of channel: remove it")]
    Meaningless {
        /// The key of the setting.
        key: &'static str,
    },
    /// The certificates of authorities cannot be used.
    #[error("`ca` names `{}`, which cannot be used: {reason}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A person has the name that means everybody.
    #[error("`[people.{person}]` has the name `all`, and `all` is everybody: remove it")]
    Everybody {
        /// The person.
        person: String,
    },
    /// A service knows nobody by what stands under a person.
    #[error("`[people.{person}]`: `{kind}` is `{found}`: {expected}")]
    Person {
        /// The person.
        person: String,
        /// The kind of channel.
        kind: String,
        /// What stands there, or its beginning.
        found: String,
        /// What to write.
        expected: &'static str,
    },
    /// Two people have the same name.
    #[error("`[people]`: `{}` and `{}` are both `{name}`: take it from one of them", people.0, people.1)]
    SamePerson {
        /// The name.
        name: String,
        /// The people.
        people: (String, String),
    },
    /// The client for the URL cannot be made.
    #[error("no connection can be prepared for `{key}`: {reason}")]
    Client {
        /// The key of the setting.
        key: String,
        /// Why.
        reason: String,
    },
}

/// Whether another attempt is worth making.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Yes: the channel failed, and it would fail for other messages as well.
    Hold {
        /// Not before so long, as the channel asked, a day at most; none when it did not say.
        after: Option<Duration>,
        /// Whether the message may be the reason all the same.
        blame: Blame,
    },
    /// No: the same message would meet the same answer.
    GiveUp,
}

/// What may be the reason of a failure that passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The channel alone: it was not reached, or it said that it takes nothing now.
    Channel,
    /// The channel, or a message that it cannot take: it answered with an error of its own.
    Either,
}

/// What an error code of a service means, whatever the status of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same message would meet it again.
    Permanent,
    /// It passes: too many messages, or the service has trouble.
    Passing {
        /// How long the service asks to wait, where it says so.
        after: Option<Duration>,
    },
    /// It may pass, and the message may be its reason as well.
    Doubtful,
}

/// A message that a channel did not take. Its text is for operators.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{subject} {problem}")]
pub struct SendError {
    subject: String,
    problem: Problem,
}

impl SendError {
    pub(super) fn new(channel: &ChannelName, kind: &str, place: &str, problem: Problem) -> Self {
        let subject = format!("channel `{channel}` ({kind}, {place})");
        Self { subject, problem }
    }

    pub(super) fn not_configured(channel: &ChannelName) -> Self {
        let subject = format!("channel `{channel}`");
        let problem = Problem::NotConfigured {
            channel: channel.clone(),
        };
        Self { subject, problem }
    }

    /// Whether another attempt is worth making.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        self.problem.disposition()
    }
}

/// What went wrong with one attempt, as the predicate of a sentence about the channel.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Problem {
    /// The configuration has no such channel.
    #[error("is not configured: add `[channels.{channel}]` to `hookbox.toml`")]
    NotConfigured { channel: ChannelName },
    /// The time was up.
    #[error("gave no answer within {}", seconds(.within))]
    TimedOut { within: Duration },
    /// No connection was made: refused, unknown name, no trust in its certificate.
    #[error("cannot be reached: {reason}")]
    Unreachable { reason: String },
    /// The connection ended before the answer did, or what came is not HTTP.
    #[error("broke off its answer: {reason}")]
    Broken { reason: String },
    /// The answer is not a success.
    #[error("answered {}{}", status_text(.status), detail(.message))]
    Refused {
        status: StatusCode,
        /// What the answer said about it; may be empty.
        message: String,
        retry_after: Option<Duration>,
    },
    /// The answer has a status of success, and is none.
    #[error("answered {}, but not `{expected}`{}", status_text(.status), detail(.found))]
    NotTaken {
        status: StatusCode,
        expected: &'static str,
        found: String,
    },
    /// The answer has an error code of the service's own.
    #[error("answered with the error {code}{}", detail(.message))]
    Coded {
        code: String,
        /// What the answer said about it; may be empty.
        message: String,
        verdict: Verdict,
    },
    /// The server lacks what the settings ask of it.
    #[error("offers no {what}: {advice}")]
    Lacking {
        what: &'static str,
        advice: &'static str,
    },
    /// The answer leads elsewhere.
    #[error(
        "answered {} to {to}, and a redirect is never followed: put the final address into `url`",
        status_text(.status)
    )]
    Redirected { status: StatusCode, to: String },
    /// The name leads where Hookbox never connects to.
    #[error("leads to {0}")]
    Forbidden(ForbiddenAddress),
    /// The message cannot be put into a request.
    #[error("cannot be sent this message: {reason}")]
    Unsendable { reason: String },
    /// The console cannot be written to.
    #[error("cannot be written to: {reason}")]
    Unwritable { reason: String },
}

impl Problem {
    pub(super) fn disposition(&self) -> Disposition {
        let hold = |after, blame| Disposition::Hold { after, blame };
        match self {
            Self::TimedOut { .. }
            | Self::Unreachable { .. }
            | Self::Unwritable { .. }
            | Self::Lacking { .. } => hold(None, Blame::Channel),
            // A proxy's login page or a gateway's notice passes, and says nothing about the message.
            Self::Broken { .. }
            | Self::NotTaken { .. }
            | Self::Redirected { .. }
            | Self::Coded {
                verdict: Verdict::Doubtful,
                ..
            } => hold(None, Blame::Either),
            Self::Refused {
                status,
                retry_after,
                ..
            } if is_temporary(*status) => hold(
                *retry_after,
                match *status {
                    StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                        Blame::Channel
                    }
                    _ => Blame::Either,
                },
            ),
            Self::Coded {
                verdict: Verdict::Passing { after },
                ..
            } => hold(*after, Blame::Channel),
            Self::Refused { .. }
            | Self::Coded { .. }
            | Self::NotConfigured { .. }
            | Self::Forbidden(_)
            | Self::Unsendable { .. } => Disposition::GiveUp,
        }
    }
}

fn is_temporary(status: StatusCode) -> bool {
    let asks_to_wait = [
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_EARLY,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    status.is_server_error() || asks_to_wait.contains(&status)
}

/// A status for people, such as `429 too many requests`.
pub(super) fn status_text(status: &StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {}", status.as_u16(), reason.to_lowercase()),
        None => status.as_u16().to_string(),
    }
}

fn detail(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

fn seconds(duration: &Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}
