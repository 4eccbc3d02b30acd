//! The settings of e-mail, and what is said about those that cannot be used.

use serde_json::{Value, json};

use super::super::super::{ChannelConfig, OutgoingConfig, TextSetting};
use super::super::{Context, context, dev, open};
use crate::domain::secret::Secret;

/// Settings that can be used, with some keys set anew, and those that are null removed.
fn settings(changes: Value) -> Value {
    let mut settings = json!({
        "kind": "email",
        "host": "mail.example.org",
        "from": "hookbox@example.org",
        "to": ["dev@example.org"],
    });
    let changes = changes.as_object().expect("keys").clone();
    settings.as_object_mut().expect("keys").extend(changes);
    settings
        .as_object_mut()
        .expect("keys")
        .retain(|_, value| !value.is_null());
    settings
}

fn unusable(changes: Value) -> String {
    let error = open(settings(changes), &context());
    error.expect_err("settings that cannot be used").to_string()
}

#[test]
fn the_port_follows_the_security_and_encryption_is_the_default() {
    for (changes, place) in [
        (json!({}), "smtp://mail.example.org:587"),
        (
            json!({ "security": "starttls" }),
            "smtp://mail.example.org:587",
        ),
        (json!({ "security": "tls" }), "smtps://mail.example.org:465"),
        (json!({ "security": "none" }), "smtp://mail.example.org:25"),
        (json!({ "port": 2525 }), "smtp://mail.example.org:2525"),
        (json!({ "host": "[fd12::1]" }), "smtp://[fd12::1]:587"),
        (
            json!({ "from": "Équipe <hookbox@example.org>", "to": ["\"Bob, Dr.\" <bob@example.org>"] }),
            "smtp://mail.example.org:587",
        ),
        (
            json!({ "host": "10.0.0.5", "security": "none" }),
            "smtp://10.0.0.5:25",
        ),
    ] {
        let channels = open(settings(changes), &context()).expect("a channel");
        assert_eq!(channels.place(&dev()), Some(place));
    }
}

#[test]
fn settings_that_are_wrong_or_missing_are_errors_that_name_the_key() {
    for (changes, named) in [
        (json!({ "host": null }), "missing field `host`"),
        (json!({ "from": null }), "missing field `from`"),
        (json!({ "to": null }), "missing field `to`"),
        (json!({ "to": "dev@example.org" }), "expected a sequence"),
        (json!({ "security": "ssl" }), "unknown variant `ssl`"),
        (json!({ "usrname": "x" }), "is it `username`?"),
        (json!({ "port": 70_000 }), "expected u16"),
    ] {
        let read = serde_json::from_value::<ChannelConfig>(settings(changes));
        let error = read.expect_err(named).to_string();
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn values_that_cannot_be_used_are_refused_before_anything_is_sent() {
    for (changes, key) in [
        (json!({ "host": "mail.example.org:587" }), "`host`"),
        (json!({ "host": "smtp://mail.example.org" }), "`host`"),
        (json!({ "host": "" }), "`host`"),
        (json!({ "port": 465 }), "`port`"),
        (json!({ "username": "hookbox" }), "`username`"),
        (json!({ "password": "s3cr3tk3y" }), "`password`"),
        (json!({ "from": "hookbox" }), "`from`"),
        (json!({ "from": "hookböx@example.org" }), "`from`"),
        (json!({ "to": [] }), "`to`"),
        (json!({ "to": ["dev@example.org", "bob"] }), "`to[1]`"),
        (json!({ "to": ["a@example.org, b@example.org"] }), "`to[0]`"),
        (json!({ "to": ["a@example.org>\r\nDATA"] }), "`to[0]`"),
        (
            json!({ "subject_prefix": "a\r\nBcc: eve@example.org" }),
            "`subject_prefix`",
        ),
    ] {
        let error = unusable(changes);
        let beginning = format!("channel `dev`: {key} is not usable: ");
        assert!(error.starts_with(&beginning), "{error}");
        assert!(!error.contains("s3cr3t"), "{error}");
    }
}

#[test]
fn a_secret_that_is_not_there_is_an_error_that_names_key_and_place() {
    let password = json!({ "username": "hookbox", "password": { "env": "NONE" } });
    assert_eq!(
        unusable(password),
        "channel `dev`: `password`: the secret { env = \"NONE\" } cannot be read: it is not set"
    );
}

#[test]
fn certificates_that_cannot_be_read_are_refused() {
    let error = unusable(json!({ "ca": "/none/ca.pem" }));
    assert!(
        error.starts_with("channel `dev`: `ca` names `/none/ca.pem`"),
        "{error}"
    );
}

#[test]
fn a_proxy_of_its_own_is_refused_and_one_for_all_channels_is_passed_by() {
    for proxy in ["http://proxy.example.org", "none"] {
        assert_eq!(
            unusable(json!({ "proxy": proxy })),
            "channel `dev`: `proxy` has no meaning for this kind of channel: remove it"
        );
    }
    let context = Context {
        outgoing: OutgoingConfig {
            proxy: Some(TextSetting::Plain(Secret::new("http://proxy.example.org"))),
            ..OutgoingConfig::default()
        },
        ..context()
    };
    assert!(open(settings(json!({})), &context).is_ok());
}

#[test]
fn the_console_reaches_nothing_and_refuses_what_says_how() {
    for (key, value) in [("proxy", "none"), ("ca", "ca.pem"), ("timeout", "5s")] {
        let error = open(json!({ "kind": "console", key: value }), &context());
        assert_eq!(
            error.expect_err("a key without a meaning").to_string(),
            format!("channel `dev`: `{key}` has no meaning for this kind of channel: remove it")
        );
    }
}

#[test]
fn settings_and_channels_show_no_secret() {
    let config = settings(json!({ "username": "hookbox", "password": "s3cr3tk3y" }));
    let read: ChannelConfig = serde_json::from_value(config.clone()).expect("settings");
    let channels = open(config, &context()).expect("a channel");
    let shown = format!("{read:?} {channels:?}");
    assert!(!shown.contains("s3cr3t"), "{shown}");
}
