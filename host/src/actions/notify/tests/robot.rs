//! What the robots of groups share in tests: one that takes everything, and messages that no service takes whole.

use serde_json::{Value, json};

use super::receiver::{Receiver, Request};
use super::{open_kind, plain, send_to};
use crate::domain::decision::{Field, Notification, Severity};

/// Sends a message to a channel whose service takes everything; `key` is added to the settings of its kind.
pub(super) async fn sent(
    kind: &str,
    more: &Value,
    person: &str,
    message: &Notification,
) -> Request {
    let answer = r#"{"errcode":0,"errmsg":"ok","code":0,"msg":"success"}"#;
    let mut receiver = Receiver::with("200 OK", "", answer).await;
    let mut settings = match kind {
        "dingtalk" => json!({ "access_token": "t", "url": receiver.url("/robot/send") }),
        "wecom" => json!({ "key": "k", "url": receiver.url("/cgi-bin/webhook/send") }),
        _ => json!({ "url": receiver.url("/open-apis/bot/v2/hook/h") }),
    };
    for (key, value) in more.as_object().expect("settings") {
        settings[key] = value.clone();
    }
    let channels = open_kind(kind, settings, person);
    let taken = send_to(&channels, message).await;
    taken.unwrap_or_else(|error| panic!("{kind}: {error}"));
    receiver.request()
}

/// A title, with severity.
pub(super) fn titled(title: &str) -> Notification {
    Notification {
        title: Some(title.to_owned()),
        severity: Some(Severity::Warning),
        ..plain("x")
    }
}

pub(super) fn field(name: &str, value: &str, short: bool) -> Field {
    Field {
        name: name.to_owned(),
        value: value.to_owned(),
        short,
    }
}

/// Messages with every part too long, of characters that take the most room on some way.
pub(super) fn huge() -> impl Iterator<Item = Notification> {
    let texts = [
        "\"",
        "\\",
        "(",
        "&#",
        "@ ",
        "👩\u{200d}💻",
        "*a* ",
        "\u{7}",
        "`",
    ];
    texts.into_iter().flat_map(|text| {
        let long = text.repeat(1_500);
        let fields = (0..100).map(|number| field(&long, &long, number % 3 > 0));
        let mentioned = (0..100).map(|number| format!("{number}{long}"));
        let message = Notification {
            title: Some(long.clone()),
            url: Some(format!("https://example.org/{}", "(|".repeat(450))),
            fields: fields.collect(),
            footer: Some(long.clone()),
            mentions: mentioned.chain(["ada".to_owned()]).collect(),
            severity: Some(Severity::Error),
            ..plain(&long)
        };
        let linked = Notification {
            url: Some(format!("https://example.org/{}", "x".repeat(40_000))),
            text: format!("[a](https://example.org/{}) {long}", "y".repeat(40_000)),
            ..message.clone()
        };
        let alone = Notification {
            mentions: message.mentions.clone(),
            ..plain(&format!(
                "[a](https://example.org/{}) {long}",
                "z".repeat(500)
            ))
        };
        [message, linked, alone]
    })
}
