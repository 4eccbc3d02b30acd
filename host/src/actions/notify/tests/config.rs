//! How settings are read, and what is said about those that cannot be used.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::{ChannelConfig, Channels, People};
use super::{context, dev, open};

fn unreadable(config: Value) -> String {
    let read = serde_json::from_value::<ChannelConfig>(config);
    read.expect_err("settings that cannot be read").to_string()
}

fn unusable(config: Value) -> String {
    open(config, &context())
        .expect_err("settings that cannot be used")
        .to_string()
}

#[test]
fn every_kind_is_told_by_its_name() {
    let configs = BTreeMap::from([
        ("a", json!({ "kind": "console" })),
        ("b", json!({ "kind": "http", "url": "https://x.org/a" })),
        (
            "c",
            json!({ "kind": "mattermost", "url": { "env": "HOOK_URL" } }),
        ),
    ]);
    let configs: BTreeMap<_, ChannelConfig> =
        serde_json::from_value(json!(configs)).expect("settings of channels");
    let channels = Channels::build(&configs, People::default(), &context()).expect("channels");

    let kinds: Vec<_> = channels
        .names()
        .filter_map(|name| channels.kind(name))
        .collect();
    assert_eq!(kinds, ["console", "http", "mattermost"]);
    assert_eq!(channels.kind(&dev()), None);
}

#[test]
fn an_unknown_key_or_kind_is_an_error_that_names_it() {
    for (config, named) in [
        (json!({ "kind": "console", "colour": 1 }), "`colour`"),
        (
            json!({ "kind": "http", "url": "https://x.org", "header": {} }),
            "`header`",
        ),
        (
            json!({ "kind": "mattermost", "url": "https://x.org", "usrname": "x" }),
            "`usrname`",
        ),
        (
            json!({ "kind": "mattermost", "url": { "enf": "X" } }),
            "`enf`",
        ),
        (json!({ "kind": "mattermost" }), "`url`"),
        (
            json!({ "kind": "matermost", "url": "https://x.org" }),
            "`matermost`",
        ),
        (json!({ "url": "https://x.org" }), "`kind`"),
    ] {
        let error = unreadable(config);
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn a_url_that_is_none_is_refused_and_not_shown() {
    for url in [
        "ftp://x.org/s3cr3tk3y",
        "s3cr3tk3y",
        "file:///s3cr3tk3y",
        "https:///",
        "",
    ] {
        let error = unusable(json!({ "kind": "mattermost", "url": url }));
        assert!(
            error.starts_with("channel `dev`: `url` is not usable: "),
            "{error}"
        );
        assert!(!error.contains("s3cr3t"), "{error}");
    }
}

#[test]
fn an_address_that_is_no_webhook_of_the_service_is_refused_with_what_to_make() {
    for (kind, url, expected) in [
        (
            "teams",
            "https://contoso.webhook.office.com/webhookb2/s3cr3t@x/IncomingWebhook/y/z",
            "make a workflow",
        ),
        (
            "teams",
            "https://outlook.office.com/webhook/s3cr3t",
            "make a workflow",
        ),
        (
            "discord",
            "https://discord.com/api/webhooks/1/s3cr3t/slack?wait=true",
            "remove `/slack`",
        ),
        (
            "discord",
            "https://discord.com/api/webhooks/1/s3cr3t/github/",
            "remove `/slack` or `/github`",
        ),
        (
            "slack",
            "https://contoso.slack.com/archives/s3cr3t",
            "make an incoming webhook",
        ),
        (
            "slack",
            "https://app.slack.com/client/T1/s3cr3t",
            "make an incoming webhook",
        ),
    ] {
        let error = unusable(json!({ "kind": kind, "url": url }));
        assert!(
            error.starts_with("channel `dev`: `url` is not usable: ") && error.contains(expected),
            "{error}"
        );
        assert!(!error.contains("s3cr3t"), "{error}");
    }
}

#[test]
fn a_quota_leaves_those_of_the_service_for_a_shorter_time() {
    let quotas = |quota: &str| {
        let config =
            json!({ "kind": "lark", "url": "https://x.org/bot/v2/hook/a", "quota": quota });
        let channels = open(config, &context()).expect("a channel");
        let quotas = channels.quotas(&dev()).iter().map(ToString::to_string);
        quotas.collect::<Vec<_>>()
    };
    assert_eq!(quotas("10/1m"), ["10/1m", "5/1s"]);
    assert_eq!(quotas("500/1h"), ["500/1h", "100/1m", "5/1s"]);
    assert_eq!(quotas("2/1s"), ["2/1s"]);
}

#[test]
fn a_secret_that_is_not_there_is_an_error_that_names_key_and_place() {
    assert_eq!(
        unusable(json!({ "kind": "mattermost", "url": { "env": "NONE" } })),
        "channel `dev`: `url`: the secret { env = \"NONE\" } cannot be read: it is not set"
    );
    let config =
        json!({ "kind": "http", "url": "https://x.org", "headers": { "X-A": { "env": "NONE" } } });
    assert!(unusable(config).starts_with("channel `dev`: `headers.X-A`: the secret"));
}

#[test]
fn headers_that_cannot_be_sent_are_refused() {
    for (name, value) in [
        ("webhook-id", "x"),
        ("Content-Type", "text/plain"),
        ("Host", "x"),
        ("a b", "x"),
        ("x-a", "a\nb"),
    ] {
        let config = json!({ "kind": "http", "url": "https://x.org", "headers": { name: value } });
        let error = unusable(config);
        assert!(
            error.starts_with(&format!("channel `dev`: `headers.{name}` is not usable")),
            "{error}"
        );
    }
}

#[test]
fn a_sign_key_of_another_form_is_refused() {
    let config = json!({ "kind": "http", "url": "https://x.org", "sign_key": "s3cr3tk3y" });
    let error = unusable(config);
    assert!(
        error.starts_with("channel `dev`: `sign_key` is not usable: "),
        "{error}"
    );
    assert!(!error.contains("s3cr3t"), "{error}");
}

#[test]
fn settings_and_channels_show_no_secret() {
    let config = json!({
        "kind": "http",
        "url": "https://x.org/s3cr3tk3y",
        "sign_key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "headers": { "x-a": "s3cr3tk3y" },
    });
    let read: ChannelConfig = serde_json::from_value(config.clone()).expect("settings");
    let channels = open(config, &context()).expect("a channel");

    let shown = format!("{read:?} {channels:?}");
    assert!(
        !shown.contains("s3cr3t") && !shown.contains("MfKQ"),
        "{shown}"
    );
}
