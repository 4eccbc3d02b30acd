//! What WeCom is sent, and what its settings may be.

use serde_json::{Value, json};

use super::super::contract::{full, long, plain};
use super::robot::{huge, sent, titled};
use super::{context, dev, open};
use crate::domain::decision::Notification;

async fn shown(person: &str, message: &Notification) -> Value {
    sent("wecom", &json!({}), person, message).await.json()
}

#[tokio::test]
async fn whom_markdown_can_mention_is_mentioned_in_markdown() {
    let mut message = full();
    message.mentions = ["bob", "ada"].map(str::to_owned).to_vec();
    let body = shown("ada.m-1", &message).await;
    let expected = "### <font color=\"warning\">●</font> [Pipeline #7 failed: *no* <\u{200b}b>mark<\u{200b}/b> & more]\
        (https://gitlab.example.org/p/7?a=b&c=%28d%29)\n<@ada.m-1> bob\n\n\
        Two **jobs** failed on main of [storefront](https://gitlab.example.org/storefront):\n\n\
        • build, see `make`\n• ~~lint~~ test\n\n> It works for me.\n\n`make test # a < b && c`\n\n\
        job | time\nbuild | 1 m\n\n#### Next\n\n1. fix it\n2. 部署 🚀 5 * 3 < 20 & snake_case_word\n\n\
        > **Branch**: `main`\n> **分支**: 主\n\n<font color=\"comment\">GitLab</font>";
    assert_eq!(
        body,
        json!({ "msgtype": "markdown", "markdown": { "content": expected } })
    );
}

#[tokio::test]
async fn whom_it_cannot_makes_the_message_one_of_text_that_says_the_same() {
    let mut message = titled("t");
    message.url = Some("https://example.org/7".to_owned());
    message.mentions = ["ada", "bob"].map(str::to_owned).to_vec();
    for (person, mention, lists) in [
        (
            "13800000000",
            "bob",
            json!({ "mentioned_mobile_list": ["13800000000"] }),
        ),
        ("ada", "all", json!({ "mentioned_list": ["ada", "@all"] })),
    ] {
        message.mentions[1] = mention.to_owned();
        let unknown = if mention == "bob" { "bob\n" } else { "" };
        let head = format!("t\nhttps://example.org/7\n{unknown}");
        let mut expected = lists;
        expected["content"] = json!(format!("{}\n\nx", head.trim_end()));
        let body = shown(person, &message).await;
        assert_eq!(body, json!({ "msgtype": "text", "text": expected }));
    }
}

#[tokio::test]
async fn a_message_that_only_mentions_has_a_content_all_the_same() {
    let mut message = plain("");
    message.mentions = vec!["ada".to_owned()];
    let body = shown("ada", &message).await;
    assert_eq!(
        body["text"],
        json!({ "content": "(no text)", "mentioned_list": ["ada"] })
    );

    message.mentions = vec!["all".to_owned()];
    message.url = Some(format!("https://example.org/{}", "a".repeat(600)));
    let body = shown("ada", &message).await;
    let content = body["text"]["content"].as_str().unwrap_or_default();
    assert!(content.starts_with("https://example.org/aa"), "{content}");
}

#[tokio::test]
async fn a_cut_text_keeps_its_mentions() {
    let mut message = long();
    message.mentions = vec!["all".to_owned()];
    let body = shown("ada", &message).await;
    assert_eq!(body["text"]["mentioned_list"], json!(["@all"]));
    message.title = Some("t".to_owned());
    message.mentions = vec!["ada".to_owned()];
    let body = shown("ada", &message).await;
    let content = body["markdown"]["content"].as_str().unwrap();
    assert!(content.starts_with("### t\n<@ada>\n\n构建"), "{content}");
    assert!(content.ends_with('…') && content.len() <= 4_096);
}

#[tokio::test]
async fn no_text_of_a_stranger_has_a_mark_in_it() {
    let forged = "**b** ***c*** [x](https://example.org) <@ada> <font color=\"info\">";
    let mut message = titled(forged);
    message.text = "\\# a\n\\> b \\<@ada>\n\n`<@ada>`\n\n```\n<@ada> `x`\n# y\n```".to_owned();
    message.mentions = vec![format!("# {forged}")];
    let body = shown("ada", &message).await;
    let content = body["markdown"]["content"].as_str().unwrap();
    let content = content.replace("<font color=\"warning\">●</font>", "");
    for mark in ["**", "](", "<@", "<font", "\n# ", "\n> "] {
        assert!(!content.contains(mark), "`{mark}` in {content}");
    }
}

#[tokio::test]
async fn the_nearest_of_the_three_colors_is_shown() {
    for (color, expected) in [
        (0x22_c55e, "info"),
        (0x3b_82f6, "comment"),
        (0xef_4444, "warning"),
    ] {
        let mut message = plain("x");
        message.color = Some(color);
        let body = shown("ada", &message).await;
        let expected = format!("### <font color=\"{expected}\">●</font>\n\nx");
        assert_eq!(body["markdown"]["content"], expected);
    }
}

#[tokio::test]
async fn no_message_is_longer_than_wecom_takes() {
    for person in ["ada", "13800000000"] {
        for message in huge() {
            let body = shown(person, &message).await;
            let length = |form: &str| body[form]["content"].as_str().map_or(0, str::len);
            assert!(length("markdown") <= 4_096 && length("text") <= 2_048);
            assert!(body.to_string().contains(person));
        }
    }
}

#[test]
fn a_setting_that_cannot_be_meant_is_refused_and_not_shown() {
    let whole = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=s3cr3t";
    for (key, value, expected) in [
        (
            "key",
            whole,
            "`key` is not usable: write only what follows `=`",
        ),
        (
            "url",
            whole,
            "`url` is not usable: the key is the setting `key`",
        ),
    ] {
        let mut config = json!({ "kind": "wecom", "key": "k" });
        config[key] = json!(value);
        let error = open(config, &context()).expect_err(value).to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("s3cr3t"), "{error}");
    }
    let channels = open(json!({ "kind": "wecom", "key": "k" }), &context()).expect("a channel");
    assert_eq!(channels.place(&dev()), Some("https://qyapi.weixin.qq.com"));
}
