//! What Slack is sent: where the mentions and the colour stand, and how long texts and many fields fit.

use serde_json::{Value, json};

use super::super::contract::{full, long, plain};
use super::super::room::units;
use super::receiver::Receiver;
use super::{open_kind, send_to};
use crate::domain::decision::{Field, Notification, Severity};

/// Whether a body keeps the limits that Slack documents.
pub(in crate::actions::notify) fn fits(body: &Value) -> bool {
    let none = Vec::new();
    let attached = body["attachments"][0]["blocks"].as_array();
    let blocks = body["blocks"].as_array().or(attached).unwrap_or(&none);
    let length = |text: &Value| units(text["text"].as_str().expect("a text"));
    let block_fits = |block: &Value| match block["type"].as_str() {
        Some("section") => {
            let fields = block["fields"].as_array().unwrap_or(&none);
            let has_text = block["text"].is_object();
            (!has_text || (1..=3_000).contains(&length(&block["text"])))
                && (has_text || !fields.is_empty())
                && fields.len() <= 10
                && fields
                    .iter()
                    .all(|field| (1..=2_000).contains(&length(field)))
        }
        Some("context") => length(&block["elements"][0]) <= 3_000,
        _ => false,
    };
    let total: usize = texts(body).iter().map(|text| units(text)).sum();
    body["text"].as_str().is_none_or(|text| units(text) <= 4_000)
        && blocks.len() <= 50
        && blocks.iter().all(block_fits)
        // The summary and the mentions stand twice.
        && total <= 11_000
}

/// Every text that is shown.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, value)| match value {
                Value::String(text) if key == "text" || key == "fallback" => vec![text.as_str()],
                _ => texts(value),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// A message with more of everything than any service takes.
pub(super) fn huge() -> Notification {
    let field = |number: usize| Field {
        name: format!("*{number}* <&> {}", "name ".repeat(100)),
        value: "**v** & <`\\\"_分支_👩\u{200d}💻> ".repeat(200),
        short: !number.is_multiple_of(3),
    };
    let text = &full().text;
    let mut message = full();
    message.title = Some("title & <\"*\\_👍 ".repeat(1_000));
    message.text = format!("{text}\n\n").repeat(200);
    message.url = Some(format!("https://example.org/{}", "a&b|(c)".repeat(130)));
    message.fields = (0..300).map(field).collect();
    message.footer = Some("\"footer\" & <_*\\ ".repeat(1_000));
    let others = (0..500).map(|number| format!("\"<_*somebody & {number}\\ {}", "x".repeat(200)));
    message.mentions.extend(others);
    message
}

async fn body(message: &Notification) -> Value {
    let mut receiver = Receiver::with("200 OK", "", "ok").await;
    let settings = json!({ "url": receiver.url("/services/x") });
    let channels = open_kind("slack", settings, "U024BE7LH");
    let sent = send_to(&channels, message).await.expect("a message taken");
    assert_eq!(sent.detail, "200 ok");
    receiver.request().json()
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } })
}

#[tokio::test]
async fn a_message_with_more_of_everything_than_slack_takes_fits() {
    let body = body(&huge()).await;
    assert!(fits(&body), "{body:#}");
    let blocks = body["attachments"][0]["blocks"].as_array().expect("blocks");
    assert!(blocks.len() > 6);
    assert!(
        body["text"]
            .as_str()
            .expect("mentions")
            .starts_with("<!channel>, <@U024BE7LH>, ")
    );
    assert!(blocks.iter().any(|block| {
        block["text"]["text"]
            .as_str()
            .is_some_and(|text| text.ends_with("more"))
    }));
}

#[tokio::test]
async fn a_text_too_long_for_a_plain_message_is_sent_in_sections_and_keeps_its_mentions() {
    let mut message = long();
    message.mentions = vec!["ada".to_owned()];
    let body = body(&message).await;

    let blocks = body["blocks"].as_array().expect("blocks");
    assert_eq!(blocks[0], section("<@U024BE7LH>"));
    assert!(blocks.len() > 4, "{body:#}");
    assert!(
        body["text"]
            .as_str()
            .expect("a summary")
            .starts_with("<@U024BE7LH> 构建成功 ")
    );
    assert!(fits(&body));
}

#[tokio::test]
async fn without_a_color_the_blocks_stand_in_the_message_itself() {
    let mut message = plain("x");
    message.title = Some("A & B".to_owned());
    message.mentions = vec!["all".to_owned()];
    assert_eq!(
        body(&message).await,
        json!({
            "text": "<!channel> A &amp; B",
            "blocks": [section("<!channel>"), section("*A &amp; B*"), section("x")],
        })
    );
    message.severity = Some(Severity::Info);
    message.mentions.clear();
    assert_eq!(
        body(&message).await,
        json!({
            "attachments": [{
                "color": "#3b82f6",
                "fallback": "A &amp; B",
                "blocks": [section("*A &amp; B*"), section("x")],
            }],
        })
    );
}

#[tokio::test]
async fn ten_short_fields_stand_side_by_side_in_a_section() {
    let mut message = plain("");
    let field = |number: u32| Field {
        name: format!("n{number}"),
        value: "v".to_owned(),
        short: number != 12,
    };
    message.fields = (0..14).map(field).collect();
    let body = body(&message).await;
    let blocks = body["blocks"].as_array().expect("blocks");
    let shape: Vec<usize> = blocks
        .iter()
        .map(|block| block["fields"].as_array().map_or(0, Vec::len))
        .collect();
    assert_eq!(shape, [10, 2, 0, 1]);
    assert_eq!(blocks[2], section("*n12*\nv"));
}

#[tokio::test]
async fn groups_are_mentioned_and_who_has_no_id_is_a_name() {
    for (address, expected) in [
        ("W024BE7LH", "<@W024BE7LH>"),
        (" SAZ94GDB8 ", "<!subteam^SAZ94GDB8>"),
        ("", "ada"),
    ] {
        let mut receiver = Receiver::with("200 OK", "", "ok").await;
        let settings = json!({ "url": receiver.url("/services/x") });
        let channels = open_kind("slack", settings, address);
        let mut message = plain("x");
        message.mentions = vec!["ada".to_owned()];
        send_to(&channels, &message).await.expect("a message taken");
        assert_eq!(receiver.request().json()["text"], format!("{expected}\nx"));
    }
}
