//! Tests of the channels against a real HTTP server, and what they share.
//!
//! Each test opens its channels as the server does, from settings, and reads what arrived.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::contract::plain;
use super::{
    ChannelConfig, ChannelConfigError, Channels, ConsoleSink, Context, Disposition, OutgoingConfig,
    People, PersonConfig, SendError, Sent,
};
use crate::domain::clock::{ManualClock, Timestamp};
use crate::domain::decision::Notification;
use crate::domain::names::ChannelName;
use crate::domain::secret::{ReadSecret, Secret, SecretError, SecretRef};

mod certificates;
mod config;
mod dingtalk;
pub(super) mod discord;
pub(super) mod email;
mod failures;
mod feishu;
mod gotify;
mod http;
mod mattermost;
mod ntfy;
mod outgoing;
pub(super) mod receiver;
mod robot;
pub(super) mod slack;
pub(super) mod teams;
mod telegram;
mod wecom;

/// 2026-11-22T13:29:05Z.
const NOW: Timestamp = Timestamp(1_795_354_145_000);

const KEY: &str = "0197-event/0/payments/route/0";

/// Knows the secrets that stand in it.
struct Secrets(&'static [(&'static str, &'static str)]);

impl ReadSecret for Secrets {
    fn read(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        let name = reference.env.as_deref().unwrap_or_default();
        let found = self.0.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, value)| Secret::new(*value))
            .ok_or_else(|| SecretError {
                reference: reference.to_string(),
                reason: "it is not set".to_owned(),
            })
    }
}

static SECRETS: Secrets = Secrets(&[
    ("HOOK_URL", "https://chat.example.org/hooks/s3cr3tk3y"),
    ("TOKEN", "Bearer t0k3n-t0k3n"),
    ("SIGN_KEY", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
]);

/// Keeps what is printed.
#[derive(Default)]
pub(super) struct Printed(pub(super) Mutex<Vec<String>>);

impl ConsoleSink for Printed {
    fn write(&self, block: &str) -> io::Result<()> {
        self.0
            .lock()
            .expect("no test panicked")
            .push(block.to_owned());
        Ok(())
    }

    fn is_terminal(&self) -> bool {
        false
    }
}

pub(super) fn context() -> Context<'static> {
    Context {
        secrets: &SECRETS,
        clock: Arc::new(ManualClock::at(NOW)),
        console: Arc::new(Printed::default()),
        forbidden: Vec::new(),
        outgoing: OutgoingConfig::default(),
        folder: PathBuf::new(),
    }
}

pub(super) fn dev() -> ChannelName {
    ChannelName::parse("dev").expect("a name")
}

/// Opens the channel `dev`.
fn open(config: Value, context: &Context<'_>) -> Result<Channels, ChannelConfigError> {
    let config: ChannelConfig = serde_json::from_value(config).expect("settings of a channel");
    Channels::build(
        &BTreeMap::from([(dev(), config)]),
        People::default(),
        context,
    )
}

/// Opens the channel `dev` of a kind, with settings without `kind`, and somebody whom it can mention.
pub(super) fn open_kind(kind: &str, mut settings: Value, person: &str) -> Channels {
    settings["kind"] = kind.into();
    let config: ChannelConfig = serde_json::from_value(settings).expect("settings of a channel");
    let called = Some(person).filter(|person| !person.is_empty());
    let ada = PersonConfig {
        is: Vec::new(),
        called: called
            .map(|person| (kind.to_owned(), person.to_owned()))
            .into_iter()
            .collect(),
    };
    let people = People::build(&BTreeMap::from([("ada".to_owned(), ada)])).expect("people");
    let configs = BTreeMap::from([(dev(), config)]);
    Channels::build(&configs, people, &context()).expect("settings that can be used")
}

/// Sends a message to the channel `dev`.
pub(super) async fn send_to(
    channels: &Channels,
    message: &Notification,
) -> Result<Sent, SendError> {
    channels.send(&dev(), message, KEY).await
}

/// Opens the channel `dev`, and sends it a message.
async fn send(config: Value, message: &Notification) -> Result<Sent, SendError> {
    let channels = open(config, &context()).expect("settings that can be used");
    channels.send(&dev(), message, KEY).await
}

/// How long a failure holds the channel, in seconds where the channel says so; none where the message is given up.
fn held(error: &SendError) -> Option<Option<u64>> {
    match error.disposition() {
        Disposition::Hold { after, .. } => Some(after.map(|after| after.as_secs())),
        Disposition::GiveUp => None,
    }
}

#[tokio::test]
async fn a_channel_that_is_not_configured_is_an_error_with_the_line_to_add() {
    let channels =
        Channels::build(&BTreeMap::new(), People::default(), &context()).expect("no channels");

    let error = channels
        .send(&dev(), &plain("x"), KEY)
        .await
        .expect_err("no such channel");

    assert_eq!(
        error.to_string(),
        "channel `dev` is not configured: add `[channels.dev]` to `hookbox.toml`"
    );
    assert_eq!(error.disposition(), Disposition::GiveUp);
}
