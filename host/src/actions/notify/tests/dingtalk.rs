//! What DingTalk is sent, and what its settings may be.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::Context;
use super::super::contract::{long, plain};
use super::receiver::Receiver;
use super::robot::{huge, sent, titled};
use super::{NOW, context, dev, open, send_to};
use crate::domain::clock::ManualClock;
use crate::domain::decision::Notification;

const MOBILE: &str = "13800000000";

async fn shown(more: &Value, person: &str, message: &Notification) -> Value {
    sent("dingtalk", more, person, message).await.json()
}

#[tokio::test]
async fn each_attempt_has_its_time_and_a_signature_that_the_query_encodes_once() {
    let clock = ManualClock::at(NOW);
    let context = Context {
        clock: Arc::new(clock.clone()),
        ..context()
    };
    let answer = r#"{"errcode":0,"errmsg":"ok"}"#;
    let mut receiver = Receiver::with("200 OK", "", answer).await;
    let config = json!({
        "kind": "dingtalk", "access_token": "t0k3n", "sign_key": " SECabc\n", "url": receiver.url("/send?a=b"),
    });
    let channels = open(config, &context).expect("a channel");

    // Computed with another implementation.
    for (time, sign) in [
        (
            "1795354145000",
            "jKb4p8b8KYoruSzsNm1e9DEb%2BGMqJ72rSgQpNgjxJW4%3D",
        ),
        (
            "1795354146000",
            "OyZrKW4XofZc7YGpbQR8Q7E3BZHtyKZ32OUv8LB4ja8%3D",
        ),
    ] {
        send_to(&channels, &plain("x"))
            .await
            .expect("a message taken");
        let line = receiver.request().line;
        let expected =
            format!("POST /send?a=b&access_token=t0k3n&sign={sign}&timestamp={time} HTTP/1.1");
        assert_eq!(line, expected);
        clock.advance(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn people_are_mentioned_by_number_or_id_in_the_text_and_beside_it() {
    let mut message = titled("t");
    message.mentions = ["ada", "all", "bob"].map(str::to_owned).to_vec();
    let body = shown(&json!({}), MOBILE, &message).await;
    assert_eq!(
        body["at"],
        json!({ "atMobiles": [MOBILE], "atUserIds": [], "isAtAll": true })
    );
    let text = body["markdown"]["text"].as_str().unwrap();
    assert!(text.contains("\n\n@13800000000 @所有人 bob\n\n"), "{text}");

    let body = shown(&json!({}), "manager4220", &message).await;
    assert_eq!(body["at"]["atUserIds"], json!(["manager4220"]));
}

#[tokio::test]
async fn a_cut_text_keeps_its_mentions_and_the_keyword() {
    let mut message = long();
    message.mentions = vec!["ada".to_owned()];
    let body = shown(&json!({ "keyword": "告警" }), MOBILE, &message).await;
    let text = body["text"]["content"].as_str().unwrap();
    assert!(text.starts_with("@13800000000\n构建"), "{text}");
    assert!(text.ends_with("…\n告警"), "{text}");
}

#[tokio::test]
async fn the_keyword_is_added_where_dingtalk_looks_for_it_and_only_where_it_is_missing() {
    let keyword = json!({ "keyword": "deploy" });
    for (message, pointer, expected) in [
        (plain("done"), "/text/content", "done\ndeploy"),
        (plain("deployed"), "/text/content", "deployed"),
        (titled("done"), "/markdown/title", "done deploy"),
        (titled("a deploy"), "/markdown/title", "a deploy"),
        (
            titled("done"),
            "/markdown/text",
            "#### <font color=\"#f59e0b\">●</font> done\n\nx\n\n###### deploy",
        ),
        (
            titled("a deploy"),
            "/markdown/text",
            "#### <font color=\"#f59e0b\">●</font> a deploy\n\nx",
        ),
    ] {
        let body = shown(&keyword, MOBILE, &message).await;
        assert_eq!(body.pointer(pointer), Some(&json!(expected)));
    }
    let body = shown(&keyword, MOBILE, &titled(&"t".repeat(500))).await;
    let title = body["markdown"]["title"].as_str().unwrap();
    assert!(title.ends_with("… deploy"), "{title}");
}

#[tokio::test]
async fn what_dingtalk_has_no_mark_for_stays_readable() {
    let message = Notification {
        text: "line\nnext\n\n```\nif a:\n    b[0](c)\n```".to_owned(),
        ..titled("t")
    };
    let body = shown(&json!({}), MOBILE, &message).await;
    let text = body["markdown"]["text"].as_str().unwrap();
    let expected = "line  \nnext\n\n> if a:  \n> \u{a0}\u{a0}\u{a0}\u{a0}b\\[0\\](c)";
    assert!(text.ends_with(expected), "{text}");
}

#[tokio::test]
async fn a_color_without_a_title_is_shown_and_a_title_is_never_a_mark() {
    let mut message = plain("x");
    message.color = Some(0x12_3456);
    let body = shown(&json!({}), MOBILE, &message).await;
    let expected = "#### <font color=\"#123456\">●</font>\n\nx";
    assert_eq!(body["markdown"]["text"], expected);
    assert_eq!(body["markdown"]["title"], "x");

    let title = "![a](https://example.org/a.png) <font color=red>*b*\n# c";
    let body = shown(&json!({}), MOBILE, &titled(title)).await;
    let text = body["markdown"]["text"].as_str().unwrap();
    let expected =
        "!\\[a\\](https://example.org/a.png) \\<\u{200b}font color=red\\>\\*b\\*\\\\n# c";
    assert!(text.contains(expected), "{text}");
}

#[tokio::test]
async fn no_message_is_longer_than_dingtalk_takes() {
    for message in huge() {
        let request = sent("dingtalk", &json!({ "keyword": "告警" }), MOBILE, &message).await;
        assert!(request.body.len() <= 20_000, "{}", request.body.len());
        let at = &request.json()["at"]["atMobiles"];
        assert_eq!(at, &json!([MOBILE]));
    }
}

#[test]
fn a_setting_that_cannot_be_meant_is_refused_and_not_shown() {
    for (key, value, expected) in [
        (
            "access_token",
            "https://oapi.dingtalk.com/robot/send?access_token=s3cr3t",
            "`access_token` is not usable: write only what follows `=`",
        ),
        ("access_token", "", "`access_token` is not usable"),
        ("sign_key", "s3cr3t", "does not begin with `SEC`"),
        (
            "url",
            "https://oapi.dingtalk.com/robot/send?access_token=s3cr3t",
            "`url` is not usable: the token is the setting `access_token`",
        ),
        ("keyword", " ", "`keyword` is not usable"),
    ] {
        let mut config = json!({ "kind": "dingtalk", "access_token": "t0k3n" });
        config[key] = json!(value);
        let error = open(config, &context()).expect_err(value).to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("s3cr3t"), "{error}");
    }
}

#[test]
fn a_token_alone_leads_to_the_service_itself() {
    let config = json!({ "kind": "dingtalk", "access_token": "t0k3n" });
    let channels = open(config, &context()).expect("a channel");
    assert_eq!(channels.place(&dev()), Some("https://oapi.dingtalk.com"));
    assert_eq!(channels.quotas(&dev())[0].to_string(), "20/1m");
}
