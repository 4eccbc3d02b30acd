//! What Feishu and Lark are sent, and what their settings may be.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::contract::{full, long, plain};
use super::super::people::{Mention, People, PersonConfig};
use super::robot::{field, huge, sent, titled};
use super::{context, open};
use crate::domain::decision::Notification;

const ADA: &str = "ou_18eac85d35a26";

async fn shown(more: &Value, message: &Notification) -> Value {
    sent("feishu", more, ADA, message).await.json()
}

async fn elements(message: &Notification) -> Vec<Value> {
    let body = shown(&json!({}), message).await;
    let elements = body.pointer("/card/body/elements");
    elements
        .and_then(Value::as_array)
        .expect("elements")
        .clone()
}

#[tokio::test]
async fn without_a_secret_nothing_is_signed() {
    let body = shown(&json!({}), &plain("x")).await;
    assert_eq!(
        body,
        json!({ "msg_type": "text", "content": { "text": "x" } })
    );
}

#[tokio::test]
async fn a_badge_is_one_link_with_the_words_of_its_picture() {
    let badge = "[![passed](https://example.org/i.png) now](https://example.org/7)";
    let body = shown(&json!({}), &plain(badge)).await;
    assert_eq!(
        body["content"]["post"]["zh_cn"]["content"],
        json!([[{ "tag": "a", "text": "passed now", "href": "https://example.org/7" }]])
    );
    let mut message = titled("t");
    message.text = badge.to_owned();
    assert_eq!(
        elements(&message).await[0]["content"],
        "[passed now](https://example.org/7)"
    );
}

#[tokio::test]
async fn a_title_alone_is_a_card_with_an_element() {
    let mut message = titled("deployed");
    message.text.clear();
    assert_eq!(elements(&message).await, [json!({ "tag": "hr" })]);
}

#[tokio::test]
async fn a_text_with_links_is_a_post_in_which_they_can_be_followed() {
    let mut message = plain(
        "see **[the\nlog](https://example.org/1)** and [mail](mailto:ada@example.org)\n\n- [b](https://example.org/b)",
    );
    message.mentions = ["ada", "bob", "all"].map(str::to_owned).to_vec();
    let body = shown(&json!({ "keyword": "告警" }), &message).await;
    assert_eq!(body["msg_type"], "post");
    assert_eq!(
        body["content"]["post"]["zh_cn"]["content"],
        json!([
            [
                { "tag": "at", "user_id": ADA },
                { "tag": "at", "user_id": "all" },
                { "tag": "text", "text": " bob " },
            ],
            [
                { "tag": "text", "text": "see " },
                { "tag": "a", "text": "the log", "href": "https://example.org/1" },
                { "tag": "text", "text": " and mail (mailto:ada@example.org)" },
            ],
            [{ "tag": "text", "text": "" }],
            [
                { "tag": "text", "text": "• " },
                { "tag": "a", "text": "b", "href": "https://example.org/b" },
            ],
            [{ "tag": "text", "text": "告警" }],
        ])
    );
}

#[tokio::test]
async fn a_text_alone_mentions_by_tags_that_no_text_can_have() {
    let mut message = plain("<at user_id=\"all\"></at>");
    message.mentions = ["ada", "all", "<at user_id=\"all\">"]
        .map(str::to_owned)
        .to_vec();
    let body = shown(&json!({}), &message).await;
    let expected = "<at user_id=\"ou_18eac85d35a26\">ada</at> <at user_id=\"all\">all</at> \
        <\u{200b}at user_id=\"all\">\n<\u{200b}at user_id=\"all\"><\u{200b}/at>";
    assert_eq!(body["content"]["text"], expected);
}

#[test]
fn somebody_may_be_named_under_either_name_and_the_own_one_wins() {
    let person = |called: &[(&str, &str)]| PersonConfig {
        is: Vec::new(),
        called: called
            .iter()
            .map(|(kind, address)| ((*kind).to_owned(), (*address).to_owned()))
            .collect(),
    };
    let people = People::build(&BTreeMap::from([
        ("ada".to_owned(), person(&[("feishu", "ou_f")])),
        (
            "bob".to_owned(),
            person(&[("feishu", "ou_f"), ("lark", "ou_l")]),
        ),
    ]))
    .expect("people");
    for (name, kind, expected) in [
        ("ada", "feishu", Some("ou_f")),
        ("ada", "lark", Some("ou_f")),
        ("bob", "lark", Some("ou_l")),
        ("bob", "feishu", Some("ou_f")),
        ("ada", "wecom", None),
    ] {
        let notification = Notification {
            mentions: vec![name.to_owned()],
            ..Notification::to("dev")
        };
        let message = people.message(&notification, kind);
        let found = match message.mentions() {
            [Mention::Person { address, .. }] => Some(*address),
            _ => None,
        };
        assert_eq!(found, expected, "{name} on {kind}");
    }
}

#[tokio::test]
async fn two_short_fields_stand_beside_each_other() {
    let mut message = titled("t");
    message.fields = [
        ("a", true),
        ("b", true),
        ("c", true),
        ("d", false),
        ("e", true),
    ]
    .map(|(name, short)| field(name, "1", short))
    .to_vec();
    let column = |name: &str| {
        json!({
            "tag": "column", "width": "weighted", "weight": 1,
            "elements": [{ "tag": "markdown", "content": format!("**{name}**\n1") }],
        })
    };
    let whole = |name: &str| json!({ "tag": "markdown", "content": format!("**{name}**\n1") });
    assert_eq!(
        elements(&message).await[1..],
        [
            json!({ "tag": "column_set", "flex_mode": "bisect", "columns": [column("a"), column("b")] }),
            whole("c"),
            whole("d"),
            whole("e"),
        ]
    );
}

#[tokio::test]
async fn a_card_has_no_address_that_feishu_refuses_it_for() {
    let mut message = titled("t");
    message.url = Some("mailto:ada@example.org".to_owned());
    message.text =
        "https://example.org/a中文 [x](mailto:a@example.org) [y](https://例.org/中|[b]) `https://c`".to_owned();
    let elements = elements(&message).await;
    assert_eq!(
        elements,
        [json!({
            "tag": "markdown",
            "content": "https&#58;//example.org/a中文 x (mailto:a@example.org) \
                [y](https://xn--fsq.org/%E4%B8%AD%7C%5Bb%5D) `https://c`",
        })]
    );
}

#[tokio::test]
async fn more_tables_than_a_card_takes_are_lines() {
    let table = "|a|b|\n|-|-|\n|`c\\|d`|e|\n\n";
    for (count, expected) in [
        (4, "| a | b |\n| --- | --- |\n| `c\\|d` | e |\n\n"),
        (5, "a &#124; b\n`c|d` &#124; e\n\n"),
    ] {
        let message = Notification {
            text: table.repeat(count),
            ..titled("t")
        };
        let content = elements(&message).await[0]["content"].clone();
        let content = content.as_str().unwrap();
        assert!(content.starts_with(expected), "{content}");
    }
}

#[tokio::test]
async fn what_is_no_mark_stays_none_and_what_is_a_mark_is_written_as_feishu_reads_it() {
    let message = Notification {
        text:
            "# Title\n\n1\\. \\*a\\* \\[b\\](c) ~~d~~ _e_ &amp;copy; \\# \\`f\\`\n\n- one\n  - two"
                .to_owned(),
        ..titled("t")
    };
    let content = &elements(&message).await[0]["content"];
    let expected = "#### Title\n\n1&#46; &#42;a&#42; &#91;b&#93;(c) ~~d~~ *e* &#38;copy; # &#96;f&#96;\n\n- one\n  - two";
    assert_eq!(content, expected);
}

#[tokio::test]
async fn a_card_without_a_title_says_how_much_it_matters() {
    let mut message = titled("t");
    message.title = None;
    let body = shown(&json!({}), &message).await;
    let expected =
        json!({ "title": { "tag": "plain_text", "content": "Warning" }, "template": "orange" });
    assert_eq!(body["card"]["header"], expected);
    message.severity = None;
    message.footer = Some("GitLab".to_owned());
    let body = shown(&json!({}), &message).await;
    assert_eq!(body["card"]["header"], Value::Null);
}

#[tokio::test]
async fn the_keyword_is_added_only_where_neither_title_nor_text_holds_it() {
    let keyword = json!({ "keyword": "告警" });
    let text = "/card/body/elements/0/content";
    for (message, pointer, expected) in [
        (titled("构建失败"), text, "x\n\n告警"),
        (titled("一个告警"), text, "x"),
        (plain("ok"), "/content/text", "ok\n告警"),
        (plain("告警 ok"), "/content/text", "告警 ok"),
    ] {
        let body = shown(&keyword, &message).await;
        assert_eq!(body.pointer(pointer), Some(&json!(expected)));
    }
    for message in [
        long(),
        Notification {
            title: Some("t".to_owned()),
            ..long()
        },
    ] {
        let body = shown(&keyword, &message).await.to_string();
        assert!(body.contains("…\\n告警") || body.contains("…\\n\\n告警"));
    }
    // It is not cut off where there is no room for any text, either.
    let mut message = full();
    message.text = String::new();
    assert!(shown(&keyword, &message).await.to_string().contains("告警"));
}

#[tokio::test]
async fn no_message_is_longer_than_feishu_takes() {
    for message in huge() {
        let request = sent(
            "lark",
            &json!({ "keyword": "告警", "sign_key": "s" }),
            ADA,
            &message,
        )
        .await;
        assert!(request.body.len() <= 20_000, "{}", request.body.len());
        let body = request.json().to_string();
        assert!(body.contains(ADA) && body.contains("告警"));
        assert!(body.matches("\"tag\"").count() <= 200);
    }
}

#[test]
fn a_setting_that_cannot_be_meant_is_refused_and_not_shown() {
    for (key, value, expected) in [
        (
            "url",
            "https://open.feishu.cn/open-apis/bot/hook/s3cr3t",
            "this is a robot of the first version",
        ),
        ("url", "s3cr3t", "`url` is not usable: write a whole URL"),
        ("sign_key", " ", "`sign_key` is not usable: it is empty"),
        ("keyword", "", "`keyword` is not usable"),
    ] {
        for kind in ["feishu", "lark"] {
            let mut config =
                json!({ "kind": kind, "url": "https://example.org/open-apis/bot/v2/hook/x" });
            config[key] = json!(value);
            let error = open(config, &context()).expect_err(value).to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("s3cr3t"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_tag_that_comes_about_where_pieces_of_a_text_meet_mentions_nobody() {
    for text in [
        r#"\<*at user_id="all"*\>hey\<*/at*\>"#,
        r#"`<`at user_id="all"`>`hey"#,
        r#"\<[at user_id="all"](x)\>"#,
    ] {
        let body = shown(&json!({}), &plain(text)).await;
        let shown = body["content"]["text"].as_str().unwrap_or_default();
        assert!(!shown.contains("<at"), "{body}");
    }
}
