//! Tests of the channels against a real HTTP server, and what they share.
//!
//! Each test opens its channels as the server does, from settings, and reads what arrived.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::{
    ChannelConfig, ChannelConfigError, Channels, ConsoleSink, Context, Disposition, SendError,
    Sent, Timeouts,
};
use crate::domain::clock::{ManualClock, Timestamp};
use crate::domain::decision::{Field, Notification, Severity};
use crate::domain::names::ChannelName;
use crate::domain::secret::{ReadSecret, Secret, SecretError, SecretRef};

mod config;
mod failures;
mod http;
mod mattermost;
mod receiver;

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
struct Printed(Mutex<Vec<String>>);

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

fn context() -> Context<'static> {
    Context {
        secrets: &SECRETS,
        clock: Arc::new(ManualClock::at(NOW)),
        console: Arc::new(Printed::default()),
        forbidden: Vec::new(),
        timeouts: Timeouts::default(),
    }
}

fn dev() -> ChannelName {
    ChannelName::parse("dev").expect("a name")
}

/// Opens the channel `dev`.
fn open(config: Value, context: &Context<'_>) -> Result<Channels, ChannelConfigError> {
    let config: ChannelConfig = serde_json::from_value(config).expect("settings of a channel");
    Channels::build(&BTreeMap::from([(dev(), config)]), context)
}

/// Opens the channel `dev`, and sends it a message.
async fn send(config: Value, message: &Notification) -> Result<Sent, SendError> {
    let channels = open(config, &context()).expect("settings that can be used");
    channels.send(&dev(), message, KEY).await
}

fn retry() -> Disposition {
    Disposition::Retry { after: None }
}

fn retry_after(seconds: u64) -> Disposition {
    let after = Some(Duration::from_secs(seconds));
    Disposition::Retry { after }
}

/// A message with a text alone.
pub(super) fn plain(text: &str) -> Notification {
    Notification {
        text: text.to_owned(),
        ..Notification::to("dev")
    }
}

/// A message with every part.
pub(super) fn full() -> Notification {
    let field = |name: &str, value: &str, short| Field {
        name: name.to_owned(),
        value: value.to_owned(),
        short,
    };
    Notification {
        title: Some("Pipeline #7 failed".to_owned()),
        severity: Some(Severity::Error),
        url: Some("https://gitlab.example.org/p/7".to_owned()),
        fields: vec![field("Branch", "main", true), field("分支", "主", false)],
        footer: Some("GitLab".to_owned()),
        mentions: vec!["ada".to_owned(), "all".to_owned()],
        ..plain("two jobs failed:\n- build")
    }
}

/// A message that tries to mention everybody on three services.
fn mentioning() -> Notification {
    Notification {
        title: Some(r#"@all <!channel> <at user_id="all"></at>"#.to_owned()),
        ..plain("@here ada@example.org")
    }
}

/// More Chinese and emoji than Mattermost takes: 21,004 characters.
fn long() -> Notification {
    plain(&format!("构建成功{}", "部署完成👩\u{200d}💻".repeat(3_000)))
}

#[tokio::test]
async fn the_console_prints_a_message_with_one_write() {
    let printed = Arc::new(Printed::default());
    let sink = Arc::clone(&printed);
    let context = Context {
        console: sink,
        ..context()
    };
    let channels = open(serde_json::json!({ "kind": "console" }), &context).expect("a channel");

    let sent = channels
        .send(&dev(), &full(), KEY)
        .await
        .expect("a message printed");

    assert_eq!(sent.detail, "written");
    let blocks = printed.0.lock().expect("no test panicked");
    assert_eq!(blocks.len(), 1);
    assert!(
        blocks[0].starts_with("[error] dev: Pipeline #7 failed\n"),
        "{}",
        blocks[0]
    );
}

#[tokio::test]
async fn a_channel_that_is_not_configured_is_an_error_with_the_line_to_add() {
    let channels = Channels::build(&BTreeMap::new(), &context()).expect("no channels");

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
