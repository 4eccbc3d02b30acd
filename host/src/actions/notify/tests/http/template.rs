//! What a server is sent where the operator wrote the form of the body.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::super::contract::full;
use super::super::super::{ChannelConfig, Channels, People};
use super::super::receiver::{Receiver, Request};
use super::super::{context, dev, open, plain, send};
use super::settings;
use crate::domain::decision::Notification;
use crate::domain::names::ChannelName;

async fn request(body: &str, content_type: Option<&str>, message: &Notification) -> Request {
    let mut receiver = Receiver::with("200 OK", "", "").await;
    let mut settings = settings(&receiver);
    settings["body"] = json!(body);
    if let Some(content_type) = content_type {
        settings["content_type"] = json!(content_type);
    }
    send(settings, message).await.expect("a message taken");
    receiver.request()
}

#[tokio::test]
async fn an_own_body_has_every_part_of_the_message() {
    let body = r#"{"t": "${title}", "x": ${text}, "p": "${plain}", "s": ${severity}, "c": ${color}, "u": ${url},
        "f": ${footer}, "m": ${mentions}, "who": "${mentions}", "fields": ${fields}, "k": ${key}, "e": ${event}, "ch": ${channel}}"#;
    let message = full();
    let request = request(body, None, &message).await;

    assert_eq!(request.headers["content-type"], "application/json");
    let sent = request.json();
    assert_eq!(sent["t"], "Pipeline #7 failed: *no* <b>mark</b> & more");
    assert_eq!(sent["x"], message.text.as_str());
    let plain = sent["p"].as_str().expect("a text");
    assert!(
        plain.starts_with("Two jobs failed on main of storefront (https"),
        "{plain}"
    );
    assert_eq!(sent["s"], "error");
    assert_eq!(sent["c"], "#ef4444");
    assert_eq!(sent["u"], "https://gitlab.example.org/p/7?a=b&c=(d)");
    assert_eq!(sent["f"], "GitLab");
    assert_eq!(sent["m"], json!(["ada", "bob", "all"]));
    assert_eq!(sent["who"], "ada, bob, all");
    assert_eq!(
        sent["fields"][0],
        json!({ "name": "Branch", "value": "`main`", "short": true })
    );
    assert_eq!(sent["k"], "0197-event/0/payments/route/0");
    assert_eq!(sent["e"], "0197-event");
    assert_eq!(sent["ch"], "dev");
}

#[tokio::test]
async fn a_key_in_a_body_is_not_shown_though_a_server_repeats_it() {
    for (body, content_type) in [
        (
            r#"{"api_key": "s3cr3t!k3y", "nested":{"n":"s3cr3t2 ${title}"},"message":${text}}"#,
            None,
        ),
        (
            "api_key=s3cr3t!k3y&message=${text}&n=s3cr3t2",
            Some("application/x-www-form-urlencoded"),
        ),
        (
            "<m api_key='s3cr3t!k3y'>s3cr3t2 ${text}</m>",
            Some("application/xml"),
        ),
    ] {
        let answer = "api_key s3cr3t!k3y, s3cr3t2 is unknown, message s3cr3t2 ";
        let receiver = Receiver::with("403 Forbidden", "", answer).await;
        let mut settings = settings(&receiver);
        settings["body"] = json!(body);
        settings["content_type"] = json!(content_type.unwrap_or("application/json"));
        let error = send(settings, &plain("x")).await.expect_err("refused");
        let text = error.to_string();
        assert!(!text.contains("s3cr3t"), "{text}");
        assert!(text.contains(" is unknown, message "), "{text}");
    }
}

#[tokio::test]
async fn an_address_that_no_client_should_follow_is_none() {
    let mut message = plain("x");
    message.url = Some("javascript:alert(1)".to_owned());
    let request = request(r#"{"u": ${url}}"#, None, &message).await;
    assert_eq!(request.json(), json!({ "u": null }));
}

#[tokio::test]
async fn a_body_of_another_type_is_sent_with_its_type() {
    let message = plain("a & <b>");
    let xml = request("<m>${text}</m>", Some("application/xml"), &message).await;
    assert_eq!(xml.headers["content-type"], "application/xml");
    assert_eq!(xml.body, b"<m>a &amp; &lt;b&gt;</m>");
    let form = "application/x-www-form-urlencoded";
    let form = request("text=${text}", Some(form), &message).await;
    assert_eq!(form.body, b"text=a+%26+%3Cb%3E");
}

#[tokio::test]
async fn an_own_body_is_what_is_signed() {
    let mut receiver = Receiver::with("200 OK", "", "").await;
    let mut settings = settings(&receiver);
    settings["sign_key"] = json!({ "env": "SIGN_KEY" });
    settings["body"] = json!("{\"say\": \"${text}\"}");
    settings["method"] = json!("PUT");
    send(settings, &plain("deployed")).await.expect("taken");

    let request = receiver.request();
    assert!(request.line.starts_with("PUT /in/"), "{}", request.line);
    assert_eq!(request.body, br#"{"say": "deployed"}"#);
    // Computed with another implementation, of `{KEY}.1795354145.{body}`.
    let expected = "v1,zO+LPEuyuzSHgpTs7XG3c8Bqlf2HgYYODXmGwy9jxqs=";
    assert_eq!(request.headers["webhook-signature"], expected);
}

#[tokio::test]
async fn a_body_may_be_kept_where_secrets_are_and_is_never_shown() {
    let receiver = Receiver::with("200 OK", "", "").await;
    let mut settings = settings(&receiver);
    settings["body"] = json!("{\"key\": \"s3cr3tk3y\", \"text\": \"${txt}\"}");
    let error = open(settings.clone(), &context()).expect_err("no template");
    let text = error.to_string();
    assert!(
        text.starts_with("channel `dev`: `body` is not usable: `${txt}` is no placeholder"),
        "{text}"
    );
    assert!(text.contains("is it `${text}`?"), "{text}");
    assert!(!text.contains("s3cr3t"), "{text}");

    settings["body"] = json!("{\"a\": \"${\", \"key\": \"s3cr3tk3y\"}");
    let error = open(settings.clone(), &context()).expect_err("no template");
    assert!(!error.to_string().contains("s3cr3t"), "{error}");

    settings["body"] = json!({ "env": "NONE" });
    let error = open(settings, &context()).expect_err("no secret");
    assert!(
        error
            .to_string()
            .starts_with("channel `dev`: `body`: the secret"),
        "{error}"
    );
}

#[test]
fn a_type_without_a_body_and_an_unknown_one_are_mistakes() {
    let url = "https://x.org";
    for (config, expected) in [
        (
            json!({ "kind": "http", "url": url, "content_type": "text/plain" }),
            "is the type of `body`",
        ),
        (
            json!({ "kind": "http", "url": url, "body": "x", "content_type": "application/yaml" }),
            "`content_type` is not usable: values are written for JSON",
        ),
    ] {
        let error = open(config, &context()).expect_err("a mistake");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_method_is_post_or_put() {
    let config = json!({ "kind": "http", "url": "https://x.org", "method": "GET" });
    let read = serde_json::from_value::<ChannelConfig>(config);
    let error = read.expect_err("another method").to_string();
    assert!(
        error.contains("unknown variant `GET`, expected `POST` or `PUT`"),
        "{error}"
    );
}

#[test]
fn a_body_is_written_in_the_configuration_as_it_is_sent() {
    let text = r##"
        [dev]
        kind = "http"
        url = "https://events.pagerduty.com/v2/enqueue"
        body = """
        {
          "routing_key": "R0UT1NG",
          "event_action": "trigger",
          "dedup_key": "${key}",
          "payload": {"summary": "${title}", "source": "${channel}", "severity": "error", "custom_details": ${fields}},
          "links": [{"href": ${url}, "text": "price: 5 $$"}]
        }
        """
    "##;
    let configs: BTreeMap<ChannelName, ChannelConfig> = toml::from_str(text).expect("settings");
    let channels = Channels::build(&configs, People::default(), &context());
    let place = channels
        .expect("a channel")
        .place(&dev())
        .map(str::to_owned);
    assert_eq!(place.as_deref(), Some("https://events.pagerduty.com"));
}
