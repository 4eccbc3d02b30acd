//! What Mattermost is sent, and how its answers are read.

use serde_json::{Value, json};

use super::super::contract::{long, plain};
use super::receiver::{Receiver, Request};
use super::{held, send};
use crate::domain::decision::{Field, Notification, Severity};

async fn mattermost() -> Receiver {
    Receiver::with("200 OK", "Content-Type: text/plain\r\n", "ok").await
}

fn settings(receiver: &Receiver) -> Value {
    json!({ "kind": "mattermost", "url": receiver.url("/hooks/s3cr3tk3y?a=b") })
}

async fn request(message: &Notification) -> Request {
    let mut receiver = mattermost().await;
    let sent = send(settings(&receiver), message)
        .await
        .expect("a message taken");
    assert_eq!(sent.detail, "200 ok");
    receiver.request()
}

#[tokio::test]
async fn the_settings_of_a_channel_go_with_each_message() {
    let mut receiver = mattermost().await;
    let mut settings = settings(&receiver);
    let own = json!({
        "username": "GitLab", "icon_url": "https://x.org/i.png", "icon_emoji": ":rocket:", "channel": "town-square",
    });
    settings
        .as_object_mut()
        .unwrap()
        .extend(own.as_object().unwrap().clone());
    send(settings, &plain("x")).await.expect("a message taken");

    let mut expected = own;
    expected["text"] = json!("x");
    assert_eq!(receiver.request().json(), expected);
}

#[tokio::test]
async fn a_title_is_escaped_where_mattermost_reads_it_as_markdown() {
    let mut message = plain("x");
    message.title = Some("[a](https://b.org) *c*".to_owned());
    let attachment = &request(&message).await.json()["attachments"][0];
    assert_eq!(attachment["title"], r"\[a\](https://b.org) \*c\*");
    assert_eq!(attachment["fallback"], "[a](https://b.org) *c*");

    message.url = Some("https://example.org".to_owned());
    let attachment = &request(&message).await.json()["attachments"][0];
    assert_eq!(attachment["title"], "[a](https://b.org) *c*");
}

#[tokio::test]
async fn every_part_has_its_bound() {
    let long = "部署<&".repeat(20_000);
    let field = Field {
        name: long.clone(),
        value: long.clone(),
        short: true,
    };
    let message = Notification {
        title: Some(long.clone()),
        url: Some(format!("https://example.org/{}", "a".repeat(60_000))),
        footer: Some(long.clone()),
        fields: vec![field; 200],
        mentions: (0..500).map(|number| format!("{number} {long}")).collect(),
        ..plain(&long)
    };
    let body = request(&message).await.json();
    let attachment = &body["attachments"][0];
    let units = |text: &Value| text.as_str().expect("a text").encode_utf16().count();
    assert!(units(&body["text"]) <= 1_000);
    assert!(units(&attachment["title"]) <= 300 && units(&attachment["footer"]) <= 300);
    assert!(attachment["title_link"].is_null());
    let fields = attachment["fields"].as_array().expect("fields");
    assert!(fields.len() <= 31, "{}", fields.len());
    let more = fields.last().expect("a field")["title"].as_str();
    assert!(more.is_some_and(|more| more.ends_with(" more")), "{more:?}");
    let of_fields = fields
        .iter()
        .map(|field| units(&field["title"]) + units(&field["value"]));
    assert!(of_fields.sum::<usize>() <= 10_000 + 20);
}

#[tokio::test]
async fn a_cut_text_keeps_its_mentions() {
    let mut message = long();
    message.mentions = vec!["all".to_owned()];
    let request = request(&message).await.json();

    let text = request["text"].as_str().unwrap();
    assert!(text.starts_with("@channel\n构建"));
    assert!(text.chars().count() <= 16_383);
}

#[tokio::test]
async fn the_color_of_a_message_wins_over_that_of_its_severity() {
    let mut message = plain("x");
    message.severity = Some(Severity::Success);
    assert_eq!(
        request(&message).await.json()["attachments"][0]["color"],
        "#22c55e"
    );
    message.color = Some(0x00_00ff);
    assert_eq!(
        request(&message).await.json()["attachments"][0]["color"],
        "#0000ff"
    );
}

#[tokio::test]
async fn a_link_without_a_title_is_its_own_title_and_leads_only_to_the_web() {
    let mut message = plain("x");
    message.url = Some("https://example.org/7".to_owned());
    let shown = request(&message).await.json();
    assert_eq!(shown["attachments"][0]["title"], "https://example.org/7");
    assert_eq!(
        shown["attachments"][0]["title_link"],
        "https://example.org/7"
    );

    message.url = Some("javascript:alert(1)".to_owned());
    let shown = request(&message).await.json();
    assert_eq!(shown["attachments"][0]["title_link"], Value::Null);
}

#[tokio::test]
async fn a_success_that_is_not_ok_is_an_error() {
    for (status, body) in [
        ("200 OK", "<html>Please log in at /hooks/s3cr3tk3y</html>"),
        (
            "200 OK",
            r#"{"id":"x","message":"Please log in","status_code":200}"#,
        ),
        ("204 No Content", ""),
    ] {
        let receiver = Receiver::with(status, "", body).await;
        let error = send(settings(&receiver), &plain("x"))
            .await
            .expect_err("not taken");

        assert_eq!(held(&error), Some(None));
        let text = error.to_string().to_lowercase();
        assert!(
            text.contains(&format!("answered {}, but not `ok`", status.to_lowercase())),
            "{text}"
        );
        assert!(body.is_empty() || text.contains("please log in"), "{text}");
        assert!(!text.contains("s3cr3t"), "{text}");
    }
}

#[tokio::test]
async fn the_message_of_an_error_is_shown_and_its_status_says_whether_to_retry() {
    for (status, headers, disposition) in [
        ("400 Bad Request", "", None),
        ("404 Not Found", "Retry-After: 5\r\n", None),
        ("408 Request Timeout", "", Some(None)),
        ("425 Too Early", "", Some(None)),
        ("429 Too Many Requests", "", Some(None)),
        (
            "429 Too Many Requests",
            "Retry-After: 120\r\n",
            Some(Some(120)),
        ),
        (
            "429 Too Many Requests",
            "Retry-After: Sun, 22 Nov 2026 13:30:05 GMT\r\n",
            Some(Some(60)),
        ),
        ("500 Internal Server Error", "", Some(None)),
        (
            "503 Service Unavailable",
            "Retry-After: 9999999\r\n",
            Some(Some(86_400)),
        ),
    ] {
        let body = r#"{"id":"web.incoming_webhook","message":"Invalid webhook /hooks/s3cr3tk3y.","status_code":400}"#;
        let receiver = Receiver::with(status, headers, body).await;
        let error = send(settings(&receiver), &plain("x"))
            .await
            .expect_err("refused");

        assert_eq!(held(&error), disposition, "{status} {headers}");
        let origin = receiver.url("");
        let status = status.to_lowercase();
        assert_eq!(
            error.to_string(),
            format!("channel `dev` (mattermost, {origin}) answered {status}: Invalid webhook ….")
        );
    }
}
