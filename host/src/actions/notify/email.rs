//! E-mail, through any mail server.
//!
//! A message is a letter of two texts that say the same, plain and HTML; its title is the subject. Each is sent
//! over a connection of its own, encrypted unless the settings say otherwise.
//! <https://www.rfc-editor.org/rfc/rfc5321>
//!
//! Invariants:
//! - Nothing is sent unencrypted but with `security = "none"`, and then only to private networks; a password only
//!   to the machine itself.
//! - A letter sent again for the same action has the same `Message-ID`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT};
use rustls::pki_types::ServerName;
use serde::Deserialize;

use super::client::{CONNECT, Masks, authorities};
#[cfg(test)]
use super::contract::Contract;
use super::error::{Problem, SettingError};
use super::guard::{Guard, Unencrypted};
use super::{Context, Message, Notifier, Quota, Sent, Settings, TextSetting};
use crate::domain::names::ChannelName;
use crate::domain::secret::{ReadSecret, Secret};

mod conversation;
mod html;
mod letter;
mod wire;

use conversation::Speaker;
use letter::{Letterhead, mailbox};
use wire::{Encryption, Reach, connector};

/// How long all may take where nothing is configured. Servers keep strangers waiting and look into a letter before
/// they take it; RFC 5321 allows them minutes, for which a channel is not held.
/// <https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.2>
const TOTAL: Duration = Duration::from_secs(60);

/// The settings of a channel of the kind `email`. `[people.<name>] email` is an address, such as
/// `ada@example.org`, which gets a copy of the messages that mention the person.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The mail server: a name, as its certificate has it, or an address.
    host: String,
    /// Its port; 587 with `starttls`, 465 with `tls` and 25 with `none` by default.
    port: Option<u16>,
    /// How the connection is encrypted.
    #[serde(default)]
    security: Security,
    /// The name to log in with; without it nobody logs in.
    username: Option<TextSetting>,
    /// The password that belongs to it.
    password: Option<TextSetting>,
    /// Whom the letters are from, such as `Hookbox <hookbox@example.org>`.
    from: String,
    /// Whom they go to.
    to: Vec<String>,
    /// What stands before every subject, such as `[deploys]`.
    subject_prefix: Option<String>,
}

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Security {
    /// By `STARTTLS`, without which nothing is sent.
    #[default]
    Starttls,
    /// From the beginning.
    Tls,
    /// Not at all, within private networks.
    None,
}

impl Settings for Config {
    /// Every server has its own.
    const QUOTAS: &'static [Quota] = &[];

    /// Proxies are for HTTP.
    const MEANINGLESS: &'static [&'static str] = &["proxy"];

    fn check_person(address: &str) -> Result<(), &'static str> {
        match mailbox(address).is_some() {
            true => Ok(()),
            false => Err("write an address in ASCII, such as \"ada@example.org\""),
        }
    }

    fn open(
        &self,
        _name: &ChannelName,
        context: &Context<'_>,
    ) -> Result<Box<dyn Notifier>, SettingError> {
        let letterhead = self.letterhead(context)?;
        let (credentials, masks) = self.credentials(context.secrets)?;
        let within = context.outgoing.timeout.map_or(TOTAL, |timeout| timeout.0);
        let what = match credentials {
            Some(_) => Unencrypted::Password,
            None => Unencrypted::Messages,
        };
        let reach = self.reach(context, what, CONNECT.min(within))?;
        let scheme = match self.security {
            Security::Tls => "smtps",
            Security::Starttls | Security::None => "smtp",
        };
        let speaker = Speaker {
            // A name that is the sender's own: some servers take no other, and a machine seldom has one.
            // <https://support.google.com/a/answer/6140680>
            hello: ClientId::Domain(letterhead.from.email.domain().to_owned()),
            credentials,
            masks,
            within,
            reach,
        };
        Ok(Box::new(Email {
            place: format!("{scheme}://{}", speaker.reach.authority()),
            speaker,
            letterhead,
        }))
    }
}

impl Config {
    fn letterhead(&self, context: &Context<'_>) -> Result<Letterhead, SettingError> {
        let from = address("from", &self.from)?;
        let to = self.to.iter().enumerate();
        let to = to.map(|(number, to)| address(&format!("to[{number}]"), to));
        let to = to.collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() {
            return Err(invalid("to", "name one address at least"));
        }
        let subject_prefix = self.subject_prefix.as_deref().map(str::trim);
        if subject_prefix.is_some_and(|prefix| prefix.contains(char::is_control)) {
            return Err(invalid("subject_prefix", "a subject is one line"));
        }
        Ok(Letterhead {
            from,
            to,
            subject_prefix: subject_prefix
                .filter(|prefix| !prefix.is_empty())
                .map(str::to_owned),
            clock: Arc::clone(&context.clock),
        })
    }

    fn credentials(
        &self,
        secrets: &dyn ReadSecret,
    ) -> Result<(Option<Credentials>, Masks), SettingError> {
        let read = |key, setting: &Option<TextSetting>| {
            let text = setting.as_ref().map(|setting| setting.read(key, secrets));
            text.transpose()
        };
        let username = read("username", &self.username)?;
        let password = read("password", &self.password)?;
        match (username, password) {
            (None, None) => Ok((None, Masks::new(Vec::new()))),
            (Some(_), None) => Err(invalid("username", "it needs a `password` as well")),
            (None, Some(_)) => Err(invalid("password", "it needs a `username` as well")),
            (Some(username), Some(password)) => {
                let masks = Masks::new(shapes(&username, &password));
                let (username, password) = (username.expose(), password.expose());
                let credentials = Credentials::new(username.to_owned(), password.to_owned());
                Ok((Some(credentials), masks))
            }
        }
    }

    fn reach(
        &self,
        context: &Context<'_>,
        what: Unencrypted,
        within: Duration,
    ) -> Result<Reach, SettingError> {
        let host = self.host.trim().trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| {
            invalid("host", "write a name or an address alone, such as \"mail.example.org\"; the port is `port`")
        })?;
        if self.port == Some(SUBMISSIONS_PORT) && self.security == Security::Starttls {
            return Err(invalid(
                "port",
                "at 465 servers speak TLS from the beginning: set `security` to `tls`, or remove `port`",
            ));
        }
        let (port, encryption) = match self.security {
            Security::None => (SMTP_PORT, Encryption::None(what)),
            Security::Starttls => (SUBMISSION_PORT, Encryption::Starttls(tls(context)?)),
            Security::Tls => (SUBMISSIONS_PORT, Encryption::Tls(tls(context)?)),
        };
        let reach = Reach {
            host: host.to_owned(),
            port: self.port.unwrap_or(port),
            name,
            encryption,
            guard: Guard::new(&context.forbidden),
            within,
        };
        reach
            .check_literal()
            .map_err(|address| SettingError::Forbidden {
                key: "host".to_owned(),
                address,
            })?;
        Ok(reach)
    }
}

fn tls(context: &Context<'_>) -> Result<tokio_rustls::TlsConnector, SettingError> {
    connector(authorities(context)?).map_err(|error| SettingError::Client {
        key: "host".to_owned(),
        reason: error.to_string(),
    })
}

fn address(key: &str, text: &str) -> Result<Mailbox, SettingError> {
    let expected =
        "write an address in ASCII, such as \"ada@example.org\" or \"Ada <ada@example.org>\"";
    mailbox(text).ok_or_else(|| invalid(key, expected))
}

fn invalid(key: &str, expected: &'static str) -> SettingError {
    SettingError::Invalid {
        key: key.to_owned(),
        expected,
    }
}

/// The password in every form in which it is sent, for a server may repeat that.
fn shapes(username: &Secret, password: &Secret) -> Vec<String> {
    let (username, password) = (username.expose(), password.expose());
    vec![
        password.to_owned(),
        STANDARD.encode(password),
        STANDARD.encode(format!("\0{username}\0{password}")),
    ]
}

/// A channel of the kind `email`.
struct Email {
    place: String,
    speaker: Speaker,
    letterhead: Letterhead,
}

#[async_trait]
impl Notifier for Email {
    fn place(&self) -> &str {
        &self.place
    }

    async fn send(&self, message: &Message<'_>, key: &str) -> Result<Sent, Problem> {
        let letter = self.letterhead.letter(message, key)?;
        self.speaker.send(&letter).await
    }
}

#[cfg(test)]
pub(super) const CONTRACT: Contract = Contract::Own {
    transcript: |notification| Box::pin(super::tests::email::smtp::transcript(notification)),
};
