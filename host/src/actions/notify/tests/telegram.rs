//! What Telegram is sent, and which settings it is given.

use serde_json::{Value, json};

use super::super::contract::{full, long, plain};
use super::receiver::{Receiver, Request};
use super::{context, open, open_kind, send_to};
use crate::domain::decision::{Field, Notification, Severity};

fn settings() -> Value {
    json!({ "kind": "telegram", "token": "1:s3cr3tk3y", "chat_id": 7 })
}

async fn request(own: Value, person: &str, message: &Notification) -> Request {
    let mut receiver = Receiver::with("200 OK", "", r#"{"ok":true,"result":{}}"#).await;
    let mut settings = settings();
    let fields = settings.as_object_mut().expect("a table");
    fields.insert("url".to_owned(), json!(receiver.url("/")));
    fields.extend(own.as_object().expect("a table").clone());
    let channels = open_kind("telegram", settings, person);
    let sent = send_to(&channels, message).await.expect("a message taken");
    assert_eq!(sent.detail, "200 ok");
    receiver.request()
}

async fn text(person: &str, message: &Notification) -> String {
    let body = request(json!({}), person, message).await.json();
    body["text"].as_str().expect("a text").to_owned()
}

fn refused(own: Value) -> String {
    let mut settings = settings();
    let fields = settings.as_object_mut().expect("a table");
    fields.extend(own.as_object().expect("a table").clone());
    match serde_json::from_value(settings.clone()) {
        Ok::<super::ChannelConfig, _>(_) => {
            let error = open(settings, &context()).expect_err("a mistake");
            error.to_string()
        }
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn the_settings_of_a_channel_go_with_each_message() {
    let own = json!({ "chat_id": "@releases", "thread_id": 5, "silent": true });
    let request = request(own, "", &plain("x")).await;
    assert_eq!(request.line, "POST /bot1:s3cr3tk3y/sendMessage HTTP/1.1");
    assert_eq!(
        request.json(),
        json!({
            "chat_id": "@releases", "message_thread_id": 5, "text": "x", "parse_mode": "HTML",
            "disable_notification": true, "link_preview_options": { "is_disabled": true },
        })
    );
}

#[tokio::test]
async fn a_person_is_mentioned_by_name_or_by_number() {
    let mut message = plain("x");
    message.mentions = vec!["ada".to_owned()];
    for (address, shown) in [
        ("ada_martin", "@ada_martin\n\nx"),
        ("@ada_martin", "@ada_martin\n\nx"),
        (
            "123456789",
            "<a href=\"tg://user?id=123456789\">ada</a>\n\nx",
        ),
    ] {
        assert_eq!(text(address, &message).await, shown);
    }
}

#[tokio::test]
async fn of_very_many_mentions_those_come_first_that_mention_somebody() {
    let mut message = plain("x");
    message.mentions = (0..900)
        .map(|number| format!("somebody {number}"))
        .collect();
    message.mentions.push("ada".to_owned());
    let text = text("ada_martin", &message).await;
    assert!(
        text.starts_with("@ada_martin, somebody 0, somebody 1, "),
        "{text}"
    );
    assert!(text.ends_with(", …\n\nx"), "{text}");
    assert!(text.encode_utf16().count() <= 1_024 + 3, "{text}");
}

#[tokio::test]
async fn everybody_is_text_because_telegram_has_no_such_mention() {
    let mut message = plain("x");
    message.mentions = vec!["all".to_owned(), "@channel_name".to_owned()];
    assert_eq!(text("", &message).await, "all, channel_name\n\nx");
}

#[tokio::test]
async fn a_text_that_is_cut_keeps_title_mentions_fields_and_small_print() {
    let mut message = full();
    message.text = long().text;
    let text = text("ada_martin", &message).await;
    let head = "❌ <b><a href=\"https://gitlab.example.org/p/7?a=b&amp;c=(d)\">Pipeline #7 failed: *no* \
                &lt;b&gt;mark&lt;/b&gt; &amp; more</a></b>\n@ada_martin, bob, all\n\n构建成功";
    assert!(text.starts_with(head), "{text}");
    let foot = "…\n\n<b>Branch:</b> <code>main</code>\n<b>分支:</b> 主\n\n<i>GitLab</i>";
    assert!(text.ends_with(foot), "{text}");
}

#[tokio::test]
async fn whatever_is_long_the_whole_fits() {
    let long = "部署👩\u{200d}💻<&".repeat(2_000);
    let field = |number: usize| Field {
        name: format!("{number} {long}"),
        value: format!("**{long}**\n\n- x"),
        short: number.is_multiple_of(2),
    };
    let message = Notification {
        title: Some(long.clone()),
        severity: Some(Severity::Error),
        url: Some(format!("https://example.org/{}", "a".repeat(9_000))),
        footer: Some(long.clone()),
        fields: (0..50).map(field).collect(),
        mentions: (0..500).map(|number| format!("{number} {long}")).collect(),
        ..plain(&long)
    };
    let text = text("", &message).await;
    let units = super::super::telegram::seen(&text).encode_utf16().count();
    assert!((3_000..=4_096).contains(&units), "{units}");
    assert!(text.contains(" more"), "{text}");
}

#[tokio::test]
async fn of_too_many_marks_the_addresses_are_left_out_and_then_all_but_the_titles() {
    let to = format!("https://example.org/{}", "a".repeat(100));
    let mut message = full();
    message.text = format!("**begin** {}", format!("[x]({to}) ").repeat(300));
    let unlinked = text("ada_martin", &message).await;
    assert!(unlinked.contains("<b>begin</b> x x x x"), "{unlinked}");
    assert_eq!(unlinked.matches("href=").count(), 1, "{unlinked}");

    message.text = "**a** `b` ".repeat(900);
    let bare = text("ada_martin", &message).await;
    assert!(bare.contains("\n\na b a b a b"), "{bare}");
    assert!(bare.starts_with("❌ <b><a href="), "{bare}");

    message.text = format!("[x]({to})");
    let linked = text("ada_martin", &message).await;
    assert_eq!(linked.matches("href=").count(), 2, "{linked}");
}

#[tokio::test]
async fn short_fields_stand_beside_each_other() {
    let field = |name: &str, value: &str, short| Field {
        name: name.to_owned(),
        value: value.to_owned(),
        short,
    };
    let mut message = plain("x");
    message.fields = vec![
        field("a", "1", true),
        field("b", "2", true),
        field("c", "3", true),
        field("d", "4", false),
        field("e", "- 5\n- 6", true),
        field("f", "7", true),
    ];
    assert_eq!(
        text("", &message).await,
        "x\n\n<b>a:</b> 1 · <b>b:</b> 2\n<b>c:</b> 3\n<b>d:</b> 4\n\n<b>e:</b>\n\n• 5\n• 6\n\n<b>f:</b> 7"
    );
}

#[test]
fn mistakes_in_the_settings_are_found_when_the_channel_is_opened() {
    for (own, expected) in [
        (
            json!({ "token": "s3cr3tk3y" }),
            "`token` is not usable: a bot's token is a number, a colon",
        ),
        (json!({ "token": "1:s3cr3t/../x" }), "`token` is not usable"),
        (
            json!({ "chat_id": "releases" }),
            "`chat_id` is not usable: write the number of a chat",
        ),
        (json!({ "chat_id": "@a b" }), "`chat_id` is not usable"),
        (
            json!({ "chat_id": 1.5 }),
            "`chat_id` is the number of a chat",
        ),
        (
            json!({ "url": "https://x.org/?a=s3cr3t" }),
            "`url` is not usable: write the server's address alone",
        ),
        (json!({ "thread": 5 }), "is it `thread_id`?"),
    ] {
        let error = refused(own);
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("s3cr3t"), "{error}");
    }
}

#[test]
fn a_chat_may_be_kept_where_secrets_are() {
    let error = refused(json!({ "chat_id": { "env": "NONE" } }));
    assert!(
        error.starts_with("channel `dev`: `chat_id`: the secret"),
        "{error}"
    );
}

#[test]
fn without_an_address_messages_go_to_telegram_itself() {
    let channels = open(settings(), &context()).expect("a channel");
    assert_eq!(
        channels.place(&super::dev()),
        Some("https://api.telegram.org")
    );
    let quotas: Vec<String> = channels
        .quotas(&super::dev())
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(quotas, ["20/1m", "1/1s"]);
}
